import { Address4 } from 'ip-address';
import * as z from 'zod/mini';
import type { Owner } from '../../domain/cloud.ts';
import type { FirewallRule, Network, NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { Progress } from '../contract.ts';
import { invalid, Refused, type Client } from './client.ts';
import { firewallName, roles, roleTag, vpcDescription, vpcName } from './naming.ts';
import * as wire from './wire.ts';

const anywhere = ['0.0.0.0/0', '::/0'];
/** Another cluster may take the same range at the same moment, and DigitalOcean keeps some for itself: next ones are tried. */
const candidatesTriedMax = 8;

export const listVpcs = (client: Client): Promise<readonly wire.Vpc[]> =>
  client.list('vpcs', 'vpcs', wire.vpc);

export const listFirewalls = (client: Client): Promise<readonly wire.Firewall[]> =>
  client.list('firewalls', 'firewalls', wire.firewall);

const marks = z.object({ 'overcast:installation': z.string(), 'overcast:cluster-id': z.string() });

function isMarked(vpc: wire.Vpc, owner: Owner): boolean {
  try {
    const told = marks.parse(JSON.parse(vpc.description ?? ''));
    return (
      told['overcast:installation'] === owner.installation && told['overcast:cluster-id'] === owner.clusterId
    );
  } catch {
    return false;
  }
}

export const ownVpc = (vpcs: readonly wire.Vpc[], owner: Owner): wire.Vpc | undefined =>
  vpcs.find((vpc) => vpc.name === vpcName(owner) && isMarked(vpc, owner));

/** By its name; one whose tags somebody emptied is still ours to repair, one that serves somebody else's tag is not. */
export const ownFirewall = (
  firewalls: readonly wire.Firewall[],
  owner: Owner,
  role: NodeRole,
): wire.Firewall | undefined =>
  firewalls.find(
    (firewall) =>
      firewall.name === firewallName(owner, role) &&
      (firewall.tags ?? []).every((tag) => !tag.startsWith('overcast:') || tag === roleTag(owner, role)),
  );

const overlaps = (one: string, other: string): boolean => {
  const [a, b] = [new Address4(one), new Address4(other)];
  return a.isInSubnet(b) || b.isInSubnet(a);
};

const defaultVpcName = (region: string): string => `default-${region}`;

/**
 * The first VPC of a region becomes its default: whatever names no VPC lands in it, so strangers would, and it cannot be
 * deleted (https://github.com/digitalocean/godo/issues/337). So a region without any gets a neutral one first, named as
 * DigitalOcean names its own. It costs nothing, belongs to the account and stays.
 */
async function makeDefaultVpc(client: Client, region: string): Promise<wire.Vpc | undefined> {
  const description = 'The default network of this region';
  try {
    const body = { name: defaultVpcName(region), description, region };
    return (await client.create('vpcs', body, z.object({ vpc: wire.vpc }))).vpc;
  } catch (error) {
    // A concurrent call, or DigitalOcean itself, was faster.
    if (error instanceof Refused && /already|in use/i.test(error.message)) return undefined;
    throw error;
  }
}

/** Ours became its region's default all the same: another is made that instead. */
export async function cedeDefault(
  client: Client,
  vpcs: readonly wire.Vpc[],
  { region }: wire.Vpc,
): Promise<void> {
  const other =
    vpcs.find((vpc) => vpc.region === region && vpc.name === defaultVpcName(region)) ??
    (await makeDefaultVpc(client, region));
  if (other !== undefined) await client.change(`vpcs/${other.id}`, { default: true });
}

async function ensureVpc(client: Client, spec: NetworkSpec): Promise<wire.Vpc> {
  const { owner, location } = spec;
  const refused = new Set<string>();
  for (let tried = 0; tried < candidatesTriedMax; tried += 1) {
    const vpcs = await listVpcs(client);
    const own = ownVpc(vpcs, owner);
    if (own !== undefined) {
      if (own.region !== location.region) throw invalid(`VPC ${own.name} is in ${own.region}`);
      if (own.default === true) await cedeDefault(client, vpcs, own);
      return own;
    }
    if (vpcs.some((vpc) => vpc.name === vpcName(owner)))
      throw invalid(`a VPC named ${vpcName(owner)} exists and does not carry our marks`);
    if (!vpcs.some((vpc) => vpc.region === location.region)) {
      await makeDefaultVpc(client, location.region);
      continue;
    }
    const range = spec.candidates
      .map((candidate) => candidate.network)
      .find((candidate) => !refused.has(candidate) && !vpcs.some((vpc) => overlaps(vpc.ip_range, candidate)));
    if (range === undefined) throw invalid('every candidate range overlaps another VPC of the account');
    try {
      const made = await client.create(
        'vpcs',
        {
          name: vpcName(owner),
          description: vpcDescription(owner),
          region: location.region,
          ip_range: range,
        },
        z.object({ vpc: wire.vpc }),
      );
      return made.vpc;
    } catch (error) {
      // Taken in the meantime (the next look shows it) or reserved (it never will): either way the next candidate.
      // A name that is taken in the meantime is ours, made by a concurrent call.
      if (!(error instanceof Refused) || !/overlap|reserved|already|in use/i.test(error.message))
        throw error instanceof Refused ? invalid(error.message, error) : error;
      if (/overlap|reserved/i.test(error.message)) refused.add(range);
    }
  }
  throw invalid(`${candidatesTriedMax} candidate ranges were refused`);
}

/** DigitalOcean answers `0` for all ports, whichever way it was told. */
const portsOf = (ports: string | undefined): string =>
  ports === undefined || ports === 'all' || ports === '' ? '0' : ports;

const portsText = ({ fromPort, toPort }: FirewallRule): string =>
  fromPort === toPort ? String(fromPort) : `${fromPort}-${toPort}`;

const inboundRules = (rules: readonly FirewallRule[], range: string) =>
  rules.map((rule) => ({
    protocol: rule.protocol,
    ports: portsText(rule),
    sources: { addresses: rule.source.kind === 'anywhere' ? anywhere : [range] },
  }));

const outboundRules = ['tcp', 'udp', 'icmp'].map((protocol) => ({
  protocol,
  ports: '0',
  destinations: { addresses: anywhere },
}));

const targetText = (target: wire.RuleTarget): string =>
  Object.entries(target)
    .filter(([, list]) => list !== null && list !== undefined && list.length > 0)
    .map(([kind, list]) => `${kind}=${[...new Set(list?.map(String))].sort().join(',')}`)
    .sort()
    .join(' ');

/** Everything about a firewall that decides what passes, as text: equal text, equal firewall. */
const firewallText = (firewall: Omit<wire.Firewall, 'id' | 'name'>): string =>
  [
    ...(firewall.inbound_rules ?? []).map(
      (rule) => `in ${rule.protocol} ${portsOf(rule.ports)} ${targetText(rule.sources)}`,
    ),
    ...(firewall.outbound_rules ?? []).map(
      (rule) => `out ${rule.protocol} ${portsOf(rule.ports)} ${targetText(rule.destinations)}`,
    ),
    ...(firewall.tags ?? []).map((tag) => `tag ${tag}`),
    ...(firewall.droplet_ids ?? []).map((id) => `droplet ${id}`),
  ]
    .sort()
    .join('\n');

async function ensureFirewall(
  client: Client,
  spec: NetworkSpec,
  role: NodeRole,
  range: string,
): Promise<string> {
  const { owner } = spec;
  const name = firewallName(owner, role);
  const tag = roleTag(owner, role);
  const wanted = {
    name,
    tags: [tag],
    droplet_ids: [],
    inbound_rules: inboundRules(spec.firewall[role], range),
    outbound_rules: outboundRules,
  };
  const firewalls = await listFirewalls(client);
  const own = ownFirewall(firewalls, owner, role);
  if (own !== undefined && firewallText(own) === firewallText(wanted)) return own.id;
  if (own === undefined && firewalls.some((firewall) => firewall.name === name))
    throw invalid(`a firewall named ${name} exists and serves another installation's machines`);
  // A firewall takes only tags that exist; making one that does is no change.
  await client.create('tags', { name: tag }, z.unknown());
  try {
    if (own !== undefined) {
      await client.replace(`firewalls/${own.id}`, wanted);
      return own.id;
    }
    const made = await client.create('firewalls', wanted, z.object({ firewall: wire.firewall }));
    return made.firewall.id;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    // A concurrent call made it, or took it away: it is found, or made, by the next look.
    const now = ownFirewall(await listFirewalls(client), owner, role);
    if (error.status === 409 && now !== undefined) return now.id;
    throw invalid(`firewall ${name}: ${error.message}`, error);
  }
}

export async function ensureNetwork(client: Client, spec: NetworkSpec): Promise<Progress<Network>> {
  const vpc = await ensureVpc(client, spec);
  const [controlPlane, worker] = await Promise.all(
    roles.map((role) => ensureFirewall(client, spec, role, vpc.ip_range)),
  );
  return {
    done: true,
    value: {
      cloud: 'digitalocean',
      location: spec.location,
      range: vpc.ip_range,
      subnetRange: vpc.ip_range,
      parts: {
        vpcId: vpc.id,
        firewallControlPlane: controlPlane ?? '',
        firewallWorker: worker ?? '',
      },
    },
  };
}
