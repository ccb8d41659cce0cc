import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteSubnetCommand,
  DescribeNetworkInterfacesCommand,
  DetachInternetGatewayCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  AddTagsCommand,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  paginateDescribeTargetGroups,
  RegisterTargetsCommand,
  RemoveTagsCommand,
  type CreateLoadBalancerCommandInput,
  type CreateTargetGroupCommandInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSimulator } from '../../server.ts';
import { World } from '../../world.ts';
import { createAwsSimulator } from '../index.ts';

/** Its time passes when the test says so. */
class StillWorld extends World {
  #now = Date.now();
  override now(): number {
    return this.#now;
  }
  pass(seconds: number): void {
    this.#now += this.scaled(seconds);
  }
}

const world = new StillWorld({ timeScale: 1000 });
let served: Awaited<ReturnType<typeof serveSimulator>>;
let ec2: EC2Client;
let elb: ElasticLoadBalancingV2Client;
let place: { vpcId: string; subnetId: string; gatewayId: string };

beforeAll(async () => {
  served = await serveSimulator(world, createAwsSimulator(world, { vpcsPerRegionMax: 20 }));
  const options = {
    region: 'us-east-1',
    endpoint: served.url,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
    maxAttempts: 1,
  };
  ec2 = new EC2Client(options);
  elb = new ElasticLoadBalancingV2Client(options);
  place = await network();
});
afterAll(async () => {
  ec2.destroy();
  elb.destroy();
  await served.close();
  world.close();
});

const subnet = async (VpcId: string | undefined, CidrBlock: string, AvailabilityZone: string) =>
  (await ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone }))).Subnet?.SubnetId ?? '';

async function network() {
  const VpcId = (await ec2.send(new CreateVpcCommand({ CidrBlock: '10.10.0.0/16' }))).Vpc?.VpcId ?? '';
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const InternetGatewayId = InternetGateway?.InternetGatewayId ?? '';
  await ec2.send(new AttachInternetGatewayCommand({ VpcId, InternetGatewayId }));
  return {
    vpcId: VpcId,
    subnetId: await subnet(VpcId, '10.10.0.0/24', 'us-east-1a'),
    gatewayId: InternetGatewayId,
  };
}

async function instance(SubnetId: string): Promise<string> {
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-0123456789abcdef0',
      InstanceType: 't3.medium',
      MinCount: 1,
      MaxCount: 1,
      SubnetId,
    }),
  );
  world.pass(10);
  return Instances?.[0]?.InstanceId ?? '';
}

const names = (function* () {
  for (let number = 1; ; number += 1) yield `lb-${number}`;
})();
const freshName = (): string => names.next().value ?? '';

const balancer = async (change: Partial<CreateLoadBalancerCommandInput> = {}) => {
  const { LoadBalancers } = await elb.send(
    new CreateLoadBalancerCommand({
      Name: freshName(),
      Type: 'network',
      Subnets: [place.subnetId],
      ...change,
    }),
  );
  return LoadBalancers?.[0] ?? {};
};
const group = async (change: Partial<CreateTargetGroupCommandInput> = {}): Promise<string> => {
  const { TargetGroups } = await elb.send(
    new CreateTargetGroupCommand({
      Name: freshName(),
      Protocol: 'TCP',
      Port: 80,
      VpcId: place.vpcId,
      HealthCheckProtocol: 'HTTP',
      HealthCheckPort: '8081',
      HealthCheckPath: '/ready',
      ...change,
    }),
  );
  return TargetGroups?.[0]?.TargetGroupArn ?? '';
};
const listener = (LoadBalancerArn: string | undefined, TargetGroupArn: string, Port = 80) =>
  elb.send(
    new CreateListenerCommand({
      LoadBalancerArn,
      Port,
      Protocol: 'TCP',
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    }),
  );
const register = (TargetGroupArn: string, Id: string) =>
  elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id }] }));
const healthOf = async (TargetGroupArn: string) =>
  (await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn }))).TargetHealthDescriptions?.map(
    ({ Target, TargetHealth }) => `${Target?.Id ?? ''} ${TargetHealth?.State ?? ''}`,
  );

