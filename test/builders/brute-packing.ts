import { Cluster, freshNode, standingNodes, type Node } from '../../bench/packing/check-packing.ts';
import type { Pod } from '../../shared/domain/pod.ts';
import type { PackingOptions } from '../../shared/planning/pack-pods/packing.ts';

/** Beyond so many states the search gives up: then it says nothing. */
const statesMax = 20_000;

/**
 * How many of the pods a scheduler could place at all if any nodes were bought, found by trying every order, node and offering.
 * Only for a handful of pods. Undefined: there are too many ways.
 */
export function mostPlaceable(options: PackingOptions): number | undefined {
  const standing = standingNodes(options);
  const alike = Map.groupBy(options.pods, ({ name: _name, ...spec }) => JSON.stringify(spec));
  const kinds = [...alike.values()];
  const seen = new Set<string>();
  let most = 0;

  /** Where the pods of each kind are: by node, so many. */
  function search(bindings: readonly { kind: number; node: Node }[], fresh: readonly Node[]): void {
    const counts = kinds.map((_kind, kind) => bindings.filter((binding) => binding.kind === kind).length);
    const state = [...standing, ...fresh]
      .map((node) => {
        const held = kinds.map((_kind, kind) =>
          bindings.filter((each) => each.kind === kind && each.node === node),
        );
        const of = standing.includes(node) ? node.name : node.labels['node.kubernetes.io/instance-type'];
        return `${of} ${node.labels['topology.kubernetes.io/zone']} ${node.taints.length} ${held.map((each) => each.length).join()}`;
      })
      .sort()
      .join('|');
    if (seen.has(state) || seen.size > statesMax) return;
    seen.add(state);
    most = Math.max(most, bindings.length);
    if (most === options.pods.length) return;
    for (const [kind, pods] of kinds.entries()) {
      const pod = pods[counts[kind] ?? 0];
      if (pod === undefined) continue;
      const name = `fresh-${fresh.length}`;
      const more = options.offerings.map((offering) => freshNode(offering, name, options));
      for (const node of [...standing, ...fresh, ...more]) {
        const nodes = more.includes(node) ? [...fresh, node] : fresh;
        if (isLetIn(bindings, [...standing, ...nodes], pod, node))
          search([...bindings, { kind, node }], nodes);
        if (most === options.pods.length) return;
      }
    }
  }

  function isLetIn(
    bindings: readonly { kind: number; node: Node }[],
    nodes: readonly Node[],
    pod: Pod,
    node: Node,
  ): boolean {
    const copies = new Map(nodes.map((each) => [each, { ...each, pods: [...each.pods] }]));
    const cluster = new Cluster([...copies.values()]);
    const taken = kinds.map(() => 0);
    for (const { kind, node: where } of bindings) {
      cluster.put(kinds[kind]?.[taken[kind] ?? 0] as Pod, copies.get(where) as Node);
      taken[kind] = (taken[kind] ?? 0) + 1;
    }
    return cluster.objection(pod, copies.get(node) as Node) === undefined;
  }

  search([], []);
  return seen.size > statesMax ? undefined : most;
}
