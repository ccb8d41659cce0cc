import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import { issuePlatformCredential } from '../../shared/runtime/certificates.ts';
import { ClusterUnreachable, createClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { sealCredential } from '../../shared/runtime/pki.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { testDataKeys } from '../../test/builders/data-keys.ts';
import { refusal, type ControlPlanes, type KubernetesAnswer } from '../../test/builders/kubernetes-api.ts';
import { aNode } from '../../test/builders/node.ts';
import { recordingBus, silentLog, testClock } from '../../test/builders/platform.ts';
import { aReachableCluster, ownedBy } from '../../test/builders/reachable-cluster.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { drainNode, type DrainParts } from './drain-node.ts';

let table: TestStore;
let store: Store;
const open: ControlPlanes[] = [];
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => {
  for (const there of open) there.close();
  return table.close();
});

const serving = { phase: 'ready', joinedAt: exampleTime, lastSeenAt: exampleTime } as const;
const nobodyAsks: DrainParts['access'] = () => Promise.reject(new Error('not to be asked for'));
const budgetSeconds = 1800;

/** One look at node 1 of a cluster that began, `seconds` after its retirement did; and the same look again. */
async function look(
  given: Partial<Node>,
  seconds = 0,
  cluster: Partial<Cluster> = { initialisedAt: exampleTime },
) {
  const me = anExecution();
  const { id: clusterId } = aCluster(cluster);
  await store.clusters.create(aCluster({ id: clusterId, ...cluster }));
  const operation = ownedBy(me, 'RetireNode', exampleTime);
  await store.nodes.materialise(aNode({ clusterId, desired: 'absent', operation, ...given }));
  const bus = recordingBus('overcast.drain-node');
  const drain = drainNode({
    store,
    access: () => Promise.reject(new ClusterUnreachable('nobody answers')),
    bus,
    clock: testClock(plusSeconds(exampleTime, seconds)),
    log: silentLog,
  });
  const request = { clusterId, number: 1, executionArn: me, startedAt: exampleTime, budgetSeconds };
  const first = await drain(request);
  expect(await drain(request)).toEqual(first);
  return { outcome: first, node: await store.nodes.get(clusterId, 1), said: bus.said };
}

describe('there is nothing to hand over', () => {
  it.each<[string, Partial<Node>, number, Partial<Cluster>?]>([
    ['when somebody said that it is to go without', { ...serving, skipDrain: true }, 0],
    ['when the agent has left', { ...serving, leftAt: exampleTime }, 0],
    ['when it never joined', { phase: 'booting' }, 0],
    ['when it failed', { phase: 'failed' }, 0],
    ['when its cluster never began', serving, 0, {}],
    ['when nobody has heard of it for long', { ...serving, lastSeenAt: plusSeconds(exampleTime, -600) }, 0],
    ['when its machine was found lost', { ...serving, lostAt: plusSeconds(exampleTime, 5) }, 10],
    ['when its cloud took it back two minutes ago', { ...serving, interruption: 'terminate' }, 120],
  ])('%s', async (_, given, seconds, cluster) => {
    expect((await look(given, seconds, cluster)).outcome).toEqual({ done: true });
  });

  it.each<[string, Partial<Node>, number]>([
    ['while it serves', serving, 100],
    [
      'when a machine that was taken for lost was heard of since',
      { ...serving, lostAt: plusSeconds(exampleTime, -5) },
      10,
    ],
    [
      'because of a last-seen time that was not due yet to be written',
      { ...serving, lastSeenAt: plusSeconds(exampleTime, -330) },
      0,
    ],
    ['while its cloud takes it back', { ...serving, interruption: 'terminate' }, 119],
    ['when its cloud only warns', { ...serving, interruption: 'rebalance' }, 200],
  ])('not %s', async (_, given, seconds) => {
    const { outcome, node } = await look(given, seconds);
    expect(outcome).toMatchObject({ done: false });
    expect(node?.phase).toBe('draining');
  });

  it('never for a node that is to stay, or another’s', async () => {
    await expect(look({ ...serving, desired: 'present' })).rejects.toMatchObject({ name: 'Superseded' });
    const operation = ownedBy('other', 'RetireNode', exampleTime);
    await expect(look({ ...serving, operation })).rejects.toMatchObject({ name: 'Superseded' });
  });
});