describe('Elastic Load Balancing refuses', () => {
  const refusals: readonly [string, string, () => Promise<unknown>][] = [
    ['a name that is too long', 'ValidationError', () => balancer({ Name: 'x'.repeat(33) })],
    ['a name that ends with a hyphen', 'ValidationError', () => balancer({ Name: 'mine-' })],
    ['a name that AWS keeps to itself', 'ValidationError', () => balancer({ Name: 'internal-mine' })],
    [
      'a subnet that is not there',
      'SubnetNotFoundException',
      () => balancer({ Subnets: ['subnet-0123456789abcdef0'] }),
    ],
    ['no subnet at all', 'ValidationError', () => balancer({ Subnets: undefined })],
    [
      'two subnets of one zone',
      'InvalidConfigurationRequestException',
      async () =>
        balancer({ Subnets: [place.subnetId, await subnet(place.vpcId, '10.10.9.0/24', 'us-east-1a')] }),
    ],
    [
      'to face the internet from a VPC without a gateway',
      'InvalidSubnetException',
      async () => {
        const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.11.0.0/16' }));
        return balancer({ Subnets: [await subnet(Vpc?.VpcId, '10.11.0.0/24', 'us-east-1a')] });
      },
    ],
    [
      'another balancer of the same name',
      'DuplicateLoadBalancerNameException',
      async () => {
        const { LoadBalancerName = '' } = await balancer();
        return balancer({ Name: LoadBalancerName, Scheme: 'internal' });
      },
    ],
    [
      'another target group of the same name',
      'DuplicateTargetGroupNameException',
      async () => {
        await group({ Name: 'one-group' });
        return group({ Name: 'one-group', Port: 443 });
      },
    ],
    [
      'a health check that waits as long as its interval',
      'ValidationError',
      () => group({ HealthCheckIntervalSeconds: 10, HealthCheckTimeoutSeconds: 10 }),
    ],
    [
      'a path for a check that is not HTTP',
      'ValidationError',
      () => group({ HealthCheckProtocol: 'TCP', HealthCheckPath: '/ready' }),
    ],
    [
      'a second listener at a port',
      'DuplicateListenerException',
      async () => {
        const { LoadBalancerArn } = await balancer();
        await listener(LoadBalancerArn, await group());
        return listener(LoadBalancerArn, await group());
      },
    ],
    [
      'a target group for two balancers',
      'TargetGroupAssociationLimitException',
      async () => {
        const arn = await group();
        await listener((await balancer()).LoadBalancerArn, arn);
        return listener((await balancer()).LoadBalancerArn, arn);
      },
    ],
    [
      'to delete a target group that is used',
      'ResourceInUseException',
      async () => {
        const arn = await group();
        await listener((await balancer()).LoadBalancerArn, arn);
        return elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }));
      },
    ],
    [
      'an instance that is not there',
      'InvalidTargetException',
      async () => register(await group(), 'i-0123456789abcdef0'),
    ],
    [
      'an instance of another VPC',
      'InvalidTargetException',
      async () => register(await group(), await instance((await network()).subnetId)),
    ],
    [
      'tags of something that is gone',
      'TargetGroupNotFoundException',
      async () => {
        const arn = await group();
        await elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }));
        return elb.send(new DescribeTagsCommand({ ResourceArns: [arn] }));
      },
    ],
    [
      'a balancer that is not there',
      'LoadBalancerNotFoundException',
      () => elb.send(new DescribeLoadBalancersCommand({ Names: ['nobody'] })),
    ],
  ];
  it.each(refusals)('%s: %s', async (_what, name, call) => {
    await expect(call()).rejects.toMatchObject({ name });
  });
});

