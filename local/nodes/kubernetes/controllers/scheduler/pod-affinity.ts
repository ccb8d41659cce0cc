import { selects } from '../selectors.ts';
import type { Node, Pod, PodAffinity, PodAffinityTerm } from '../shapes.ts';
import type { SchedulingState } from './scheduling-state.ts';

/** Nodes that share a value of a label are one domain of that topology. */
const domainOf = (node: Node, topologyKey: string): string | undefined => node.metadata.labels?.[topologyKey];

/** Whether `other` is one of those that the term of `owner` speaks of. */
function speaksOf(state: SchedulingState, term: PodAffinityTerm, owner: Pod, other: Pod): boolean {
  const { namespaces = [], namespaceSelector, labelSelector } = term;
  const namespace = other.metadata.namespace ?? '';
  const fits =
    namespaces.length === 0 && namespaceSelector === undefined
      ? namespace === owner.metadata.namespace
      : namespaces.includes(namespace) ||
        (namespaceSelector !== undefined && selects(namespaceSelector, state.namespaceLabels(namespace)));
  return fits && selects(labelSelector, other.metadata.labels);
}

const required = (affinity: PodAffinity | undefined): readonly PodAffinityTerm[] =>
  affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
const preferred = (
  affinity: PodAffinity | undefined,
): readonly { readonly weight: number; readonly podAffinityTerm: PodAffinityTerm }[] =>
  affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];

/** How many pods each domain holds that a term speaks of. */
function countByDomain(
  state: SchedulingState,
  term: PodAffinityTerm,
  owner: Pod,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { node, pods } of state.rooms.values()) {
    const domain = domainOf(node, term.topologyKey);
    if (domain === undefined) continue;
    for (const pod of pods) {
      if (speaksOf(state, term, owner, pod)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
    }
  }
  return counts;
}

export const affinityReasons = {
  affinity: "node(s) didn't match pod affinity rules",
  antiAffinity: "node(s) didn't match pod anti-affinity rules",
  existing: "node(s) didn't satisfy existing pods anti-affinity rules",
} as const;

export interface AffinityQuestion {
  /** Why the pod may not be there; undefined: it may. */
  objection(node: Node): string | undefined;
  /** How much the preferences of the pod, and of those that are there, are for this node. Not bounded. */
  score(node: Node): number;
}

/** Looks once at all pods, and then answers for each node. */
export function askPodAffinity(state: SchedulingState, pod: Pod): AffinityQuestion {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const together = required(podAffinity).map((term) => ({ term, counts: countByDomain(state, term, pod) }));
  const apart = required(podAntiAffinity).map((term) => ({ term, counts: countByDomain(state, term, pod) }));
  // The first of a group that is to be together finds nobody yet: it may begin anywhere.
  const begins =
    together.every(({ counts }) => counts.size === 0) &&
    together.every(({ term }) => speaksOf(state, term, pod, pod));

  /** `topologyKey=domain` that pods which are there keep this one out of. */
  const closed = new Set<string>();
  const wishes = new Map<string, number>();
  const wish = (topologyKey: string, domain: string, weight: number): void => {
    const key = `${topologyKey}=${domain}`;
    wishes.set(key, (wishes.get(key) ?? 0) + weight);
  };
  for (const { node, pods } of state.rooms.values()) {
    for (const other of pods) {
      const { affinity } = other.spec;
      if (affinity === undefined) continue;
      for (const term of required(affinity.podAntiAffinity)) {
        const domain = domainOf(node, term.topologyKey);
        if (domain !== undefined && speaksOf(state, term, other, pod))
          closed.add(`${term.topologyKey}=${domain}`);
      }
      for (const [kind, sign] of [
        [affinity.podAffinity, 1],
        [affinity.podAntiAffinity, -1],
      ] as const) {
        for (const { weight, podAffinityTerm: term } of preferred(kind)) {
          const domain = domainOf(node, term.topologyKey);
          if (domain !== undefined && speaksOf(state, term, other, pod))
            wish(term.topologyKey, domain, sign * weight);
        }
      }
    }
  }
  for (const [kind, sign] of [
    [podAffinity, 1],
    [podAntiAffinity, -1],
  ] as const) {
    for (const { weight, podAffinityTerm: term } of preferred(kind)) {
      for (const [domain, count] of countByDomain(state, term, pod)) {
        wish(term.topologyKey, domain, sign * weight * count);
      }
    }
  }

  return {
    objection: (node) => {
      const labels = Object.entries(node.metadata.labels ?? {});
      if (closed.size > 0 && labels.some(([key, value]) => closed.has(`${key}=${value}`))) {
        return affinityReasons.existing;
      }
      for (const { term, counts } of together) {
        const domain = domainOf(node, term.topologyKey);
        if (domain === undefined || (!begins && (counts.get(domain) ?? 0) === 0))
          return affinityReasons.affinity;
      }
      for (const { term, counts } of apart) {
        const domain = domainOf(node, term.topologyKey);
        if (domain !== undefined && (counts.get(domain) ?? 0) > 0) return affinityReasons.antiAffinity;
      }
      return undefined;
    },
    score: (node) =>
      wishes.size === 0
        ? 0
        : Object.entries(node.metadata.labels ?? {}).reduce(
            (sum, [key, value]) => sum + (wishes.get(`${key}=${value}`) ?? 0),
            0,
          ),
  };
}
