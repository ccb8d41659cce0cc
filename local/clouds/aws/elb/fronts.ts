import type { Damage, DamageKind, Front } from '../../world.ts';
import { contains, parseBlock } from '../cidr.ts';
import type { Call } from '../describe.ts';
import { loadBalancerActions } from './load-balancers.ts';
import type { ElbState, LoadBalancer, TargetGroup } from './state.ts';

const groupsOf = (elb: ElbState, balancer: LoadBalancer): TargetGroup[] =>
  elb.listenersOf(balancer.id).flatMap(({ targetGroupArn }) => elb.targetGroups.get(targetGroupArn) ?? []);

/** Whether one of the instance's security groups lets this source in at this port. */
function admits(elb: ElbState, instanceId: string, number: number, source: string): boolean {
  const { ec2 } = elb;
  return (ec2.instances.get(instanceId)?.groupIds ?? []).some((groupId) =>
    ec2.securityGroups
      .get(groupId)
      ?.rules.some(
        ({ egress, protocol, from = 0, to = 65535, cidr }) =>
          !egress &&
          ['tcp', '-1'].includes(protocol) &&
          from <= number &&
          number <= to &&
          cidr !== undefined &&
          contains(parseBlock(cidr), parseBlock(source)),
      ),
  );
}

/** A Network Load Balancer asks from its own address in the subnet, and lets clients keep theirs. */
export const frontsOf = (elb: ElbState): Front[] =>
  elb.loadBalancers.values().map((balancer): Front => {
    const groups = groupsOf(elb, balancer);
    const check = groups[0]?.healthCheck;
    const own = elb.ec2.interfaces.get(balancer.interfaceIds[0] ?? '')?.privateAddress;
    const targets = groups.flatMap((group) => elb.targetsOf(group));
    return {
      cloud: 'aws',
      id: balancer.id,
      name: balancer.name,
      networkId: balancer.vpcId,
      address: balancer.dnsName,
      publicAddresses: balancer.interfaceIds.flatMap((id) => elb.ec2.interfaces.get(id)?.publicAddress ?? []),
      isOpen: elb.ec2.world.now() >= balancer.activeAt,
      listeners: elb.listenersOf(balancer.id).map(({ port, targetGroupArn }) => ({
        port,
        targetPort: elb.targetGroups.get(targetGroupArn)?.port ?? port,
      })),
      ...(check === undefined
        ? {}
        : {
            healthCheck: {
              port: check.port === 'traffic-port' ? (groups[0]?.port ?? 0) : Number(check.port),
              path: check.path ?? '/',
              intervalSeconds: check.intervalSeconds,
            },
          }),
      members: [...new Set(targets.filter(({ drainedAt }) => drainedAt === undefined).map(({ id }) => id))],
      admits: (member, number, from) =>
        admits(elb, member, number, from === 'client' ? '0.0.0.0/0' : `${own ?? '0.0.0.0'}/32`),
    };
  });

/** What people do to load balancers in the console, by the console's own calls. */
export function balancerDamages(elb: ElbState): Partial<Record<DamageKind, Damage>> {
  const { ec2 } = elb;
  const actions = loadBalancerActions(elb);
  const call = (name: string, region: string, parameters: Readonly<Record<string, string>>): void => {
    const asked: Call = { form: new Map(Object.entries(parameters)), region };
    actions[name]?.run(asked);
  };
  const ofBalancer =
    (strike: (balancer: LoadBalancer) => string | undefined): Damage =>
    ({ networkId }) => {
      const balancer = elb.loadBalancers.values().find(({ vpcId }) => vpcId === networkId);
      return balancer === undefined ? undefined : strike(balancer);
    };
  return {
    'delete-balancer': ofBalancer((balancer) => {
      elb.delete(balancer);
      return balancer.id;
    }),
    'delete-listener': ofBalancer((balancer) => {
      const [listener] = elb.listenersOf(balancer.id);
      if (listener !== undefined) ec2.remove(elb.listeners, listener.id);
      return listener?.id;
    }),
    'add-listener': ofBalancer((balancer) => {
      const [group] = groupsOf(elb, balancer);
      if (group === undefined) return undefined;
      call('CreateListener', balancer.region, {
        LoadBalancerArn: balancer.id,
        Protocol: 'TCP',
        Port: '8080',
        'DefaultActions.member.1.Type': 'forward',
        'DefaultActions.member.1.TargetGroupArn': group.id,
      });
      return balancer.id;
    }),
    'change-health-check': ofBalancer((balancer) => {
      const [group] = groupsOf(elb, balancer);
      if (group === undefined) return undefined;
      elb.targetGroups.set(group.id, { ...group, healthCheck: { ...group.healthCheck, path: '/' } });
      return group.id;
    }),
    'remove-balancer-tags': ofBalancer((balancer) => {
      for (const { id } of [balancer, ...groupsOf(elb, balancer)]) ec2.untag(id, () => false);
      return balancer.id;
    }),
    'add-foreign-balancer': ({ networkId }) => {
      const subnet = ec2.subnets.values().find(({ vpcId }) => vpcId === networkId);
      if (subnet === undefined) return undefined;
      call('CreateLoadBalancer', subnet.region, {
        Name: 'bystander',
        Type: 'network',
        'Subnets.member.1': subnet.id,
      });
      return elb.loadBalancers.values().find(({ name }) => name === 'bystander')?.id;
    },
    'remove-member': ({ machine }) => {
      for (const group of elb.targetGroups.values())
        if (group.targets.some(({ id }) => id === machine?.id))
          elb.targetGroups.set(group.id, {
            ...group,
            targets: group.targets.filter(({ id }) => id !== machine?.id),
          });
      return machine?.id;
    },
  };
}
