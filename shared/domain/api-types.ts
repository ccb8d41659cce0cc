import type { ClusterCloud, ClusterStatus, Configuration, PartFailure } from './cluster.ts';
import type { Ingress, LoadBalancer } from './load-balancer.ts';
import type { CloudName } from './cloud.ts';
import type { Finding } from './finding.ts';
import type { Instant } from './ids.ts';
import type { NodeRole, Vpn } from './network.ts';
import type { DrainHeldUp, NodeFailure, NodePhase } from './node.ts';
import type { Lifecycle, Offering } from './offering.ts';
import type { OperationKind } from './operation.ts';
import type { PolicyChange } from './policy-change.ts';
import type { Policies } from './policy.ts';

/** What the public API answers: read by the command line and the console, and promised to everyone else. */
export interface ClusterView {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly clouds: readonly ClusterCloud[];
  readonly configuration: Configuration;
  readonly vpn: Vpn;
  readonly kubernetesVersion: string;
  readonly podRange: string;
  readonly policies: Policies;
  readonly ingress: Ingress;
  readonly status: ClusterStatus;
  readonly statusReason?: string;
  readonly createdAt: Instant;
  readonly createdBy: string;
  readonly readyAt?: Instant;
  readonly initialisedAt?: Instant;
  readonly deletionRequestedAt?: Instant;
  /** Why the last deletion was refused: what stands in its way, each by cloud, kind, id, name and place. */
  readonly deletionRefused?: { readonly reason: string; readonly at: Instant };
  readonly operation?: { readonly kind: OperationKind; readonly startedAt: Instant };
  readonly restore?: RestoreView;
  readonly upgrade?: UpgradeView;
}

/** How far the last upgrade is that somebody asked for. */
export interface UpgradeView {
  readonly from: string;
  readonly to: string;
  readonly requestedAt: Instant;
  readonly requestedBy: string;
  /** Seconds from one node to the next. */
  readonly pauseSeconds?: number;
  /** The control plane that is being upgraded. */
  readonly at?: number;
  /** From when every control plane is done, and workers follow. */
  readonly controlPlanesAt?: Instant;
  readonly pausedAt?: Instant;
  /** It goes no further until it is resumed. */
  readonly stopped?: { readonly at: Instant; readonly reason: string; readonly number?: number };
  readonly finishedAt?: Instant;
}

/** What became of the last restore that somebody asked for. */
export interface RestoreView {
  readonly snapshot: string;
  readonly requestedAt: Instant;
  readonly requestedBy: string;
  /** The new control plane that restores. */
  readonly number: number;
  /** From when it serves what the snapshot held. */
  readonly restoredAt?: Instant;
  /** From when there are as many control planes as before. */
  readonly finishedAt?: Instant;
  readonly failure?: { readonly at: Instant; readonly reason: string };
}

export interface CloudView {
  readonly cloud: CloudName;
  /** The network's range once it stands. */
  readonly network?: string;
  readonly failure?: PartFailure;
  /** Once it takes traffic: the name or the addresses at which it does. */
  readonly loadBalancer?: Pick<LoadBalancer, 'dnsName' | 'addresses'>;
  readonly loadBalancerFailure?: PartFailure;
}

/** The names at which a cluster is reached, as far as they lead somewhere. */
export interface NamesView {
  /** Absent where the installation has no hosted zone. */
  readonly zone?: string;
  /** Of every control plane; port 6443. */
  readonly api?: string;
  /** Of every cloud's load balancer, as whatever is under it. */
  readonly ingress?: string;
  /** What has no name, and why; one sentence each. */
  readonly missing: readonly string[];
  readonly failure?: PartFailure;
}

/** One cluster in full. */
export interface ClusterDetails extends ClusterView {
  readonly nodes: readonly NodeView[];
  readonly cloudParts: readonly CloudView[];
  readonly names: NamesView;
  readonly findings: readonly Finding[];
  /** Only in the answer to its creation: what the asker should know and may well have meant. */
  readonly warnings?: readonly string[];
}

/** What would be found and done if the cluster were looked at now. */
export interface ReconcilePlan {
  readonly cluster: ClusterView;
  readonly findings: readonly Finding[];
  /** In the order in which they would be done. */
  readonly actions: readonly { readonly action: string; readonly because: string }[];
  /** When each cloud was last looked at: the findings are as old. */
  readonly seen: readonly { readonly cloud: CloudName; readonly at: Instant }[];
  /** The same repair failed before: it is not begun again earlier. */
  readonly repairNotBefore?: Instant;
}

