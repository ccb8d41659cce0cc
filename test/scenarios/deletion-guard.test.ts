import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterText } from '../../cli/output.ts';
import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import { eventually, smallFile, startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';

const name = 'guarded';

/** Calls that change something in a cloud. */
const changing = new Set([
  'createMachine',
  'deleteMachine',
  'createNetwork',
  'changeNetwork',
  'deleteNetwork',
]);

describe('the deletion guard', { timeout: 60_000 }, () => {
  let platform: TestPlatform;
  let clusterId: string;
  beforeAll(async () => {
    platform = await startTestPlatform();
    const nodes = cloudNames.map((cloud, index) => ({
      cloud,
      role: index === 0 ? ('control-plane' as const) : ('worker' as const),
      shape: 'small',
    }));
    await platform.apply(name, smallFile(name, cloudNames, nodes));
    clusterId = (await platform.untilSettled(name)).id;
  }, 90_000);
  afterAll(() => platform.close());

  /** Everything there is, whatever state it says it is in: a new disk or address needs a moment. */
  const everything = (): readonly unknown[] =>
    platform.resources().map(({ state: _momentary, ...row }) => row);

  const changes = (): Readonly<Record<string, number>> =>
    Object.fromEntries(
      Object.entries(platform.world.calls()).filter(([call]) => changing.has(call.split('/')[1] ?? '')),
    );

  /** Asks for the deletion while somebody else's things are there: refused by name, and nothing has changed anywhere. */
  async function expectRefusal(cloud: CloudName, stranger: { id: string; name: string }): Promise<void> {
    const resources = everything();
    const machines = platform.machines();
    const changesBefore = changes();

    const refused = await platform.remove(name);

    expect(refused).toMatchObject({ id: clusterId, status: 'ready' });
    expect(refused.deletionRequestedAt).toBeUndefined();
    const { reason = '' } = refused.deletionRefused ?? {};
    expect(reason).toMatch(new RegExp(`^${cloud}: `));
    expect(reason).toContain(stranger.id);
    expect(reason).toContain(stranger.name);
    expect(clusterText(refused, Date.now())).toContain(reason);
    expect(everything()).toEqual(resources);
    expect(platform.machines()).toEqual(machines);
    expect(changes()).toEqual(changesBefore);
    const settled = await platform.untilSettled(name);
    expect(settled.nodes.map(({ phase }) => phase)).toEqual(cloudNames.map(() => 'ready'));
    expect(platform.fleet.running()).toBeGreaterThanOrEqual(cloudNames.length);
    await eventually(
      'the refusal in the timeline',
      () => platform.timeline(name),
      (entries) =>
        entries.some(
          ({ event, message }) => event === 'ClusterDeletionBlocked' && message.includes(stranger.id),
        ),
    );
  }

  it.each(cloudNames)(
    'refuses while a machine that is not its own sits in its network in %s',
    async (cloud) => {
      const own = platform.world.machines.values().find((machine) => machine.cloud === cloud);
      const before = everything();
      const stranger = await platform.placeStranger({
        cloud,
        networkId: own?.networkId ?? '',
        name: `somebody-${cloud}`,
      });

      await expectRefusal(cloud, stranger);

      // Its owner takes it away, with everything that came with it.
      await platform.kill(stranger);
      await eventually('the stranger is gone', everything, (now) => isDeepStrictEqual(now, before));
    },
  );

  it('refuses while a resource without tags is in its Azure group', async () => {
    const group = `/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/overcast-${clusterId}`;
    const id = `${group}/providers/Microsoft.Network/publicIPAddresses/somebody-address`;
    const call = (method: string, body?: unknown): Promise<Response> =>
      fetch(`${platform.clouds.azure}${id}?api-version=2024-05-01`, {
        method,
        headers: { authorization: 'Bearer somebody', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const made = await call('PUT', {
      location: 'eastus',
      sku: { name: 'Standard' },
      properties: { publicIPAllocationMethod: 'Static' },
    });
    expect(made.ok, await made.text()).toBe(true);

    await expectRefusal('azure', { id, name: 'somebody-address' });

    expect((await call('DELETE')).ok).toBe(true);
  });

  it('lets the cluster go once nobody else is there', async () => {
    expect((await platform.remove(name)).status).toBe('deleted');
    expect(platform.resources()).toEqual([]);
  });
});
