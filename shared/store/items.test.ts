import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import type { Finding } from '../domain/finding.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { MeshMember } from '../domain/mesh.ts';
import type { Network } from '../domain/network.ts';
import { InvalidCursor, type AuditEntry } from './index.ts';
import { keys } from './keys.ts';
import { openTable } from './table.ts';

let test: TestStore;
let clock = exampleTime;
beforeAll(async () => {
  test = await startTestStore({ now: () => clock });
});
afterAll(async () => test.close());

const racers = 30;
const later = plusSeconds(exampleTime, 60);
const race = async <T>(write: (racer: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: racers }, async (_, racer) => write(racer)));

const member = (number: number): MeshMember => ({
  number,
  cloud: 'aws',
  role: 'worker',
  overlayAddress: `10.4.0.${number}`,
  publicKey: 'key',
  publicAddress: '198.51.100.1',
  privateAddress: '10.10.0.4',
  sinceVersion: 1,
});

describe('the mesh', () => {
  it('is version 0 without members before the first', async () => {
    const clusterId = randomUUID();
    expect(await test.store.mesh.get(clusterId)).toEqual({ clusterId, version: 0, members: [] });
  });

  it.each([0, 1])('is replaced by one of many who read version %i', async (versionRead) => {
    const clusterId = randomUUID();
    for (let version = 0; version < versionRead; version += 1) {
      await test.store.mesh.replace(clusterId, { versionRead: version, members: [], now: exampleTime });
    }
    const results = await race(async (racer) =>
      test.store.mesh.replace(clusterId, { versionRead, members: [member(racer + 1)], now: later }),
    );
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
    const mesh = await test.store.mesh.get(clusterId);
    expect(mesh).toEqual(results.find((result) => result !== undefined));
    expect(mesh).toMatchObject({ version: versionRead + 1, changedAt: later });
  });
});

describe('the sync view', () => {
  it('is cluster, node and mesh in one read', async () => {
    const cluster = aCluster();
    const node = aNode({ clusterId: cluster.id, number: 4 });
    await test.store.clusters.create(cluster);
    await test.store.nodes.materialise(node);
    await test.store.mesh.replace(cluster.id, { versionRead: 0, members: [], now: later });
    expect(await test.store.syncView(cluster.id, 4)).toEqual({
      cluster,
      node,
      mesh: { clusterId: cluster.id, version: 1, members: [], changedAt: later },
    });
  });

  it('says what is not there', async () => {
    const id = randomUUID();
    expect(await test.store.syncView(id, 1)).toEqual({
      cluster: undefined,
      node: undefined,
      mesh: { clusterId: id, version: 0, members: [] },
    });
  });
});

describe('names', () => {
  it('are one cluster’s', async () => {
    const ids = Array.from({ length: racers }, () => randomUUID());
    const results = await Promise.all(ids.map(async (id) => test.store.names.claim('four-clouds', id)));
    expect(results.filter(Boolean)).toHaveLength(1);
    const winner = ids[results.indexOf(true)]!;
    expect(await test.store.names.lookUp('four-clouds')).toBe(winner);
    expect(await test.store.names.claim('four-clouds', winner)).toBe(true);
    expect(await test.store.names.release('four-clouds', randomUUID())).toBe(false);
    expect(await test.store.names.release('four-clouds', winner)).toBe(true);
    expect(await test.store.names.lookUp('four-clouds')).toBeUndefined();
    expect(await test.store.names.claim('four-clouds', randomUUID())).toBe(true);
  });
});

const request = (bodyHash: string) => ({ bodyHash, createdAt: exampleTime });

describe('idempotent requests', () => {
  it('are remembered as the first of many, for a day', async () => {
    const answers = await race(async () => test.store.requests.remember('me', 'key', request(randomUUID())));
    expect(new Set(answers.map(({ bodyHash }) => bodyHash)).size).toBe(1);
    clock = plusSeconds(exampleTime, 25 * 3600);
    const next = { ...request(randomUUID()), createdAt: clock };
    expect(await test.store.requests.remember('me', 'key', next)).toEqual(next);
    clock = exampleTime;
  });
});

describe('API keys', () => {
  it('are found by hash until they expire', async () => {
    const key = { name: 'cli', scopes: ['admin'] as const, createdAt: exampleTime };
    await test.store.apiKeys.put({ ...key, hash: 'for-ever' });
    await test.store.apiKeys.put({ ...key, hash: 'an-hour', expiresAt: plusSeconds(exampleTime, 3600) });
    expect(await test.store.apiKeys.find('for-ever', later)).toEqual({ ...key, hash: 'for-ever' });
    expect(await test.store.apiKeys.find('an-hour', later)).toMatchObject({
      expiresAt: plusSeconds(exampleTime, 3600),
    });
    expect(await test.store.apiKeys.find('an-hour', plusSeconds(exampleTime, 3600))).toBeUndefined();
    expect(await test.store.apiKeys.find('unknown', later)).toBeUndefined();
  });
});

