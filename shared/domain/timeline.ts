import type { ClusterId, Instant } from './ids.ts';

/** What happened to a cluster: shown by API, CLI and console. */
export interface TimelineEntry {
  readonly clusterId: ClusterId;
  readonly eventId: string;
  readonly at: Instant;
  /** The event's name: `NodeJoined`. */
  readonly event: string;
  readonly who: string;
  readonly nodeNumber?: number;
  readonly message: string;
}
