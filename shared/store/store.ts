import type { CallBudget } from '../domain/call-budget.ts';
import type { CloudAccount, CloudName, Location } from '../domain/cloud.ts';
import type {
  Cluster,
  ClusterStatus,
  CloudParts,
  Forgetting,
  Holder,
  KubernetesVersion,
  PartFailure,
  Plan,
  Restore,
  Snapshotting,
} from '../domain/cluster.ts';
import type { DnsFlaw, DnsRecord, PublishedDns } from '../domain/dns.ts';
import type { Finding } from '../domain/finding.ts';
import type { ClusterId, Instant } from '../domain/ids.ts';
import type { Ingress, LoadBalancer } from '../domain/load-balancer.ts';
import type { Mesh, MeshMember } from '../domain/mesh.ts';
import type { Network } from '../domain/network.ts';
import type { CreateRequest, DrainHeldUp, Node, NodeFailure, NodePhase } from '../domain/node.ts';
import type { Offering } from '../domain/offering.ts';
import type { SeenCluster, Sighting } from '../domain/observation.ts';
import type { Operation } from '../domain/operation.ts';
import type { Policies } from '../domain/policy.ts';
import type { StoredCredential, StoredPki } from '../domain/sealed-keys.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { TimelineEntry } from '../domain/timeline.ts';
import type { Upgrade } from '../domain/upgrade.ts';
import type { WorkloadSighting } from '../domain/workload.ts';

/**
 * The single table, one interface per kind of item. Each write is one conditional write; `false` (or undefined) says
 * that its condition did not hold, which is never an error: someone else was first, and the caller reads again.
 * Reads are strongly consistent unless they go through an index.
 */
export interface Store {
  readonly clusters: ClusterStore;
  readonly nodes: NodeStore;
  readonly mesh: MeshStore;
  readonly parts: CloudPartsStore;
  readonly dns: DnsStore;
  readonly pki: PkiStore;
  readonly observations: ObservationStore;
  readonly workloads: WorkloadStore;
  readonly snapshots: SnapshotStore;
  readonly timeline: TimelineStore;
  readonly names: NameStore;
  readonly requests: RequestStore;
  readonly apiKeys: ApiKeyStore;
  readonly accounts: AccountStore;
  readonly coolOffs: CoolOffStore;
  readonly offerings: OfferingStore;
  readonly callBudgets: CallBudgetStore;
  readonly audit: AuditStore;
  /** Cluster, node and mesh in one BatchGetItem, strongly consistent: all that a steady sync reads. */
  syncView(clusterId: ClusterId, number: number): Promise<SyncView>;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; absent on the last page. */
  readonly cursor?: string;
}