describe('accounts', () => {
  it('are found by cloud and name, and listed', async () => {
    const aws = { cloud: 'aws', id: 'main', createdAt: exampleTime } as const;
    const gcp = { cloud: 'gcp', id: 'main', createdAt: exampleTime } as const;
    await test.store.accounts.put(gcp);
    await test.store.accounts.put(aws);
    expect(await test.store.accounts.get('aws', 'main')).toEqual(aws);
    expect(await test.store.accounts.get('aws', 'other')).toBeUndefined();
    expect(await test.store.accounts.list()).toEqual([aws, gcp]);
  });
});

const coolOff = (until: string) => ({
  cloud: 'aws' as const,
  region: 'us-east-1',
  zone: 'us-east-1a',
  instanceType: 'c6a.large',
  lifecycle: 'spot',
  until,
  reason: 'InsufficientInstanceCapacity',
});

describe('cool-offs', () => {
  it('are in force until their time, the longest of several', async () => {
    await test.store.coolOffs.put(coolOff(plusSeconds(exampleTime, 600)));
    await test.store.coolOffs.put(coolOff(plusSeconds(exampleTime, 300)));
    const list = async (seconds: number) =>
      test.store.coolOffs.list('aws', 'us-east-1', plusSeconds(exampleTime, seconds));
    expect(await list(599)).toEqual([coolOff(plusSeconds(exampleTime, 600))]);
    expect(await list(600)).toEqual([]);
    expect(await test.store.coolOffs.list('gcp', 'us-east-1', exampleTime)).toEqual([]);
  });
});

const network = (cloud: Network['cloud']): Network => ({
  cloud,
  location: { region: 'r', zone: 'z' },
  range: '10.10.0.0/16',
  subnetRange: '10.10.0.0/24',
  parts: { vpcId: 'vpc-1' },
});

describe('a cloud’s parts', () => {
  it('keep the network through a later failure, and lose the failure by a success', async () => {
    const id = randomUUID();
    const failure = { error: 'Throttled', message: 'slowly', at: exampleTime };
    await test.store.parts.recordNetwork(id, network('aws'));
    await test.store.parts.recordFailure(id, 'aws', failure);
    await test.store.parts.recordFailure(id, 'gcp', failure);
    expect(await test.store.parts.list(id)).toEqual([
      { clusterId: id, cloud: 'aws', network: network('aws'), failure },
      { clusterId: id, cloud: 'gcp', failure },
    ]);
    await test.store.parts.recordNetwork(id, network('aws'));
    expect(await test.store.parts.get(id, 'aws')).toEqual({
      clusterId: id,
      cloud: 'aws',
      network: network('aws'),
    });
    const loadBalancer = { cloud: 'aws', dnsName: 'it.elb.example', addresses: [], parts: {} } as const;
    await test.store.parts.recordLoadBalancerFailure(id, 'aws', failure);
    expect(await test.store.parts.get(id, 'aws')).toMatchObject({ loadBalancerFailure: failure });
    await test.store.parts.recordLoadBalancer(id, loadBalancer, failure.at);
    expect(await test.store.parts.get(id, 'aws')).toEqual({
      clusterId: id,
      cloud: 'aws',
      network: network('aws'),
      loadBalancer,
      mendedAt: failure.at,
    });
    await test.store.parts.recordLoadBalancerFailure(id, 'aws', failure);
    await test.store.parts.forgetLoadBalancer(id, 'aws');
    expect(await test.store.parts.get(id, 'aws')).toEqual({
      clusterId: id,
      cloud: 'aws',
      network: network('aws'),
      mendedAt: failure.at,
    });
    await test.store.parts.forget(id, 'aws');
    expect(await test.store.parts.get(id, 'aws')).toBeUndefined();
  });
});

describe('observations', () => {
  const nothing = { machines: [], resources: [], strangers: [] };

  it('are never replaced by earlier ones', async () => {
    const clusterId = randomUUID();
    const seen = { clusterId, ...nothing };
    await test.store.observations.put('aws', seen, later);
    await test.store.observations.put('aws', seen, exampleTime);
    await test.store.observations.put('gcp', seen, exampleTime);
    expect(await test.store.observations.list(clusterId)).toEqual([
      { cloud: 'aws', observation: seen, at: later },
      { cloud: 'gcp', observation: seen, at: exampleTime },
    ]);
  });
});

