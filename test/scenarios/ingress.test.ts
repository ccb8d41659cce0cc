import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { projectFolder } from '../../infra/paths.ts';
import type { ServedFront } from '../../local/clouds/world.ts';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { openClusterApi } from '../builders/cluster-api.ts';
import { eventually, living, startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';

const file = readFileSync(join(projectFolder, 'examples', 'ingress.yaml'), 'utf8');
const document = load(file) as { metadata: { name: string }; spec: object };
const { name } = document.metadata;
const without = JSON.stringify({
  ...document,
  spec: { ...document.spec, ingress: { loadBalancers: false } },
});

/** What takes requests at each worker, as the ingress controller will: on its host's network, with its health at port 8081. */
const controller = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'controller' },
  spec: {
    selector: { matchLabels: { app: 'controller' } },
    template: {
      metadata: { labels: { app: 'controller' } },
      spec: {
        hostNetwork: true,
        containers: [
          {
            name: 'controller',
            image: 'nginx:1.29',
            ports: [80, 443, 8081].map((containerPort) => ({ containerPort })),
          },
        ],
      },
    },
  },
};

const millisecondsBetweenRequests = 20;

/** One platform and one cluster on it, in order: each test goes on where the one before it stopped. */
describe(
  'a cluster that is reached through a load balancer in each of four clouds',
  { timeout: 120_000 },
  () => {
    let platform: TestPlatform;
    let id: string;
    let kubernetes: ClusterApi;
    beforeAll(async () => {
      platform = await startTestPlatform();
      await platform.apply(name, file);
      id = (await platform.untilSettled(name)).id;
      kubernetes = await openClusterApi(platform, id);
      await kubernetes.apply('/apis/apps/v1/namespaces/default/daemonsets/controller', controller);
    }, 90_000);
    afterAll(() => platform.close());

    /** As anybody sees them at the control endpoint. */
    const fronts = async (): Promise<readonly ServedFront[]> =>
      (await (await fetch(`${platform.clouds.aws}/_control/balancers`)).json()) as readonly ServedFront[];
    const urlsOf = (front: ServedFront): readonly string[] => front.listeners.flatMap(({ url }) => url ?? []);
    const workersIn = (cluster: ClusterDetails, cloud: CloudName) =>
      living(cluster).filter((node) => node.cloud === cloud && node.role === 'worker');

    /** One in each cloud, at both ports, and behind it just these many of that cloud's workers, all of them well. */
    const untilServing = (workers: number): Promise<readonly ServedFront[]> =>
      eventually('all balancers serve', fronts, (seen) =>
        cloudNames.every((cloud) => {
          const [front, ...others] = seen.filter((one) => one.cloud === cloud);
          return (
            others.length === 0 &&
            front?.isOpen === true &&
            front.listeners.map(({ port }) => port).join() === '80,443' &&
            front.members.length === workers &&
            front.members.every(({ isHealthy }) => isHealthy === true)
          );
        }),
      );

    /** Over a connection of its own. */
    const ask = async (url: string): Promise<string> => {
      const response = await fetch(url, { headers: { connection: 'close' } });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${response.status} ${text}`);
      return text;
    };

    it('leads each port of each balancer to a pod on one of that cloud’s workers', async () => {
      const [cluster, seen] = [await platform.api.getCluster(id), await untilServing(1)];
      for (const front of seen) {
        const [worker] = workersIn(cluster, front.cloud);
        for (const [index, url] of urlsOf(front).entries())
          expect(await ask(url)).toMatch(
            new RegExp(
              `^node ${name}-${worker?.number}, port ${[80, 443][index]}: default/controller-\\w+ is ready`,
            ),
          );
      }
      expect(seen.map(({ cloud }) => cloud).toSorted()).toEqual(cloudNames.toSorted());
      // The API says where people reach it.
      for (const { cloud, loadBalancer } of cluster.cloudParts) {
        const front = seen.find((one) => one.cloud === cloud);
        expect([loadBalancer?.dnsName, ...(loadBalancer?.addresses ?? [])]).toContain(front?.address);
      }
    });

    it('loses no request while another worker joins in each cloud and the first one leaves', async () => {
      const before = await platform.api.getCluster(id);
      const leaving = cloudNames.flatMap((cloud) => workersIn(before, cloud));
      const over = new AbortController();
      const answers: string[] = [];
      const failures: string[] = [];
      const keepAsking = async (url: string): Promise<void> => {
        while (!over.signal.aborted) {
          await ask(url).then(
            (text) => answers.push(text),
            (error: unknown) => failures.push(`${url}: ${String(error)}`),
          );
          await delay(millisecondsBetweenRequests);
        }
      };
      const clients = (await fronts()).flatMap(urlsOf).map(keepAsking);

      for (const cloud of cloudNames) await addWhenFree(cloud);
      await platform.untilSettled(id);
      await untilServing(2);

      await platform.api.removeNodes(
        name,
        leaving.map(({ number }) => number),
      );
      const node = z.object({ spec: z.object({ unschedulable: z.optional(z.boolean()) }) });
      const late: string[] = [];
      await eventually(
        'they are gone',
        async () => {
          for (const { number, cloud, providerId } of leaving) {
            const isCordoned = await kubernetes.get(`/api/v1/nodes/${name}-${number}`, node).then(
              ({ spec }) => spec.unschedulable === true,
              () => true,
            );
            // Who is no longer scheduled to has left its balancer before.
            const front = platform.world.fronts().find((one) => one.cloud === cloud);
            if (isCordoned && front?.members.includes(providerId ?? '') === true)
              late.push(`${name}-${number}`);
          }
          return platform.api.getCluster(id);
        },
        ({ nodes }) =>
          leaving.every(({ number }) => nodes.find((each) => each.number === number)?.phase === 'deleted'),
      );
      await untilServing(1);
      over.abort();
      await Promise.all(clients);
      console.info(
        `${answers.length} requests through ${clients.length} listeners, ${failures.length} failed`,
      );
      expect(late).toEqual([]);
      expect(failures).toEqual([]);
      // They were served by both.
      const askedOf = new Set(answers.map((text) => /^node (\S+),/.exec(text)?.[1]));
      expect(askedOf.size).toBe(2 * cloudNames.length);
    });

    /** One plan at a time: who is too early is told to ask again. */
    const addWhenFree = (cloud: CloudName): Promise<unknown> =>
      eventually(
        `a node in ${cloud}`,
        () =>
          platform.api.addNodes(name, { cloud, shape: 'small', count: 1 }).catch((error: unknown) => error),
        (answer) => !(answer instanceof Error),
        undefined,
        String,
      );

    it('opens a port again that somebody closed, in each cloud', async () => {
      for (const cloud of cloudNames)
        await platform.damage({ cloud, kind: 'delete-listener', clusterId: id });
      expect((await fronts()).map(({ listeners }) => listeners.map(({ port }) => port))).toEqual(
        cloudNames.map(() => [443]),
      );
      await platform.tickUntil(
        id,
        ({ status, operation, findings }) =>
          status === 'ready' &&
          operation === undefined &&
          findings.length === 0 &&
          platform.world.fronts().every(({ listeners }) => listeners.length === 2),
      );
      for (const front of await untilServing(1)) for (const url of urlsOf(front)) await ask(url);
      const told = (await platform.timeline(id)).filter(({ message }) => message.startsWith('put right'));
      expect(
        new Set(told.flatMap(({ message }) => cloudNames.filter((cloud) => message.includes(cloud)))).size,
      ).toBe(4);
    });

    it('loses its balancers when its file no longer asks for them, and has them again when it does', async () => {
      expect((await platform.api.applyCluster(name, without)).change).toBe('changed');
      await platform.tickUntil(
        id,
        ({ operation, findings }) =>
          operation === undefined && findings.length === 0 && platform.world.fronts().length === 0,
      );
      expect(
        (await platform.api.getCluster(id)).cloudParts.filter(({ loadBalancer }) => loadBalancer),
      ).toEqual([]);
      expect((await platform.api.applyCluster(name, file)).change).toBe('changed');
      await platform.untilSettled(id);
      await untilServing(1);
    });

    it('leaves nothing in any cloud when it goes', async () => {
      expect((await platform.remove(id)).status).toBe('deleted');
      expect(platform.resources()).toEqual([]);
      expect(await fronts()).toEqual([]);
    });
  },
);