export interface ClusterStore {
  /** attribute_not_exists(pk). Sets duePk from the id and dueAt as given. */
  create(cluster: Cluster): Promise<boolean>;
  get(id: ClusterId): Promise<Cluster | undefined>;
  /** In one BatchGetItem; those that are not there are left out. */
  getMany(ids: readonly ClusterId[]): Promise<readonly Cluster[]>;
  /** Through the due index's 16 shards, so eventually consistent; live clusters only, by creation. */
  list(options: { limit: number; cursor?: string }): Promise<Page<Cluster>>;
  /** Where live clusters stand and with whose credentials, each once; through the index, so eventually consistent. */
  places(): Promise<readonly { region: string; cloud: CloudName; accountId: string }[]>;
  /** Ids and dueAt of one shard's clusters that are due. */
  due(shard: number, now: Instant, limit: number): Promise<readonly { id: ClusterId; dueAt: Instant }[]>;
  /** dueAt = :seen → next. */
  advanceDue(id: ClusterId, seen: Instant, next: Instant): Promise<boolean>;
  /** Unconditional but for existence and liveness (status ≠ deleted). */
  makeDue(id: ClusterId, now: Instant): Promise<boolean>;
  /** What was found lost until now is to be replaced; due at once. Unless its deletion was asked for. */
  acceptLosses(id: ClusterId, now: Instant): Promise<boolean>;
  /**
   * desired = present AND generation = :read AND no pendingPlan; nextNumber and generation move with it, due at once. A plan
   * of the restore's followers: they are still to be planned, and are not any more.
   */
  plan(
    id: ClusterId,
    options: {
      plan: Plan;
      generationRead: number;
      /** Given where the plan was made by policies: those it was made by must still hold. */
      policiesVersionRead?: number;
      nextNumber: number;
      now: Instant;
      followersOf?: Restore;
    },
  ): Promise<boolean>;
  /**
   * desired = present AND no deletion was requested AND policiesVersion = :read AND generation = :read; policiesVersion
   * moves with it, due at once. The generation does not: policies are no nodes. It is compared because a limit is checked
   * against the nodes that were read.
   */
  changePolicies(
    id: ClusterId,
    options: { policies: Policies; versionRead: number; generationRead: number; now: Instant },
  ): Promise<boolean>;
  /**
   * desired = present AND deletion not asked for AND generation = :read → the ingress, and the next generation, due at once:
   * the cluster is to be built once more as it is asked for now.
   */
  changeIngress(
    id: ClusterId,
    options: { ingress: Ingress; generationRead: number; now: Instant },
  ): Promise<boolean>;
  /** pendingPlan.id = :id */
  clearPlan(id: ClusterId, planId: string): Promise<boolean>;
  /** desired = present AND (no operation, or mine, or one whose execution is proven dead). Returns the new item. */
  claim(id: ClusterId, operation: Operation, provenDead?: string): Promise<Cluster | undefined>;
  /** operation.executionArn = :me → removed. */
  release(id: ClusterId, executionArn: string, now: Instant): Promise<boolean>;
  /** operation.executionArn = :me AND generation = :seen → provisionedGeneration = :seen. */
  finishProvisioning(id: ClusterId, executionArn: string, generationSeen: number): Promise<boolean>;
  /** Status is `from` → `to`, with its reason; readyAt is set once. */
  changeStatus(
    id: ClusterId,
    change: { from: ClusterStatus; to: ClusterStatus; reason?: string; now: Instant },
  ): Promise<boolean>;
  /** Exists and no deletion was requested; due at once. */
  requestDeletion(id: ClusterId, options: { by: string; now: Instant }): Promise<boolean>;
  /**
   * desired still present and no other clean-up owns it (a provisioning run may): forgets the deletion request and says
   * why, and when.
   */
  refuseDeletion(
    id: ClusterId,
    executionArn: string,
    refusal: { readonly reason: string; readonly at: Instant },
  ): Promise<boolean>;
  /** attribute_exists(deletionRequestedAt) → desired absent, status deleting, the operation mine. Returns the old item. */
  fence(id: ClusterId, operation: Operation): Promise<Cluster | undefined>;
  /** operation.executionArn = :me AND desired = absent → status deleted, operation gone, tombstone for 90 days, no longer due. */
  bury(id: ClusterId, executionArn: string, now: Instant): Promise<boolean>;
  /** not initialised, and the claim is nobody's, mine, or that of a machine observed gone. */
  claimInit(id: ClusterId, holder: Holder, observedGone?: Holder): Promise<boolean>;
  /** the claim is this machine's AND not initialised. Returns the new item (with waitToken, if somebody waits). */
  markInitialised(id: ClusterId, holder: Holder, now: Instant): Promise<Cluster | undefined>;
  /** the lease is nobody's, mine, or that of a machine observed gone. */
  leaseJoin(id: ClusterId, holder: Holder, observedGone?: Holder): Promise<boolean>;
  /** joinNode = :number (and, on request, joinAttempt = :attempt: a late call must not take it from the next machine). */
  releaseJoin(id: ClusterId, number: number, attempt?: number): Promise<boolean>;
  /** somebody waits to join until then, or longer. */
  expectJoiner(id: ClusterId, until: Instant): Promise<boolean>;
  /** operation.executionArn = :me → waitToken. Returns the new item: when initialisedAt is there, nobody else answers. */
  setWaitToken(id: ClusterId, executionArn: string, waitToken: string): Promise<Cluster | undefined>;
  /** nobody is being forgotten, or this very machine; `tries` begins at 0. */
  askToForget(id: ClusterId, holder: Holder, now: Instant): Promise<boolean>;
  /** forgetting is this machine at this try → its next try, since an agent that failed does not repeat an instruction. */
  tryForgettingAgain(id: ClusterId, forgetting: Forgetting): Promise<boolean>;
  /** forgetting is this machine → gone. */
  doneForgetting(id: ClusterId, holder: Holder): Promise<boolean>;
  /**
   * desired = present, and nobody else has leased the removal of a control plane within a minute: longer than a call that may
   * still write has to live.
   */
  leaseRemoval(id: ClusterId, lease: { number: number; now: Instant }): Promise<boolean>;
  /** present, and nobody takes a snapshot but the one that this lease goes `over`. */
  leaseSnapshot(id: ClusterId, lease: Snapshotting, over?: Snapshotting): Promise<boolean>;
  /** unschedulablePods = :seen, or absent where none were seen → this many. */
  noteUnschedulable(id: ClusterId, pods: { seen: number; count: number }): Promise<boolean>;
  /** the lease is this very one → gone, and when the next snapshot is due; `taken`: it is the newest there is. */
  settleSnapshot(id: ClusterId, lease: Snapshotting, dueAt: Instant, taken?: string): Promise<boolean>;
  /**
   * failed, wanted, no deletion asked for, generation = :read AND no pendingPlan → restoring, with the plan of its first
   * control plane. What was to be done in the old etcd (join, forget, put away) is no more.
   */
  requestRestore(
    id: ClusterId,
    options: { restore: Restore; plan: Plan; generationRead: number; nextNumber: number; now: Instant },
  ): Promise<boolean>;
  /** it is this restore, under way, and no later machine of its node was let begin → this one is. */
  claimRestore(id: ClusterId, restore: Restore, attempt: number): Promise<boolean>;
  /** it is this restore, under way, and this machine's → restoredAt; due at once. Returns the new item. */
  markRestored(id: ClusterId, restore: Restore, now: Instant): Promise<Cluster | undefined>;
  /** it is this restore, and it has not ended → finished; or failed, unless it serves; due at once. */
  endRestore(id: ClusterId, restore: Restore, end: { failure?: string; now: Instant }): Promise<boolean>;
  /**
   * wanted and to stay, of this minor, ready or degraded, and no other upgrade under way → this one; etcd's data are put away
   * first, and it is due at once.
   */
  requestUpgrade(id: ClusterId, upgrade: Upgrade, now: Instant): Promise<boolean>;
  /**
   * it is this upgrade as it was read → the next revision of it, and what new machines get from now on; due at once. A step
   * begins only while nobody joins, is forgotten, planned or built. Returns the new item.
   */
  changeUpgrade(
    id: ClusterId,
    read: Upgrade,
    next: Upgrade,
    change: { kubernetesVersion?: KubernetesVersion; snapshotDueAt?: Instant; now: Instant },
  ): Promise<Cluster | undefined>;
  /** fingerprint changed, or its backoff is over. */
  sayDrift(
    id: ClusterId,
    drift: { fingerprint: string; notBefore: Instant; attempts: number; now: Instant },
  ): Promise<boolean>;
}

