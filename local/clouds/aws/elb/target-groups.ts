import type { Action, Call } from '../describe.ts';
import { vpcNamed } from '../vpcs.ts';
import { ApiError, items, required, whole, type Form, type Xml } from '../wire.ts';
import { listed, nameIn, parseTags, port, tagParameters, validation } from './actions.ts';
import { arn, hex, type ElbState, type HealthCheck, type Target, type TargetGroup } from './state.ts';

/** Source: target groups of Network Load Balancers, attribute deregistration_delay.timeout_seconds. */
const deregistrationSeconds = 300;
/** Source: quotas of Elastic Load Balancing: targets per target group of a Network Load Balancer. */
const targetsMax = 3000;

function groupNamed(elb: ElbState, region: string, id: string): TargetGroup {
  const group = elb.targetGroups.get(id);
  if (group === undefined || group.region !== region)
    throw new ApiError('TargetGroupNotFound', 'One or more target groups not found');
  return group;
}

const render = (elb: ElbState, group: TargetGroup): Xml => ({
  TargetGroupArn: group.id,
  TargetGroupName: group.name,
  Protocol: group.protocol,
  Port: group.port,
  VpcId: group.vpcId,
  HealthCheckProtocol: group.healthCheck.protocol,
  HealthCheckPort: group.healthCheck.port,
  HealthCheckEnabled: true,
  HealthCheckIntervalSeconds: group.healthCheck.intervalSeconds,
  HealthCheckTimeoutSeconds: group.healthCheck.timeoutSeconds,
  HealthyThresholdCount: group.healthCheck.healthyThreshold,
  UnhealthyThresholdCount: group.healthCheck.unhealthyThreshold,
  HealthCheckPath: group.healthCheck.path,
  Matcher: group.healthCheck.matcher === undefined ? undefined : { HttpCode: group.healthCheck.matcher },
  LoadBalancerArns: elb.usersOf(group.id),
  TargetType: group.targetType,
  IpAddressType: 'ipv4',
});

const healthParameters = [
  'HealthCheckProtocol',
  'HealthCheckPort',
  'HealthCheckEnabled',
  'HealthCheckPath',
  'HealthCheckIntervalSeconds',
  'HealthCheckTimeoutSeconds',
  'HealthyThresholdCount',
  'UnhealthyThresholdCount',
  'Matcher.HttpCode',
];

const defaults: HealthCheck = {
  protocol: 'TCP',
  port: 'traffic-port',
  intervalSeconds: 30,
  timeoutSeconds: 10,
  healthyThreshold: 5,
  unhealthyThreshold: 2,
};

/** Ranges as the API Reference has them for Network Load Balancers. */
function healthCheckIn(form: Form, before: HealthCheck): HealthCheck {
  const protocol = form.get('HealthCheckProtocol') ?? before.protocol;
  if (!['TCP', 'HTTP', 'HTTPS'].includes(protocol))
    throw validation(`Health check protocol '${protocol}' is not supported`);
  const number = form.get('HealthCheckPort') ?? before.port;
  if (number !== 'traffic-port' && !/^[1-9]\d{0,4}$/.test(number))
    throw validation(`Health check port '${number}' is not valid`);
  const isHttp = protocol !== 'TCP';
  const path = form.get('HealthCheckPath') ?? before.path;
  const matcher = form.get('Matcher.HttpCode') ?? before.matcher;
  if (!isHttp && (form.has('HealthCheckPath') || form.has('Matcher.HttpCode')))
    throw validation(`Health check path and matcher cannot be specified for protocol ${protocol}`);
  const seconds = (name: string, range: { min: number; max: number }, otherwise: number): number =>
    whole(form, name, range) ?? otherwise;
  const check: HealthCheck = {
    protocol,
    port: number,
    ...(isHttp ? { path: path ?? '/', matcher: matcher ?? '200-399' } : {}),
    intervalSeconds: seconds('HealthCheckIntervalSeconds', { min: 5, max: 300 }, before.intervalSeconds),
    timeoutSeconds: seconds('HealthCheckTimeoutSeconds', { min: 2, max: 120 }, before.timeoutSeconds),
    healthyThreshold: seconds('HealthyThresholdCount', { min: 2, max: 10 }, before.healthyThreshold),
    unhealthyThreshold: seconds('UnhealthyThresholdCount', { min: 2, max: 10 }, before.unhealthyThreshold),
  };
  if (check.timeoutSeconds >= check.intervalSeconds)
    throw validation('Health check interval must be greater than the timeout.');
  return check;
}

