import type { Cluster } from '../../../shared/domain/cluster.ts';
import { nodeName, type Node } from '../../../shared/domain/node.ts';
import type { Offering } from '../../../shared/domain/offering.ts';
import { allocatableOf } from '../../../shared/planning/allocatable.ts';
import { labelsOnceJoined, nodeLabels, taintsOf } from '../../../shared/planning/node-labels.ts';
import type { Outside } from '../platform/outside.ts';
import type { SimulatedMachine } from './machine.ts';

/** A pod as people describe it. */
export interface PodShape {
  readonly cpuMillis: number;
  /** It may run on spot. */
  readonly mayBeOnSpot: boolean;
}
interface SimulatedPod extends PodShape {
  /** Another one each time it is made anew. */
  name: string;
  /** The machine that it runs on; absent: it waits. */
  on: SimulatedMachine | undefined;
}

interface Parts {
  readonly outside: Outside;
  readonly machines: readonly SimulatedMachine[];
  readonly clusterOf: (clusterId: string) => Cluster | undefined;
  readonly nodesOf: (clusterId: string) => readonly Node[];
}

const mebibyte = 2 ** 20;
const podMebibytes = 64;
const path = {
  pods: /^\/api\/v1\/pods(?:\?|$)/,
  podsOn: /fieldSelector=spec\.nodeName%3D([^&]+)/,
  nodes: /^\/api\/v1\/nodes(?:\?|$)/,
  node: /^\/api\/v1\/nodes\/([^/?]+)$/,
  eviction: /^\/api\/v1\/namespaces\/default\/pods\/([^/]+)\/eviction$/,
};

/**
 * What runs in the worlds' clusters, and what their API says of it: Deployments that people scale, a scheduler that fills the
 * node with the most room, cordons and evictions. It shares no rule with the planner but what a machine offers.
 */