/** What is recorded of the etcd snapshots in the bucket; items expire with their objects. */
export interface SnapshotStore {
  /** Once; again without effect. */
  record(snapshot: Snapshot): Promise<boolean>;
  /** The oldest first. */
  list(clusterId: ClusterId): Promise<readonly Snapshot[]>;
  /** Where it is still recorded. */
  measure(clusterId: ClusterId, id: string, sizeBytes: number): Promise<void>;
  forget(clusterId: ClusterId, id: string): Promise<void>;
}

export interface NodeStore {
  /** attribute_not_exists(pk); already there with this node's id counts as done. */
  materialise(node: Node): Promise<boolean>;
  get(clusterId: ClusterId, number: number): Promise<Node | undefined>;
  /** Every node item of the cluster, also deleted ones (they expire after 24 h), by number. */
  list(clusterId: ClusterId): Promise<readonly Node[]>;
  /** Through the provider index. */
  byProviderId(cloud: CloudName, accountId: string, providerId: string): Promise<Node | undefined>;
  /** desired = :expected AND (no operation, or mine, or proven dead). Returns the new item. */
  claim(
    clusterId: ClusterId,
    number: number,
    options: { operation: Operation; expectedDesired: 'present' | 'absent'; provenDead?: string },
  ): Promise<Node | undefined>;
  /** operation is mine → removed. `retireNotBefore`: a retirement that failed is not begun again before. */
  release(
    clusterId: ClusterId,
    number: number,
    executionArn: string,
    retireNotBefore?: Instant,
  ): Promise<boolean>;
  /**
   * operation is mine AND attempt = request.attempt − 1 AND desired = present. The same write removes sessionHash,
   * providerId, waitToken, joinedAt, memberForgottenAt, addresses, wireguardPublicKey, meshVersion, failure, readyAt and leftAt, and sets
   * phase `creating` and the offering. While `createRequest` is there, an attempt is in progress.
   */
  beginAttempt(
    clusterId: ClusterId,
    number: number,
    options: { executionArn: string; request: CreateRequest },
  ): Promise<Node | undefined>;
  /**
   * operation is mine AND attempt = :n AND it is in progress; called once nothing of its machine is left. Removes
   * createRequest and all that the machine brought, keeps `failure`, and stores where the next attempt goes.
   */
  endAttempt(
    clusterId: ClusterId,
    number: number,
    options: {
      executionArn: string;
      attempt: number;
      next?: { offering: Offering; accountId: string; standsInFor?: 'spot' };
    },
  ): Promise<Node | undefined>;
  /** attempt = :n AND (no providerId, or this one). False: the machine is surplus and must go. */
  recordMachine(
    clusterId: ClusterId,
    number: number,
    machine: { attempt: number; providerId: string; publicAddress: string; privateAddress: string },
  ): Promise<boolean>;
  /** attempt = :n AND phaseRank < ready AND (no sessionHash, or this one) → phase booting if it was before that. */
  admit(
    clusterId: ClusterId,
    number: number,
    options: { attempt: number; sessionHash: string; now: Instant },
  ): Promise<boolean>;
  /** attempt = :n AND sessionHash = :h AND phaseRank < the new one's. */
  reportPhase(
    clusterId: ClusterId,
    number: number,
    report: { attempt: number; sessionHash: string; phase: NodePhase; now: Instant },
  ): Promise<boolean>;
  /** sessionHash = :h. Whatever of address, key, acknowledged mesh version, silent peers and lastSeenAt is given. */
  recordSync(
    clusterId: ClusterId,
    number: number,
    sync: {
      sessionHash: string;
      publicAddress?: string;
      privateAddress?: string;
      wireguardPublicKey?: string;
      meshVersion?: number;
      silentPeers?: readonly string[];
      lastSeenAt?: Instant;
      leftAt?: Instant;
      interruption?: 'terminate' | 'rebalance';
    },
  ): Promise<boolean>;
  /** attempt = :n AND no failure → joinedAt, once. Returns the new item (with waitToken, if somebody waits). */
  markJoined(
    clusterId: ClusterId,
    number: number,
    options: { attempt: number; now: Instant },
  ): Promise<Node | undefined>;
  /** operation is mine AND attempt = :n → waitToken. Returns the new item: when joinedAt or failure is there, nobody else answers. */
  setWaitToken(
    clusterId: ClusterId,
    number: number,
    options: { executionArn: string; attempt: number; waitToken: string },
  ): Promise<Node | undefined>;
  /**
   * attempt = :n (and, on request, no joinedAt: the platform gives up no machine that came through) → failure. Returns the
   * new item.
   */
  recordFailure(
    clusterId: ClusterId,
    number: number,
    options: { attempt: number; failure: NodeFailure; unlessJoined?: boolean },
  ): Promise<Node | undefined>;
  /** operation is mine AND it has not joined, or its machine has failed → phase failed with its failure. */
  giveUp(
    clusterId: ClusterId,
    number: number,
    options: { executionArn: string; failure: NodeFailure },
  ): Promise<boolean>;
  /** Node exists and desired = present → absent, with when its machine was found lost or consolidation let it go. False when it is already going. */
  retire(
    clusterId: ClusterId,
    number: number,
    why?: Pick<Node, 'lostAt' | 'consolidatedAt'>,
  ): Promise<boolean>;
  /** attempt = :n, and it is in progress → its cloud takes this machine back; that it may does not undo that. Returns the new item. */
  noteInterruption(
    clusterId: ClusterId,
    number: number,
    interruption: { attempt: number; kind: 'terminate' | 'rebalance' },
  ): Promise<Node | undefined>;
  /** Exists and is not gone → desired absent, skipDrain, and no rest: also while it is draining already. */
  retireWithoutDrain(clusterId: ClusterId, number: number): Promise<boolean>;
  /** operation is mine → what holds its draining up, or that nothing does. */
  recordDrain(
    clusterId: ClusterId,
    number: number,
    options: { executionArn: string; heldUp: DrainHeldUp | undefined },
  ): Promise<boolean>;
  /** operation is mine → phase draining or deleting: never backwards, but also out of `failed` once desired is absent. */
  enterPhase(
    clusterId: ClusterId,
    number: number,
    options: { executionArn: string; phase: NodePhase },
  ): Promise<boolean>;
  /** attempt = :n → its machine is of this minor from now on. */
  recordVersion(
    clusterId: ClusterId,
    number: number,
    options: { attempt: number; kubernetesVersion: KubernetesVersion },
  ): Promise<boolean>;
  /** attempt = :n → memberForgottenAt, once. */
  forgetMember(
    clusterId: ClusterId,
    number: number,
    options: { attempt: number; now: Instant },
  ): Promise<boolean>;
  /** desired = absent → phase deleted; the item expires in 24 h, so that its number is not used again before. */
  bury(clusterId: ClusterId, number: number, now: Instant): Promise<boolean>;
}

