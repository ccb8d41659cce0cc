import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryCloud, type MemoryCloud } from '../../shared/clouds/memory/index.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import { planNetwork } from '../../shared/planning/plan-network.ts';
import type { Cloud } from '../../shared/runtime/cloud.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint, type CrashPoints } from '../../test/builders/crash.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { silentLog, testClock, type TestClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { drive, driveRequest } from './drive.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => table.close());

const installationId = 'test-installation';
const pollsMax = 20;
/** Some twenty small worlds in one test: seconds alone, and a minute while everything else runs. */
const crashTimeoutMs = 120_000;

type Asked =
  | { readonly verb: 'ensureLoadBalancer'; readonly isLastTry?: boolean }
  | { readonly verb: 'joinLoadBalancer' | 'leaveLoadBalancer'; readonly number?: number };

interface Scene {
  readonly cloud: MemoryCloud;
  readonly clock: TestClock;
  readonly cluster: Cluster;
  readonly me: string;
  call(request: Asked): Promise<Record<string, unknown>>;
  /** Repeats a call, as the state machines do, until it is done. */
  until(request: Asked): Promise<void>;
  /** A worker that has joined, with its machine. */
  worker(number: number, given?: Partial<Node>): Promise<Node>;
  /** Providers' ids of the machines behind the one balancer that stands. */
  behind(): readonly string[] | undefined;
}

/** A cluster that asks for load balancers, in one cloud with its network standing; this execution owns it and its nodes. */
async function scene(
  options: { cluster?: Partial<Cluster>; points?: CrashPoints; driver?: (cloud: MemoryCloud) => Cloud } = {},
): Promise<Scene> {
  const clock = testClock();
  const me = anExecution();
  const cloud = createMemoryCloud({ name: 'aws', now: clock.now, bootSeconds: 0, deleteSeconds: 0 });
  const cluster = aCluster({
    ingress: { loadBalancers: true },
    operation: { executionArn: me, kind: 'ProvisionCluster', startedAt: exampleTime },
    ...options.cluster,
  });
  await store.clusters.create(cluster);
  const built = await cloud.ensureNetwork(
    planNetwork({ cluster, cloud: 'aws', installation: installationId }),
  );
  if (!built.done) throw new Error('a network in memory stands at once');
  const network = built.value;
  await store.parts.recordNetwork(cluster.id, network);
  const { points } = options;
  const driver = options.driver?.(cloud) ?? cloud;
  const handler = drive({
    cloud: 'aws',
    connect: async () => points?.wrap(driver) ?? driver,
    store: points?.wrap(store) ?? store,
    mac: { generate: async () => new Uint8Array() },
    clock,
    log: silentLog,
    installationId,
    apiUrl: 'https://api.example.com',
  });
  const call: Scene['call'] = async (request) => {
    const usual = request.verb === 'ensureLoadBalancer' ? { isLastTry: false } : { number: 1 };
    const asked = { clusterId: cluster.id, executionArn: me, ...usual, ...request };
    return (await handler(driveRequest.parse(asked))) as Record<string, unknown>;
  };
  return {
    cloud,
    clock,
    cluster,
    me,
    call,
    async until(request) {
      for (let poll = 0; poll < pollsMax; poll += 1) {
        const outcome = await call(request);
        if (outcome['done'] === true) return;
        clock.advance(Number(outcome['retryAfterSeconds']));
      }
      throw new Error(`${request.verb} was not done after ${pollsMax} polls`);
    },
    async worker(number, given = {}) {
      const owner = { installation: installationId, clusterId: cluster.id };
      const node = aNode({
        clusterId: cluster.id,
        number,
        phase: 'ready',
        attempt: 1,
        joinedAt: exampleTime,
        operation: { executionArn: me, kind: 'ProvisionNode', startedAt: exampleTime },
        ...given,
      });
      const made = await cloud.createMachine({
        owner,
        nodeId: node.id,
        token: node.id,
        name: `four-clouds-${number}`,
        role: node.role,
        offering: anOffering(),
        network,
        diskGib: 50,
        userData: '',
      });
      if (!made.done) throw new Error('a machine without boot time runs at once');
      const recorded = { ...node, providerId: made.value.providerId };
      await store.nodes.materialise(recorded);
      return recorded;
    },
    behind: () => cloud.world.balancers()[0]?.members,
  };
}

const parts = async ({ cluster }: Scene) => store.parts.get(cluster.id, 'aws');

describe('ensureLoadBalancer', () => {
  it('builds one in front of the workers that have joined, and records where it is reached', async () => {
    const at = await scene();
    const joined = await at.worker(1);
    await at.worker(2, { joinedAt: undefined as never, phase: 'booting' });
    await at.worker(3, { role: 'control-plane' });
    expect(await at.call({ verb: 'ensureLoadBalancer' })).toMatchObject({
      done: false,
      waitingFor: expect.stringContaining('to take traffic') as string,
    });
    expect((await parts(at))?.loadBalancer).toBeUndefined();
    await at.until({ verb: 'ensureLoadBalancer' });
    const [balancer] = at.cloud.world.balancers();
    expect((await parts(at))?.loadBalancer?.addresses).toEqual([balancer?.address]);
    expect(at.behind()).toEqual([joined.providerId]);
    await at.until({ verb: 'ensureLoadBalancer' });
    expect(at.cloud.world.calls).toMatchObject({ createBalancer: 1 });
  });

  it.each<[string, Partial<Cluster>]>([
    ['nobody asked for it', { ingress: { loadBalancers: false } }],
    ['the cluster is from before it could be asked for', { ingress: undefined as never }],
  ])('builds none when %s', async (_, cluster) => {
    const at = await scene({ cluster });
    await at.worker(1);
    await at.until({ verb: 'ensureLoadBalancer' });
    expect(at.cloud.world.balancers()).toEqual([]);
    expect(at.cloud.world.calls.readBalancer).toBeUndefined();
  });

  it('builds none without workers; the one that was is forgotten, and spare from then on', async () => {
    const at = await scene();
    await at.until({ verb: 'ensureLoadBalancer' });
    expect(at.cloud.world.balancers()).toEqual([]);
    const node = await at.worker(1);
    await at.until({ verb: 'ensureLoadBalancer' });
    expect((await parts(at))?.loadBalancer).toBeDefined();
    await store.nodes.retire(at.cluster.id, node.number);
    await at.until({ verb: 'ensureLoadBalancer' });
    expect((await parts(at))?.loadBalancer).toBeUndefined();
    expect((await parts(at))?.network).toBeDefined();
    expect(at.cloud.world.balancers()).toHaveLength(1);
  });

  it('keeps what the cloud says of its failure, and loses it by a success', async () => {
    const at = await scene();
    await at.worker(1);
    at.cloud.world.addFault({ effect: 'quota', operation: 'createBalancer' });
    const refused = at.call({ verb: 'ensureLoadBalancer' });
    await expect(refused).rejects.toMatchObject({ name: 'QuotaExceeded' });
    expect(await parts(at)).toMatchObject({
      loadBalancerFailure: { error: 'QuotaExceeded', message: 'aws: no more load balancers' },
    });
    expect((await parts(at))?.failure).toBeUndefined();
    await at.until({ verb: 'ensureLoadBalancer' });
    expect((await parts(at))?.loadBalancerFailure).toBeUndefined();
  });

  it('takes patience for no failure, and being late for one', async () => {
    const at = await scene();
    await at.worker(1);
    at.cloud.world.addFault({ effect: 'throttle', times: 3 });
    await expect(at.call({ verb: 'ensureLoadBalancer' })).rejects.toMatchObject({ name: 'Throttled' });
    expect((await parts(at))?.loadBalancerFailure).toBeUndefined();
    expect(await at.call({ verb: 'ensureLoadBalancer', isLastTry: true })).toMatchObject({ done: false });
    expect((await parts(at))?.loadBalancerFailure).toMatchObject({
      error: 'NotInTime',
      message: expect.stringContaining('still waiting for') as string,
    });
  });

  it('ends quietly for a cluster that is owned by another, or is to go', async () => {
    const at = await scene({ cluster: { desired: 'absent' } });
    await at.worker(1);
    await expect(at.call({ verb: 'ensureLoadBalancer' })).rejects.toMatchObject({ name: 'Superseded' });
    const other = await scene({ cluster: { operation: undefined as never } });
    await other.worker(1);
    await expect(other.call({ verb: 'ensureLoadBalancer' })).rejects.toMatchObject({ name: 'Superseded' });
    expect([...at.cloud.world.balancers(), ...other.cloud.world.balancers()]).toEqual([]);
  });

  it('puts in who joined while it was built, and did not find it', async () => {
    let late: (() => Promise<unknown>) | undefined;
    const at = await scene({
      driver: (cloud) => ({
        ...cloud,
        // After the nodes were read, and before the balancer is recorded.
        ensureLoadBalancer: async (spec) => {
          await late?.();
          late = undefined;
          return cloud.ensureLoadBalancer(spec);
        },
      }),
    });
    at.cloud.world.balancerSeconds = 0;
    const first = await at.worker(1);
    late = async () => {
      await at.worker(2);
      expect(await at.call({ verb: 'joinLoadBalancer', number: 2 })).toEqual({ done: true });
    };
    expect(await at.call({ verb: 'ensureLoadBalancer' })).toMatchObject({ done: false });
    expect(at.behind()).toEqual([first.providerId]);
    await at.until({ verb: 'ensureLoadBalancer' });
    expect(at.behind()).toHaveLength(2);
  });

  it('can be cut anywhere', { timeout: crashTimeoutMs }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await scene({ points });
      const node = await at.worker(1);
      return {
        run: () => at.until({ verb: 'ensureLoadBalancer' }),
        check: async () => {
          expect(at.cloud.world.balancers()).toHaveLength(1);
          expect(at.behind()).toEqual([node.providerId]);
          expect((await parts(at))?.loadBalancer).toBeDefined();
        },
      };
    });
  });
});

