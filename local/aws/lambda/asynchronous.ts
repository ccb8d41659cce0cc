import { randomUUID } from 'node:crypto';
import type { Disk } from '../../disk.ts';
import { AwsError } from '../wire.ts';
import type { FunctionConfiguration, Outcome } from './function.ts';
import type { Lambda } from './lambda.ts';

/** What a function asks of Lambda for its asynchronous invocations. */
export interface AsynchronousSettings {
  readonly retries: number;
  readonly ageSecondsMax: number;
  readonly onFailureArn?: string;
  readonly onSuccessArn?: string;
  readonly deadLetterArn?: string;
}

/** Lambda's own: two more tries, 1 and 2 minutes later, within 6 hours. */
export const asynchronousDefaults = { retries: 2, ageSecondsMax: 6 * 3600 } as const;
const retryAfterSeconds = [60, 120];
const throttledAfterSeconds = 5;

interface Accepted {
  readonly requestId: string;
  readonly functionName: string;
  readonly payload: string;
  readonly acceptedAt: number;
  readonly attempts: number;
}

/** Lambda's event queue: it takes invocations, answers at once, and keeps them on disk until they are done. */
export interface AsynchronousInvocations {
  /** @returns the request id, after the invocation is on disk */
  accept(configuration: FunctionConfiguration, payload: string): string;
  /** Goes on with what a former process left undone. */
  resume(): void;
  readonly pending: number;
  close(): void;
}

export function createAsynchronousInvocations(options: {
  readonly disk: Disk;
  readonly lambda: Lambda;
  readonly settings: ReadonlyMap<string, AsynchronousSettings>;
  /** Takes a failed or done invocation to a destination or dead-letter queue. */
  readonly deliver: (
    arn: string,
    roleArn: string,
    message: { body: unknown; attributes: Record<string, string> },
  ) => Promise<void>;
  readonly waitScale: number;
  readonly now: () => number;
  readonly log: (source: string, line: string) => void;
}): AsynchronousInvocations {
  const { disk, lambda, settings, log, now } = options;
  const accepted = disk.collection<Accepted>('asynchronous-invocations');
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;

  const later = (seconds: number, accepted: Accepted): void => {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        go(accepted);
      },
      (seconds * 1000) / options.waitScale,
    );
    timers.add(timer);
  };

  const record = (each: Accepted, condition: string, outcome: Outcome): unknown => ({
    version: '1.0',
    timestamp: new Date(now()).toISOString(),
    requestContext: {
      requestId: each.requestId,
      functionArn: `${lambda.find(each.functionName).arn}:$LATEST`,
      condition,
      approximateInvokeCount: each.attempts,
    },
    requestPayload: JSON.parse(each.payload) as unknown,
    responseContext: {
      statusCode: 200,
      executedVersion: '$LATEST',
      ...(outcome.ok ? {} : { functionError: 'Unhandled' }),
    },
    responsePayload: outcome.ok ? (JSON.parse(outcome.payload) as unknown) : outcome.failure,
  });

  const end = async (each: Accepted, condition: string, outcome: Outcome): Promise<void> => {
    const wanted = settings.get(each.functionName);
    const { roleArn } = lambda.find(each.functionName);
    const destination = outcome.ok ? wanted?.onSuccessArn : wanted?.onFailureArn;
    if (destination !== undefined)
      await options.deliver(destination, roleArn, { body: record(each, condition, outcome), attributes: {} });
    if (!outcome.ok && wanted?.deadLetterArn !== undefined)
      await options.deliver(wanted.deadLetterArn, roleArn, {
        body: JSON.parse(each.payload),
        attributes: {
          RequestID: each.requestId,
          ErrorCode: '200',
          ErrorMessage: outcome.failure.errorMessage,
        },
      });
    accepted.delete(each.requestId);
  };

  const attempt = async (before: Accepted): Promise<void> => {
    const { retries, ageSecondsMax } = settings.get(before.functionName) ?? asynchronousDefaults;
    let outcome: Outcome;
    try {
      outcome = await lambda.invoke(lambda.find(before.functionName), before.payload, before.requestId);
    } catch (error) {
      // Throttled invocations stay in Lambda's queue and are no attempt.
      if (error instanceof AwsError && error.name === 'TooManyRequestsException') {
        later(throttledAfterSeconds, before);
        return;
      }
      throw error;
    }
    // A platform that stops cuts its functions off; the next process tries again.
    if (closed) return;
    const each: Accepted = { ...before, attempts: before.attempts + 1 };
    if (outcome.ok) return end(each, 'Success', outcome);
    const waitSeconds = retryAfterSeconds[each.attempts - 1] ?? 120;
    if (each.attempts > retries) return end(each, 'RetriesExhausted', outcome);
    if (now() + waitSeconds * 1000 - each.acceptedAt > ageSecondsMax * 1000)
      return end(each, 'EventAgeExceeded', outcome);
    accepted.set(each.requestId, each);
    later(waitSeconds, each);
  };

  const go = (each: Accepted): void => {
    attempt(each).catch((error: unknown) => {
      if (!closed) log('lambda', `asynchronous invocation of ${each.functionName}: ${String(error)}`);
    });
  };

  return {
    accept: (configuration, payload) => {
      const each: Accepted = {
        requestId: randomUUID(),
        functionName: configuration.name,
        payload,
        acceptedAt: now(),
        attempts: 0,
      };
      accepted.set(each.requestId, each);
      go(each);
      return each.requestId;
    },
    resume: () => {
      const known = new Set(lambda.functions.map(({ name }) => name));
      for (const each of accepted.values())
        if (known.has(each.functionName)) go(each);
        else accepted.delete(each.requestId);
    },
    get pending() {
      return accepted.size;
    },
    close: () => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