export interface MeshStore {
  get(clusterId: ClusterId): Promise<Mesh>;
  /** version = :read → version + 1, or attribute_not_exists when read was 0. */
  replace(
    clusterId: ClusterId,
    options: { versionRead: number; members: readonly MeshMember[]; now: Instant },
  ): Promise<Mesh | undefined>;
}

/** What one sync reads, in one BatchGet. */
export interface SyncView {
  readonly cluster: Cluster | undefined;
  readonly node: Node | undefined;
  readonly mesh: Mesh;
}

export interface CloudPartsStore {
  get(clusterId: ClusterId, cloud: CloudName): Promise<CloudParts | undefined>;
  list(clusterId: ClusterId): Promise<readonly CloudParts[]>;
  recordNetwork(clusterId: ClusterId, network: Network): Promise<void>;
  /** What was seen before `at` says nothing of what is to be mended now; what was to be mended was chosen at `from`. */
  recordMended(clusterId: ClusterId, cloud: CloudName, when: { from: Instant; at: Instant }): Promise<void>;
  recordFailure(clusterId: ClusterId, cloud: CloudName, failure: PartFailure): Promise<void>;
  /** Whatever stood in the way does no longer. */
  clearFailure(clusterId: ClusterId, cloud: CloudName): Promise<void>;
  /** It takes traffic; what was seen before `at` says nothing of what is to be mended now. */
  recordLoadBalancer(clusterId: ClusterId, loadBalancer: LoadBalancer, at: Instant): Promise<void>;
  recordLoadBalancerFailure(clusterId: ClusterId, cloud: CloudName, failure: PartFailure): Promise<void>;
  /** Nobody wants one here any more. */
  forgetLoadBalancer(clusterId: ClusterId, cloud: CloudName): Promise<void>;
  forget(clusterId: ClusterId, cloud: CloudName): Promise<void>;
}

