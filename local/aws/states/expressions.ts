import { createHash, randomUUID } from 'node:crypto';
import jsonata from 'jsonata';
import { StateFailure } from './failures.ts';

export type Bindings = Readonly<Record<string, unknown>>;

export const isExpression = (value: unknown): value is string =>
  typeof value === 'string' && value.startsWith('{%') && value.endsWith('%}');

/** Step Functions stops expressions that recurse or run without end; so does this, at round numbers. */
const guardrails = { timeout: 5_000, stack: 500 };
const compiled = new Map<string, jsonata.Expression>();

/** @throws jsonata's own error (`message`, `position`) when the text is no expression. */
export function compileExpression(text: string): jsonata.Expression {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const expression = jsonata(text.slice(2, -2).trim(), guardrails);
  // The functions that Step Functions adds to JSONata; `$eval` is the one that it takes away.
  expression.registerFunction('parse', (json: string) => JSON.parse(json) as unknown, '<s:x>');
  expression.registerFunction('uuid', () => randomUUID(), '<:s>');
  expression.registerFunction('range', range, '<nnn:a<n>>');
  expression.registerFunction('partition', partition, '<an:a<a>>');
  expression.registerFunction('hash', hash, '<ss:s>');
  expression.registerFunction('random', (seed?: number) =>
    seed === undefined ? Math.random() : seeded(seed),
  );
  expression.assign('eval', undefined);
  compiled.set(text, expression);
  return expression;
}

function range(first: number, last: number, step: number): number[] {
  if (step === 0) throw new Error('The step must not be 0');
  const length = Math.max(0, Math.floor((last - first) / step) + 1);
  if (length > 1_000) throw new Error('A range has at most 1000 values');
  return Array.from({ length }, (_, index) => first + index * step);
}

function partition(values: unknown[], size: number): unknown[][] {
  if (!Number.isInteger(size) || size < 1) throw new Error('The size must be a positive integer');
  const parts: unknown[][] = [];
  for (let index = 0; index < values.length; index += size) parts.push(values.slice(index, index + size));
  return parts;
}

const algorithms = ['MD5', 'SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];

function hash(text: string, algorithm: string): string {
  if (!algorithms.includes(algorithm))
    throw new Error(`The algorithm must be one of ${algorithms.join(', ')}`);
  return createHash(algorithm.replace('SHA-', 'sha')).update(text).digest('hex');
}

/** Repeatable for a seed, as AWS promises; the numbers are not AWS's. */
const seeded = (seed: number): number =>
  createHash('sha256').update(String(seed)).digest().readUInt32BE(0) / 2 ** 32;

const queryFailure = (text: string, field: string, reason: string): StateFailure =>
  new StateFailure(
    'States.QueryEvaluationError',
    `The JSONata expression '${text.slice(2, -2).trim()}' specified for the field '${field}' ${reason}`,
    field,
  );

async function evaluateExpression(text: string, bindings: Bindings, field: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await compileExpression(text).evaluate(undefined, bindings);
  } catch (thrown) {
    const { message } = thrown as { message?: string };
    throw queryFailure(text, field, `threw an error during evaluation: ${message ?? String(thrown)}`);
  }
  if (value === undefined) throw queryFailure(text, field, 'returned nothing (undefined).');
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value;
  // Results are copied into plain JSON: JSONata's sequences carry marks, and share structure with their inputs.
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) => {
      if (isFunction(part)) throw queryFailure(text, field, 'returned a function, which is no JSON.');
      return part;
    }),
  ) as unknown;
}

const isFunction = (part: unknown): boolean =>
  typeof part === 'function' ||
  (typeof part === 'object' && part !== null && ('_jsonata_lambda' in part || '_jsonata_function' in part));

/**
 * A field's value: every `{% … %}` string in it, however deep, becomes what its expression gives.
 *
 * @throws StateFailure `States.QueryEvaluationError` when one fails, or gives nothing.
 */
export async function evaluate(template: unknown, bindings: Bindings, field: string): Promise<unknown> {
  if (isExpression(template)) return evaluateExpression(template, bindings, field);
  if (typeof template !== 'object' || template === null) return template;
  if (Array.isArray(template)) {
    const values: unknown[] = [];
    for (const [index, part] of template.entries())
      values.push(await evaluate(part, bindings, `${field}[${index}]`));
    return values;
  }
  const value: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(template))
    value[key] = await evaluate(part, bindings, `${field}/${key}`);
  return value;
}

/** A field whose value must be a whole number of at least `min`. */
export async function evaluateCount(
  template: unknown,
  bindings: Bindings,
  field: string,
  min: number,
): Promise<number> {
  const value = await evaluate(template, bindings, field);
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= 99_999_999)
    return value;
  throw new StateFailure(
    'States.QueryEvaluationError',
    `The field '${field}' must be an integer from ${min} to 99999999, not ${JSON.stringify(value)}`,
    field,
  );
}

/** A field whose value must be of one JSON type. */
export async function evaluateText(template: unknown, bindings: Bindings, field: string): Promise<string> {
  const value = await evaluate(template, bindings, field);
  if (typeof value === 'string') return value;
  throw new StateFailure('States.QueryEvaluationError', `The field '${field}' must be a string`, field);
}
