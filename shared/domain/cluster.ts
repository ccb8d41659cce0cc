import type { CloudName } from './cloud.ts';
import type { NodeGroup } from './cluster-request.ts';
import type { ClusterId, Instant } from './ids.ts';
import type { Ingress, LoadBalancer } from './load-balancer.ts';
import type { Network, Vpn } from './network.ts';
import type { PlannedNode } from './node.ts';
import type { Operation } from './operation.ts';
import type { Policies } from './policy.ts';
import type { Upgrade } from './upgrade.ts';

export const clusterStatuses = [
  'creating',
  'ready',
  'degraded',
  /** It lost its quorum, and is made anew from a snapshot of its etcd. */
  'restoring',
  'deleting',
  'deleted',
  'failed',
] as const;
export type ClusterStatus = (typeof clusterStatuses)[number];

export const configurations = ['starter', 'basic', 'highly-available', 'custom'] as const;
export type Configuration = (typeof configurations)[number];

/** Offered Kubernetes minors; one minor at a time on upgrades. */
export const kubernetesVersions = ['1.35', '1.36', '1.37'] as const;
export type KubernetesVersion = (typeof kubernetesVersions)[number];
export const kubernetesVersionDefault: KubernetesVersion = '1.36';

/** 2–50 letters, digits and hyphens; begins with a letter and ends with a letter or digit (a DNS label). */
export const clusterNamePattern = /^[a-z](?:[a-z0-9-]{0,48}[a-z0-9])$/;

/** Nodes that are wanted and not yet items: written with the cluster in one conditional write. */
export interface Plan {
  readonly id: string;
  readonly nodes: readonly PlannedNode[];
  readonly reason: string;
}

export interface ClusterCloud {
  readonly cloud: CloudName;
  readonly accountId: string;
}

/** One machine of a node. A claim is a machine's and not its node's: the node's next machine has to take it anew. */
export interface Holder {
  readonly number: number;
  readonly attempt: number;
}

/** One at a time; the try moves with each that failed, since no agent carries out the same instruction twice. */
export interface Forgetting extends Holder {
  readonly since: Instant;
  readonly tries: number;
}

/** The control plane that uploads what etcd holds, and since when. */
export interface Snapshotting extends Holder {
  readonly since: Instant;
}

/**
 * A cluster that lost its quorum is made anew, on one new control plane, from what its etcd held at one time. All that people
 * asked for and what has become of it: one at a time, and the last one stays for people to read.
 */
export interface Restore {
  readonly id: string;
  /** `20261123T080000Z` */
  readonly snapshot: string;
  readonly requestedAt: Instant;
  readonly requestedBy: string;
  /** The node that is told to restore; no machine of any other control plane may be left by then. */
  readonly number: number;
  /** Which of that node's machines was let begin. */
  readonly attempt?: number;
  /** From when the new control plane serves: what comes now is ordinary joining. */
  readonly restoredAt?: Instant;
  /** Control planes that are missing then, so that there are as many as before; gone once they are planned. */
  readonly followers?: readonly Pick<PlannedNode, 'offering' | 'shape'>[];
  /** From when nothing more is done for it. */
  readonly finishedAt?: Instant;
  /** It came to nothing, and may be asked for again. */
  readonly failure?: { readonly at: Instant; readonly reason: string };
}

export interface Cluster {
  readonly id: ClusterId;
  readonly name: string;
  readonly region: string;
  readonly clouds: readonly ClusterCloud[];
  readonly configuration: Configuration;
  /** What it began with where the configuration is `custom`: its nodes come and go afterwards. */
  readonly groups?: readonly NodeGroup[];
  readonly vpn: Vpn;
  /** What its new machines get. While its control planes are upgraded it is still the old one. */
  readonly kubernetesVersion: KubernetesVersion;
  readonly podRange: string;
  readonly policies: Policies;
  /** Moves with every change of the policies; absent before the first. */
  readonly policiesVersion?: number;
  /** Absent on clusters from before it could be asked for: as `ingressDefault`. */
  readonly ingress?: Ingress;
  readonly status: ClusterStatus;
  readonly statusReason?: string;
  readonly desired: 'present' | 'absent';
  /** Moves with every plan; a run that finishes an older one goes round once more. */
  readonly generation: number;
  /** The generation that ProvisionCluster last finished. */
  readonly provisionedGeneration: number;
  readonly nextNumber: number;
  readonly pendingPlan?: Plan;
  readonly operation?: Operation;
  /** The node that may run kubeadm init; after `initialisedAt` it never moves. */
  readonly initNode?: number;
  /** Which of that node's machines. */
  readonly initAttempt?: number;
  readonly initialisedAt?: Instant;
  /** The control plane that may join now. */
  readonly joinNode?: number;
  readonly joinAttempt?: number;
  /** Until then somebody waits to join, and the control planes' times are written often enough to tell who serves. */
  readonly joinerUntil?: Instant;
  /** A lost or leaving control plane that those who serve are to strike off etcd's members. */
  readonly forgetting?: Forgetting;
  /** A control plane that is about to be removed by hand: nobody removes another one in the same moment. */
  readonly removal?: { readonly number: number; readonly at: Instant };
  readonly snapshotting?: Snapshotting;
  /** When the next etcd snapshot is due; absent before the first. */
  readonly snapshotDueAt?: Instant;
  /** How many pods fit on no node, as a control plane last said; absent is none. */
  readonly unschedulablePods?: number;
  /** The newest one that was taken. */
  readonly newestSnapshot?: string;
  readonly restore?: Restore;
  readonly upgrade?: Upgrade;
  readonly waitToken?: string;
  readonly deletionRequestedAt?: Instant;
  readonly deletionRequestedBy?: string;
  /** Why the last deletion was refused, with every stranger by its name; until the next is asked for. */
  readonly deletionRefused?: { readonly reason: string; readonly at: Instant };
  /** Drift that was last said, and when it may be said again. */
  readonly repairFingerprint?: string;
  readonly repairNotBefore?: Instant;
  readonly repairAttempts?: number;
  /** When people last said that what looks lost is lost: what was found before is replaced, however much it is at once. */
  readonly lossesAcceptedAt?: Instant;
  readonly dueAt?: Instant;
  readonly createdAt: Instant;
  readonly createdBy: string;
  readonly readyAt?: Instant;
  readonly deletedAt?: Instant;
}

/** What a cloud said when it did not let something be built. */
export interface PartFailure {
  readonly error: string;
  readonly message: string;
  readonly at: Instant;
}

/** A cloud's parts of one cluster: what stands there. */
export interface CloudParts {
  readonly clusterId: ClusterId;
  readonly cloud: CloudName;
  readonly network?: Network;
  /** Why the last attempt to build this cloud's part failed; gone once it succeeded. */
  readonly failure?: PartFailure;
  readonly loadBalancer?: LoadBalancer;
  /** The same of its load balancer, without which the rest of the cluster is well. */
  readonly loadBalancerFailure?: PartFailure;
  /** When it was last put right: what was seen before says nothing of what is to be mended now. */
  readonly mendedAt?: Instant;
  /** When the last repair looked and chose what to remove: what was not due by then it has left alone. */
  readonly mendedFrom?: Instant;
}
