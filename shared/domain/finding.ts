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
    | 'load-balancer-changed'
    | 'load-balancer-failed'
    | 'node-unresponsive'
    /** A record or a health check of the cluster's names is not as it was published. */
    | 'dns-changed'
    | 'dns-failed'
    /** Somebody else has a record of one of the cluster's names: nothing is added to it. */
    | 'dns-name-taken'
    /** Somebody else's, in an owned network or group: it is never touched, and the cluster is not deleted before it is gone. */
    | 'stranger'
    /** Nobody could look at a cloud lately: what is there is unknown. */
    | 'cloud-unseen'
    /** The mesh leads to a node that is gone, or not to one as it is. */
    | 'mesh-changed'
    /** Several other nodes get no answer from it over WireGuard. */
    | 'peer-silent'
    /** So much of a cloud looks lost at once that nothing is replaced there. */
    | 'replacement-paused'
    | 'quorum-lost'
    | 'credential-due'
    /** Policies need to know what runs and waits in the cluster, and its API does not say. */
    | 'pods-unknown'
    /** Pods wait, and nothing is bought for them. */
    | 'pods-waiting'
    /** Work on a node that is to go may not be stopped for now. */
    | 'drain-held-up'
    /** A node could not be upgraded, so that nothing more is. */
    | 'upgrade-stopped';
  readonly subject: string;
  /** The node's, where it is about one. */
  readonly number?: number;
  readonly message: string;
  /** What is being done about it, or what people can do: `it is put right`. */
  readonly remedy: string;
  /** When it was first seen. */
  readonly seenAt: Instant;
  /** Nobody could see since then whether it is still so: nothing is done about it until somebody looks again. */
  readonly unconfirmedSince?: Instant;
}

/** Seen with the last look, and so to be acted on. */
export const isConfirmed = ({ unconfirmedSince }: Finding): boolean => unconfirmedSince === undefined;
