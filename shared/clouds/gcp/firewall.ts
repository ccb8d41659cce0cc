import type { protos } from '@google-cloud/compute';
import type { Owner } from '../../domain/cloud.ts';
import type { FirewallRule, FirewallSource, NetworkSpec, NodeRole } from '../../domain/network.ts';
import { compared } from './lists.ts';
import { baseName, isMarkedBy, markedDescription, roleTags } from './names.ts';

type IFirewall = protos.google.cloud.compute.v1.IFirewall;

const roleNames: Readonly<Record<NodeRole, string>> = { 'control-plane': 'cp', worker: 'worker' };
const sourceNames = { anywhere: 'any', network: 'net', probes: 'probes' } as const;

/** As `Flaw` of the contract, of a network. */
export interface NetworkFlaw {
  readonly subject: string;
  readonly message: string;
}

/** Every field that this driver owns of a firewall, in one spelling, so that two can be compared as text. */
export interface OwnedFields {
  readonly network: string;
  readonly direction: string;
  readonly disabled: boolean;
  /** Each connection that it lets in is written to the owner's logs, and paid for. */
  readonly logged: boolean;
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
  /** `worker-anywhere`: in a flaw's subject. */
  readonly called: string;
  readonly owner: Owner;
  readonly fields: OwnedFields;
  /** What is sent: with PUT, so that fields of which nothing is said are emptied. */
  readonly resource: IFirewall;
}

const ports = ({ fromPort, toPort }: FirewallRule): string =>
  fromPort === toPort ? String(fromPort) : `${fromPort}-${toPort}`;

/** One firewall per role and kind of source: GCE's have one set of sources, one of targets and a list of permissions. */
export function wantedFirewalls(spec: NetworkSpec, network: string): WantedFirewall[] {
  return (['control-plane', 'worker'] as const).flatMap((role) =>
    (['anywhere', 'network', 'probes'] as const).flatMap((source) => {
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
    logConfig: { enable: false },
    priority: 1000,
    ...sourcesOf(source, rules),
    targetTags: [roleTags[role]],
    allowed: protocols.map((protocol) => ({
      IPProtocol: protocol,
      ports: rules.filter((rule) => rule.protocol === protocol).map(ports),
    })),
  };
  return { name, called: `${role}-${source}`, owner: spec.owner, fields: ownedFields(resource), resource };
}

/** The machines of this network are those that carry a role's tag; an address range would let strangers in. */
function sourcesOf(kind: FirewallSource['kind'], rules: readonly FirewallRule[]): IFirewall {
  if (kind === 'anywhere') return { sourceRanges: ['0.0.0.0/0'] };
  if (kind === 'network') return { sourceTags: Object.values(roleTags).sort() };
  const ranges = rules.flatMap(({ source }) => (source.kind === 'probes' ? source.ranges : []));
  return { sourceRanges: [...new Set(ranges)].sort() };
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
    logged: firewall.logConfig?.enable ?? false,
    priority: firewall.priority ?? 1000,
    sourceRanges: sorted(firewall.sourceRanges),
    sourceTags: sorted(firewall.sourceTags),
    targetTags: sorted(firewall.targetTags),
    allowed: permissions(firewall.allowed).sort(),
    others: [
      ...permissions(firewall.denied).map((text) => `denied:${text}`),
      ...sorted(firewall.destinationRanges),
      ...sorted(firewall.sourceServiceAccounts),
      ...sorted(firewall.targetServiceAccounts),
    ],
  };
}

const listFields = {
  sourceRanges: 'source-range',
  sourceTags: 'source-tag',
  targetTags: 'target-tag',
  allowed: 'permission',
  others: 'condition',
} as const;

/** Every difference between a firewall as it is and as it was asked for; a field that is a list has one for each entry. */
export function firewallFlaws(wanted: WantedFirewall, existing: IFirewall): readonly NetworkFlaw[] {
  const fields = ownedFields(existing);
  const flaws: NetworkFlaw[] = [];
  const add = (what: string, message: string): void => {
    flaws.push({
      subject: `firewall:${wanted.called}:${what}`,
      message: `firewall ${wanted.name}: ${message}`,
    });
  };
  for (const field of ['network', 'direction', 'disabled', 'logged', 'priority'] as const)
    if (fields[field] !== wanted.fields[field])
      add(field, `${field} is ${String(fields[field])}, not ${String(wanted.fields[field])}`);
  for (const [field, called] of Object.entries(listFields) as [keyof typeof listFields, string][]) {
    const { missing, surplus } = compared(fields[field], wanted.fields[field]);
    for (const entry of missing) add(`${called}:missing:${entry}`, `${called} ${entry} was taken out`);
    for (const entry of surplus) add(`${called}:surplus:${entry}`, `${called} ${entry} was added`);
  }
  // Its description carries the marks that make it ours.
  if (!isMarkedBy(existing, wanted.owner)) add('marks', "the cluster's marks are gone from its description");
  else if (existing.description !== wanted.resource.description)
    add('description', 'its description was changed');
  return flaws;
}

export type FirewallChange = { readonly flaws: readonly NetworkFlaw[] } & (
  | { readonly verb: 'insert' | 'update'; readonly firewall: WantedFirewall }
  | { readonly verb: 'delete'; readonly name: string }
);

/**
 * What makes the network's firewalls right. A rule that nobody asked for goes, whoever made it and whatever it is called
 * or marked: a rule has no life outside of its network, and the network is the cluster's. Everything that is not asked
 * for is closed, and outbound is open. A rule cannot be turned round or made to allow what it denied; one that was is
 * deleted, and made again on the next call.
 */
export function firewallChanges(
  wanted: readonly WantedFirewall[],
  present: readonly IFirewall[],
): readonly FirewallChange[] {
  const changes: FirewallChange[] = [];
  for (const firewall of wanted) {
    const existing = present.find((one) => one.name === firewall.name);
    if (existing === undefined) {
      const subject = `firewall:${firewall.called}:missing`;
      const flaws = [{ subject, message: `firewall ${firewall.name} is gone` }];
      changes.push({ verb: 'insert', firewall, flaws });
      continue;
    }
    const flaws = firewallFlaws(firewall, existing);
    if (flaws.length === 0) continue;
    const fields = ownedFields(existing);
    const turned =
      fields.direction !== 'INGRESS' ||
      fields.others.length > 0 ||
      fields.network !== firewall.fields.network;
    changes.push(
      turned ? { verb: 'delete', name: firewall.name, flaws } : { verb: 'update', firewall, flaws },
    );
  }
  for (const { name, direction } of present)
    if (typeof name === 'string' && wanted.every((firewall) => firewall.name !== name)) {
      const message = `firewall ${name} (${direction ?? 'INGRESS'}) was added by hand`;
      changes.push({ verb: 'delete', name, flaws: [{ subject: `firewall:surplus:${name}`, message }] });
    }
  return changes;
}
