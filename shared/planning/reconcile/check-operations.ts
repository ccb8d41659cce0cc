import { secondsBetween } from '../../domain/ids.ts';
import type { Strategy } from './view.ts';

/** An operation this old may have lost its owner without anyone hearing of it. */
const operationCheckSeconds = 120;

export const checkOperations: Strategy = {
  name: 'check operations',
  reason: 'an owner that died without a word blocks everything else',
  decide: ({ cluster, nodes, now }) =>
    [
      ...(cluster.operation ? [{ operation: cluster.operation }] : []),
      ...nodes.flatMap(({ operation, number }) => (operation ? [{ operation, number }] : [])),
    ]
      .filter(({ operation }) => secondsBetween(operation.startedAt, now) > operationCheckSeconds)
      .map(({ operation, ...of }) => ({
        kind: 'check-operation' as const,
        executionArn: operation.executionArn,
        ...of,
        because: `${operation.kind} has been running since ${operation.startedAt}`,
      })),
};
