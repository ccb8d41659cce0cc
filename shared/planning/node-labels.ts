import type { Offering } from '../domain/offering.ts';

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
export const labelsOf = (offering: Offering): Readonly<Record<string, string>> => ({
  [nodeLabels.region]: offering.region,
  [nodeLabels.zone]: zoneLabel(offering),
  [nodeLabels.instanceType]: offering.instanceType,
  [nodeLabels.cloud]: offering.cloud,
  [nodeLabels.spot]: String(offering.lifecycle === 'spot'),
});

/** `a=1,b=2`: the form of the kubelet's --node-labels. */
export const formatLabels = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
