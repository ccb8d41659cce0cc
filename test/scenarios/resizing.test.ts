import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import { living, startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';

const name = 'elastic';
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
describe('a cluster that changes its size', { timeout: 60_000 }, () => {
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
});
