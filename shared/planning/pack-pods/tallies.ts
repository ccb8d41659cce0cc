import type { Bond, Bonds } from './bonds.ts';
import type { TopologyGroup } from './topology-groups.ts';

/** Numbers of pods that a group selects, and of pods that own it: by domain, a new domain counts none. */
interface Tally {
  readonly selected: number[];
  readonly owners: number[];
  /** Domains whose fewest pods hold the others back. */
  readonly isDomain: boolean[];
  /**
   * Of an affinity: the first class of which there are selected pods in a domain. Nodes are not bought in the order in which
   * pods are bound, and nobody can follow who is bound later.
   */
  readonly firstClass: number[];
  /** The same anywhere, and the first class of which some are still to come. */
  firstPlaced: number;
  firstExpected: number;
}

/** Pods that run already come before every class. */
export const running = -1;

type Counted = Pick<Bonds, 'counted' | 'owned'>;

/** The pods in each domain of each group, and what they allow. Domains are numbered from 0; -1 is no domain. */
export class Tallies {
  readonly #groups: readonly TopologyGroup[];
  readonly #tallies: readonly Tally[];

  constructor(groups: readonly TopologyGroup[]) {
    this.#groups = groups;
    this.#tallies = groups.map(() => ({
      selected: [],
      owners: [],
      isDomain: [],
      firstClass: [],
      firstPlaced: Infinity,
      firstExpected: Infinity,
    }));
  }

  #of(group: number): Tally {
    return this.#tallies[group] as Tally;
  }

  addDomain(group: number, domain: number): void {
    if (domain >= 0) this.#of(group).isDomain[domain] = true;
  }

  /** Hosts are all thought of: a new one may always be without any pods. */
  isDomain(group: number, domain: number): boolean {
    return domain < 0 || this.#of(group).isDomain[domain] === true;
  }

  /** Pods of this class are still to come: who is bound after them cannot be the first of the group. */
  expect(group: number, podClass: number): void {
    const tally = this.#of(group);
    tally.firstExpected = Math.min(tally.firstExpected, podClass);
  }

  /**
   * @param domainOf where the pods are, by group.
   * @param podClass the class's number, or `running`.
   */
  add(bonds: Counted, domainOf: (group: number) => number, count: number, podClass: number): void {
    for (const group of bonds.counted) {
      const tally = this.#of(group);
      tally.firstPlaced = Math.min(tally.firstPlaced, podClass);
      this.#select(tally, domainOf(group), count, podClass);
    }
    for (const group of bonds.owned) this.#own(group, domainOf(group), count);
  }

  /** Pods on a host that is only tried: `forget` takes them away again. */
  tryOn(host: number, bonds: Counted, count: number, podClass: number): void {
    for (const group of bonds.counted) this.#select(this.#of(group), host, count, podClass);
    for (const group of bonds.owned) this.#own(group, host, count);
  }

  #select({ selected, firstClass }: Tally, domain: number, count: number, podClass: number): void {
    if (domain < 0) return;
    selected[domain] = (selected[domain] ?? 0) + count;
    firstClass[domain] = Math.min(firstClass[domain] ?? Infinity, podClass);
  }

  #own(group: number, domain: number, count: number): void {
    const { owners } = this.#of(group);
    if (domain >= 0) owners[domain] = (owners[domain] ?? 0) + count;
  }

  /** As if these had never been on the host. */
  forget(host: number, { counted, owned }: Counted): void {
    for (const group of counted) {
      const { selected, firstClass } = this.#of(group);
      selected[host] = 0;
      firstClass[host] = Infinity;
    }
    for (const group of owned) this.#of(group).owners[host] = 0;
  }

  /** Whether pods of the class may be in the domain by their affinity: with one that is there, or as the first anywhere. */
  #isNear({ group, isOfItself }: Bond, domain: number, podClass: number): boolean {
    const { firstClass, firstPlaced, firstExpected } = this.#of(group);
    const isFirst = isOfItself && firstPlaced > podClass && firstExpected >= podClass;
    return isFirst || (firstClass[domain] ?? Infinity) <= podClass;
  }

  selected(group: number, domain: number): number {
    return domain < 0 ? 0 : (this.#of(group).selected[domain] ?? 0);
  }

  owners(group: number, domain: number): number {
    return domain < 0 ? 0 : (this.#of(group).owners[domain] ?? 0);
  }

  /** Whether some are placed; of a class: whom pods of that class would have to follow. */
  hasBegun(group: number, podClass = Number.MAX_SAFE_INTEGER): boolean {
    return this.#of(group).firstPlaced <= podClass;
  }

  /** How many selected pods the domain with fewest has; none, where there are fewer domains than there should be. */
  fewest(group: number): number {
    const { isDomain, selected } = this.#of(group);
    let fewest = Infinity;
    let domains = 0;
    for (let domain = 0; domain < isDomain.length; domain += 1) {
      if (isDomain[domain] !== true) continue;
      domains += 1;
      fewest = Math.min(fewest, selected[domain] ?? 0);
    }
    return domains < (this.#groups[group]?.minDomains ?? 1) || fewest === Infinity ? 0 : fewest;
  }

  /** The first bond that keeps one more such pod out of there; undefined: it may go there. */
  objection(
    bonds: Bonds,
    domainOf: (group: number) => number,
    podClass: number,
    isMinded: (bond: Bond) => boolean = isAny,
  ): Bond | undefined {
    if (bonds.areNone) return undefined;
    for (const bond of bonds.spreads) {
      if (!isMinded(bond)) continue;
      const domain = domainOf(bond.group);
      const skew = this.selected(bond.group, domain) + (bond.isOfItself ? 1 : 0) - this.fewest(bond.group);
      if (domain < 0 || skew > bond.maxSkew) return bond;
    }
    for (const bond of bonds.affinities) {
      if (!isMinded(bond)) continue;
      const domain = domainOf(bond.group);
      if (domain < 0 || !this.#isNear(bond, domain, podClass)) return bond;
    }
    for (const bond of bonds.antiAffinities)
      if (isMinded(bond) && this.selected(bond.group, domainOf(bond.group)) > 0) return bond;
    for (const bond of bonds.repelled)
      if (isMinded(bond) && this.owners(bond.group, domainOf(bond.group)) > 0) return bond;
    return undefined;
  }

  /**
   * How many more such pods a host takes that is new or has new ones beside it: the fewest on a host are none then. What
   * others spread over hosts stays spread, although Kubernetes would let these in: another host costs the same.
   */
  roomOnHost(bonds: Bonds, host: number, podClass: number): number {
    if (bonds.areNone) return Infinity;
    let room = Infinity;
    for (const { group, isOfItself, maxSkew } of bonds.spreads) {
      const selected = this.selected(group, host);
      if (isOfItself) room = Math.min(room, maxSkew - selected);
      else if (selected > maxSkew) return 0;
    }
    // Who must be with somebody has no choice of hosts.
    if (bonds.affinities.length === 0)
      for (const { group, maxSkew } of bonds.spreadWith)
        if (this.owners(group, host) > 0) room = Math.min(room, maxSkew - this.selected(group, host));
    for (const bond of bonds.affinities) if (!this.#isNear(bond, host, podClass)) return 0;
    for (const { group, isOfItself } of bonds.antiAffinities) {
      if (this.selected(group, host) > 0) return 0;
      if (isOfItself) room = Math.min(room, 1);
    }
    for (const { group } of bonds.repelled) if (this.owners(group, host) > 0) return 0;
    return Math.max(0, room);
  }
}

const isAny = (): boolean => true;
export const isRequired = ({ isRequired }: Bond): boolean => isRequired;
