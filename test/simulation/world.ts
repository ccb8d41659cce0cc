import { createHash } from 'node:crypto';
import { clusterDeletionBlocked } from '../../events/cluster-deletion-blocked.ts';
import { createMemoryOfferings } from '../../shared/clouds/memory/index.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { storeOver } from '../../shared/store/index.ts';
import { Invariants, type Violation } from './checks/invariants.ts';
import { mayBeRestored, outcomeOf, whatIsLeftToDo } from './checks/liveness.ts';
import { Resizing } from './checks/resizing.ts';
import { History } from './clock/history.ts';
import { randomFrom } from './clock/random.ts';
import { VirtualTime } from './clock/virtual-time.ts';
import { Clouds } from './life/clouds.ts';
import { Fate, meddlingSeconds } from './life/fate.ts';
import { SimulatedMachine } from './life/machine.ts';
import { apiKey, People, type WantedCluster } from './life/people.ts';
import { Workloads } from './life/workloads.ts';
import { SimulatedZone } from './life/zone.ts';
import type { Services } from './platform/container.ts';
import { Faults } from './platform/faults.ts';
import { Lambda } from './platform/lambda.ts';
import { Messaging } from './platform/messaging.ts';
import { Outside } from './platform/outside.ts';
import { secretIn } from './platform/secrets.ts';
import { workflows } from './platform/workflows.ts';
import { StepFunctions } from './states/step-functions.ts';
import { MemoryTable, tableOver } from './table/memory-table.ts';

const beginning = '2026-11-23T04:00:00.000Z';
/** Faults go on a little longer than people and fate do. */
const calmAfterSeconds = meddlingSeconds + 300;
const lookEverySeconds = 120;
/** What has settled must stay so for this many looks: late messages may still come. */
const settledLooksMin = 4;
/** After this long without any trouble everything must be as it is wanted. */
const settleSecondsMax = 8 * 3600;
const askAgainSeconds = 600;

export interface Counts {
  seeds: number;
  virtualHours: number;
  steps: number;
  invocations: number;
  outsideCalls: number;
  cloudCalls: number;
  events: number;
  statesEntered: number;
  machines: number;
  operations: number;
  purchases: number;
  consolidated: number;
  checks: number;
}

export interface WorldReport {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly counts: Counts;
  readonly history: History;
  readonly faults: string;
  /** What became of each cluster: `present: ready`. */
  readonly outcomes: readonly string[];
  readonly hasZone: boolean;
}

/**
 * The world of one seed, without its history unless something is wrong: then it is run once more, which gives the same.
 */
export async function tryWorld(seed: number, { hasZone = false } = {}): Promise<WorldReport> {
  const tried = await runWorld(seed, { keepsHistory: false, hasZone });
  if (tried.violation === undefined) return tried;
  const told = await runWorld(seed, { hasZone });
  if (told.violation?.detail === tried.violation.detail) return told;
  const was = `${tried.violation.invariant}: ${tried.violation.detail}`;
  return {
    ...told,
    violation: { invariant: 'one seed has one history', detail: `once it broke with "${was}", and once not` },
  };
}

/**
 * One whole world, from its beginning to the moment when everything has settled or something is wrong.
 *
 * @param options.hasZone the installation has a hosted zone, and somebody meddles with it.
 */
