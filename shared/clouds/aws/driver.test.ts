import { randomUUID } from 'node:crypto';
import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateInternetGatewayCommand,
  CreateNetworkInterfaceCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteNetworkInterfaceCommand,
  DeleteRouteCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
  DetachInternetGatewayCommand,
  DisassociateRouteTableCommand,
  EC2Client,
  ModifySubnetAttributeCommand,
  ModifyVpcAttributeCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAwsSimulator } from '../../../local/clouds/aws/index.ts';
import { serveSimulator } from '../../../local/clouds/server.ts';
import { World, type Fault } from '../../../local/clouds/world.ts';
import type { Owner } from '../../domain/cloud.ts';
import type { FirewallRule, Network, NetworkSpec } from '../../domain/network.ts';
import type { Cloud, MachineRequest, Progress } from '../contract.ts';
import { isCloudError } from '../errors.ts';
import { createAws } from './index.ts';

const location = { region: 'us-east-1', zone: 'us-east-1a' };
const patienceMilliseconds = 10_000;

const rule = (
  protocol: 'tcp' | 'udp',
  fromPort: number,
  toPort: number,
  kind: 'anywhere' | 'network' = 'anywhere',
): FirewallRule => ({ protocol, fromPort, toPort, source: { kind }, purpose: `${protocol} ${fromPort}` });

const specOf = (owner: Owner): NetworkSpec => ({
  owner,
  clusterName: 'four-clouds',
  location,
  candidates: [{ network: '10.10.0.0/16', subnet: '10.10.1.0/24' }],
  firewall: {
    'control-plane': [rule('tcp', 6443, 6443), rule('udp', 51820, 51820)],
    worker: [rule('udp', 51820, 51820), rule('tcp', 30000, 32767), rule('udp', 4789, 4789, 'network')],
  },
});

let world: World;
let served: Awaited<ReturnType<typeof serveSimulator>>;
let aws: Cloud;
let byHand: EC2Client;

beforeAll(async () => {
  world = new World({ timeScale: 1000 });
  served = await serveSimulator(world, createAwsSimulator(world, { vpcsPerRegionMax: 50 }));
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };
  aws = createAws({ ...credentials, endpoint: served.url });
  byHand = new EC2Client({ region: location.region, endpoint: served.url, credentials, maxAttempts: 1 });
});
afterAll(async () => {
  byHand.destroy();
  await served.close();
  world.close();
});
beforeEach(() => {
  world.clearFaults();
});

const newOwner = (): Owner => ({ installation: 'here', clusterId: randomUUID() });

const tagsOf = (owner: Owner) => [
  { Key: 'overcast:installation', Value: owner.installation },
  { Key: 'overcast:cluster-id', Value: owner.clusterId },
];

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

async function settled<T>(call: () => Promise<Progress<T>>): Promise<T> {
  const end = Date.now() + patienceMilliseconds;
  let waitingFor = '';
  while (Date.now() < end) {
    const progress = await call();
    if (progress.done) return progress.value;
    ({ waitingFor } = progress);
    await pause(10);
  }
  throw new Error(`still waiting for ${waitingFor}`);
}

const network = (owner: Owner): Promise<Network> => settled(() => aws.ensureNetwork(specOf(owner)));

const requestFor = (
  owner: Owner,
  standing: Network,
  change: Partial<MachineRequest> = {},
): MachineRequest => ({
  owner,
  nodeId: randomUUID(),
  token: randomUUID(),
  name: 'four-clouds-1',
  role: 'worker',
  offering: {
    cloud: 'aws',
    ...location,
    instanceType: 'c7i.xlarge',
    architecture: 'amd64',
    lifecycle: 'on-demand',
    vcpus: 4,
    memoryGib: 8,
    usdPerHour: 0.1785,
  },
  network: standing,
  diskGib: 40,
  userData: '#cloud-config\nhostname: four-clouds-1 # ünïcode\n',
  ...change,
});

const machine = (request: MachineRequest) => settled(() => aws.createMachine(request));

