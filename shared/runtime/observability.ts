import type { MiddlewareObj } from '@middy/core';
import * as z from 'zod/mini';
import { InvalidPayload } from './errors.ts';
import { beginInvocation, log, type LogFields } from './log.ts';
import { redactText } from './redaction.ts';

/** The ids that payloads and events' details share; they stand on every line of their invocation. */
function idsIn(event: unknown): LogFields {
  if (typeof event !== 'object' || event === null) return {};
  const detail = 'detail' in event && typeof event.detail === 'object' ? event.detail : event;
  const ids = z.safeParse(
    z.object({
      clusterId: z.optional(z.string()),
      number: z.optional(z.number()),
      executionArn: z.optional(z.string()),
      kind: z.optional(z.string()),
      verb: z.optional(z.string()),
    }),
    detail,
  );
  return ids.success ? ids.data : {};
}

/**
 * Gives each invocation's lines its ids, and writes its error once; the error goes on to Lambda, whose retries and
 * dead-letter queues live from it. A call that went well says only what it decided: Lambda's own report has its duration.
 */
export function observed(): MiddlewareObj<unknown, unknown> {
  let startedAt = 0;
  const durationMs = (): number => Math.round(performance.now() - startedAt);
  return {
    before: ({ event, context }) => {
      startedAt = performance.now();
      beginInvocation(context, idsIn(event));
    },
    onError: (request) => {
      const { error } = request;
      // Yielding to another owner is a decision like any other.
      const level = error instanceof Error && error.name === 'Superseded' ? 'info' : 'error';
      log[level]('failed', { durationMs: durationMs(), error });
      request.error = plain(error);
    },
  };
}

/**
 * The error as it may leave a function: Lambda's runtime logs every property of it, where SDKs keep whole requests, and
 * Step Functions keeps message and trace in a history that people read.
 */
function plain(thrown: unknown): Error {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const shown = new Error(redactText(error.message));
  // State machines match the name.
  shown.name = error.name;
  shown.stack = redactText(error.stack ?? '');
  return shown;
}

/** What is wrong, by field: `clusterId: not a uuid; number: expected number`. Never the value. */
export const describeIssues = (error: z.core.$ZodError): string =>
  error.issues
    .flatMap((issue) => closest(issue))
    .map((issue) => `${issue.path.join('.') || 'payload'}: ${problem(issue)}`)
    .join('; ');

/** Where one of several forms was possible, what is wrong with the one that is nearest: it was probably meant. */
function closest(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const [nearest] = issue.errors.toSorted((a, b) => a.length - b.length);
  if (nearest === undefined) return [issue];
  return nearest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** In words; zod/mini brings none of its own, which is what makes it small. */
function problem(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `expected ${issue.expected}`;
  if (issue.code === 'invalid_value') return `one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_format') return `not a ${issue.format}`;
  if (issue.code === 'unrecognized_keys') return `unknown field ${issue.keys.join(', ')}`;
  if (issue.code === 'too_small') return `at least ${issue.minimum}`;
  if (issue.code === 'too_big') return `at most ${issue.maximum}`;
  return issue.message;
}

/** The payload in its form, or an error that names the field. */
export function parsePayload<Schema extends z.ZodMiniType>(
  schema: Schema,
  payload: unknown,
): z.output<Schema> {
  const parsed = z.safeParse(schema, payload);
  if (!parsed.success) throw new InvalidPayload(describeIssues(parsed.error));
  return parsed.data;
}

/**
 * Checks what a handler is called with: a state machine's payload, or an EventBridge event's detail, which is then all
 * that the handler sees.
 */
export const validated = <Schema extends z.ZodMiniType>(schema: Schema): MiddlewareObj<z.output<Schema>> => ({
  before: (request) => {
    const event: unknown = request.event;
    const isEvent = typeof event === 'object' && event !== null && 'detail-type' in event;
    request.event = parsePayload(schema, isEvent && 'detail' in event ? event.detail : event);
  },
});

/** Checks a whole event, for handlers that need more of it than its detail. */
export const validatedEvent = <Schema extends z.ZodMiniType>(
  schema: Schema,
): MiddlewareObj<z.output<Schema>> => ({
  before: (request) => {
    request.event = parsePayload(schema, request.event);
  },
});
