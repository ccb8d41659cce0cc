import { ownedCluster } from '../../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type ClusterRequest, type DriveParts } from '../parts.ts';

/** A fresh look: is anything of the cluster left here? */
export async function verifyGone(
  parts: DriveParts,
  { clusterId, executionArn }: ClusterRequest,
): Promise<{ done: true } | Pending> {
  const cluster = await ownedCluster(parts.store, clusterId, executionArn);
  const { cloud, owner, location } = await groundOf(parts, cluster);
  const seen = (await cloud.observe([owner], location)).filter((each) => each.clusterId === clusterId);
  const left = [
    ...seen.flatMap(({ machines }) => machines.map(({ name }) => `machine ${name}`)),
    ...seen.flatMap(({ resources }) => resources.map(({ kind, name }) => `${kind} ${name}`)),
  ];
  if (left.length === 0) return { done: true };
  parts.log.info('something is left', { clusterId, cloud: parts.cloud, left });
  return pending(`${left.length} left: ${left.slice(0, 5).join(', ')}`);
}
