import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import {
  eventually,
  living,
  smallFile,
  startTestPlatform,
  type TestPlatform,
} from '../builders/local-platform.ts';
import { loseEvents } from '../builders/lossy-bus.ts';

const name = 'troubled';
const clouds = ['aws', 'gcp', 'azure'] as const;
/** Snapshots are this far apart; the next control plane that is heard of then takes one. */
const snapshotMinutes = 15;

/**
 * What befalls a cluster, on ticks alone: drift, an interruption, strangers in the way of its deletion, a lost control plane,
 * a lost quorum and the restore. lossy-bus.ts says what is lost. In order: each test goes on where the one before it stopped.
 */
describe('troubles, with every event lost', { timeout: 120_000 }, () => {
  let platform: TestPlatform;
  let id: string;
  const bus = loseEvents();
  beforeAll(async () => {
    platform = await startTestPlatform({ waitSeconds: 5 });
    platform.aws.dropEvents(bus.filter);
    const nodes = [
      ...clouds.map((cloud) => ({ role: 'control-plane' as const, cloud })),
      { role: 'worker' as const, cloud: 'aws' as const, shape: 'small', lifecycle: 'spot' as const },
    ];
    ({ id } = await platform.apply(name, smallFile(name, clouds, nodes)));
    await untilWhole([1, 2, 3, 4]);
  }, 120_000);
  afterAll(() => platform.close());

  const isWhole = (cluster: ClusterDetails, numbers: readonly number[]): boolean =>
    cluster.status === 'ready' &&
    cluster.operation === undefined &&
    cluster.findings.length === 0 &&
    living(cluster).every(({ phase, desired }) => phase === 'ready' && desired === 'present') &&
    numbersOf(living(cluster)).join() === numbers.join();
  const numbersOf = (nodes: readonly NodeView[]): readonly number[] =>
    nodes.map(({ number }) => number).toSorted((a, b) => a - b);

  /** As it is wanted, with one machine for each node and no other, and a mesh of just these. */
  async function untilWhole(numbers: readonly number[]): Promise<ClusterDetails> {
    const cluster = await platform.tickUntil(id, (seen) => isWhole(seen, numbers));
    expect(platform.machines().toSorted()).toEqual(
      living(cluster)
        .map(({ cloud, providerId }) => `${cloud}/${providerId ?? ''}`)
        .toSorted(),
    );
    const { members } = await platform.store.mesh.get(id);
    expect(new Set(members.map(({ number }) => number))).toEqual(new Set(numbers));
    return cluster;
  }
  const machineOf = async (number: number): Promise<{ cloud: NodeView['cloud']; id: string }> => {
    const { nodes } = await platform.api.getCluster(id);
    const { cloud = 'aws', providerId = '' } = nodes.find((node) => node.number === number) ?? {};
    return { cloud, id: providerId };
  };
  const holdings = (): readonly string[] =>
    platform
      .resources()
      .filter(({ kind }) => kind !== 'route')
      .map(({ cloud, kind, name: called, tags }) => `${cloud} ${kind} ${called} ${tags.toSorted().join()}`)
      .toSorted();

  it('closes what was opened in every cloud, and puts firewalls and tags right', async () => {
    const before = holdings();
    for (const cloud of clouds) {
      await platform.damage({ cloud, kind: 'add-firewall-rule', clusterId: id });
      await platform.damage({ cloud, kind: 'remove-firewall-rule', clusterId: id });
    }
    await platform.damage({ cloud: 'gcp', kind: 'remove-tags', machineId: (await machineOf(2)).id });
    await platform.tickUntil(
      id,
      ({ status, findings }) => status === 'degraded' && findings.length >= 2 * clouds.length + 1,
    );
    await untilWhole([1, 2, 3, 4]);
    expect(holdings()).toEqual(before);
  });

  it('has another worker for one that its cloud takes back', async () => {
    const { cloud, id: machine } = await machineOf(4);
    const path = `_control/machines/${cloud}/${encodeURIComponent(machine)}/interrupt?seconds=12000`;
    expect((await fetch(`${platform.clouds.aws}/${path}`, { method: 'POST' })).status).toBe(200);
    await untilWhole([1, 2, 3, 5]);
  });

  it('is not deleted while a stranger is in its network, and lives on', async () => {
    const own = await machineOf(1);
    const networkId = platform.world.machine(own.cloud, own.id)?.networkId ?? '';
    const stranger = await platform.placeStranger({ cloud: own.cloud, networkId, name: 'somebody' });
    const before = holdings();
    await platform.api.deleteCluster(name);
    const refused = await platform.tickUntil(id, ({ deletionRefused }) => deletionRefused !== undefined);
    expect(refused.deletionRefused?.reason).toContain(`${stranger.id} (somebody)`);
    expect(holdings()).toEqual(before);
    await platform.kill(stranger);
    await untilWhole([1, 2, 3, 5]);
  });

  it('lets the others forget a control plane that is gone, and another join in its place', async () => {
    await platform.kill(await machineOf(2));
    await untilWhole([1, 3, 5, 6]);
  });

  it('has failed without a quorum, and is made anew from its last snapshot when that is asked for', async () => {
    const { length } = await platform.api.listSnapshots(name);
    await platform.minutesPass(id, snapshotMinutes);
    await eventually(
      'a snapshot of it as it is now',
      () => platform.api.listSnapshots(name),
      (all) => all.length > length,
    );
    for (const machine of [await machineOf(3), await machineOf(6)]) await platform.kill(machine);
    const failed = await platform.tickUntil(id, ({ status }) => status === 'failed');
    expect(failed.statusReason).toBe('quorum lost: 2 of 3 control planes');
    const { restore } = await platform.api.restoreCluster(name);
    // A look may have fallen between the two deaths: then another was planned in the first one's place, and goes too.
    const { number: first = 0 } = restore ?? {};
    expect(first).toBeGreaterThan(6);
    const cluster = await untilWhole([5, first, first + 1, first + 2]);
    expect(cluster.restore?.finishedAt).toBeDefined();
    expect(
      living(cluster)
        .filter(({ role }) => role === 'control-plane')
        .map(({ cloud }) => cloud)
        .toSorted(),
    ).toEqual([...clouds].toSorted());
  });

  it('goes and leaves nothing in any cloud', async () => {
    await platform.api.deleteCluster(name);
    await platform.tickUntil(id, ({ status }) => status === 'deleted');
    expect(platform.resources()).toEqual([]);
  });

  it('has lost the events of all that, and been started by nothing but what was said again', () => {
    for (const event of [
      'ClusterRequested',
      'NodesPlanned',
      'DriftFound',
      'FindingOpened',
      'SpotInterruption',
      'EC2 Spot Instance Interruption Warning',
      'ClusterDeletionRequested',
      'ClusterDeletionBlocked',
      'EtcdSnapshotTaken',
      'ClusterFailed',
      'ClusterRestoreRequested',
      'ClusterRestored',
      'OperationSettled',
      'ClusterDeleted',
    ])
      expect(bus.lost.get(event), event).toBeGreaterThan(0);
    expect([...bus.carried.keys()].toSorted()).toEqual([
      'ClusterDeletionRequested',
      'DriftFound',
      'NodeRequested',
      'NodeRetirementRequested',
      'NodesPlanned',
    ]);
  });
});
