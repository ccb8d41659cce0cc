import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSimulator } from '../server.ts';
import { World } from '../world.ts';
import { createAwsSimulator } from './index.ts';

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  isArray: (name) => name === 'item',
});
const authorization = (scope: string): string =>
  `AWS4-HMAC-SHA256 Credential=AKIATEST/20261123/${scope}/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`;

type Tree = { readonly [name: string]: Tree } & readonly Tree[] & string;

let world: World;
let served: Awaited<ReturnType<typeof serveSimulator>>;

beforeAll(async () => {
  world = new World({ timeScale: 1000 });
  served = await serveSimulator(world, createAwsSimulator(world, { vpcsPerRegionMax: 20 }));
});
afterAll(async () => {
  await served.close();
  world.close();
});

async function ask(
  action: string,
  parameters: Readonly<Record<string, string>> = {},
  options: { authorization?: string; version?: string } = {},
): Promise<{ status: number; code: string | undefined; body: Tree }> {
  const response = await fetch(served.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: options.authorization ?? authorization('eu-west-2/ec2'),
    },
    body: new URLSearchParams({ Action: action, Version: options.version ?? '2016-11-15', ...parameters }),
  });
  const tree = parser.parse(await response.text()) as Tree;
  return {
    status: response.status,
    code: tree['Response']?.['Errors']?.['Error']?.['Code'] as string | undefined,
    body: tree[`${action}Response`] as Tree,
  };
}

const vpc = async (cidr = '10.0.0.0/16'): Promise<string> =>
  (await ask('CreateVpc', { CidrBlock: cidr })).body['vpc']!['vpcId'] as string;

const subnet = async (vpcId: string, cidr = '10.0.0.0/24'): Promise<string> =>
  (await ask('CreateSubnet', { VpcId: vpcId, CidrBlock: cidr })).body['subnet']!['subnetId'] as string;

const run = (subnetId: string, more: Readonly<Record<string, string>> = {}) =>
  ask('RunInstances', {
    ImageId: 'ami-0123456789abcdef0',
    InstanceType: 't3.medium',
    MinCount: '1',
    MaxCount: '1',
    SubnetId: subnetId,
    ...more,
  });

const instanceId = async (subnetId: string, more: Readonly<Record<string, string>> = {}): Promise<string> =>
  (await run(subnetId, more)).body['instancesSet']!['item']![0]!['instanceId'] as string;

