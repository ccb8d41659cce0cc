import * as z from 'zod/mini';
import { nodeDrainHeldUp } from '../../events/node-drain-held-up.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { secondsBetween, type Instant } from '../../shared/domain/ids.ts';
import { heldUpSecondsMin, phaseRank, type DrainHeldUp, type Node } from '../../shared/domain/node.ts';
import { mustBeForgotten } from '../../shared/planning/forget-member.ts';
import { isRestoring } from '../../shared/planning/restoring.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { ClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { ownedNode } from '../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../shared/runtime/progress.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { handOver, type Handover } from './hand-over.ts';

export const drainRequest = z.strictObject({
  clusterId: z.uuid(),
  number: z.int(),
  executionArn: z.string().check(z.minLength(1)),
  /** When the retirement began: its budget counts from here. */
  startedAt: z.string(),
  budgetSeconds: z.number(),
});
export type DrainRequest = z.infer<typeof drainRequest>;

/** Its time is over and there is still work on it: this run ends, the node goes on working, and a later run tries again. */
export interface PutOff {
  readonly done: false;
  readonly isPutOff: true;
  readonly reason: string;
}

export interface DrainParts {
  readonly store: Pick<Store, 'nodes' | 'clusters'>;
  readonly access: ClusterAccess;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/** A live agent's last-seen time is written every five minutes, and a worker syncs once a minute. */
const heardOfSecondsMax = 7 * 60;
const lookEverySeconds = { moving: 5, heldUp: 15 } as const;
/** A machine that its cloud takes back is gone by then. */
const interruptedSecondsMax = 120;
/** How long the other control planes may take to forget one, after the time for handing over. */
const forgetSecondsMax = 300;
const reasonCharactersMax = 900;

/**
 * One pass over a node that leaves: its pods are evicted as their disruption budgets allow, and it waits for as long as they
 * do not. Where there is nobody to hand over to, or somebody said that it is to go without, nothing is waited for. A control
 * plane is then struck off etcd's members by the others, before its machine goes; one of a cluster that is restored has
 * neither work that anybody could take over, nor others to ask.
 */
export const drainNode =
  (parts: DrainParts) =>
  async (request: DrainRequest): Promise<{ done: true } | Pending | PutOff> => {
    const { store, clock, log } = parts;
    const { clusterId, number, executionArn } = request;
    const node = await ownedNode(store, request, executionArn);
    if (node.desired !== 'absent') throw new Superseded(`node ${number} is to stay`);
    const isLater = node.phase !== 'failed' && phaseRank(node.phase) > phaseRank('draining');
    if (!isLater && !(await store.nodes.enterPhase(clusterId, number, { executionArn, phase: 'draining' })))
      throw new Superseded(`node ${number} has changed hands`);

    const now = clock.now();
    const cluster = await store.clusters.get(clusterId);
    const reason = whyNothingToHandOver(node, cluster, request, now);
    const handover: Handover =
      reason !== undefined || cluster === undefined
        ? { isDone: true, why: reason ?? 'its cluster is gone' }
        : await handOver(parts.access, { cluster, node, startedAt: request.startedAt, now });
    await recordHeldUp(parts, { node, request, now, handover });
    const spentSeconds = secondsBetween(request.startedAt, now);
    if (!handover.isDone) {
      const { waitingFor, heldUp } = handover;
      if (spentSeconds >= request.budgetSeconds)
        return {
          done: false,
          isPutOff: true,
          reason: (heldUp?.because ?? waitingFor).slice(0, reasonCharactersMax),
        };
      return pending(waitingFor, lookEverySeconds[heldUp === undefined ? 'moving' : 'heldUp']);
    }
    if (cluster !== undefined && (await isStillMember(store, cluster, node, now))) {
      const isOver = spentSeconds >= request.budgetSeconds + forgetSecondsMax;
      if (!isOver)
        return pending(`control plane ${number} to be forgotten by the others`, lookEverySeconds.moving);
      // They are still asked, and nobody joins before they have answered.
      log.warn('control plane is still a member', { clusterId, number, executionArn });
    }
    log.info('drained', { clusterId, number, executionArn, reason: handover.why });
    return { done: true };
  };

/** Why no pod is looked at; undefined where there may be work to hand over, and somebody to hand it over. */
function whyNothingToHandOver(
  node: Node,
  cluster: Cluster | undefined,
  request: DrainRequest,
  now: Instant,
): string | undefined {
  const { leftAt, joinedAt, lostAt, lastSeenAt = joinedAt } = node;
  if (node.skipDrain === true) return 'it is to go without being drained';
  if (leftAt !== undefined) return 'it has left';
  if (lastSeenAt === undefined || joinedAt === undefined) return 'it never joined';
  if (cluster?.initialisedAt === undefined) return 'its cluster never began';
  if (node.role === 'control-plane' && isRestoring(cluster))
    return 'its etcd has no quorum, and its cluster is restored';
  if (lostAt !== undefined && lastSeenAt <= lostAt) return 'its machine is lost';
  if (secondsBetween(lastSeenAt, now) > heardOfSecondsMax) return 'nobody has heard of it';
  const isTakenBack =
    node.interruption === 'terminate' && secondsBetween(request.startedAt, now) >= interruptedSecondsMax;
  return isTakenBack ? 'its cloud has taken it back' : undefined;
}

/** Kept on the node for people to see, written where it is not as it was, and said once when it has lasted. */
async function recordHeldUp(
  { store, bus, log }: DrainParts,
  {
    node,
    request: { clusterId, number, executionArn },
    now,
    handover,
  }: {
    readonly node: Node;
    readonly request: DrainRequest;
    readonly now: Instant;
    readonly handover: Handover;
  },
): Promise<void> {
  const was = node.drainHeldUp;
  if (handover.isDone || handover.heldUp === undefined) {
    if (was !== undefined)
      await store.nodes.recordDrain(clusterId, number, { executionArn, heldUp: undefined });
    return;
  }
  const { since = now, saidAt } = was ?? {};
  const isNews = saidAt === undefined && secondsBetween(since, now) >= heldUpSecondsMin;
  const heldUp: DrainHeldUp = {
    since,
    ...handover.heldUp,
    ...(isNews ? { saidAt: now } : saidAt !== undefined && { saidAt }),
  };
  const isSame =
    was?.because === heldUp.because && JSON.stringify(was.pods) === JSON.stringify(heldUp.pods) && !isNews;
  if (isSame || !(await store.nodes.recordDrain(clusterId, number, { executionArn, heldUp }))) return;
  if (!isNews) return;
  log.warn('draining is held up', { clusterId, number, because: heldUp.because });
  await bus.say(nodeDrainHeldUp, { clusterId, number, reason: heldUp.because.slice(0, reasonCharactersMax) });
}

/** Asks those who serve to strike it off: on the cluster's item, where every sync sees it. One at a time. */
async function isStillMember(
  { clusters, nodes }: Pick<Store, 'nodes' | 'clusters'>,
  cluster: Cluster,
  node: Node,
  now: Instant,
): Promise<boolean> {
  if (node.role === 'worker') return false;
  if (!mustBeForgotten({ cluster, node, nodes: await nodes.list(node.clusterId), now })) return false;
  await clusters.askToForget(node.clusterId, node, now);
  return true;
}
