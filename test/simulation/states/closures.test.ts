import * as fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, it } from 'vitest';
import { cleanupCluster } from '../../../infra/workflows/cleanup-cluster.ts';
import { provisionCluster } from '../../../infra/workflows/provision-cluster.ts';
import { provisionNode } from '../../../infra/workflows/provision-node.ts';
import { retireNode } from '../../../infra/workflows/retire-node.ts';
import { workflowFunctions } from '../platform/workflows.ts';
import { evaluate, prepare, QueryFailed } from './closures.ts';

const definitions = [provisionCluster, provisionNode, retireNode, cleanupCluster].map((workflow) =>
  JSON.stringify(workflow(workflowFunctions)),
);
const expressions = [
  ...new Set(
    definitions.flatMap((text) =>
      [...text.matchAll(/"(\{%(?:[^"\\]|\\.)*%\})"/g)].map(([quoted]) => JSON.parse(quoted) as string),
    ),
  ),
];

const scalar = fc.oneof(
  fc.constantFrom('aws', 'joined', 'retry', 'Superseded', ''),
  fc.boolean(),
  fc.nat(130),
  fc.constant(null),
);
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
);
const optional = <T>(inner: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(inner, { nil: undefined, freq: 4 });
const fields = fc.record(
  Object.fromEntries(
    [
      'done',
      'next',
      'reason',
      'outcome',
      'cloud',
      'ok',
      'error',
      'strangers',
      'again',
      'fenced',
      'Error',
      'Cause',
    ].map((name) => [name, optional(value)]),
  ),
);
const bindings = fc.record({
  ...Object.fromEntries(
    [
      'cloud',
      'clusterId',
      'number',
      'generation',
      'attempt',
      'configurePolls',
      'forgetTries',
      'failure',
      'standing',
      'clouds',
      'fenced',
      'reason',
      'polls',
      'waits',
      'rounds',
      'left',
      'failures',
      'strangers',
      'isSuperseded',
    ].map((name) => [name, value]),
  ),
  driveCloud: fc.constant({ aws: 'drive-cloud-aws' }),
  states: fc.record({
    input: fc.oneof(fields, value),
    result: fc.oneof(fields, fc.array(fields, { maxLength: 3 }), fc.record({ Payload: fields })),
    errorOutput: fields,
    context: fc.constant({ Execution: { Id: 'arn', Input: { clusterId: 'c' }, StartTime: 't' } }),
  }),
});

/** What JSONata itself says; `undefined` for nothing and for an error alike, as a state fails on either. */
async function jsonataSays(text: string, given: Record<string, unknown>): Promise<unknown> {
  const expression = jsonata(text.slice(2, -2).trim());
  expression.registerFunction('parse', (json: string) => JSON.parse(json) as unknown, '<s:x>');
  try {
    const said: unknown = await expression.evaluate(undefined, given);
    return said === undefined ? undefined : (JSON.parse(JSON.stringify(said)) as unknown);
  } catch {
    return undefined;
  }
}

async function weSay(text: string, given: Record<string, unknown>): Promise<unknown> {
  try {
    return JSON.parse(JSON.stringify(await evaluate(text, given))) as unknown;
  } catch (error) {
    if (error instanceof QueryFailed) return undefined;
    throw error;
  }
}

describe('the workflows’ expressions as closures', () => {
  it('are found, and most need no JSONata', () => {
    expect(expressions.length).toBeGreaterThan(25);
    const slow = expressions.filter((text) => prepare(text).closure === undefined);
    expect(slow.length / expressions.length).toBeLessThan(0.5);
  });

  it.each(expressions)('%s', async (text) => {
    await fc.assert(
      fc.asyncProperty(bindings, async (drawn) => {
        const given = Object.fromEntries(Object.entries(drawn).filter(([, each]) => each !== undefined));
        expect(await weSay(text, given)).toEqual(await jsonataSays(text, given));
      }),
      { numRuns: 25 },
    );
  });
});
