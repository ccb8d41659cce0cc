import type { ApiKey, Store } from '../../shared/runtime/table.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';

/** What the API works with. */
export interface ApiDependencies {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
}

/** Who calls, from where, with which request id: for the audit log and for Idempotency-Key. */
export interface Caller {
  readonly key: ApiKey;
  readonly address: string;
  readonly requestId: string;
}

/** Hono's variables: what authentication leaves for the routes. */
export interface ApiEnvironment {
  readonly Variables: { caller: Caller };
}
