import { randomUUID } from 'node:crypto';
import {
  AttachInternetGatewayCommand,
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateInternetGatewayCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteInternetGatewayCommand,
  DeleteRouteCommand,
  DeleteRouteTableCommand,
  DeleteSecurityGroupCommand,
  DeleteTagsCommand,
  DescribeRouteTablesCommand,
  DetachInternetGatewayCommand,
  DisassociateRouteTableCommand,
  EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
  ModifySubnetAttributeCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAwsSimulator } from '../../../local/clouds/aws/index.ts';
import type { World } from '../../../local/clouds/world.ts';
import { startWorld } from '../../../test/contract/subject.ts';
import type { Owner } from '../../domain/cloud.ts';
import type { FirewallRule, Network, NetworkSpec } from '../../domain/network.ts';
import type { Cloud, ExpectedMachine, Progress } from '../contract.ts';
import { createAws } from './index.ts';

const location = { region: 'us-east-1', zone: 'us-east-1a' };
const patienceMilliseconds = 10_000;

let world: World;
let close: () => Promise<void>;
let aws: Cloud;
let byHand: EC2Client;

beforeAll(async () => {
  const started = await startWorld((each) => createAwsSimulator(each, { vpcsPerRegionMax: 50 }));
  ({ world, close } = started);
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };
  aws = createAws({ ...credentials, endpoint: started.url });
  byHand = new EC2Client({ region: location.region, endpoint: started.url, credentials, maxAttempts: 1 });
});
afterAll(async () => {
  byHand.destroy();
  await close();
});

const rule = (protocol: 'tcp' | 'udp', port: number): FirewallRule => ({
  protocol,
  fromPort: port,
  toPort: port,
  source: { kind: 'anywhere' },
  purpose: `${protocol} ${port}`,
});

const specOf = (owner: Owner, known?: Network['parts']): NetworkSpec => ({
  owner,
  clusterName: 'drift',
  location,
  candidates: [{ network: '10.10.0.0/16', subnet: '10.10.1.0/24' }],
  firewall: { 'control-plane': [rule('tcp', 6443)], worker: [rule('udp', 51820)] },
  ...(known === undefined ? {} : { known }),
});

const newOwner = (): Owner => ({ installation: 'here', clusterId: randomUUID() });

async function settled<T>(call: () => Promise<Progress<T>>): Promise<T> {
  const end = Date.now() + patienceMilliseconds;
  let waitingFor = '';
  while (Date.now() < end) {
    const progress = await call();
    if (progress.done) return progress.value;
    ({ waitingFor } = progress);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  throw new Error(`still waiting for ${waitingFor}`);
}

const network = (owner: Owner, known?: Network['parts']): Promise<Network> =>
  settled(() => aws.ensureNetwork(specOf(owner, known)));

async function watch(owner: Owner, options: { known?: Network['parts']; machines?: ExpectedMachine[] } = {}) {
  const expected = { network: specOf(owner, options.known), machines: options.machines ?? [] };
  const [seen] = await aws.observe([{ ...owner, expected }], location);
  if (seen === undefined) throw new Error('no entry');
  return seen;
}

const subjectsOf = async (...asked: Parameters<typeof watch>): Promise<string[]> =>
  (await watch(...asked)).flaws.map(({ subject }) => subject);

const machineIn = async (owner: Owner, standing: Network): Promise<ExpectedMachine> => {
  const nodeId = randomUUID();
  const { providerId, name } = await settled(() =>
    aws.createMachine({
      owner,
      nodeId,
      token: nodeId,
      name: 'drift-1',
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
      userData: '',
    }),
  );
  return { providerId, nodeId, token: nodeId, name, role: 'worker', location };
};

const tagsOf = (owner: Owner) => [
  { Key: 'overcast:installation', Value: owner.installation },
  { Key: 'overcast:cluster-id', Value: owner.clusterId },
];

const untag = (...Resources: (string | undefined)[]) =>
  byHand.send(new DeleteTagsCommand({ Resources: Resources.map((id) => id ?? '') }));

const rowsOf = (owner: Owner) =>
  world.resources().filter((row) => row.tags.includes(`overcast:cluster-id=${owner.clusterId}`));

const unroute = async (parts: Network['parts']): Promise<void> => {
  const { RouteTables } = await byHand.send(
    new DescribeRouteTablesCommand({ RouteTableIds: [parts['routeTableId'] ?? ''] }),
  );
  const AssociationId = RouteTables?.[0]?.Associations?.[0]?.RouteTableAssociationId;
  await byHand.send(new DisassociateRouteTableCommand({ AssociationId }));
};
const unplug = ({ internetGatewayId: InternetGatewayId, vpcId: VpcId }: Network['parts']) =>
  byHand.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId }));

