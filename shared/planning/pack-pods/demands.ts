import type { Pod, PodSpec } from '../../domain/pod.ts';
import type { NodeRules } from './node-rules.ts';
import { groupsOwnedBy, labelKeysLookedAt, type TopologyGroup } from './topology-groups.ts';

/** Equal pods that wait for a node. */
export interface Demand {
  readonly spec: PodSpec;
  /** `namespace/name`, sorted. */
  readonly pods: readonly string[];
  readonly count: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly priority: number;
  /** The same object for the same rules. */
  readonly rules: NodeRules;
  readonly ties: Ties;
}

/** What ties pods to others: places in the list of groups. The same object for the same ties. */
export interface Ties {
  readonly owns: readonly number[];
  readonly selectedBy: readonly number[];
}

export interface Demands {
  /** Those that go first are first: by priority, then the larger; pods in another order give the same. */
  readonly demands: readonly Demand[];
  readonly groups: readonly TopologyGroup[];
  /** Of pods that run already. */
  readonly tiesOf: (pod: Pod) => Ties;
}

interface Draft {
  /** The one that is first by name: any would do, but the same each time. */
  spec: PodSpec;
  first: string;
  readonly pods: string[];
  readonly rules: NodeRules;
  readonly ties: Ties;
}

/** Numbers equal things alike. The numbers tell equal from unequal and nothing else: they depend on who came first. */
class Numbered<T> {
  readonly #numbers = new Map<string | number, number>();
  readonly items: T[] = [];

  of(key: string | number, make: () => T): number {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.items.push(make()) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }
}

/** Two numbers in one; there are never so many of either. */
const paired = (a: number, b: number): number => a * 2 ** 24 + b;

/**
 * Sorts pods into classes of equal ones. Labels count only as far as somebody's selector looks at them: otherwise no two pods
 * of a StatefulSet or of two rollouts would be equal.
 */
export function sortDemands(waiting: readonly Pod[], running: Iterable<Pod>): Demands {
  const found = new Numbered<TopologyGroup>();
  const lookedAt = new Set<string>();

  const rules = new Numbered<NodeRules>();
  const rulesOf = ({ nodeSelector, nodeAffinity, tolerations }: PodSpec): number =>
    nodeSelector === undefined && nodeAffinity === undefined && tolerations === undefined
      ? rules.of('', () => ({}))
      : rules.of(JSON.stringify([nodeSelector, nodeAffinity, tolerations]), () => ({
          ...(nodeSelector && { nodeSelector }),
          ...(nodeAffinity && { nodeAffinity }),
          ...(tolerations && { tolerations }),
        }));

  const owned = new Numbered<readonly number[]>();
  const ownedBy = (spec: PodSpec, rule: number, isRelevant: (group: TopologyGroup) => boolean): number => {
    const { namespace, topologySpread, podAffinity, podAntiAffinity, hostPorts } = spec;
    if (!topologySpread && !podAffinity && !podAntiAffinity && !hostPorts) return owned.of('', () => []);
    // A running pod is asked for less than a waiting one, so they are not mixed up.
    const isRunning = isRelevant === isOfRunning;
    const bonds = [namespace, rule, isRunning, topologySpread, podAffinity, podAntiAffinity, hostPorts];
    return owned.of(JSON.stringify(bonds), () => {
      for (const label of labelKeysLookedAt(spec)) lookedAt.add(label);
      const relevant = groupsOwnedBy(spec, rules.items[rule] ?? {}).filter(isRelevant);
      return [...new Set(relevant.map((group) => found.of(group.key, () => group)))];
    });
  };

  const waitingRules = waiting.map(rulesOf);
  const waitingOwned = waiting.map((pod, at) => ownedBy(pod, waitingRules[at] ?? 0, isOfWaiting));
  const runningOwned = new Map<Pod, number>();
  for (const pod of running) runningOwned.set(pod, ownedBy(pod, rulesOf(pod), isOfRunning));

  // In an order of their own, so that it makes no difference whose came first.
  const groups = found.items.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const numbers = new Map(groups.map(({ key }, number) => [key, number]));
  const numberOf = (foundNumber: number): number => numbers.get(found.items[foundNumber]?.key ?? '') ?? -1;

  const labelKeys = [...lookedAt].sort();
  const selected = new Numbered<readonly number[]>();
  const byLabels = new Numbered<number>();
  const selectedBy = ({ namespace, labels = {} }: PodSpec): number => {
    if (groups.length === 0) return selected.of('', () => []);
    let key = namespace;
    for (const label of labelKeys) key += `\n${labels[label] ?? '\r'}`;
    const labelled = byLabels.of(key, () => {
      const selecting = groups.flatMap((group, at) => (group.selects(namespace, labels) ? [at] : []));
      return selected.of(selecting.join(), () => selecting);
    });
    return byLabels.items[labelled] ?? 0;
  };

  const ties = new Numbered<Ties>();
  const tie = (ownedNumber: number, selectedNumber: number): number =>
    ties.of(paired(ownedNumber, selectedNumber), () => {
      const owns = (owned.items[ownedNumber] ?? []).map(numberOf).sort((a, b) => a - b);
      // Who owns a port has it: no selector tells.
      const ports = owns.filter((group) => groups[group]?.kind === 'hostPort');
      return { owns, selectedBy: [...(selected.items[selectedNumber] ?? []), ...ports] };
    });

  const sizes = new Numbered<undefined>();
  const drafts = new Numbered<Draft>();
  waiting.forEach((pod, at) => {
    const rule = waitingRules[at] ?? 0;
    const tied = tie(waitingOwned[at] ?? 0, selectedBy(pod));
    const { cpuMillis, memoryBytes } = pod.requests;
    const size = sizes.of(`${cpuMillis} ${memoryBytes} ${pod.priority ?? 0} ${rule}`, () => undefined);
    const name = `${pod.namespace}/${pod.name}`;
    const number = drafts.of(paired(size, tied), () => ({
      spec: pod,
      first: name,
      pods: [],
      rules: rules.items[rule] ?? {},
      ties: ties.items[tied] ?? { owns: [], selectedBy: [] },
    }));
    const draft = drafts.items[number] as Draft;
    draft.pods.push(name);
    if (name < draft.first) Object.assign(draft, { spec: pod, first: name });
  });

  return {
    demands: drafts.items.map(finished).sort(compareDemands),
    groups,
    tiesOf: (pod) =>
      ties.items[tie(runningOwned.get(pod) ?? 0, selectedBy(pod))] ?? { owns: [], selectedBy: [] },
  };
}

const isOfWaiting = (): boolean => true;
/** What a running pod keeps others away by; it has found its own place. */
const isOfRunning = ({ kind, isRequired }: TopologyGroup): boolean =>
  isRequired && (kind === 'antiAffinity' || kind === 'hostPort');

function finished({ spec, pods, rules, ties }: Draft): Demand {
  return {
    spec,
    pods: pods.length === 1 ? pods : pods.sort(),
    count: pods.length,
    cpuMillis: spec.requests.cpuMillis,
    memoryBytes: spec.requests.memoryBytes,
    priority: spec.priority ?? 0,
    rules,
    ties,
  };
}

/** A vCPU for 4 GiB: about what both cost everywhere. */
const sizeOf = ({ cpuMillis, memoryBytes }: Demand): number => cpuMillis / 1000 + memoryBytes / 2 ** 32;

const compareDemands = (a: Demand, b: Demand): number =>
  b.priority - a.priority || sizeOf(b) - sizeOf(a) || ((a.pods[0] ?? '') < (b.pods[0] ?? '') ? -1 : 1);
