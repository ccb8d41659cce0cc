import { randomInt } from 'node:crypto';
import type { Action, Call } from '../describe.ts';
import { macAddress } from '../launch.ts';
import { freeAddress, subnetNamed } from '../subnets.ts';
import { ApiError, items, newId, required, scalars, timestamp, type Form, type Xml } from '../wire.ts';
import type { NetworkInterface, Subnet } from '../state.ts';
import { listed, nameIn, parseTags, port, tagParameters, validation } from './actions.ts';
import { arn, fullName, hex, type ElbState, type Listener, type LoadBalancer } from './state.ts';

/** Unscaled seconds from CreateLoadBalancer to `active`. */
const provisioningSeconds = 120;
/** Source: quotas of Network Load Balancers: per region, and listeners for each. */
const balancersMax = 50;
const listenersMax = 50;
/** Of all Network Load Balancers in us-east-1; every region has another. */
const hostedZoneId = 'Z26RNL4JYFTOTI';
/** Of those that a Network Load Balancer speaks, what its target groups do. */
const protocols = new Set(['TCP', 'UDP', 'TCP_UDP', 'TLS']);

export function loadBalancerNamed(elb: ElbState, region: string, id: string): LoadBalancer {
  const balancer = elb.loadBalancers.get(id);
  if (balancer === undefined || balancer.region !== region)
    throw new ApiError('LoadBalancerNotFound', `Load balancer '${id}' not found`);
  return balancer;
}

const render = (elb: ElbState, balancer: LoadBalancer): Xml => ({
  LoadBalancerArn: balancer.id,
  DNSName: balancer.dnsName,
  CanonicalHostedZoneId: hostedZoneId,
  CreatedTime: timestamp(balancer.createdAt),
  LoadBalancerName: balancer.name,
  Scheme: balancer.scheme,
  VpcId: balancer.vpcId,
  State: { Code: elb.ec2.world.now() < balancer.activeAt ? 'provisioning' : 'active' },
  Type: 'network',
  AvailabilityZones: balancer.subnets.map(({ id, zone }) => ({ ZoneName: zone, SubnetId: id })),
  IpAddressType: 'ipv4',
});

/** One in each zone, managed by the balancer and without any tags. */
function makeInterface(
  { ec2 }: ElbState,
  subnet: Subnet,
  options: { readonly description: string; readonly isPublic: boolean },
): NetworkInterface {
  const nic: NetworkInterface = {
    id: newId('eni'),
    region: subnet.region,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    zone: subnet.zone,
    description: options.description,
    groupIds: [],
    privateAddress: freeAddress(ec2, subnet),
    ...(options.isPublic
      ? { publicAddress: `44.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}` }
      : {}),
    macAddress: macAddress(),
    managedBy: 'amazon-elb',
  };
  ec2.interfaces.set(nic.id, nic);
  return nic;
}

function subnetsIn(elb: ElbState, form: Form, region: string): Subnet[] {
  const ids = [
    ...scalars(form, 'Subnets.member'),
    ...items(form, 'SubnetMappings.member').map((item) => required(item, 'SubnetId')),
  ];
  if (ids.length === 0) throw validation('At least one subnet must be specified');
  const subnets = ids.map((id) => {
    try {
      return subnetNamed(elb.ec2, region, id);
    } catch {
      throw new ApiError('SubnetNotFound', `The subnet ID '${id}' does not exist`);
    }
  });
  if (new Set(subnets.map(({ zone }) => zone)).size < subnets.length)
    throw new ApiError(
      'InvalidConfigurationRequest',
      'A load balancer cannot be attached to multiple subnets in the same Availability Zone',
    );
  if (new Set(subnets.map(({ vpcId }) => vpcId)).size > 1)
    throw new ApiError('InvalidConfigurationRequest', 'All subnets must be in one VPC');
  return subnets;
}

const isSame = (balancer: LoadBalancer, subnets: readonly Subnet[], scheme: string): boolean =>
  balancer.scheme === scheme &&
  balancer.subnets.map(({ id }) => id).join() === subnets.map(({ id }) => id).join();