export class Workloads {
  readonly #parts: Parts;
  readonly #pods = new Map<string, SimulatedPod[]>();
  readonly #cordoned = new Set<SimulatedMachine>();
  #made = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** So many pods of a kind more. */
  deploy(clusterId: string, shape: PodShape, count: number): void {
    const pods = this.#pods.get(clusterId) ?? [];
    for (let each = 0; each < count; each += 1) pods.push({ ...shape, name: this.#newName(), on: undefined });
    this.#pods.set(clusterId, pods);
    this.schedule(clusterId);
  }

  /** A share of them is no longer wanted. */
  scaleDown(clusterId: string, share: number): void {
    const { random } = this.#parts.outside;
    const left = (this.#pods.get(clusterId) ?? []).filter(() => !random.chance(share));
    this.#pods.set(clusterId, left);
    this.schedule(clusterId);
  }

  /** Clusters in which anything ever ran. */
  get clusterIds(): readonly string[] {
    return [...this.#pods.keys()];
  }

  waiting(clusterId: string): readonly PodShape[] {
    return (this.#pods.get(clusterId) ?? []).filter(({ on }) => on === undefined);
  }

  /**
   * Whether all that waits, or is to lose its place, would find room: on what is there to stay, and on these that are still to
   * come.
   */
  wouldFit(clusterId: string, coming: readonly { readonly offering: Offering }[]): boolean {
    const standing = this.#nodes(clusterId);
    const going = new Set(standing.filter(({ node }) => !isToStay(node)).map(({ machine }) => machine));
    const rooms = [
      ...standing
        .filter(({ machine, node }) => this.#takesPods(machine) && isToStay(node))
        .map(({ machine, node: { offering } }) => ({
          offering,
          free: this.#freeOn(clusterId, machine, offering),
        })),
      ...coming.map(({ offering }) => ({ offering, free: allocatableOf(offering).cpuMillis })),
    ];
    const homeless = (this.#pods.get(clusterId) ?? []).filter(({ on }) => on === undefined || going.has(on));
    for (const pod of homeless.toSorted((a, b) => b.cpuMillis - a.cpuMillis)) {
      const [room] = rooms
        .filter(({ offering, free }) => mayBeOn(pod, offering) && free >= pod.cpuMillis)
        .toSorted((a, b) => a.free - b.free);
      if (room === undefined) return false;
      room.free -= pod.cpuMillis;
    }
    return true;
  }

  /** Pods whose machine is gone are made anew, at once where a cluster would wait for five minutes; those that wait are bound where there is most room. */
  schedule(clusterId: string): void {
    const pods = this.#pods.get(clusterId);
    if (pods === undefined) return;
    for (const pod of pods)
      if (pod.on !== undefined && !pod.on.runs) {
        pod.on = undefined;
        pod.name = this.#newName();
      }
    const rooms = this.#nodes(clusterId)
      .filter(({ machine }) => this.#takesPods(machine))
      .map(({ machine, node: { offering } }) => ({
        machine,
        offering,
        free: this.#freeOn(clusterId, machine, offering),
      }));
    for (const pod of pods) {
      if (pod.on !== undefined) continue;
      const [room] = rooms
        .filter(({ offering, free }) => mayBeOn(pod, offering) && free >= pod.cpuMillis)
        .toSorted((a, b) => b.free - a.free);
      if (room === undefined) continue;
      room.free -= pod.cpuMillis;
      pod.on = room.machine;
    }
  }

  // ── The cluster's API ────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody asks for its pods. */
  onLook: (clusterId: string) => void = () => {};

  get(clusterId: string, asked: string): { readonly metadata: object; readonly items: readonly unknown[] } {
    this.schedule(clusterId);
    const [, only] = path.podsOn.exec(asked) ?? [];
    if (path.pods.test(asked)) {
      this.onLook(clusterId);
      const name = this.#nameOf(clusterId);
      const pods = (this.#pods.get(clusterId) ?? []).map((pod) => toPod(pod, pod.on && name(pod.on.number)));
      return list(only === undefined ? pods : pods.filter(({ spec }) => spec.nodeName === only));
    }
    return list(
      path.nodes.test(asked) ? this.#nodes(clusterId).map((each) => this.#toNode(clusterId, each)) : [],
    );
  }

  patch(clusterId: string, asked: string, change: Readonly<Record<string, unknown>>): void {
    const [, name] = path.node.exec(asked) ?? [];
    const isCordon = (change['spec'] as { unschedulable?: boolean } | undefined)?.unschedulable === true;
    const nameOf = this.#nameOf(clusterId);
    for (const { machine } of isCordon ? this.#nodes(clusterId) : [])
      if (nameOf(machine.number) === name) this.#cordoned.add(machine);
  }

  post(clusterId: string, asked: string): void {
    const [, name] = path.eviction.exec(asked) ?? [];
    const pod = this.#pods.get(clusterId)?.find((each) => each.name === name);
    if (pod === undefined) return;
    pod.on = undefined;
    pod.name = this.#newName();
    this.schedule(clusterId);
  }

  #toNode(clusterId: string, { machine, node: { offering, role } }: Standing): unknown {
    const name = this.#nameOf(clusterId)(machine.number);
    const { cpuMillis, memoryBytes, pods } = allocatableOf(offering);
    const controlPlane = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };
    return {
      metadata: { name, labels: { ...labelsOnceJoined(offering), 'kubernetes.io/hostname': name } },
      spec: {
        unschedulable: this.#cordoned.has(machine),
        taints: [...taintsOf(offering), ...(role === 'control-plane' ? [controlPlane] : [])],
      },
      status: {
        allocatable: { cpu: `${cpuMillis}m`, memory: `${memoryBytes}`, pods: `${pods}` },
        conditions: [{ type: 'Ready', status: isReady(machine) ? 'True' : 'False' }],
      },
    };
  }

  /** Machines that have joined, with their nodes. */
  #nodes(clusterId: string): readonly Standing[] {
    const items = new Map(this.#parts.nodesOf(clusterId).map((node) => [node.number, node]));
    return this.#parts.machines.flatMap((machine) => {
      const node = items.get(machine.number);
      const hasJoined = ['joined', 'ready', 'leaving', 'left'].includes(machine.phase);
      return machine.clusterId === clusterId &&
        hasJoined &&
        machine.exists &&
        node?.attempt === machine.attempt
        ? [{ machine, node }]
        : [];
    });
  }

  #takesPods(machine: SimulatedMachine): boolean {
    return machine.role === 'worker' && isReady(machine) && !this.#cordoned.has(machine);
  }

  #freeOn(clusterId: string, machine: SimulatedMachine, offering: Offering): number {
    const pods = (this.#pods.get(clusterId) ?? []).filter(({ on }) => on === machine);
    return allocatableOf(offering).cpuMillis - pods.reduce((sum, { cpuMillis }) => sum + cpuMillis, 0);
  }

  #nameOf(clusterId: string): (number: number) => string {
    const clusterName = this.#parts.clusterOf(clusterId)?.name ?? '';
    return (number) => nodeName(clusterName, number);
  }

  #newName(): string {
    this.#made += 1;
    return `pod-${this.#made}`;
  }
}

interface Standing {
  readonly machine: SimulatedMachine;
  readonly node: Node;
}

const isToStay = ({ desired, phase, interruption }: Node): boolean =>
  desired === 'present' && phase !== 'failed' && interruption !== 'terminate';
const isReady = (machine: SimulatedMachine): boolean => machine.phase === 'ready' && machine.runs;
const mayBeOn = ({ mayBeOnSpot }: PodShape, { lifecycle }: Offering): boolean =>
  mayBeOnSpot || lifecycle === 'on-demand';
const list = (items: readonly unknown[]) => ({ metadata: {}, items });

const toPod = ({ name, cpuMillis, mayBeOnSpot }: SimulatedPod, on: string | undefined) => ({
  metadata: { name, namespace: 'default', ownerReferences: [{ kind: 'ReplicaSet', controller: true }] },
  spec: {
    ...(on !== undefined && { nodeName: on }),
    tolerations: mayBeOnSpot ? [{ key: nodeLabels.spot, operator: 'Exists' }] : [],
    containers: [{ resources: { requests: { cpu: `${cpuMillis}m`, memory: `${podMebibytes * mebibyte}` } } }],
  },
  status: { phase: on === undefined ? 'Pending' : 'Running' },
});
