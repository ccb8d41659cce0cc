import type { Instant } from './ids.ts';

export const operationKinds = ['ProvisionCluster', 'ProvisionNode', 'RetireNode', 'CleanupCluster'] as const;
export type OperationKind = (typeof operationKinds)[number];

/** A running state machine's ownership of a cluster or node: owned, not timed. */
export interface Operation {
  readonly executionArn: string;
  readonly kind: OperationKind;
  readonly startedAt: Instant;
}
