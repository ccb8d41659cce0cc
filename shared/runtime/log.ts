import type { Context } from 'aws-lambda';
import { redact } from './redaction.ts';

/**
 * What a decision's line carries: `clusterId`, `number`, `attempt`, `cloud`, `executionArn` of what it is about, `error`,
 * and whatever explains it.
 */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  info(decision: string, fields?: LogFields): void;
  warn(decision: string, fields?: LogFields): void;
  error(decision: string, fields?: LogFields): void;
}

let invocation: LogFields = {};
let isCold = true;

const causesMax = 5;
/** Of an error only what people need: a driver's error may carry its whole request. */
function plainError(error: Error, depth = 1): LogFields {
  const { name, message, stack, cause } = error;
  const code: unknown = 'code' in error ? error.code : undefined;
  const inner = cause instanceof Error && depth < causesMax ? plainError(cause, depth + 1) : undefined;
  return { name, message, code, stack, cause: inner };
}

const replacer = (key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  return redact(key, value instanceof Error ? plainError(value) : value);
};

function write(level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: LogFields): void {
  const head = { level, message, timestamp: new Date().toISOString(), ...invocation };
  let line: string;
  try {
    line = JSON.stringify({ ...head, ...fields }, replacer);
  } catch {
    // What cannot be written down (a circle) must not stop the decision that it is about.
    line = JSON.stringify({ ...head, fields: 'not writable' }, replacer);
  }
  process.stdout.write(`${line}\n`);
}

/** One JSON line per decision, with the invocation's ids. Secrets are taken out in one place: redaction.ts. */
export const log: Log = {
  info: (decision, fields = {}) => write('INFO', decision, fields),
  warn: (decision, fields = {}) => write('WARN', decision, fields),
  error: (decision, fields = {}) => write('ERROR', decision, fields),
};

/** Every line until the next call carries this invocation's request id, function, and whether it was a cold start. */
export function beginInvocation(context: Context, ids: LogFields): void {
  invocation = {
    function: context.functionName,
    requestId: context.awsRequestId,
    ...(isCold && { coldStart: true }),
    ...ids,
  };
  isCold = false;
}
