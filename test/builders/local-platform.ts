import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createApiClient, type ApiClient } from '../../cli/api-client.ts';
import { clusterText } from '../../cli/output.ts';
import { projectFolder } from '../../infra/paths.ts';
import type { DamageKind, Fault, ResourceRow, StrangerRequest } from '../../local/clouds/world.ts';
import { startPlatform, type Platform } from '../../local/platform.ts';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Lifecycle } from '../../shared/domain/offering.ts';
import type { TimelineEntry } from '../../shared/domain/timeline.ts';
import { timePasses } from './time-passes.ts';

/** Fast enough to wait for, slow enough that a busy machine's delays do not look like a cloud's. */
const timeScale = 100;
const waitSecondsMax = 40;
const pollMilliseconds = 150;
/** How often a quiet node's last word is written down; whoever is silent for twice as long is missed. */
const heardMinutes = 5;
/** Longer than the reconciler believes that an event may still be on its way. */
const secondsBetweenTicks = 61;
/** What a tick has set in motion gets so far before the next one. */
const millisecondsBetweenTicks = 1000;
const ticksMax = 60;

/** The whole platform on loopback, with what a scenario says and looks at. */
export interface TestPlatform extends Platform {
  readonly api: ApiClient;
  /** Every line that was logged: `<part> <line>`. */
  readonly lines: readonly string[];
  /** Applies a file of that name; the clusters of one platform have names of their own. */
  apply(name: string, file?: string): Promise<ClusterDetails>;
  /** Looks again until the cluster is as `condition` says. @throws with all that is known of it when time is up. */
  until(
    nameOrId: string,
    condition: (cluster: ClusterDetails) => boolean,
    secondsMax?: number,
  ): Promise<ClusterDetails>;
  untilReady(nameOrId: string): Promise<ClusterDetails>;
  /** Ready, all its nodes too, and nobody at work on it any more. */
  untilSettled(nameOrId: string): Promise<ClusterDetails>;
  /** Asks for the deletion and waits until it is over, one way or the other. */
  remove(nameOrId: string): Promise<ClusterDetails>;
  timeline(nameOrId: string): Promise<readonly TimelineEntry[]>;
  /** What one cluster owns in all clouds: what carries its id in a tag, a name or where it sits. */
  ownedBy(clusterId: string): readonly ResourceRow[];
  /** Whatever is in the four clouds, but for the default network that every region of DigitalOcean has. */
  resources(): readonly ResourceRow[];
  /** Machines that exist, by cloud and id. */
  machines(): readonly string[];
  /** The control endpoint of the simulators, as a person would use it. */
  fault(fault: Partial<Fault> & Pick<Fault, 'cloud' | 'effect'>): Promise<void>;
  clearFaults(): Promise<void>;
  placeStranger(stranger: StrangerRequest): Promise<{ cloud: CloudName; id: string; name: string }>;
  kill(machine: { cloud: CloudName; id: string }): Promise<void>;
  stop(machine: { cloud: CloudName; id: string }): Promise<void>;
  /** What a person with the console does; local/clouds/control.ts says what each kind is. @returns the id of what was struck or made. */
  damage(
    what: { cloud: CloudName; kind: DamageKind } & ({ clusterId: string } | { machineId: string }),
  ): Promise<string>;
  /** Has the hosted zone looked at now. */
  lookAtNames(): Promise<void>;
  /** This many seconds more, and then the tick; what it sets in motion goes on afterwards. */
  tickAfter(clusterId: string, seconds: number): Promise<void>;
  /** So many minutes pass with nobody looking, in which every machine is heard of as usual: none has been silent for long. */
  minutesPass(clusterId: string, minutes: number): Promise<void>;
  /** A tick, and a minute later the next one, until it is so; on the wall they follow each other faster. */
  tickUntil(
    clusterId: string,
    condition: (cluster: ClusterDetails) => boolean,
    /** Looks at something else besides, each time before the condition is asked. */
    look?: () => Promise<void>,
  ): Promise<ClusterDetails>;
}

export const exampleFile = (name = 'four-clouds'): string =>
  readFileSync(join(projectFolder, 'examples', 'four-clouds.yaml'), 'utf8').replace(
    'name: four-clouds',
    `name: ${name}`,
  );