describe('a flaw of the network', () => {
  type Damage = (parts: Network['parts']) => Promise<unknown>;
  const everywhere = [{ CidrIp: '0.0.0.0/0' }];
  const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22 };
  const damages: readonly [string, Damage, readonly string[]][] = [
    [
      'its default route was deleted',
      ({ routeTableId: RouteTableId }) =>
        byHand.send(new DeleteRouteCommand({ RouteTableId, DestinationCidrBlock: '0.0.0.0/0' })),
      ['route:0.0.0.0/0'],
    ],
    ['its gateway was detached', unplug, ['gateway:detached']],
    [
      'its gateway was deleted',
      async (parts) => {
        await unplug(parts);
        const InternetGatewayId = parts['internetGatewayId'];
        await byHand.send(new DeleteInternetGatewayCommand({ InternetGatewayId }));
      },
      ['gateway:missing'],
    ],
    [
      'its gateway was put into another VPC, where it stays',
      async (parts) => {
        await unplug(parts);
        const { Vpc } = await byHand.send(new CreateVpcCommand({ CidrBlock: '192.168.0.0/16' }));
        const InternetGatewayId = parts['internetGatewayId'];
        await byHand.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId: Vpc?.VpcId }));
      },
      ['gateway:missing'],
    ],
    ['its subnet was taken from the route table', unroute, ['route-table:subnet']],
    [
      'its route table was deleted',
      async (parts) => {
        await unroute(parts);
        await byHand.send(new DeleteRouteTableCommand({ RouteTableId: parts['routeTableId'] }));
      },
      ['route-table:missing'],
    ],
    [
      'its subnet gives no public addresses',
      ({ subnetId: SubnetId }) =>
        byHand.send(new ModifySubnetAttributeCommand({ SubnetId, MapPublicIpOnLaunch: { Value: false } })),
      ['subnet:public-addresses'],
    ],
    [
      'inbound rules were added, one of them from another group',
      ({ securityGroupWorker: GroupId, securityGroupControlPlane: from }) =>
        byHand.send(
          new AuthorizeSecurityGroupIngressCommand({
            GroupId,
            IpPermissions: [
              { ...ssh, IpRanges: everywhere, Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
              { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: from }] },
            ],
          }),
        ),
      [
        'security-group:worker:surplus-rule:tcp:22:0.0.0.0/0',
        'security-group:worker:surplus-rule:tcp:22:::/0',
        'security-group:worker:surplus-rule:all:*:<control plane>',
      ],
    ],
    [
      'an inbound rule was changed to another source',
      async ({ securityGroupControlPlane: GroupId }) => {
        const api = { IpProtocol: 'tcp', FromPort: 6443, ToPort: 6443 };
        await byHand.send(
          new RevokeSecurityGroupIngressCommand({
            GroupId,
            IpPermissions: [{ ...api, IpRanges: everywhere }],
          }),
        );
        const IpRanges = [{ CidrIp: '192.0.2.0/24' }];
        await byHand.send(
          new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [{ ...api, IpRanges }] }),
        );
      },
      [
        'security-group:control-plane:missing-rule:tcp:6443:0.0.0.0/0',
        'security-group:control-plane:surplus-rule:tcp:6443:192.0.2.0/24',
      ],
    ],
    [
      'outbound was narrowed',
      async ({ securityGroupWorker: GroupId }) => {
        const IpPermissions = [{ IpProtocol: '-1', IpRanges: everywhere }];
        await byHand.send(new RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions }));
        await byHand.send(
          new AuthorizeSecurityGroupEgressCommand({
            GroupId,
            IpPermissions: [{ ...ssh, IpRanges: everywhere }],
          }),
        );
      },
      [
        'security-group:worker:missing-outbound-rule:all:*:0.0.0.0/0',
        'security-group:worker:surplus-outbound-rule:tcp:22:0.0.0.0/0',
      ],
    ],
    [
      'a firewall was deleted',
      ({ securityGroupControlPlane: GroupId }) => byHand.send(new DeleteSecurityGroupCommand({ GroupId })),
      ['security-group:control-plane:missing'],
    ],
    [
      'names were removed',
      ({ vpcId = '', securityGroupWorker = '' }) =>
        byHand.send(
          new DeleteTagsCommand({ Resources: [vpcId, securityGroupWorker], Tags: [{ Key: 'Name' }] }),
        ),
      ['vpc:tags', 'security-group:worker:tags'],
    ],
    [
      'every part lost all of its tags',
      (parts) => untag(...Object.values(parts)),
      [
        'vpc:tags',
        'subnet:tags',
        'gateway:tags',
        'route-table:tags',
        'security-group:control-plane:tags',
        'security-group:worker:tags',
      ],
    ],
    [
      'one of two tags was removed from VPC and gateway, and the gateway detached',
      async (parts) => {
        await unplug(parts);
        const Resources = [parts['vpcId'] ?? '', parts['internetGatewayId'] ?? ''];
        await byHand.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'overcast:cluster-id' }] }));
      },
      ['vpc:tags', 'gateway:tags', 'gateway:detached'],
    ],
  ];

  it.each(damages)('is there when %s, and gone when it was mended', async (_what, damage, subjects) => {
    const owner = newOwner();
    const { parts } = await network(owner);
    expect(await subjectsOf(owner, { known: parts })).toEqual([]);
    await damage(parts);
    const named = subjects.map((subject) =>
      subject.replace('<control plane>', parts['securityGroupControlPlane'] ?? ''),
    );
    expect(await subjectsOf(owner, { known: parts })).toEqual(named);
    const mended = await network(owner, parts);
    expect(mended.parts['vpcId']).toBe(parts['vpcId']);
    expect(mended.parts['subnetId']).toBe(parts['subnetId']);
    expect(await watch(owner, { known: parts })).toMatchObject({ flaws: [] });
    expect((await watch(owner, { known: mended.parts })).resources.some(({ isSpare }) => isSpare)).toBe(
      false,
    );
    await settled(() => aws.collapse(owner, location));
    expect(rowsOf(owner).filter(({ kind }) => kind !== 'internet-gateway')).toEqual([]);
  });

  it('is one when all of it is missing but a gateway that was left', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    await unplug(parts);
    world.damagesOf('aws')['delete-network']?.({ networkId: parts['vpcId'] ?? '' });
    expect(rowsOf(owner)).toHaveLength(1);
    expect(await subjectsOf(owner, { known: parts })).toEqual(['vpc:missing']);
    const mended = await network(owner, parts);
    expect(mended.parts).toMatchObject({ internetGatewayId: parts['internetGatewayId'] });
    expect(await subjectsOf(owner, { known: parts })).toEqual([]);
    expect(rowsOf(owner)).toHaveLength(6);
    await settled(() => aws.collapse(owner, location));
  });

  it('that another owner’s tags make is said, waited for, and no second network is built', async () => {
    const owner = newOwner();
    const standing = await network(owner);
    const { parts } = standing;
    const wanted = await machineIn(owner, standing);
    const retag = (clusterId: string) =>
      byHand.send(
        new CreateTagsCommand({ Resources: [parts['vpcId'] ?? ''], Tags: tagsOf({ ...owner, clusterId }) }),
      );
    await retag(randomUUID());
    const seen = await watch(owner, { known: parts, machines: [wanted] });
    expect(seen.flaws.map(({ subject }) => subject)).toEqual(['vpc:claimed']);
    expect(seen.resources.filter(({ isSpare }) => isSpare)).toEqual([]);
    const before = world.resources();
    expect(await aws.ensureNetwork(specOf(owner, parts))).toMatchObject({
      done: false,
      blockedBy: [{ kind: 'vpc', id: parts['vpcId'] }],
    });
    expect(world.resources()).toEqual(before);
    await retag(owner.clusterId);
    expect(await network(owner, parts)).toEqual(standing);
    await settled(() => aws.collapse(owner, location));
  });

  it('costs five more lists for however many networks lost their tags, and none for those that did not', async () => {
    const owners = [newOwner(), newOwner()];
    const known = await Promise.all(owners.map(async (owner) => (await network(owner)).parts));
    const calls = async (): Promise<number> => {
      const total = () => Object.values(world.calls()).reduce((sum, each) => sum + each, 0);
      const before = total();
      await aws.observe(
        owners.map((owner, index) => ({
          ...owner,
          expected: { network: specOf(owner, known[index]), machines: [] },
        })),
        location,
      );
      return total() - before;
    };
    expect(await calls()).toBe(12);
    await untag(...known.flatMap((parts) => Object.values(parts)));
    expect(await calls()).toBe(17);
    await Promise.all(owners.map((owner, index) => network(owner, known[index])));
    await Promise.all(owners.map((owner) => settled(() => aws.collapse(owner, location))));
  });
});

