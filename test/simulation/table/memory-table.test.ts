import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloudNames } from '../../../shared/domain/cloud.ts';
import type { Holder } from '../../../shared/domain/cluster.ts';
import type { OperationKind } from '../../../shared/domain/operation.ts';
import { plusSeconds } from '../../../shared/domain/ids.ts';
import { nodePhases } from '../../../shared/domain/node.ts';
import { storeOver, type Store } from '../../../shared/store/index.ts';
import { aCluster, exampleTime } from '../../builders/cluster.ts';
import { aNode, anOffering } from '../../builders/node.ts';
import { startTestStore, type TestStore } from '../../builders/store.ts';
import { compileCondition, holds } from './expression.ts';
import { MemoryTable, tableOver } from './memory-table.ts';

/** What is drawn for one step: small ranges, so that steps meet on the same items. */
interface Draw {
  readonly step: number;
  readonly cluster: number;
  readonly number: number;
  readonly who: number;
  readonly other: number;
  readonly small: number;
  readonly later: number;
  readonly flag: boolean;
}

type Step = (store: Store, draw: Draw, world: string) => Promise<unknown>;

const arn = (who: number): string => `arn:execution:${who}`;
const at = (later: number): string => plusSeconds(exampleTime, later * 60);
const idOf = (world: string, { cluster }: Draw): string => `${world}-0000-4000-8000-00000000000${cluster}`;
const hashOf = ({ other }: Draw): string => `hash-${other}`;
const nodeIdOf = ({ number, small }: Draw): string => `node-${number}-${small % 2}`;
const kindOf = ({ small }: Draw): OperationKind => (small === 0 ? 'CleanupCluster' : 'ProvisionCluster');
const holderOf = ({ number, small }: Draw): Holder => ({ number, attempt: small });
const otherHolder = ({ other, small }: Draw): Holder => ({ number: other, attempt: small });

