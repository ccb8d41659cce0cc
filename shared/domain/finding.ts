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
    | 'machine-changed'
    | 'stray-machine'
    /** A second machine of a node that has its own. */
    | 'surplus-machine'
    | 'stray-resource'
    | 'network-missing'
    | 'network-changed'
    | 'cloud-failed'
    | 'node-unresponsive'
    /** So much of a cloud looks lost at once that nothing is replaced there. */
    | 'replacement-paused'
    | 'quorum-lost'
    | 'credential-due';
  readonly subject: string;
  readonly message: string;
  /** What is being done about it, or what people can do: `it is put right`. */
  readonly remedy: string;
  /** When it was first seen. */
  readonly seenAt: Instant;
}
