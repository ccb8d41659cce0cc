import { secondsBetween } from '../../domain/ids.ts';
import { eventGraceSeconds, isGoing, isIdle, type Strategy } from './view.ts';

export const requestPlanned: Strategy = {
  name: 'planned nodes',
  reason: 'a node whose network stands can be built',
  decide: ({ cluster, nodes, parts, now }) =>
    isGoing(cluster)
      ? []
      : nodes
          .filter(
            (node) =>
              isIdle(node, 'present') &&
              node.phase === 'planned' &&
              secondsBetween(node.createdAt, now) > eventGraceSeconds &&
              parts.some(({ cloud, network }) => cloud === node.cloud && network !== undefined),
          )
          .map(({ number }) => ({
            kind: 'say' as const,
            event: 'NodeRequested' as const,
            number,
            because: `node ${number} is planned, its network stands, and nothing is building it`,
          })),
};

export const requestStuck: Strategy = {
  name: 'stuck nodes',
  reason: 'a run that ended half-way is taken up again where it stood',
  decide: ({ cluster, nodes, now }) =>
    isGoing(cluster)
      ? []
      : nodes
          .filter(
            (node) =>
              isIdle(node, 'present') &&
              (node.phase === 'creating' || node.phase === 'booting' || node.phase === 'joining') &&
              node.joinedAt === undefined &&
              secondsBetween(node.createRequest?.requestedAt ?? node.createdAt, now) > eventGraceSeconds,
          )
          .map(({ number, phase }) => ({
            kind: 'say' as const,
            event: 'NodeRequested' as const,
            number,
            because: `node ${number} is ${phase} and nothing is building it`,
          })),
};
