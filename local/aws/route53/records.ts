import type { Collection } from '../../disk.ts';

/** A resource record set as the wire has it; every value as text. */
export interface RecordSet {
  /** Lower-case, escaped as Route 53 does (`\052.demo.example.org.`), with its dot at the end. */
  readonly Name: string;
  readonly Type: string;
  readonly SetIdentifier?: string;
  readonly Weight?: string;
  readonly MultiValueAnswer?: string;
  readonly TTL?: string;
  readonly ResourceRecords?: readonly string[];
  readonly AliasTarget?: {
    readonly HostedZoneId: string;
    readonly DNSName: string;
    readonly EvaluateTargetHealth: string;
  };
  readonly HealthCheckId?: string;
}

export interface Zone {
  readonly id: string;
  /** With its dot at the end. */
  readonly name: string;
}

export interface Change {
  readonly action: 'CREATE' | 'UPSERT' | 'DELETE';
  readonly record: RecordSet;
}

export interface ZoneRecords {
  readonly zone: Zone;
  /** As Route 53 lists them: by labels from the right, then type, then set identifier. */
  list(): readonly RecordSet[];
  /** Carries out all changes or none. @returns what is wrong with them, each in Route 53's words; empty when it is done. */
  change(changes: readonly Change[]): readonly string[];
}

/** `*.demo.example.org` becomes `\052.demo.example.org.` */
export const wireName = (name: string): string => {
  const absolute = name.endsWith('.') ? name : `${name}.`;
  return absolute
    .toLowerCase()
    .replaceAll('*', String.raw`\052`)
    .replaceAll('@', String.raw`\100`);
};

/** Source: Route 53 API Reference, ListResourceRecordSets: `org.example.demo.` with its dot. */
const sortKey = ({ Name, Type, SetIdentifier = '' }: RecordSet): string =>
  `${Name.split('.').filter(Boolean).toReversed().join('.')}.\u0000${Type}\u0000${SetIdentifier}`;

export const compareRecords = (a: RecordSet, b: RecordSet): number => {
  return byText(sortKey(a), sortKey(b));
};

const described = ({ Name, Type, SetIdentifier }: RecordSet): string =>
  `[name='${Name}', type='${Type}'${SetIdentifier === undefined ? '' : `, set identifier='${SetIdentifier}'`}]`;

/** Equal in everything that a deletion has to repeat, whatever the order of fields and values. */
const sameAs = (a: RecordSet, b: RecordSet): boolean => canonical(a) === canonical(b);
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const canonical = (record: RecordSet): string =>
  JSON.stringify(
    Object.entries(record)
      .map(
        ([key, value]) => [key, Array.isArray(value) ? value.map(String).toSorted(byText) : value] as const,
      )
      .toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );

const policyOf = ({ SetIdentifier, Weight, MultiValueAnswer }: RecordSet): string => {
  if (SetIdentifier === undefined) return 'simple';
  return Weight !== undefined ? 'weighted' : MultiValueAnswer !== undefined ? 'multivalue' : 'none';
};

/** One zone's records, kept on disk under `<zone id> <name> <type> <set identifier>`. */
export function openRecords(zone: Zone, stored: Collection<RecordSet>): ZoneRecords {
  const keyOf = ({ Name, Type, SetIdentifier = '' }: RecordSet): string =>
    `${zone.id} ${Name} ${Type} ${SetIdentifier}`;
  // What every zone has from its birth.
  const born: readonly RecordSet[] = [
    { Name: zone.name, Type: 'NS', TTL: '172800', ResourceRecords: ['ns-1.awsdns-00.com.'] },
    {
      Name: zone.name,
      Type: 'SOA',
      TTL: '900',
      ResourceRecords: ['ns-1.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400'],
    },
  ];
  for (const record of born) if (stored.get(keyOf(record)) === undefined) stored.set(keyOf(record), record);

  const list = (): readonly RecordSet[] =>
    stored
      .entries()
      .filter(([key]) => key.startsWith(`${zone.id} `))
      .map(([, record]) => record)
      .toSorted(compareRecords);

  return {
    zone,
    list,
    change(changes) {
      const after = new Map(list().map((record) => [keyOf(record), record]));
      const wrong: string[] = [];
      for (const { action, record } of changes) {
        const key = keyOf(record);
        const there = after.get(key);
        const ill = illFormed(record, zone);
        if (ill !== undefined) wrong.push(ill);
        else if (action === 'DELETE') {
          if (there === undefined)
            wrong.push(`Tried to delete resource record set ${described(record)} but it was not found`);
          else if (!sameAs(there, record))
            wrong.push(
              `Tried to delete resource record set ${described(record)} but the values provided do not match the current values`,
            );
          else after.delete(key);
        } else if (leadsNowhere(record, [...after.values()], zone))
          wrong.push(
            `Tried to create an alias that targets ${record.AliasTarget?.DNSName ?? ''}, type ${record.Type} in zone ${zone.id}, but that target was not found`,
          );
        else if (action === 'CREATE' && there !== undefined)
          wrong.push(`Tried to create resource record set ${described(record)} but it already exists`);
        else after.set(key, record);
      }
      // The batch is looked at as a whole: what one change takes away is no obstacle to another.
      wrong.push(...conflicts([...after.values()], zone));
      if (wrong.length > 0) return wrong;
      for (const key of list().map(keyOf)) if (!after.has(key)) stored.delete(key);
      for (const [key, record] of after) stored.set(key, record);
      return [];
    },
  };
}