/** The store's writes and reads, each as its callers use it. */
const steps: Readonly<Record<string, Step>> = {
  create: (store, draw, world) =>
    store.clusters.create(
      aCluster({
        id: idOf(world, draw),
        name: `name-${draw.cluster}`,
        createdAt: at(draw.cluster),
        dueAt: at(draw.later),
      }),
    ),
  get: (store, draw, world) => store.clusters.get(idOf(world, draw)),
  advanceDue: (store, draw, world) =>
    store.clusters.advanceDue(idOf(world, draw), at(draw.later), at(draw.small)),
  makeDue: (store, draw, world) => store.clusters.makeDue(idOf(world, draw), at(draw.later)),
  plan: (store, draw, world) =>
    store.clusters.plan(idOf(world, draw), {
      plan: { id: `plan-${draw.small}`, nodes: [], reason: 'because' },
      generationRead: draw.small,
      nextNumber: draw.number,
      now: at(draw.later),
    }),
  clearPlan: (store, draw, world) => store.clusters.clearPlan(idOf(world, draw), `plan-${draw.small}`),
  claim: (store, draw, world) =>
    store.clusters.claim(
      idOf(world, draw),
      { executionArn: arn(draw.who), kind: kindOf(draw), startedAt: at(draw.later) },
      draw.flag ? arn(draw.other) : undefined,
    ),
  release: (store, draw, world) => store.clusters.release(idOf(world, draw), arn(draw.who), at(draw.later)),
  finishProvisioning: (store, draw, world) =>
    store.clusters.finishProvisioning(idOf(world, draw), arn(draw.who), draw.small),
  changeStatus: (store, draw, world) =>
    store.clusters.changeStatus(idOf(world, draw), {
      from: draw.flag ? 'creating' : 'ready',
      to: draw.flag ? 'ready' : 'degraded',
      ...(draw.small > 0 && { reason: 'a reason' }),
      now: at(draw.later),
    }),
  requestDeletion: (store, draw, world) =>
    store.clusters.requestDeletion(idOf(world, draw), { by: 'somebody', now: at(draw.later) }),
  refuseDeletion: (store, draw, world) =>
    store.clusters.refuseDeletion(idOf(world, draw), arn(draw.who), {
      reason: 'a stranger',
      at: at(draw.later),
    }),
  fence: (store, draw, world) =>
    store.clusters.fence(idOf(world, draw), {
      executionArn: arn(draw.who),
      kind: 'CleanupCluster',
      startedAt: at(0),
    }),
  bury: (store, draw, world) => store.clusters.bury(idOf(world, draw), arn(draw.who), at(draw.later)),
  claimInit: (store, draw, world) =>
    store.clusters.claimInit(idOf(world, draw), holderOf(draw), draw.flag ? otherHolder(draw) : undefined),
  markInitialised: (store, draw, world) =>
    store.clusters.markInitialised(idOf(world, draw), holderOf(draw), at(draw.later)),
  leaseJoin: (store, draw, world) =>
    store.clusters.leaseJoin(idOf(world, draw), holderOf(draw), draw.flag ? otherHolder(draw) : undefined),
  releaseJoin: (store, draw, world) =>
    store.clusters.releaseJoin(idOf(world, draw), draw.number, draw.flag ? draw.small : undefined),
  expectJoiner: (store, draw, world) => store.clusters.expectJoiner(idOf(world, draw), at(draw.later)),
  setWaitToken: (store, draw, world) =>
    store.clusters.setWaitToken(idOf(world, draw), arn(draw.who), `token-${draw.small}`),
  sayDrift: (store, draw, world) =>
    store.clusters.sayDrift(idOf(world, draw), {
      fingerprint: `fp-${draw.small}`,
      notBefore: at(draw.other),
      attempts: draw.small,
      now: at(draw.later),
    }),
  noteUnschedulable: (store, draw, world) =>
    store.clusters.noteUnschedulable(idOf(world, draw), { seen: draw.small, count: draw.other }),
  materialise: (store, draw, world) =>
    store.nodes.materialise(aNode({ clusterId: idOf(world, draw), id: nodeIdOf(draw), number: draw.number })),
  listNodes: (store, draw, world) => store.nodes.list(idOf(world, draw)),
  byProviderId: (store, draw, world) =>
    store.nodes.byProviderId('aws', 'main', `${world}-${draw.cluster}-${draw.other}`),
  claimNode: (store, draw, world) =>
    store.nodes.claim(idOf(world, draw), draw.number, {
      operation: { executionArn: arn(draw.who), kind: 'ProvisionNode', startedAt: at(0) },
      expectedDesired: draw.small === 0 ? 'absent' : 'present',
      ...(draw.flag && { provenDead: arn(draw.other) }),
    }),
  releaseNode: (store, draw, world) =>
    store.nodes.release(
      idOf(world, draw),
      draw.number,
      arn(draw.who),
      draw.flag ? at(draw.later) : undefined,
    ),
  beginAttempt: (store, draw, world) =>
    store.nodes.beginAttempt(idOf(world, draw), draw.number, {
      executionArn: arn(draw.who),
      request: {
        attempt: draw.small,
        offering: anOffering(),
        kubernetesVersion: '1.36',
        tokenExpiresAt: 1,
        requestedAt: at(draw.later),
      },
    }),
  endAttempt: (store, draw, world) =>
    store.nodes.endAttempt(idOf(world, draw), draw.number, {
      executionArn: arn(draw.who),
      attempt: draw.small,
      ...(draw.flag && { next: { offering: anOffering({ instanceType: 'c6i.xlarge' }), accountId: 'main' } }),
    }),
  recordMachine: (store, draw, world) =>
    store.nodes.recordMachine(idOf(world, draw), draw.number, {
      attempt: draw.small,
      providerId: `${world}-${draw.cluster}-${draw.other}`,
      publicAddress: draw.flag ? '198.51.100.1' : '',
      privateAddress: '10.10.0.1',
    }),
  admit: (store, draw, world) =>
    store.nodes.admit(idOf(world, draw), draw.number, {
      attempt: draw.small,
      sessionHash: hashOf(draw),
      now: at(draw.later),
    }),
  reportPhase: (store, draw, world) =>
    store.nodes.reportPhase(idOf(world, draw), draw.number, {
      attempt: draw.small,
      sessionHash: hashOf(draw),
      phase: draw.flag ? 'joining' : 'ready',
      now: at(draw.later),
    }),
  recordSync: (store, draw, world) =>
    store.nodes.recordSync(idOf(world, draw), draw.number, {
      sessionHash: hashOf(draw),
      meshVersion: draw.small,
      lastSeenAt: at(draw.later),
      ...(draw.flag && { leftAt: at(draw.later) }),
    }),
  markJoined: (store, draw, world) =>
    store.nodes.markJoined(idOf(world, draw), draw.number, { attempt: draw.small, now: at(draw.later) }),
  setNodeWaitToken: (store, draw, world) =>
    store.nodes.setWaitToken(idOf(world, draw), draw.number, {
      executionArn: arn(draw.who),
      attempt: draw.small,
      waitToken: 'token',
    }),
  recordFailure: (store, draw, world) =>
    store.nodes.recordFailure(idOf(world, draw), draw.number, {
      attempt: draw.small,
      failure: { reason: 'kubeadm failed' },
      unlessJoined: draw.flag,
    }),
  giveUp: (store, draw, world) =>
    store.nodes.giveUp(idOf(world, draw), draw.number, {
      executionArn: arn(draw.who),
      failure: { reason: 'given up' },
    }),
  noteInterruption: (store, draw, world) =>
    store.nodes.noteInterruption(idOf(world, draw), draw.number, {
      attempt: draw.small,
      kind: draw.flag ? 'terminate' : 'rebalance',
    }),
  retire: (store, draw, world) => store.nodes.retire(idOf(world, draw), draw.number),
  enterPhase: (store, draw, world) =>
    store.nodes.enterPhase(idOf(world, draw), draw.number, {
      executionArn: arn(draw.who),
      phase: nodePhases[draw.small + 5] ?? 'deleting',
    }),
  buryNode: (store, draw, world) =>
    store.nodes.bury(idOf(world, draw), draw.number, at(draw.flag ? 0 : -24 * 60)),
  replaceMesh: (store, draw, world) =>
    store.mesh.replace(idOf(world, draw), { versionRead: draw.small, members: [], now: at(draw.later) }),
  syncView: (store, draw, world) => store.syncView(idOf(world, draw), draw.number),
  recordNetwork: async (store, draw, world) => {
    await store.parts.recordNetwork(idOf(world, draw), {
      cloud: cloudNames[draw.small] ?? 'aws',
      location: { region: 'us-east-1', zone: '' },
      range: '10.10.0.0/16',
      subnetRange: '10.10.0.0/24',
      parts: { networkId: 'network' },
    });
    return store.parts.list(idOf(world, draw));
  },
  recordCloudFailure: (store, draw, world) =>
    store.parts.recordFailure(idOf(world, draw), cloudNames[draw.small] ?? 'aws', {
      error: 'E',
      message: '',
      at: at(0),
    }),
  forgetParts: (store, draw, world) => store.parts.forget(idOf(world, draw), cloudNames[draw.small] ?? 'aws'),
  observe: async (store, draw, world) => {
    const seen = { clusterId: idOf(world, draw), machines: [], resources: [], strangers: [] };
    await store.observations.put('aws', seen, at(draw.later));
    return store.observations.list(idOf(world, draw));
  },
  record: async (store, draw, world) => {
    const clusterId = idOf(world, draw);
    await store.timeline.record({
      clusterId,
      eventId: String(draw.small),
      at: at(draw.later),
      event: 'E',
      who: 'w',
      message: '',
    });
    const page = await store.timeline.list(clusterId, { limit: 2 });
    return [
      page,
      await store.timeline.list(clusterId, {
        limit: 2,
        ...(page.cursor !== undefined && { after: page.cursor }),
      }),
    ];
  },
  claimName: (store, draw, world) => store.names.claim(`${world}-${draw.small}`, idOf(world, draw)),
  lookUpName: (store, draw, world) => store.names.lookUp(`${world}-${draw.small}`),
  releaseName: (store, draw, world) => store.names.release(`${world}-${draw.small}`, idOf(world, draw)),
  remember: (store, draw, world) =>
    store.requests.remember(world, String(draw.small), {
      bodyHash: hashOf(draw),
      createdAt: at(draw.flag ? 0 : -48 * 60),
    }),
  coolOff: async (store, draw, world) => {
    const place = { cloud: 'aws', region: world, zone: 'a', instanceType: 't', lifecycle: 'spot' } as const;
    await store.coolOffs.put({ ...place, until: at(draw.later), reason: hashOf(draw) });
    return store.coolOffs.list('aws', world, at(draw.small));
  },
};
const names = Object.keys(steps);