function createLoadBalancer(elb: ElbState, { form, region }: Call): LoadBalancer {
  const { ec2 } = elb;
  const { world } = ec2;
  const name = nameIn(form);
  if ((form.get('Type') ?? 'application') !== 'network')
    throw new ApiError('UnsupportedOperation', 'Of load balancers only those of type network are simulated');
  const scheme = form.get('Scheme') ?? 'internet-facing';
  if (!['internet-facing', 'internal'].includes(scheme))
    throw new ApiError('InvalidScheme', `Scheme '${scheme}' is not valid`);
  const subnets = subnetsIn(elb, form, region);
  const tags = parseTags(form);
  const there = elb.loadBalancers.values().find((each) => each.region === region && each.name === name);
  if (there !== undefined) {
    // Asked for again with the same settings it is the same one.
    if (isSame(there, subnets, scheme)) return there;
    throw new ApiError(
      'DuplicateLoadBalancerName',
      `A load balancer with the same name '${name}' exists, but with different settings`,
    );
  }
  const vpcId = subnets[0]?.vpcId ?? '';
  if (scheme === 'internet-facing' && !ec2.gateways.values().some((gateway) => gateway.vpcId === vpcId))
    throw new ApiError('InvalidSubnet', `VPC ${vpcId} has no internet gateway`);
  const count = elb.loadBalancers.values().filter((each) => each.region === region).length;
  const fault = world.takeFault('aws', 'createBalancer', { effects: ['quota'] });
  if (fault !== undefined || count >= balancersMax)
    throw new ApiError('TooManyLoadBalancers', 'The maximum number of load balancers has been reached');
  const suffix = hex();
  const id = arn(region, `loadbalancer/net/${name}/${suffix}`);
  const balancer: LoadBalancer = {
    id,
    region,
    name,
    scheme,
    vpcId,
    subnets: subnets.map((subnet) => ({ id: subnet.id, zone: subnet.zone })),
    createdAt: world.now(),
    activeAt: world.now() + world.scaled(provisioningSeconds),
    dnsName: `${name}-${suffix}.elb.${region}.amazonaws.com`,
    interfaceIds: subnets.map(
      (subnet) =>
        makeInterface(elb, subnet, {
          description: `ELB ${fullName(id)}`,
          isPublic: scheme === 'internet-facing',
        }).id,
    ),
    ...ec2.born('createBalancer'),
  };
  elb.loadBalancers.set(id, balancer);
  ec2.tag(id, tags);
  return balancer;
}

const renderListener = (listener: Listener): Xml => ({
  ListenerArn: listener.id,
  LoadBalancerArn: listener.loadBalancerArn,
  Port: listener.port,
  Protocol: listener.protocol,
  DefaultActions: [{ Type: 'forward', TargetGroupArn: listener.targetGroupArn, Order: 1 }],
});

const listenerParameters = [
  'Port',
  'Protocol',
  'DefaultActions.member.N.Type',
  'DefaultActions.member.N.TargetGroupArn',
];

function protocolIn(form: Form): string {
  const protocol = form.get('Protocol') ?? '';
  if (!protocols.has(protocol))
    throw new ApiError(
      'UnsupportedProtocol',
      `Protocol '${protocol}' is not supported by network load balancers`,
    );
  return protocol;
}

/** Where a listener sends: one target group, of the balancer's VPC, that serves no other balancer. */
function targetOf(elb: ElbState, form: Form, balancer: LoadBalancer, protocol: string): string {
  const actions = items(form, 'DefaultActions.member');
  if (actions.length !== 1) throw validation('Exactly one default action must be specified');
  const [action] = actions;
  if (action?.get('Type') !== 'forward')
    throw new ApiError('InvalidLoadBalancerAction', 'A network load balancer only forwards');
  const group = elb.targetGroups.get(action.get('TargetGroupArn') ?? '');
  if (group === undefined || group.region !== balancer.region)
    throw new ApiError('TargetGroupNotFound', 'One or more target groups not found');
  if (group.protocol !== protocol)
    throw new ApiError(
      'IncompatibleProtocols',
      `A listener for ${protocol} cannot send to ${group.protocol}`,
    );
  if (group.vpcId !== balancer.vpcId)
    throw validation(`Target group ${group.id} is in another VPC than ${balancer.id}`);
  if (elb.usersOf(group.id).some((user) => user !== balancer.id))
    throw new ApiError(
      'TargetGroupAssociationLimit',
      `The following target groups cannot be associated with more than one load balancer: ${group.id}`,
    );
  return group.id;
}

function listenerNamed(elb: ElbState, region: string, id: string): Listener {
  const listener = elb.listeners.get(id);
  if (listener === undefined || listener.region !== region)
    throw new ApiError('ListenerNotFound', `Listener '${id}' not found`);
  return listener;
}

