import { nodesPlanned } from '../../events/nodes-planned.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Instant, NodeId } from '../../shared/domain/ids.ts';
import type { Node, PlannedNode } from '../../shared/domain/node.ts';
import { takeNumbers } from '../../shared/planning/plan-cluster.ts';
import type { Action } from '../../shared/planning/reconcile.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

const reasonCharactersMax = 900;

/** What a policy wants becomes the cluster's pending plan, in one write with the generation that was decided by. */
export async function planWanted(
  parts: {
    readonly store: Pick<Store, 'clusters'>;
    readonly bus: Bus;
    readonly newId: () => NodeId;
    readonly log: Log;
  },
  read: { readonly cluster: Cluster; readonly nodes: readonly Node[]; readonly now: Instant },
  { nodes: wanted, because }: Extract<Action, { kind: 'plan' }>,
): Promise<void> {
  const { store, bus, newId, log } = parts;
  const { cluster, nodes, now } = read;
  const { numbers, nextNumber } = takeNumbers({
    from: cluster.nextNumber,
    taken: nodes.map(({ number }) => number),
    count: wanted.length,
  });
  const reason = because.slice(0, reasonCharactersMax);
  const planned = wanted.flatMap((node, index): readonly PlannedNode[] => {
    const number = numbers[index];
    return number === undefined ? [] : [{ ...node, id: newId(), number }];
  });
  const isPlanned = await store.clusters.plan(cluster.id, {
    plan: { id: newId(), nodes: planned, reason },
    generationRead: cluster.generation,
    nextNumber,
    now,
  });
  // Somebody else's plan was first: the next look decides anew.
  if (!isPlanned) return;
  log.info('nodes are bought', {
    clusterId: cluster.id,
    because,
    nodes: planned.map(({ number, offering }) => [
      number,
      offering.cloud,
      offering.instanceType,
      offering.lifecycle,
    ]),
  });
  await bus.say(nodesPlanned, { clusterId: cluster.id, reason });
}
