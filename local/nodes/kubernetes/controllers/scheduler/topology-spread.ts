import { isLeaving } from '../conditions.ts';
import { selects } from '../selectors.ts';
import type { LabelSelector, Node, Pod, TopologySpreadConstraint } from '../shapes.ts';
import { wantsNode } from './node-affinity.ts';
import type { SchedulingState } from './scheduling-state.ts';

export const spreadReasons = {
  skew: "node(s) didn't match pod topology spread constraints",
  label: "node(s) didn't match pod topology spread constraints (missing required label)",
} as const;

export interface SpreadQuestion {
  objection(node: Node): string | undefined;
  /** How crowded the node's domains are with pods alike: less is better. */
  crowd(node: Node): number;
}

interface Counted {
  readonly constraint: TopologySpreadConstraint;
  readonly counts: ReadonlyMap<string, number>;
  readonly least: number;
  readonly itself: number;
}

const selectorFor = (
  { labelSelector, matchLabelKeys = [] }: TopologySpreadConstraint,
  pod: Pod,
): LabelSelector => ({
  ...labelSelector,
  matchLabels: {
    ...labelSelector?.matchLabels,
    ...Object.fromEntries(
      matchLabelKeys.flatMap((key) => {
        const value = pod.metadata.labels?.[key];
        return value === undefined ? [] : [[key, value]];
      }),
    ),
  },
});

function count(
  state: SchedulingState,
  pod: Pod,
  constraint: TopologySpreadConstraint,
  keys: readonly string[],
): Counted {
  const selector = constraint.labelSelector === undefined ? undefined : selectorFor(constraint, pod);
  const counts = new Map<string, number>();
  for (const { node, pods } of state.rooms.values()) {
    const labels = node.metadata.labels ?? {};
    const domain = labels[constraint.topologyKey];
    // Only nodes that the pod could be on, and that all its constraints can speak of, make domains.
    if (domain === undefined || keys.some((key) => labels[key] === undefined) || !wantsNode(pod, node))
      continue;
    const alike = pods.filter(
      (each) =>
        each.metadata.namespace === pod.metadata.namespace &&
        !isLeaving(each) &&
        selects(selector, each.metadata.labels),
    );
    counts.set(domain, (counts.get(domain) ?? 0) + alike.length);
  }
  const least = counts.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...counts.values());
  return { constraint, counts, least, itself: selects(selector, pod.metadata.labels) ? 1 : 0 };
}

export function askTopologySpread(state: SchedulingState, pod: Pod): SpreadQuestion {
  const constraints = pod.spec.topologySpreadConstraints ?? [];
  const of = (whenUnsatisfiable: string): readonly Counted[] => {
    const those = constraints.filter((each) => each.whenUnsatisfiable === whenUnsatisfiable);
    const keys = those.map(({ topologyKey }) => topologyKey);
    return those.map((each) => count(state, pod, each, keys));
  };
  const demanded = of('DoNotSchedule');
  const wished = of('ScheduleAnyway');
  return {
    objection: ({ metadata: { labels = {} } }) => {
      for (const { constraint, counts, least, itself } of demanded) {
        const domain = labels[constraint.topologyKey];
        if (domain === undefined) return spreadReasons.label;
        if ((counts.get(domain) ?? 0) + itself - least > constraint.maxSkew) return spreadReasons.skew;
      }
      return undefined;
    },
    crowd: ({ metadata: { labels = {} } }) =>
      wished.reduce((sum, { constraint, counts }) => {
        const domain = labels[constraint.topologyKey];
        // A node outside the topology is the last choice.
        return sum + (domain === undefined ? 1_000 : (counts.get(domain) ?? 0));
      }, 0),
  };
}