describe('a cluster whose API does not answer', () => {
  it('is asked again, and after a minute people can see why', async () => {
    const soon = await look(serving, 59);
    expect(soon.outcome).toMatchObject({
      done: false,
      retryAfterSeconds: 5,
      waitingFor: 'the API of cluster four-clouds: nobody answers',
    });
    expect(soon.node?.drainHeldUp).toBeUndefined();
    const later = await look(serving, 60);
    expect(later.outcome).toMatchObject({ done: false, retryAfterSeconds: 15 });
    expect(later.node?.drainHeldUp).toEqual({
      since: plusSeconds(exampleTime, 60),
      because: 'the API of cluster four-clouds: nobody answers',
      pods: [],
    });
  });
  it('keeps its node: the run ends, and another one tries', async () => {
    const heardOf = { ...serving, lastSeenAt: plusSeconds(exampleTime, budgetSeconds) };
    const { outcome, node } = await look(heardOf, budgetSeconds);
    expect(outcome).toEqual({
      done: false,
      isPutOff: true,
      reason: 'the API of cluster four-clouds: nobody answers',
    });
    expect(node).toMatchObject({ phase: 'draining', desired: 'absent' });
  });
});

describe('a worker whose cluster answers', () => {
  /** True time: TLS knows no other. */
  const now = new Date().toISOString();
  const pod = (name: string, more: { metadata?: object; status?: object } = {}) => ({
    metadata: { name, namespace: 'default', ...more.metadata },
    status: { phase: 'Running', ...more.status },
  });
  const list = (...items: readonly object[]): KubernetesAnswer => ({
    body: { kind: 'PodList', metadata: {}, items },
  });
  const budget = (name: string): KubernetesAnswer => ({
    status: 429,
    body: {
      kind: 'Status',
      code: 429,
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: `The disruption budget ${name} needs 2 healthy pods and has 2 currently`,
          },
        ],
      },
    },
  });

  async function scene(answers: {
    pods: () => KubernetesAnswer;
    evict?: (pod: string) => KubernetesAnswer;
    cordon?: () => KubernetesAnswer;
  }) {
    const dataKeys = testDataKeys();
    const at = await aReachableCluster({ store, dataKeys, now });
    open.push(at.there);
    const me = anExecution();
    const clusterId = at.cluster.id;
    await store.nodes.materialise(
      aNode({
        clusterId,
        number: 7,
        desired: 'absent',
        phase: 'ready',
        joinedAt: now,
        lastSeenAt: plusSeconds(now, 2 * budgetSeconds),
        operation: ownedBy(me, 'RetireNode', now),
      }),
    );
    const credential = await issuePlatformCredential({ authority: at.pki.cluster, now, randomBytes });
    await store.pki.replaceCredential(
      await sealCredential(clusterId, credential, { dataKeys, randomBytes }),
      {},
    );
    at.there.answer = ({ what }) => {
      const [, evicted] = /^POST .*\/pods\/([^/]+)\/eviction/.exec(what) ?? [];
      if (evicted !== undefined) return answers.evict?.(evicted) ?? { status: 201, body: {} };
      return what.startsWith('PATCH ') ? (answers.cordon?.() ?? { body: {} }) : answers.pods();
    };
    const bus = recordingBus('overcast.drain-node');
    const clock = testClock(now);
    const drain = drainNode({
      store,
      access: createClusterAccess({
        store,
        dataKeys,
        clock: { now: () => now },
        proxyUrl: at.there.proxyUrl,
      }),
      bus,
      clock,
      log: silentLog,
    });
    return {
      bus,
      clock,
      requests: () => at.there.requests.map(({ what }) => what.replace(/\?.*$/, '')),
      drain: () => drain({ clusterId, number: 7, executionArn: me, startedAt: now, budgetSeconds }),
      node: () => store.nodes.get(clusterId, 7),
    };
  }

  it('is cordoned, its pods are evicted and waited for, and then it may go', async () => {
    let pods = list(pod('web-1'), pod('web-2'));
    const at = await scene({ pods: () => pods });
    expect(await at.drain()).toMatchObject({
      done: false,
      retryAfterSeconds: 5,
      waitingFor: '2 pods of node 7 to stop',
    });
    expect(at.requests()).toEqual([
      'PATCH /api/v1/nodes/four-clouds-7',
      'GET /api/v1/pods',
      'POST /api/v1/namespaces/default/pods/web-1/eviction',
      'POST /api/v1/namespaces/default/pods/web-2/eviction',
    ]);
    pods = list(pod('web-2', { metadata: { deletionTimestamp: plusSeconds(now, 30) } }));
    expect(await at.drain()).toMatchObject({ done: false, waitingFor: '1 pod of node 7 to stop' });
    expect(at.requests()).toHaveLength(6);
    pods = list();
    expect(await at.drain()).toEqual({ done: true });
    expect(await at.drain()).toEqual({ done: true });
  });

  it('is held up by a disruption budget for as long as it says no: shown at once, said once when it lasts', async () => {
    let answer = budget('web');
    const at = await scene({ pods: () => list(pod('web-1')), evict: () => answer });
    expect(await at.drain()).toMatchObject({ done: false, retryAfterSeconds: 15 });
    const because = 'default/web-1: the disruption budget web needs 2 healthy pods and has 2 currently';
    expect((await at.node())?.drainHeldUp).toEqual({
      since: now,
      because,
      pods: [
        {
          pod: 'default/web-1',
          because: 'the disruption budget web needs 2 healthy pods and has 2 currently',
        },
      ],
    });
    expect(at.bus.said).toEqual([]);
    for (let passes = 0; passes < 10; passes += 1) {
      at.clock.advance(15);
      await at.drain();
    }
    expect(at.bus.said).toMatchObject([{ event: 'NodeDrainHeldUp', detail: { number: 7, reason: because } }]);
    at.clock.advance(budgetSeconds);
    expect(await at.drain()).toEqual({ done: false, isPutOff: true, reason: because });
    // The budget lets it go: what was shown is gone, and so is the node's reason to wait.
    answer = { status: 201, body: {} };
    expect(await at.drain()).toMatchObject({ isPutOff: true });
    expect((await at.node())?.drainHeldUp).toBeUndefined();
  });

  it('is not held up while a budget lets one pod go after another', async () => {
    const at = await scene({
      pods: () => list(pod('web-1'), pod('web-2')),
      evict: (name) => (name === 'web-1' ? { status: 201, body: {} } : budget('web')),
    });
    expect(await at.drain()).toMatchObject({ done: false, retryAfterSeconds: 5 });
    expect((await at.node())?.drainHeldUp).toBeUndefined();
  });

  it.each<[string, KubernetesAnswer, object]>([
    [
      'a pod that is gone meanwhile',
      refusal(404, 'NotFound', 'pods "web-1" not found'),
      { done: false, retryAfterSeconds: 5 },
    ],
    [
      'a pod of a namespace that is going',
      {
        status: 403,
        body: {
          kind: 'Status',
          code: 403,
          reason: 'Forbidden',
          message: 'unable to create new content',
          details: { causes: [{ reason: 'NamespaceTerminating', message: 'it is being terminated' }] },
        },
      },
      { done: false, retryAfterSeconds: 5 },
    ],
    [
      'a pod that several budgets cover',
      refusal(
        500,
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      ),
      { done: false, retryAfterSeconds: 15 },
    ],
    [
      'an API server that is busy',
      refusal(429, 'TooManyRequests', 'too many requests'),
      {
        done: false,
        retryAfterSeconds: 5,
        waitingFor: expect.stringMatching(/^the API of cluster four-clouds: .*too many requests$/) as string,
      },
    ],
  ])('minds %s', async (_, answer, outcome) => {
    const at = await scene({ pods: () => list(pod('web-1')), evict: () => answer });
    expect(await at.drain()).toMatchObject(outcome);
  });

  it('that its cluster does not know has nothing to hand over', async () => {
    const at = await scene({
      pods: () => list(pod('web-1')),
      cordon: () => refusal(404, 'NotFound', 'nodes "four-clouds-7" not found'),
    });
    expect(await at.drain()).toEqual({ done: true });
  });

  it('reads every page of its pods, and refuses a list that has no end', async () => {
    let pages = 0;
    const next = (more: boolean): KubernetesAnswer => {
      pages += 1;
      return { body: { metadata: { continue: more ? 'more' : '' }, items: [] } };
    };
    const at = await scene({ pods: () => next(pages < 2) });
    expect(await at.drain()).toEqual({ done: true });
    expect(pages).toBe(3);
    const endless = await scene({ pods: () => next(true) });
    expect(await endless.drain()).toMatchObject({
      done: false,
      waitingFor: expect.stringContaining('did not end within 4 pages') as string,
    });
  });
});

