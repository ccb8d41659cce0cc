import type { Ties } from './demands.ts';
import type { TopologyGroup } from './topology-groups.ts';

/** One group as it concerns one class of pods. */
export interface Bond {
  /** The group's place in the list. */
  readonly group: number;
  /** The pods are counted in it themselves. */
  readonly isOfItself: boolean;
  readonly maxSkew: number;
  /** Otherwise it gives way where it cannot be kept. */
  readonly isRequired: boolean;
}

/** What decides whether pods may be where others are, and what they change for those. */
export interface Bonds {
  readonly spreads: readonly Bond[];
  readonly affinities: readonly Bond[];
  readonly antiAffinities: readonly Bond[];
  /** Anti-affinities of others that select these pods. */
  readonly repelled: readonly Bond[];
  /** Spreads of others alone that select these pods. */
  readonly spreadWith: readonly Bond[];
  /** Every group in which they are counted, and every one that they own. */
  readonly counted: readonly number[];
  readonly owned: readonly number[];
  /** Affinities that they own or that select them: whom they must be with, and who must be with them. */
  readonly company: readonly number[];
  /** None of the above decides anything. */
  readonly areNone: boolean;
}

export interface BothBonds {
  readonly ofHosts: Bonds;
  readonly ofDomains: Bonds;
}

function bondsOf(
  ties: Ties,
  groups: readonly TopologyGroup[],
  isMeant: (group: TopologyGroup) => boolean,
): Bonds {
  const meant = (numbers: readonly number[]) =>
    numbers.filter((number) => isMeant(groups[number] as TopologyGroup));
  const owned = meant(ties.owns);
  const counted = meant(ties.selectedBy);
  const bonds = (numbers: readonly number[], kinds: readonly TopologyGroup['kind'][]): readonly Bond[] =>
    numbers.flatMap((number) => {
      const { kind, maxSkew, isRequired } = groups[number] as TopologyGroup;
      return kinds.includes(kind)
        ? [{ group: number, isOfItself: counted.includes(number), maxSkew, isRequired }]
        : [];
    });
  const of = {
    spreads: bonds(owned, ['spread']),
    affinities: bonds(owned, ['affinity']),
    antiAffinities: bonds(owned, ['antiAffinity', 'hostPort']),
    repelled: bonds(counted, ['antiAffinity', 'hostPort']),
    spreadWith: bonds(counted, ['spread']).filter(({ group }) => !owned.includes(group)),
  };
  return {
    ...of,
    counted,
    owned,
    company: [...new Set([...owned, ...counted])].filter((number) => groups[number]?.kind === 'affinity'),
    areNone: Object.values(of).every((bonds) => bonds.length === 0),
  };
}

/**
 * The same object for ties that come to the same.
 *
 * @param minding which groups are kept: the required ones, or the preferred ones too.
 */
export function findBonds(groups: readonly TopologyGroup[], minding: (group: TopologyGroup) => boolean) {
  const known = new Map<Ties, BothBonds>();
  const alike = new Map<string, Bonds>();
  const shared = (bonds: Bonds): Bonds => {
    const key = `${bonds.owned.join()} ${bonds.counted.join()}`;
    const other = alike.get(key);
    if (other === undefined) alike.set(key, bonds);
    return other ?? bonds;
  };
  return (ties: Ties): BothBonds => {
    let bonds = known.get(ties);
    if (bonds === undefined) {
      bonds = {
        ofHosts: shared(bondsOf(ties, groups, (group) => group.isOfHosts && minding(group))),
        ofDomains: shared(bondsOf(ties, groups, (group) => !group.isOfHosts && minding(group))),
      };
      known.set(ties, bonds);
    }
    return bonds;
  };
}
