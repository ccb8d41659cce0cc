import type * as z from 'zod/mini';
import { nodesPlanned } from '../../events/nodes-planned.ts';
import type { NodeView } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { PlannedNode } from '../../shared/domain/node.ts';
import { materialiseNode, planNodes } from '../../shared/planning/plan-cluster.ts';
import { validateNodes } from '../../shared/planning/validate-cluster.ts';
import { readMarket } from '../../shared/runtime/market.ts';
import { mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { invalidFields, Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ApiDependencies, Caller } from './api.ts';
import type { addNodesDocument } from './cluster-document.ts';
import { idSource } from './idempotency.ts';
import { nodeView } from './views.ts';

/** Two that plan at once: one wins, the other reads again. */
const triesMax = 8;
const pauseMilliseconds = 100;

/**
 * Plans nodes for a cluster, workers unless it is said otherwise: one conditional write of its item, then the event.
 *
 * @throws Problem 409 the cluster is going, or a plan stays pending; 422 with the fields that are wrong.
 */
export async function addNodes(
  dependencies: ApiDependencies,
  input: {
    readonly cluster: Cluster;
    readonly document: z.output<typeof addNodesDocument>;
    readonly caller: Caller;
    readonly idempotencyKey?: string;
  },
): Promise<readonly NodeView[]> {
  const { store, bus, clock, log } = dependencies;
  const { document, caller, idempotencyKey } = input;
  let { cluster } = input;
  for (let tries = 0; tries < triesMax; tries += 1) {
    mustLive(cluster);
    const newId = await idSource(dependencies, caller, idempotencyKey, { clusterId: cluster.id, document });
    const planId = newId();
    const nodes = await store.nodes.list(cluster.id);
    const now = clock.now();
    const market = await readMarket(store, cluster, now);
    const validated = validateNodes({ document, cluster, nodes, offerings: market.offerings });
    if (!validated.ok) throw invalidFields(422, validated.problems);
    const view = cluster;
    const asNodes = (planned: readonly PlannedNode[]): readonly NodeView[] =>
      planned.map((node) => nodeView(view, materialiseNode({ cluster: view, planned: node, now })));
    const plan = planNodes({ cluster, nodes, groups: [validated.value], market, newId });

    // The same request again: its nodes have the same ids, wherever the first try got to.
    const ids = new Set(plan.nodes.map((node) => node.id));
    const already = nodes.filter((node) => ids.has(node.id));
    if (already.length > 0) return already.map((node) => nodeView(view, node));
    if (cluster.pendingPlan !== undefined) {
      // Its event is said once more, in case it was lost: request-nodes clears a plan within moments.
      await bus.say(nodesPlanned, { clusterId: cluster.id });
      if (cluster.pendingPlan.id === planId) return asNodes(cluster.pendingPlan.nodes);
      await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds * (tries + 1)));
    } else if (
      await store.clusters.plan(cluster.id, {
        plan: {
          id: planId,
          nodes: plan.nodes,
          reason: `${plan.nodes.length} nodes were added by ${caller.key.name}`,
        },
        generationRead: cluster.generation,
        policiesVersionRead: cluster.policiesVersion ?? 0,
        nextNumber: plan.nextNumber,
        now,
      })
    ) {
      log.info('nodes planned', { clusterId: cluster.id, nodes: plan.nodes.map(({ number }) => number) });
      await bus.say(nodesPlanned, { clusterId: cluster.id });
      return asNodes(plan.nodes);
    }
    cluster = (await store.clusters.get(cluster.id)) ?? cluster;
  }
  throw new Problem(
    409,
    `another change of ${cluster.name} is still being carried out: try again in a minute`,
  );
}
