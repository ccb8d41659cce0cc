import type { Labels, Taint } from '../../domain/pod.ts';
import type { Outcome, Task } from './attempt.ts';
import { fitsInto } from './bins.ts';
import type { BothBonds, Bond } from './bonds.ts';
import type { Demand } from './demands.ts';
import { toMarket, type Product } from './market.ts';
import { policyAgainst } from './may-buy.ts';
import { meetsAffinity, unmetSelector, untolerated } from './node-rules.ts';
import type { Allocatable, Obstacle, PackingOptions, Unplaced } from './packing.ts';
import type { Place } from './places.ts';

/** One thing that is in the way, and what it is exactly. */
export interface Hindrance {
  readonly obstacle: Obstacle;
  readonly detail: string;
}

/** For each class that is not placed whole: what is in the way on each node and each offering, and which offering is nearest. */
export function explainUnplaced(
  options: PackingOptions,
  task: Task,
  outcome: Outcome,
  placed: readonly number[],
): readonly Unplaced[] {
  const isOpen = (demand: Demand, number: number): boolean =>
    demand.pods.length > 0 && (placed[number] ?? 0) < demand.count;
  if (!task.demands.some(isOpen)) return [];
  const inTheWay = new Hindrances(options, task, outcome);
  return task.demands.flatMap((demand, podClass) => {
    if (!isOpen(demand, podClass)) return [];
    const count = demand.count - (placed[podClass] ?? 0);
    return [{ podClass, count, pods: demand.pods.slice(-count), ...inTheWay.of(demand, podClass) }];
  });
}

class Hindrances {
  readonly #options: PackingOptions;
  readonly #task: Task;
  readonly #outcome: Outcome;
  /** Everything that was offered, whether it may be bought or not. */
  readonly #products: readonly Product[];
  readonly #byRules = new Map<object, (labels: Labels, taints: readonly Taint[]) => readonly Hindrance[]>();

  constructor(options: PackingOptions, task: Task, outcome: Outcome) {
    this.#options = options;
    this.#task = task;
    this.#outcome = outcome;
    this.#products = toMarket(options.offerings, options);
  }

