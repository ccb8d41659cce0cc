import { cloudNames } from '../../../shared/domain/cloud.ts';
import type { Key } from '../../../shared/store/keys.ts';
import type { Invariants } from '../../simulation/checks/invariants.ts';
import type { Clouds } from '../../simulation/life/clouds.ts';
import type { SimulatedZone } from '../../simulation/life/zone.ts';
import { installationId } from '../../simulation/platform/functions.ts';
import type { MemoryTable } from '../../simulation/table/memory-table.ts';

/*
 * Two runs that were cut differently never end in the same bytes. These are all the differences that are let pass:
 * - ids: UUIDs and the clouds' own ids become `<node 3>`, `<cluster>`, `<machine of node 3>`, `<id>`; executions `<execution>`;
 * - times: instants, epoch seconds, and whatever is counted from them;
 * - counters of attempts: a machine may have been made anew, a claim or repair tried again, the mesh changed once more;
 * - what a machine or a draw of lots made: keys, hashes, addresses;
 * - whether anybody had to wait for a control plane to be heard of again before it joined, long over by the end;
 * - which of the control planes came first: all of them are members in the end;
 * - what follows from the cluster's id: its shard of the due list, its range of DigitalOcean's.
 * Not compared are records of what happened (timeline, audit) and of what was last seen (observations, until the next look).
 */
const counters = new Set([
  'attempt',
  'initAttempt',
  'joinAttempt',
  'repairAttempts',
  'tries',
  'meshVersion',
  'sinceVersion',
  'joinerUntil',
]);
const made = new Set([
  'dueAt',
  'duePk',
  'expiresAt',
  'tokenExpiresAt',
  'wireguardPublicKey',
  'publicKey',
  'sessionHash',
  'publicAddress',
  'privateAddress',
  'address',
  'addresses',
  'address',
  'values',
  'endpoints',
  'bodyHash',
  'token',
  'userData',
]);
const whoCameFirst = new Set(['initNode', 'joinNode']);
const records = /^(?:EVENT#|OBSERVED#)|^(?:AUDIT|BUDGET)#/;

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const instant = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
const execution = /arn:aws:states:[\w:-]+/g;

/** What two runs must have in common in the end: one line for each item of the table and each thing in a cloud. */
export function endState(parts: {
  readonly table: MemoryTable;
  /** Every key that was ever written. */
  readonly keys: Iterable<Key>;
  readonly clouds: Clouds;
  readonly zone: SimulatedZone;
  readonly invariants: Invariants;
  readonly clusterId: string;
}): readonly string[] {
  const { table, clouds, clusterId } = parts;
  const names = new Map<string, string>([[clusterId, '<cluster>']]);
  for (const { id, number, providerId } of parts.invariants.nodesOf(clusterId)) {
    names.set(id, `<node ${number}>`);
    if (providerId !== undefined) names.set(providerId, `<machine of node ${number}>`);
  }
  const text = (value: string): string =>
    names.get(value) ??
    value
      .replaceAll(uuid, (id) => names.get(id) ?? '<id>')
      .replaceAll(execution, '<execution>')
      .replaceAll(instant, '<time>')
      .replaceAll(/\b(?:aws|gcp|azure|digitalocean)-\d{5}\b/g, (id) => names.get(id) ?? '<machine>')
      .replaceAll(/\bnetwork-\d{5}\b/g, '<network>')
      .replaceAll(/\bbalancer-\d{5}\b/g, '<load balancer>')
      .replaceAll(/\b10\.(?:1|2)\d\d\.\d+\.0\/20\b/g, '<range>');
  const plain = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !counters.has(name))
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, inner]) => [
          name,
          made.has(name) ? `<${name}>` : whoCameFirst.has(name) ? '<a control plane>' : plain(inner),
        ]),
    );
  };
  const items = [...parts.keys].flatMap((key) => {
    const item = table.read(key);
    if (item === undefined || records.test(key.sk) || records.test(key.pk)) return [];
    return [`${text(key.pk)} ${text(key.sk)}: ${JSON.stringify(plain(withoutVersion(key, item)))}`];
  });
  const things = cloudNames.flatMap((cloud) => {
    const world = clouds.worlds[cloud];
    const machines = world.machines().map((machine) => {
      const ours = machine.tags?.owner.installation === installationId;
      const { userData: _, providerId, ...rest } = machine;
      const shown = ours ? { ...rest, providerId } : rest;
      return `machine in ${cloud}: ${JSON.stringify(plain({ ...shown, state: world.state(machine) }))}`;
    });
    const networks = world.networks().map((each) => `network in ${cloud}: ${JSON.stringify(plain(each))}`);
    const balancers = world
      .balancers()
      .map((each) => `load balancer in ${cloud}: ${JSON.stringify(plain(each))}`);
    const spares = world.spares().map((each) => `left over in ${cloud}: ${JSON.stringify(plain(each))}`);
    return [...machines, ...networks, ...balancers, ...spares];
  });
  const { records: published, checks } = parts.zone.look();
  const dns = published.map((record) => `record: ${JSON.stringify(plain({ ...record, healthCheckId: '' }))}`);
  const checked = checks.map(({ callerReference, target, isAsSet }) => {
    const of = callerReference.split('/')[0] ?? '';
    return `health check of ${text(of)}: ${JSON.stringify(plain({ target, isAsSet }))}`;
  });
  // Machines of two clouds in memory may have one address, and then one check: how many there are is chance.
  return [...items, ...things, ...dns, ...new Set(checked)].toSorted();
}

/** The mesh counts its changes. */
const withoutVersion = ({ sk }: Key, item: Readonly<Record<string, unknown>>): unknown => {
  if (sk !== 'MESH') return item;
  const { version: _, ...rest } = item;
  return rest;
};