export interface NodeView {
  readonly id: string;
  readonly number: number;
  readonly name: string;
  readonly role: NodeRole;
  readonly cloud: CloudName;
  /** The cloud's own word for it; empty where a region has no zones. */
  readonly zone: string;
  readonly instanceType: string;
  /** Its machine's, or what that will have: `1.36`. */
  readonly kubernetesVersion: string;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly usdPerHour: number;
  readonly lifecycle: Lifecycle;
  readonly phase: NodePhase;
  readonly desired: 'present' | 'absent';
  readonly overlayAddress: string;
  readonly publicAddress?: string;
  readonly privateAddress?: string;
  readonly providerId?: string;
  readonly attempt: number;
  readonly failure?: NodeFailure;
  /** It is to go, and its work may not be stopped for now. */
  readonly drainHeldUp?: Omit<DrainHeldUp, 'saidAt'>;
  readonly createdAt: Instant;
  readonly readyAt?: Instant;
}

export interface RemovedNodes {
  readonly items: readonly NodeView[];
  /** What whoever asked should know and may well have meant. */
  readonly warnings?: readonly string[];
}

/** A cluster's policies, and which version of them this is: the ETag's text, for If-Match. */
export interface PoliciesView {
  readonly clusterId: string;
  /** The cluster's name. */
  readonly cluster: string;
  readonly policies: Policies;
  readonly version: string;
}

/** What a change of the policies came to, or with `dryRun` would come to. */
export interface PoliciesChange extends PoliciesView {
  readonly change: 'changed' | 'unchanged';
  readonly changes: readonly PolicyChange[];
}

/** What applying a file came to, or with `dryRun` would come to; `changes` are those of the policies and of ingress. */
export interface AppliedCluster extends ClusterDetails {
  readonly change: 'created' | 'changed' | 'unchanged';
  readonly changes: readonly PolicyChange[];
}

/** What etcd held at one time; it can be read by nobody but the installation. */
export interface SnapshotView {
  readonly id: string;
  readonly takenAt: Instant;
  /** The control plane that took it. */
  readonly number: number;
  /** From when it was seen in the bucket. */
  readonly sizeBytes?: number;
}

/** One person's access to one cluster. It holds a private key, and is shown this once. */
export interface IssuedKubeconfig {
  /** YAML, as kubectl reads it. */
  readonly kubeconfig: string;
  /** Whom the cluster knows its holder as. */
  readonly user: string;
  readonly expiresAt: Instant;
}

/** What can be bought: one instance type in one place, as on-demand or spot. */
export interface OfferingView extends Omit<Offering, 'burstable'> {
  readonly burstable: boolean;
  /** US dollars per hour of a vCPU, or of as much memory (7.46 GiB): what the list is sorted by. */
  readonly usdPerUnitHour: number;
  /** What pods may ask for together on a node of it. */
  readonly allocatable: { readonly cpuMillis: number; readonly memoryMib: number; readonly pods: number };
  /** It failed a node lately, and is left alone until then while there is anything else. */
  readonly coolingOffUntil?: Instant;
}

export interface OfferingList extends ListOf<OfferingView> {
  /** Since when these prices hold, as far as anybody looked; without `at` the built-in table stands in. */
  readonly prices: readonly { readonly cloud: CloudName; readonly at?: Instant }[];
}

/** Why a pod is where it is, or waits. */
export interface PodExplanation {
  /** `namespace/name` */
  readonly pod: string;
  /** When the cluster's API was looked at. */
  readonly seenAt: Instant;
  /** `waiting` for a node, `held up` by something that no node would help. */
  readonly state: 'placed' | 'waiting' | 'held up';
  readonly node?: string;
  readonly because: readonly string[];
}

export interface ListOf<T> {
  readonly items: readonly T[];
  /** Give it back as `cursor` for what follows; absent on the last page. */
  readonly cursor?: string;
}

/** RFC 9457. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
}

export interface FieldError {
  /** `spec.clouds[1].account` */
  readonly field: string;
  readonly message: string;
  readonly allowed?: readonly string[];
}
