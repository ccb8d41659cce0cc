import { randomUUID } from 'node:crypto';
import { account, region } from '../addresses.ts';
import { AwsError } from '../wire.ts';
import { inputFor, type BusEvent, type InputSettings } from './input.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { startSchedule, type Schedule } from './schedule.ts';

export interface Target extends InputSettings {
  readonly arn: string;
  readonly roleArn?: string;
  readonly retriesMax: number;
  readonly ageSecondsMax: number;
  readonly deadLetterArn?: string;
  readonly messageGroupId?: string;
}

export interface Rule {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** The bus’s name. */
  readonly bus: string;
  readonly pattern?: Readonly<Record<string, unknown>>;
  readonly schedule?: string;
  readonly targets: readonly Target[];
}

/** An event that somebody wants said; what is left out is filled in. */
export interface EventEntry {
  readonly source: string;
  readonly detailType: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly resources?: readonly string[];
  readonly time?: string;
}

export type EventFilter = (event: BusEvent, bus: string) => boolean;

export interface Events {
  /** @returns the event's id, once every target has been tried once. @throws ResourceNotFoundException */
  readonly put: (bus: string, entry: EventEntry) => Promise<string>;
  /** Events for which the filter says true are accepted and lost, as in AWS's worst hour; undefined ends it. */
  readonly drop: (filter: EventFilter | undefined) => void;
  /** Fires a schedule's targets now. */
  readonly fire: (ruleLogicalIdOrName: string) => Promise<void>;
  start(): void;
  close(): void;
}

/** A failed delivery: AWS tries again what may get better, and gives up at once on what will not. */
export class DeliveryError extends Error {
  readonly code: string;
  readonly again: boolean;
  constructor(code: string, message: string, again: boolean) {
    super(message);
    this.code = code;
    this.again = again;
  }
}

export function createEvents(options: {
  readonly buses: readonly string[];
  readonly rules: readonly Rule[];
  /** Hands the input to one target. @throws DeliveryError */
  readonly deliver: (target: Target, input: unknown, rule: Rule) => Promise<void>;
  readonly sendDeadLetter: (
    queueArn: string,
    body: unknown,
    attributes: Record<string, string>,
    rule: Rule,
  ) => Promise<void>;
  readonly waitScale: number;
  readonly scheduleScale: number;
  readonly now: () => number;
  readonly log: (source: string, line: string) => void;
}): Events {
  const { log, now } = options;
  const buses = new Set(['default', ...options.buses]);
  const patterns = new Map<Rule, Pattern>();
  for (const rule of options.rules) {
    if (!buses.has(rule.bus))
      throw new Error(`${rule.logicalId} (AWS::Events::Rule): no event bus ${rule.bus}`);
    try {
      if (rule.pattern !== undefined) patterns.set(rule, compilePattern(rule.pattern));
      if (rule.schedule !== undefined) startSchedule(rule.schedule, 1, () => {}).stop();
    } catch (error) {
      throw new Error(`${rule.logicalId} (AWS::Events::Rule): ${String(error)}`, { cause: error });
    }
  }
  const schedules: Schedule[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let filter: EventFilter | undefined;
  let closed = false;

  const giveUp = async (
    rule: Rule,
    target: Target,
    input: unknown,
    error: DeliveryError,
    attempts: number,
  ) => {
    log('events', `UNDELIVERED ${rule.name} to ${target.arn}: ${error.code}: ${error.message}`);
    if (target.deadLetterArn === undefined) return;
    const attributes = {
      RULE_ARN: rule.arn,
      TARGET_ARN: target.arn,
      ERROR_CODE: error.code,
      ERROR_MESSAGE: error.message,
      RETRY_ATTEMPTS: String(attempts),
    };
    await options.sendDeadLetter(target.deadLetterArn, input, attributes, rule);
  };

  const attempt = async (
    rule: Rule,
    target: Target,
    input: unknown,
    since: number,
    attempts: number,
  ): Promise<void> => {
    try {
      await options.deliver(target, input, rule);
    } catch (thrown) {
      if (closed) return;
      const error =
        thrown instanceof DeliveryError ? thrown : new DeliveryError('INTERNAL_ERROR', String(thrown), true);
      const old = now() - since > target.ageSecondsMax * 1000;
      if (!error.again || attempts >= target.retriesMax || old) {
        await giveUp(rule, target, input, error, attempts);
        return;
      }
      const timer = setTimeout(
        () => {
          timers.delete(timer);
          attempt(rule, target, input, since, attempts + 1).catch((failure: unknown) =>
            log('events', String(failure)),
          );
        },
        (Math.min(300, 2 ** attempts) * 1000) / options.waitScale,
      );
      timers.add(timer);
    }
  };

  const toTargets = async (rule: Rule, event: BusEvent): Promise<void> => {
    await Promise.all(
      rule.targets.map(async (target) => {
        const input = inputFor(event, target, { name: rule.name, arn: rule.arn, ingestedAt: event.time });
        await attempt(rule, target, input, now(), 0);
      }),
    );
  };

  const envelope = (entry: EventEntry): BusEvent => ({
    version: '0',
    id: randomUUID(),
    'detail-type': entry.detailType,
    source: entry.source,
    account,
    time: entry.time ?? `${new Date(now()).toISOString().slice(0, 19)}Z`,
    region,
    resources: entry.resources ?? [],
    detail: entry.detail,
  });

  const fire = (rule: Rule): Promise<void> =>
    toTargets(
      rule,
      envelope({ source: 'aws.events', detailType: 'Scheduled Event', detail: {}, resources: [rule.arn] }),
    );

  return {
    put: async (busId, entry) => {
      const bus = busId.replace(/^.*event-bus\//, '');
      if (!buses.has(bus))
        throw new AwsError('ResourceNotFoundException', `Event bus ${bus} does not exist.`);
      const event = envelope(entry);
      if (filter?.(event, bus) === true) {
        log('events', `dropped ${event['detail-type']} of ${event.source}`);
        return event.id;
      }
      const matching = options.rules.filter(
        (rule) => rule.bus === bus && patterns.get(rule)?.({ ...event }) === true,
      );
      await Promise.all(matching.map((rule) => toTargets(rule, event)));
      return event.id;
    },
    drop: (wanted) => {
      filter = wanted;
    },
    fire: async (id) => {
      const rule = options.rules.find(({ logicalId, name }) => logicalId === id || name === id);
      if (rule?.schedule === undefined) throw new Error(`no schedule ${id} in this template`);
      await fire(rule);
    },
    start: () => {
      for (const rule of options.rules)
        if (rule.schedule !== undefined)
          schedules.push(
            startSchedule(rule.schedule, options.scheduleScale, () => {
              fire(rule).catch((error: unknown) => log('events', `${rule.name}: ${String(error)}`));
            }),
          );
    },
    close: () => {
      closed = true;
      for (const schedule of schedules) schedule.stop();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