/** A cluster file with these nodes; the first cloud has the control plane. */
export const smallFile = (
  name: string,
  clouds: readonly CloudName[],
  nodes: readonly {
    role: 'control-plane' | 'worker';
    cloud: CloudName;
    shape?: string;
    lifecycle?: Lifecycle;
    count?: number;
  }[] = [{ role: 'control-plane', cloud: clouds[0] ?? 'aws' }],
): string =>
  JSON.stringify({
    apiVersion: 'overcast.dev/v1',
    kind: 'Cluster',
    metadata: { name },
    spec: {
      region: 'us-east',
      clouds: clouds.map((cloud) => ({ cloud })),
      nodes: nodes.map(({ shape = 'medium', count = 1, ...node }) => ({ ...node, shape, count })),
    },
  });

/** Reads again until it is so. @throws what was last seen when time is up. */
export async function eventually<T>(
  what: string,
  read: () => Promise<T> | T,
  condition: (value: T) => boolean,
  secondsMax = waitSecondsMax,
  describe: (value: T) => string = (value) => JSON.stringify(value),
): Promise<T> {
  const deadline = Date.now() + secondsMax * 1000;
  for (;;) {
    const value = await read();
    if (condition(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not after ${secondsMax} s:\n${describe(value)}`);
    await delay(pollMilliseconds);
  }
}

export const living = (cluster: ClusterDetails): readonly NodeView[] =>
  cluster.nodes.filter(({ phase }) => phase !== 'deleted');

const synthesized = join(projectFolder, 'cdk.out');
const templateFile = 'Overcast.template.json';

/** The rule with this schedule, by its logical id; undefined when the template has none. */
const ruleOf = (assemblyFolder: string, schedule: string): string | undefined => {
  const { Resources } = JSON.parse(readFileSync(join(assemblyFolder, templateFile), 'utf8')) as {
    Resources: Record<string, { Type: string; Properties: { ScheduleExpression?: string } }>;
  };
  const [id] =
    Object.entries(Resources).find(([, { Properties }]) => Properties?.ScheduleExpression === schedule) ?? [];
  return id;
};

/**
 * The synthesized app, but for the patience of its state machines: a wait for a machine's word lasts this long instead
 * of five minutes. Everything else is the same file.
 */
function impatient(waitSeconds: number): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-assembly-'));
  for (const name of readdirSync(synthesized))
    if (name !== templateFile) symlinkSync(join(synthesized, name), join(folder, name));
  const template = readFileSync(join(synthesized, templateFile), 'utf8');
  const patience = String.raw`TimeoutSeconds\":300`;
  if (template.split(patience).length !== 3) throw new Error('the workflows wait otherwise than they did');
  writeFileSync(
    join(folder, templateFile),
    template.replaceAll(patience, String.raw`TimeoutSeconds\":${waitSeconds}`),
  );
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

/**
 * @param options.waitSeconds how long a state machine waits for a machine's word each time; as deployed when absent.
 * @param options.assemblyFolder another synthesized app than the one that all tests share.
 */
export async function startTestPlatform(
  options: { waitSeconds?: number; assemblyFolder?: string } = {},
): Promise<TestPlatform> {
  const lines: string[] = [];
  const assembly =
    options.waitSeconds === undefined
      ? { folder: options.assemblyFolder ?? synthesized, remove: () => {} }
      : impatient(options.waitSeconds);
  const fire = async (schedule: string): Promise<void> => {
    const rule = ruleOf(assembly.folder, schedule);
    if (rule === undefined) throw new Error(`the template has no schedule ${schedule}`);
    await platform.aws.fireSchedule(rule);
  };
  const platform = await startPlatform({
    assemblyFolder: assembly.folder,
    port: 0,
    timeScale,
    log: (part, line) => lines.push(`${part} ${line}`),
  });
  const api = createApiClient({ url: platform.url, apiKey: platform.apiKey });
  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${platform.clouds.aws}/_control/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  };
  const until: TestPlatform['until'] = (nameOrId, condition, secondsMax) =>
    eventually(
      `cluster ${nameOrId}`,
      () => api.getCluster(nameOrId),
      condition,
      secondsMax,
      (cluster) => clusterText(cluster, Date.now()),
    );

  const secondsPass = (clusterId: string, seconds: number): Promise<void> =>
    timePasses(
      { url: platform.aws.url, tableName: platform.aws.outputs['TableName'] ?? '' },
      clusterId,
      seconds,
    );
  const tickAfter: TestPlatform['tickAfter'] = async (clusterId, seconds) => {
    await secondsPass(clusterId, seconds);
    await fire('rate(1 minute)');
  };
  /**
   * Until every machine that runs has been heard of: time in the table goes faster than on the wall, and a machine that had no
   * turn on a busy processor is not one that is silent.
   */
  const untilHeard = (clusterId: string, minutes: number): Promise<unknown> =>
    eventually(
      'the word of every machine',
      () => platform.store.nodes.list(clusterId),
      (nodes) =>
        nodes.every(({ phase, cloud, providerId = '', lastSeenAt }) => {
          const machine = platform.world.machine(cloud, providerId);
          const talks =
            phase === 'ready' && machine !== undefined && platform.world.state(machine) === 'running';
          return !talks || Date.parse(lastSeenAt ?? '') > Date.now() - minutes * 60_000;
        }),
    );
  const minutesPass: TestPlatform['minutesPass'] = async (clusterId, minutes) => {
    for (let left = minutes; left > 0; left -= heardMinutes) {
      await secondsPass(clusterId, Math.min(left, heardMinutes) * 60);
      await untilHeard(clusterId, heardMinutes);
    }
  };

  return {
    ...platform,
    api,
    lines,
    async close() {
      await platform.close();
      assembly.remove();
    },
    until,
    apply: (name, file = exampleFile(name)) => api.applyCluster(name, file),
    untilReady: (nameOrId) => until(nameOrId, ({ status }) => status === 'ready'),
    async untilSettled(nameOrId) {
      const { id } = await until(
        nameOrId,
        (cluster) =>
          cluster.status === 'ready' &&
          cluster.operation === undefined &&
          living(cluster).every(({ phase, desired }) => phase === 'ready' && desired === 'present'),
      );
      await eventually(
        `nobody at work on ${nameOrId}`,
        () => platform.store.nodes.list(id),
        (nodes) => nodes.every(({ operation }) => operation === undefined),
      );
      return api.getCluster(id);
    },
    async remove(nameOrId) {
      const { id } = await api.deleteCluster(nameOrId);
      return until(
        id,
        (cluster) => cluster.status === 'deleted' || cluster.deletionRequestedAt === undefined,
      );
    },
    async timeline(nameOrId) {
      const entries: TimelineEntry[] = [];
      for (let after: string | undefined; ;) {
        const page = await api.listEvents(nameOrId, after);
        entries.push(...page.items);
        if (page.items.length === 0 || page.cursor === undefined) return entries;
        after = page.cursor;
      }
    },
    ownedBy: (clusterId) =>
      platform.world
        .resources()
        .filter((row) => row.state !== 'gone' && JSON.stringify(row).includes(clusterId)),
    resources: () =>
      platform.world
        .resources()
        .filter(
          ({ cloud, kind, name }) =>
            !(cloud === 'digitalocean' && kind === 'vpc' && name.startsWith('default-')),
        ),
    machines: () =>
      platform.world.machines
        .values()
        .filter((machine) => platform.world.state(machine) !== 'gone')
        .map(({ cloud, id }) => `${cloud}/${id}`),
    fault: async (fault) => {
      await control('POST', 'faults', fault);
    },
    clearFaults: async () => {
      await control('DELETE', 'faults');
    },
    placeStranger: async (stranger) =>
      (await control('POST', 'strangers', stranger)) as { cloud: CloudName; id: string; name: string },
    kill: async ({ cloud, id }) => {
      await control('POST', `machines/${cloud}/${encodeURIComponent(id)}/kill`);
    },
    stop: async ({ cloud, id }) => {
      await control('POST', `machines/${cloud}/${encodeURIComponent(id)}/stop`);
    },
    damage: async (what) => ((await control('POST', 'damage', what)) as { id: string }).id,
    lookAtNames: () => fire('rate(2 minutes)'),
    tickAfter,
    minutesPass,
    async tickUntil(clusterId, condition, look) {
      for (let ticks = 1; ticks <= ticksMax; ticks += 1) {
        await untilHeard(clusterId, heardMinutes + 1);
        await tickAfter(clusterId, secondsBetweenTicks);
        const next = Date.now() + millisecondsBetweenTicks;
        do {
          const cluster = await api.getCluster(clusterId);
          await look?.();
          if (condition(cluster)) return cluster;
          await delay(pollMilliseconds);
        } while (Date.now() < next);
      }
      throw new Error(
        `not after ${ticksMax} ticks:\n${clusterText(await api.getCluster(clusterId), Date.now())}`,
      );
    },
  };
}