const fault = (change: Partial<Fault>): void => {
  world.addFault({ id: randomUUID(), cloud: 'aws', operation: '*', effect: 'cut', times: 1, ...change });
};

const changesSoFar = (): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(world.calls()).filter(([key]) => /\/(create|change|delete)/.test(key)));

const collapsed = (owner: Owner) => settled(() => aws.collapse(owner, location));

const owned = (owner: Owner) =>
  world.resources().filter((row) => row.tags.includes(`overcast:cluster-id=${owner.clusterId}`));

const group = async (id: string | undefined) => {
  const { SecurityGroups } = await byHand.send(new DescribeSecurityGroupsCommand({ GroupIds: [id ?? ''] }));
  return SecurityGroups?.[0];
};

describe('a network', () => {
  it('has exactly the inbound rules that were asked for, and open outbound', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const inbound = async (id: string | undefined) =>
      (await group(id))?.IpPermissions?.map((p) => [
        p.IpProtocol,
        p.FromPort,
        p.ToPort,
        p.IpRanges?.map((range) => range.CidrIp).join(),
      ]);
    expect(await inbound(parts['securityGroupControlPlane'])).toEqual([
      ['tcp', 6443, 6443, '0.0.0.0/0'],
      ['udp', 51820, 51820, '0.0.0.0/0'],
    ]);
    expect(await inbound(parts['securityGroupWorker'])).toEqual([
      ['udp', 51820, 51820, '0.0.0.0/0'],
      ['tcp', 30000, 32767, '0.0.0.0/0'],
      ['udp', 4789, 4789, '10.10.0.0/16'],
    ]);
    expect((await group(parts['securityGroupWorker']))?.IpPermissionsEgress).toMatchObject([
      { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
    ]);
    await collapsed(owner);
  });

  it('that is right costs seven reads and no change', async () => {
    const owner = newOwner();
    await network(owner);
    const [reads, changes] = [world.calls()['aws/readNetwork'] ?? 0, changesSoFar()];
    await network(owner);
    expect(world.calls()['aws/readNetwork']).toBe(reads + 7);
    expect(changesSoFar()).toEqual(changes);
    await collapsed(owner);
  });

  type Damage = (parts: Readonly<Record<string, string>>) => Promise<unknown>;
  const worker = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22 };
  const damages: readonly [string, Damage][] = [
    [
      'a rule was added by hand',
      (parts) =>
        byHand.send(
          new AuthorizeSecurityGroupIngressCommand({
            GroupId: parts['securityGroupWorker'],
            IpPermissions: [{ ...worker, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
          }),
        ),
    ],
    [
      'rules from IPv6 and from another group were added by hand',
      (parts) =>
        byHand.send(
          new AuthorizeSecurityGroupIngressCommand({
            GroupId: parts['securityGroupControlPlane'],
            IpPermissions: [
              {
                ...worker,
                Ipv6Ranges: [{ CidrIpv6: '::/0' }],
                UserIdGroupPairs: [{ GroupId: parts['securityGroupWorker'] }],
              },
              { IpProtocol: '-1', IpRanges: [{ CidrIp: '192.0.2.0/24' }] },
            ],
          }),
        ),
    ],
    [
      'a rule was taken away',
      (parts) =>
        byHand.send(
          new RevokeSecurityGroupIngressCommand({
            GroupId: parts['securityGroupControlPlane'],
            IpPermissions: [
              { IpProtocol: 'tcp', FromPort: 6443, ToPort: 6443, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
            ],
          }),
        ),
    ],
    [
      'outbound was closed',
      (parts) =>
        byHand.send(
          new RevokeSecurityGroupEgressCommand({
            GroupId: parts['securityGroupWorker'],
            IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
          }),
        ),
    ],
    [
      'outbound rules were added by hand',
      (parts) =>
        byHand.send(
          new AuthorizeSecurityGroupEgressCommand({
            GroupId: parts['securityGroupWorker'],
            IpPermissions: [
              { ...worker, IpRanges: [{ CidrIp: '192.0.2.0/24' }], Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
            ],
          }),
        ),
    ],
    [
      'the subnet gives no public addresses',
      (parts) =>
        byHand.send(
          new ModifySubnetAttributeCommand({
            SubnetId: parts['subnetId'],
            MapPublicIpOnLaunch: { Value: false },
          }),
        ),
    ],
    [
      'DNS was switched off',
      async (parts) => {
        const VpcId = parts['vpcId'];
        await byHand.send(new ModifyVpcAttributeCommand({ VpcId, EnableDnsHostnames: { Value: false } }));
        await byHand.send(new ModifyVpcAttributeCommand({ VpcId, EnableDnsSupport: { Value: false } }));
      },
    ],
    [
      'the way out was deleted',
      (parts) =>
        byHand.send(
          new DeleteRouteCommand({
            RouteTableId: parts['routeTableId'],
            DestinationCidrBlock: '0.0.0.0/0',
          }),
        ),
    ],
    [
      'the gateway was unplugged, so that the way out is a black hole',
      (parts) =>
        byHand.send(
          new DetachInternetGatewayCommand({
            InternetGatewayId: parts['internetGatewayId'],
            VpcId: parts['vpcId'],
          }),
        ),
    ],
    [
      'the subnet was given somebody else’s route table',
      async (parts) => {
        const filter = { Name: 'association.subnet-id', Values: [parts['subnetId'] ?? ''] };
        const { RouteTables } = await byHand.send(new DescribeRouteTablesCommand({ Filters: [filter] }));
        await byHand.send(
          new DisassociateRouteTableCommand({
            AssociationId: RouteTables?.[0]?.Associations?.[0]?.RouteTableAssociationId,
          }),
        );
        const { RouteTable } = await byHand.send(new CreateRouteTableCommand({ VpcId: parts['vpcId'] }));
        await byHand.send(
          new AssociateRouteTableCommand({
            RouteTableId: RouteTable?.RouteTableId,
            SubnetId: parts['subnetId'],
          }),
        );
      },
    ],
  ];

  it.each(damages)('is repaired when %s', async (_what, damage) => {
    const owner = newOwner();
    const before = await network(owner);
    const look = async () => ({
      groups: await Promise.all(
        [before.parts['securityGroupControlPlane'], before.parts['securityGroupWorker']].map(async (id) =>
          [
            ...((await group(id))?.IpPermissions ?? []),
            ...((await group(id))?.IpPermissionsEgress ?? []),
          ].sort((a, b) => (a.FromPort ?? 0) - (b.FromPort ?? 0)),
        ),
      ),
      routes: (
        await byHand.send(
          new DescribeRouteTablesCommand({ RouteTableIds: [before.parts['routeTableId'] ?? ''] }),
        )
      ).RouteTables?.map((table) => [
        table.Routes,
        table.Associations?.map((association) => association.SubnetId),
      ]),
    });
    const right = await look();
    await damage(before.parts);
    const changes = changesSoFar();
    expect(await network(owner)).toEqual(before);
    expect(changesSoFar()).not.toEqual(changes);
    expect(await look()).toEqual(right);
    const repaired = changesSoFar();
    await network(owner);
    expect(changesSoFar()).toEqual(repaired);
  });

  it('that was made twice keeps the one that was built on', async () => {
    const owner = newOwner();
    const kept = await network(owner);
    const Tags = tagsOf(owner);
    for (let times = 0; times < 2; times += 1) {
      const { Vpc } = await byHand.send(
        new CreateVpcCommand({
          CidrBlock: '10.10.0.0/16',
          TagSpecifications: [{ ResourceType: 'vpc', Tags }],
        }),
      );
      const { InternetGateway } = await byHand.send(
        new CreateInternetGatewayCommand({ TagSpecifications: [{ ResourceType: 'internet-gateway', Tags }] }),
      );
      await byHand.send(
        new AttachInternetGatewayCommand({
          VpcId: Vpc?.VpcId,
          InternetGatewayId: InternetGateway?.InternetGatewayId,
        }),
      );
      await byHand.send(
        new CreateSubnetCommand({
          VpcId: Vpc?.VpcId,
          CidrBlock: '10.10.1.0/24',
          TagSpecifications: [{ ResourceType: 'subnet', Tags }],
        }),
      );
    }
    expect(await network(owner)).toEqual(kept);
    expect(owned(owner).filter(({ kind }) => kind === 'vpc')).toHaveLength(1);
    expect(owned(owner)).toHaveLength(6);
    await collapsed(owner);
  });

  it('that was asked for twice at once ends as one', async () => {
    const owner = newOwner();
    await Promise.allSettled([aws.ensureNetwork(specOf(owner)), aws.ensureNetwork(specOf(owner))]);
    const standing = await network(owner);
    expect(await network(owner)).toEqual(standing);
    expect(owned(owner)).toHaveLength(6);
    await collapsed(owner);
  });

  it.each(['lose-reply', 'cut', 'hide'] as const)('is finished when creates meet %s', async (effect) => {
    const owner = newOwner();
    fault({ operation: 'createNetwork', effect, times: 3, seconds: 20 });
    const standing = await settled<Network>(async () => {
      try {
        return await aws.ensureNetwork(specOf(owner));
      } catch (error) {
        if (!isCloudError(error, 'CloudUnavailable')) throw error;
        return { done: false, retryAfterSeconds: 1, waitingFor: error.message };
      }
    });
    expect(standing.parts['vpcId']).toMatch(/^vpc-/);
    expect(await network(owner)).toEqual(standing);
    expect(owned(owner)).toHaveLength(6);
    await collapsed(owner);
  });

  it('beyond the account’s limit is QuotaExceeded', async () => {
    const limited = new World({ timeScale: 1000 });
    const few = await serveSimulator(limited, createAwsSimulator(limited, { vpcsPerRegionMax: 0 }));
    const cloud = createAws({ accessKeyId: 'AKIATEST', secretAccessKey: 'secret', endpoint: few.url });
    await expect(cloud.ensureNetwork(specOf(newOwner()))).rejects.toMatchObject({
      name: 'QuotaExceeded',
      code: 'VpcLimitExceeded',
    });
    await few.close();
    limited.close();
  });
});

describe('a machine', () => {
  it('has IMDSv2 only, an encrypted gp3 disk, no instance profile, and tags on everything', async () => {
    const owner = newOwner();
    const request = requestFor(owner, await network(owner));
    const { providerId } = await machine(request);
    const { Reservations } = await byHand.send(new DescribeInstancesCommand({ InstanceIds: [providerId] }));
    const instance = Reservations?.[0]?.Instances?.[0];
    expect(instance).toMatchObject({
      MetadataOptions: { HttpTokens: 'required', HttpEndpoint: 'enabled', HttpPutResponseHopLimit: 1 },
      Architecture: 'x86_64',
      SecurityGroups: [{ GroupId: request.network.parts['securityGroupWorker'] }],
    });
    expect(instance?.IamInstanceProfile).toBeUndefined();
    expect(instance?.InstanceLifecycle).toBeUndefined();
    const { Volumes } = await byHand.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [providerId] }] }),
    );
    expect(Volumes).toMatchObject([{ Size: 40, VolumeType: 'gp3', Encrypted: true }]);
    const tags = [
      'Name=four-clouds-1',
      `overcast:installation=${owner.installation}`,
      `overcast:cluster-id=${owner.clusterId}`,
      `overcast:node-id=${request.nodeId}`,
    ];
    const made = owned(owner).filter(({ kind }) => ['machine', 'volume', 'network-interface'].includes(kind));
    expect(made.map((row) => row.tags)).toEqual([tags, tags, tags]);
    expect(world.machine('aws', providerId)?.userData).toBe(request.userData);
    await collapsed(owner);
  });

  it('on spot is a one-time spot machine, and one for Arm gets an Arm image', async () => {
    const owner = newOwner();
    const standing = await network(owner);
    const base = requestFor(owner, standing);
    const seen = await machine({ ...base, offering: { ...base.offering, lifecycle: 'spot' } });
    expect(seen.lifecycle).toBe('spot');
    const arm = requestFor(owner, standing, {
      offering: { ...base.offering, instanceType: 'c7g.large', architecture: 'arm64' },
    });
    expect((await machine(arm)).instanceType).toBe('c7g.large');
    await collapsed(owner);
  });

  it('that lists do not show yet is not made twice', async () => {
    const owner = newOwner();
    const request = requestFor(owner, await network(owner));
    fault({ operation: 'createMachine', effect: 'hide', seconds: 60 });
    const first = await machine(request);
    expect((await machine(request)).providerId).toBe(first.providerId);
    expect(world.living('aws').filter((m) => m.networkId === request.network.parts['vpcId'])).toHaveLength(1);
    await collapsed(owner);
  });

  it('whose token comes back with other user-data, after a deployment between two creates, is the one made before', async () => {
    const owner = newOwner();
    const request = requestFor(owner, await network(owner));
    // Long enough that EC2 refuses the token before it lists the instance.
    fault({ operation: 'createMachine', effect: 'hide', seconds: 200 });
    await aws.createMachine(request);
    const deployed = { ...request, userData: '#cloud-config\nhostname: other\n' };
    expect(await aws.createMachine(deployed)).toMatchObject({
      done: false,
      waitingFor: expect.stringContaining('to be listed'),
    });
    const made = await machine(deployed);
    const inNetwork = world.living('aws').filter((m) => m.networkId === request.network.parts['vpcId']);
    expect(inNetwork).toMatchObject([{ id: made.providerId, userData: request.userData }]);
    await collapsed(owner);
  });

  it('whose token another owner’s machine has is InvalidRequest', async () => {
    const owner = newOwner();
    const request = requestFor(owner, await network(owner));
    const { providerId } = await machine(request);
    const retag = (Value: string) =>
      byHand.send(
        new CreateTagsCommand({ Resources: [providerId], Tags: [{ Key: 'overcast:cluster-id', Value }] }),
      );
    await retag(randomUUID());
    await expect(aws.createMachine(request)).rejects.toMatchObject({
      name: 'InvalidRequest',
      code: 'IdempotentParameterMismatch',
    });
    await retag(owner.clusterId);
    await collapsed(owner);
  });

  it('that died before it ran is CapacityUnavailable: its token makes no other', async () => {
    const owner = newOwner();
    const request = requestFor(owner, await network(owner));
    world.change({ timeScale: 20 });
    await aws.createMachine(request);
    const dying = world.living('aws').find((m) => m.networkId === request.network.parts['vpcId']);
    world.terminate('aws', dying?.id ?? '', 0);
    await expect(aws.createMachine(request)).rejects.toMatchObject({ name: 'CapacityUnavailable' });
    world.change({ timeScale: 1000 });
    await collapsed(owner);
  });

  it('that leaves its disk behind is deleted with it', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const nodeId = randomUUID();
    const Tags = [...tagsOf(owner), { Key: 'overcast:node-id', Value: nodeId }];
    await byHand.send(
      new RunInstancesCommand({
        MinCount: 1,
        MaxCount: 1,
        ImageId: 'ami-0123456789abcdef0',
        InstanceType: 't3.medium',
        SubnetId: parts['subnetId'],
        BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { DeleteOnTermination: false } }],
        TagSpecifications: [
          { ResourceType: 'instance', Tags },
          { ResourceType: 'volume', Tags },
        ],
      }),
    );
    await settled(() => aws.deleteMachine({ nodeId, name: 'x', location }, owner));
    expect(owned(owner).filter(({ kind }) => kind === 'volume' || kind === 'machine')).toEqual([]);
    await collapsed(owner);
  });
});

