/**
 * Pods, and what binds them to nodes, as far as packing needs to know: Kubernetes' own fields with its own meaning, each in
 * one form and one unit. Whoever reads a cluster's API writes them so; an absent list is an empty one.
 */
export type Labels = Readonly<Record<string, string>>;

/** `Gt` and `Lt` compare whole numbers and take one value; `Exists` and `DoesNotExist` take none. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values?: readonly string[];
}

/** All must hold; `matchLabels` are written as `In` with one value. An empty selector selects every pod. */
export type LabelSelector = readonly LabelRequirement[];

export type TaintEffect = 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: TaintEffect;
}

/** Without a key (and with `Exists`) every taint is tolerated; without an effect, every effect. */
export interface Toleration {
  readonly key?: string;
  readonly operator: 'Exists' | 'Equal';
  readonly value?: string;
  readonly effect?: TaintEffect;
}

/** What a pod holds of its node while it runs there: one of the node's pods, besides. */
export interface Resources {
  /** Thousandths of a vCPU. */
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

export interface NodeAffinity {
  /** One of these must hold, and in it every requirement; absent: any node. A term without requirements holds nowhere. */
  readonly required?: readonly LabelSelector[];
  readonly preferred?: readonly {
    /** 1–100. */
    readonly weight: number;
    readonly term: LabelSelector;
  }[];
}

export interface PodAffinityTerm {
  /** `kubernetes.io/hostname`, or any label of nodes: those with the same value are one domain. */
  readonly topologyKey: string;
  readonly selector: LabelSelector;
  /** Whose pods are meant, `namespaceSelector` resolved; absent: the pod's own namespace. */
  readonly namespaces?: readonly string[] | 'all';
}

export interface PodAffinity {
  readonly required?: readonly PodAffinityTerm[];
  readonly preferred?: readonly { readonly weight: number; readonly term: PodAffinityTerm }[];
}

export interface TopologySpread {
  readonly topologyKey: string;
  /** So many more matching pods may be in one domain than in the one with fewest. At least 1. */
  readonly maxSkew: number;
  readonly whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway';
  /** Of the pod's own namespace; `matchLabelKeys` are written into it. */
  readonly selector: LabelSelector;
  /** With fewer domains the fewest count as none. Only with `DoNotSchedule`. */
  readonly minDomains?: number;
  /** Whether nodes that the pod's selector and affinity rule out are domains; absent: `Honor`, they are not. */
  readonly nodeAffinityPolicy?: 'Honor' | 'Ignore';
  /** Whether nodes with a taint that the pod does not tolerate are domains; absent: `Ignore`, they are. */
  readonly nodeTaintsPolicy?: 'Honor' | 'Ignore';
}

/** What decides where a pod can be. Volumes are not in it: there are no persistent ones yet. */
export interface PodSpec {
  readonly namespace: string;
  readonly labels?: Labels;
  /** Of all its containers together, with init containers and overhead counted as the scheduler counts them. */
  readonly requests: Resources;
  /** Higher goes first where there is not enough for all; absent: 0. */
  readonly priority?: number;
  readonly nodeSelector?: Labels;
  readonly nodeAffinity?: NodeAffinity;
  readonly tolerations?: readonly Toleration[];
  readonly topologySpread?: readonly TopologySpread[];
  readonly podAffinity?: PodAffinity;
  readonly podAntiAffinity?: PodAffinity;
  /** `TCP:8080`; on whichever address, two pods with the same one do not share a node. */
  readonly hostPorts?: readonly string[];
}

export interface Pod extends PodSpec {
  readonly name: string;
  /** It belongs to its node and goes with it: a DaemonSet's, or a static pod. */
  readonly isNodesOwn?: true;
  /** It was asked to stop: it holds its room for now, and whoever makes it anew has done so already. */
  readonly isStopping?: true;
  /** Nothing makes it anew once it is taken away. */
  readonly isUnmanaged?: true;
  /** Annotated with `doNotDisruptAnnotation`: nothing is to take it away but people and its cloud. */
  readonly doNotDisrupt?: true;
}

/** `"true"` on a pod or node keeps it from being taken away to save money. */
export const doNotDisruptAnnotation = 'overcast.dev/do-not-disrupt';

/** What runs once on every node that it fits: room that a new node does not have for others. */
export interface DaemonSet extends Pick<
  PodSpec,
  'requests' | 'nodeSelector' | 'nodeAffinity' | 'tolerations'
> {
  readonly namespace: string;
  readonly name: string;
}

/** How many of the pods that it selects may be taken away just now. */
export interface DisruptionBudget {
  readonly namespace: string;
  readonly name: string;
  readonly selector: LabelSelector;
  readonly disruptionsAllowed: number;
}
