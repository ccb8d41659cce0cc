import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeView, RemovedNodes } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { startPeopleApi, type PeopleApi } from '../../test/builders/people-api.ts';

let api: PeopleApi;
beforeAll(async () => {
  api = await startPeopleApi();
});
afterAll(() => api.close());
beforeEach(() => api.bus.clear());

/** Control planes 1 to 3 and workers 4 to 6, all ready; each may be said otherwise. */
async function scene(given: Readonly<Record<number, Partial<Node>>> = {}, cluster: Partial<Cluster> = {}) {
  const made = aCluster({
    name: `c-${randomUUID().slice(0, 8)}`,
    initialisedAt: exampleTime,
    status: 'ready',
    ...cluster,
  });
  await api.tests.store.clusters.create(made);
  for (let number = 1; number <= 6; number += 1)
    await api.tests.store.nodes.materialise(
      aNode({
        clusterId: made.id,
        number,
        role: number <= 3 ? 'control-plane' : 'worker',
        phase: 'ready',
        joinedAt: exampleTime,
        lastSeenAt: api.clock.now(),
        ...given[number],
      }),
    );
  return {
    id: made.id,
    node: async (number: number) => {
      const node = await api.tests.store.nodes.get(made.id, number);
      if (node === undefined) throw new Error(`there is no node ${number}`);
      return node;
    },
    remove: (query: string) => api.call<RemovedNodes>('DELETE', `/clusters/${made.id}/nodes${query}`),
  };
}
const saidOf = (): unknown[] =>
  api.bus.said.map(({ event, detail }) => `${event} ${String((detail as { number: number }).number)}`);

describe('removing nodes', () => {
  it.each([
    ['one by its path', '/4', [4]],
    ['several by their numbers', '?number=4&number=6', [4, 6]],
    ['one that is named twice once', '?number=4&number=4', [4]],
  ])('%s', async (_what, query, numbers) => {
    const { remove, node } = await scene();
    const { status, json } = await remove(query);
    expect([status, json.items.map(({ number }) => number)]).toEqual([202, numbers]);
    for (const number of numbers) {
      expect(await node(number)).toMatchObject({ desired: 'absent' });
      expect((await node(number)).skipDrain).toBeUndefined();
    }
    expect(saidOf()).toEqual(numbers.map((number) => `NodeRetirementRequested ${number}`));
    expect((await node(5)).desired).toBe('present');
    expect(api.audit.at(-1)).toMatchObject({ details: { numbers: numbers.join(', '), drain: 'yes' } });
  });

  it('again changes nothing and is said again; of one that is gone it is only shown', async () => {
    const { remove, node } = await scene({ 5: { desired: 'absent', phase: 'deleted' } });
    await remove('/4');
    const before = await node(4);
    api.bus.clear();
    const { status, json } = await remove('?number=4&number=5');
    expect([status, json.items.map(({ phase }) => phase)]).toEqual([202, ['ready', 'deleted']]);
    expect(await node(4)).toEqual(before);
    expect(saidOf()).toEqual(['NodeRetirementRequested 4']);
  });

  it('without a drain is written on the node and in the audit log, also of one that drains already', async () => {
    const heldUp = { since: exampleTime, because: 'a budget', pods: [] };
    const { remove, node } = await scene({
      4: {
        desired: 'absent',
        phase: 'draining',
        drainHeldUp: heldUp,
        retireNotBefore: '2099-01-01T00:00:00.000Z',
      },
      5: { desired: 'absent', phase: 'deleted' },
    });
    const { json } = await remove('?number=4&number=5&number=6&drain=false');
    expect(json.items[0]?.drainHeldUp).toEqual(heldUp);
    expect(await node(4)).toMatchObject({ desired: 'absent', skipDrain: true });
    expect((await node(4)).retireNotBefore).toBeUndefined();
    expect(await node(6)).toMatchObject({ desired: 'absent', skipDrain: true });
    expect((await node(5)).skipDrain).toBeUndefined();
    expect(api.audit.at(-1)).toMatchObject({ who: 'ada', details: { numbers: '4, 5, 6', drain: 'no' } });
  });

  it('takes a control plane and warns where that leaves an even number', async () => {
    const { remove, node } = await scene();
    const { status, json } = await remove('/2');
    expect([status, json.warnings]).toEqual([202, ['2 control planes survive no more losses than 1 would']]);
    expect((await node(2)).desired).toBe('absent');
  });
});

describe('nothing is removed', () => {
  it.each<[string, string, number, string, Readonly<Record<number, Partial<Node>>>?, Partial<Cluster>?]>([
    ['where one is not known', '?number=4&number=98&number=99', 404, 'has no node 98 and no node 99'],
    ['where one is no number', '?number=4&number=x', 404, 'has no node x'],
    ['where none is named', '', 400, 'number: 1 to 20 nodes at once'],
    [
      'where more than twenty are',
      `?${Array.from({ length: 21 }, (_, index) => `number=${index + 1}`).join('&')}`,
      400,
      'number: 1 to 20 nodes at once',
    ],
    ['with a word that says nothing', '/4?drain=perhaps', 400, 'drain: true or false'],
    [
      'where one is a control plane among others',
      '?number=4&number=1&number=2',
      409,
      'control planes go one at a time',
    ],
    [
      'where the quorum would be lost',
      '/1',
      409,
      'the quorum would be lost',
      { 3: { lastSeenAt: '2026-11-22T00:00:00.000Z' } },
    ],
    [
      'below the lower limit',
      '?number=4&number=5',
      409,
      'its lower limit is 17',
      {},
      { policies: { clusterLimits: { minVcpus: 17 } } },
    ],
    ['of a cluster that is going', '/4', 409, 'is being deleted', {}, { deletionRequestedAt: exampleTime }],
  ])('%s', async (_what, query, status, detail, nodes, cluster) => {
    const { remove, id } = await scene(nodes, cluster);
    const refused = await remove(query);
    expect([refused.status, refused.json.detail]).toEqual([status, expect.stringContaining(detail)]);
    expect((await api.tests.store.nodes.list(id)).map(({ desired }) => desired)).toEqual(
      Array.from({ length: 6 }, () => 'present'),
    );
    expect(api.bus.said).toEqual([]);
  });

  it('of two control planes that two people ask for at once but one', async () => {
    const { remove, id } = await scene({ 3: { desired: 'absent', phase: 'deleted' } });
    const answers = await Promise.all([remove('/1'), remove('/2')]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409]);
    const left = (await api.tests.store.nodes.list(id)).filter(
      ({ role, desired }) => role === 'control-plane' && desired === 'present',
    );
    expect(left).toHaveLength(1);
    // Also when the minute of the one who was first is over.
    api.clock.advance(61);
    const [last] = left;
    expect((await remove(`/${last?.number ?? 0}`)).json.detail).toMatch(/is the last control plane/);
  });
});

it('nodes may be added as control planes, and make an odd number of them', async () => {
  const { id } = await scene({ 3: { desired: 'absent', phase: 'deleted' } });
  const add = (count: number) =>
    api.call<{ items: readonly NodeView[] }>('POST', `/clusters/${id}/nodes`, {
      role: 'control-plane',
      cloud: 'gcp',
      count,
    });
  expect((await add(2)).json.errors?.[0]?.message).toMatch(/there would be 4 control planes/);
  expect((await add(1)).json.items.map(({ role, cloud }) => [role, cloud])).toEqual([
    ['control-plane', 'gcp'],
  ]);
});