function createListener(elb: ElbState, { form, region }: Call): Listener {
  const balancer = loadBalancerNamed(elb, region, required(form, 'LoadBalancerArn'));
  const protocol = protocolIn(form);
  const targetGroupArn = targetOf(elb, form, balancer, protocol);
  const number = port(form, 'Port');
  const tags = parseTags(form);
  const there = elb.listenersOf(balancer.id);
  const same = there.find((listener) => listener.port === number);
  if (same !== undefined) {
    if (same.protocol === protocol && same.targetGroupArn === targetGroupArn) return same;
    throw new ApiError('DuplicateListener', 'A listener already exists on this port for this load balancer');
  }
  if (there.length >= listenersMax) throw new ApiError('TooManyListeners', 'too many listeners');
  const id = `${balancer.id.replace(':loadbalancer/', ':listener/')}/${hex()}`;
  const listener: Listener = {
    id,
    region,
    loadBalancerArn: balancer.id,
    port: number,
    protocol,
    targetGroupArn,
  };
  elb.listeners.set(id, listener);
  elb.ec2.tag(id, tags);
  return listener;
}

function modifyListener(elb: ElbState, { form, region }: Call): Listener {
  const listener = listenerNamed(elb, region, required(form, 'ListenerArn'));
  const balancer = loadBalancerNamed(elb, region, listener.loadBalancerArn);
  const protocol = form.has('Protocol') ? protocolIn(form) : listener.protocol;
  const changed: Listener = {
    ...listener,
    protocol,
    ...(form.has('Port') ? { port: port(form, 'Port') } : {}),
    ...(items(form, 'DefaultActions.member').length === 0
      ? {}
      : { targetGroupArn: targetOf(elb, form, balancer, protocol) }),
  };
  elb.listeners.set(listener.id, changed);
  return changed;
}

/** Balancers and what they listen to. */
export function loadBalancerActions(elb: ElbState): Record<string, Action> {
  const { ec2 } = elb;
  return {
    CreateLoadBalancer: {
      parameters: [
        'Name!',
        'Subnets.member.N',
        'SubnetMappings.member.N.SubnetId',
        'Scheme',
        'Type',
        'IpAddressType',
        ...tagParameters,
      ],
      operation: 'createBalancer',
      run: (call) => ({ LoadBalancers: [render(elb, createLoadBalancer(elb, call))] }),
    },

    DescribeLoadBalancers: {
      parameters: ['LoadBalancerArns.member.N', 'Names.member.N', 'Marker', 'PageSize'],
      operation: 'readBalancer',
      run: (call) =>
        listed(
          call,
          elb.loadBalancers.values().filter((each) => each.region === call.region && ec2.visible(each)),
          {
            elb,
            arns: 'LoadBalancerArns',
            set: 'LoadBalancers',
            notFound: 'LoadBalancerNotFound',
            render: (balancer) => render(elb, balancer),
          },
        ),
    },

    // One that does not exist is deleted already: the call succeeds.
    DeleteLoadBalancer: {
      parameters: ['LoadBalancerArn!'],
      operation: 'deleteBalancer',
      run({ form, region }) {
        const balancer = elb.loadBalancers.get(required(form, 'LoadBalancerArn'));
        if (balancer?.region === region) elb.delete(balancer);
        return {};
      },
    },

    CreateListener: {
      parameters: ['LoadBalancerArn!', ...listenerParameters, ...tagParameters],
      operation: 'createBalancer',
      run: (call) => ({ Listeners: [renderListener(createListener(elb, call))] }),
    },

    DescribeListeners: {
      parameters: ['LoadBalancerArn', 'ListenerArns.member.N', 'Marker', 'PageSize'],
      operation: 'readBalancer',
      run(call) {
        const { form, region } = call;
        const of = form.get('LoadBalancerArn');
        if (of !== undefined) loadBalancerNamed(elb, region, of);
        return listed(
          call,
          elb.listeners
            .values()
            .filter((each) => each.region === region && (of === undefined || each.loadBalancerArn === of)),
          {
            elb,
            arns: 'ListenerArns',
            set: 'Listeners',
            notFound: 'ListenerNotFound',
            render: renderListener,
          },
        );
      },
    },

    ModifyListener: {
      parameters: ['ListenerArn!', ...listenerParameters],
      operation: 'changeBalancer',
      run: (call) => ({ Listeners: [renderListener(modifyListener(elb, call))] }),
    },

    DeleteListener: {
      parameters: ['ListenerArn!'],
      operation: 'deleteBalancer',
      run({ form, region }) {
        ec2.remove(elb.listeners, listenerNamed(elb, region, required(form, 'ListenerArn')).id);
        return {};
      },
    },
  };
}
