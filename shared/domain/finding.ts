import type { CloudName } from './cloud.ts';
import type { ClusterId, Instant } from './ids.ts';

/** One difference between what should be and what is, with what will be done about it. */
export interface Finding {
  readonly clusterId: ClusterId;
  /** Absent when it is about the cluster as a whole. */
  readonly cloud?: CloudName;
  /** Equal for the same difference in every sweep. */
  readonly fingerprint: string;
  readonly kind:
    | 'machine-missing'
    | 'stray-machine'
    | 'network-missing'
    | 'cloud-failed'
    | 'node-unresponsive'
    | 'credential-due';
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
  readonly seenAt: Instant;
}
