import { randomUUID } from 'node:crypto';
import {
  CreateTargetGroupCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  ElasticLoadBalancingV2Client,
  ModifyListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAwsSimulator } from '../../../local/clouds/aws/index.ts';
import { serveSimulator } from '../../../local/clouds/server.ts';
import { World, type Fault } from '../../../local/clouds/world.ts';
import type { Owner } from '../../domain/cloud.ts';
import type { LoadBalancer, LoadBalancerSpec } from '../../domain/load-balancer.ts';
import type { Network } from '../../domain/network.ts';
import type { Cloud, Progress } from '../contract.ts';
import { balancerName, targetGroupName } from './balancer-names.ts';
import { createAws } from './index.ts';

const location = { region: 'us-east-1', zone: 'us-east-1a' };
const patienceMilliseconds = 10_000;

let world: World;
let served: Awaited<ReturnType<typeof serveSimulator>>;
let aws: Cloud;
let byHand: ElasticLoadBalancingV2Client;
let owner: Owner;
let network: Network;

beforeAll(async () => {
  world = new World({ timeScale: 1000 });
  served = await serveSimulator(world, createAwsSimulator(world, { vpcsPerRegionMax: 50 }));
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };
  aws = createAws({ ...credentials, endpoint: served.url });
  byHand = new ElasticLoadBalancingV2Client({
    region: location.region,
    endpoint: served.url,
    credentials,
    maxAttempts: 1,
  });
});
afterAll(async () => {
  byHand.destroy();
  await served.close();
  world.close();
});
beforeEach(async () => {
  world.clearFaults();
  owner = { installation: 'here', clusterId: randomUUID() };
  network = await settled(() =>
    aws.ensureNetwork({
      owner,
      clusterName: 'four-clouds',
      location,
      candidates: [{ network: '10.10.0.0/16', subnet: '10.10.1.0/24' }],
      firewall: { 'control-plane': [], worker: [] },
    }),
  );
});

