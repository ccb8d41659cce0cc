import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findInstanceType } from '../../shared/domain/catalogue.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import {
  eventually,
  exampleFile,
  living,
  smallFile,
  startTestPlatform,
  type TestPlatform,
} from '../builders/local-platform.ts';
import { life, type LifeStep } from './life.ts';

const name = 'four-clouds';
/** To the built-in table. */
const unheardOf = 's-2vcpu-4gb-intel';

/** One cluster's life in order: each test goes on where the one before it stopped. Its steps are those of life.ts. */
describe('the main job: one cluster over four clouds', { timeout: 60_000 }, () => {
  let platform: TestPlatform;
  let cluster: ClusterDetails;
  beforeAll(async () => {
    platform = await startTestPlatform();
    await take(life.create);
  }, 90_000);
  afterAll(() => platform.close());

  async function take({ isFound, act, isDone, check }: LifeStep): Promise<void> {
    const at = { platform, name };
    await act(at);
    const { id } = await platform.api.getCluster(cluster?.id ?? name);
    cluster = isFound === true ? await platform.tickUntil(id, isDone) : await platform.until(id, isDone);
    await check(at, cluster);
    if (cluster.status === 'ready') cluster = await platform.untilSettled(id);
  }

  it('has three control planes in three clouds and three workers, each with its overlay address', () => {
    expect(cluster.status).toBe('ready');
    const controlPlanes = cluster.nodes.filter(({ role }) => role === 'control-plane');
    expect(new Set(controlPlanes.map(({ cloud }) => cloud)).size).toBe(3);
    expect(controlPlanes).toHaveLength(3);
    expect(cluster.nodes.filter(({ role }) => role === 'worker')).toHaveLength(3);
    for (const node of cluster.nodes) {
      expect(node).toMatchObject({ phase: 'ready', attempt: 1, overlayAddress: `10.4.0.${node.number}` });
      expect(node.providerId).toBeTruthy();
      expect(node.publicAddress).toBeTruthy();
      expect(node.privateAddress).toBeTruthy();
    }
    expect(new Set(cluster.nodes.map(({ publicAddress }) => publicAddress)).size).toBe(6);
  });

  it('has a network in each of the four clouds, none inside another', () => {
    expect(cluster.cloudParts.map(({ cloud }) => cloud)).toEqual([...cloudNames]);
    for (const part of cluster.cloudParts) expect(part.network).toMatch(/^10\.\d+\.\d+\.0\/\d+$/);
    expect(new Set(cluster.cloudParts.map(({ network }) => network)).size).toBe(4);
    expect(cluster.cloudParts.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });

  it('has exactly six machines in the world, one for each node', () => {
    expect(platform.machines().toSorted()).toEqual(
      cluster.nodes.map(({ cloud, providerId }) => `${cloud}/${providerId ?? ''}`).toSorted(),
    );
    expect(platform.fleet.running()).toBe(6);
  });

  it('has a mesh of six members with six keys, all known to all', async () => {
    const mesh = await platform.store.mesh.get(cluster.id);
    expect(new Set(mesh.members.map(({ number }) => number))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
    expect(new Set(mesh.members.map(({ publicKey }) => publicKey)).size).toBe(6);
    await eventually(
      'every node has the whole mesh',
      () => platform.store.nodes.list(cluster.id),
      (nodes) => nodes.every(({ meshVersion }) => meshVersion === mesh.version),
    );
  });

  it('was initialised once, by one control plane, and joined by the others one at a time', async () => {
    const inits = platform.lines.filter((line) => /"instruction":"init-/.test(line));
    expect(new Set(inits.map((line) => /init-\d+-\d+/.exec(line)?.[0])).size).toBe(1);
    const stored = await platform.store.clusters.get(cluster.id);
    const initNode = cluster.nodes.find(({ number }) => number === stored?.initNode);
    expect(initNode?.role).toBe('control-plane');
    expect(stored?.joinNode).toBeUndefined();
  });

  it('has carried out its plan, and nobody is at work on it', async () => {
    const stored = await platform.store.clusters.get(cluster.id);
    expect(stored?.provisionedGeneration).toBe(stored?.generation);
    expect(stored?.pendingPlan).toBeUndefined();
    expect(stored?.operation).toBeUndefined();
    const nodes = await platform.store.nodes.list(cluster.id);
    expect(nodes.filter(({ operation }) => operation !== undefined)).toEqual([]);
  });

  it('tells what happened, from ClusterRequested to ClusterReady', async () => {
    const events = await eventually(
      'the timeline',
      () => platform.timeline(name),
      (entries) => entries.some(({ event }) => event === 'ClusterReady'),
    );
    expect(events[0]?.event).toBe('ClusterRequested');
    for (const event of ['NodeRequested', 'NodeJoined', 'NodeReady'])
      expect(
        new Set(events.filter((each) => each.event === event).map(({ nodeNumber }) => nodeNumber)).size,
      ).toBe(6);
    expect(events.filter(({ event }) => event === 'ClusterReady')).toHaveLength(1);
    expect(events.some(({ event }) => event === 'NodeFailed')).toBe(false);
  });

  it('changes nothing when the same file is applied again', async () => {
    const { change } = await platform.api.applyCluster(name, exampleFile());
    expect(change).toBe('unchanged');
    expect(platform.machines()).toHaveLength(6);
  });

  it('has its policies changed by its file, and only what differs', async () => {
    const withPolicies = (policies: object): string => {
      const document = load(exampleFile(name)) as { spec: object };
      return JSON.stringify({ ...document, spec: { ...document.spec, policies } });
    };
    const policies = { clusterLimits: { maxVcpus: 64 }, nodeDeletion: { emptyMinutes: 60 } };
    const foreseen = await platform.api.applyCluster(name, withPolicies(policies), { dryRun: true });
    expect([foreseen.change, foreseen.changes.length]).toEqual(['changed', 2]);
    expect((await platform.api.getPolicies(name)).policies).toEqual({});
    expect((await platform.api.applyCluster(name, withPolicies(policies))).change).toBe('changed');
    expect((await platform.api.applyCluster(name, withPolicies(policies))).change).toBe('unchanged');
    const { change } = await platform.api.patchPolicies(name, { clusterLimits: { maxVcpus: 48 } });
    expect(change).toBe('changed');
    const said = await eventually(
      'both changes in the timeline',
      async () => (await platform.timeline(name)).filter(({ event }) => event === 'PolicyChanged'),
      (entries) => entries.length >= 2,
    );
    // The bus knows whole seconds: what is said within one is in no order.
    expect(said.map(({ message }) => message).toSorted()).toEqual([
      'its policies were changed: clusterLimits.maxVcpus is 48 instead of 64',
      'its policies were changed: clusterLimits.maxVcpus is 64; nodeDeletion is on (emptyMinutes 60)',
    ]);
    await expect(platform.api.patchPolicies(name, { clusterLimits: { maxVcpus: 8 } })).rejects.toThrow(
      /the cluster has \d+ vCPUs, which is more/,
    );
    // The example says that there are none.
    expect((await platform.api.applyCluster(name, exampleFile())).policies).toEqual({});
    expect(platform.machines()).toHaveLength(6);
  });

  it('takes a node more, and loses it again with its machine and its place in the mesh', async () => {
    await take(life.add);
    expect(living(cluster).at(-1)).toMatchObject({ number: 7, cloud: 'gcp', role: 'worker' });
    await take(life.remove);
    const events = await platform.timeline(name);
    expect(events.filter(({ nodeNumber }) => nodeNumber === 7).map(({ event }) => event)).toEqual(
      expect.arrayContaining(['NodeRequested', 'NodeReady', 'NodeRetirementRequested', 'NodeRetired']),
    );
  });

  it('has another node for one whose machine died, closes what somebody opened, and says so', async () => {
    await take(life.heal);
    const events = await platform.timeline(name);
    expect(events.map(({ event, nodeNumber }) => `${event} ${nodeNumber ?? ''}`.trim())).toEqual(
      expect.arrayContaining(['ClusterDegraded', 'DriftFound', 'NodeRetired 5', 'NodeReady 8']),
    );
  });

  it('knows what its clouds sell, also when prices move', async () => {
    const priceOf = async (): Promise<number | undefined> => {
      const asked = { region: 'us-east', cloud: 'digitalocean', lifecycle: 'on-demand' };
      const { items, prices } = await platform.api.listOfferings(asked, 1000);
      expect(prices).toEqual([{ cloud: 'digitalocean', at: expect.any(String) as string }]);
      return items.find(({ instanceType }) => instanceType === unheardOf)?.usdPerHour;
    };
    expect(findInstanceType('digitalocean', unheardOf)).toBeUndefined();
    const before = (await priceOf()) ?? Number.NaN;
    platform.world.prices.move({
      cloud: 'digitalocean',
      family: 's-intel',
      lifecycle: 'on-demand',
      factor: 2,
    });
    const hourly = platform.aws.schedules.find(({ expression }) => expression === 'rate(1 hour)');
    await platform.aws.fireSchedule(hourly?.logicalId ?? '');
    await eventually('the new price', priceOf, (price) => price === before * 2);
  });

  it('takes two nodes at once, of a type that only its cloud’s own list has', async () => {
    const added = await platform.api.addNodes(name, {
      cloud: 'digitalocean',
      instanceType: unheardOf,
      count: 2,
    });
    expect(added.map(({ instanceType }) => instanceType)).toEqual([unheardOf, unheardOf]);
    expect(added.map(({ number }) => number)).toEqual([9, 10]);
    cluster = await platform.untilSettled(name);
    expect(living(cluster)).toHaveLength(8);
    expect(platform.machines()).toHaveLength(8);
    expect((await platform.store.mesh.get(cluster.id)).members).toHaveLength(8);
  });

  it('goes and leaves nothing in any cloud', async () => {
    await take(life.delete);
    await eventually(
      'every machine is off',
      () => platform.fleet.running(),
      (running) => running === 0,
    );
    const tombstone = await platform.store.clusters.get(cluster.id);
    expect(tombstone).toMatchObject({ status: 'deleted', deletedAt: expect.any(String) as string });
    expect(tombstone?.dueAt).toBeUndefined();
    expect((await platform.store.nodes.list(cluster.id)).every(({ phase }) => phase === 'deleted')).toBe(
      true,
    );
    expect((await platform.timeline(cluster.id)).at(-1)?.event).toBeDefined();
  });

  it('leaves its name free for another cluster', async () => {
    await eventually(
      'the name is free',
      () => platform.store.names.lookUp(name),
      (id) => id === undefined,
    );
    const { id, change } = await platform.api.applyCluster(name, smallFile(name, ['aws']));
    expect(change).toBe('created');
    expect(id).not.toBe(cluster.id);
    await platform.untilSettled(name);
    expect((await platform.remove(id)).status).toBe('deleted');
    expect(platform.resources()).toEqual([]);
  });
});
