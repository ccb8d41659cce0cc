import { randomUUID } from 'node:crypto';
import {
  ChangeResourceRecordSetsCommand,
  ListHealthChecksCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint, type CrashPoints } from '../../test/builders/crash.ts';
import { aNode } from '../../test/builders/node.ts';
import { silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestRoute53, testZone, type TestRoute53 } from '../../test/builders/route53.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { publishDns } from './publish-dns.ts';

let table: TestStore;
let store: Store;
let at: TestRoute53;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
beforeEach(async () => {
  at = await startTestRoute53();
});
afterEach(() => at.close());
afterAll(() => table.close());

/** A cluster of a name of its own, so that each test's answers are its own. */
async function scene(given: Partial<Cluster> = {}, points?: CrashPoints) {
  const name = `c${randomUUID().slice(0, 8)}`;
  const cluster = aCluster({ name, ...given });
  await store.clusters.create(cluster);
  const clock = testClock();
  const run = publishDns({
    store: points?.wrap(store) ?? store,
    dns: points?.wrap(at.dns) ?? at.dns,
    clock,
    newNonce: randomUUID,
    log: silentLog,
  });
  const { id: clusterId } = cluster;
  return {
    cluster,
    clusterId,
    clock,
    api: `api.${name}.${testZone.name}`,
    ingress: `${name}.${testZone.name}`,
    publish: (request: { unlessPublished?: boolean } = {}) => run({ clusterId, ...request }),
    published: () => store.dns.get(clusterId),
    controlPlane: async (number: number, more: Partial<Node> = {}) => {
      const node = aNode({
        clusterId,
        number,
        role: 'control-plane',
        phase: 'ready',
        joinedAt: exampleTime,
        publicAddress: `203.0.113.${number}`,
        ...more,
      });
      await store.nodes.materialise(node);
      return node;
    },
    balancer: (cloud: CloudName, address: string) =>
      store.parts.recordLoadBalancer(clusterId, { cloud, addresses: [address], parts: {} }, exampleTime),
    networkBalancer: () => {
      at.aliases.set('it.elb.example', { addresses: ['192.0.2.50'], isHealthy: true });
      const parts = { hostedZoneId: 'ZELB' };
      const balancer = { cloud: 'aws', dnsName: 'it.elb.example', addresses: [], parts } as const;
      return store.parts.recordLoadBalancer(clusterId, balancer, exampleTime);
    },
  };
}

const recordsUnder = async (name: string): Promise<readonly ResourceRecordSet[]> => {
  const { ResourceRecordSets = [] } = await at.client.send(
    new ListResourceRecordSetsCommand({ HostedZoneId: testZone.id }),
  );
  return ResourceRecordSets.filter(({ Name = '' }) => Name.endsWith(`${name}.`));
};
const checks = async () => (await at.client.send(new ListHealthChecksCommand({}))).HealthChecks ?? [];
const byHand = (Action: 'CREATE' | 'UPSERT' | 'DELETE', record: ResourceRecordSet) =>
  at.client.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: testZone.id,
      ChangeBatch: { Changes: [{ Action, ResourceRecordSet: record }] },
    }),
  );
const answers = async (name: string, times = 40): Promise<ReadonlySet<string>> => {
  const seen = new Set<string>();
  for (let question = 0; question < times; question += 1) seen.add((await at.resolve(name)).join());
  return seen;
};

