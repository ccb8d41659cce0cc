import type { Authorize } from '../access/authorizer.ts';
import type { ClusterClock, ClusterHooks, ClusterObjects } from '../model.ts';
import type { ChangeHistory } from './change-history.ts';
import type { Snapshots } from './list-snapshots.ts';

/** What serves the requests of one cluster. */
export interface ApiContext {
  readonly objects: ClusterObjects;
  readonly clock: ClusterClock;
  readonly hooks: ClusterHooks;
  readonly history: ChangeHistory;
  readonly snapshots: Snapshots;
  readonly authorize: Authorize;
}
