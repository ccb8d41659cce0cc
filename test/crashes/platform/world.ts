import { createHash } from 'node:crypto';
import type { Cloud } from '../../../shared/clouds/contract.ts';
import { createMemoryOfferings } from '../../../shared/clouds/memory/index.ts';
import { cloudNames } from '../../../shared/domain/cloud.ts';
import { storeOver } from '../../../shared/store/index.ts';
import type { Key } from '../../../shared/store/keys.ts';
import { Invariants, type Violation } from '../../simulation/checks/invariants.ts';
import { whatIsLeftToDo } from '../../simulation/checks/liveness.ts';
import { History } from '../../simulation/clock/history.ts';
import { randomFrom } from '../../simulation/clock/random.ts';
import { VirtualTime } from '../../simulation/clock/virtual-time.ts';
import { Clouds } from '../../simulation/life/clouds.ts';
import { SimulatedMachine } from '../../simulation/life/machine.ts';
import { apiKey, People, type WantedCluster } from '../../simulation/life/people.ts';
import { Workloads } from '../../simulation/life/workloads.ts';
import { SimulatedZone } from '../../simulation/life/zone.ts';
import type { Services } from '../../simulation/platform/container.ts';
import { Faults } from '../../simulation/platform/faults.ts';
import { Lambda } from '../../simulation/platform/lambda.ts';
import { Messaging } from '../../simulation/platform/messaging.ts';
import { workflows } from '../../simulation/platform/workflows.ts';
import { StepFunctions } from '../../simulation/states/step-functions.ts';
import { MemoryTable, tableOver } from '../../simulation/table/memory-table.ts';
import { CuttingOutside, type Phase, type PlatformCut, type RecordedCall } from './cuts.ts';
import { endState } from './end-state.ts';
import { settleNeighbours } from './neighbours.ts';
import { clusterName, Person } from './person.ts';

const beginning = '2026-11-23T04:00:00.000Z';
/** Latencies and ids are drawn from it: with one seed, all runs are one until they are cut. */
const seed = 1;
const lookEverySeconds = 10;
/** What has settled must stay so for this long: what was tried again comes late. */
const settledSeconds = 60;
/** The longest way back is a queue's: six times the timeout of its function, several times over. */
const settleSecondsMax = 4 * 3600;
/** After the tombstone: longer than any call that a dead function may have left on its way. */
const watchSeconds = 600;

export type Through = (driver: Cloud, nowMs: () => number) => Cloud;
const asItIs: Through = (driver) => driver;

export interface PlatformReport {
  readonly violation: Violation | undefined;
  readonly recorded: Readonly<Record<Phase, readonly RecordedCall[]>>;
  /** The calls at which functions died. */
  readonly struck: readonly RecordedCall[];
  /** What stood when the cluster had settled, and when it was gone. */
  readonly ends: Readonly<Partial<Record<Phase, readonly string[]>>>;
  readonly checks: number;
  readonly virtualSeconds: number;
  readonly history: History;
}

/**
 * The cluster over four clouds from its creation to its tombstone, or until it is ready, with at most the one cut: no other
 * fault strikes, nobody else meddles.
 */
