import { most, roundPrice, type Architecture, type SimulatedType } from '../catalogue-type.ts';

/** Family, its names around the vCPUs, GiB per vCPU, US dollars per vCPU and hour: on-demand and spot. */
const azure: readonly (readonly [string, string, string, number, number, number])[] = [
  ['Dsv5', 'D', 's_v5', 4, 0.048, 0.0096],
  ['Ddsv5', 'D', 'ds_v5', 4, 0.0565, 0.0113],
  ['Dlsv5', 'D', 'ls_v5', 2, 0.0425, 0.0085],
  ['Dasv5', 'D', 'as_v5', 4, 0.043, 0.009077],
  ['Dpsv6', 'D', 'ps_v6', 4, 0.035104, 0.007021],
  ['Dplsv6', 'D', 'pls_v6', 2, 0.031, 0.0062],
  ['Dsv6', 'D', 's_v6', 4, 0.050396, 0.010079],
  ['Dasv6', 'D', 'as_v6', 4, 0.045396, 0.009079],
  ['Dalsv6', 'D', 'als_v6', 2, 0.040198, 0.00804],
  ['Esv5', 'E', 's_v5', 8, 0.063, 0.0126],
  ['Easv5', 'E', 'as_v5', 8, 0.0565, 0.0113],
  ['Easv6', 'E', 'as_v6', 8, 0.059604, 0.011921],
  ['Epsv6', 'E', 'ps_v6', 8, 0.046104, 0.009221],
  ['Fsv2', 'F', 's_v2', 2, 0.042281, 0.009302],
  ['Fasv6', 'F', 'as_v6', 4, 0.068297, 0.013659],
  ['Falsv6', 'F', 'als_v6', 2, 0.0605, 0.0121],
];

/** Name, vCPUs, GiB, US dollars per hour. Azure lists spot prices for them, and does not sell them as spot. */
const azureBurstable: readonly (readonly [string, number, number, number])[] = [
  ['B2ls_v2', 2, 4, 0.0416],
  ['B2s_v2', 2, 8, 0.0832],
  ['B4ls_v2', 4, 8, 0.147],
  ['B4s_v2', 4, 16, 0.166],
  ['B8s_v2', 8, 32, 0.333],
  ['B2als_v2', 2, 4, 0.0376],
  ['B4als_v2', 4, 8, 0.133],
  ['B2pls_v2', 2, 4, 0.0336],
  ['B4pls_v2', 4, 8, 0.119],
];

/** `p` after the vCPUs: Arm. */
const azureArchitecture = (name: string): Architecture => (/\d+p/.test(name) ? 'arm64' : 'amd64');

export const azureTypes: readonly SimulatedType[] = [
  ...azureBurstable.map(([name, vcpus, memoryGib, usdPerHour]) => ({
    name: `Standard_${name}`,
    family: `B${name.replace(/^B\d+|[lt](?=s)|_/g, '')}`,
    vcpus,
    memoryGib,
    architecture: azureArchitecture(name),
    spot: false,
    burstable: true,
    usdPerHour,
  })),
  ...azure.flatMap(([family, before, after, gibPerVcpu, onDemand, spot]) =>
    most.map((vcpus) => ({
      name: `Standard_${before}${vcpus}${after}`,
      family,
      vcpus,
      memoryGib: vcpus * gibPerVcpu,
      architecture: azureArchitecture(`${vcpus}${after}`),
      spot: true,
      burstable: false,
      usdPerHour: roundPrice(vcpus * onDemand),
      usdPerHourSpot: roundPrice(vcpus * spot),
    })),
  ),
];
