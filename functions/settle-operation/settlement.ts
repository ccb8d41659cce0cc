import * as z from 'zod/mini';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { operationKinds } from '../../shared/domain/operation.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { SnapshotObjects } from '../../shared/runtime/snapshot-objects.ts';
import type { Store } from '../../shared/runtime/table.ts';

const stranger = z.object({
  cloud: z.enum(cloudNames),
  kind: z.string(),
  id: z.string(),
  name: z.string(),
  inside: z.string(),
});
export const settleRequest = z.strictObject({
  kind: z.enum(operationKinds),
  clusterId: z.uuid(),
  number: z.optional(z.int()),
  executionArn: z.string().check(z.minLength(1)),
  outcome: z.enum(['succeeded', 'failed', 'blocked']),
  reason: z.optional(z.string()),
  /** ProvisionCluster: the generation that this run saw when it began. */
  generation: z.optional(z.int()),
  /** CleanupCluster, blocked: who is in the way. */
  strangers: z.optional(z.array(stranger)),
});
export type SettleRequest = z.infer<typeof settleRequest>;

export interface SettleParts {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** The bucket of etcd snapshots; absent where there is none. */
  readonly snapshotObjects?: SnapshotObjects;
}

export interface Settled {
  /** The generation moved while ProvisionCluster ran: once more. */
  readonly again: boolean;
}

const reasonCharactersMax = 1000;
/** What an event carries: never empty, never longer than its schema allows. */
export const reasonOf = ({ reason, kind, outcome }: SettleRequest): string =>
  (reason ?? '').slice(0, reasonCharactersMax) || `${kind} ${outcome}`;
