import type { Offering } from '../../domain/offering.ts';
import type { DaemonSet, Labels, Pod, PodSpec, Resources, Taint } from '../../domain/pod.ts';
import type { Policies } from '../../domain/policy.ts';

/** A node of the cluster with what runs there, whether it takes more pods or not. */
export interface StandingNode {
  readonly name: string;
  /** Its machine: counts towards the limits. */
  readonly offering: Offering;
  readonly role: 'control-plane' | 'worker';
  readonly labels: Labels;
  readonly taints: readonly Taint[];
  /** As its kubelet says, or will say: `allocatableOf(offering)`. */
  readonly allocatable: Allocatable;
  /** Everything that holds room there, DaemonSets' pods too; nothing that has ended. */
  readonly pods: readonly Pod[];
  /** It is planned, made or joining: what runs on every node is not there yet, and its room is counted off. */
  readonly isJoining?: true;
  /** Cordoned: what runs there counts, but nothing more goes there. */
  readonly isUnschedulable?: true;
}

export interface Allocatable extends Resources {
  /** How many pods may run there. */
  readonly pods: number;
}

export interface PackingOptions {
  /** Those without a node. Pods that a DaemonSet makes are not among them: their nodes are given. */
  readonly pods: readonly Pod[];
  /** Every node that is to stay, control planes too. The pods of one that is to go are among `pods`. */
  readonly nodes: readonly StandingNode[];
  /** What can be bought now, in the cluster's clouds; none that is cooling off. */
  readonly offerings: readonly Offering[];
  readonly daemonSets: readonly DaemonSet[];
  /**
   * `purchasing` and `spot` say what may be bought (without a spot policy: no spot), `clusterLimits.maxVcpus` how much,
   * `unschedulablePods.headroom` what is kept free beyond the pods.
   */
  readonly policies: Pick<Policies, 'clusterLimits' | 'unschedulablePods' | 'spot' | 'purchasing'>;
  /** At most so many new nodes; absent: as many as it takes. */
  readonly newNodesMax?: number;
  /** What a new node will have for its pods, every node's own included; absent: by the platform's formula. */
  readonly allocatableOf?: (offering: Offering) => Allocatable;
}

/** Pods that differ in nothing that matters: any of them may stand for any other. */
export interface PodClass {
  readonly spec: PodSpec;
  /** `namespace/name`, sorted. */
  readonly pods: readonly string[];
}

/** Where some pods of a class go. Numbers are places in `classes` and `newNodes`. */
export interface Placement {
  readonly podClass: number;
  readonly count: number;
  readonly on: { readonly node: string } | { readonly newNode: number };
}

export interface NewNode {
  readonly offering: Offering;
  /** What is left for pods once every node's own pods run there. */
  readonly room: Allocatable;
  /** What the pods that are placed here ask for together. */
  readonly requested: Resources;
  /** A part of the headroom is to be had here. */
  readonly holdsHeadroom?: true;
}

/** What stands in a pod's way, on one place or another. */
export type Obstacle =
  | 'nodeSelector'
  | 'nodeAffinity'
  | 'taint'
  | 'cpu'
  | 'memory'
  | 'pods'
  | 'hostPorts'
  | 'topologySpread'
  | 'podAffinity'
  | 'podAntiAffinity'
  | 'cordoned'
  | 'purchasing'
  | 'spotPolicy'
  | 'spotShare'
  | 'maxVcpus'
  | 'newNodesMax';

/** Why pods of a class have no place. */
export interface Unplaced {
  readonly podClass: number;
  readonly count: number;
  /** Of the class's pods, the last ones. */
  readonly pods: readonly string[];
  /** Each obstacle with what it is exactly, and how many of the nodes and offerings it rules out; the widest first. */
  readonly because: readonly {
    readonly obstacle: Obstacle;
    readonly detail: string;
    readonly nodes: number;
    readonly offerings: number;
  }[];
  /** The offering with the fewest obstacles, and which they are; absent when there is no offering at all. */
  readonly nearest?: { readonly offering: Offering; readonly obstacles: readonly Obstacle[] };
}

export interface Packing {
  readonly classes: readonly PodClass[];
  /** In an order in which a scheduler could bind them; equal pods that follow each other, in any order among themselves. */
  readonly placements: readonly Placement[];
  /** So many of the placements, the first ones, are made at once; the others, when all new nodes are there. */
  readonly placementsAtOnce: number;
  readonly newNodes: readonly NewNode[];
  readonly unplaced: readonly Unplaced[];
  /** Headroom that could not be had; absent when it is there. */
  readonly headroomMissing?: Resources;
  /** Of the new nodes together. */
  readonly usdPerHour: number;
}

/**
 * Finds a place for every pod, at the lowest price that it can find: on nodes that stand or come first, then on new ones
 * chosen by price over all clouds, zones and lifecycles.
 *
 * A place is one where the kube-scheduler would let the pod be: requests, selectors, required affinity, taints, spread,
 * affinity and anti-affinity between pods, host ports. What pods merely prefer of nodes is kept where it can be; what they
 * prefer of each other is kept where it costs little. Where there is not enough for all, higher priorities go first.
 *
 * Pure: equal inputs give equal packings, and so does another order of the pods. The work grows with classes of equal pods
 * and with offerings, not with pods.
 */
export type PackPods = (options: PackingOptions) => Packing;