describe('publishing', () => {
  it('makes every name lead where it should, and writes down that it does', async () => {
    const { publish, published, controlPlane, balancer, networkBalancer, api, ingress } = await scene();
    await controlPlane(1);
    await controlPlane(2);
    await networkBalancer();
    await balancer('digitalocean', '198.51.100.7');
    await publish();
    expect(await at.resolve(api)).toEqual(['203.0.113.1', '203.0.113.2']);
    const clouds = new Set(['192.0.2.50', '198.51.100.7']);
    expect(await answers(ingress)).toEqual(clouds);
    expect(await answers(`shop.${ingress}`)).toEqual(clouds);
    expect((await published())?.records).toHaveLength(5);
    expect(await published()).toMatchObject({ flaws: [], publishedAt: exampleTime });
    expect(await checks()).toHaveLength(3);
  });

  it('changes nothing that is right, and asks nobody where that is known', async () => {
    const { publish, controlPlane } = await scene();
    await controlPlane(1);
    await publish();
    at.calls.length = 0;
    await publish();
    expect(at.calls).toEqual(['GET hostedzone', 'GET healthcheck']);
    await publish({ unlessPublished: true });
    expect(at.calls).toHaveLength(2);
    await controlPlane(2);
    await publish({ unlessPublished: true });
    expect(at.calls.length).toBeGreaterThan(2);
  });

  it('takes a control plane that is to go out, and its successor in', async () => {
    const { publish, controlPlane, api, clusterId } = await scene();
    await controlPlane(1);
    await controlPlane(2);
    await publish();
    await store.nodes.retire(clusterId, 1);
    await controlPlane(3);
    await publish({ unlessPublished: true });
    expect(await at.resolve(api)).toEqual(['203.0.113.2', '203.0.113.3']);
    const checked = (await checks()).map(({ HealthCheckConfig }) => HealthCheckConfig?.IPAddress ?? '');
    expect(checked.toSorted((a, b) => a.localeCompare(b))).toEqual(['203.0.113.2', '203.0.113.3']);
  });

  it('takes a cloud out of the answer whose balancer no longer answers, and in again', async () => {
    const { publish, balancer, ingress } = await scene();
    await balancer('gcp', '198.51.100.1');
    await balancer('azure', '198.51.100.2');
    await publish();
    at.dead.add('198.51.100.1');
    await expect.poll(() => answers(ingress, 20), { timeout: 5000 }).toEqual(new Set(['198.51.100.2']));
    at.dead.clear();
    await expect
      .poll(() => answers(ingress), { timeout: 5000 })
      .toEqual(new Set(['198.51.100.1', '198.51.100.2']));
  });

  it('puts right what was changed, deleted and added by hand, and leaves alone what is not its own', async () => {
    const { publish, controlPlane, api, ingress, clusterId } = await scene();
    await controlPlane(1);
    await controlPlane(2);
    await publish();
    const [one, two] = (await recordsUnder(api)) as [ResourceRecordSet, ResourceRecordSet];
    await byHand('UPSERT', { ...one, ResourceRecords: [{ Value: '192.0.2.66' }] });
    await byHand('DELETE', two);
    await byHand('CREATE', { ...two, SetIdentifier: `overcast:${clusterId}:node-9` });
    const theirs = { Name: `blog.${ingress}.`, Type: 'A', TTL: 5, ResourceRecords: [{ Value: '192.0.2.7' }] };
    await byHand('CREATE', theirs as ResourceRecordSet);
    await publish();
    expect(await at.resolve(api)).toEqual(['203.0.113.1', '203.0.113.2']);
    expect(await recordsUnder(`blog.${ingress}`)).toMatchObject([theirs]);
  });

  it('adds nothing to a name that somebody else has, says so, and does once it is free', async () => {
    const { publish, published, controlPlane, balancer, api, ingress } = await scene();
    const theirs = { Name: api, Type: 'CNAME', TTL: 5, ResourceRecords: [{ Value: 'a.example' }] } as const;
    await byHand('CREATE', theirs as unknown as ResourceRecordSet);
    await controlPlane(1);
    await balancer('gcp', '198.51.100.1');
    await publish();
    expect(await recordsUnder(api)).toMatchObject([{ Type: 'CNAME' }]);
    expect(await at.resolve(ingress)).toEqual(['198.51.100.1']);
    expect((await published())?.flaws).toMatchObject([{ kind: 'taken', subject: api }]);
    await byHand('DELETE', theirs as unknown as ResourceRecordSet);
    await publish();
    expect(await at.resolve(api)).toEqual(['203.0.113.1']);
    expect((await published())?.flaws).toEqual([]);
  });

  it('leaves neither record nor check of a cluster that is to go, whoever publishes it then', async () => {
    const { publish, published, controlPlane, balancer, ingress, cluster } = await scene();
    const neighbour = await scene();
    await neighbour.controlPlane(4);
    await neighbour.publish();
    await controlPlane(1);
    await balancer('gcp', '198.51.100.1');
    await publish();
    const going = aCluster({ ...cluster, id: cluster.id, desired: 'absent' });
    const run = publishDns({
      store: { ...store, clusters: { ...store.clusters, get: async () => going } },
      dns: at.dns,
      clock: testClock(),
      newNonce: randomUUID,
      log: silentLog,
    });
    await run({ clusterId: cluster.id });
    await run({ clusterId: cluster.id, unlessPublished: true });
    expect(await recordsUnder(ingress)).toEqual([]);
    expect(await published()).toBeUndefined();
    expect(await at.resolve(neighbour.api)).toEqual(['203.0.113.4']);
    expect(await checks()).toHaveLength(1);
  });

  it('does nothing without a zone', async () => {
    const { clusterId, controlPlane, published } = await scene();
    await controlPlane(1);
    const run = publishDns({
      store,
      dns: undefined,
      clock: testClock(),
      newNonce: randomUUID,
      log: silentLog,
    });
    expect(await run({ clusterId })).toEqual({ done: true });
    expect(at.calls).toEqual([]);
    expect(await published()).toBeUndefined();
  });

  it('serves whoever reads last, when two runs meet', async () => {
    const { publish, controlPlane, api } = await scene();
    await controlPlane(1);
    await Promise.all([publish(), controlPlane(2).then(() => publish()), publish()]);
    await publish({ unlessPublished: true });
    expect(await at.resolve(api)).toEqual(['203.0.113.1', '203.0.113.2']);
    expect(await checks()).toHaveLength(2);
  });
});

