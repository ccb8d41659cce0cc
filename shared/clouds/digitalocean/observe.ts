import type { Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, Flaw, Machine, OwnedResource, Stranger, Watched } from '../contract.ts';
import type { Client } from './client.ts';
import { listFirewalls, othersFirewalls, ownFirewall } from './firewalls.ts';
import { isVery, machineFlaws, tagDifferences } from './machine-tags.ts';
import { balancerDifferences, claimedBalancer, listBalancers, markedBalancers } from './load-balancers.ts';
import { findDroplet, listDroplets, machineOf } from './machines.ts';
import { isOwned, roles } from './naming.ts';
import { networkDifferences, type Account } from './network.ts';
import { isMarked, listVpcs, ownVpc } from './vpc.ts';
import * as wire from './wire.ts';

const dropletUrn = 'do:droplet:';
const balancerUrn = 'do:loadbalancer:';

/** What of the account bears on a cluster beyond its network. */
type Sight = Account & { readonly balancers: readonly wire.LoadBalancer[] };

/**
 * What sits in a VPC and is not its owner's: droplets, but also databases, load balancers, Kubernetes clusters. A droplet
 * that is a member and not in `droplets` is looked at by itself: it may have come or gone since that list.
 */
export async function strangersIn(
  client: Client,
  vpc: wire.Vpc,
  owner: Owner,
  { droplets, balancers }: Pick<Sight, 'droplets' | 'balancers'>,
): Promise<readonly Stranger[]> {
  const own = new Set(markedBalancers(balancers, owner).map(({ id }) => `${balancerUrn}${id}`));
  const strangers: Stranger[] = [];
  for (const member of await client.list(`vpcs/${vpc.id}/members`, 'members', wire.vpcMember)) {
    if (own.has(member.urn)) continue;
    const [, kind = '', id = ''] = member.urn.split(':');
    if (!member.urn.startsWith(dropletUrn)) {
      strangers.push({ kind, id, name: member.name ?? '', inside: vpc.name });
      continue;
    }
    const droplet = droplets.find((listed) => String(listed.id) === id) ?? (await findDroplet(client, id));
    // Droplets that are gone stay members for some seconds.
    if (droplet === undefined || isOwned(owner, droplet.tags)) continue;
    strangers.push({ kind: 'machine', id, name: droplet.name, inside: vpc.name });
  }
  return strangers;
}

/** Four lists for the whole account, and one of the members of each VPC that is ours. */
export async function observe(
  client: Client,
  owners: readonly Watched[],
): Promise<readonly ClusterObservation[]> {
  if (owners.length === 0) return [];
  const [vpcs, firewalls, droplets, balancers] = await Promise.all([
    listVpcs(client),
    listFirewalls(client),
    listDroplets(client),
    listBalancers(client),
  ]);
  const account = { vpcs, firewalls, droplets, balancers };
  const seen: ClusterObservation[] = [];
  for (const owner of owners) {
    const known = owner.expected?.network.known;
    const vpc = ownVpc(vpcs, owner, known?.['vpcId']);
    const resources: OwnedResource[] = [
      ...(vpc === undefined || !isMarked(vpc, owner) ? [] : [{ kind: 'vpc', id: vpc.id, name: vpc.name }]),
      ...roles
        .map((role) => ownFirewall(firewalls, owner, role, known))
        .filter((firewall) => firewall !== undefined)
        .map(({ id, name }) => ({ kind: 'firewall', id, name })),
      ...markedBalancers(balancers, owner).map(({ id, name }) => ({
        kind: 'load-balancer',
        id,
        name,
        ...(owner.expected?.loadBalancer === 'none' ? { isSpare: true as const } : {}),
      })),
    ];
    seen.push({
      clusterId: owner.clusterId,
      resources,
      strangers: vpc === undefined ? [] : await strangersIn(client, vpc, owner, account),
      ...compare(account, owner, vpc),
    });
  }
  return seen;
}

/** The owner's machines, those too that are expected and lost their tags, and all that is not as it should be. */
function compare(
  account: Sight,
  owner: Watched,
  vpc: wire.Vpc | undefined,
): Pick<ClusterObservation, 'machines' | 'flaws'> {
  const { expected } = owner;
  const awaited = new Map(expected?.machines.map((machine) => [machine.providerId, machine]));
  const known = expected?.network.known;
  const others = expected === undefined ? [] : othersFirewalls(account.firewalls, owner, known);
  const machines: Machine[] = [];
  const flaws: Flaw[] = [];
  for (const droplet of account.droplets) {
    const machine = awaited.get(String(droplet.id));
    if (machine !== undefined && isVery(droplet, machine, { owner, vpcId: vpc?.id })) {
      machines.push(machineOf(droplet, machine.nodeId));
      flaws.push(...machineFlaws(machine, tagDifferences(droplet, machine, owner, others)));
    } else if (isOwned(owner, droplet.tags)) machines.push(machineOf(droplet));
  }
  if (expected === undefined) return { machines, flaws };
  const ofNetwork = networkDifferences(account, expected.network);
  return {
    machines,
    flaws: [
      ...ofNetwork.map((difference): Flaw => ({ of: 'network', ...difference })),
      ...flaws,
      ...balancerFlaws(account, owner),
    ],
  };
}

function balancerFlaws({ balancers, droplets }: Sight, { expected, ...owner }: Watched): readonly Flaw[] {
  const spec = expected?.loadBalancer;
  if (spec === undefined || spec === 'none') return [];
  const claimed = claimedBalancer(balancers, owner);
  if (claimed !== undefined)
    return [
      {
        of: 'load-balancer',
        subject: `load-balancer:claimed:${claimed.id}`,
        message: `load balancer ${claimed.name} (${claimed.id}) carries another owner's tag`,
      },
    ];
  return balancerDifferences(balancers, droplets, spec).map(({ subject, message }) => ({
    of: 'load-balancer',
    subject,
    message,
  }));
}
