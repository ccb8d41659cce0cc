import type { Instant } from '../../domain/ids.ts';
import type { DisruptionBudget, Pod } from '../../domain/pod.ts';
import type { Policies } from '../../domain/policy.ts';
import type { SeenNode } from '../../domain/workload.ts';
import type { NewNode, PackingOptions, StandingNode } from '../pack-pods/packing.ts';

/** A node that may be taken away to save money, if everything on it may. */
export interface ConsolidationNode extends StandingNode, Pick<SeenNode, 'hasUnknownPods' | 'emptySince'> {
  /** Absent: it has not been ready yet. */
  readonly readySince?: Instant;
  /** Annotated with `doNotDisruptAnnotation`. */
  readonly doNotDisrupt?: true;
}

export interface ConsolidationOptions extends Pick<
  PackingOptions,
  'offerings' | 'daemonSets' | 'newNodesMax' | 'allocatableOf'
> {
  readonly nodes: readonly ConsolidationNode[];
  /** Pods without a node: while there are any, what is there is not too much. */
  readonly waiting: readonly Pod[];
  readonly budgets: readonly DisruptionBudget[];
  /** How many nodes consolidation took away within the last hour. */
  readonly removedWithinHour: number;
  readonly policies: PackingOptions['policies'] & Pick<Policies, 'consolidation' | 'nodeDeletion'>;
  readonly now: Instant;
}

/** Nodes to take away, and what is to come for them first. */
export interface Consolidation {
  readonly kind: 'delete-empty' | 'replace-with-cheaper' | 'merge-many-into-one';
  readonly remove: readonly string[];
  /** None, or one. */
  readonly buy: readonly NewNode[];
  readonly savingUsdPerHour: number;
  readonly because: string;
}

/** What the strategies decide by. */
export interface View {
  readonly options: ConsolidationOptions;
  /** Nodes that may go, each by itself: those with the least work on them first. */
  readonly candidates: readonly ConsolidationNode[];
  /** How many may go now. */
  readonly nodesMax: number;
  /** So many packings of the whole cluster may be tried by each strategy. */
  readonly triesMax: number;
  readonly minSavingShare: number;
}

export interface Strategy {
  readonly name: Consolidation['kind'];
  readonly reason: string;
  readonly decide: (view: View) => Consolidation | undefined;
}
