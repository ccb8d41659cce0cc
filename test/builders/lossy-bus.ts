import { eventRoutes } from '../../infra/event-routes.ts';
import type { EventFilter } from '../../local/aws/index.ts';

/** What anybody acts on. Nothing else starts a state machine: no function has the right to. */
const routed: ReadonlySet<string> = new Set(
  eventRoutes.flatMap(({ events }) => events.map(({ name }) => name)),
);
const decider = 'overcast.reconcile-cluster';

export interface LossyBus {
  readonly filter: EventFilter;
  /** How often each was lost, by event. */
  readonly lost: ReadonlyMap<string, number>;
  /** What came through, by event. */
  readonly carried: ReadonlyMap<string, number>;
}

/**
 * A bus that loses every event but what only a tick can bring.
 *
 * - What anybody says but the reconciler is lost, always: requests, joins, interruptions, the word that an execution ended,
 *   Step Functions' own status changes, EC2's warnings.
 * - What the reconciler says that nobody acts on is lost, always.
 * - What it says that somebody does act on (DriftFound, ClusterDeletionRequested, NodesPlanned, NodeRequested,
 *   NodeRetirementRequested) is lost the first time, and every other time after it. An event is all that a state machine is
 *   started by, so one must come in the end; but it is never the first word, always what a later tick said again because
 *   nothing had come of it.
 */
export function loseEvents(): LossyBus {
  const lost = new Map<string, number>();
  const carried = new Map<string, number>();
  const said = new Map<string, number>();
  const count = (of: Map<string, number>, key: string): number => {
    const times = (of.get(key) ?? 0) + 1;
    of.set(key, times);
    return times;
  };
  return {
    lost,
    carried,
    filter: ({ source, 'detail-type': event, detail }) => {
      const comes =
        source === decider &&
        routed.has(event) &&
        count(said, `${event} ${JSON.stringify(detail)}`) % 2 === 0;
      count(comes ? carried : lost, event);
      return !comes;
    },
  };
}
