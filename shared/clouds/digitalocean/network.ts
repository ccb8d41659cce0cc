import type { Network, NetworkSpec } from '../../domain/network.ts';
import type { Progress } from '../contract.ts';
import type { Client } from './client.ts';
import type { Difference } from './difference.ts';
import {
  close,
  ensureFirewall,
  listFirewalls,
  needsDroplets,
  openingDifferences,
  openingsOf,
  othersFirewalls,
  roleDifferences,
} from './firewalls.ts';
import { listDroplets } from './machines.ts';
import { clusterTag, isOwned, roles } from './naming.ts';
import { ensureVpc, ownVpc, vpcDifferences } from './vpc.ts';
import type * as wire from './wire.ts';

/** Everything of the account that bears on a network. */
export interface Account {
  readonly vpcs: readonly wire.Vpc[];
  readonly firewalls: readonly wire.Firewall[];
  readonly droplets: readonly wire.Droplet[];
}

/** What `ensureNetwork` would do. While the VPC is gone nobody knows its range, and so not what its firewalls should say. */
export function networkDifferences(account: Account, spec: NetworkSpec): readonly Difference[] {
  const { vpcs, firewalls } = account;
  const { owner, known } = spec;
  const vpc = ownVpc(vpcs, owner, known?.['vpcId']);
  const droplets = account.droplets.filter(({ tags }) => isOwned(owner, tags));
  return [
    ...vpcDifferences(vpcs, owner, vpc),
    ...(vpc === undefined
      ? []
      : roles.flatMap((role) => roleDifferences(firewalls, spec, { role, range: vpc.ip_range }))),
    ...openingDifferences(openingsOf(othersFirewalls(firewalls, owner, known), owner, droplets)),
  ];
}

export async function ensureNetwork(client: Client, spec: NetworkSpec): Promise<Progress<Network>> {
  const { owner, known } = spec;
  const vpc = await ensureVpc(client, spec);
  const firewalls = await listFirewalls(client);
  const [controlPlane, worker] = await Promise.all(
    roles.map((role) => ensureFirewall(client, firewalls, spec, { role, range: vpc.ip_range })),
  );
  const others = othersFirewalls(firewalls, owner, known);
  const droplets = needsDroplets(others)
    ? (await listDroplets(client, clusterTag(owner))).filter(({ tags }) => isOwned(owner, tags))
    : [];
  for (const opening of openingsOf(others, owner, droplets)) await close(client, opening);
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