const isAddress = (text: string): boolean =>
  /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);

/** What is wrong with a record by itself. */
function illFormed(record: RecordSet, zone: Zone): string | undefined {
  const { Name, Type, AliasTarget, TTL, ResourceRecords = [] } = record;
  const name = described(record);
  if (Name !== zone.name && !Name.endsWith(`.${zone.name}`))
    return `RRSet with DNS name ${Name} is not permitted in zone ${zone.name}`;
  const policy = policyOf(record);
  if (policy === 'none')
    return `Invalid request: Missing field 'Weight', 'Region', 'Failover', 'GeoLocation' or 'MultiValueAnswer' in ${name}`;
  if (policy === 'simple' && (record.Weight ?? record.MultiValueAnswer) !== undefined)
    return `Invalid request: Missing field 'SetIdentifier' in ${name}`;
  if (record.Weight !== undefined && record.MultiValueAnswer !== undefined)
    return `Invalid request: Expected exactly one routing policy in ${name}`;
  if (record.Weight !== undefined && !(/^\d{1,3}$/.test(record.Weight) && Number(record.Weight) <= 255))
    return `Invalid weight ${record.Weight} in ${name}`;
  if (AliasTarget !== undefined) {
    if (TTL !== undefined || ResourceRecords.length > 0)
      return `Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found more than one in ${name}`;
    if (policy === 'multivalue') return `Multivalue answer records cannot be aliases: ${name}`;
    return undefined;
  }
  if (TTL === undefined || ResourceRecords.length === 0)
    return `Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in ${name}`;
  if (!/^\d+$/.test(TTL) || Number(TTL) > 2_147_483_647) return `Invalid TTL ${TTL} in ${name}`;
  if (new Set(ResourceRecords).size < ResourceRecords.length) return `Duplicate Resource Record in ${name}`;
  const odd = Type === 'A' ? ResourceRecords.find((value) => !isAddress(value)) : undefined;
  return odd === undefined
    ? undefined
    : `Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '${odd}'`;
}

/** An alias within the zone has to find its target there: also one that the same batch has made before it. */
const leadsNowhere = ({ AliasTarget, Type }: RecordSet, there: readonly RecordSet[], zone: Zone): boolean =>
  AliasTarget?.HostedZoneId === zone.id &&
  !there.some((target) => target.Name === wireName(AliasTarget.DNSName) && target.Type === Type);

/** What is wrong with records beside each other. */
function conflicts(records: readonly RecordSet[], zone: Zone): readonly string[] {
  const byName = Map.groupBy(records, ({ Name }) => Name);
  return [...byName].flatMap(([name, there]): readonly string[] => {
    const cnames = there.filter(({ Type }) => Type === 'CNAME');
    if (cnames.length > 0 && (cnames.length < there.length || name === zone.name))
      return [
        `RRSet of type CNAME with DNS name ${name} is not permitted as it conflicts with other records with the same DNS name in zone ${zone.name}`,
      ];
    return [...Map.groupBy(there, ({ Type }) => Type)].flatMap(([type, sets]): readonly string[] => {
      if (new Set(sets.map(policyOf)).size > 1)
        return [
          `RRSet with DNS name ${name}, type ${type} cannot be created as other RRSets of another routing policy exist with the same name and type`,
        ];
      return [];
    });
  });
}
