import type { NetworkSecurityGroup, Subnet, VirtualNetwork } from '@azure/arm-network';
import type { ResourceGroup } from '@azure/arm-resources';
import type { Owner } from '../../domain/cloud.ts';
import type { NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { Difference } from './difference.ts';
import { ruleDifferences, securityRules } from './firewall.ts';
import {
  firewallName,
  groupName,
  isAnothers,
  isOwned,
  networkName,
  subnetName,
  type Tags,
} from './naming.ts';

/*
 * What is ours of a network, field by field. Left to people: other subnets, peerings, DNS servers, service endpoints,
 * a DDoS plan, outbound rules, other tags. None of it lets anybody in who is not let in by the security groups, each of
 * which sits on the machines' own interfaces.
 */

export const roles: readonly NodeRole[] = ['control-plane', 'worker'];

/** The parts of a network as they stand; absent: not there. */
export interface Standing {
  readonly group: ResourceGroup | undefined;
  readonly network: VirtualNetwork | undefined;
  readonly firewalls: Readonly<Record<NodeRole, NetworkSecurityGroup | undefined>>;
}

/** Every difference that `ensureNetwork` would mend, or stop before. */
export function differencesOf({ group, network, firewalls }: Standing, spec: NetworkSpec): Difference[] {
  const ofGroup = groupDifferences(group, spec);
  // With the group everything in it is gone, or going.
  if (!isThere(group?.properties?.provisioningState, group)) return ofGroup;
  return [
    ...ofGroup,
    ...networkDifferences(network, spec),
    ...roles.flatMap((role) => firewallDifferences(firewalls[role], spec, role)),
  ];
}

const isThere = (state: string | undefined, part: unknown): boolean =>
  part !== undefined && state !== 'Deleting';

const missing = (part: string, name: string): Difference[] => [
  { subject: `${part}:missing`, message: `${name} is missing` },
];

function tagDifferences(part: string, name: string, tags: Tags | undefined, owner: Owner): Difference[] {
  if (isOwned(tags, owner)) return [];
  return isAnothers(tags, owner)
    ? [
        {
          subject: `${part}:owner`,
          message: `${name} carries the tags of another owner, and is left as it is`,
        },
      ]
    : [{ subject: `${part}:tags`, message: `${name} lost its tags` }];
}

export function groupDifferences(
  group: ResourceGroup | undefined,
  { owner, location }: NetworkSpec,
): Difference[] {
  const name = `resource group ${groupName(owner.clusterId)}`;
  if (group === undefined || !isThere(group.properties?.provisioningState, group))
    return missing('group', name);
  const differences = tagDifferences('group', name, group.tags, owner);
  if (!isIn(group, location.region))
    differences.push({
      subject: `group:location:${group.location}`,
      message: `${name} stands in ${group.location}, not in ${location.region}`,
    });
  return differences;
}

export const isIn = (group: ResourceGroup, region: string): boolean =>
  group.location.toLowerCase() === region.toLowerCase();

const prefixesOf = (subnet: Subnet): readonly string[] =>
  subnet.addressPrefixes === undefined || subnet.addressPrefixes.length === 0
    ? [subnet.addressPrefix ?? '']
    : subnet.addressPrefixes;

/** What must not be on the subnet: each would close or reroute what the roles' security groups permit. */
const notOnSubnet = [
  ['networkSecurityGroup', 'security-group', 'a security group'],
  ['routeTable', 'route-table', 'a route table'],
  ['natGateway', 'nat-gateway', 'a NAT gateway'],
] as const;

export function networkDifferences(seen: VirtualNetwork | undefined, spec: NetworkSpec): Difference[] {
  const candidate = spec.candidates[0];
  const name = `virtual network ${networkName}`;
  if (seen === undefined || candidate === undefined || !isThere(seen.provisioningState, seen))
    return missing('network', name);
  const differences = tagDifferences('network', name, seen.tags, spec.owner);
  const ranges = seen.addressSpace?.addressPrefixes ?? [];
  if (ranges.length !== 1 || ranges[0] !== candidate.network)
    differences.push({
      subject: `network:range:${ranges.join(',')}`,
      message: `${name} has the ranges ${ranges.join(', ')}, not ${candidate.network} alone`,
    });
  if (seen.provisioningState === 'Failed') differences.push(failed('network', name));
  return [...differences, ...subnetDifferences(seen, candidate.subnet)];
}

function subnetDifferences(network: VirtualNetwork, range: string): Difference[] {
  const subnet = network.subnets?.find(({ name }) => name === subnetName);
  const name = `subnet ${subnetName}`;
  if (subnet === undefined) return missing('subnet', name);
  const differences: Difference[] = [];
  const ranges = prefixesOf(subnet).join(',');
  if (ranges !== range)
    differences.push({ subject: `subnet:range:${ranges}`, message: `${name} has ${ranges}, not ${range}` });
  for (const [field, part, what] of notOnSubnet)
    if (subnet[field] !== undefined)
      differences.push({ subject: `subnet:${part}`, message: `${what} was put on ${name}` });
  return differences;
}

export function firewallDifferences(
  seen: NetworkSecurityGroup | undefined,
  spec: NetworkSpec,
  role: NodeRole,
): Difference[] {
  const [part, name] = [`firewall:${role}`, `security group ${firewallName(role)}`];
  if (seen === undefined || !isThere(seen.provisioningState, seen)) return missing(part, name);
  const wanted = securityRules(spec.firewall[role], spec.candidates[0]?.network ?? '');
  return [
    ...tagDifferences(part, name, seen.tags, spec.owner),
    ...(seen.provisioningState === 'Failed' ? [failed(part, name)] : []),
    ...ruleDifferences(role, wanted, seen.securityRules ?? []),
  ];
}

const failed = (part: string, name: string): Difference => ({
  subject: `${part}:failed`,
  message: `the last change to ${name} failed`,
});
