import { cloudNames, type Access, type CloudName } from '../shared/domain/cloud.ts';
import type { SealedPurpose } from '../shared/domain/sealed-keys.ts';
import type { EventDefinition } from '../events/event.ts';
import type * as z from 'zod/mini';
import { clusterDegraded } from '../events/cluster-degraded.ts';
import { clusterDeleted } from '../events/cluster-deleted.ts';
import { clusterDeletionBlocked } from '../events/cluster-deletion-blocked.ts';
import { clusterDeletionRequested } from '../events/cluster-deletion-requested.ts';
import { clusterFailed } from '../events/cluster-failed.ts';
import { clusterReady } from '../events/cluster-ready.ts';
import { clusterRequested } from '../events/cluster-requested.ts';
import { clusterRestoreRequested } from '../events/cluster-restore-requested.ts';
import { clusterRestored } from '../events/cluster-restored.ts';
import { driftFound } from '../events/drift-found.ts';
import { findingClosed } from '../events/finding-closed.ts';
import { findingOpened } from '../events/finding-opened.ts';
import { etcdSnapshotFailed } from '../events/etcd-snapshot-failed.ts';
import { etcdSnapshotTaken } from '../events/etcd-snapshot-taken.ts';
import { nodeDrainHeldUp } from '../events/node-drain-held-up.ts';
import { nodeFailed } from '../events/node-failed.ts';
import { nodeJoined } from '../events/node-joined.ts';
import { nodeReady } from '../events/node-ready.ts';
import { nodeRequested } from '../events/node-requested.ts';
import { nodeRetired } from '../events/node-retired.ts';
import { nodeRetirementRequested } from '../events/node-retirement-requested.ts';
import { nodeUpgradeBegun } from '../events/node-upgrade-begun.ts';
import { nodeUpgraded } from '../events/node-upgraded.ts';
import { nodesPlanned } from '../events/nodes-planned.ts';
import { operationSettled } from '../events/operation-settled.ts';
import { podsUnschedulable } from '../events/pods-unschedulable.ts';
import { ingressChanged } from '../events/ingress-changed.ts';
import { policyChanged } from '../events/policy-changed.ts';
import { spotInterruption } from '../events/spot-interruption.ts';
import { upgradeFinished } from '../events/upgrade-finished.ts';
import { upgradePaused } from '../events/upgrade-paused.ts';
import { upgradeRequested } from '../events/upgrade-requested.ts';
import { upgradeResumed } from '../events/upgrade-resumed.ts';

type AnyEvent = EventDefinition<string, z.ZodMiniType>;

/** What a function may do, and nothing else: its role is made from this. */
export interface FunctionSpec {
  /** The folder under functions/, and with a cloud its sub-folder: `drive-cloud-aws` is functions/drive-cloud/aws. */
  readonly name: string;
  readonly entry: string;
  readonly why: string;
  readonly timeoutSeconds: number;
  /** MB; Lambda gives CPU in proportion, and init is CPU. */
  readonly memoryMb: number;
  /** Kept free of the account's concurrency for this function alone, and at most so many at once. */
  readonly reservedConcurrency?: number;
  /** Whose credentials it may read, and which of them. */
  readonly cloud?: { readonly name: CloudName; readonly access: Access };
  readonly table?: readonly TableAction[];
  readonly says?: readonly AnyEvent[];
  readonly tokenKey?: 'GenerateMac' | 'VerifyMac';
  /** The key that seals clusters' authorities and the platform's credentials, each use bound to its purpose. */
  readonly pkiKey?: readonly {
    readonly action: 'GenerateDataKey' | 'Decrypt';
    readonly purpose: SealedPurpose;
  }[];
  /** On the bucket of etcd snapshots. Only who hands out the clusters' authorities hands out a snapshot: sizes are had from the list. */
  readonly snapshots?: readonly ('GetObject' | 'PutObject' | 'DeleteObject' | 'ListBucket')[];
  readonly executions?: readonly ('DescribeExecution' | 'StopExecution' | 'SendTaskSuccess')[];
  readonly sendsTo?: readonly QueueName[];
  readonly needsApiUrl?: true;
  /**
   * What it has to do with clusters' names, where the installation has a hosted zone: it `knows` the zone, `reads` what is in
   * it and the health checks, or `changes` both.
   */
  readonly hostedZone?: 'knows' | 'reads' | 'changes';
  /** KB of its bundle that must not be exceeded. */
  readonly bundleKbMax: number;
}

