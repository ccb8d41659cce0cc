import {
  recordWeight,
  ttlSeconds,
  type CheckTarget,
  type ClusterNames,
  type DnsFlaw,
  type DnsRecord,
  type RecordChange,
  type SeenCheck,
  type SeenDns,
  type SeenRecord,
} from '../domain/dns.ts';
import type { ClusterId } from '../domain/ids.ts';
import { isCheckOf, isRecordOf } from './plan-dns.ts';

/** What is to be done next; each kind only once none of those before it is left. */
export type DnsStep =
  /** Records refer to a check by its id, so it is there before them. */
  | { readonly kind: 'create-checks'; readonly targets: readonly CheckTarget[] }
  | { readonly kind: 'change-records'; readonly changes: readonly RecordChange[] }
  /** A record whose check is gone would never answer again, so its check goes last. */
  | { readonly kind: 'remove-checks'; readonly ids: readonly string[] };

export interface DnsComparison {
  readonly flaws: readonly DnsFlaw[];
  /** Undefined: nothing is to be done. */
  readonly step?: DnsStep;
}

/**
 * Holds what should be against what is in the zone and among the account's health checks. Ours is what says so: a record by
 * its set identifier, a check by its caller reference. Nothing else is ever changed or deleted, and nothing is added at a
 * name that has somebody else's address or alias too.
 *
 * @param seen may hold more than the cluster's: whatever is not its own, or at its names, is passed over.
 */
export function compareDns(options: {
  clusterId: ClusterId;
  names: ClusterNames;
  wanted: readonly DnsRecord[];
  seen: SeenDns;
}): DnsComparison {
  const { clusterId, wanted, seen } = options;
  const checks = seen.checks.filter((check) => isCheckOf(clusterId, check));
  const own = seen.records.filter((record) => isRecordOf(clusterId, record));
  const taken = takenNames(options);

  const flaws: DnsFlaw[] = [...taken.values()];
  const changes: RecordChange[] = [];
  const differs = (record: { name: string; setIdentifier?: string }, message: string): void => {
    flaws.push({
      kind: 'changed',
      subject: `${record.name}:${partOf(record)}`,
      message: `${record.name}: ${message}`,
    });
  };

  for (const record of wanted) {
    const found = own.find((one) => isSame(one, record));
    const check = checkFor(record, checks);
    const reference = check === undefined ? {} : { healthCheckId: check.id };
    if (found === undefined) {
      if (taken.has(record.name)) continue;
      differs(record, `the record of ${partOf(record)} is missing`);
      changes.push({ action: 'create', record, ...reference });
      continue;
    }
    const difference = differenceOf(found, record, check);
    if (difference === undefined) continue;
    differs(record, `the record of ${partOf(record)} ${difference}`);
    // Routing is part of what a record is, and cannot be changed in place.
    if (found.routing === record.routing) changes.push({ action: 'upsert', record, ...reference });
    else changes.push({ action: 'delete', record: found }, { action: 'create', record, ...reference });
  }
  // An alias goes before what it leads to.
  const surplusRecords = own
    .filter((one) => !wanted.some((each) => isSame(one, each)))
    .toSorted((a, b) => Number(b.alias !== undefined) - Number(a.alias !== undefined));
  for (const record of surplusRecords) {
    differs(record, `the record of ${partOf(record)} should not be there`);
    changes.push({ action: 'delete', record });
  }

  const missing = missingTargets(wanted, checks, taken);
  for (const { address, port } of missing)
    flaws.push({
      kind: 'changed',
      subject: `check:${address}:${port}`,
      message: `nobody checks whether ${address} answers at port ${port}`,
    });
  const surplus = checks.filter((check) => !wanted.some((record) => checkFor(record, checks) === check));
  for (const { id, target } of surplus)
    flaws.push({
      kind: 'changed',
      subject: `check:${id}`,
      message: `health check ${id} of ${target?.address ?? 'another kind'} serves no record`,
    });

  const step = nextStep({ missing, changes, surplus });
  return { flaws, ...(step !== undefined && { step }) };
}

