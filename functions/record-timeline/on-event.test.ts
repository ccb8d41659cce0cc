import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allEvents } from '../../events/all.ts';
import { exampleClusterId } from '../../events/fields.ts';
import { silentLog } from '../../test/builders/platform.ts';
import { exampleTime } from '../../test/builders/cluster.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { describeEvent } from './describe-event.ts';
import { onEvent } from './on-event.ts';

let table: TestStore;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
});
afterAll(() => table.close());

describe('the timeline', () => {
  it('keeps each event once, with who said it and about which node', async () => {
    const record = onEvent({ store: table.store, log: silentLog });
    const event = {
      id: 'e-1',
      source: 'overcast.answer-node-sync',
      time: '2026-11-23T04:00:00Z',
      'detail-type': 'NodeJoined',
      detail: { clusterId: exampleClusterId, number: 7, attempt: 2 },
    };
    await record(event);
    await record(event);
    await record({ ...event, id: 'e-2', 'detail-type': 'ReconcileTick', detail: {} });
    await record({ ...event, id: 'e-3', 'detail-type': 'SomethingNew' });
    const { items } = await table.store.timeline.list(exampleClusterId, { limit: 10 });
    expect(items).toEqual([
      {
        clusterId: exampleClusterId,
        eventId: 'e-1',
        at: '2026-11-23T04:00:00.000Z',
        event: 'NodeJoined',
        who: 'overcast.answer-node-sync',
        nodeNumber: 7,
        message: 'node 7 joined at attempt 2',
      },
    ]);
  });

  it.each(
    allEvents.filter(({ name }) => name !== 'ReconcileTick').map(({ name, example }) => [name, example]),
  )('has a sentence for %s', (name, example) => {
    expect(describeEvent(name, example)?.message).toMatch(/\w+ \w+/);
  });

  it('refuses what is not of its event’s form', () => {
    expect(() => describeEvent('NodeJoined', { clusterId: exampleClusterId })).toThrow('number');
  });
});