export async function runWorld(
  seed: number,
  { keepsHistory = true, hasZone = false } = {},
): Promise<WorldReport> {
  const random = randomFrom(seed);
  const time = new VirtualTime(beginning);
  const history = new History(time, keepsHistory);
  const faults = new Faults(random);
  const outside = new Outside({ time, random, faults, history });
  const faultsDrawn = faults.describe();
  history.note('world', 'seed', seed, 'faults:', faultsDrawn);

  const machines: SimulatedMachine[] = [];
  const onSecret = (where: string, what: string): void =>
    invariants.broken('no secret is shown', `${where} shows ${what}`);
  const table: MemoryTable = new MemoryTable({
    write: (written) => {
      history.note(
        'table',
        written.key.pk,
        written.key.sk,
        written.after === undefined ? 'removed' : 'written',
      );
      invariants.onWrite(written);
    },
    text: (text, where) => {
      const secret = secretIn(text);
      if (secret !== undefined) onSecret(`the item ${where.pk} ${where.sk}`, secret);
    },
  });
  const invariants: Invariants = new Invariants({ time, table, machines });

  const workloads = new Workloads({
    outside,
    machines,
    clusterOf: (clusterId) => invariants.clusterOf(clusterId),
    nodesOf: (clusterId) => invariants.nodesOf(clusterId),
  });
  const bucket = new Set<string>();
  const zone = hasZone ? new SimulatedZone() : undefined;
  const blocked = new Map<string, string>();
  const services: Services = {
    outside,
    table,
    get stepFunctions() {
      return stepFunctions;
    },
    putEvents: (source, entries) => {
      for (const { name, detail } of entries) {
        messaging.publish(source, name, detail);
        if (name !== clusterDeletionBlocked.name) continue;
        const { clusterId, reason } = clusterDeletionBlocked.schema.parse(JSON.parse(detail));
        blocked.set(clusterId, reason);
      }
    },
    sendMessages: (queue, bodies, afterSeconds) => messaging.send(queue, bodies, afterSeconds),
    cloud: (name) => clouds.driver(name),
    offerings: (name) => createMemoryOfferings(clouds.worlds[name]),
    aroundCloud: (...call) => clouds.around(...call),
    broken: (invariant, detail) => invariants.broken(invariant, detail),
    apiAnswers: (clusterId) => invariants.apiAnswers(clusterId),
    clusterModel: workloads,
    bucket,
    ...(zone !== undefined && { zone }),
    onLog: (functionName, line) => {
      const secret = secretIn(line);
      if (secret !== undefined) onSecret(`a line of ${functionName}`, secret);
    },
  };
  const lambda = new Lambda(services, onSecret);
  const stepFunctions: StepFunctions = new StepFunctions({
    time,
    random,
    workflows,
    invoke: (name, payload) => lambda.invoke(name, payload),
    onStart: (execution) => {
      history.note('execution', execution.arn, 'begins', execution.input);
      const secret = secretIn(JSON.stringify(execution.input));
      if (secret !== undefined) onSecret(`the input of ${execution.arn}`, secret);
      fate.onExecution(execution.arn);
    },
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
        bucket,
        watch: {
          beginsInit: (each) => invariants.beginsInit(each),
          beginsJoin: (each) => invariants.beginsJoin(each),
          beginsRestore: (each) => invariants.beginsRestore(each),
          joined: (each) => invariants.etcd.joins(each),
          forgets: ({ clusterId }, address) => invariants.etcd.forgets(clusterId, address),
          apiAnswers: (clusterId) => invariants.apiAnswers(clusterId),
        },
      });
      machines.push(machine);
      history.note('machine', machine.name, `node ${machine.number}.${machine.attempt}`, 'is made');
      if (fate.onMachine(machine)) machine.boot();
    },
    onChange: () => invariants.onCloudChange(),
  });
  invariants.watch(clouds);
  invariants.executionBegan = (arn) => stepFunctions.executions.get(arn)?.startedAt;
  const resizing = new Resizing({
    time,
    workloads,
    clusterOf: (clusterId) => invariants.clusterOf(clusterId),
    nodesOf: (clusterId) => invariants.nodesOf(clusterId),
    findingsOf: (clusterId) => invariants.findingsOf(clusterId),
    must: (...said) => invariants.must(...said),
  });
  invariants.onPlan = (cluster) => resizing.onPlan(cluster);
  // What gives no room any more was counted on.
  invariants.onNode = ({ clusterId, phase, interruption }) => {
    if (phase === 'failed' || interruption !== undefined) resizing.onLost(clusterId);
  };
  invariants.onLetGo = (node) => resizing.onLetGo(node);
  workloads.onLook = (clusterId) => resizing.look(clusterId);
  const people = new People({ outside, lambda, look: invariants, workloads });
  const fate: Fate = new Fate({ outside, clouds, zone, stepFunctions, people, machines, invariants });

  // What stands in the table before anybody comes.
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

  const whyBlocked = (clusterId: string): string | undefined => blocked.get(clusterId);
  const parts = { table, zone, people, clouds, stepFunctions, machines, invariants, resizing, whyBlocked };
  let isSettled = false;
  let settledLooks = 0;
  const everyMinute = (): void => {
    const touched = zone?.touched();
    if (touched !== undefined) invariants.broken('strangers are not touched', touched);
    invariants.everyMinute();
    for (const clusterId of workloads.clusterIds) {
      workloads.schedule(clusterId);
      resizing.look(clusterId);
    }
    time.after(60, everyMinute);
  };
  const whatPeopleDo = (cluster: WantedCluster): Promise<void> | undefined => {
    const stored = people.stored(cluster);
    // A deletion that was refused is asked for again.
    if (cluster.wanted === 'absent' && stored?.deletionRequestedAt === undefined)
      return people.remove(cluster);
    // What was lost once is restored, and once more when that failed.
    if (cluster.wanted === 'present' && stored !== undefined && mayBeRestored(stored))
      return people.restore(cluster);
    // Whoever looked at the cloud says that it goes on.
    if (cluster.wanted === 'present' && stored !== undefined && invariants.waitsForPeople(stored.id))
      return people.replaceLost(cluster);
    return undefined;
  };
  const look = (calmAtMs: number, askedAtMs: number): void => {
    const left = people.clusters.flatMap((cluster) => {
      const why = whatIsLeftToDo(parts, cluster);
      return why === undefined ? [] : [{ cluster, why }];
    });
    settledLooks = left.length === 0 ? settledLooks + 1 : 0;
    if (settledLooks === settledLooksMin) {
      isSettled = true;
      return;
    }
    if (time.nowMs - calmAtMs > settleSecondsMax * 1000) {
      invariants.broken(
        'everything settles',
        left.map(({ cluster, why }) => `${cluster.name}, ${cluster.wanted}: ${why}`).join('; '),
      );
      return;
    }
    const isTime = time.nowMs - askedAtMs >= askAgainSeconds * 1000;
    for (const { cluster } of isTime ? left : [])
      whatPeopleDo(cluster)?.catch((error: unknown) =>
        invariants.broken('the simulation works', String(error)),
      );
    time.after(lookEverySeconds, () => look(calmAtMs, isTime ? time.nowMs : askedAtMs));
  };
  time.after(calmAfterSeconds, () => {
    history.note('world', 'is calm from here on');
    faults.calm();
    fate.calm();
    if (random.chance(0.5)) fate.takeStrangersAway();
    look(time.nowMs, 0);
  });
  everyMinute();
  messaging.startTicking();
  if (zone !== undefined) messaging.startLookingAtNames();
  fate.begin();

  try {
    await time.run(() => isSettled || invariants.violation !== undefined);
  } catch (error) {
    invariants.broken(
      'the simulation works',
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
  }
  const hours = (time.nowMs - Date.parse(beginning)) / 3_600_000;
  return {
    seed,
    hasZone,
    violation: invariants.violation,
    history,
    faults: faultsDrawn,
    outcomes: people.clusters.map((cluster) => outcomeOf(parts, cluster)),
    counts: {
      seeds: 1,
      virtualHours: hours,
      steps: time.struck,
      invocations: lambda.invocations,
      outsideCalls: outside.calls,
      cloudCalls: clouds.calls,
      events: messaging.events,
      statesEntered: stepFunctions.statesEntered,
      machines: machines.length,
      operations: fate.operations,
      purchases: resizing.purchases,
      consolidated: resizing.consolidated,
      checks: invariants.checks,
    },
  };
}
