import * as z from 'zod/mini';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import { ApiFailure, type ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { openClusterApi } from '../builders/cluster-api.ts';
import {
  eventually,
  living,
  smallFile,
  startTestPlatform,
  type TestPlatform,
} from '../builders/local-platform.ts';

const name = 'lost';
const clouds = ['aws', 'gcp', 'azure'] as const;

const named = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });
const nodeList = z.looseObject({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ name: z.string() }),
      status: z.looseObject({
        conditions: z.optional(z.array(z.looseObject({ type: z.string(), status: z.string() }))),
      }),
    }),
  ),
});
const podList = z.looseObject({
  items: z.array(
    z.looseObject({
      spec: z.looseObject({ nodeName: z.optional(z.string()) }),
      status: z.looseObject({ phase: z.optional(z.string()) }),
    }),
  ),
});
const configMap = (called: string): string => `/api/v1/namespaces/default/configmaps/${called}`;

/** Everything on one platform and one cluster, in order: each test goes on where the one before it stopped. */
describe('a cluster that loses two of three control planes', { timeout: 90_000 }, () => {
  let platform: TestPlatform;
  let cluster: ClusterDetails;
  let lastInit: number | undefined;

  const controlPlanes = (of: ClusterDetails): readonly NodeView[] =>
    living(of).filter(({ role }) => role === 'control-plane');
  const nodeName = ({ number }: Pick<NodeView, 'number'>): string => `${name}-${number}`;
  const isWhole = (of: ClusterDetails): boolean =>
    of.status === 'ready' &&
    of.operation === undefined &&
    living(of).every(({ phase, desired }) => phase === 'ready' && desired === 'present');

  const enter = (): Promise<ClusterApi> => openClusterApi(platform, cluster.id);
  const keep = (api: ClusterApi, called: string) =>
    api.apply(configMap(called), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: called, namespace: 'default' },
      data: { called },
    });
  const snapshotsTaken = (count: number) =>
    eventually(
      `${count} snapshots`,
      () => platform.api.listSnapshots(name),
      (all) => all.length >= count,
    );

  beforeAll(async () => {
    platform = await startTestPlatform();
    await platform.apply(
      name,
      smallFile(name, clouds, [
        ...clouds.map((cloud) => ({ role: 'control-plane' as const, cloud })),
        { role: 'worker', cloud: 'aws', shape: 'small' },
      ]),
    );
    cluster = await platform.untilSettled(name);
    lastInit = (await platform.store.clusters.get(cluster.id))?.initNode;
  }, 120_000);
  afterAll(() => platform.close());

  it('has put away what was done before; what comes after the snapshot is in no snapshot', async () => {
    const api = await enter();
    await keep(api, 'before');
    await api.apply('/apis/apps/v1/namespaces/default/deployments/web', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image: 'nginx:1.29' }] },
        },
      },
    });
    const before = (await snapshotsTaken(1)).length;
    await platform.minutesPass(cluster.id, 15);
    await snapshotsTaken(before + 1);
    await keep(api, 'after');
    await platform.api.addNodes(name, { cloud: 'gcp', shape: 'small', count: 1 });
    await platform.until(name, (of) => isWhole(of) && living(of).length === 5);
  });

  it('serves nobody any more, and is not restored before that is written down', async () => {
    cluster = await platform.api.getCluster(name);
    const api = await enter();
    await expect(platform.api.restoreCluster(name)).rejects.toThrow(/has not lost its quorum: it is ready/);
    const [, ...lost] = controlPlanes(cluster);
    await Promise.all(lost.map(({ cloud, providerId = '' }) => platform.kill({ cloud, id: providerId })));
    const refused = await eventually(
      'the API to fail',
      () =>
        keep(api, 'too-late').then(
          () => undefined,
          (error: unknown) => error,
        ),
      (error) => error instanceof ApiFailure,
    );
    expect((refused as ApiFailure).status).toBe(500);
    const failed = await platform.tickUntil(cluster.id, ({ status }) => status === 'failed');
    expect(failed.statusReason).toBe('quorum lost: 2 of 3 control planes');
    expect(failed.findings).toContainEqual(
      expect.objectContaining({ kind: 'quorum-lost', remedy: 'restore it from its last snapshot' }),
    );
  });

  it('is made anew from its last snapshot: as many control planes, and nothing of the old ones', async () => {
    const old = new Set(controlPlanes(cluster).map(({ number }) => number));
    const newest = (await platform.api.listSnapshots(name)).at(-1)?.id;
    const asked = await platform.api.restoreCluster(name);
    expect(asked).toMatchObject({ status: 'restoring', restore: { snapshot: newest, number: 6 } });
    expect((await platform.api.restoreCluster(name)).restore).toEqual(asked.restore);
    cluster = await platform.tickUntil(
      cluster.id,
      (of) => isWhole(of) && controlPlanes(of).length === 3 && of.restore?.finishedAt !== undefined,
    );
    expect(
      controlPlanes(cluster)
        .map(({ cloud }) => cloud)
        .toSorted(),
    ).toEqual([...clouds].toSorted());
    expect(controlPlanes(cluster).filter(({ number }) => old.has(number))).toEqual([]);
    expect(platform.machines().toSorted()).toEqual(
      living(cluster)
        .map(({ cloud, providerId }) => `${cloud}/${providerId ?? ''}`)
        .toSorted(),
    );
    const { members } = await platform.store.mesh.get(cluster.id);
    expect(new Set(members.map(({ number }) => number))).toEqual(
      new Set(living(cluster).map(({ number }) => number)),
    );
    // It was not init: nobody's claim to that has moved.
    expect((await platform.store.clusters.get(cluster.id))?.initNode).toBe(lastInit);
  });

  it('holds what the snapshot held and nothing younger, and knows just the nodes that there are', async () => {
    const api = await enter();
    await expect(api.get(configMap('before'), named)).resolves.toMatchObject({
      metadata: { name: 'before' },
    });
    for (const younger of ['after', 'too-late'])
      await expect(api.get(configMap(younger), named)).rejects.toMatchObject({ status: 404 });
    const nodes = await eventually(
      'just its own nodes, all of them ready',
      async () => (await api.get('/api/v1/nodes', nodeList)).items,
      (all) =>
        all
          .map(({ metadata }) => metadata.name)
          .toSorted()
          .join() === living(cluster).map(nodeName).toSorted().join() &&
        all.every(({ status }) =>
          status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
        ),
    );
    const names = new Set(nodes.map(({ metadata }) => metadata.name));
    await eventually(
      'its pods',
      async () => (await api.get('/api/v1/namespaces/default/pods', podList)).items,
      (pods) =>
        pods.length === 2 &&
        pods.every(({ spec, status }) => status.phase === 'Running' && names.has(spec.nodeName ?? '')),
    );
    await keep(api, 'afterwards');
  });

  it('tells in plain words what happened, and no way to the snapshot', async () => {
    const said = (await platform.timeline(name)).map(({ event, message }) => `${event}: ${message}`);
    const { snapshot, number } = cluster.restore ?? {};
    expect(said).toContain(
      `ClusterRestoreRequested: its restore from snapshot ${snapshot} was asked for: control plane ${number} is made for it, and all others go first`,
    );
    expect(said).toContain(
      `ClusterRestored: control plane ${number} serves what snapshot ${snapshot} held: what was changed after it is lost`,
    );
    expect(platform.lines.filter((line) => /X-Amz-(?:Signature|Security-Token)=[^[]/.test(line))).toEqual([]);
  });

  it('is gone without a trace when it is deleted', async () => {
    expect((await platform.remove(name)).status).toBe('deleted');
    expect(platform.resources()).toEqual([]);
  });
});