describe('a control plane', () => {
  it('is struck off by the others before its machine goes, or left to them when that takes too long', async () => {
    const me = anExecution();
    const cluster = aCluster({ initialisedAt: exampleTime });
    await store.clusters.create(cluster);
    const operation = ownedBy(me, 'RetireNode', exampleTime);
    const one = { clusterId: cluster.id, role: 'control-plane', ...serving } as const;
    await store.nodes.materialise(aNode({ ...one, number: 2 }));
    await store.nodes.materialise(
      aNode({ ...one, number: 1, attempt: 1, desired: 'absent', operation, leftAt: exampleTime }),
    );
    const drain = async (seconds = 0) =>
      drainNode({
        store,
        access: nobodyAsks,
        bus: recordingBus('overcast.drain-node'),
        clock: testClock(plusSeconds(exampleTime, seconds)),
        log: silentLog,
      })({
        clusterId: cluster.id,
        number: 1,
        executionArn: me,
        startedAt: exampleTime,
        budgetSeconds: 60,
      });
    expect(await drain()).toMatchObject({
      done: false,
      waitingFor: 'control plane 1 to be forgotten by the others',
    });
    expect((await store.clusters.get(cluster.id))?.forgetting).toMatchObject({ number: 1, attempt: 1 });
    expect(await drain(359)).toMatchObject({ done: false });
    expect(await drain(360)).toEqual({ done: true });
    // What was asked for stays: nobody joins before they have answered.
    expect((await store.clusters.get(cluster.id))?.forgetting).toBeDefined();
    await store.nodes.forgetMember(cluster.id, 1, { attempt: 1, now: exampleTime });
    expect(await drain()).toEqual({ done: true });
  });

  it('of a cluster that is restored hands over nothing, and nobody is asked to forget it', async () => {
    const me = anExecution();
    const restore = { id: 'r', snapshot: 'S', requestedAt: exampleTime, requestedBy: 'ada', number: 7 };
    const cluster = aCluster({ initialisedAt: exampleTime, status: 'restoring', restore });
    await store.clusters.create(cluster);
    const operation = { executionArn: me, kind: 'RetireNode', startedAt: exampleTime } as const;
    const one = { clusterId: cluster.id, role: 'control-plane', ...serving } as const;
    await store.nodes.materialise(aNode({ ...one, number: 2 }));
    await store.nodes.materialise(aNode({ ...one, number: 1, attempt: 1, desired: 'absent', operation }));
    const drain = drainNode({
      store,
      access: nobodyAsks,
      bus: recordingBus('overcast.drain-node'),
      clock: testClock(exampleTime),
      log: silentLog,
    });
    const request = { clusterId: cluster.id, number: 1, executionArn: me, startedAt: exampleTime };
    expect(await drain({ ...request, budgetSeconds: 300 })).toEqual({ done: true });
    expect((await store.clusters.get(cluster.id))?.forgetting).toBeUndefined();
  });
});