describe('the EC2 Query API refuses', () => {
  const permission = {
    'IpPermissions.1.IpProtocol': 'tcp',
    'IpPermissions.1.FromPort': '1',
    'IpPermissions.1.ToPort': '2',
    'IpPermissions.1.IpRanges.1.CidrIp': '0.0.0.0/0',
  };
  const gone = '0123456789abcdef0';
  const refusals: readonly [string, string, Readonly<Record<string, string>>, string][] = [
    ['an action it does not have', 'DescribeMoons', {}, 'InvalidAction'],
    ['a parameter that is missing', 'CreateVpc', {}, 'MissingParameter'],
    [
      'a parameter it does not have',
      'CreateVpc',
      { CidrBlock: '10.0.0.0/16', Colour: 'red' },
      'UnknownParameter',
    ],
    ['a range that is none', 'CreateVpc', { CidrBlock: '10.0.0.300/16' }, 'InvalidParameterValue'],
    ['a VPC larger than /16', 'CreateVpc', { CidrBlock: '10.0.0.0/8' }, 'InvalidVpc.Range'],
    ['a VPC smaller than /28', 'CreateVpc', { CidrBlock: '10.0.0.0/29' }, 'InvalidVpc.Range'],
    [
      'tags for what a call does not make',
      'CreateVpc',
      {
        CidrBlock: '10.0.0.0/16',
        'TagSpecification.1.ResourceType': 'subnet',
        'TagSpecification.1.Tag.1.Key': 'k',
      },
      'InvalidParameterValue',
    ],
    ['an id of another kind', 'DeleteVpc', { VpcId: `subnet-${gone}` }, 'InvalidVpcID.Malformed'],
    ['an id of nothing', 'DeleteVpc', { VpcId: `vpc-${gone}` }, 'InvalidVpcID.NotFound'],
    [
      'a subnet in no VPC',
      'CreateSubnet',
      { VpcId: `vpc-${gone}`, CidrBlock: '10.0.0.0/24' },
      'InvalidVpcID.NotFound',
    ],
    [
      'an instance that is not there',
      'TerminateInstances',
      { 'InstanceId.1': `i-${gone}` },
      'InvalidInstanceID.NotFound',
    ],
    [
      'an instance id that is none',
      'DescribeInstances',
      { 'InstanceId.1': 'i-x' },
      'InvalidInstanceID.Malformed',
    ],
    [
      'a filter it does not have',
      'DescribeInstances',
      { 'Filter.1.Name': 'colour', 'Filter.1.Value.1': 'red' },
      'InvalidParameterValue',
    ],
    ['a page of less than five', 'DescribeInstances', { MaxResults: '4' }, 'InvalidParameterValue'],
    [
      'a page of ids',
      'DescribeVpcs',
      { MaxResults: '5', 'VpcId.1': `vpc-${gone}` },
      'InvalidParameterCombination',
    ],
    ['a token it did not give', 'DescribeVpcs', { NextToken: 'x' }, 'InvalidNextToken'],
    [
      'a rule for a group that is not there',
      'AuthorizeSecurityGroupIngress',
      { GroupId: `sg-${gone}`, ...permission },
      'InvalidGroup.NotFound',
    ],
    ['tags on nothing', 'CreateTags', { 'ResourceId.1': `vpc-${gone}`, 'Tag.1.Key': 'k' }, 'InvalidID'],
  ];
  it.each(refusals)('%s', async (_what, action, parameters, code) => {
    expect(await ask(action, parameters)).toMatchObject({ status: 400, code });
  });

  it.each([
    ['no signature', '', 'AuthFailure'],
    ['a signature for another service', authorization('eu-west-2/s3'), 'AuthFailure'],
    ['a key it does not know', authorization('eu-west-2/ec2').replace('AKIATEST', 'revoked'), 'AuthFailure'],
  ])('%s', async (_what, header, code) => {
    expect(await ask('DescribeVpcs', {}, { authorization: header })).toMatchObject({ status: 401, code });
  });

  it('a version it does not have', async () => {
    expect((await ask('DescribeVpcs', {}, { version: '2010-01-01' })).code).toBe('NoSuchVersion');
  });

  it('subnets that lie outside, overlap, or stand in no zone of the region', async () => {
    const vpcId = await vpc();
    await subnet(vpcId, '10.0.0.0/20');
    const refused = async (CidrBlock: string, more = {}) =>
      (await ask('CreateSubnet', { VpcId: vpcId, CidrBlock, ...more })).code;
    expect(await refused('10.1.0.0/24')).toBe('InvalidSubnet.Range');
    expect(await refused('10.0.16.0/29')).toBe('InvalidSubnet.Range');
    expect(await refused('10.0.15.0/24')).toBe('InvalidSubnet.Conflict');
    expect(await refused('10.0.16.0/24', { AvailabilityZone: 'eu-west-2d' })).toBe('InvalidParameterValue');
    expect(await refused('10.0.16.0/24', { AvailabilityZone: 'eu-west-2c' })).toBeUndefined();
  });

  it('to delete what something hangs on, in every order but the right one', async () => {
    const vpcId = await vpc();
    const subnetId = await subnet(vpcId);
    await ask('ModifySubnetAttribute', { SubnetId: subnetId, 'MapPublicIpOnLaunch.Value': 'true' });
    const gateway = {
      InternetGatewayId: (await ask('CreateInternetGateway')).body['internetGateway']![
        'internetGatewayId'
      ] as string,
    };
    await ask('AttachInternetGateway', { ...gateway, VpcId: vpcId });
    const table = {
      RouteTableId: (await ask('CreateRouteTable', { VpcId: vpcId })).body['routeTable']![
        'routeTableId'
      ] as string,
    };
    const { body: association } = await ask('AssociateRouteTable', { ...table, SubnetId: subnetId });
    const GroupId = (
      await ask('CreateSecurityGroup', { GroupName: 'g', GroupDescription: 'g', VpcId: vpcId })
    ).body['groupId'] as string;
    const id = await instanceId(subnetId, { 'SecurityGroupId.1': GroupId });
    const code = async (action: string, parameters: Readonly<Record<string, string>>) =>
      (await ask(action, parameters)).code;

    expect(await code('DeleteVpc', { VpcId: vpcId })).toBe('DependencyViolation');
    expect(await code('DeleteSubnet', { SubnetId: subnetId })).toBe('DependencyViolation');
    expect(await code('DeleteSecurityGroup', { GroupId })).toBe('DependencyViolation');
    expect(await code('DeleteInternetGateway', gateway)).toBe('DependencyViolation');
    expect(await code('DetachInternetGateway', { ...gateway, VpcId: vpcId })).toBe('DependencyViolation');
    expect(await code('DeleteRouteTable', table)).toBe('DependencyViolation');
    world.terminate('aws', id, 0);
    expect(await code('DeleteSecurityGroup', { GroupId })).toBeUndefined();
    expect(
      await code('DisassociateRouteTable', { AssociationId: association['associationId'] as string }),
    ).toBeUndefined();
    expect(await code('DeleteRouteTable', table)).toBeUndefined();
    expect(await code('DetachInternetGateway', { ...gateway, VpcId: vpcId })).toBeUndefined();
    expect(await code('DeleteInternetGateway', gateway)).toBeUndefined();
    expect(await code('DeleteVpc', { VpcId: vpcId })).toBe('DependencyViolation');
    expect(await code('DeleteSubnet', { SubnetId: subnetId })).toBeUndefined();
    expect(await code('DeleteVpc', { VpcId: vpcId })).toBeUndefined();
    expect(world.resources().filter((row) => row.id === vpcId || row.inside === vpcId)).toEqual([]);
  });

  it('an interface’s groups but for one to five of its own VPC', async () => {
    const subnetId = await subnet(await vpc());
    const made = (await ask('CreateNetworkInterface', { SubnetId: subnetId })).body['networkInterface']!;
    const groupIn = async (vpcId: string, GroupName: string): Promise<string> =>
      (await ask('CreateSecurityGroup', { VpcId: vpcId, GroupName, GroupDescription: 'x' })).body[
        'groupId'
      ] as string;
    const vpcId = made['vpcId'] as string;
    const groups = await Promise.all([1, 2, 3, 4, 5, 6].map((number) => groupIn(vpcId, `g${number}`)));
    const move = (...ids: readonly string[]) =>
      ask('ModifyNetworkInterfaceAttribute', {
        NetworkInterfaceId: made['networkInterfaceId'] as string,
        ...Object.fromEntries(ids.map((id, index) => [`SecurityGroupId.${index + 1}`, id])),
      });
    expect((await move()).code).toBe('MissingParameter');
    expect((await move(...groups)).code).toBe('SecurityGroupsPerInterfaceLimitExceeded');
    expect((await move(await groupIn(await vpc(), 'elsewhere'))).code).toBe('InvalidParameterValue');
    expect((await move(`sg-${'0'.repeat(17)}`)).code).toBe('InvalidGroup.NotFound');
    expect((await move(...groups.slice(1))).code).toBeUndefined();
    expect((await ask('DeleteSecurityGroup', { GroupId: groups[0] ?? '' })).code).toBeUndefined();
    expect((await ask('DeleteSecurityGroup', { GroupId: groups[1] ?? '' })).code).toBe('DependencyViolation');
  });

  it('the default group’s and the main route table’s deletion, and rules that are there or are not', async () => {
    const vpcId = await vpc();
    const inside = { 'Filter.1.Name': 'vpc-id', 'Filter.1.Value.1': vpcId };
    const groups = (await ask('DescribeSecurityGroups', inside)).body['securityGroupInfo']!['item']!;
    const tables = (await ask('DescribeRouteTables', inside)).body['routeTableSet']!['item']!;
    expect(groups).toMatchObject([{ groupName: 'default' }]);
    const GroupId = groups[0]!['groupId'] as string;
    expect((await ask('DeleteSecurityGroup', { GroupId })).code).toBe('CannotDelete');
    expect((await ask('DeleteRouteTable', { RouteTableId: tables[0]!['routeTableId'] as string })).code).toBe(
      'DependencyViolation',
    );
    expect((await ask('AuthorizeSecurityGroupIngress', { GroupId, ...permission })).code).toBeUndefined();
    expect((await ask('AuthorizeSecurityGroupIngress', { GroupId, ...permission })).code).toBe(
      'InvalidPermission.Duplicate',
    );
    expect((await ask('RevokeSecurityGroupIngress', { GroupId, ...permission })).code).toBeUndefined();
    expect((await ask('RevokeSecurityGroupIngress', { GroupId, ...permission })).code).toBe(
      'InvalidPermission.NotFound',
    );
    const malformed = { ...permission, 'IpPermissions.1.IpRanges.1.CidrIp': '10.0.0.1/8' };
    expect((await ask('AuthorizeSecurityGroupIngress', { GroupId, ...malformed })).code).toBe(
      'InvalidParameterValue',
    );
  });

  it.each([
    ['a type it does not have', { InstanceType: 't3.moon' }, 400, 'InvalidParameterValue'],
    ['an image for another processor', { InstanceType: 'c7g.large' }, 400, 'InvalidParameterValue'],
    [
      'a parameter that names no image',
      { ImageId: 'resolve:ssm:/aws/service/canonical/ubuntu/none' },
      400,
      'InvalidParameterValue',
    ],
    [
      'user-data over 16 KiB',
      { UserData: Buffer.alloc(16_385).toString('base64') },
      400,
      'InvalidParameterValue',
    ],
    ['user-data that is not base64', { UserData: '#cloud-config' }, 400, 'InvalidParameterValue'],
    ['a number that is none', { MaxCount: 'many' }, 400, 'InvalidParameterValue'],
    [
      'a subnet here and an interface there',
      { 'NetworkInterface.1.DeviceIndex': '0' },
      400,
      'InvalidParameterCombination',
    ],
    ['a type that is sold out', { InstanceType: 'm7i.large' }, 500, 'InsufficientInstanceCapacity'],
    ['more vCPUs than the quota', { InstanceType: 'm6i.8xlarge' }, 400, 'VcpuLimitExceeded'],
    [
      'more vCPUs than the quota, on spot',
      { InstanceType: 'm6i.8xlarge', 'InstanceMarketOptions.MarketType': 'spot' },
      400,
      'MaxSpotInstanceCountExceeded',
    ],
  ])('a machine of %s', async (_what, parameters, status, code) => {
    world.change({ soldOut: { aws: ['m7i.large'] }, vcpuQuota: { aws: 30 } });
    const subnetId = await subnet(await vpc());
    const before = world.living('aws').length;
    expect(await run(subnetId, parameters as Record<string, string>)).toMatchObject({ status, code });
    expect(world.living('aws')).toHaveLength(before);
    world.change({ soldOut: {}, vcpuQuota: {} });
    await ask('DeleteSubnet', { SubnetId: subnetId });
  });
});

