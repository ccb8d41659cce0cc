import { most, roundPrice, type Architecture, type SimulatedType } from '../catalogue-type.ts';

/** Family, GiB per vCPU, US dollars per vCPU and hour: on-demand and spot. */
const aws: Readonly<Record<Architecture, readonly (readonly [string, number, number, number])[]>> = {
  amd64: [
    ['m5', 4, 0.048, 0.018046],
    ['m6i', 4, 0.048, 0.019161],
    ['m6a', 4, 0.0432, 0.018034],
    ['m7i', 4, 0.0504, 0.020819],
    ['m7i-flex', 4, 0.04788, 0.020247],
    ['m7a', 4, 0.05796, 0.020694],
    ['c6i', 2, 0.0425, 0.017563],
    ['c6a', 2, 0.03825, 0.016759],
    ['c7i', 2, 0.044625, 0.01708],
    ['c7a', 2, 0.05132, 0.020538],
    ['r6i', 8, 0.063, 0.023442],
    ['r6a', 8, 0.0567, 0.02012],
    ['r7i', 8, 0.06615, 0.025146],
    ['r7a', 8, 0.076075, 0.029622],
  ],
  arm64: [
    ['m6g', 4, 0.0385, 0.014713],
    ['m7g', 4, 0.0408, 0.018523],
    ['m8g', 4, 0.04488, 0.017117],
    ['c6g', 2, 0.034, 0.013954],
    ['c7g', 2, 0.03625, 0.013527],
    ['c8g', 2, 0.03988, 0.013257],
    ['r6g', 8, 0.0504, 0.0182],
    ['r7g', 8, 0.05355, 0.019619],
    ['r8g', 8, 0.05891, 0.0162],
  ],
};
/** Families whose smallest size, `medium`, is one vCPU: a whole core. */
const fromOneVcpu = /^[cmr](?:7a|[678]g)$/;

const awsSize = (vcpus: number): string =>
  ({ 1: 'medium', 2: 'large', 4: 'xlarge' })[vcpus] ?? `${vcpus / 4}xlarge`;

/** Architecture, size, vCPUs, GiB, US dollars per hour: on-demand and spot. */
const awsBurstable: readonly (readonly [string, Architecture, number, number, number, number])[] = [
  ['t3.medium', 'amd64', 2, 4, 0.0416, 0.016934],
  ['t3.large', 'amd64', 2, 8, 0.0832, 0.036258],
  ['t3.xlarge', 'amd64', 4, 16, 0.1664, 0.062188],
  ['t3.2xlarge', 'amd64', 8, 32, 0.3328, 0.125288],
  ['t3a.medium', 'amd64', 2, 4, 0.0376, 0.014016],
  ['t3a.large', 'amd64', 2, 8, 0.0752, 0.028308],
  ['t3a.xlarge', 'amd64', 4, 16, 0.1504, 0.059264],
  ['t3a.2xlarge', 'amd64', 8, 32, 0.3008, 0.130856],
  ['t4g.medium', 'arm64', 2, 4, 0.0336, 0.013366],
  ['t4g.large', 'arm64', 2, 8, 0.0672, 0.024458],
  ['t4g.xlarge', 'arm64', 4, 16, 0.1344, 0.055444],
  ['t4g.2xlarge', 'arm64', 8, 32, 0.2688, 0.105544],
];

export const awsTypes: readonly SimulatedType[] = [
  ...awsBurstable.map(([name, architecture, vcpus, memoryGib, usdPerHour, usdPerHourSpot]) => ({
    name,
    family: name.split('.')[0] ?? '',
    vcpus,
    memoryGib,
    architecture,
    spot: true,
    burstable: true,
    usdPerHour,
    usdPerHourSpot,
  })),
  ...(['amd64', 'arm64'] as const).flatMap((architecture) =>
    aws[architecture].flatMap(([family, gibPerVcpu, onDemand, spot]) =>
      (fromOneVcpu.test(family) ? [1, ...most] : most).map((vcpus) => ({
        name: `${family}.${awsSize(vcpus)}`,
        family,
        vcpus,
        memoryGib: vcpus * gibPerVcpu,
        architecture,
        spot: true,
        burstable: false,
        usdPerHour: roundPrice(vcpus * onDemand),
        usdPerHourSpot: roundPrice(vcpus * spot),
      })),
    ),
  ),
];
