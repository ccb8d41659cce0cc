import type { Offering } from '../../shared/domain/offering.ts';
import type { Labels, Pod, Taint, TopologySpread } from '../../shared/domain/pod.ts';
import { allocatableOf } from '../../shared/planning/allocatable.ts';
import { labelsOnceJoined, taintsOf } from '../../shared/planning/node-labels.ts';
import type { Packing, PackingOptions } from '../../shared/planning/pack-pods/packing.ts';
import { hasLabelsFor, isSelected, toleratesAll } from './kubernetes-rules.ts';

/** A node as the scheduler sees it, with each single pod. */
export interface Node {
  readonly name: string;
  readonly labels: Labels;
  readonly taints: readonly Taint[];
  readonly isCordoned: boolean;
  readonly room: { readonly cpuMillis: number; readonly memoryBytes: number; readonly pods: number };
  readonly pods: Pod[];
}

interface Binding {
  readonly pod: Pod;
  readonly node: Node;
}

/**
 * Checks a packing pod by pod and node by node, by Kubernetes' rules as they are written and with nothing of the solver's: all
 * pods are accounted for once, and a scheduler that binds them in the packing's order lets each of them in. What a scheduler
 * checks only when it binds (spread) is checked then; what must hold for good (room, anti-affinity) is also checked at the end.
 *
 * @returns what is wrong, in words; empty: nothing.
 */