describe('a Network Load Balancer', () => {
  it('asked for again is the same, and takes minutes until it is active', async () => {
    const Name = freshName();
    const made = await balancer({ Name });
    expect(made).toMatchObject({ State: { Code: 'provisioning' }, Type: 'network' });
    expect(made.DNSName).toMatch(/^lb-\d+-[0-9a-f]{16}\.elb\.us-east-1\.amazonaws\.com$/);
    world.pass(200);
    const again = await balancer({ Name });
    expect(again.LoadBalancerArn).toBe(made.LoadBalancerArn);
    expect(again.State).toEqual({ Code: 'active' });
  });

  it('has an interface without tags in its subnet, which outlives it for a while and holds the VPC together', async () => {
    const at = await network();
    const { LoadBalancerArn } = await balancer({ Subnets: [at.subnetId] });
    const Filters = [{ Name: 'vpc-id', Values: [at.vpcId] }];
    const interfaces = async () =>
      (await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }))).NetworkInterfaces ?? [];
    expect(await interfaces()).toMatchObject([
      {
        InterfaceType: 'network_load_balancer',
        RequesterManaged: true,
        Status: 'in-use',
        TagSet: [],
        Attachment: { InstanceOwnerId: 'amazon-aws' },
        Description: `ELB ${LoadBalancerArn?.split(':loadbalancer/')[1] ?? ''}`,
      },
    ]);
    expect((await interfaces())[0]?.Attachment?.InstanceId).toBeUndefined();
    await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
    await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
    const leave = [
      () => ec2.send(new DeleteSubnetCommand({ SubnetId: at.subnetId })),
      () => ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId: at.gatewayId, VpcId: at.vpcId })),
    ];
    for (const call of leave) await expect(call()).rejects.toMatchObject({ name: 'DependencyViolation' });
    world.pass(60);
    expect(await interfaces()).toEqual([]);
    for (const call of leave) await call();
  });

  it('takes its listeners along, and leaves its target groups', async () => {
    const { LoadBalancerArn } = await balancer();
    const arn = await group();
    await listener(LoadBalancerArn, arn);
    await elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
    await expect(elb.send(new DescribeListenersCommand({ LoadBalancerArn }))).rejects.toMatchObject({
      name: 'LoadBalancerNotFoundException',
    });
    await elb.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }));
  });
});

describe('a target', () => {
  it('is unused before there is a listener, then being looked at, then drained, then gone', async () => {
    const [arn, id] = [await group(), await instance(place.subnetId)];
    await register(arn, id);
    expect(await healthOf(arn)).toEqual([`${id} unused`]);
    await listener((await balancer()).LoadBalancerArn, arn);
    expect(await healthOf(arn)).toEqual([`${id} initial`]);
    const deregister = () =>
      elb.send(new DeregisterTargetsCommand({ TargetGroupArn: arn, Targets: [{ Id: id }] }));
    await deregister();
    await deregister();
    expect(await healthOf(arn)).toEqual([`${id} draining`]);
    await register(arn, id);
    expect(await healthOf(arn)).toEqual([`${id} initial`]);
    await deregister();
    world.pass(301);
    expect(await healthOf(arn)).toEqual([]);
  });

  it('that is terminated is deregistered, and cannot be registered any more', async () => {
    const [arn, id] = [await group(), await instance(place.subnetId)];
    await register(arn, id);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    world.pass(60);
    expect(await healthOf(arn)).toEqual([]);
    await expect(register(arn, id)).rejects.toMatchObject({ name: 'InvalidTargetException' });
  });
});

describe('lists', () => {
  it('go page by page, and tags can be changed', async () => {
    world.change({ pageSizeMax: 2 });
    const arns: (string | undefined)[] = [];
    for await (const { TargetGroups = [] } of paginateDescribeTargetGroups({ client: elb }, {})) {
      expect(TargetGroups.length).toBeLessThanOrEqual(2);
      arns.push(...TargetGroups.map(({ TargetGroupArn }) => TargetGroupArn));
    }
    expect(arns.length).toBeGreaterThan(4);
    expect(new Set(arns).size).toBe(arns.length);
    const ResourceArns = [await group({ Tags: [{ Key: 'colour', Value: 'red' }] })];
    await elb.send(new AddTagsCommand({ ResourceArns, Tags: [{ Key: 'shape', Value: 'round' }] }));
    await elb.send(new RemoveTagsCommand({ ResourceArns, TagKeys: ['colour'] }));
    const { TagDescriptions } = await elb.send(new DescribeTagsCommand({ ResourceArns }));
    expect(TagDescriptions).toEqual([
      { ResourceArn: ResourceArns[0], Tags: [{ Key: 'shape', Value: 'round' }] },
    ]);
  });
});
