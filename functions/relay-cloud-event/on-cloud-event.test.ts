import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Node } from '../../shared/domain/node.ts';
import { parsePayload } from '../../shared/runtime/observability.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { ec2Event, onCloudEvent } from './on-cloud-event.ts';

let table: TestStore;
const bus = recordingBus('overcast.relay-cloud-event');
const clock = testClock();
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  for (const id of ['other', 'main'])
    await table.store.accounts.put({ cloud: 'aws', id, createdAt: exampleTime });
  await table.store.accounts.put({ cloud: 'gcp', id: 'main', createdAt: exampleTime });
});
afterAll(() => table.close());
beforeEach(() => bus.clear());

let machines = 0;
/** A node and its machine in the account `main`. */
async function aMachine(given: Partial<Node> = {}): Promise<{ clusterId: string; instanceId: string }> {
  const cluster = aCluster({ dueAt: '2026-11-23T09:00:00.000Z' });
  await table.store.clusters.create(cluster);
  const node = aNode({
    clusterId: cluster.id,
    number: 7,
    attempt: 2,
    phase: 'ready',
    createRequest: {
      attempt: 2,
      offering: anOffering(),
      kubernetesVersion: '1.36',
      tokenExpiresAt: 0,
      requestedAt: exampleTime,
    },
    ...given,
  });
  await table.store.nodes.materialise(node);
  const instanceId = `i-${(machines += 1).toString(16).padStart(17, '0')}`;
  const machine = { attempt: 2, providerId: instanceId, publicAddress: '', privateAddress: '' };
  await table.store.nodes.recordMachine(cluster.id, 7, machine);
  return { clusterId: cluster.id, instanceId };
}

const say = (detailType: string, instanceId: string, more: object = {}): Promise<void> =>
  onCloudEvent({ store: table.store, bus, clock, log: silentLog })(
    parsePayload(ec2Event, {
      id: 'e',
      source: 'aws.ec2',
      account: '123456789012',
      // Not what AWS's other instance ARNs look like, and not read.
      resources: [`arn:aws:ec2:us-east-1a:instance/${instanceId}`],
      'detail-type': detailType,
      detail: { 'instance-id': instanceId, ...more },
    }),
  );
const dueAt = async (clusterId: string) => (await table.store.clusters.get(clusterId))?.dueAt;

describe('what EC2 says of an instance', () => {
  it.each([
    ['EC2 Spot Instance Interruption Warning', { 'instance-action': 'terminate' }, 'terminate'],
    ['EC2 Instance Rebalance Recommendation', {}, 'rebalance'],
  ])(
    '%s reaches the node whose machine it is, by whichever of our accounts it is in',
    async (type, more, kind) => {
      const { clusterId, instanceId } = await aMachine();
      await say(type, instanceId, more);
      expect(bus.said).toEqual([
        { event: 'SpotInterruption', detail: { clusterId, number: 7, attempt: 2, kind } },
      ]);
    },
  );

  it('is said once, also when the agent was quicker', async () => {
    const { instanceId } = await aMachine();
    await say('EC2 Instance Rebalance Recommendation', instanceId);
    for (let times = 0; times < 2; times += 1)
      await say('EC2 Spot Instance Interruption Warning', instanceId);
    await say('EC2 Instance Rebalance Recommendation', instanceId);
    expect(bus.said.map(({ detail }) => (detail as { kind: string }).kind)).toEqual([
      'rebalance',
      'terminate',
    ]);
    bus.clear();
    const quicker = await aMachine({ interruption: 'terminate' });
    await say('EC2 Spot Instance Interruption Warning', quicker.instanceId);
    expect(bus.said).toEqual([]);
  });

  it('is acknowledged and ignored when the instance is nobody’s of ours', async () => {
    await say('EC2 Spot Instance Interruption Warning', 'i-00000000000f0e16e');
    await say('EC2 Instance State-change Notification', 'i-00000000000f0e16e', { state: 'terminated' });
    expect(bus.said).toEqual([]);
  });

  it('is ignored when its node is to go anyway', async () => {
    const { clusterId, instanceId } = await aMachine({ desired: 'absent' });
    await say('EC2 Spot Instance Interruption Warning', instanceId);
    await say('EC2 Instance State-change Notification', instanceId, { state: 'terminated' });
    expect(bus.said).toEqual([]);
    expect(await dueAt(clusterId)).toBe('2026-11-23T09:00:00.000Z');
  });

  it.each([
    ['running', false],
    ['stopped', true],
    ['terminated', true],
  ])('an instance that is %s has its cluster looked at: %s', async (state, isLooked) => {
    const { clusterId, instanceId } = await aMachine();
    await say('EC2 Instance State-change Notification', instanceId, { state });
    expect(await dueAt(clusterId)).toBe(isLooked ? clock.now() : '2026-11-23T09:00:00.000Z');
    expect(bus.said).toEqual([]);
  });

  it.each([
    ['Some Other Notification', 'i-1'],
    ['EC2 Instance State-change Notification', 'i-1; DROP'],
  ])('that is %s of %s is no event of EC2’s', async (type, id) => {
    await expect(async () => say(type, id)).rejects.toMatchObject({ name: 'InvalidPayload' });
  });
});
