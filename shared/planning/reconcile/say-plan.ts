import { secondsBetween } from '../../domain/ids.ts';
import { eventGraceSeconds, isGoing, type Strategy } from './view.ts';

export const sayPlan: Strategy = {
  name: 'pending plan',
  reason: 'planned nodes are no nodes yet',
  decide: ({ cluster, now }) => {
    if (isGoing(cluster) || cluster.pendingPlan === undefined) return [];
    const justClaimed =
      cluster.operation !== undefined && secondsBetween(cluster.operation.startedAt, now) < eventGraceSeconds;
    if (justClaimed) return [];
    return [
      { kind: 'say', event: 'NodesPlanned', because: `a plan is pending: ${cluster.pendingPlan.reason}` },
    ];
  },
};
