import { podsUnschedulable } from '../../events/pods-unschedulable.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Mesh } from '../../shared/domain/mesh.ts';
import type { SyncRequest } from '../../shared/domain/node-protocol.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

/**
 * Says it once when more pods than before fit on no node, and keeps the number, so that a sync that says the same writes
 * nothing. All control planes count, and the first one of the mesh is listened to: two that looked at different times would
 * take turns at being news. Whether it is dead, or its word is lost, the tick finds what it would have said.
 */
export async function recordUnschedulable(
  { store, bus, log }: { readonly store: Pick<Store, 'clusters'>; readonly bus: Bus; readonly log: Log },
  given: {
    readonly cluster: Cluster;
    readonly node: Node;
    readonly mesh: Mesh;
    readonly sync: Pick<SyncRequest, 'unschedulablePods'>;
  },
): Promise<void> {
  const { cluster, node, mesh } = given;
  const { unschedulablePods: count } = given.sync;
  const { unschedulablePods: seen = 0 } = cluster;
  if (count === undefined || count === seen || !isFirst(node, mesh)) return;
  if (!(await store.clusters.noteUnschedulable(cluster.id, { seen, count }))) return;
  log.info('pods fit on no node', { clusterId: cluster.id, count, before: seen });
  if (count > seen) await bus.say(podsUnschedulable, { clusterId: cluster.id });
}

const isFirst = (node: Node, { members }: Mesh): boolean =>
  node.role === 'control-plane' &&
  members.every(({ role, number }) => role === 'worker' || number >= node.number);