function createTargetGroup(elb: ElbState, { form, region }: Call): TargetGroup {
  const name = nameIn(form);
  const protocol = form.get('Protocol') ?? '';
  if (!['TCP', 'UDP', 'TCP_UDP', 'TLS'].includes(protocol))
    throw new ApiError('UnsupportedProtocol', `Protocol '${protocol}' is not simulated`);
  const targetType = form.get('TargetType') ?? 'instance';
  if (targetType !== 'instance') throw validation(`Target type '${targetType}' is not simulated`);
  const vpcId = vpcNamed(elb.ec2, region, required(form, 'VpcId')).id;
  const wanted: Omit<TargetGroup, 'id'> = {
    region,
    name,
    protocol,
    port: port(form, 'Port'),
    vpcId,
    targetType,
    healthCheck: healthCheckIn(form, defaults),
    targets: [],
  };
  const tags = parseTags(form);
  const there = elb.targetGroups.values().find((each) => each.region === region && each.name === name);
  if (there !== undefined) {
    const { id: _id, ...settings } = { ...there, targets: [] };
    if (JSON.stringify(settings) === JSON.stringify(wanted)) return there;
    throw new ApiError(
      'DuplicateTargetGroupName',
      `A target group with the same name '${name}' exists, but with different settings`,
    );
  }
  const group: TargetGroup = { id: arn(region, `targetgroup/${name}/${hex()}`), ...wanted };
  elb.targetGroups.set(group.id, group);
  elb.ec2.tag(group.id, tags);
  return group;
}

const targetParameters = ['Targets.member.N.Id', 'Targets.member.N.Port'];

const targetsIn = (form: Form, group: TargetGroup): Target[] => {
  const targets = items(form, 'Targets.member').map((item) => ({
    id: required(item, 'Id'),
    port: item.has('Port') ? port(item, 'Port') : group.port,
  }));
  if (targets.length === 0) throw validation('At least one target must be specified');
  return targets;
};

const isSame =
  (one: Target) =>
  (other: Target): boolean =>
    one.id === other.id && one.port === other.port;

function register(elb: ElbState, { form, region }: Call): void {
  const { ec2 } = elb;
  const group = groupNamed(elb, region, required(form, 'TargetGroupArn'));
  const asked = targetsIn(form, group);
  for (const { id } of asked) {
    const instance = ec2.instances.get(id);
    const machine = ec2.world.machine('aws', id);
    if (instance === undefined || machine === undefined || ec2.isTerminated(instance))
      throw new ApiError('InvalidTarget', `The following targets are not valid instances: '${id}'`);
    if (ec2.world.state(machine) !== 'running')
      throw new ApiError(
        'InvalidTarget',
        `The following targets are not in a running state and cannot be registered: '${id}'`,
      );
    if (instance.vpcId !== group.vpcId)
      throw new ApiError(
        'InvalidTarget',
        `The following targets are not in the target group VPC '${group.vpcId}': '${id}'`,
      );
  }
  const kept = elb.targetsOf(group).filter((target) => !asked.some(isSame(target)));
  if (kept.length + asked.length > targetsMax) throw new ApiError('TooManyTargets', 'too many targets');
  elb.targetGroups.set(group.id, { ...group, targets: [...kept, ...asked] });
}

function deregister(elb: ElbState, { form, region }: Call): void {
  const { world } = elb.ec2;
  const group = groupNamed(elb, region, required(form, 'TargetGroupArn'));
  const asked = targetsIn(form, group);
  const drainedAt = world.now() + world.scaled(deregistrationSeconds);
  const isInUse = elb.usersOf(group.id).length > 0;
  elb.targetGroups.set(group.id, {
    ...group,
    targets: elb.targetsOf(group).flatMap((target) => {
      if (!asked.some(isSame(target)) || target.drainedAt !== undefined) return [target];
      return isInUse ? [{ ...target, drainedAt }] : [];
    }),
  });
}

