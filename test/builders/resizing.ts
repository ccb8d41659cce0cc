import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster, CloudParts } from '../../shared/domain/cluster.ts';
import type { Finding } from '../../shared/domain/finding.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Sighting } from '../../shared/domain/observation.ts';
import type { Market, OfferingName } from '../../shared/domain/offering.ts';
import type { DisruptionBudget, Pod } from '../../shared/domain/pod.ts';
import type { Policies } from '../../shared/domain/policy.ts';
import type { SeenNode, WorkloadSighting } from '../../shared/domain/workload.ts';
import { allocatableOf } from '../../shared/planning/allocatable.ts';
import { labelsOnceJoined, taintsOf } from '../../shared/planning/node-labels.ts';
import { reconcile, type Reconciliation } from '../../shared/planning/reconcile.ts';
import { aCluster, anExecution, exampleTime } from './cluster.ts';
import { aMarket } from './market.ts';
import { aNode } from './node.ts';

export const now = plusSeconds(exampleTime, 7200);
export const ago = (seconds: number): string => plusSeconds(now, -seconds);
export const operation = { executionArn: anExecution(), kind: 'RetireNode' as const, startedAt: ago(10) };
export const network = (cloud: CloudName): CloudParts => ({
  clusterId: 'c',
  cloud,
  network: { cloud, location: { region: 'r', zone: '' }, range: '', subnetRange: '', parts: {} },
});

/** Ready for an hour, with 4 vCPUs. */
export const node = (number: number, given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: 'c',
    number,
    id: `id-${number}`,
    phase: 'ready',
    attempt: 1,
    providerId: `i-${number}`,
    joinedAt: ago(3600),
    readyAt: ago(3600),
    lastSeenAt: ago(10),
    createdAt: ago(3700),
    ...given,
  });
export const controlPlane = node(1, { role: 'control-plane' });
export const bought = { boughtFor: 'unschedulable-pods' } as const;
export const failed = (number: number, secondsAgo: number): Node =>
  node(number, {
    ...bought,
    phase: 'deleted',
    desired: 'absent',
    createdAt: ago(secondsAgo),
    readyAt: undefined as never,
    failure: { reason: 'CapacityUnavailable: aws' },
  });

export const gibibyte = 2 ** 30;
export const pod = (name: string, given: Partial<Pod> = {}): Pod => ({
  name,
  namespace: 'default',
  requests: { cpuMillis: 1000, memoryBytes: gibibyte },
  ...given,
});
export const pods = (count: number, given: Partial<Pod> = {}): Pod[] =>
  Array.from({ length: count }, (_, index) => pod(`p-${index}`, given));
const seen = ({ number, offering }: Node, given: Partial<SeenNode> = {}): SeenNode => ({
  name: `four-clouds-${number}`,
  labels: { ...labelsOnceJoined(offering), 'kubernetes.io/hostname': `four-clouds-${number}` },
  taints:
    number === 1
      ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }]
      : taintsOf(offering),
  allocatable: allocatableOf(offering),
  isReady: true,
  pods: [],
  ...given,
});

/** Every cloud was just seen, with the machines of these nodes. */
const seenClouds = (nodes: readonly Node[]): readonly Sighting[] =>
  cloudNames.map((cloud) => ({
    cloud,
    at: ago(20),
    observation: {
      clusterId: 'c',
      machines: nodes
        .filter((each) => each.cloud === cloud && each.phase !== 'deleted')
        .map(({ id, providerId = '', createdAt }) => ({
          providerId,
          name: id,
          nodeId: id,
          state: 'running' as const,
          createdAt,
        })),
      resources: [{ kind: 'network', id: 'n', name: 'n' }],
      strangers: [],
    },
  }));

export interface Given {
  readonly policies: Policies;
  readonly nodes?: readonly Node[];
  readonly waiting?: readonly Pod[];
  /** By number. */
  readonly running?: Readonly<Record<number, readonly Pod[]>>;
  readonly emptySince?: Readonly<Record<number, string>>;
  readonly budgets?: readonly DisruptionBudget[] | 'unknown';
  readonly sighting?: Partial<WorkloadSighting>;
  readonly sightings?: readonly Sighting[];
  readonly cluster?: Partial<Cluster>;
  readonly coolOffs?: readonly OfferingName[];
  readonly market?: Market;
  readonly parts?: readonly CloudParts[];
  readonly known?: readonly Finding[];
}
/** What is decided for a cluster that was all seen within the last half minute. */
export const decide = (given: Given): Reconciliation => {
  const { nodes = [controlPlane, node(2)], running = {}, emptySince = {}, waiting = [] } = given;
  return reconcile({
    cluster: aCluster({
      id: 'c',
      status: 'ready',
      readyAt: exampleTime,
      provisionedGeneration: 1,
      policies: given.policies,
      ...given.cluster,
    }),
    nodes,
    parts: given.parts ?? cloudNames.map(network),
    sightings: given.sightings ?? seenClouds(nodes),
    workload: {
      clusterId: 'c',
      at: ago(30),
      workload: {
        nodes: nodes
          .filter(({ phase }) => phase === 'ready')
          .map((each) =>
            seen(each, {
              pods: running[each.number] ?? [],
              ...(emptySince[each.number] !== undefined && { emptySince: emptySince[each.number] ?? '' }),
            }),
          ),
        waiting,
        heldUp: [],
        daemonSets: [],
        ...(given.budgets !== 'unknown' && { budgets: given.budgets ?? [] }),
      },
      ...given.sighting,
    } as WorkloadSighting,
    known: given.known ?? [],
    market: given.market ?? aMarket({ coolOffs: given.coolOffs ?? [] }),
    now,
    jitter: 0.5,
  });
};
/** `buy aws 4 vCPU on-demand for spot`, `retire 7` */
export const done = (given: Given): readonly string[] =>
  decide(given).actions.flatMap((action) => {
    switch (action.kind) {
      case 'plan':
        return action.nodes.map(
          ({ offering, replaces, standsInFor }) =>
            `buy ${offering.cloud} ${offering.vcpus} vCPU ${offering.lifecycle}${standsInFor === undefined ? '' : ` for ${standsInFor}`}${replaces === undefined ? '' : ` in place of ${replaces}`}`,
        );
      case 'retire':
        return [`retire ${action.number}`];
      default:
        return [];
    }
  });
export const on: Policies = { unschedulablePods: {} };
