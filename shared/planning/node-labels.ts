import type { Offering } from '../domain/offering.ts';
import type { Labels, Taint } from '../domain/pod.ts';

export const nodeLabels = {
  region: 'topology.kubernetes.io/region',
  zone: 'topology.kubernetes.io/zone',
  instanceType: 'node.kubernetes.io/instance-type',
  cloud: 'topology.overcast.dev/csp',
  spot: 'scheduling.overcast.dev/spot',
} as const;

/**
 * The zone as Kubernetes should know it. Azure calls its zones 1, 2, 3 in every region: written as its cloud provider does,
 * `eastus-1`. Where a place has no zones it is the region: a node without the label is left out when work is spread by zone.
 */
const zoneLabel = ({ cloud, region, zone }: Offering): string => {
  if (zone === '') return region;
  return cloud === 'azure' ? `${region}-${zone}` : zone;
};

/**
 * What a kubelet says of its own node when it registers. All keys are ones the NodeRestriction admission lets a kubelet set;
 * `node-role.kubernetes.io/*` is not, and is set through the API after the join.
 */
export const labelsOf = (offering: Offering): Labels => ({
  [nodeLabels.region]: offering.region,
  [nodeLabels.zone]: zoneLabel(offering),
  [nodeLabels.instanceType]: offering.instanceType,
  [nodeLabels.cloud]: offering.cloud,
  [nodeLabels.spot]: String(offering.lifecycle === 'spot'),
});

/** Every label of a worker that matters to pods, but for its name: those above, and those that each kubelet adds by itself. */
export const labelsOnceJoined = (offering: Offering): Labels => ({
  ...labelsOf(offering),
  'kubernetes.io/arch': offering.architecture,
  'kubernetes.io/os': 'linux',
});

/**
 * How a worker registers: what may be taken away is only for pods that say so, by tolerating this. A selector alone would let
 * everything else on to it.
 */
export const taintsOf = ({ lifecycle }: Pick<Offering, 'lifecycle'>): readonly Taint[] =>
  lifecycle === 'spot' ? [{ key: nodeLabels.spot, value: 'true', effect: 'NoSchedule' }] : [];

/** `a=1,b=2`: the form of the kubelet's --node-labels. */
export const formatLabels = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
