import { DamageRefused, type Damage, type DamageKind } from '../world.ts';
import type { Action } from './describe.ts';
import { ApiError, newId } from './wire.ts';
import type { Resource, SecurityGroup, State } from './state.ts';

interface InVpc extends Resource {
  readonly vpcId?: string;
}

/**
 * What a person does in EC2's console, which does it with the same API: so what the API refuses is refused here. Elastic
 * addresses are missing: the driver makes none, since machines have addresses that come and go with them.
 */
export function damages(
  state: State,
  actions: Readonly<Record<string, Action>>,
): Partial<Record<DamageKind, Damage>> {
  const call = (name: string, region: string, parameters: Readonly<Record<string, string>>): void => {
    state.settle();
    try {
      actions[name]?.run({ form: new Map(Object.entries(parameters)), region });
    } catch (error) {
      if (error instanceof ApiError) throw new DamageRefused(`${error.code}: ${error.message}`);
      throw error;
    }
  };
  const inside = <T extends InVpc>(all: readonly T[], vpcId: string): T[] =>
    all.filter((each) => each.vpcId === vpcId);
  const groupNamed = (vpcId: string, end: string): SecurityGroup | undefined =>
    inside(state.securityGroups.values(), vpcId).find(({ name }) => name.endsWith(end));
  const ingressOf = (group: SecurityGroup | undefined) => group?.rules.find(({ egress }) => !egress);

  /** Out of all its groups into the VPC's own, since an interface is never without. */
  const moveOut = (interfaceId: string): void => {
    const nic = state.interfaces.get(interfaceId);
    const other = nic === undefined ? undefined : groupNamed(nic.vpcId, 'default');
    if (nic === undefined || other === undefined) return;
    call('ModifyNetworkInterfaceAttribute', nic.region, {
      NetworkInterfaceId: nic.id,
      'SecurityGroupId.1': other.id,
    });
  };

  /** A machine's tags, but for its name. */
  const spareTags = (machineId: string): Readonly<Record<string, string>> => {
    const tags = state.tagsOf(machineId);
    return { ...tags, Name: `${tags['Name'] ?? ''}-spare` };
  };

  return {
    'delete-network': ({ networkId }) => {
      const vpc = state.vpcs.get(networkId);
      if (vpc === undefined) return undefined;
      state.settle();
      const [plug] = inside(state.interfaces.values(), vpc.id);
      if (plug !== undefined)
        throw new DamageRefused(`DependencyViolation: ${vpc.id} has network interface ${plug.id}`);
      for (const { id } of inside(state.gateways.values(), vpc.id)) {
        call('DetachInternetGateway', vpc.region, { InternetGatewayId: id, VpcId: vpc.id });
        call('DeleteInternetGateway', vpc.region, { InternetGatewayId: id });
      }
      for (const { id } of inside(state.subnets.values(), vpc.id))
        call('DeleteSubnet', vpc.region, { SubnetId: id });
      for (const { id, main } of inside(state.routeTables.values(), vpc.id))
        if (!main) call('DeleteRouteTable', vpc.region, { RouteTableId: id });
      for (const { id, name } of inside(state.securityGroups.values(), vpc.id))
        if (name !== 'default') call('DeleteSecurityGroup', vpc.region, { GroupId: id });
      call('DeleteVpc', vpc.region, { VpcId: vpc.id });
      return vpc.id;
    },

    'delete-subnet': ({ networkId }) => {
      const [subnet] = inside(state.subnets.values(), networkId);
      if (subnet === undefined) return undefined;
      call('DeleteSubnet', subnet.region, { SubnetId: subnet.id });
      return subnet.id;
    },

    'remove-route': ({ networkId }) => {
      const table = inside(state.routeTables.values(), networkId).find(({ routes }) =>
        routes.some(({ cidr }) => cidr === '0.0.0.0/0'),
      );
      if (table === undefined) return undefined;
      call('DeleteRoute', table.region, { RouteTableId: table.id, DestinationCidrBlock: '0.0.0.0/0' });
      return table.id;
    },

    'remove-firewall-rule': ({ networkId }) => {
      const group = groupNamed(networkId, '-worker');
      const rule = ingressOf(group);
      if (group === undefined || rule === undefined) return undefined;
      call('RevokeSecurityGroupIngress', group.region, {
        GroupId: group.id,
        'SecurityGroupRuleId.1': rule.id,
      });
      return group.id;
    },

    'add-firewall-rule': ({ networkId }) => {
      const group = groupNamed(networkId, '-worker');
      if (group === undefined) return undefined;
      call('AuthorizeSecurityGroupIngress', group.region, {
        GroupId: group.id,
        'IpPermissions.1.IpProtocol': 'tcp',
        'IpPermissions.1.FromPort': '22',
        'IpPermissions.1.ToPort': '22',
        'IpPermissions.1.IpRanges.1.CidrIp': '0.0.0.0/0',
      });
      return group.id;
    },

    'delete-firewall': ({ networkId }) => {
      const group = groupNamed(networkId, '-worker');
      if (group === undefined) return undefined;
      for (const nic of inside(state.interfaces.values(), networkId))
        if (nic.groupIds.includes(group.id)) moveOut(nic.id);
      call('DeleteSecurityGroup', group.region, { GroupId: group.id });
      return group.id;
    },

    'remove-tags': ({ machine }) => {
      const instance = state.instances.get(machine?.id ?? '');
      if (instance === undefined) return undefined;
      call('DeleteTags', instance.region, { 'ResourceId.1': instance.id });
      return instance.id;
    },

    'move-firewall': ({ machine }) => {
      const instance = state.instances.get(machine?.id ?? '');
      if (instance === undefined) return undefined;
      moveOut(instance.interfaceId);
      return instance.id;
    },

    'add-spare-disk': ({ machine }) => {
      const instance = state.instances.get(machine?.id ?? '');
      if (instance === undefined) return undefined;
      const id = newId('vol');
      state.volumes.set(id, {
        id,
        region: instance.region,
        zone: instance.zone,
        sizeGib: 10,
        type: 'gp3',
        encrypted: true,
        createdAt: state.world.now(),
      });
      state.tag(id, spareTags(instance.id));
      return id;
    },

    'add-spare-interface': ({ machine }) => {
      const instance = state.instances.get(machine?.id ?? '');
      if (instance === undefined) return undefined;
      const known = new Set(state.interfaces.values().map(({ id }) => id));
      call('CreateNetworkInterface', instance.region, { SubnetId: instance.subnetId });
      const made = state.interfaces.values().find(({ id }) => !known.has(id));
      if (made !== undefined) state.tag(made.id, spareTags(instance.id));
      return made?.id;
    },
  };
}