export async function runPlatform(options: {
  readonly cut?: PlatformCut;
  readonly until: Phase;
  /** A driver that is worse than the real one: what does a cut find then? */
  readonly through?: Through;
}): Promise<PlatformReport> {
  const random = randomFrom(seed);
  const time = new VirtualTime(beginning);
  const history = new History(time);
  const faults = new Faults(random);
  faults.calm();
  const outside = new CuttingOutside({ time, random, faults, history });
  outside.cut = options.cut;

  const machines: SimulatedMachine[] = [];
  const keys = new Map<string, Key>();
  const onSecret = (where: string, what: string): void =>
    invariants.broken('no secret is shown', `${where} shows ${what}`);
  const table: MemoryTable = new MemoryTable({
    write: (written) => {
      keys.set(`${written.key.pk} ${written.key.sk}`, written.key);
      history.note(
        'table',
        written.key.pk,
        written.key.sk,
        written.after === undefined ? 'removed' : 'written',
      );
      invariants.onWrite(written);
    },
  });
  const invariants: Invariants = new Invariants({ time, table, machines });
  const workloads = new Workloads({
    outside,
    machines,
    clusterOf: (clusterId) => invariants.clusterOf(clusterId),
    nodesOf: (clusterId) => invariants.nodesOf(clusterId),
  });
  const zone = new SimulatedZone();
  const services: Services = {
    clusterModel: workloads,
    outside,
    table,
    get stepFunctions() {
      return stepFunctions;
    },
    putEvents: (source, entries) => {
      for (const { name, detail } of entries) messaging.publish(source, name, detail);
    },
    sendMessages: (queue, bodies) => messaging.send(queue, bodies),
    cloud: (name) => (options.through ?? asItIs)(clouds.driver(name), () => time.nowMs),
    offerings: (name) => createMemoryOfferings(clouds.worlds[name]),
    aroundCloud: (...call) => clouds.around(...call),
    broken: (invariant, detail) => invariants.broken(invariant, detail),
    apiAnswers: (clusterId) => invariants.apiAnswers(clusterId),
    zone,
    onLog: () => {},
  };
  const lambda = new Lambda(services, onSecret);
  const stepFunctions: StepFunctions = new StepFunctions({
    time,
    random,
    workflows,
    invoke: (name, payload) => lambda.invoke(name, payload),
    onStart: (execution) => history.note('execution', execution.arn, 'begins', execution.input),
    onEnd: (execution, reason) => {
      history.note('execution', execution.arn, execution.status, reason ?? '');
      messaging.executionEnded(execution);
    },
    note: (...parts) => history.note(...parts),
  });
  const messaging: Messaging = new Messaging({ outside, lambda, stepFunctions, onSecret });
  const clouds: Clouds = new Clouds({
    outside,
    onMachine: (cloud, made) => {
      const machine = new SimulatedMachine(cloud, clouds.worlds[cloud], made, {
        outside,
        lambda,
        table,
        watch: {
          beginsInit: (each) => invariants.beginsInit(each),
          beginsJoin: (each) => invariants.beginsJoin(each),
          beginsRestore: (each) => invariants.beginsRestore(each),
          joined: (each) => invariants.etcd.joins(each),
          forgets: ({ clusterId }, address) => invariants.etcd.forgets(clusterId, address),
          apiAnswers: (clusterId) => invariants.apiAnswers(clusterId),
        },
      });
      const { name, number, attempt } = machine;
      // Nobody kills machines here: a second one was made because the first was forgotten, however soon it is collected.
      if (machines.some((each) => each.number === number && each.attempt === attempt))
        invariants.broken('an attempt makes one machine', `${name} is one more of node ${number}.${attempt}`);
      machines.push(machine);
      history.note('machine', machine.name, `node ${machine.number}.${machine.attempt}`, 'is made');
      machine.boot();
    },
    onChange: () => invariants.onCloudChange(),
  });
  invariants.watch(clouds);
  invariants.executionBegan = (arn) => stepFunctions.executions.get(arn)?.startedAt;
  settleNeighbours(clouds, invariants);

  const setUp = storeOver(
    tableOver(
      table,
      () => time.now(),
      async (_name, _key, act) => act(),
    ),
  );
  await setUp.apiKeys.put({
    hash: createHash('sha256').update(apiKey).digest('hex'),
    name: 'somebody',
    scopes: ['read', 'write'],
    createdAt: time.now(),
  });
  for (const cloud of cloudNames) await setUp.accounts.put({ cloud, id: 'main', createdAt: time.now() });

  const person = new Person(outside, lambda);
  const people = new People({ outside, lambda, look: invariants, workloads });
  const wanted: WantedCluster = { name: clusterName, clouds: cloudNames, id: undefined, wanted: 'present' };
  people.clusters.push(wanted);
  const parts = {
    table,
    zone,
    people,
    clouds,
    stepFunctions,
    machines,
    invariants,
    resizing: { whatIsLeftToDo: () => undefined },
    whyBlocked: () => undefined,
  };
  const left = (): string | undefined => {
    const cluster = people.stored(wanted);
    if (cluster === undefined) return 'it was never made';
    const open = table.partition(`C#${cluster.id}`, 'FINDING#').length;
    return whatIsLeftToDo(parts, wanted) ?? (open === 0 ? undefined : `${open} findings are open`);
  };
  const settled = async (): Promise<void> => {
    const since = time.nowMs;
    for (let calm = 0; calm < settledSeconds; calm += lookEverySeconds) {
      await time.sleep(lookEverySeconds);
      const why = left();
      if (why !== undefined) calm = -lookEverySeconds;
      if (time.nowMs - since < settleSecondsMax * 1000) continue;
      invariants.broken('everything settles', why ?? 'it never stays so');
      return;
    }
  };
  const ends: Partial<Record<Phase, readonly string[]>> = {};
  const end = (phase: Phase): void => {
    outside.phase = undefined;
    history.note('world', phase, 'is over');
    ends[phase] = endState({
      table,
      keys: keys.values(),
      clouds,
      zone,
      invariants,
      clusterId: wanted.id ?? '',
    });
  };
  const live = async (): Promise<void> => {
    outside.phase = 'create';
    await person.create();
    await settled();
    end('create');
    if (options.until === 'create' || invariants.violation !== undefined) return;
    outside.phase = 'delete';
    wanted.wanted = 'absent';
    await person.remove();
    await settled();
    outside.phase = undefined;
    await time.sleep(watchSeconds);
    end('delete');
  };
  const everyMinute = (): void => {
    invariants.everyMinute();
    invariants.onCloudChange();
    time.after(60, everyMinute);
  };
  everyMinute();
  messaging.startTicking();
  let isOver = false;
  const broken = (error: unknown): void =>
    invariants.broken(
      'the simulation works',
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
  live()
    .catch(broken)
    .finally(() => {
      isOver = true;
    });
  await time.run(() => isOver || invariants.violation !== undefined).catch(broken);
  return {
    violation: invariants.violation,
    recorded: outside.recorded,
    struck: outside.struck,
    ends,
    checks: invariants.checks,
    virtualSeconds: (time.nowMs - Date.parse(beginning)) / 1000,
    history,
  };
}
