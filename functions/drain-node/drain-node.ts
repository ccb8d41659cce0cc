import * as z from 'zod/mini';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { secondsBetween, type Instant } from '../../shared/domain/ids.ts';
import { phaseRank, type Node } from '../../shared/domain/node.ts';
import { mustBeForgotten } from '../../shared/planning/forget-member.ts';
import { isRestoring } from '../../shared/planning/restoring.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { ownedNode } from '../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../shared/runtime/progress.ts';
import type { Store } from '../../shared/runtime/table.ts';

export const drainRequest = z.strictObject({
  clusterId: z.uuid(),
  number: z.int(),
  executionArn: z.string().check(z.minLength(1)),
  /** When the retirement began: its budget counts from here. */
  startedAt: z.string(),
  budgetSeconds: z.number(),
});
export type DrainRequest = z.infer<typeof drainRequest>;

/** A live agent's last-seen time is written every five minutes, and a worker syncs once a minute. */
const heardOfSecondsMax = 7 * 60;
const lookEverySeconds = 5;
/** How long the other control planes may take to forget one, after the time for handing over. */
const forgetSecondsMax = 300;

/**
 * One look at a node that leaves. The agent does the leaving: its sync is told `leave` as soon as the node is to be absent.
 * A machine that never had work, or that nobody has heard of, has none to hand over. A control plane is
 * then struck off etcd's members by the others, before its machine goes; one of a cluster that is restored has neither work
 * that anybody could take over, nor others to ask.
 */
export const drainNode =
  ({ store, clock, log }: { store: Pick<Store, 'nodes' | 'clusters'>; clock: Clock; log: Log }) =>
  async (request: DrainRequest): Promise<{ done: true } | Pending> => {
    const { clusterId, number, executionArn } = request;
    const node = await ownedNode(store, request, executionArn);
    if (node.desired !== 'absent') throw new Superseded(`node ${number} is to stay`);
    const isLater = node.phase !== 'failed' && phaseRank(node.phase) > phaseRank('draining');
    if (!isLater && !(await store.nodes.enterPhase(clusterId, number, { executionArn, phase: 'draining' })))
      throw new Superseded(`node ${number} has changed hands`);

    const now = clock.now();
    const cluster = node.role === 'control-plane' ? await store.clusters.get(clusterId) : undefined;
    const reason =
      cluster !== undefined && isRestoring(cluster)
        ? 'its etcd has no quorum, and its cluster is restored'
        : whyDrained(node, request, now);
    if (reason === undefined) return pending(`node ${number} to hand over its work`, lookEverySeconds);
    if (cluster !== undefined && (await isStillMember(store, cluster, node, now))) {
      const isOver = secondsBetween(request.startedAt, now) >= request.budgetSeconds + forgetSecondsMax;
      if (!isOver) return pending(`control plane ${number} to be forgotten by the others`, lookEverySeconds);
      // They are still asked, and nobody joins before they have answered.
      log.warn('control plane is still a member', { clusterId, number, executionArn });
    }
    log.info('drained', { clusterId, number, executionArn, reason });
    return { done: true };
  };

/** Why nothing more is to be waited for; undefined while it hands over. */
function whyDrained(node: Node, request: DrainRequest, now: Instant): string | undefined {
  const { leftAt, joinedAt, lostAt, lastSeenAt = joinedAt } = node;
  if (leftAt !== undefined) return 'it has left';
  if (lastSeenAt === undefined || joinedAt === undefined) return 'it never joined';
  if (lostAt !== undefined && lastSeenAt <= lostAt) return 'its machine is lost';
  if (secondsBetween(lastSeenAt, now) > heardOfSecondsMax) return 'nobody has heard of it';
  const isOver = secondsBetween(request.startedAt, now) >= request.budgetSeconds;
  return isOver ? 'its time is over' : undefined;
}

/** Asks those who serve to strike it off: on the cluster's item, where every sync sees it. One at a time. */
async function isStillMember(
  { clusters, nodes }: Pick<Store, 'nodes' | 'clusters'>,
  cluster: Cluster,
  node: Node,
  now: Instant,
): Promise<boolean> {
  if (!mustBeForgotten({ cluster, node, nodes: await nodes.list(node.clusterId), now })) return false;
  await clusters.askToForget(node.clusterId, node, now);
  return true;
}
