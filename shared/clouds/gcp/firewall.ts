import type { protos } from '@google-cloud/compute';
import type { FirewallRule, FirewallSource, NetworkSpec, NodeRole } from '../../domain/network.ts';
import { baseName, markedDescription, roleTags } from './names.ts';

type IFirewall = protos.google.cloud.compute.v1.IFirewall;

const roleNames: Readonly<Record<NodeRole, string>> = { 'control-plane': 'cp', worker: 'worker' };
const sourceNames: Readonly<Record<FirewallSource['kind'], string>> = { anywhere: 'any', network: 'net' };

/** Every field that this driver owns of a firewall, in one spelling, so that two can be compared as text. */
export interface OwnedFields {
  readonly network: string;
  readonly direction: string;
  readonly disabled: boolean;
  readonly priority: number;
  readonly sourceRanges: readonly string[];
  readonly sourceTags: readonly string[];
  readonly targetTags: readonly string[];
  /** `tcp:6443`, `udp:30000-32767`. */
  readonly allowed: readonly string[];
  /** Anything that would narrow or turn the rule: always empty on ours. */
  readonly others: readonly string[];
}

export interface WantedFirewall {
  readonly name: string;
  readonly fields: OwnedFields;
  /** What is sent: with PUT, so that fields of which nothing is said are emptied. */
  readonly resource: IFirewall;
}

const ports = ({ fromPort, toPort }: FirewallRule): string =>
  fromPort === toPort ? String(fromPort) : `${fromPort}-${toPort}`;

/** One firewall per role and kind of source: GCE's have one set of sources, one of targets and a list of permissions. */
export function wantedFirewalls(spec: NetworkSpec, network: string): WantedFirewall[] {
  return (['control-plane', 'worker'] as const).flatMap((role) =>
    (['anywhere', 'network'] as const).flatMap((source) => {
      const rules = spec.firewall[role].filter((rule) => rule.source.kind === source);
      return rules.length === 0 ? [] : [wantedFirewall({ spec, network, role, source, rules })];
    }),
  );
}

function wantedFirewall(options: {
  spec: NetworkSpec;
  network: string;
  role: NodeRole;
  source: FirewallSource['kind'];
  rules: readonly FirewallRule[];
}): WantedFirewall {
  const { spec, network, role, source, rules } = options;
  const name = `${baseName(spec.owner.clusterId)}-${roleNames[role]}-${sourceNames[source]}`;
  const protocols = [...new Set(rules.map((rule) => rule.protocol))].sort();
  const resource: IFirewall = {
    name,
    description: markedDescription(
      spec.owner,
      `${spec.clusterName} ${role}: ${rules.map((rule) => rule.purpose).join('; ')}`,
    ),
    network,
    direction: 'INGRESS',
    disabled: false,
    priority: 1000,
    // The machines of this network are those that carry a role's tag; an address range would let strangers in.
    ...(source === 'anywhere'
      ? { sourceRanges: ['0.0.0.0/0'] }
      : { sourceTags: Object.values(roleTags).sort() }),
    targetTags: [roleTags[role]],
    allowed: protocols.map((protocol) => ({
      IPProtocol: protocol,
      ports: rules.filter((rule) => rule.protocol === protocol).map(ports),
    })),
  };
  return { name, fields: ownedFields(resource), resource };
}

const sorted = (values: readonly string[] | null | undefined): string[] => [...(values ?? [])].sort();

export function ownedFields(firewall: IFirewall): OwnedFields {
  const permissions = (list: IFirewall['allowed']): string[] =>
    (list ?? []).flatMap(({ IPProtocol, ports }) =>
      ports === null || ports === undefined || ports.length === 0
        ? [`${IPProtocol ?? ''}:all`]
        : ports.map((port) => `${IPProtocol ?? ''}:${port}`),
    );
  return {
    network: (firewall.network ?? '').replace(/^.*(?=projects\/)/, ''),
    direction: firewall.direction ?? '',
    disabled: firewall.disabled ?? false,
    priority: firewall.priority ?? 1000,
    sourceRanges: sorted(firewall.sourceRanges),
    sourceTags: sorted(firewall.sourceTags),
    targetTags: sorted(firewall.targetTags),
    allowed: permissions(firewall.allowed).sort(),
    others: [
      ...permissions(firewall.denied).map((text) => `denied ${text}`),
      ...sorted(firewall.destinationRanges),
      ...sorted(firewall.sourceServiceAccounts),
      ...sorted(firewall.targetServiceAccounts),
    ],
  };
}

export type FirewallChange =
  | { readonly verb: 'insert' | 'update'; readonly firewall: WantedFirewall }
  | { readonly verb: 'delete'; readonly name: string };

/**
 * What makes the network's firewalls right. A rule that nobody asked for goes, whoever made it: everything that is not
 * asked for is closed, and outbound is open. A rule cannot be turned round or made to allow what it denied; one that
 * was is deleted, and made again on the next call.
 */
export function firewallChanges(
  wanted: readonly WantedFirewall[],
  present: readonly IFirewall[],
): readonly FirewallChange[] {
  const changes: FirewallChange[] = [];
  for (const firewall of wanted) {
    const existing = present.find((one) => one.name === firewall.name);
    if (existing === undefined) {
      changes.push({ verb: 'insert', firewall });
      continue;
    }
    const fields = ownedFields(existing);
    // Its description carries the marks that make it ours.
    const same =
      JSON.stringify(fields) === JSON.stringify(firewall.fields) &&
      existing.description === firewall.resource.description;
    if (same) continue;
    const turned =
      fields.direction !== 'INGRESS' ||
      fields.others.length > 0 ||
      fields.network !== firewall.fields.network;
    changes.push(turned ? { verb: 'delete', name: firewall.name } : { verb: 'update', firewall });
  }
  for (const { name } of present)
    if (typeof name === 'string' && wanted.every((firewall) => firewall.name !== name))
      changes.push({ verb: 'delete', name });
  return changes;
}