function nextStep(todo: {
  missing: readonly CheckTarget[];
  changes: readonly RecordChange[];
  surplus: readonly SeenCheck[];
}): DnsStep | undefined {
  if (todo.missing.length > 0) return { kind: 'create-checks', targets: todo.missing };
  if (todo.changes.length > 0) return { kind: 'change-records', changes: todo.changes };
  if (todo.surplus.length > 0) return { kind: 'remove-checks', ids: todo.surplus.map(({ id }) => id) };
  return undefined;
}

/** `aws` of `overcast:<cluster id>:aws` */
const partOf = ({ setIdentifier = '' }: { readonly setIdentifier?: string }): string =>
  setIdentifier.split(':').slice(2).join(':');

const isSame = (seen: SeenRecord, record: DnsRecord): boolean =>
  seen.type === 'A' && seen.name === record.name && seen.setIdentifier === record.setIdentifier;

/** Names that have an address, or lead somewhere, by somebody else's record. */
function takenNames({
  clusterId,
  names,
  seen,
}: {
  clusterId: ClusterId;
  names: ClusterNames;
  seen: SeenDns;
}): ReadonlyMap<string, DnsFlaw> {
  const foreign = seen.records.filter(
    (record) =>
      Object.values<string>({ ...names }).includes(record.name) &&
      (record.type === 'A' || record.type === 'CNAME') &&
      !isRecordOf(clusterId, record),
  );
  return new Map(
    foreign.map(({ name, type, setIdentifier }) => [
      name,
      {
        kind: 'taken',
        subject: name,
        message: `${name} has a record of type ${type}${setIdentifier === undefined ? '' : ` (${setIdentifier})`} that is not this cluster's`,
      },
    ]),
  );
}

/** Of several that check the same, as a lost answer may leave them, the first by its id. */
const checkFor = ({ check }: DnsRecord, checks: readonly SeenCheck[]): SeenCheck | undefined =>
  check === undefined
    ? undefined
    : checks
        .filter(({ target, isAsSet }) => isAsSet && target !== undefined && isAt(target, check))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))[0];

const isAt = (a: CheckTarget, b: CheckTarget): boolean => a.address === b.address && a.port === b.port;

function missingTargets(
  wanted: readonly DnsRecord[],
  checks: readonly SeenCheck[],
  taken: ReadonlyMap<string, unknown>,
): readonly CheckTarget[] {
  const targets = wanted
    .filter((record) => !taken.has(record.name) && checkFor(record, checks) === undefined)
    .flatMap(({ check }) => check ?? []);
  return targets.filter((target, index) => targets.findIndex((other) => isAt(other, target)) === index);
}

function differenceOf(
  found: SeenRecord,
  record: DnsRecord,
  check: SeenCheck | undefined,
): string | undefined {
  const { target } = record;
  if (found.routing !== record.routing) return `is ${found.routing} and not ${record.routing}`;
  if (record.routing === 'weighted' && found.weight !== recordWeight)
    return `has weight ${found.weight ?? 'none'} and not ${recordWeight}`;
  const leads = found.alias?.name ?? found.values.toSorted().join(', ');
  const should = 'alias' in target ? target.alias : target.addresses.toSorted().join(', ');
  if (leads !== should) return `leads to ${leads} and not to ${should}`;
  if ('alias' in target) {
    if (found.alias?.zoneId !== target.zoneId) return `is an alias into another zone`;
    if (!found.alias.evaluatesHealth) return 'no longer follows the health of what it leads to';
  } else if (found.ttlSeconds !== ttlSeconds)
    return `is kept for ${found.ttlSeconds ?? 0} s and not ${ttlSeconds}`;
  if (found.healthCheckId !== check?.id) return 'does not follow its health check';
  return undefined;
}
