import { secondsBetween } from '../../domain/ids.ts';
import { eventGraceSeconds, isGoing, isIdle, type Strategy } from './view.ts';

export const retireNodes: Strategy = {
  name: 'retirement',
  reason: 'a node that is not wanted costs money',
  decide: ({ cluster, nodes, now }) =>
    isGoing(cluster)
      ? []
      : nodes
          .filter((node) => isIdle(node, 'absent') && node.phase !== 'deleted')
          .filter(({ retireNotBefore }) => retireNotBefore === undefined || retireNotBefore <= now)
          // Whoever let it go has said so, and that may be on its way.
          .filter(({ letGoAt }) => letGoAt === undefined || secondsBetween(letGoAt, now) > eventGraceSeconds)
          .map(({ number }) => ({
            kind: 'say' as const,
            event: 'NodeRetirementRequested' as const,
            number,
            because: `node ${number} is to go and nothing is retiring it`,
          })),
};