/** One item per cluster: what was published of its names. Publishing can be repeated, so most of it has no condition. */
export interface DnsStore {
  get(clusterId: ClusterId): Promise<PublishedDns | undefined>;
  /** Of every live cluster that has any; found through an index, so a cluster of this very moment may be missing. */
  list(): Promise<readonly PublishedDns[]>;
  /** All of it is in the zone, but for `flaws` that no publishing mends. */
  recordPublished(
    clusterId: ClusterId,
    published: {
      clusterName: string;
      records: readonly DnsRecord[];
      flaws: readonly DnsFlaw[];
      at: Instant;
    },
  ): Promise<void>;
  recordFailure(clusterId: ClusterId, failure: PartFailure): Promise<void>;
  /** publishedAt = :publishedAt: what was seen of an earlier publishing says nothing of this one. */
  recordFlaws(
    clusterId: ClusterId,
    seen: { flaws: readonly DnsFlaw[]; publishedAt: Instant },
  ): Promise<boolean>;
  forget(clusterId: ClusterId): Promise<void>;
}

export interface ObservationStore {
  put(cloud: CloudName, observation: SeenCluster, at: Instant): Promise<void>;
  list(clusterId: ClusterId): Promise<readonly Sighting[]>;
  /**
   * Makes the stored findings these; one that was there already keeps the time when it was first seen. Returns those that
   * this very call added and removed: of callers that find the same at once, each is told to one.
   */
  replaceFindings(
    clusterId: ClusterId,
    findings: readonly Finding[],
  ): Promise<{ readonly opened: readonly Finding[]; readonly closed: readonly Finding[] }>;
  findings(clusterId: ClusterId): Promise<readonly Finding[]>;
}

/** One item per cluster, for a day: what its API last showed of pods and nodes. */
export interface WorkloadStore {
  /** A look that began later stays. @throws WorkloadTooLarge */
  put(sighting: WorkloadSighting): Promise<void>;
  get(clusterId: ClusterId): Promise<WorkloadSighting | undefined>;
}