const draws: fc.Arbitrary<Draw> = fc.record({
  step: fc.nat(names.length - 1),
  cluster: fc.constant(1),
  number: fc.integer({ min: 1, max: 2 }),
  who: fc.integer({ min: 1, max: 2 }),
  other: fc.integer({ min: 1, max: 2 }),
  small: fc.nat(2),
  later: fc.nat(3),
  flag: fc.boolean(),
});
/** What makes the rest worth anything: an owned cluster with two nodes at their first attempt. */
const opening: readonly (Partial<Draw> & { readonly name: string })[] = [
  { name: 'create' },
  { name: 'claim', who: 1 },
  ...[1, 2].flatMap((number) => [
    { name: 'materialise', number },
    { name: 'claimNode', number, who: number },
    { name: 'beginAttempt', number, who: number, small: 1 },
  ]),
];

/** The emulator takes milliseconds for each step. */
const runs = 12;
const stepsPerRun = 50;

describe('the table in memory', () => {
  let real: TestStore;
  beforeAll(async () => {
    real = await startTestStore({ now: () => exampleTime });
  });
  afterAll(() => real.close());

  it('does whatever the store asks of it as DynamoDB does', { timeout: 120_000 }, async () => {
    let run = 0;
    const seen = new Map<string, Set<boolean>>();
    await fc.assert(
      fc.asyncProperty(fc.array(draws, { minLength: stepsPerRun, maxLength: stepsPerRun }), async (drawn) => {
        run += 1;
        const world = String(run).padStart(8, '0');
        const memory = storeOver(
          tableOver(
            new MemoryTable(),
            () => exampleTime,
            async (_name, _key, act) => act(),
          ),
        );
        const first = opening.map((given) => ({
          cluster: 1,
          number: 1,
          who: 1,
          other: 1,
          small: 1,
          later: 0,
          flag: false,
          ...given,
          step: names.indexOf(given.name),
        }));
        for (const draw of [...first, ...drawn]) {
          const name = names[draw.step] ?? '';
          const step = steps[name] ?? (async () => undefined);
          const [expected, actual] = [await step(real.store, draw, world), await step(memory, draw, world)];
          expect({ name, result: actual }).toEqual({ name, result: expected });
          seen.set(name, (seen.get(name) ?? new Set()).add(expected !== false && expected !== undefined));
        }
      }),
      { numRuns: runs, seed: 7 },
    );
    // Each kind of step was tried, and the conditional ones both held and were refused.
    expect(names.filter((name) => !seen.has(name))).toEqual([]);
    expect([...seen.values()].filter((results) => results.size === 2).length).toBeGreaterThan(15);
  });
});