describe('findings', () => {
  it('are made what they are now, each with the time it was first seen', async () => {
    const clusterId = randomUUID();
    const finding = (fingerprint: string, seenAt: string, message = 'it is gone'): Finding => ({
      clusterId,
      cloud: 'aws',
      fingerprint,
      kind: 'machine-missing',
      subject: 'node 1',
      message,
      remedy: 'none',
      seenAt,
    });
    const { observations } = test.store;
    const [a, b, c] = [finding('a', exampleTime), finding('b', exampleTime), finding('c', later)];
    expect(await observations.replaceFindings(clusterId, [b, a])).toEqual({ opened: [a, b], closed: [] });
    expect(await observations.replaceFindings(clusterId, [finding('b', later, 'changed'), c])).toEqual({
      opened: [c],
      closed: [a],
    });
    expect(await observations.findings(clusterId)).toEqual([
      finding('b', exampleTime, 'changed'),
      finding('c', later),
    ]);
    await observations.replaceFindings(clusterId, []);
    expect(await observations.findings(clusterId)).toEqual([]);
  });

  it('of many who find the same at once, and no longer find it, each change is one’s to tell', async () => {
    const clusterId = randomUUID();
    const { observations } = test.store;
    const finding: Finding = {
      clusterId,
      fingerprint: 'quorum-lost',
      kind: 'quorum-lost',
      subject: clusterId,
      message: 'quorum lost: 2 of 3 control planes',
      remedy: 'none',
      seenAt: exampleTime,
    };
    const found = await race(async () => observations.replaceFindings(clusterId, [finding]));
    expect(found.flatMap(({ opened }) => opened)).toEqual([finding]);
    const over = await race(async () => observations.replaceFindings(clusterId, []));
    expect(over.flatMap(({ closed }) => closed)).toEqual([finding]);
  });
});

describe('the timeline', () => {
  it('pages oldest first, an event said twice once, and can be followed', async () => {
    const clusterId = randomUUID();
    const entry = (index: number) => ({
      clusterId,
      eventId: `event-${index}`,
      at: plusSeconds(exampleTime, index),
      event: 'NodeJoined',
      who: 'answer-node-sync',
      message: `node ${index}`,
    });
    for (const index of [2, 0, 1, 1]) await test.store.timeline.record(entry(index));
    const first = await test.store.timeline.list(clusterId, { limit: 2 });
    expect(first.items).toEqual([entry(0), entry(1)]);
    const second = await test.store.timeline.list(clusterId, { limit: 2, after: first.cursor! });
    expect(second.items).toEqual([entry(2)]);
    const third = await test.store.timeline.list(clusterId, { limit: 2, after: second.cursor! });
    expect(third).toEqual({ items: [], cursor: second.cursor });
    await test.store.timeline.record(entry(3));
    const fourth = await test.store.timeline.list(clusterId, { limit: 2, after: third.cursor! });
    expect(fourth.items).toEqual([entry(3)]);
  });

  it('has no cursor before the first entry, and refuses one that is not its own', async () => {
    expect(await test.store.timeline.list(randomUUID(), { limit: 10 })).toEqual({ items: [] });
    const foreign = Buffer.from('["CLUSTER"]').toString('base64url');
    await expect(test.store.timeline.list(randomUUID(), { limit: 1, after: foreign })).rejects.toThrow(
      InvalidCursor,
    );
  });
});

describe('audit entries', () => {
  it('are kept by day, spread over a few partitions', async () => {
    const entry: AuditEntry = {
      id: randomUUID(),
      at: exampleTime,
      who: 'me',
      from: '127.0.0.1',
      action: 'create',
      subject: 'four-clouds',
      outcome: '201',
      requestId: 'r-1',
    };
    await test.store.audit.record(entry);
    const { pk, sk } = keys.audit(entry.at, entry.id);
    expect(pk).toMatch(/^AUDIT#2026-11-23#[0-3]$/);
    const { client, tableName } = test;
    const found = await openTable({ client, tableName }).get({ pk, sk });
    expect(found).toMatchObject({ ...entry });
  });
});

describe('a tombstone', () => {
  it('is hidden once it has expired, though the table has not tidied yet', async () => {
    const executionArn = 'arn:x';
    const cluster = aCluster({
      desired: 'absent',
      operation: { executionArn, kind: 'CleanupCluster', startedAt: exampleTime },
    });
    await test.store.clusters.create(cluster);
    await test.store.clusters.bury(cluster.id, executionArn, exampleTime);
    clock = plusSeconds(exampleTime, 89 * 24 * 3600);
    expect(await test.store.clusters.get(cluster.id)).toMatchObject({ status: 'deleted' });
    clock = plusSeconds(exampleTime, 91 * 24 * 3600);
    expect(await test.store.clusters.get(cluster.id)).toBeUndefined();
    clock = exampleTime;
  });
});