describe('a worker', () => {
  const balanced = async (): Promise<Scene> => {
    const at = await scene();
    await at.worker(1);
    await at.until({ verb: 'ensureLoadBalancer' });
    return at;
  };

  it('joins its cloud’s load balancer, and leaves it when it is to go', async () => {
    const at = await balanced();
    const node = await at.worker(2);
    expect(await at.call({ verb: 'joinLoadBalancer', number: 2 })).toEqual({ done: true });
    expect(at.behind()).toContain(node.providerId);
    await store.nodes.retire(at.cluster.id, 2);
    await at.until({ verb: 'leaveLoadBalancer', number: 2 });
    await at.until({ verb: 'leaveLoadBalancer', number: 2 });
    expect(at.behind()).not.toContain(node.providerId);
    expect(at.behind()).toHaveLength(1);
  });

  it('neither joins nor leaves against what is wanted of it', async () => {
    const at = await balanced();
    const node = await at.worker(2);
    const leave = at.call({ verb: 'leaveLoadBalancer', number: 2 });
    await expect(leave).rejects.toMatchObject({ name: 'Superseded' });
    await store.nodes.retire(at.cluster.id, 2);
    const join = at.call({ verb: 'joinLoadBalancer', number: 2 });
    await expect(join).rejects.toMatchObject({ name: 'Superseded' });
    expect(at.behind()).not.toContain(node.providerId);
  });

  it('does nothing where there is none, or as a control plane', async () => {
    const bare = await scene();
    await bare.worker(1);
    await bare.until({ verb: 'joinLoadBalancer' });
    expect(bare.cloud.world.calls.changeBalancer).toBeUndefined();

    const at = await balanced();
    await at.worker(2, { role: 'control-plane' });
    await at.until({ verb: 'joinLoadBalancer', number: 2 });
    expect(at.behind()).toHaveLength(1);
  });
});
