import { createHash } from 'node:crypto';
import type { Owner } from '../../domain/cloud.ts';
import type { FirewallRule, FirewallSource, NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { Difference } from './difference.ts';
import { firewallName, roleTag } from './naming.ts';
import type * as wire from './wire.ts';

const anywhere = ['0.0.0.0/0', '::/0'];
/** A rule may name hundreds of addresses; what is stored of it and shown is short. */
const detailCharactersMax = 120;

/** DigitalOcean answers `0` for all ports, whichever way it was told. */
const portsOf = (ports: string | undefined): string =>
  ports === undefined || ports === 'all' || ports === '' ? '0' : ports;

const portsText = ({ fromPort, toPort }: FirewallRule): string =>
  fromPort === toPort ? String(fromPort) : `${fromPort}-${toPort}`;

const outboundRules = ['tcp', 'udp', 'icmp'].map((protocol) => ({
  protocol,
  ports: '0',
  destinations: { addresses: anywhere },
}));

/** A role's firewall as it should be in a VPC of this range. */
export const wantedFirewall = (spec: NetworkSpec, role: NodeRole, range: string) => ({
  name: firewallName(spec.owner, role),
  tags: [roleTag(spec.owner, role)],
  droplet_ids: [] as number[],
  inbound_rules: spec.firewall[role].map((rule) => ({
    protocol: rule.protocol as string,
    ports: portsText(rule),
    sources: { addresses: addressesOf(rule.source, range) },
  })),
  outbound_rules: outboundRules,
});

function addressesOf(source: FirewallSource, range: string): string[] {
  if (source.kind === 'probes') return [...source.ranges];
  return source.kind === 'anywhere' ? anywhere : [range];
}

const targetText = (target: wire.RuleTarget): string =>
  Object.entries(target)
    .flatMap(([kind, list]) => {
      const text = [...new Set(list?.map(String))].sort().join(',');
      if (text === '') return [];
      return kind === 'addresses' ? [text] : [`${kind}=${text}`];
    })
    .sort()
    .join(';');

interface Trait {
  readonly what: 'rule' | 'tag' | 'droplet';
  readonly words: string;
}

/** Everything about a firewall that decides what passes, by a text for each: equal texts, equal firewall. */
function traitsOf(firewall: Omit<wire.Firewall, 'id' | 'name'>): ReadonlyMap<string, Trait> {
  const traits = new Map<string, Trait>();
  const addRule = (
    way: 'in' | 'out',
    rule: { readonly protocol: string; readonly ports?: string | undefined },
    aim: wire.RuleTarget,
  ): void => {
    const [ports, target] = [portsOf(rule.ports), targetText(aim)];
    const shown = `${rule.protocol} ${ports === '0' ? 'on all ports' : ports}`;
    traits.set(`rule:${way}:${rule.protocol}:${ports}:${target}`, {
      what: 'rule',
      words: way === 'in' ? `${shown} from ${target}` : `outbound ${shown} to ${target}`,
    });
  };
  for (const rule of firewall.inbound_rules ?? []) addRule('in', rule, rule.sources);
  for (const rule of firewall.outbound_rules ?? []) addRule('out', rule, rule.destinations);
  for (const tag of firewall.tags ?? []) traits.set(`tag:${tag}`, { what: 'tag', words: `tag ${tag}` });
  for (const id of firewall.droplet_ids ?? [])
    traits.set(`droplet:${id}`, { what: 'droplet', words: `droplet ${id}` });
  return traits;
}

const shortened = (text: string): string =>
  text.length <= detailCharactersMax
    ? text
    : `${text.slice(0, detailCharactersMax)}…${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;

const done = (what: Trait['what'], isThere: boolean): string => {
  if (what === 'rule') return isThere ? 'was added by hand' : 'is missing';
  return isThere ? 'was put into it by hand' : 'was taken out of it: it holds for no machine';
};

/** What replacing a role's firewall would change, one difference for each rule, tag and machine. */
export function firewallDifferences(
  own: wire.Firewall | undefined,
  wanted: ReturnType<typeof wantedFirewall>,
  { owner, role }: { readonly owner: Owner; readonly role: NodeRole },
): readonly Difference[] {
  if (own === undefined)
    return [{ subject: `firewall:${role}:missing`, message: `${role} firewall ${wanted.name} is gone` }];
  const [has, wants] = [traitsOf(own), traitsOf(wanted)];
  const differ = (traits: ReadonlyMap<string, Trait>, others: typeof traits, isThere: boolean) =>
    [...traits]
      .filter(([key]) => !others.has(key))
      .map(([key, { what, words }]) => ({
        subject: shortened(`firewall:${role}:${isThere ? 'surplus' : 'missing'}-${key}`).replaceAll(
          /\s/g,
          '_',
        ),
        message: `${role} firewall: ${shortened(words)} ${done(what, isThere)}`,
      }));
  return [
    ...(own.name === firewallName(owner, role)
      ? []
      : [
          {
            subject: `firewall:${role}:name`,
            message: `${role} firewall ${wanted.name} was renamed to ${own.name}`,
          },
        ]),
    ...differ(wants, has, false),
    ...differ(has, wants, true),
  ];
}
