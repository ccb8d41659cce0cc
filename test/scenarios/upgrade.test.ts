import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import type { ServedFront } from '../../local/clouds/world.ts';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import type { ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { ingressDaemonSet, openClusterApi } from '../builders/cluster-api.ts';
import {
  eventually,
  living,
  smallFile,
  startTestPlatform,
  type TestPlatform,
} from '../builders/local-platform.ts';

const name = 'rising';
const nodeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({ nodeInfo: z.object({ kubeletVersion: z.string() }) }),
    }),
  ),
});

/** One platform and one cluster on it, in order: each test goes on where the one before it stopped. */
describe('an upgrade to the next minor', { timeout: 180_000 }, () => {
  let platform: TestPlatform;
  let kubernetes: ClusterApi;
  let id: string;
  beforeAll(async () => {
    platform = await startTestPlatform();
    const file = JSON.parse(
      smallFile(
        name,
        ['aws', 'gcp', 'digitalocean'],
        [
          { role: 'control-plane', cloud: 'aws' },
          { role: 'control-plane', cloud: 'gcp' },
          { role: 'control-plane', cloud: 'digitalocean' },
          { role: 'worker', cloud: 'aws', shape: 'small' },
          { role: 'worker', cloud: 'digitalocean', shape: 'small' },
        ],
      ),
    ) as { spec: object };
    await platform.apply(
      name,
      JSON.stringify({ ...file, spec: { ...file.spec, ingress: { loadBalancers: true } } }),
    );
    id = (await platform.untilSettled(name)).id;
    kubernetes = await openClusterApi(platform, id);
    await kubernetes.apply('/apis/apps/v1/namespaces/default/daemonsets/ingress', ingressDaemonSet);
  }, 120_000);
  afterAll(() => platform.close());

  const fronts = async (): Promise<readonly ServedFront[]> =>
    (await (await fetch(`${platform.clouds.aws}/_control/balancers`)).json()) as readonly ServedFront[];
  const urls = async (): Promise<readonly string[]> =>
    (await fronts()).flatMap(({ listeners }) => {
      const url = listeners.find(({ port }) => port === 80)?.url;
      return url === undefined ? [] : [url];
    });
  /** Through every balancer again and again, until it is told to stop; gives what did not come back well. */
  const requestSteadily = (through: readonly string[]) => {
    const failed: string[] = [];
    let sent = 0;
    const over = new AbortController();
    const done = Promise.all(
      through.map(async (url) => {
        while (!over.signal.aborted) {
          sent += 1;
          const outcome = await fetch(url, { headers: { connection: 'close' } }).then(
            async (response) => (await response.text(), response.status),
            (error: unknown) => String((error as Error).cause ?? error),
          );
          if (outcome !== 200) failed.push(`${new Date().toISOString()} ${url}: ${outcome}`);
          await delay(20);
        }
      }),
    );
    return async () => {
      over.abort();
      await done;
      return { sent, failed };
    };
  };
  const versions = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await kubernetes.get('/api/v1/nodes', nodeList)).items.map(({ metadata, status }) => [
        metadata.name,
        status.nodeInfo.kubeletVersion,
      ]),
    );
  const controlPlanes = (cluster: ClusterDetails): readonly NodeView[] =>
    living(cluster).filter(({ role }) => role === 'control-plane');
  const said = async (...events: readonly string[]): Promise<readonly string[]> =>
    (await platform.timeline(id)).filter(({ event }) => events.includes(event)).map(({ message }) => message);

  it('is refused for anything but the next minor, before anything changes', async () => {
    for (const to of ['1.36', '1.35', '1.38', 'newest'])
      await expect(platform.api.upgradeCluster(name, { to })).rejects.toThrow(/goes one minor at a time/);
    await expect(platform.api.upgradeCluster(name, { to: '1.37', pauseSeconds: -1 })).rejects.toThrow(
      /pauseSeconds: must be a whole number/,
    );
    await expect(platform.api.turnUpgrade(name, 'resume')).rejects.toThrow(
      /no upgrade of rising is under way/,
    );
    expect((await platform.api.getCluster(name)).upgrade).toBeUndefined();
  });

  it('stops at a control plane that fails, with the cluster serving', async () => {
    platform.fleet.misbehave(`${name}-2`, { failAt: 'upgrade' });
    await platform.api.upgradeCluster(name, { to: '1.37' });
    const stopped = await platform.tickUntil(id, ({ upgrade }) => upgrade?.stopped !== undefined);
    expect(stopped.upgrade?.stopped).toMatchObject({
      number: 2,
      reason: 'simulated: upgrade was made to fail',
    });
    const found = await platform.tickUntil(id, ({ findings }) => findings.length > 0);
    expect(found.findings.map(({ message, remedy }) => `${message}: ${remedy}`)).toEqual([
      'the upgrade to Kubernetes 1.37 has stopped at node 2: simulated: upgrade was made to fail: see to it, then: overcast cluster upgrade resume rising',
    ]);
    expect(found.status).toBe('ready');
    expect(await versions()).toMatchObject({
      'rising-1': 'v1.37.4',
      'rising-2': 'v1.36.4',
      'rising-3': 'v1.36.4',
    });
    // etcd's data were put away before the first began.
    const { requestedAt = '' } = found.upgrade ?? {};
    const begun = (await platform.timeline(id)).find(({ event }) => event === 'NodeUpgradeBegun')?.at ?? '';
    const taken = (await platform.api.listSnapshots(name)).map(({ takenAt }) => takenAt);
    expect(
      taken.some(
        (at) => at.slice(0, 19) >= requestedAt.slice(0, 19) && at.slice(0, 19) <= begun.slice(0, 19),
      ),
    ).toBe(true);
    for (let minutes = 1; minutes <= 3; minutes += 1) await platform.tickUntil(id, () => true);
    expect(await said('NodeUpgradeBegun', 'NodeUpgraded')).toEqual([
      'control plane 1 moves to Kubernetes 1.37',
      'control plane 1 is of Kubernetes 1.37',
      'control plane 2 moves to Kubernetes 1.37',
    ]);
  });

  it('goes on when it is resumed: control planes, then each worker by another one, and no request is lost', async () => {
    const through = await eventually('balancers', urls, (all) => all.length === 2);
    for (const url of through)
      await eventually(
        'it serves',
        () =>
          fetch(url).then(
            ({ status }) => status,
            () => 0,
          ),
        (status) => status === 200,
      );
    const stop = requestSteadily(through);
    platform.fleet.misbehave(`${name}-2`, {});
    await platform.api.turnUpgrade(name, 'resume');
    const done = await platform.tickUntil(id, ({ upgrade }) => upgrade?.finishedAt !== undefined);
    const { sent, failed } = await stop();
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(50);
    expect(done.kubernetesVersion).toBe('1.37');
    expect(controlPlanes(done).map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(living(done).map(({ kubernetesVersion }) => kubernetesVersion)).toEqual(Array(5).fill('1.37'));
    expect(Object.values(await versions())).toEqual(Array(5).fill('v1.37.4'));
    const told = await eventually(
      'the end is told',
      () => said('UpgradeRequested', 'UpgradeResumed', 'NodeUpgradeBegun', 'NodeUpgraded', 'UpgradeFinished'),
      (all) => all.includes('every node is of Kubernetes 1.37'),
    );
    for (const number of [1, 2, 3]) expect(told).toContain(`control plane ${number} is of Kubernetes 1.37`);
    expect(told.filter((line) => line === 'control plane 2 moves to Kubernetes 1.37')).toHaveLength(2);
  });

  it('leaves a cluster that takes new nodes of the new minor', async () => {
    const [added] = await platform.api.addNodes(name, { cloud: 'gcp', shape: 'small', count: 1 });
    await platform.tickUntil(id, ({ nodes }) =>
      nodes.some(({ number, phase }) => number === added?.number && phase === 'ready'),
    );
    expect((await versions())[`${name}-${added?.number}`]).toBe('v1.37.4');
    // Asked for once more, it is as it was.
    expect((await platform.api.upgradeCluster(name, { to: '1.37' })).upgrade?.finishedAt).toBeDefined();
  });
});