export interface TimelineStore {
  /** Put by time and event id: the same event twice is one entry. */
  record(entry: TimelineEntry): Promise<void>;
  /**
   * Oldest first. `after` is the `cursor` of an earlier page. Unlike elsewhere a page that has anything before it
   * always has a cursor, so that a reader can follow; an end is a page with fewer entries than its limit.
   */
  list(clusterId: ClusterId, options: { limit: number; after?: string }): Promise<Page<TimelineEntry>>;
}

export interface NameStore {
  /** attribute_not_exists(pk) OR clusterId = :me */
  claim(name: string, clusterId: ClusterId): Promise<boolean>;
  lookUp(name: string): Promise<ClusterId | undefined>;
  /** clusterId = :me */
  release(name: string, clusterId: ClusterId): Promise<boolean>;
}

export interface StoredRequest {
  readonly bodyHash: string;
  readonly createdAt: Instant;
}
export interface RequestStore {
  /** attribute_not_exists(pk). Returns what is stored: this one, or the earlier one under the same key. Kept for 24 h. */
  remember(principal: string, key: string, request: StoredRequest): Promise<StoredRequest>;
}

export interface ApiKey {
  readonly hash: string;
  readonly name: string;
  readonly scopes: readonly ('read' | 'write' | 'admin')[];
  readonly createdAt: Instant;
  readonly expiresAt?: Instant;
}
export interface ApiKeyStore {
  put(key: ApiKey): Promise<void>;
  /** By SHA-256 (hex) of the key; an expired one is not found. */
  find(hash: string, now: Instant): Promise<ApiKey | undefined>;
}

export interface AccountStore {
  put(account: CloudAccount): Promise<void>;
  get(cloud: CloudName, id: string): Promise<CloudAccount | undefined>;
  list(): Promise<readonly CloudAccount[]>;
}

export interface CoolOff {
  readonly cloud: CloudName;
  readonly region: string;
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: string;
  readonly until: Instant;
  readonly reason: string;
}
export interface CoolOffStore {
  put(coolOff: CoolOff): Promise<void>;
  /** Those still in force. */
  list(cloud: CloudName, region: string, now: Instant): Promise<readonly CoolOff[]>;
}

/** What one cloud sold in one place when it was last read. */
export interface OfferingListing {
  readonly cloud: CloudName;
  readonly region: string;
  /** Empty where the place has none. */
  readonly zone: string;
  /** When these prices were read; while they stay the same, that they did may have been seen up to half a day later. */
  readonly at: Instant;
  readonly offerings: readonly Offering[];
}
export interface OfferingStore {
  /** nothing there, or `at` <= :at. The same list as is stored is not written again for half a day. */
  put(listing: OfferingListing): Promise<'written' | 'unchanged' | 'overtaken'>;
  /** Undefined when nothing was read there for a day. */
  get(cloud: CloudName, location: Location): Promise<OfferingListing | undefined>;
}

/** Whose calls they are: an account's, where its cloud limits them. */
export interface CallBudgetKey {
  readonly cloud: CloudName;
  readonly accountId: string;
  readonly scope: string;
}
export interface CallBudgetStore {
  get(key: CallBudgetKey): Promise<CallBudget | undefined>;
  /** version = this one's − 1, or attribute_not_exists for the first. */
  replace(key: CallBudgetKey, budget: CallBudget): Promise<boolean>;
}

export interface PkiStore {
  get(clusterId: ClusterId): Promise<StoredPki | undefined>;
  /** attribute_not_exists(pk). Returns what stands afterwards: this one, or the one that was first. */
  create(pki: StoredPki): Promise<StoredPki>;
  /** The platform's own credential for the cluster. */
  credential(clusterId: ClusterId): Promise<StoredCredential | undefined>;
  /** attribute_not_exists(pk), or notAfter = :read. */
  replaceCredential(
    credential: StoredCredential,
    options: { readonly notAfterRead?: Instant },
  ): Promise<boolean>;
  /** Both, for a cluster that is gone. */
  forget(clusterId: ClusterId): Promise<void>;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: Instant;
  readonly who: string;
  readonly from: string;
  readonly action: string;
  readonly subject: string;
  readonly outcome: string;
  readonly requestId: string;
  /** What the action's own words do not say: an issued certificate's serial number, say. Never a secret. */
  readonly details?: Readonly<Record<string, string>>;
}
export interface AuditStore {
  record(entry: AuditEntry): Promise<void>;
}
