import type { FunctionConfiguration, Outcome } from './function.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';

export interface PoolLimits {
  /** Threads of all functions together: with the bundles of this project each takes 25–40 MB. */
  readonly threadsMax: number;
  readonly threadsPerFunctionMax: number;
  /**
   * How long an invocation waits for a busy thread of its function before one more is started: a start costs as much
   * as ten invocations.
   */
  readonly patienceMilliseconds: number;
  readonly idleMillisecondsMax: number;
}

/** Warm threads, reused, started when needed and let go when idle; what finds none waits in line. */
export interface Pool {
  run(configuration: FunctionConfiguration, requestId: string, payload: string): Promise<Outcome>;
  /** Running and waiting invocations. */
  readonly load: { readonly running: number; readonly waiting: number; readonly threads: number };
  /** Running and waiting invocations of one function: what Lambda would count as its concurrency. */
  concurrency(configuration: FunctionConfiguration): number;
  close(): Promise<void>;
}

interface Waiting {
  readonly requestId: string;
  readonly payload: string;
  readonly order: number;
  readonly since: number;
  readonly resolve: (outcome: Outcome) => void;
}
interface Fleet {
  readonly configuration: FunctionConfiguration;
  /** The longest idle first. */
  readonly idle: { readonly sandbox: Sandbox; readonly since: number }[];
  readonly waiting: Waiting[];
  running: number;
  /** Threads that have not loaded the function yet. */
  starting: number;
}

export function createPool(limits: PoolLimits, log: (source: string, line: string) => void): Pool {
  const fleets = new Map<string, Fleet>();
  const sandboxes = new Set<Sandbox>();
  let order = 0;
  let closed = false;
  let again: NodeJS.Timeout | undefined;

  const fleetOf = (configuration: FunctionConfiguration): Fleet => {
    const known = fleets.get(configuration.name);
    if (known !== undefined) return known;
    const fleet: Fleet = { configuration, idle: [], waiting: [], running: 0, starting: 0 };
    fleets.set(configuration.name, fleet);
    return fleet;
  };

  const discard = (sandbox: Sandbox): void => {
    sandboxes.delete(sandbox);
    void sandbox.terminate();
  };

  const warm = (fleet: Fleet): Sandbox | undefined => {
    for (let idle = fleet.idle.pop(); idle !== undefined; idle = fleet.idle.pop()) {
      if (idle.sandbox.alive) return idle.sandbox;
      discard(idle.sandbox);
    }
    return undefined;
  };

  /** A new sandbox; when all threads are taken, in the place of the longest idle one of those that may go. */
  const cold = (fleet: Fleet, mayGo: (other: Fleet) => boolean): Sandbox | undefined => {
    if (fleet.running >= limits.threadsPerFunctionMax) return undefined;
    if (sandboxes.size >= limits.threadsMax) {
      const [idlest] = [...fleets.values()]
        .filter((other) => other.idle.length > 0 && mayGo(other))
        .sort((one, other) => (one.idle[0]?.since ?? 0) - (other.idle[0]?.since ?? 0));
      const evicted = idlest?.idle.shift();
      if (evicted === undefined) return undefined;
      discard(evicted.sandbox);
    }
    const sandbox = startSandbox(fleet.configuration, log);
    sandboxes.add(sandbox);
    fleet.starting += 1;
    const load = async (): Promise<void> => {
      await sandbox.loaded;
      fleet.starting -= 1;
    };
    void load();
    return sandbox;
  };

  const start = (fleet: Fleet, sandbox: Sandbox, { requestId, payload, resolve }: Waiting): void => {
    fleet.running += 1;
    const run = async (): Promise<void> => {
      const outcome = await sandbox.invoke(requestId, payload);
      fleet.running -= 1;
      if (sandbox.alive && !closed) fleet.idle.push({ sandbox, since: Date.now() });
      else discard(sandbox);
      resolve(outcome);
      dispatch();
    };
    void run();
  };

  const startNext = (fleet: Fleet, take: () => Sandbox | undefined): boolean => {
    if (fleet.waiting.length === 0) return false;
    const sandbox = take();
    if (sandbox === undefined) return false;
    const next = fleet.waiting.shift();
    if (next !== undefined) start(fleet, sandbox, next);
    return true;
  };

  /** While a thread of the function still starts, whoever waits is better off with that one. */
  const isOverdue = ({ waiting: [next], starting }: Fleet): boolean =>
    starting === 0 && next !== undefined && Date.now() - next.since >= limits.patienceMilliseconds;

  /**
   * First one thread for every function that has none, whoever has to give it up; then whoever is warm; then more.
   * So no function starves, and threads are not thrown away while their own function has work for them.
   */
  const dispatch = (): void => {
    if (closed) return;
    const inLine = [...fleets.values()]
      .filter(({ waiting }) => waiting.length > 0)
      .sort((one, other) => (one.waiting[0]?.order ?? 0) - (other.waiting[0]?.order ?? 0));
    for (const fleet of inLine)
      if (fleet.running === 0) startNext(fleet, () => warm(fleet) ?? cold(fleet, () => true));
    for (const fleet of inLine) while (startNext(fleet, () => warm(fleet)));
    for (const fleet of inLine)
      while (isOverdue(fleet) && startNext(fleet, () => cold(fleet, (other) => other.waiting.length === 0)));
    if (inLine.some(({ waiting }) => waiting.length > 0))
      again ??= setTimeout(() => {
        again = undefined;
        dispatch();
      }, limits.patienceMilliseconds);
  };

  const reaper = setInterval(() => {
    const before = Date.now() - limits.idleMillisecondsMax;
    for (const { idle } of fleets.values())
      while ((idle[0]?.since ?? Number.POSITIVE_INFINITY) < before) {
        const gone = idle.shift();
        if (gone !== undefined) discard(gone.sandbox);
      }
  }, 1000);
  reaper.unref();

  return {
    run: (configuration, requestId, payload) =>
      new Promise((resolve) => {
        order += 1;
        fleetOf(configuration).waiting.push({ requestId, payload, order, since: Date.now(), resolve });
        dispatch();
      }),
    get load() {
      const all = [...fleets.values()];
      return {
        running: all.reduce((sum, { running }) => sum + running, 0),
        waiting: all.reduce((sum, { waiting }) => sum + waiting.length, 0),
        threads: sandboxes.size,
      };
    },
    concurrency: (configuration) => {
      const fleet = fleetOf(configuration);
      return fleet.running + fleet.waiting.length;
    },
    close: async () => {
      closed = true;
      clearInterval(reaper);
      clearTimeout(again);
      for (const { waiting } of fleets.values())
        for (const { resolve } of waiting.splice(0))
          resolve({
            ok: false,
            failure: { errorType: 'Runtime.ExitError', errorMessage: 'the platform stopped' },
          });
      await Promise.all([...sandboxes].map((sandbox) => sandbox.terminate()));
    },
  };
}