describe('what Route 53 refuses', () => {
  it('for a moment is tried again, and never written down', async () => {
    const { publish, published, controlPlane, api } = await scene();
    await controlPlane(1);
    at.strike('throttle', 'unavailable', 'pass', 'throttle');
    await publish();
    expect(await at.resolve(api)).toEqual(['203.0.113.1']);
    await controlPlane(2);
    at.strike(...Array.from({ length: 3 }, () => 'throttle' as const));
    await expect(publish()).rejects.toMatchObject({ name: 'Throttled', retryAfterSeconds: 5 });
    at.strike(...Array.from({ length: 3 }, () => 'unavailable' as const));
    await expect(publish()).rejects.toMatchObject({ name: 'CloudUnavailable' });
    expect((await published())?.failure).toBeUndefined();
  });

  it('while an earlier change is under way is a throttle', async () => {
    const { publish, controlPlane } = await scene();
    await controlPlane(1);
    at.strike('pass', 'pass', 'pass', 'pass', 'pass', 'throttle', 'throttle', 'throttle');
    await expect(publish()).rejects.toMatchObject({ name: 'Throttled', code: 'PriorRequestNotComplete' });
    await publish();
  });

  it('for good is kept until it succeeds', async () => {
    const { publish, published, controlPlane } = await scene();
    await controlPlane(1);
    at.strike('credentials');
    await expect(publish()).rejects.toMatchObject({ name: 'CredentialsRejected' });
    expect(await published()).toMatchObject({
      records: [],
      failure: { error: 'CredentialsRejected', message: expect.stringContaining('Route 53') as string },
    });
    // What is recorded as failed is looked at whatever was published before.
    await publish({ unlessPublished: true });
    expect((await published())?.failure).toBeUndefined();
  });

  it('although no look shows why is told in Route 53’s words', async () => {
    const { published, controlPlane, clusterId } = await scene();
    await controlPlane(1);
    const stubborn = { ...at.dns, change: async () => ({ objection: 'the zone is locked' }) };
    const run = publishDns({
      store,
      dns: stubborn,
      clock: testClock(),
      newNonce: randomUUID,
      log: silentLog,
    });
    await expect(run({ clusterId })).rejects.toMatchObject({ name: 'NamesUnsettled' });
    expect((await published())?.failure).toMatchObject({
      error: 'NamesUnsettled',
      message: expect.stringContaining('the zone is locked') as string,
    });
  });

  it('is carried out once when its answer is lost', async () => {
    const { publish, controlPlane, api } = await scene();
    await controlPlane(1);
    at.strike('pass', 'pass', 'lose-reply', 'pass', 'pass', 'pass', 'lose-reply');
    await publish();
    expect(await at.resolve(api)).toEqual(['203.0.113.1']);
    expect(await checks()).toHaveLength(1);
  });
});

it('can be cut anywhere', { timeout: 120_000 }, async () => {
  const calls = await atEveryCrashPoint(async (points) => {
    const world = await scene({}, points);
    await world.controlPlane(1);
    await world.balancer('gcp', '198.51.100.1');
    points.disarm();
    await world.publish();
    await store.nodes.retire(world.clusterId, 1);
    await world.controlPlane(2);
    return {
      run: () => world.publish({ unlessPublished: true }),
      check: async () => {
        expect(await at.resolve(world.api)).toEqual(['203.0.113.2']);
        expect(await at.resolve(world.ingress)).toEqual(['198.51.100.1']);
        expect(await recordsUnder(world.ingress)).toHaveLength(3);
        const own = (await checks()).filter(({ CallerReference }) =>
          CallerReference?.startsWith(world.clusterId),
        );
        expect(own).toHaveLength(2);
        expect(await world.published()).toMatchObject({ flaws: [] });
      },
    };
  });
  expect(calls).toBeGreaterThan(15);
});
