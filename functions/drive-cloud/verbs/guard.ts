import type { CloudName } from '../../../shared/domain/cloud.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import type { Stranger } from '../../../shared/runtime/cloud.ts';
import { groundOf, type ClusterRequest, type DriveParts } from '../parts.ts';

/** One is enough to refuse. What a state machine passes on must stay below 256 KB, for four clouds together. */
const strangersMax = 50;

export type CloudStranger = Stranger & { readonly cloud: CloudName };

/**
 * Who in the cluster's networks and groups is not its own. Reads only, and owns nothing yet: the deletion is refused
 * before the first change when anybody is found.
 */
export async function guard(
  parts: DriveParts,
  { clusterId }: ClusterRequest,
): Promise<{ done: true; strangers: readonly CloudStranger[] }> {
  const cluster = await parts.store.clusters.get(clusterId);
  if (cluster?.deletionRequestedAt === undefined)
    throw new Superseded(`no deletion of cluster ${clusterId} is asked for`);
  const { cloud, owner, location } = await groundOf(parts, cluster);
  const observations = await cloud.observe([owner], location);
  const strangers = observations
    .filter((each) => each.clusterId === clusterId)
    .flatMap((each) => each.strangers.map((stranger) => ({ ...stranger, cloud: parts.cloud })));
  parts.log.info('guard looked', {
    clusterId,
    cloud: parts.cloud,
    count: strangers.length,
    strangers: strangers.slice(0, strangersMax),
  });
  return { done: true, strangers: strangers.slice(0, strangersMax) };
}