describe('an expression', () => {
  it.each([
    ['#a = :x', { a: 1 }, { x: 1 }, true],
    ['#a <> :x', {}, { x: 1 }, true],
    ['#a = :x', {}, { x: 1 }, false],
    ['#a < :x', { a: '2' }, { x: 3 }, false],
    ['#a.#b = :x', { a: { b: 'x' } }, { x: 'x' }, true],
    ['#a.#b = :x', { a: 'b' }, { x: 'x' }, false],
    ['#a IN (:x, :y)', { a: 2 }, { x: 1, y: 2 }, true],
    ['#a BETWEEN :x AND :y', { a: 'b' }, { x: 'a', y: 'c' }, true],
    ['NOT attribute_exists(#a) OR #a = :x AND #b = :x', { a: 1, b: 2 }, { x: 1 }, false],
    ['(attribute_not_exists(#a) OR #a = :x) AND #b = :x', { a: 1, b: 1 }, { x: 1 }, true],
  ])('%s of %j with %j is %s', (text, item, values, expected) => {
    expect(holds(text, item, values)).toBe(expected);
  });

  it.each(['#a =', '#a ~ :x', 'size(#a) > :x', '#a = :x #b', ''])('%s is not known', (text) => {
    expect(() => compileCondition(text)).toThrow(/expression/);
  });

  it('wants exactly the values that it names', () => {
    expect(() => holds('#a = :x', {}, {})).toThrow('ValidationException');
    expect(() => holds('#a = :x', {}, { x: 1, y: 2 })).toThrow('ValidationException');
  });
});