describe('a flaw of a machine', () => {
  const scene = async () => {
    const owner = newOwner();
    const standing = await network(owner);
    const wanted = await machineIn(owner, standing);
    const attached = (kind: string): string =>
      rowsOf(owner).find((row) => row.kind === kind && row.tags.includes(`overcast:node-id=${wanted.nodeId}`))
        ?.id ?? '';
    return { owner, standing, wanted, volume: attached('volume'), nic: attached('network-interface') };
  };
  type Scene = Awaited<ReturnType<typeof scene>>;

  const damages: readonly [string, (at: Scene) => Promise<unknown>, readonly string[]][] = [
    ['all its tags are gone', ({ wanted }) => untag(wanted.providerId), ['tags']],
    [
      'its node’s tag names another node',
      ({ wanted }) =>
        byHand.send(
          new CreateTagsCommand({
            Resources: [wanted.providerId],
            Tags: [{ Key: 'overcast:node-id', Value: randomUUID() }],
          }),
        ),
      ['tags'],
    ],
    [
      'its disk and its interface lost their tags',
      ({ volume, nic }) => untag(volume, nic),
      ['disk:tags', 'interface:tags'],
    ],
    [
      'it was put into a second group',
      ({ nic, standing: { parts } }) =>
        byHand.send(
          new ModifyNetworkInterfaceAttributeCommand({
            NetworkInterfaceId: nic,
            Groups: [parts['securityGroupWorker'] ?? '', parts['securityGroupControlPlane'] ?? ''],
          }),
        ),
      ['security-groups'],
    ],
    [
      'it and its whole network lost their tags',
      ({ wanted, standing }) => untag(wanted.providerId, ...Object.values(standing.parts)),
      ['tags'],
    ],
  ];

  it.each(damages)('is there when %s, and gone when it was repaired', async (_what, damage, subjects) => {
    const at = await scene();
    const { owner, standing, wanted } = at;
    const asked = { known: standing.parts, machines: [wanted] };
    const before = await watch(owner, asked);
    const [rows] = [rowsOf(owner)];
    await damage(at);
    const seen = await watch(owner, asked);
    expect(seen.machines).toEqual(before.machines);
    expect(seen.flaws.filter(({ of }) => of === 'machine')).toEqual(
      subjects.map((subject) => ({
        of: 'machine',
        subject,
        message: expect.any(String),
        providerId: wanted.providerId,
      })),
    );
    expect(await network(owner, standing.parts)).toEqual(standing);
    await settled(() => aws.repairMachine(wanted, standing, owner));
    expect(await watch(owner, asked)).toEqual(before);
    const sorted = (all: typeof rows) => all.map(({ id, tags }) => [id, tags.toSorted()]);
    expect(sorted(rowsOf(owner))).toEqual(sorted(rows));
    await settled(() => aws.collapse(owner, location));
  });

  it('is found and repaired when somebody renamed the machine; the name is theirs to choose', async () => {
    const { owner, standing, wanted, nic } = await scene();
    const rename = (id: string) =>
      byHand.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'Name', Value: 'web' }] }));
    await rename(wanted.providerId);
    const Groups = [standing.parts['securityGroupControlPlane'] ?? ''];
    await byHand.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: nic, Groups }));
    const asked = { known: standing.parts, machines: [wanted] };
    expect(await subjectsOf(owner, asked)).toEqual(['security-groups']);
    const other = { ...wanted, nodeId: randomUUID() };
    await expect(settled(() => aws.repairMachine(other, standing, owner))).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
    await settled(() => aws.repairMachine(wanted, standing, owner));
    expect(await subjectsOf(owner, asked)).toEqual([]);
    expect(rowsOf(owner)).toContainEqual(expect.objectContaining({ id: wanted.providerId, name: 'web' }));
    await settled(() => aws.collapse(owner, location));
  });

  it('is none when somebody else’s tags make it theirs, nor is their disk’s', async () => {
    const { owner, standing, wanted, volume } = await scene();
    const retag = (clusterId: string, ...Resources: string[]) =>
      byHand.send(new CreateTagsCommand({ Resources, Tags: tagsOf({ ...owner, clusterId }) }));
    await retag(randomUUID(), volume);
    expect(await subjectsOf(owner, { machines: [wanted] })).toEqual([]);
    await retag(randomUUID(), wanted.providerId);
    const seen = await watch(owner, { machines: [wanted] });
    expect(seen).toMatchObject({ machines: [], flaws: [], strangers: [{ id: wanted.providerId }] });
    await expect(aws.repairMachine(wanted, standing, owner)).rejects.toMatchObject({ code: 'NotOurs' });
    await retag(owner.clusterId, wanted.providerId, volume);
    await settled(() => aws.collapse(owner, location));
  });
});

