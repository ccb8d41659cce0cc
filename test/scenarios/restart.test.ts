import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import { eventually, exampleFile } from '../builders/local-platform.ts';
import { spawnPlatform, type PlatformProcess } from '../builders/platform-process.ts';
import { clusterText } from '../../cli/output.ts';

const name = 'restarted';

interface SeenMachine {
  readonly cloud: string;
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

/** The moments at which the power fails, one after the other in one cluster's youth. */
const moments: readonly {
  readonly title: string;
  readonly isNow: (cluster: ClusterDetails) => boolean;
}[] = [
  { title: 'right after it was asked for', isNow: () => true },
  {
    title: 'while its networks are built',
    isNow: ({ cloudParts }) => cloudParts.some(({ network }) => network !== undefined),
  },
  {
    title: 'while its first machines boot',
    isNow: ({ nodes }) => nodes.some(({ phase }) => phase === 'booting' || phase === 'joining'),
  },
  {
    title: 'when its control plane was initialised',
    isNow: ({ initialisedAt }) => initialisedAt !== undefined,
  },
];

describe('a platform whose power fails', { timeout: 150_000 }, () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'overcast-data-'));
  let platform: PlatformProcess | undefined;
  afterAll(async () => {
    await platform?.kill();
    rmSync(dataFolder, { recursive: true });
  });

  it('goes on where it stopped, again and again, and builds one cluster with one machine for each node', async () => {
    const inits = new Set<string>();
    const keys = new Set<string>();
    const start = async (): Promise<PlatformProcess> => {
      platform = await spawnPlatform(dataFolder);
      keys.add(`${platform.url} ${platform.apiKey}`);
      return platform;
    };
    const stop = async (running: PlatformProcess): Promise<void> => {
      await running.kill();
      for (const line of running.lines)
        for (const [init] of line.matchAll(/"instruction":"init-\d+-\d+"/g)) inits.add(init);
    };
    const until = (
      running: PlatformProcess,
      isNow: (cluster: ClusterDetails) => boolean,
    ): Promise<ClusterDetails> =>
      eventually(
        name,
        () => running.api.getCluster(name),
        isNow,
        60,
        (cluster) => clusterText(cluster, Date.now()),
      );

    let running = await start();
    await running.api.applyCluster(name, exampleFile(name));
    for (const { isNow } of moments) {
      await until(running, isNow);
      await stop(running);
      running = await start();
    }
    const cluster = await until(
      running,
      ({ status, operation, nodes }) =>
        status === 'ready' && operation === undefined && nodes.every(({ phase }) => phase === 'ready'),
    );

    expect(cluster.nodes).toHaveLength(6);
    const machines = (
      (await (await fetch(`${running.clouds.aws}/_control/machines`)).json()) as SeenMachine[]
    ).filter(({ state }) => state !== 'gone');
    expect(machines.map(({ cloud, id }) => `${cloud}/${id}`).toSorted()).toEqual(
      cluster.nodes.map(({ cloud, providerId }) => `${cloud}/${providerId ?? ''}`).toSorted(),
    );
    expect(cluster.nodes.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1, 1]);
    const { items } = await running.api.listEvents(name);
    expect(items.filter(({ event }) => event === 'ClusterReady').length).toBeGreaterThanOrEqual(1);
    await stop(running);
    expect([...inits]).toHaveLength(1);
    expect(keys.size, 'the address and the API key stay').toBe(1);
  });
});