const tagged = (value: string) => ({
  'TagSpecification.1.ResourceType': 'instance',
  'TagSpecification.1.Tag.1.Key': 'colour',
  'TagSpecification.1.Tag.1.Value': value,
});

/** How many there are on each page. */
const pagesOf = async (filters: Readonly<Record<string, string>>): Promise<number[]> => {
  const pages: number[] = [];
  for (let token: string | undefined = ''; token !== undefined;) {
    const { body } = await ask('DescribeInstances', {
      ...filters,
      ...(token === '' ? {} : { NextToken: token }),
    });
    pages.push((body['reservationSet']?.['item'] ?? []).length);
    token = body['nextToken'];
  }
  return pages;
};

describe('instances', () => {
  it('go through their states and are listed as terminated for a while', async () => {
    const id = await instanceId(await subnet(await vpc()));
    const state = async () =>
      (await ask('DescribeInstances', { 'InstanceId.1': id })).body['reservationSet']?.['item']?.[0]?.[
        'instancesSet'
      ]?.['item']?.[0]?.['instanceState']?.['name'];
    const until = async (wanted: string): Promise<void> => {
      const end = Date.now() + 5_000;
      while ((await state()) !== wanted && Date.now() < end);
      expect(await state()).toBe(wanted);
    };
    await until('running');
    const { body } = await ask('TerminateInstances', { 'InstanceId.1': id });
    expect(body['instancesSet']!['item']).toMatchObject([
      {
        instanceId: id,
        currentState: { code: '32', name: 'shutting-down' },
        previousState: { name: 'running' },
      },
    ]);
    await until('terminated');
    expect((await ask('TerminateInstances', { 'InstanceId.1': id })).code).toBeUndefined();
  });

  it('are found by filters, alternatives within one and all of many, and by pages', async () => {
    world.change({ pageSizeMax: 5 });
    const subnetId = await subnet(await vpc());
    await run(subnetId, { MaxCount: '7', ...tagged('red') });
    await run(subnetId, { MaxCount: '4', ...tagged('blue') });
    await run(subnetId, { MaxCount: '2', ...tagged('green') });
    const inSubnet = { 'Filter.1.Name': 'subnet-id', 'Filter.1.Value.1': subnetId };
    expect(await pagesOf(inSubnet)).toEqual([5, 5, 3]);
    expect(
      await pagesOf({
        ...inSubnet,
        'Filter.2.Name': 'tag:colour',
        'Filter.2.Value.1': 'red',
        'Filter.2.Value.2': 'blue',
      }),
    ).toEqual([5, 5, 1]);
    expect(await pagesOf({ ...inSubnet, 'Filter.2.Name': 'tag:colour', 'Filter.2.Value.1': 'gr*' })).toEqual([
      2,
    ]);
    expect(await pagesOf({ ...inSubnet, 'Filter.2.Name': 'tag-key', 'Filter.2.Value.1': 'size' })).toEqual([
      0,
    ]);
    world.change({ pageSizeMax: 1000 });
  });

  it('are made once per client token', async () => {
    const subnetId = await subnet(await vpc());
    const first = await instanceId(subnetId, { ClientToken: 'once' });
    expect(await instanceId(subnetId, { ClientToken: 'once' })).toBe(first);
    expect((await run(subnetId, { ClientToken: 'once', InstanceType: 't3.large' })).code).toBe(
      'IdempotentParameterMismatch',
    );
  });

  it('that are terminated keep their client token', async () => {
    const subnetId = await subnet(await vpc());
    const id = await instanceId(subnetId, { ClientToken: 'spent' });
    world.terminate('aws', id, 0);
    expect((await run(subnetId, { ClientToken: 'spent' })).code).toBe('IdempotentInstanceTerminated');
  });

  it('of one region are not seen in another', async () => {
    const id = await instanceId(await subnet(await vpc()));
    const elsewhere = { authorization: authorization('us-east-1/ec2') };
    expect((await ask('DescribeInstances', { 'InstanceId.1': id }, elsewhere)).code).toBe(
      'InvalidInstanceID.NotFound',
    );
  });
});

it('tags can be listed, added and taken away', async () => {
  const vpcId = await vpc();
  const mine = { 'Filter.1.Name': 'resource-id', 'Filter.1.Value.1': vpcId };
  const tags = async () =>
    (await ask('DescribeTags', mine)).body['tagSet']?.['item']?.map(
      (row: Tree) => `${row['key'] as string}=${row['value'] as string}`,
    ) ?? [];
  await ask('CreateTags', {
    'ResourceId.1': vpcId,
    'Tag.1.Key': 'a',
    'Tag.1.Value': '<1> & "2"',
    'Tag.2.Key': 'b',
    'Tag.2.Value': '2',
  });
  expect(await tags()).toEqual(['a=<1> & "2"', 'b=2']);
  await ask('DeleteTags', { 'ResourceId.1': vpcId, 'Tag.1.Key': 'a' });
  expect(await tags()).toEqual(['b=2']);
});
