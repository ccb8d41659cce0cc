import * as z from 'zod/mini';
import { allEvents } from '../../events/all.ts';
import type { Detail } from '../../events/event.ts';

type TimelineEvent = (typeof allEvents)[number];
type Named<Name extends string> = Extract<TimelineEvent, { name: Name }>;

const because = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`);

/** What an event says to people; undefined for those that are about no cluster, or only the platform's own affair. */
const sentences: {
  readonly [Name in TimelineEvent['name']]: ((detail: Detail<Named<Name>>) => string) | undefined;
} = {
  ClusterRequested: () => 'the cluster was asked for',
  FindingOpened: ({ message, remedy }) => `${message}: ${remedy}`,
  FindingClosed: ({ message, how }) => `${how === 'mended' ? 'put right' : 'no longer so'}: ${message}`,
  DriftFound: ({ reason }) => `being put right: ${reason}`,
  ClusterDeletionRequested: () => 'its deletion was asked for',
  ClusterDeletionBlocked: ({ reason }) => `its deletion was refused: ${reason}`,
  ClusterRestoreRequested: ({ snapshot, number }) =>
    `its restore from snapshot ${snapshot} was asked for: control plane ${number} is made for it, and all others go first`,
  ClusterRestored: ({ snapshot, number }) =>
    `control plane ${number} serves what snapshot ${snapshot} held: what was changed after it is lost`,
  NodesPlanned: ({ reason }) => `nodes were planned${because(reason)}`,
  NodeRequested: ({ number }) => `node ${number} was asked for`,
  NodeRetirementRequested: ({ number, reason }) => `node ${number} is to go${because(reason)}`,
  NodeJoined: ({ number, attempt }) => `node ${number} joined${attempt > 1 ? ` at attempt ${attempt}` : ''}`,
  NodeReady: ({ number }) => `node ${number} is ready`,
  NodeFailed: ({ number, attempt, reason }) => `node ${number} failed at attempt ${attempt}: ${reason}`,
  NodeDrainHeldUp: ({ number, reason }) => `node ${number} cannot be drained for now: ${reason}`,
  NodeRetired: ({ number }) => `node ${number} is gone`,
  SpotInterruption: ({ number, kind }) =>
    kind === 'terminate'
      ? `node ${number} is being taken back by its cloud`
      : `node ${number} may be taken back`,
  EtcdSnapshotTaken: ({ number, snapshot }) => `node ${number} put the etcd snapshot ${snapshot} away`,
  EtcdSnapshotFailed: ({ number, reason }) => `node ${number} could not take an etcd snapshot: ${reason}`,
  PodsUnschedulable: () => 'pods fit on no node',
  IngressChanged: ({ loadBalancers }) =>
    loadBalancers ? 'load balancers were asked for' : 'its load balancers are no longer wanted',
  PolicyChanged: ({ changes }) => `its policies were changed: ${changes}`,
  UpgradeRequested: ({ to }) => `Kubernetes ${to} was asked for`,
  NodeUpgradeBegun: ({ number, to }) => `control plane ${number} moves to Kubernetes ${to}`,
  NodeUpgraded: ({ number, to }) => `control plane ${number} is of Kubernetes ${to}`,
  UpgradePaused: ({ to }) => `the upgrade to Kubernetes ${to} was paused`,
  UpgradeResumed: ({ to }) => `the upgrade to Kubernetes ${to} goes on`,
  UpgradeFinished: ({ to }) => `every node is of Kubernetes ${to}`,
  OperationSettled: ({ kind, outcome, number, reason }) =>
    `${kind}${number === undefined ? '' : ` of node ${number}`} ${outcome}${because(reason)}`,
  ReconcileTick: undefined,
  ClusterReady: () => 'the cluster is ready',
  ClusterDegraded: ({ reason }) => `the cluster is degraded: ${reason}`,
  ClusterFailed: ({ reason }) => `the cluster failed: ${reason}`,
  ClusterDeleted: () => 'the cluster is gone',
};

const subject = z.object({ clusterId: z.uuid(), number: z.optional(z.int()) });

export interface Description {
  readonly clusterId: string;
  readonly nodeNumber?: number;
  readonly message: string;
}

/** Undefined for what belongs in no cluster's timeline. @throws when the detail is not of its event's form. */
export function describeEvent(name: string, detail: unknown): Description | undefined {
  const definition = allEvents.find((each) => each.name === name);
  const sentence = definition && (sentences[definition.name] as ((detail: unknown) => string) | undefined);
  if (definition === undefined || sentence === undefined) return undefined;
  const { clusterId, number } = z.parse(subject, detail);
  return {
    clusterId,
    ...(number !== undefined && { nodeNumber: number }),
    message: sentence(z.parse(definition.schema, detail)),
  };
}
