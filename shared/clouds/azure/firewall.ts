import type { SecurityRule } from '@azure/arm-network';
import type { FirewallRule } from '../../domain/network.ts';

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
    | 'sourceAddressPrefix'
    | 'destinationPortRange'
    | 'destinationAddressPrefix'
  >
>;

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
      sourceAddressPrefix: rule.source.kind === 'anywhere' ? '*' : networkRange,
      destinationPortRange: ports,
    };
  });
  return [...permissions, denyTheRest];
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

/** Equal text for rules that let the same in; Azure keeps one port or range in either of two fields. */
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

/** Whether exactly these rules stand, in whatever order they are listed: one too many is a difference. */
export const sameRules = (wanted: readonly SecurityRule[], seen: readonly SecurityRule[]): boolean =>
  wanted.map(canonical).sort().join('\n') === seen.map(canonical).sort().join('\n');
