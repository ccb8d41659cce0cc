import type { Owner } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { nodeName, type Node } from '../../shared/domain/node.ts';
import { mustBeForgotten } from '../../shared/planning/forget-member.ts';
import type { Cloud, MachineRef, Progress } from '../../shared/runtime/cloud.ts';
import type { DriveParts } from './parts.ts';

export function machineRef(cluster: Cluster, node: Node): MachineRef {
  const { region, zone } = node.createRequest?.offering ?? node.offering;
  return {
    nodeId: node.id,
    name: nodeName(cluster.name, node.number),
    location: { region, zone },
    ...(node.providerId !== undefined && { providerId: node.providerId }),
  };
}

/**
 * Deletes every machine of a node: the recorded one, and then whatever else carries the node's tag, since a create whose
 * reply was lost left one that nobody recorded.
 */
export async function takeDown(
  cloud: Cloud,
  owner: Owner,
  { providerId, ...byTag }: MachineRef,
): Promise<Progress<'gone'>> {
  if (providerId !== undefined) {
    const recorded = await cloud.deleteMachine({ ...byTag, providerId }, owner);
    if (!recorded.done) return recorded;
  }
  return cloud.deleteMachine(byTag, owner);
}

/**
 * Ends an attempt: its machine goes, and the control planes that serve are asked to strike it off etcd's members, in case
 * it got so far. The next attempt joins once they have.
 */
export async function takeDownAttempt(
  { store: { clusters, nodes }, clock }: Pick<DriveParts, 'store' | 'clock'>,
  { cloud, owner }: { readonly cloud: Cloud; readonly owner: Owner },
  { cluster, node }: { readonly cluster: Cluster; readonly node: Node },
): Promise<Progress<'gone'>> {
  const gone = await takeDown(cloud, owner, machineRef(cluster, node));
  if (!gone.done || node.role === 'worker') return gone;
  const now = clock.now();
  const all = await nodes.list(cluster.id);
  if (!mustBeForgotten({ cluster, node, nodes: all, now })) return gone;
  return (await clusters.askToForget(cluster.id, node, now))
    ? gone
    : { done: false, retryAfterSeconds: 5, waitingFor: 'another control plane to be forgotten' };
}