describe('a second network', () => {
  const second = async (owner: Owner) => {
    const tags = (ResourceType: 'vpc' | 'subnet' | 'route-table' | 'internet-gateway') => ({
      TagSpecifications: [{ ResourceType, Tags: tagsOf(owner) }],
    });
    const { Vpc } = await byHand.send(new CreateVpcCommand({ CidrBlock: '10.10.0.0/16', ...tags('vpc') }));
    const VpcId = Vpc?.VpcId ?? '';
    const { InternetGateway } = await byHand.send(new CreateInternetGatewayCommand(tags('internet-gateway')));
    const InternetGatewayId = InternetGateway?.InternetGatewayId ?? '';
    await byHand.send(new AttachInternetGatewayCommand({ VpcId, InternetGatewayId }));
    const { Subnet } = await byHand.send(
      new CreateSubnetCommand({ VpcId, CidrBlock: '10.10.1.0/24', ...tags('subnet') }),
    );
    const { RouteTable } = await byHand.send(new CreateRouteTableCommand({ VpcId, ...tags('route-table') }));
    return { VpcId, rest: [InternetGatewayId, Subnet?.SubnetId ?? '', RouteTable?.RouteTableId ?? ''] };
  };

  it.each([
    ['VPC first, which takes all along', (ids: readonly string[]) => ids],
    ['VPC last', (ids: readonly string[]) => ids.toReversed()],
  ])('is spare, and is removed with the %s', async (_what, order) => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const before = rowsOf(owner);
    const { VpcId, rest } = await second(owner);
    const { resources, flaws } = await watch(owner, { known: parts });
    expect(flaws).toEqual([]);
    const spare = resources.filter(({ isSpare }) => isSpare);
    expect(spare.map(({ id }) => id).toSorted()).toEqual([VpcId, ...rest].toSorted());
    for (const id of order([VpcId, ...rest])) {
      const resource = spare.find((each) => each.id === id);
      if (resource === undefined) throw new Error(`${id} is not spare`);
      expect(await settled(() => aws.removeSpare(resource, owner, location))).toBe('gone');
    }
    expect(rowsOf(owner)).toEqual(before);
    await settled(() => aws.collapse(owner, location));
  });

  it('in which somebody’s machine stands is not spare, and neither removed nor mended away', async () => {
    const owner = newOwner();
    const { parts } = await network(owner);
    const { VpcId, rest } = await second(owner);
    const stranger = world.placeStranger({ cloud: 'aws', networkId: VpcId, name: 'bystander' });
    const before = rowsOf(owner);
    const { resources, strangers } = await watch(owner, { known: parts });
    expect(resources.filter(({ isSpare }) => isSpare)).toEqual([]);
    expect(strangers).toMatchObject([{ id: stranger?.id, inside: VpcId }]);
    for (const resource of resources.filter(({ id }) => [VpcId, ...rest].includes(id)))
      await expect(aws.removeSpare(resource, owner, location)).rejects.toMatchObject({ code: 'InUse' });
    await network(owner, parts);
    expect(rowsOf(owner)).toEqual(before);
    world.terminate('aws', stranger?.id ?? '', 0);
    await settled(() => aws.collapse(owner, location));
  });
});
