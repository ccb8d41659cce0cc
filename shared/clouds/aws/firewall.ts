import type { IpPermission, SecurityGroup } from '@aws-sdk/client-ec2';
import type { FirewallRule, FirewallSource } from '../../domain/network.ts';

const anywhere = '0.0.0.0/0';
/** Source: EC2 API Reference, IpRange: a description's length and characters. */
const descriptionLengthMax = 255;
const notInDescriptions = /[^a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]/g;

const keyOf = (permission: IpPermission, source: string): string =>
  [permission.IpProtocol, permission.FromPort ?? -1, permission.ToPort ?? -1, source].join(' ');

/** One permission per source, so that each rule can be compared and taken away alone. */
function single(permissions: readonly IpPermission[] | undefined): Map<string, IpPermission> {
  const rules = new Map<string, IpPermission>();
  for (const { IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs, ...ports } of permissions ?? []) {
    const put = (source: string | undefined, rest: Partial<IpPermission>): void => {
      rules.set(keyOf(ports, source ?? ''), { ...ports, ...rest });
    };
    for (const { CidrIp } of IpRanges ?? []) put(CidrIp, { IpRanges: [{ CidrIp }] });
    for (const { CidrIpv6 } of Ipv6Ranges ?? []) put(CidrIpv6, { Ipv6Ranges: [{ CidrIpv6 }] });
    for (const { PrefixListId } of PrefixListIds ?? [])
      put(PrefixListId, { PrefixListIds: [{ PrefixListId }] });
    for (const { GroupId, UserId } of UserIdGroupPairs ?? [])
      put(GroupId, { UserIdGroupPairs: [{ GroupId, UserId }] });
  }
  return rules;
}

function wanted(rules: readonly FirewallRule[], networkRange: string): Map<string, IpPermission> {
  const permissions = rules.flatMap((rule) =>
    rangesOf(rule.source, networkRange).map((CidrIp): [string, IpPermission] => {
      const Description = rule.purpose.replace(notInDescriptions, ' ').slice(0, descriptionLengthMax);
      const permission: IpPermission = {
        IpProtocol: rule.protocol,
        FromPort: rule.fromPort,
        ToPort: rule.toPort,
        IpRanges: [{ CidrIp, Description }],
      };
      return [keyOf(permission, CidrIp), permission];
    }),
  );
  return new Map(permissions);
}

function rangesOf(source: FirewallSource, networkRange: string): readonly string[] {
  if (source.kind === 'probes') return source.ranges;
  return [source.kind === 'anywhere' ? anywhere : networkRange];
}

export interface FirewallDifference {
  readonly missing: IpPermission[];
  /** Rules that nobody asked for. */
  readonly excess: IpPermission[];
  /** Outbound is open to everything, by one rule; a group that lost it gets it back, and others are taken away. */
  readonly outboundMissing: IpPermission[];
  readonly outboundExcess: IpPermission[];
}

/** A permission with one source, as `compareFirewall` answers with. */
export function ruleOf(permission: IpPermission): { protocol: string; ports: string; source: string } {
  const { IpProtocol = '-1', FromPort: from = -1, ToPort: to = -1 } = permission;
  const { IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs } = permission;
  const single = from === to ? String(from) : `${from}-${to}`;
  return {
    protocol: IpProtocol === '-1' ? 'all' : IpProtocol,
    ports: from === -1 && to === -1 ? '*' : single,
    source:
      IpRanges?.[0]?.CidrIp ??
      Ipv6Ranges?.[0]?.CidrIpv6 ??
      PrefixListIds?.[0]?.PrefixListId ??
      UserIdGroupPairs?.[0]?.GroupId ??
      '',
  };
}

const outbound: IpPermission = { IpProtocol: '-1', IpRanges: [{ CidrIp: anywhere }] };

/** "The machines of this network" is the network's whole range: groups that name each other could not be deleted. */
export function compareFirewall(
  group: SecurityGroup,
  rules: readonly FirewallRule[],
  networkRange: string,
): FirewallDifference {
  const [want, have] = [wanted(rules, networkRange), single(group.IpPermissions)];
  const out = single(group.IpPermissionsEgress);
  const open = keyOf(outbound, anywhere);
  return {
    missing: [...want].filter(([key]) => !have.has(key)).map(([, permission]) => permission),
    excess: [...have].filter(([key]) => !want.has(key)).map(([, permission]) => permission),
    outboundMissing: out.has(open) ? [] : [outbound],
    outboundExcess: [...out].filter(([key]) => key !== open).map(([, permission]) => permission),
  };
}
