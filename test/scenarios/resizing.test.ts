import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { projectFolder } from '../../infra/paths.ts';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import type { ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { isTakingOver } from '../../shared/planning/reconcile/consolidate-nodes.ts';
import { openClusterApi } from '../builders/cluster-api.ts';
import { living, startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';

const name = 'elastic';
/** A cluster that changes is looked at as often. */
const secondsWhileChanging = 15;
const file = JSON.stringify({
  apiVersion: 'overcast.dev/v1',
  kind: 'Cluster',
  metadata: { name },
  spec: {
    region: 'us-east',
    clouds: [{ cloud: 'aws' }, { cloud: 'gcp' }],
    nodes: [
      { role: 'control-plane', cloud: 'gcp', shape: 'medium' },
      { role: 'worker', cloud: 'aws', shape: 'medium', lifecycle: 'spot', count: 2 },
    ],
  },
});

/** One platform and one cluster on it, in order: each test goes on where the one before it stopped. */
describe('a cluster that changes its size', { timeout: 120_000 }, () => {
  let platform: TestPlatform;
  let id: string;
  beforeAll(async () => {
    platform = await startTestPlatform();
    await platform.apply(name, file);
    id = (await platform.untilSettled(name)).id;
  }, 90_000);
  afterAll(() => platform.close());

  const machineOf = (cluster: ClusterDetails, number: number) => {
    const { cloud, providerId = '' } = cluster.nodes.find((node) => node.number === number) ?? {};
    const machine = cloud && platform.world.machine(cloud, providerId);
    if (machine === undefined) throw new Error(`node ${number} has no machine`);
    return machine;
  };
  /** With so long a notice that the cloud itself takes nothing before this is over. */
  const interrupt = async (number: number): Promise<void> => {
    const machine = machineOf(await platform.api.getCluster(id), number);
    const path = `_control/machines/${machine.cloud}/${encodeURIComponent(machine.id)}/interrupt?seconds=12000`;
    const response = await fetch(`${platform.clouds.aws}/${path}`, { method: 'POST' });
    expect(response.status).toBe(200);
  };

  it('has another node before the one is gone that its cloud takes back', async () => {
    const before = await platform.api.getCluster(id);
    await interrupt(2);
    const begun = await platform.until(
      id,
      ({ nodes }) => nodes.find(({ number }) => number === 4)?.providerId !== undefined,
    );
    const [old, next] = [machineOf(before, 2), machineOf(begun, 4)];
    expect(next).toMatchObject({ cloud: 'aws', spot: true });
    expect(next.instanceType).not.toBe(old.instanceType);
    const after = await platform.tickUntil(
      id,
      (cluster) =>
        cluster.status === 'ready' &&
        living(cluster)
          .map(({ number }) => number)
          .join() === '1,3,4' &&
        living(cluster).every(({ phase }) => phase === 'ready'),
    );
    expect(next.createdAt).toBeLessThan(machineOf(before, 2).stoppingAt ?? 0);
    const { noticeAt = 0 } = old.interruption ?? {};
    console.info(`from the notice to the create call: ${next.createdAt - noticeAt} ms`);
    expect(after.findings).toEqual([]);
    const told = (await platform.timeline(id)).filter(
      ({ event, nodeNumber }) => nodeNumber === 2 && ['SpotInterruption', 'NodeRetired'].includes(event),
    );
    expect(told.map(({ message }) => message)).toEqual([
      'node 2 is being taken back by its cloud',
      'node 2 is gone',
    ]);
  });

  let kubernetes: ClusterApi;
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const example = (file: string): { metadata: { name: string }; spec: object } =>
    load(readFileSync(join(projectFolder, 'examples', `${file}.yaml`), 'utf8')) as never;
  const apply = async (file: string, change: object = {}): Promise<void> => {
    const manifest = example(file);
    const object = { ...manifest, spec: { ...manifest.spec, ...change } };
    await kubernetes.apply(`${deployments}/${manifest.metadata.name}`, object);
  };
  const remove = (file: string): Promise<void> =>
    kubernetes.delete(`${deployments}/${example(file).metadata.name}`);
  const podList = z.object({
    items: z.array(
      z.object({
        metadata: z.object({ name: z.string() }),
        spec: z.object({ nodeName: z.optional(z.string()) }),
        status: z.object({ phase: z.string() }),
      }),
    ),
  });
  /** Minutes pass until so many of its pods run. @returns the nodes that they run on, by node. */
  const untilRunning = async (app: string, count: number): Promise<readonly NodeView[]> => {
    let on: readonly string[] = [];
    await platform.tickUntil(
      id,
      () => on.length >= count,
      async () => {
        const { items } = await kubernetes.get(
          `/api/v1/namespaces/default/pods?labelSelector=app%3D${app}`,
          podList,
        );
        on = items.filter(({ status }) => status.phase === 'Running').map(({ spec }) => spec.nodeName ?? '');
      },
    );
    const { nodes } = await platform.api.getCluster(id);
    return on.flatMap((node) => nodes.filter(({ number }) => node === `${name}-${number}`));
  };
  it('buys nodes for pods that fit nowhere, on the cheapest clouds, and takes them away again', async () => {
    kubernetes = await openClusterApi(platform, id);
    await platform.api.patchPolicies(id, {
      unschedulablePods: {},
      nodeDeletion: { emptyMinutes: 3 },
      clusterLimits: { maxVcpus: 40 },
    });
    const before = new Set(living(await platform.api.getCluster(id)).map(({ number }) => number));
    await apply('burst');
    const on = await untilRunning('burst', 12);
    const bought = [...new Set(on)].filter(({ number }) => !before.has(number));
    console.info(bought.map((node) => `${node.cloud} ${node.instanceType} ${node.lifecycle}`).join(', '));
    expect(bought.length).toBeGreaterThan(0);
    for (const { lifecycle, role } of bought) expect([lifecycle, role]).toEqual(['on-demand', 'worker']);
    await remove('burst');
    // All that came, also what joined too late for any of the pods: it would take those of the next test.
    const after = await platform.tickUntil(id, (cluster) =>
      living(cluster).every(({ number }) => before.has(number)),
    );
    expect(after.findings).toEqual([]);
  });

  it('does with pods that are pinned, on spot or apart what they say', async () => {
    await platform.api.patchPolicies(id, { spot: {}, nodeDeletion: null });
    // One after the other: what merely prefers spot also takes room on-demand that others were bought.
    const examples = [
      ['spot-preferred', 'spot-preferred', 2],
      ['spot-only', 'spot-only', 2],
      ['pin-by-cloud', 'pinned', 2],
      ['anti-affinity', 'apart', 3],
    ] as const;
    const on = new Map<string, readonly NodeView[]>();
    for (const [file, app, count] of examples) {
      await apply(file);
      on.set(app, await untilRunning(app, count));
    }
    const of = (app: string, what: (node: NodeView) => unknown) => on.get(app)?.map(what);
    expect(of('pinned', ({ cloud }) => cloud)).toEqual(['gcp', 'gcp']);
    for (const app of ['spot-only', 'spot-preferred'])
      expect(of(app, ({ lifecycle }) => lifecycle)).toEqual(['spot', 'spot']);
    expect(new Set(of('apart', ({ number }) => number)).size).toBe(3);
  });

  it('buys nothing more at its limit, and says so once', async () => {
    const limit = living(await platform.api.getCluster(id)).reduce((sum, node) => sum + node.vcpus, 0);
    await platform.api.patchPolicies(id, { clusterLimits: { maxVcpus: limit } });
    await apply('burst', { replicas: 60 });
    const { findings } = await platform.tickUntil(id, (cluster) =>
      cluster.findings.some(({ kind }) => kind === 'pods-waiting'),
    );
    const waiting = findings.find(({ kind }) => kind === 'pods-waiting');
    expect(waiting?.message).toMatch(
      new RegExp(`^at the limit of ${limit} vCPUs nothing more is bought: \\d+ pods wait \\(default/burst-`),
    );
    const [, waits = ''] = /\(default\/(burst-[a-z0-9-]+)/.exec(waiting?.message ?? '') ?? [];
    expect((await platform.api.explainPod(id, `default/${waits}`)).because.join()).toContain('maxVcpus');
    for (let minutes = 1; minutes <= 4; minutes += 1) await platform.tickUntil(id, () => true);
    const after = await platform.api.getCluster(id);
    expect(living(after).reduce((sum, node) => sum + node.vcpus, 0)).toBe(limit);
    expect(after.status).toBe('ready');
    const said = (await platform.timeline(id)).filter(({ message }) => message.includes('at the limit of'));
    expect(said).toHaveLength(1);
  });

  it('moves what runs onto fewer or cheaper nodes, replacement first, and becomes quiet', async () => {
    for (const file of ['burst', 'anti-affinity', 'spot-only', 'spot-preferred']) await remove(file);
    // Far more than what is left needs: what is too large is replaced by what is smaller.
    await platform.api.patchPolicies(id, { clusterLimits: null });
    await platform.api.addNodes(id, { cloud: 'gcp', shape: 'xlarge', count: 1 });
    await platform.api.patchPolicies(id, {
      consolidation: { minSavingPercent: 15, nodesPerHourMax: 20 },
    });
    const spendOf = (cluster: ClusterDetails): number =>
      living(cluster).reduce((sum, { usdPerHour }) => sum + usdPerHour, 0);
    const numbersOf = (cluster: ClusterDetails): string =>
      living(cluster)
        .map(({ number }) => number)
        .join();
    const isSettled = (cluster: ClusterDetails): boolean =>
      cluster.status === 'ready' &&
      living(cluster).every(({ phase, desired }) => phase === 'ready' && desired === 'present');
    const before = await platform.tickUntil(id, isSettled);
    let [after, quietMinutes] = [before, 0];
    // Longer than a node that was bought is left alone.
    for (let minutes = 1; minutes <= 50 && quietMinutes < 12; minutes += 1) {
      const next = await platform.tickUntil(id, isSettled);
      // What the tick began shows in the next look.
      await delay(700);
      // What was bought takes over within ten minutes or not at all: on a slow machine they pass more slowly, too.
      while (isTakingOver(await platform.store.nodes.list(id), new Date().toISOString())) {
        await platform.tickAfter(id, secondsWhileChanging);
        await delay(700);
      }
      quietMinutes = numbersOf(next) === numbersOf(after) ? quietMinutes + 1 : 0;
      after = next;
    }
    expect(quietMinutes).toBe(12);
    expect(spendOf(after)).toBeLessThan(spendOf(before) / 2);
    expect((await platform.api.planReconciliation(id, {})).actions).toEqual([]);
    const [on, other] = await untilRunning('pinned', 2);
    expect(living(after).map(({ number }) => number)).toContain(on?.number);
    expect([on?.cloud, other?.cloud]).toEqual(['gcp', 'gcp']);
    const told = (await platform.timeline(id)).map(({ message }) => message);
    expect(told).toContainEqual(
      expect.stringMatching(/^nodes were planned: .* not needed: .* in gcp does, and saves \$\d/),
    );
    expect(told).toContainEqual(
      expect.stringMatching(/ is to go: node \d+ was bought in its place, and is ready to take its work$/),
    );
  });
});
