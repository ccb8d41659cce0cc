import { parseBlock } from './cidr.ts';
import { describe, notFound, tagSet, type Action, type Kind } from './describe.ts';
import { parsePermissions, permissionParameters, ruleKey, rulesPerGroupMax } from './permissions.ts';
import { tagSpecificationParameters, tagSpecifications } from './tags.ts';
import { accountId, vpcNamed } from './vpcs.ts';
import { ApiError, invalid, newId, required, scalars, type Xml } from './wire.ts';
import type { Resource, Rule, SecurityGroup, State } from './state.ts';

/** Rules with the same protocol and ports are shown as one permission with many sources. */
function permissions(rules: readonly Rule[]): Xml {
  const groups = new Map<string, Rule[]>();
  for (const rule of rules) {
    const key = `${rule.protocol} ${rule.from ?? ''} ${rule.to ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), rule]);
  }
  return [...groups.values()].map((group) => ({
    ipProtocol: group[0]?.protocol,
    fromPort: group[0]?.from,
    toPort: group[0]?.to,
    groups: group
      .filter(({ groupId }) => groupId !== undefined)
      .map(({ groupId, description }) => ({ userId: accountId, groupId, description })),
    ipRanges: group
      .filter(({ cidr }) => cidr !== undefined)
      .map(({ cidr, description }) => ({ cidrIp: cidr, description })),
    ipv6Ranges: group
      .filter(({ cidr6 }) => cidr6 !== undefined)
      .map(({ cidr6, description }) => ({ cidrIpv6: cidr6, description })),
    prefixListIds: [],
  }));
}

const groupKind: Kind<SecurityGroup> = {
  type: 'security group',
  idPrefix: 'sg',
  idParameter: 'GroupId',
  notFound: 'InvalidGroup.NotFound',
  set: 'securityGroupInfo',
  resultsMax: 1000,
  operation: 'readNetwork',
  all: (state) => state.securityGroups.values(),
  filters: {
    'group-id': (group) => [group.id],
    'group-name': (group) => [group.name],
    'vpc-id': (group) => [group.vpcId],
    description: (group) => [group.description],
  },
  render: (group, state) => ({
    ownerId: accountId,
    groupId: group.id,
    groupName: group.name,
    groupDescription: group.description,
    vpcId: group.vpcId,
    ipPermissions: permissions(group.rules.filter((rule) => !rule.egress)),
    ipPermissionsEgress: permissions(group.rules.filter((rule) => rule.egress)),
    tagSet: tagSet(state.tagsOf(group.id)),
  }),
};

/** @throws InvalidGroup.NotFound */
export function groupNamed(state: State, region: string, id: string): SecurityGroup {
  if (!/^sg-[0-9a-f]{8,17}$/.test(id))
    throw new ApiError('InvalidGroupId.Malformed', `Invalid id: "${id}" (expecting "sg-...")`);
  const group = state.securityGroups.get(id);
  if (group === undefined || group.region !== region) throw notFound(groupKind, id);
  return group;
}

export const groupSet = (state: State, ids: readonly string[]): Xml =>
  ids.map((groupId) => ({ groupId, groupName: state.securityGroups.get(groupId)?.name }));

interface RuleRow extends Resource {
  readonly group: SecurityGroup;
  readonly rule: Rule;
}

const renderRule = (group: SecurityGroup, rule: Rule): Xml => ({
  securityGroupRuleId: rule.id,
  groupId: group.id,
  groupOwnerId: accountId,
  isEgress: rule.egress,
  ipProtocol: rule.protocol,
  fromPort: rule.from ?? -1,
  toPort: rule.to ?? -1,
  cidrIpv4: rule.cidr,
  cidrIpv6: rule.cidr6,
  referencedGroupInfo:
    rule.groupId === undefined ? undefined : { groupId: rule.groupId, userId: accountId, vpcId: group.vpcId },
  description: rule.description,
  tagSet: [],
});

const ruleKind: Kind<RuleRow> = {
  type: 'security group rule',
  idPrefix: 'sgr',
  idParameter: 'SecurityGroupRuleId',
  notFound: 'InvalidSecurityGroupRuleId.NotFound',
  set: 'securityGroupRuleSet',
  resultsMax: 1000,
  operation: 'readNetwork',
  all: (state) =>
    state.securityGroups
      .values()
      .flatMap((group) => group.rules.map((rule) => ({ id: rule.id, region: group.region, group, rule }))),
  filters: {
    'group-id': ({ group }) => [group.id],
    'security-group-rule-id': ({ rule }) => [rule.id],
  },
  render: ({ group, rule }) => renderRule(group, rule),
};

/** Source: EC2 API Reference, CreateSecurityGroup: up to 255 of these characters. */
const textPattern = /^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]{1,255}$/;

const authorize = (state: State, egress: boolean): Action => ({
  parameters: ['GroupId!', ...permissionParameters, 'DryRun'],
  operation: 'changeNetwork',
  run({ form, region }) {
    const group = groupNamed(state, region, required(form, 'GroupId'));
    const asked = parsePermissions(form).map((rule): Rule => ({ ...rule, id: newId('sgr'), egress }));
    for (const { groupId } of asked) if (groupId !== undefined) groupNamed(state, region, groupId);
    const known = new Set(group.rules.map(ruleKey));
    for (const rule of asked) {
      if (known.has(ruleKey(rule)))
        throw new ApiError(
          'InvalidPermission.Duplicate',
          `the specified rule "peer: ${rule.cidr ?? rule.groupId ?? ''}, ${rule.protocol}, ALLOW" already exists`,
        );
      known.add(ruleKey(rule));
    }
    if (group.rules.filter((rule) => rule.egress === egress).length + asked.length > rulesPerGroupMax)
      throw new ApiError(
        'RulesPerSecurityGroupLimitExceeded',
        'The maximum number of rules per security group has been reached.',
      );
    state.securityGroups.set(group.id, { ...group, rules: [...group.rules, ...asked] });
    return { return: true, securityGroupRuleSet: asked.map((rule) => renderRule(group, rule)) };
  },
});

const revoke = (state: State, egress: boolean): Action => ({
  parameters: ['GroupId!', 'SecurityGroupRuleId.N', ...permissionParameters, 'DryRun'],
  operation: 'changeNetwork',
  run({ form, region }) {
    const group = groupNamed(state, region, required(form, 'GroupId'));
    const ids = scalars(form, 'SecurityGroupRuleId');
    const keys =
      ids.length > 0 ? [] : parsePermissions(form).map((rule) => ruleKey({ ...rule, id: '', egress }));
    const gone = group.rules.filter(
      (rule) => rule.egress === egress && (ids.includes(rule.id) || keys.includes(ruleKey(rule))),
    );
    if (gone.length < ids.length + keys.length)
      throw new ApiError(
        ids.length > 0 ? 'InvalidSecurityGroupRuleId.NotFound' : 'InvalidPermission.NotFound',
        'The specified rule does not exist in this security group.',
      );
    state.securityGroups.set(group.id, {
      ...group,
      rules: group.rules.filter((rule) => !gone.includes(rule)),
    });
    return { return: true, revokedSecurityGroupRuleSet: gone.map((rule) => renderRule(group, rule)) };
  },
});

export function securityGroupActions(state: State): Record<string, Action> {
  return {
    CreateSecurityGroup: {
      parameters: ['GroupName!', 'GroupDescription!', 'VpcId!', ...tagSpecificationParameters, 'DryRun'],
      operation: 'createNetwork',
      run({ form, region }) {
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        const name = required(form, 'GroupName');
        const description = required(form, 'GroupDescription');
        for (const text of [name, description])
          if (!textPattern.test(text)) throw invalid(`Invalid security group name or description '${text}'`);
        if (name.startsWith('sg-')) throw invalid(`Invalid group name '${name}': it may not begin with sg-`);
        if (state.securityGroups.values().some((group) => group.vpcId === vpc.id && group.name === name))
          throw new ApiError(
            'InvalidGroup.Duplicate',
            `The security group '${name}' already exists for VPC '${vpc.id}'`,
          );
        const tags = tagSpecifications(form, ['security-group'])('security-group');
        const group: SecurityGroup = {
          id: newId('sg'),
          region,
          vpcId: vpc.id,
          name,
          description,
          rules: [{ id: newId('sgr'), egress: true, protocol: '-1', cidr: parseBlock('0.0.0.0/0').text }],
          ...state.born('createNetwork'),
        };
        state.securityGroups.set(group.id, group);
        state.tag(group.id, tags);
        return { return: true, groupId: group.id, tagSet: tagSet(tags) };
      },
    },

    AuthorizeSecurityGroupIngress: authorize(state, false),
    AuthorizeSecurityGroupEgress: authorize(state, true),
    RevokeSecurityGroupIngress: revoke(state, false),
    RevokeSecurityGroupEgress: revoke(state, true),
    DescribeSecurityGroups: describe(state, groupKind),
    DescribeSecurityGroupRules: describe(state, ruleKind),

    DeleteSecurityGroup: {
      parameters: ['GroupId!', 'DryRun'],
      operation: 'deleteNetwork',
      run({ form, region }) {
        const group = groupNamed(state, region, required(form, 'GroupId'));
        if (group.name === 'default')
          throw new ApiError(
            'CannotDelete',
            `the specified group: "${group.id}" name: "default" cannot be deleted by a user`,
          );
        const used =
          state.interfaces.values().some((nic) => nic.groupIds.includes(group.id)) ||
          state.securityGroups
            .values()
            .some((other) => other.id !== group.id && other.rules.some((rule) => rule.groupId === group.id));
        if (used) throw new ApiError('DependencyViolation', `resource ${group.id} has a dependent object`);
        state.remove(state.securityGroups, group.id);
        return { return: true, groupId: group.id };
      },
    },
  };
}