  of(demand: Demand, number: number): Pick<Unplaced, 'because' | 'nearest'> {
    const sums = new Map<string, { obstacle: Obstacle; detail: string; nodes: number; offerings: number }>();
    const note = ({ obstacle, detail }: Hindrance, where: 'nodes' | 'offerings'): void => {
      const key = `${obstacle} ${detail}`;
      const sum = sums.get(key) ?? { obstacle, detail, nodes: 0, offerings: 0 };
      sum[where] += 1;
      sums.set(key, sum);
    };
    for (const hindrances of this.#onNodes(demand, number))
      for (const each of hindrances) note(each, 'nodes');
    let nearest: { product: Product; hindrances: readonly Hindrance[]; shortfall: number } | undefined;
    for (const product of this.#products) {
      const hindrances = this.#onProduct(demand, number, product);
      for (const each of hindrances) note(each, 'offerings');
      const shortfall = Math.max(
        demand.cpuMillis / product.room.cpuMillis,
        demand.memoryBytes / product.room.memoryBytes,
      );
      const difference =
        nearest && (hindrances.length - nearest.hindrances.length || shortfall - nearest.shortfall);
      // Of equals the first stays: the cheapest.
      if (difference === undefined || difference < 0) nearest = { product, hindrances, shortfall };
    }
    return {
      because: [...sums.values()].sort(
        (a, b) =>
          b.nodes + b.offerings - (a.nodes + a.offerings) ||
          (`${a.obstacle} ${a.detail}` < `${b.obstacle} ${b.detail}` ? -1 : 1),
      ),
      ...(nearest && {
        nearest: {
          offering: nearest.product.offering,
          obstacles: [...new Set(nearest.hindrances.map(({ obstacle }) => obstacle))],
        },
      }),
    };
  }

  #onNodes(demand: Demand, number: number): readonly (readonly Hindrance[])[] {
    const { scene } = this.#outcome;
    const { tallies } = scene;
    const { ofHosts, ofDomains } = scene.bonds[number] as BothBonds;
    const taking = new Map(scene.bins.map((bin) => ['node' in bin.from ? bin.from.node.name : '', bin]));
    return this.#task.nodes.map((node, host) => {
      const bin = taking.get(node.name);
      const place = this.#outcome.placeOf(node.labels);
      const bond =
        tallies.objection(ofHosts, () => host, number, isRequired) ??
        tallies.objection(ofDomains, place.domainOf, number, isRequired);
      return [
        ...(bin === undefined ? [{ obstacle: 'cordoned', detail: 'takes no more pods' } as const] : []),
        ...this.#byRulesOf(demand)(node.labels, node.taints),
        ...(bin === undefined ? [] : shortages(bin, demand)),
        ...this.#ofBond(bond),
      ];
    });
  }

  #onProduct(demand: Demand, number: number, product: Product): readonly Hindrance[] {
    const { offering, labels, taints, room } = product;
    const policy = policyAgainst(offering, this.#options.policies);
    const own = [
      ...(policy === undefined ? [] : [{ obstacle: policy, detail: policyDetails[policy] }]),
      ...this.#byRulesOf(demand)(labels, taints),
      ...shortages(room, demand),
    ];
    const tied = this.#ofBond(this.#bondAt(number, this.#outcome.placeOf(labels)));
    const limit = own.length + tied.length > 0 ? undefined : this.#outcome.budget.obstacle(product);
    return [
      ...own,
      ...tied,
      ...(limit === undefined ? [] : [{ obstacle: limit, detail: this.#limitDetail(limit) }]),
    ];
  }

  /** What would keep one more pod off a new node there. */
  #bondAt(number: number, { domainOf }: Place): Bond | undefined {
    const { scene } = this.#outcome;
    const { ofHosts, ofDomains } = scene.bonds[number] as BothBonds;
    const newHost = scene.hosts;
    return (
      scene.tallies.objection({ ...ofHosts, spreads: [] }, () => newHost, number, isRequired) ??
      scene.tallies.objection(ofDomains, domainOf, number, isRequired)
    );
  }

  #ofBond(bond: Bond | undefined): readonly Hindrance[] {
    const group = bond && this.#task.groups[bond.group];
    if (group === undefined) return [];
    const obstacles = {
      spread: 'topologySpread',
      affinity: 'podAffinity',
      antiAffinity: 'podAntiAffinity',
      hostPort: 'hostPorts',
    } as const;
    return [{ obstacle: obstacles[group.kind], detail: group.text }];
  }

  #limitDetail(limit: 'maxVcpus' | 'newNodesMax' | 'spotShare'): string {
    const { policies, newNodesMax } = this.#options;
    return {
      maxVcpus: `spec.policies.clusterLimits.maxVcpus is ${policies.clusterLimits?.maxVcpus}`,
      newNodesMax: `no more than ${newNodesMax} new nodes`,
      spotShare: `spec.policies.spot.sharePercent is ${policies.spot?.sharePercent}`,
    }[limit];
  }

  #byRulesOf({ rules }: Demand) {
    let known = this.#byRules.get(rules);
    if (known === undefined) {
      known = (labels, taints) => {
        const label = unmetSelector(rules, labels);
        const taint = untolerated(taints, rules);
        return [
          ...(label === undefined ? [] : [{ obstacle: 'nodeSelector', detail: label.join('=') } as const]),
          ...(meetsAffinity(rules, labels)
            ? []
            : [{ obstacle: 'nodeAffinity', detail: 'required node affinity' } as const]),
          ...(taint === undefined
            ? []
            : [{ obstacle: 'taint', detail: `${taint.key}=${taint.value ?? ''}:${taint.effect}` } as const]),
        ];
      };
      this.#byRules.set(rules, known);
    }
    return known;
  }
}

const isRequired = (bond: Bond): boolean => bond.isRequired;

const policyDetails = {
  purchasing: 'spec.policies.purchasing rules it out',
  spotPolicy: 'spec.policies.spot does not allow it',
} as const;

function shortages(room: Allocatable, demand: Demand): readonly Hindrance[] {
  if (fitsInto(room, demand) > 0) return [];
  const gibibytes = Math.ceil((demand.memoryBytes / 2 ** 30) * 100) / 100;
  return [
    ...(demand.cpuMillis > Math.max(0, room.cpuMillis)
      ? [{ obstacle: 'cpu', detail: `asks for ${demand.cpuMillis}m` } as const]
      : []),
    ...(demand.memoryBytes > Math.max(0, room.memoryBytes)
      ? [{ obstacle: 'memory', detail: `asks for ${gibibytes} GiB` } as const]
      : []),
    ...(room.pods < 1 ? [{ obstacle: 'pods', detail: 'has as many pods as it may have' } as const] : []),
  ];
}
