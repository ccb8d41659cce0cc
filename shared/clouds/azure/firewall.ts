import type { SecurityRule } from '@azure/arm-network';
import type { FirewallRule, FirewallSource, NodeRole } from '../../domain/network.ts';
import type { Difference } from './difference.ts';

/** Azure's rules have priorities from 100 (first) to 4096; its own, which allow the whole network in, come after. */
const priorityFirst = 100;
const priorityStep = 10;
const priorityLast = 4096;

/** The fields of a rule that are ours; every one is compared. */
type OwnedRule = Required<
  Pick<
    SecurityRule,
    | 'name'
    | 'description'
    | 'direction'
    | 'access'
    | 'priority'
    | 'protocol'
    | 'sourcePortRange'
    | 'destinationPortRange'
    | 'destinationAddressPrefix'
  >
> &
  // One or the other.
  Pick<SecurityRule, 'sourceAddressPrefix' | 'sourceAddressPrefixes'>;

const anyPart = { direction: 'Inbound', sourcePortRange: '*', destinationAddressPrefix: '*' } as const;

/** Without it Azure's default rule lets every machine of the network reach every port of every other. */
const denyTheRest: OwnedRule = {
  ...anyPart,
  name: 'deny-the-rest',
  description: 'Everything that is not permitted is closed',
  access: 'Deny',
  priority: priorityLast,
  protocol: '*',
  sourceAddressPrefix: '*',
  destinationPortRange: '*',
};

/** @param networkRange what `network` means as a source: `10.20.0.0/16`. */
export function securityRules(rules: readonly FirewallRule[], networkRange: string): readonly OwnedRule[] {
  const permissions = rules.map((rule, index): OwnedRule => {
    const ports = rule.fromPort === rule.toPort ? String(rule.fromPort) : `${rule.fromPort}-${rule.toPort}`;
    return {
      ...anyPart,
      name: `${rule.protocol}-${ports}-from-${rule.source.kind}`,
      description: rule.purpose,
      access: 'Allow',
      priority: priorityFirst + index * priorityStep,
      protocol: rule.protocol === 'tcp' ? 'Tcp' : 'Udp',
      ...sourceOf(rule.source, networkRange),
      destinationPortRange: ports,
    };
  });
  return [...permissions, denyTheRest];
}

function sourceOf(
  source: FirewallSource,
  networkRange: string,
): Pick<SecurityRule, 'sourceAddressPrefix' | 'sourceAddressPrefixes'> {
  if (source.kind === 'anywhere') return { sourceAddressPrefix: '*' };
  if (source.kind === 'network') return { sourceAddressPrefix: networkRange };
  const [first, ...others] = source.ranges;
  return others.length === 0 && first !== undefined
    ? { sourceAddressPrefix: first }
    : { sourceAddressPrefixes: [...source.ranges] };
}

const portsOf = (rule: SecurityRule): readonly string[] => [
  ...(rule.destinationPortRange === undefined ? [] : [rule.destinationPortRange]),
  ...(rule.destinationPortRanges ?? []),
];
const sourcesOf = (rule: SecurityRule): readonly string[] => [
  ...(rule.sourceAddressPrefix === undefined ? [] : [rule.sourceAddressPrefix]),
  ...(rule.sourceAddressPrefixes ?? []),
  ...(rule.sourceApplicationSecurityGroups ?? []).map(({ id }) => id ?? ''),
];
const destinationsOf = (rule: SecurityRule): readonly string[] => [
  ...(rule.destinationAddressPrefix === undefined ? [] : [rule.destinationAddressPrefix]),
  ...(rule.destinationAddressPrefixes ?? []),
  ...(rule.destinationApplicationSecurityGroups ?? []).map(({ id }) => id ?? ''),
];

/** Equal text for rules that are the same in every field; Azure keeps one port or range in either of two fields. */
const canonical = (rule: SecurityRule): string =>
  JSON.stringify([
    rule.name,
    rule.description ?? '',
    rule.direction,
    rule.access,
    rule.priority,
    rule.protocol?.toLowerCase(),
    [...(rule.sourcePortRanges ?? []), ...(rule.sourcePortRange === undefined ? [] : [rule.sourcePortRange])],
    sourcesOf(rule),
    portsOf(rule),
    destinationsOf(rule),
  ]);

/** What a rule lets in or keeps out, without spaces: `tcp:22:0.0.0.0/0`. */
const reach = (rule: SecurityRule): string =>
  [
    ...(rule.access === 'Allow' ? [] : ['deny']),
    rule.protocol === '*' ? 'any' : (rule.protocol ?? '').toLowerCase(),
    portsOf(rule).join(','),
    sourcesOf(rule)
      .map((source) => (source === '*' ? '0.0.0.0/0' : source))
      .join(','),
  ]
    .join(':')
    .replaceAll(/\s/g, '');

/** Names are the same in any case. */
const isNamed =
  (rule: SecurityRule) =>
  ({ name }: SecurityRule): boolean =>
    name?.toLowerCase() === rule.name?.toLowerCase();

/** What people say of the way out, which is theirs: the outbound rules, but for one of ours that was turned around. */
export const outboundRules = (
  wanted: readonly SecurityRule[],
  seen: readonly SecurityRule[],
): readonly SecurityRule[] =>
  seen.filter((rule) => rule.direction === 'Outbound' && !wanted.some(isNamed(rule)));

/** Every difference between the inbound rules that are wanted and those that stand, in whatever order they are listed. */
export function ruleDifferences(
  role: NodeRole,
  wanted: readonly SecurityRule[],
  seen: readonly SecurityRule[],
): readonly Difference[] {
  const difference = (what: string, rule: SecurityRule, detail: string): Difference => ({
    subject: `firewall:${role}:${what}:${rule.name ?? ''}:${reach(rule)}`,
    message: `${role} firewall: rule ${rule.name ?? ''} ${detail}`,
  });
  const surplus = seen
    .filter((rule) => rule.direction !== 'Outbound' && !wanted.some(isNamed(rule)))
    .map((rule) => difference('surplus-rule', rule, `(${reach(rule)}) was added by hand`));
  const lacking = wanted.flatMap((rule) => {
    const standing = seen.find(isNamed(rule));
    if (standing === undefined) return [difference('missing-rule', rule, 'is missing')];
    return canonical(standing) === canonical(rule)
      ? []
      : [difference('changed-rule', standing, `was changed (${reach(standing)})`)];
  });
  return [...surplus, ...lacking];
}
