import { clusterDeletionRequested } from '../events/cluster-deletion-requested.ts';
import { clusterRequested } from '../events/cluster-requested.ts';
import { clusterRestoreRequested } from '../events/cluster-restore-requested.ts';
import { clusterRestored } from '../events/cluster-restored.ts';
import { driftFound } from '../events/drift-found.ts';
import { etcdSnapshotTaken } from '../events/etcd-snapshot-taken.ts';
import { ingressChanged } from '../events/ingress-changed.ts';
import { nodeFailed } from '../events/node-failed.ts';
import { nodeJoined } from '../events/node-joined.ts';
import { nodeReady } from '../events/node-ready.ts';
import { nodeRequested } from '../events/node-requested.ts';
import { nodeRetirementRequested } from '../events/node-retirement-requested.ts';
import { nodesPlanned } from '../events/nodes-planned.ts';
import { operationSettled } from '../events/operation-settled.ts';
import { podsUnschedulable } from '../events/pods-unschedulable.ts';
import { policyChanged } from '../events/policy-changed.ts';
import { spotInterruption } from '../events/spot-interruption.ts';
import { nodeUpgraded } from '../events/node-upgraded.ts';
import { upgradeRequested } from '../events/upgrade-requested.ts';
import { upgradeResumed } from '../events/upgrade-resumed.ts';
import { cloudNames } from '../shared/domain/cloud.ts';
import type { OperationKind } from '../shared/domain/operation.ts';
import type { QueueName } from './functions.ts';

/** Who acts: a state machine, started with the event's detail; a function or a queue, given the whole event. */
export type EventTarget =
  | { readonly machine: OperationKind }
  | { readonly function: string }
  | { readonly queue: QueueName };

export interface EventRoute {
  /** The rule's name in the stack. */
  readonly id: string;
  readonly events: readonly { readonly name: string; readonly sources: readonly string[] }[];
  readonly to: EventTarget;
}

/** Who acts on what: the table of the design as data, for the stack and for whoever simulates the bus. */
export const eventRoutes: readonly EventRoute[] = [
  {
    id: 'ProvisionCluster',
    events: [clusterRequested, driftFound, ingressChanged],
    to: { machine: 'ProvisionCluster' },
  },
  { id: 'CleanupCluster', events: [clusterDeletionRequested], to: { machine: 'CleanupCluster' } },
  { id: 'ProvisionNode', events: [nodeRequested], to: { machine: 'ProvisionNode' } },
  { id: 'RetireNode', events: [nodeRetirementRequested], to: { machine: 'RetireNode' } },
  { id: 'RequestNodes', events: [nodesPlanned], to: { function: 'request-nodes' } },
  { id: 'RecordNodeJoined', events: [nodeJoined, nodeFailed], to: { function: 'record-node-joined' } },
  { id: 'NameWorkers', events: [nodeReady], to: { function: 'name-workers' } },
  // A cluster in a place where nobody was before: until the schedule comes round, nobody knows what is sold there.
  ...cloudNames.map((cloud): EventRoute => ({
    id: `ReadOfferings${cloud}`,
    events: [clusterRequested],
    to: { function: `refresh-offerings-${cloud}` },
  })),
  { id: 'PruneSnapshots', events: [etcdSnapshotTaken], to: { function: 'prune-snapshots' } },
  {
    id: 'ReplaceInterruptedNode',
    events: [spotInterruption],
    to: { function: 'replace-interrupted-node' },
  },
  { id: 'ObservePods', events: [podsUnschedulable, policyChanged], to: { queue: 'observe-pods' } },
  {
    id: 'Reconcile',
    events: [
      nodeReady,
      operationSettled,
      clusterRestoreRequested,
      clusterRestored,
      policyChanged,
      upgradeRequested,
      upgradeResumed,
      nodeUpgraded,
    ],
    to: { queue: 'reconcile' },
  },
];

/** What EC2 says on the account's own bus; of most instances there it is nobody's of ours. */
export const cloudEvents = {
  function: 'relay-cloud-event',
  source: 'aws.ec2',
  detailTypes: [
    'EC2 Spot Instance Interruption Warning',
    'EC2 Instance Rebalance Recommendation',
    'EC2 Instance State-change Notification',
  ],
} as const;
/** Everything that anybody of the platform says is written down. */
export const timelineFunction = 'record-timeline';
/** Executions that ended without settling give up what they own. */
export const deadExecutions = {
  function: 'settle-operation',
  statuses: ['FAILED', 'TIMED_OUT', 'ABORTED'],
} as const;
/** Whatever events did not do, the tick finds. */
export const tick = { function: 'tick-clusters', everyMinutes: 1 } as const;

/** As often as a quiet cluster is looked at. */
export const nameReading = { function: 'observe-dns', everyMinutes: 2 } as const;

/** Prices move. */
export const priceReading = {
  functions: cloudNames.map((cloud) => `refresh-offerings-${cloud}`),
  everyHours: 1,
  /** So many readings in a row may fail before somebody is called. */
  failingHoursMax: 3,
} as const;

/** How often a message is tried before it waits for a person. */
export const receivesMax = 5;
/**
 * How many of a queue's messages are worked off at once. A cluster's API may keep a look at its pods waiting for as long as it
 * may last, so none waits behind another: 10,000 clusters that are looked at every few minutes are some fifty at a time.
 */
export const consumption = (
  queue: QueueName,
): { readonly batchSize: number; readonly concurrencyMax: number } =>
  queue === 'observe-pods' ? { batchSize: 1, concurrencyMax: 50 } : { batchSize: 10, concurrencyMax: 5 };
/** Which function takes a queue's messages. */
export const queueConsumer = (queue: QueueName): string => {
  if (queue === 'observe-pods') return queue;
  return queue === 'reconcile' ? 'reconcile-cluster' : queue.replace('observe-', 'observe-cloud-');
};
/** AWS asks for six times the function's timeout, so that a throttled batch is not seen twice at once. */
export const visibilitySeconds = (functionTimeoutSeconds: number): number => 6 * functionTimeoutSeconds;