async function settled<T>(call: () => Promise<Progress<T>>): Promise<T> {
  const end = Date.now() + patienceMilliseconds;
  let waitingFor = '';
  while (Date.now() < end) {
    const progress = await call();
    if (progress.done) return progress.value;
    ({ waitingFor } = progress);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error(`still waiting for ${waitingFor}`);
}

const specOf = (change: Partial<LoadBalancerSpec> = {}): LoadBalancerSpec => ({
  owner,
  clusterName: 'four-clouds',
  location,
  network,
  listeners: [{ port: 80, targetPort: 80 }],
  healthCheck: {
    port: 8081,
    path: '/nginx-ready',
    intervalSeconds: 10,
    timeoutSeconds: 5,
    unhealthyAfter: 3,
    healthyAfter: 2,
  },
  members: [],
  ...change,
});
const ensured = (change: Partial<LoadBalancerSpec> = {}): Promise<LoadBalancer> =>
  settled(() => aws.ensureLoadBalancer(specOf(change)));
const fault = (change: Partial<Fault>): void => {
  world.addFault({ id: randomUUID(), cloud: 'aws', operation: '*', effect: 'cut', times: 1, ...change });
};
const flaws = async (change: Partial<LoadBalancerSpec> = {}): Promise<readonly string[]> => {
  const expected = {
    network: {
      owner,
      clusterName: 'four-clouds',
      location,
      candidates: [{ network: '10.10.0.0/16', subnet: '10.10.1.0/24' }],
      firewall: { 'control-plane': [], worker: [] },
    },
    machines: [],
    loadBalancer: specOf(change),
  };
  const [seen] = await aws.observe([{ ...owner, expected }], location);
  return seen?.flaws.map(({ subject }) => subject) ?? [];
};
const targetGroup = async (port: number) =>
  (await byHand.send(new DescribeTargetGroupsCommand({ Names: [targetGroupName(owner, port)] })))
    .TargetGroups?.[0];
const balancers = async () =>
  (await byHand.send(new DescribeLoadBalancersCommand({}))).LoadBalancers?.filter(
    ({ LoadBalancerName }) => LoadBalancerName === balancerName(owner),
  ) ?? [];

describe('names', () => {
  it('are as long as AWS takes them, and of one cluster', () => {
    const other = { clusterId: randomUUID() };
    for (const [name, another] of [
      [balancerName(owner), balancerName(other)],
      [targetGroupName(owner, 65_535), targetGroupName(other, 65_535)],
    ] as const) {
      expect(name).toMatch(/^[a-z0-9-]{1,32}$/);
      expect(name).not.toBe(another);
    }
  });
});

describe('a load balancer', () => {
  it('faces the internet from the cluster’s subnet, and every part carries the tags', async () => {
    const { dnsName, parts } = await ensured();
    const [balancer] = await balancers();
    expect(balancer).toMatchObject({
      DNSName: dnsName,
      LoadBalancerArn: parts['loadBalancerArn'],
      CanonicalHostedZoneId: parts['hostedZoneId'],
      Type: 'network',
      Scheme: 'internet-facing',
      VpcId: network.parts['vpcId'],
      AvailabilityZones: [{ SubnetId: network.parts['subnetId'] }],
    });
    const group = await targetGroup(80);
    expect(group).toMatchObject({
      Protocol: 'TCP',
      Port: 80,
      TargetType: 'instance',
      HealthCheckProtocol: 'HTTP',
      HealthCheckPort: '8081',
      HealthCheckPath: '/nginx-ready',
      HealthCheckIntervalSeconds: 10,
      HealthCheckTimeoutSeconds: 5,
      UnhealthyThresholdCount: 3,
      HealthyThresholdCount: 2,
      Matcher: { HttpCode: '200' },
      LoadBalancerArns: [balancer?.LoadBalancerArn],
    });
    const { TagDescriptions = [] } = await byHand.send(
      new DescribeTagsCommand({
        ResourceArns: [balancer?.LoadBalancerArn ?? '', group?.TargetGroupArn ?? ''],
      }),
    );
    for (const { Tags } of TagDescriptions)
      expect(Tags).toEqual([
        { Key: 'Name', Value: 'four-clouds' },
        { Key: 'overcast:installation', Value: 'here' },
        { Key: 'overcast:cluster-id', Value: owner.clusterId },
      ]);
  });

  it('is one, also when it is not listed right after it was made', async () => {
    fault({ operation: 'createBalancer', effect: 'hide', seconds: 200 });
    await ensured();
    expect(await balancers()).toHaveLength(1);
  });

  it('whose ports change gets other target groups, and loses those that nothing uses', async () => {
    const { dnsName } = await ensured({
      listeners: [
        { port: 80, targetPort: 80 },
        { port: 443, targetPort: 443 },
      ],
    });
    const listeners = [
      { port: 443, targetPort: 30_443 },
      { port: 9000, targetPort: 30_900 },
    ];
    expect(await flaws({ listeners })).toEqual([
      'load-balancer:target-group:443:kind',
      'load-balancer:target-group:9000:missing',
      `load-balancer:surplus-target-group:${targetGroupName(owner, 80)}`,
      'load-balancer:missing-listener:9000',
      'load-balancer:surplus-listener:80',
    ]);
    expect((await ensured({ listeners })).dnsName).toBe(dnsName);
    expect(await flaws({ listeners })).toEqual([]);
    expect((await targetGroup(443))?.Port).toBe(30_443);
    await expect(targetGroup(80)).rejects.toMatchObject({ name: 'TargetGroupNotFoundException' });
  });

  it('in another subnet is made anew, and one that leads elsewhere is led back', async () => {
    await ensured();
    const [before] = await balancers();
    const moved = { network: { ...network, parts: { ...network.parts, subnetId: 'subnet-other' } } };
    expect(await flaws(moved)).toEqual(['load-balancer:elsewhere']);
    const { TargetGroups } = await byHand.send(
      new CreateTargetGroupCommand({
        Name: 'theirs',
        Protocol: 'TCP',
        Port: 1,
        VpcId: network.parts['vpcId'],
      }),
    );
    const { Listeners } = await byHand.send(
      new DescribeListenersCommand({ LoadBalancerArn: before?.LoadBalancerArn }),
    );
    await byHand.send(
      new ModifyListenerCommand({
        ListenerArn: Listeners?.[0]?.ListenerArn,
        DefaultActions: [{ Type: 'forward', TargetGroupArn: TargetGroups?.[0]?.TargetGroupArn }],
      }),
    );
    expect(await flaws()).toEqual(['load-balancer:listener:80']);
    await ensured();
    expect(await flaws()).toEqual([]);
    expect((await targetGroup(80))?.LoadBalancerArns).toEqual([before?.LoadBalancerArn]);
  });

  it('that goes leaves an interface for a while, which is no stranger’s', async () => {
    await ensured();
    world.change({ timeScale: 1 });
    const collapse = () => aws.collapse(owner, location);
    expect(await collapse()).toMatchObject({ done: false, waitingFor: 'EC2 to let go of the VPC' });
    expect(await balancers()).toEqual([]);
    const [seen] = await aws.observe([owner], location);
    expect(seen?.strangers).toEqual([]);
    expect(seen?.resources.map(({ kind }) => kind)).toContain('vpc');
    world.change({ timeScale: 1000 });
  });
});
