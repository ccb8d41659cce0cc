import { wireName, type RecordSet, type Zone } from './records.ts';

export interface Answer {
  /** `NXDOMAIN`: nothing of that name; `REFUSED`: not a name of this zone's. */
  readonly code: 'NOERROR' | 'NXDOMAIN' | 'REFUSED';
  readonly records: readonly { readonly type: string; readonly ttlSeconds: number; readonly value: string }[];
}

export interface Surroundings {
  readonly zone: Zone;
  readonly records: readonly RecordSet[];
  readonly isHealthy: (healthCheckId: string) => boolean;
  /** An alias outside of the zone: where it leads, and whether anything behind it is healthy. */
  readonly resolveAlias: (
    dnsName: string,
  ) => { readonly addresses: readonly string[]; readonly isHealthy: boolean } | undefined;
  /** 0 ≤ value < 1. */
  readonly random: () => number;
}

const answersMax = 8;
const aliasTtlSeconds = 60;
const aliasDepthMax = 3;

type Values = readonly { readonly ttlSeconds: number; readonly value: string }[];

/**
 * What Route 53 answers: of weighted records one by its weight, of multivalue ones up to eight at once; whatever is not
 * healthy is left out, unless nothing else is left. A name that has no record of its own is answered by the wildcard above it.
 */
export function answer(question: { name: string; type: string }, around: Surroundings): Answer {
  const name = wireName(question.name);
  const { zone, records } = around;
  if (name !== zone.name && !name.endsWith(`.${zone.name}`)) return { code: 'REFUSED', records: [] };
  const owner = ownerOf(name, records, zone);
  if (owner === undefined) return { code: 'NXDOMAIN', records: [] };
  const cname = records.find(({ Name, Type }) => Name === owner && Type === 'CNAME');
  const type = cname === undefined ? question.type : 'CNAME';
  const values = valuesOf(owner, type, around, 0);
  return { code: 'NOERROR', records: values.map((value) => ({ type, ...value })) };
}

/** The name itself where anything is at or under it, else the nearest wildcard. */
function ownerOf(name: string, records: readonly RecordSet[], zone: Zone): string | undefined {
  for (let at = name; ; at = at.slice(at.indexOf('.') + 1)) {
    const candidate = at === name ? name : wireName(`*.${at}`);
    if (records.some(({ Name }) => Name === candidate)) return candidate;
    // Something is under it: it exists without records of its own, and no wildcard above it is asked.
    if (records.some(({ Name }) => Name.endsWith(`.${at}`))) return at === name ? name : undefined;
    if (at === zone.name) return undefined;
  }
}

function valuesOf(name: string, type: string, around: Surroundings, depth: number): Values {
  const sets = around.records.filter((record) => record.Name === name && record.Type === type);
  const healthy = sets.filter((record) => isWell(record, around, depth));
  const able = healthy.length > 0 ? healthy : sets;
  const [first] = able;
  if (first === undefined) return [];
  if (first.MultiValueAnswer !== undefined)
    return shuffled(able, around.random)
      .flatMap((record) => resolve(record, around, depth))
      .slice(0, answersMax);
  return resolve(first.Weight === undefined ? first : byWeight(able, around.random), around, depth);
}

function isWell(record: RecordSet, around: Surroundings, depth: number): boolean {
  const { HealthCheckId, AliasTarget } = record;
  if (HealthCheckId !== undefined && !around.isHealthy(HealthCheckId)) return false;
  if (AliasTarget === undefined || AliasTarget.EvaluateTargetHealth !== 'true') return true;
  if (AliasTarget.HostedZoneId !== around.zone.id)
    return around.resolveAlias(plain(AliasTarget.DNSName))?.isHealthy === true;
  return (
    depth < aliasDepthMax &&
    around.records
      .filter(({ Name, Type }) => Name === wireName(AliasTarget.DNSName) && Type === record.Type)
      .some((target) => isWell(target, around, depth + 1))
  );
}

function resolve(record: RecordSet, around: Surroundings, depth: number): Values {
  const { AliasTarget, TTL = '0', ResourceRecords = [] } = record;
  if (AliasTarget === undefined) return ResourceRecords.map((value) => ({ ttlSeconds: Number(TTL), value }));
  if (AliasTarget.HostedZoneId === around.zone.id)
    return depth < aliasDepthMax
      ? valuesOf(wireName(AliasTarget.DNSName), record.Type, around, depth + 1)
      : [];
  return (around.resolveAlias(plain(AliasTarget.DNSName))?.addresses ?? []).map((value) => ({
    ttlSeconds: aliasTtlSeconds,
    value,
  }));
}

const plain = (name: string): string => name.replace(/\.$/, '').toLowerCase();

function byWeight(sets: readonly RecordSet[], random: () => number): RecordSet {
  const weights = sets.map(({ Weight = '0' }) => Number(Weight));
  const total = weights.reduce((sum, each) => sum + each, 0);
  // All zero: each as often as the others.
  let left = random() * (total === 0 ? sets.length : total);
  const index = weights.findIndex((weight) => (left -= total === 0 ? 1 : weight) < 0);
  return sets[index] as RecordSet;
}

const shuffled = <T>(items: readonly T[], random: () => number): readonly T[] =>
  items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