/** `healthy` is the data path's to say; before it has looked, and where there is none, a target is `initial`. */
function healthOf(elb: ElbState, group: TargetGroup, target: Target): Xml {
  const { world } = elb.ec2;
  const [user] = elb.usersOf(group.id);
  if (target.drainedAt !== undefined) return { State: 'draining', Reason: 'Target.DeregistrationInProgress' };
  if (user === undefined) return { State: 'unused', Reason: 'Target.NotInUse' };
  const machine = world.machine('aws', target.id);
  if (machine === undefined || world.state(machine) !== 'running')
    return { State: 'unused', Reason: 'Target.InvalidState' };
  const isHealthy = world.dataPath?.health({ cloud: 'aws', id: user }, target.id);
  if (isHealthy === undefined) return { State: 'initial', Reason: 'Elb.RegistrationInProgress' };
  return isHealthy ? { State: 'healthy' } : { State: 'unhealthy', Reason: 'Target.FailedHealthChecks' };
}

export function targetGroupActions(elb: ElbState): Record<string, Action> {
  const { ec2 } = elb;
  return {
    CreateTargetGroup: {
      parameters: [
        'Name!',
        'Protocol',
        'Port',
        'VpcId',
        'TargetType',
        'IpAddressType',
        ...healthParameters,
        ...tagParameters,
      ],
      operation: 'createBalancer',
      run: (call) => ({ TargetGroups: [render(elb, createTargetGroup(elb, call))] }),
    },

    DescribeTargetGroups: {
      parameters: ['LoadBalancerArn', 'TargetGroupArns.member.N', 'Names.member.N', 'Marker', 'PageSize'],
      operation: 'readBalancer',
      run(call) {
        const of = call.form.get('LoadBalancerArn');
        return listed(
          call,
          elb.targetGroups
            .values()
            .filter((each) => each.region === call.region && ec2.visible(each))
            .filter((each) => of === undefined || elb.usersOf(each.id).includes(of)),
          {
            elb,
            arns: 'TargetGroupArns',
            set: 'TargetGroups',
            notFound: 'TargetGroupNotFound',
            render: (group) => render(elb, group),
          },
        );
      },
    },

    ModifyTargetGroup: {
      parameters: ['TargetGroupArn!', ...healthParameters],
      operation: 'changeBalancer',
      run({ form, region }) {
        const group = groupNamed(elb, region, required(form, 'TargetGroupArn'));
        const changed = { ...group, healthCheck: healthCheckIn(form, group.healthCheck) };
        elb.targetGroups.set(group.id, changed);
        return { TargetGroups: [render(elb, changed)] };
      },
    },

    DeleteTargetGroup: {
      parameters: ['TargetGroupArn!'],
      operation: 'deleteBalancer',
      run({ form, region }) {
        const id = required(form, 'TargetGroupArn');
        if (elb.usersOf(id).length > 0)
          throw new ApiError(
            'ResourceInUse',
            `Target group '${id}' is currently in use by a listener or a rule`,
          );
        // One that does not exist is deleted already.
        if (elb.targetGroups.get(id)?.region === region) ec2.remove(elb.targetGroups, id);
        return {};
      },
    },

    RegisterTargets: {
      parameters: ['TargetGroupArn!', ...targetParameters],
      operation: 'changeBalancer',
      run(call) {
        register(elb, call);
        return {};
      },
    },

    DeregisterTargets: {
      parameters: ['TargetGroupArn!', ...targetParameters],
      operation: 'changeBalancer',
      run(call) {
        deregister(elb, call);
        return {};
      },
    },

    DescribeTargetHealth: {
      parameters: ['TargetGroupArn!', ...targetParameters],
      operation: 'readBalancer',
      run({ form, region }) {
        const group = groupNamed(elb, region, required(form, 'TargetGroupArn'));
        return {
          TargetHealthDescriptions: elb.targetsOf(group).map((target) => ({
            Target: { Id: target.id, Port: target.port },
            HealthCheckPort:
              group.healthCheck.port === 'traffic-port' ? String(target.port) : group.healthCheck.port,
            TargetHealth: healthOf(elb, group, target),
          })),
        };
      },
    },
  };
}
