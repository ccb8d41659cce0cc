import type { ClusterId, Instant } from './ids.ts';
import type { DaemonSet, DisruptionBudget, Labels, Pod, Resources, Taint } from './pod.ts';

/** A node as its cluster's API has it, with what holds room there. */
export interface SeenNode {
  /** `four-clouds-7` */
  readonly name: string;
  readonly labels: Labels;
  /** Without those that a node has only until it is ready, and without the cordon. */
  readonly taints: readonly Taint[];
  readonly allocatable: Resources & { readonly pods: number };
  readonly isReady: boolean;
  /** Cordoned. */
  readonly isUnschedulable?: true;
  readonly doNotDisrupt?: true;
  /** Pods run there that could not be read: what it holds is not known, and it is never empty. */
  readonly hasUnknownPods?: true;
  /** From when on nothing ran there but what runs on every node; absent while something does. */
  readonly emptySince?: Instant;
  /** Nothing that has ended. */
  readonly pods: readonly Pod[];
}

/** What runs in a cluster and what waits, as far as choosing nodes needs it. */
export interface Workload {
  readonly nodes: readonly SeenNode[];
  /** Pods that wait for a node and for nothing else. */
  readonly waiting: readonly Pod[];
  /** Pods without a node that no node would help; `pod` is `namespace/name`. */
  readonly heldUp: readonly { readonly pod: string; readonly why: string }[];
  readonly daemonSets: readonly DaemonSet[];
  /** Absent when nobody asked for them. */
  readonly budgets?: readonly DisruptionBudget[];
}

/** The last look at a cluster's API: what it showed, or why nothing is known. */
export type WorkloadSighting = {
  readonly clusterId: ClusterId;
  /** Before the first page was asked for. */
  readonly at: Instant;
} & (
  | { readonly workload: Workload; readonly failure?: never }
  | { readonly failure: string; readonly workload?: never }
);
