import type { HostedZone } from '../../shared/domain/dns.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** What the API works with. */
export interface ApiDependencies {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  /** In which clusters have their names; undefined where the installation has none. */
  readonly zone?: HostedZone | undefined;
}

export type { Caller } from '../../shared/runtime/people-http/caller.ts';