describe('a collapse', () => {
  it('terminates all machines in one call', async () => {
    const owner = newOwner();
    const standing = await network(owner);
    await Promise.all(Array.from({ length: 7 }, () => machine(requestFor(owner, standing))));
    const before = world.calls()['aws/deleteMachine'] ?? 0;
    await collapsed(owner);
    expect(world.calls()['aws/deleteMachine']).toBe(before + 1);
    expect(owned(owner)).toEqual([]);
  });

  it('names what somebody else put into the VPC', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const { GroupId } = await byHand.send(
      new CreateSecurityGroupCommand({ VpcId: parts['vpcId'], GroupName: 'theirs', Description: 'theirs' }),
    );
    const progress = await aws.collapse(owner, location);
    expect(progress).toMatchObject({
      done: false,
      blockedBy: [{ kind: 'security-group', id: GroupId, inside: parts['vpcId'] }],
    });
  });

  it.each([
    ['a gateway', 'internetGatewayId', 'internet-gateway'],
    ['a route table', 'routeTableId', 'route-table'],
    ['a subnet', 'subnetId', 'subnet'],
  ])('names %s that lost its tags and so is not ours to remove', async (_what, part, kind) => {
    const owner = newOwner();
    const { parts } = await network(owner);
    await byHand.send(new DeleteTagsCommand({ Resources: [parts[part] ?? ''] }));
    const progress = await aws.collapse(owner, location);
    expect(progress).toMatchObject({
      done: false,
      blockedBy: [{ kind, id: parts[part], inside: parts['vpcId'] }],
    });
    await byHand.send(new CreateTagsCommand({ Resources: [parts[part] ?? ''], Tags: tagsOf(owner) }));
    await collapsed(owner);
    expect(owned(owner)).toEqual([]);
  });

  it('takes nothing away under a load balancer or database, which is an interface without a machine', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const made = await byHand.send(
      new CreateNetworkInterfaceCommand({ SubnetId: parts['subnetId'], Description: 'ELB app/shop' }),
    );
    const NetworkInterfaceId = made.NetworkInterface?.NetworkInterfaceId;
    const stranger = { kind: 'network-interface', id: NetworkInterfaceId, name: 'ELB app/shop' };
    const [seen] = await aws.observe([owner], location);
    expect(seen?.strangers).toMatchObject([stranger]);
    const before = owned(owner);
    expect(await aws.collapse(owner, location)).toMatchObject({ done: false, blockedBy: [stranger] });
    expect(owned(owner)).toEqual(before);
    await byHand.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId }));
    await collapsed(owner);
  });

  it('takes no route from strangers in a VPC that lost its tags', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const vpcId = parts['vpcId'] ?? '';
    await byHand.send(new DeleteTagsCommand({ Resources: [vpcId] }));
    const stranger = world.placeStranger({ cloud: 'aws', networkId: vpcId, name: 'bystander' });
    const before = owned(owner);
    expect(await aws.collapse(owner, location)).toMatchObject({
      done: false,
      blockedBy: [{ kind: 'machine', id: stranger?.id, inside: vpcId }],
    });
    expect(owned(owner)).toEqual(before);
    world.terminate('aws', stranger?.id ?? '', 0);
    await byHand.send(new CreateTagsCommand({ Resources: [vpcId], Tags: tagsOf(owner) }));
    await collapsed(owner);
  });

  it('touches nothing that lost one of the two tags', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const request = requestFor(owner, {
      cloud: 'aws',
      location,
      range: '10.10.0.0/16',
      subnetRange: '10.10.1.0/24',
      parts,
    });
    const { providerId } = await machine(request);
    const key = { Key: 'overcast:installation' };
    await byHand.send(new DeleteTagsCommand({ Resources: [providerId], Tags: [key] }));
    const progress = await aws.collapse(owner, location);
    expect(progress).toMatchObject({ done: false, blockedBy: [{ kind: 'machine', id: providerId }] });
    expect(world.machine('aws', providerId)?.stoppingAt).toBeUndefined();
    await byHand.send(
      new CreateTagsCommand({ Resources: [providerId], Tags: [{ ...key, Value: owner.installation }] }),
    );
    await collapsed(owner);
    expect(owned(owner)).toEqual([]);
  });
});

it('refuses a secret with a field it does not know', async () => {
  const { awsCredentials } = await import('./index.ts');
  const secret = { accessKeyId: 'a', secretAccessKey: 'b' };
  expect(awsCredentials.safeParse(secret).success).toBe(true);
  expect(awsCredentials.safeParse({ ...secret, secretkey: 'c' }).success).toBe(false);
  expect(awsCredentials.safeParse({ accessKeyId: 'a' }).success).toBe(false);
});
