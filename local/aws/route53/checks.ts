import { randomUUID } from 'node:crypto';
import type { Collection } from '../../disk.ts';
import { AwsError } from '../wire.ts';

/** As the wire has it, every value as text. */
export interface HealthCheckConfig {
  readonly Type: string;
  readonly IPAddress: string;
  readonly Port: string;
  readonly RequestInterval?: string;
  readonly FailureThreshold?: string;
  readonly Disabled?: string;
  readonly Inverted?: string;
  readonly MeasureLatency?: string;
}

export interface HealthCheck {
  readonly id: string;
  readonly callerReference: string;
  readonly config: HealthCheckConfig;
}

export interface HealthChecks {
  list(): readonly HealthCheck[];
  get(id: string): HealthCheck;
  create(callerReference: string, config: HealthCheckConfig): HealthCheck;
  /** The reference stays spent. */
  delete(id: string): void;
  /** Healthy until enough answers in a row say otherwise. A check that is not there counts as unhealthy. */
  isHealthy(id: string): boolean;
  close(): void;
}

/** Source: Route 53 quotas. */
const checksMax = 200;
/** Real milliseconds; however fast time passes, probing has its own price. */
const intervalMillisecondsMin = 200;

/**
 * The account's health checks. One checker asks instead of dozens around the world; what it is told counts.
 *
 * @param options.probe whether something answers there; scaled waits pass `waitScale` times faster.
 */
export function openChecks(options: {
  readonly stored: Collection<HealthCheck>;
  readonly spent: Collection<string>;
  readonly probe: (address: string, port: number) => Promise<boolean>;
  readonly waitScale: number;
  readonly log: (line: string) => void;
}): HealthChecks {
  const { stored, spent, probe, waitScale, log } = options;
  /** How many answers in a row differ from what the status says, and the status. */
  const states = new Map<string, { isHealthy: boolean; against: number }>();
  const timers = new Map<string, NodeJS.Timeout>();

  const look = async ({ id, config }: HealthCheck): Promise<void> => {
    const state = states.get(id) ?? { isHealthy: true, against: 0 };
    const answered = config.Disabled === 'true' || (await probe(config.IPAddress, Number(config.Port)));
    const says = config.Inverted === 'true' ? !answered : answered;
    const against = says === state.isHealthy ? 0 : state.against + 1;
    const isOver = against >= Number(config.FailureThreshold ?? 3);
    if (stored.get(id) === undefined) return;
    states.set(id, isOver ? { isHealthy: says, against: 0 } : { ...state, against });
    if (isOver) log(`health check ${id} of ${config.IPAddress}:${config.Port} is ${says ? '' : 'un'}healthy`);
  };
  const watch = (check: HealthCheck): void => {
    const seconds = Number(check.config.RequestInterval ?? 30);
    const timer = setInterval(
      () => {
        look(check).catch((error: unknown) => log(`health check ${check.id}: ${String(error)}`));
      },
      Math.max(intervalMillisecondsMin, (seconds * 1000) / waitScale),
    );
    timer.unref();
    timers.set(check.id, timer);
  };
  for (const check of stored.values()) watch(check);

  const get = (id: string): HealthCheck => {
    const found = stored.get(id);
    if (found === undefined)
      throw new AwsError('NoSuchHealthCheck', `A health check with id ${id} does not exist.`, 404);
    return found;
  };

  return {
    list: () => stored.values().toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    get,
    create(callerReference, config) {
      const exists = (): AwsError =>
        new AwsError(
          'HealthCheckAlreadyExists',
          `A health check with the same CallerReference exists or existed: ${callerReference}`,
          409,
        );
      const known = stored.values().find((check) => check.callerReference === callerReference);
      if (known !== undefined) {
        if (JSON.stringify(known.config) !== JSON.stringify(config)) throw exists();
        return known;
      }
      if (spent.get(callerReference) !== undefined) throw exists();
      if (stored.size >= checksMax)
        throw new AwsError('TooManyHealthChecks', `You can have at most ${checksMax} health checks.`);
      const check = { id: randomUUID(), callerReference, config };
      stored.set(check.id, check);
      watch(check);
      return check;
    },
    delete(id) {
      const { callerReference } = get(id);
      spent.set(callerReference, id);
      stored.delete(id);
      states.delete(id);
      clearInterval(timers.get(id));
      timers.delete(id);
    },
    isHealthy: (id) => stored.get(id) !== undefined && (states.get(id)?.isHealthy ?? true),
    close() {
      for (const timer of timers.values()) clearInterval(timer);
      timers.clear();
    },
  };
}