export type TableAction = 'GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'Query' | 'BatchGetItem';
export type QueueName = 'reconcile' | 'observe-pods' | `observe-${CloudName}`;

const small = { timeoutSeconds: 20, memoryMb: 512, bundleKbMax: 400 } as const;
const cloudFunction = { memoryMb: 512, bundleKbMax: 1024 } as const;

export const functionSpecs: readonly FunctionSpec[] = [
  {
    ...small,
    name: 'serve-api',
    entry: 'functions/serve-api/handler.ts',
    why: 'the public API',
    table: ['GetItem', 'PutItem', 'UpdateItem', 'Query', 'BatchGetItem'],
    says: [
      clusterRequested,
      clusterDeletionRequested,
      clusterRestoreRequested,
      nodesPlanned,
      nodeRetirementRequested,
      ingressChanged,
      policyChanged,
    ],
    hostedZone: 'knows',
  },
  {
    ...small,
    name: 'upgrade-cluster',
    entry: 'functions/upgrade-cluster/handler.ts',
    why: 'takes a cluster to the next Kubernetes minor, pauses that and goes on',
    table: ['GetItem', 'PutItem', 'UpdateItem', 'Query'],
    says: [upgradeRequested, upgradePaused, upgradeResumed],
  },
  {
    ...small,
    name: 'request-reconcile',
    entry: 'functions/request-reconcile/handler.ts',
    why: 'has a cluster looked at, or says what would be done for it',
    table: ['GetItem', 'PutItem', 'UpdateItem', 'Query'],
    hostedZone: 'knows',
  },
  {
    ...small,
    name: 'issue-kubeconfig',
    entry: 'functions/issue-kubeconfig/handler.ts',
    why: 'lets a person into a cluster for a day',
    table: ['GetItem', 'PutItem', 'Query'],
    pkiKey: [{ action: 'Decrypt', purpose: 'pki' }],
    bundleKbMax: 650,
  },
  {
    ...small,
    name: 'admit-node',
    entry: 'functions/admit-node/handler.ts',
    why: 'binds a machine to its node',
    table: ['GetItem', 'UpdateItem'],
    tokenKey: 'VerifyMac',
    bundleKbMax: 300,
  },
  {
    ...small,
    name: 'issue-node-files',
    entry: 'functions/issue-node-files/handler.ts',
    why: 'gives a machine that may begin what kubeadm needs',
    table: ['GetItem', 'PutItem', 'Query', 'BatchGetItem'],
    pkiKey: [
      { action: 'GenerateDataKey', purpose: 'pki' },
      { action: 'Decrypt', purpose: 'pki' },
    ],
    snapshots: ['GetObject'],
    bundleKbMax: 600,
    hostedZone: 'knows',
  },
  {
    ...small,
    name: 'answer-node-sync',
    entry: 'functions/answer-node-sync/handler.ts',
    why: 'tells a node what to do next',
    table: ['GetItem', 'PutItem', 'UpdateItem', 'Query', 'BatchGetItem'],
    says: [
      nodeJoined,
      nodeReady,
      nodeFailed,
      spotInterruption,
      podsUnschedulable,
      clusterRestored,
      etcdSnapshotTaken,
      etcdSnapshotFailed,
      nodeUpgraded,
    ],
    snapshots: ['PutObject'],
    bundleKbMax: 300,
  },
  {
    ...small,
    name: 'claim-operation',
    entry: 'functions/claim-operation/handler.ts',
    why: 'gives an execution its cluster or node',
    timeoutSeconds: 60,
    table: ['GetItem', 'UpdateItem', 'Query'],
    executions: ['DescribeExecution', 'StopExecution'],
  },
  {
    ...small,
    name: 'settle-operation',
    entry: 'functions/settle-operation/handler.ts',
    why: 'the last writes of every execution',
    table: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query'],
    says: [operationSettled, nodeFailed, nodeRetired, clusterDeleted, clusterDeletionBlocked],
    snapshots: ['ListBucket', 'DeleteObject'],
  },
  {
    ...small,
    name: 'request-nodes',
    entry: 'functions/request-nodes/handler.ts',
    why: 'turns a plan into nodes',
    table: ['GetItem', 'PutItem', 'UpdateItem', 'Query'],
    says: [nodeRequested],
  },
  {
    ...small,
    name: 'await-node',
    entry: 'functions/await-node/handler.ts',
    why: 'leaves a token where the joining node is recorded',
    table: ['UpdateItem', 'Query'],
    executions: ['SendTaskSuccess'],
  },
  {
    ...small,
    name: 'record-node-joined',
    entry: 'functions/record-node-joined/handler.ts',
    why: 'answers the token that waits for a node',
    table: ['GetItem', 'UpdateItem', 'Query'],
    executions: ['SendTaskSuccess'],
  },
  {
    ...small,
    name: 'configure-cluster',
    entry: 'functions/configure-cluster/handler.ts',
    why: 'lets the platform and its people into a cluster, and keeps them in',
    timeoutSeconds: 60,
    table: ['GetItem', 'PutItem', 'Query'],
    pkiKey: [
      { action: 'Decrypt', purpose: 'pki' },
      { action: 'GenerateDataKey', purpose: 'platform-credential' },
      { action: 'Decrypt', purpose: 'platform-credential' },
    ],
    bundleKbMax: 600,
  },
  {
    ...small,
    name: 'forget-node',
    entry: 'functions/forget-node/handler.ts',
    why: 'removes a node from its cluster once its machine is gone',
    timeoutSeconds: 30,
    table: ['GetItem', 'Query'],
    pkiKey: [{ action: 'Decrypt', purpose: 'platform-credential' }],
    bundleKbMax: 350,
  },
  {
    ...small,
    name: 'name-workers',
    entry: 'functions/name-workers/handler.ts',
    why: 'gives workers that joined late the role label that no kubelet may give itself',
    timeoutSeconds: 30,
    table: ['GetItem', 'Query'],
    pkiKey: [{ action: 'Decrypt', purpose: 'platform-credential' }],
    bundleKbMax: 350,
  },
  {
    ...small,
    name: 'relay-cloud-event',
    entry: 'functions/relay-cloud-event/handler.ts',
    why: 'says of EC2’s own events which node they are about, where they are about any',
    table: ['UpdateItem', 'Query'],
    says: [spotInterruption],
    bundleKbMax: 300,
  },
  {
    ...small,
    name: 'replace-interrupted-node',
    entry: 'functions/replace-interrupted-node/handler.ts',
    why: 'plans another node while the one that its cloud takes back still runs',
    timeoutSeconds: 60,
    // Interruptions come in waves, and two minutes are all that a notice leaves: nobody else's load may be in their way.
    reservedConcurrency: 10,
    table: ['GetItem', 'PutItem', 'UpdateItem', 'Query'],
    says: [nodesPlanned],
    bundleKbMax: 300,
  },
  {
    ...small,
    name: 'prune-snapshots',
    entry: 'functions/prune-snapshots/handler.ts',
    why: 'looks whether a snapshot is where it should be, and lets the old ones go',
    table: ['GetItem', 'UpdateItem', 'DeleteItem', 'Query'],
    snapshots: ['ListBucket', 'DeleteObject'],
    bundleKbMax: 280,
  },
  {
    ...small,
    name: 'drain-node',
    entry: 'functions/drain-node/handler.ts',
    why: 'takes the work off a node that leaves, as disruption budgets allow',
    timeoutSeconds: 60,
    table: ['GetItem', 'UpdateItem', 'Query'],
    pkiKey: [{ action: 'Decrypt', purpose: 'platform-credential' }],
    says: [nodeDrainHeldUp],
    bundleKbMax: 350,
  },
  {
    ...small,
    name: 'publish-dns',
    entry: 'functions/publish-dns/handler.ts',
    why: 'makes a cluster’s names lead where they should',
    timeoutSeconds: 60,
    table: ['GetItem', 'UpdateItem', 'DeleteItem', 'Query'],
    hostedZone: 'changes',
  },
  {
    ...small,
    name: 'observe-dns',
    entry: 'functions/observe-dns/handler.ts',
    why: 'looks at the hosted zone, changes nothing there',
    timeoutSeconds: 60,
    table: ['UpdateItem', 'Query', 'BatchGetItem'],
    sendsTo: ['reconcile'],
    hostedZone: 'reads',
  },
  {
    ...small,
    name: 'tick-clusters',
    entry: 'functions/tick-clusters/handler.ts',
    why: 'finds the clusters that are due',
    timeoutSeconds: 50,
    table: ['GetItem', 'UpdateItem', 'Query'],
    sendsTo: ['reconcile', 'observe-pods', ...cloudNames.map((cloud) => `observe-${cloud}` as const)],
  },
  {
    ...small,
    name: 'observe-pods',
    entry: 'functions/observe-pods/handler.ts',
    why: 'looks at what runs and waits in a cluster, where a policy needs to know',
    timeoutSeconds: 60,
    // 28,000 pods, page by page, and all that is kept of them.
    memoryMb: 1024,
    table: ['GetItem', 'PutItem', 'Query'],
    pkiKey: [{ action: 'Decrypt', purpose: 'platform-credential' }],
    sendsTo: ['reconcile'],
    bundleKbMax: 350,
  },
  {
    ...small,
    name: 'reconcile-cluster',
    entry: 'functions/reconcile-cluster/handler.ts',
    why: 'the only one that decides for a cluster',
    table: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query'],
    executions: ['DescribeExecution'],
    says: [
      findingOpened,
      findingClosed,
      driftFound,
      clusterDeletionRequested,
      nodesPlanned,
      nodeRequested,
      nodeRetirementRequested,
      clusterReady,
      clusterDegraded,
      clusterFailed,
      nodeUpgradeBegun,
      upgradeFinished,
    ],
    hostedZone: 'knows',
  },
  {
    ...small,
    name: 'record-timeline',
    entry: 'functions/record-timeline/handler.ts',
    why: 'keeps what happened',
    table: ['PutItem'],
  },
  ...cloudNames.map((cloud): FunctionSpec => ({
    ...cloudFunction,
    name: `drive-cloud-${cloud}`,
    entry: `functions/drive-cloud/${cloud}/handler.ts`,
    why: `the only one that changes anything in ${cloud}`,
    timeoutSeconds: 60,
    cloud: { name: cloud, access: 'drive' },
    table: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query'],
    tokenKey: 'GenerateMac',
    needsApiUrl: true,
  })),
  ...cloudNames.map((cloud): FunctionSpec => ({
    ...cloudFunction,
    name: `observe-cloud-${cloud}`,
    entry: `functions/observe-cloud/${cloud}/handler.ts`,
    why: `looks at ${cloud}, changes nothing there`,
    timeoutSeconds: 60,
    cloud: { name: cloud, access: 'look' },
    table: ['GetItem', 'PutItem', 'Query', 'BatchGetItem'],
    sendsTo: ['reconcile', `observe-${cloud}`],
  })),
  ...cloudNames.map((cloud): FunctionSpec => ({
    ...cloudFunction,
    name: `refresh-offerings-${cloud}`,
    entry: `functions/refresh-offerings/${cloud}/handler.ts`,
    why: `reads what ${cloud} sells and for how much`,
    // Azure has a region's prices on dozens of pages, and a dozen regions may be in use.
    timeoutSeconds: 600,
    cloud: { name: cloud, access: 'look' },
    table: ['GetItem', 'PutItem', 'Query'],
  })),
];

export const functionSpec = (name: string): FunctionSpec => {
  const spec = functionSpecs.find((each) => each.name === name);
  if (spec === undefined) throw new Error(`no function ${name}`);
  return spec;
};