export function problemsOf(packing: Packing, options: PackingOptions): readonly string[] {
  const { standing, fresh } = nodesOf(packing, options);
  const accounting = accountingProblems(packing, options);
  if (accounting.length > 0) return accounting;
  const byName = new Map(options.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
  const cluster = new Cluster(standing);
  const taken = packing.classes.map(() => 0);
  const problems: string[] = [];
  for (let at = 0; at < packing.placements.length;) {
    const { podClass } = packing.placements[at] as Packing['placements'][number];
    const run: Binding[] = [];
    const isLate = at >= packing.placementsAtOnce;
    if (at === packing.placementsAtOnce) for (const node of fresh) cluster.add(node);
    // Equal pods that follow each other may be bound in any order.
    for (; at < packing.placements.length; at += 1) {
      const placement = packing.placements[at] as Packing['placements'][number];
      if (placement.podClass !== podClass || (!isLate && at === packing.placementsAtOnce)) break;
      if (!isLate && 'newNode' in placement.on) return ['a new node is used before it is there'];
      const node =
        'node' in placement.on
          ? standing.find(({ name }) => 'node' in placement.on && name === placement.on.node)
          : fresh[placement.on.newNode];
      if (node === undefined) return [`placed on a node that is not there: ${JSON.stringify(placement.on)}`];
      for (let count = 0; count < placement.count; count += 1) {
        const name = packing.classes[podClass]?.pods[taken[podClass] ?? 0] ?? '';
        taken[podClass] = (taken[podClass] ?? 0) + 1;
        const pod = byName.get(name);
        if (pod === undefined) return [`placed a pod that nobody gave: ${name}`];
        run.push({ pod, node });
      }
    }
    problems.push(...cluster.bindAll(run));
    if (problems.length > 20) return problems;
  }
  return [...problems, ...cluster.antiAffinityProblems()];
}

/**
 * What would be wrong if everything were bound anew in any order, each pod as the last one: more than Kubernetes asks for, and
 * what one expects of a cluster that is packed at once.
 */
export function strictProblemsOf(packing: Packing, options: PackingOptions): readonly string[] {
  const { standing, fresh } = nodesOf(packing, options);
  const cluster = new Cluster([...standing, ...fresh]);
  const byName = new Map(options.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
  const taken = packing.classes.map(() => 0);
  const bindings: Binding[] = [];
  for (const { podClass, count, on } of packing.placements)
    for (let each = 0; each < count; each += 1) {
      const pod = byName.get(packing.classes[podClass]?.pods[taken[podClass] ?? 0] ?? '') as Pod;
      taken[podClass] = (taken[podClass] ?? 0) + 1;
      const node = 'node' in on ? standing.find(({ name }) => name === on.node) : fresh[on.newNode];
      bindings.push({ pod, node: node as Node });
    }
  for (const { pod, node } of bindings) cluster.put(pod, node);
  return bindings.flatMap(({ pod, node }) => {
    cluster.remove(pod, node);
    const objection = cluster.objection(pod, node);
    cluster.put(pod, node);
    return objection === undefined
      ? []
      : [`${pod.name} would not be let in again on ${node.name}: ${objection}`];
  });
}

const ownPods = (options: PackingOptions, labels: Labels, taints: readonly Taint[]): readonly Pod[] =>
  options.daemonSets
    .map((set): Pod => ({ ...set, name: `${set.name}-of-node` }))
    .filter((pod) => hasLabelsFor(pod, labels) && toleratesAll(pod, taints));

export const standingNodes = (options: PackingOptions): readonly Node[] =>
  options.nodes.map((node) => ({
    name: node.name,
    labels: node.labels,
    taints: node.taints,
    isCordoned: node.isUnschedulable === true,
    room: node.allocatable,
    pods: [...node.pods, ...(node.isJoining === true ? ownPods(options, node.labels, node.taints) : [])],
  }));

export function freshNode(offering: Offering, name: string, options: PackingOptions): Node {
  const labels = { ...labelsOnceJoined(offering), 'kubernetes.io/hostname': name };
  const taints = taintsOf(offering);
  const room = (options.allocatableOf ?? allocatableOf)(offering);
  return { name, labels, taints, isCordoned: false, room, pods: [...ownPods(options, labels, taints)] };
}

function nodesOf(packing: Packing, options: PackingOptions) {
  const standing = standingNodes(options);
  const fresh = packing.newNodes.map(({ offering }, at) => freshNode(offering, `new-${at}`, options));
  return { standing, fresh };
}

function accountingProblems(packing: Packing, { pods }: PackingOptions): readonly string[] {
  const given = pods.map(({ namespace, name }) => `${namespace}/${name}`).sort();
  const known = packing.classes.flatMap((each) => each.pods).sort();
  if (given.join() !== known.join()) return ['the classes are not the pods that were given'];
  const placed = packing.classes.map(() => 0);
  for (const { podClass, count } of packing.placements) {
    if (!Number.isInteger(count) || count < 1) return [`placed ${count} pods`];
    placed[podClass] = (placed[podClass] ?? 0) + count;
  }
  const unplaced = packing.classes.map(() => 0);
  for (const each of packing.unplaced) unplaced[each.podClass] = (unplaced[each.podClass] ?? 0) + each.count;
  return packing.classes.flatMap((each, at) =>
    (placed[at] ?? 0) + (unplaced[at] ?? 0) === each.pods.length
      ? []
      : [`of ${each.pods.length} like ${each.pods[0]}: ${placed[at]} placed and ${unplaced[at]} not`],
  );
}

const hostKey = 'kubernetes.io/hostname';
const domainOf = ({ name, labels }: Node, key: string): string | undefined =>
  key === hostKey ? name : labels[key];

/** Numbers of pods by domain, for one rule. */
interface Count {
  readonly selects: (pod: Pod) => boolean;
  readonly countsOn: (node: Node) => boolean;
  readonly topologyKey: string;
  readonly byDomain: Map<string, number>;
  total: number;
}

/** A cluster pod by pod, that lets in what the scheduler would let in. */
export class Cluster {
  readonly #nodes: Node[];
  readonly #counts = new Map<string, Count>();
  readonly #used = new Map<Node, { cpuMillis: number; memoryBytes: number }>();
  /** Pods with anti-affinity: few, or looked at in groups. */
  readonly #repelling: { readonly pod: Pod; readonly node: Node }[] = [];

  readonly #bound = new Set<Pod>();

  constructor(nodes: readonly Node[]) {
    this.#nodes = [...nodes];
    for (const node of nodes) for (const pod of node.pods) this.#noteRepelling(pod, node);
  }

  add(node: Node): void {
    this.#nodes.push(node);
    for (const count of this.#counts.values()) this.#enter(count, node);
  }

  #enter(count: Count, node: Node): void {
    const domain = domainOf(node, count.topologyKey);
    if (!count.countsOn(node)) return;
    const selected = node.pods.filter((pod) => count.selects(pod)).length;
    count.total += selected;
    if (domain !== undefined) count.byDomain.set(domain, (count.byDomain.get(domain) ?? 0) + selected);
  }

  #count(key: string, make: () => Pick<Count, 'selects' | 'countsOn' | 'topologyKey'>): Count {
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { ...make(), byDomain: new Map(), total: 0 };
      for (const node of this.#nodes) this.#enter(count, node);
      this.#counts.set(key, count);
    }
    return count;
  }

  #change(pod: Pod, node: Node, by: 1 | -1): void {
    for (const count of this.#counts.values()) {
      if (!count.selects(pod) || !count.countsOn(node)) continue;
      const domain = domainOf(node, count.topologyKey);
      count.total += by;
      if (domain !== undefined) count.byDomain.set(domain, (count.byDomain.get(domain) ?? 0) + by);
    }
    const used = this.#usedOn(node);
    used.cpuMillis += by * pod.requests.cpuMillis;
    used.memoryBytes += by * pod.requests.memoryBytes;
  }

  #usedOn(node: Node) {
    let used = this.#used.get(node);
    if (used === undefined) {
      used = { cpuMillis: 0, memoryBytes: 0 };
      for (const { requests } of node.pods) {
        used.cpuMillis += requests.cpuMillis;
        used.memoryBytes += requests.memoryBytes;
      }
      this.#used.set(node, used);
    }
    return used;
  }

  #noteRepelling(pod: Pod, node: Node): void {
    if ((pod.podAntiAffinity?.required ?? []).length > 0) this.#repelling.push({ pod, node });
  }

  put(pod: Pod, node: Node): void {
    this.#bound.add(pod);
    this.#change(pod, node, 1);
    node.pods.push(pod);
    this.#noteRepelling(pod, node);
  }

  remove(pod: Pod, node: Node): void {
    this.#change(pod, node, -1);
    node.pods.splice(node.pods.lastIndexOf(pod), 1);
    const at = this.#repelling.findIndex((each) => each.pod === pod);
    if (at >= 0) this.#repelling.splice(at, 1);
  }

  bindAll(run: readonly Binding[]): readonly string[] {
    let waiting = run;
    while (waiting.length > 0) {
      const refused: Binding[] = [];
      for (const binding of waiting) {
        if (this.objection(binding.pod, binding.node) === undefined) this.put(binding.pod, binding.node);
        else refused.push(binding);
      }
      if (refused.length === waiting.length)
        return refused.map(
          ({ pod, node }) => `${pod.name} is not let in on ${node.name}: ${this.objection(pod, node)}`,
        );
      waiting = refused;
    }
    return [];
  }

  /** What the scheduler's filters would say. */
  objection(pod: Pod, node: Node): string | undefined {
    if (node.isCordoned) return 'cordoned';
    if (!hasLabelsFor(pod, node.labels)) return 'node selector or affinity';
    if (!toleratesAll(pod, node.taints)) return 'taint';
    const used = this.#usedOn(node);
    const { requests } = pod;
    if (requests.cpuMillis > 0 && used.cpuMillis + requests.cpuMillis > node.room.cpuMillis) return 'cpu';
    if (requests.memoryBytes > 0 && used.memoryBytes + requests.memoryBytes > node.room.memoryBytes)
      return 'memory';
    if (node.pods.length + 1 > node.room.pods) return 'too many pods';
    const ports = new Set(node.pods.flatMap(({ hostPorts = [] }) => hostPorts));
    if ((pod.hostPorts ?? []).some((port) => ports.has(port))) return 'host port';
    for (const spread of pod.topologySpread ?? [])
      if (spread.whenUnsatisfiable === 'DoNotSchedule' && !this.#allowsSpread(pod, node, spread))
        return 'spread';
    if (!this.#allowsAffinity(pod, node)) return 'pod affinity';
    return this.#allowsAntiAffinity(pod, node) ? undefined : 'pod anti-affinity';
  }

  #allowsSpread(pod: Pod, node: Node, spread: TopologySpread): boolean {
    const { topologyKey, selector, maxSkew, minDomains = 1 } = spread;
    const honorsAffinity = spread.nodeAffinityPolicy !== 'Ignore';
    const honorsTaints = spread.nodeTaintsPolicy === 'Honor';
    const rules = [
      honorsAffinity && [pod.nodeSelector, pod.nodeAffinity?.required],
      honorsTaints && pod.tolerations,
    ];
    const count = this.#count(
      JSON.stringify(['spread', pod.namespace, topologyKey, selector, rules]),
      () => ({
        topologyKey,
        selects: (other) => other.namespace === pod.namespace && isSelected(selector, other),
        countsOn: (other) =>
          domainOf(other, topologyKey) !== undefined &&
          (!honorsAffinity || hasLabelsFor(pod, other.labels)) &&
          (!honorsTaints || toleratesAll(pod, other.taints)),
      }),
    );
    const domain = domainOf(node, topologyKey);
    if (domain === undefined) return false;
    const fewest = count.byDomain.size < minDomains ? 0 : Math.min(...count.byDomain.values());
    const self = isSelected(selector, pod) ? 1 : 0;
    return (count.byDomain.get(domain) ?? 0) + self - fewest <= maxSkew;
  }

  #allowsAffinity(pod: Pod, node: Node): boolean {
    const terms = pod.podAffinity?.required ?? [];
    const isMeant = (other: Pod): boolean =>
      terms.every(
        ({ selector, namespaces = [pod.namespace] }) =>
          (namespaces === 'all' || namespaces.includes(other.namespace)) && isSelected(selector, other),
      );
    return terms.every(({ topologyKey }) => {
      const key = JSON.stringify(['affinity', topologyKey, pod.namespace, terms]);
      const count = this.#count(key, () => ({ topologyKey, selects: isMeant, countsOn: () => true }));
      const domain = domainOf(node, topologyKey);
      if (domain === undefined) return false;
      return (count.byDomain.get(domain) ?? 0) > 0 || (count.total === 0 && isMeant(pod));
    });
  }

  #allowsAntiAffinity(pod: Pod, node: Node): boolean {
    for (const { topologyKey, selector, namespaces = [pod.namespace] } of pod.podAntiAffinity?.required ??
      []) {
      const key = JSON.stringify(['anti', topologyKey, namespaces, selector]);
      const count = this.#count(key, () => ({
        topologyKey,
        selects: (other) =>
          (namespaces === 'all' || namespaces.includes(other.namespace)) && isSelected(selector, other),
        countsOn: () => true,
      }));
      const domain = domainOf(node, topologyKey);
      if (domain !== undefined && (count.byDomain.get(domain) ?? 0) > 0) return false;
    }
    return this.#repelling.every((owner) => !repels(owner, { pod, node }));
  }

  /** For good: no two pods stand against each other's anti-affinity. */
  antiAffinityProblems(): readonly string[] {
    return this.#repelling.flatMap((owner) =>
      this.#nodes.flatMap((node) =>
        node.pods.some(
          (pod) =>
            pod !== owner.pod &&
            // What ran before is as it is.
            (this.#bound.has(pod) || this.#bound.has(owner.pod)) &&
            repels(owner, { pod, node }),
        )
          ? [`${owner.pod.name} has somebody beside it whom it repels`]
          : [],
      ),
    );
  }
}

/** Whether the first one's anti-affinity keeps the second one out. */
function repels(owner: Binding, other: Binding): boolean {
  return (owner.pod.podAntiAffinity?.required ?? []).some(({ topologyKey, selector, namespaces }) => {
    const domain = domainOf(owner.node, topologyKey);
    return (
      domain !== undefined &&
      domain === domainOf(other.node, topologyKey) &&
      (namespaces === 'all' || (namespaces ?? [owner.pod.namespace]).includes(other.pod.namespace)) &&
      isSelected(selector, other.pod)
    );
  });
}
