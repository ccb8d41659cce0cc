import { parseBlock } from './cidr.ts';
import { ApiError, invalid, items, required, whole, type Form } from './wire.ts';
import type { Rule } from './state.ts';

/** Source: Amazon VPC quotas: inbound or outbound rules per security group. */
export const rulesPerGroupMax = 60;

export const permissionParameters = [
  'IpPermissions.N.IpProtocol',
  'IpPermissions.N.FromPort',
  'IpPermissions.N.ToPort',
  'IpPermissions.N.IpRanges.N.CidrIp',
  'IpPermissions.N.IpRanges.N.Description',
  'IpPermissions.N.Ipv6Ranges.N.CidrIpv6',
  'IpPermissions.N.Ipv6Ranges.N.Description',
  'IpPermissions.N.Groups.N.GroupId',
  'IpPermissions.N.Groups.N.UserId',
  'IpPermissions.N.Groups.N.Description',
];

type Asked = Omit<Rule, 'id' | 'egress'>;

const protocolNames: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '1': 'icmp' };

/** What makes two rules the same: a description does not. */
export const ruleKey = (rule: Rule): string =>
  [rule.egress, rule.protocol, rule.from, rule.to, rule.cidr, rule.cidr6, rule.groupId].join(' ');

function exactBlock(text: string): string {
  const block = parseBlock(text);
  // Unlike for networks, host bits are an error here.
  if (block.text !== text) throw invalid(`CIDR block ${text} is malformed`);
  return text;
}

const description = (form: Form): { description?: string } => {
  const text = form.get('Description');
  return text === undefined ? {} : { description: text };
};

/** One rule for each source of each permission. */
export function parsePermissions(form: Form): Asked[] {
  const asked = items(form, 'IpPermissions').flatMap((permission): Asked[] => {
    const given = required(permission, 'IpProtocol');
    const protocol = protocolNames[given] ?? given;
    if (!['tcp', 'udp', 'icmp', '-1'].includes(protocol))
      throw invalid(`Invalid value '${given}' for IP protocol`);
    const range = { min: protocol === 'icmp' ? -1 : 0, max: 65535 };
    const from = whole(permission, 'FromPort', range);
    const to = whole(permission, 'ToPort', range);
    if (protocol !== '-1' && (from === undefined || to === undefined))
      throw new ApiError('MissingParameter', 'The request must contain the parameters FromPort and ToPort');
    if (from !== undefined && to !== undefined && from > to && protocol !== 'icmp')
      throw invalid(`Invalid port range: ${from} to ${to}`);
    const ports = protocol === '-1' || from === undefined || to === undefined ? {} : { from, to };
    const sources = [
      ...items(permission, 'IpRanges').map((source) => ({
        cidr: exactBlock(required(source, 'CidrIp')),
        ...description(source),
      })),
      ...items(permission, 'Ipv6Ranges').map((source) => ({
        cidr6: required(source, 'CidrIpv6'),
        ...description(source),
      })),
      ...items(permission, 'Groups').map((source) => ({
        groupId: required(source, 'GroupId'),
        ...description(source),
      })),
    ];
    if (sources.length === 0)
      throw new ApiError('MissingParameter', 'The request must contain a source for each permission');
    return sources.map((source) => ({ protocol, ...ports, ...source }));
  });
  if (asked.length === 0)
    throw new ApiError('MissingParameter', 'The request must contain the parameter ipPermissions');
  return asked;
}
