import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';
import { block, call, machine } from './testbench.ts';

const refused = (definition: object): string => {
  try {
    checkDefinition(definition);
  } catch (thrown) {
    expect((thrown as Error).name).toBe('InvalidDefinition');
    return (thrown as Error).message;
  }
  return 'accepted';
};
const end = { End: true };
const pass = { Type: 'Pass', ...end };
const map = (more: object): object => ({
  Type: 'Map',
  ItemProcessor: block({ A: { Type: 'Pass', End: true } }),
  End: true,
  ...more,
});

describe('a definition is refused, by state and field', () => {
  it.each([
    ['another query language', { ...machine({ S: pass }), QueryLanguage: 'JSONPath' }, 'QueryLanguage'],
    ['none', { StartAt: 'S', States: { S: pass } }, 'QueryLanguage'],
    ['an unknown machine field', machine({ S: pass }, { Foo: 1 }), '"Foo"'],
    ['an unknown type', machine({ S: { Type: 'Foo' } }), 'state "S": the type "Foo"'],
    ['a JSONPath field', machine({ S: { ...pass, InputPath: '$' } }), 'state "S": the field "InputPath"'],
    ['a field of another type', machine({ S: { ...pass, Seconds: 1 } }), 'state "S": the field "Seconds"'],
    ['a distributed Map', machine({ S: map({ ItemReader: {} }) }), '"ItemReader"'],
    [
      'a distributed Map by its mode',
      machine({
        S: map({ ItemProcessor: { ...block({ A: pass }), ProcessorConfig: { Mode: 'DISTRIBUTED' } } }),
      }),
      'INLINE',
    ],
    [
      'a field in a nested state',
      machine({ S: map({ ItemProcessor: block({ In: { ...pass, Result: 1 } }) }) }),
      'state "In": the field "Result"',
    ],
    [
      'another integration',
      machine({ S: { ...call('f'), Resource: 'arn:aws:states:::aws-sdk:dynamodb:getItem', ...end } }),
      'state "S": the field "Resource" names what is not built here: arn:aws:states:::aws-sdk:dynamodb:getItem',
    ],
    [
      'arguments that lambda:invoke does not have here',
      machine({
        S: { ...call('f'), Arguments: { FunctionName: 'f', InvocationType: 'Event' }, ...end },
      }),
      'state "S", "Arguments": the field "InvocationType"',
    ],
    ['no function', machine({ S: { ...call('f'), Arguments: {}, ...end } }), '"FunctionName"'],
    [
      'a heartbeat without a token',
      machine({ S: { ...call('f'), HeartbeatSeconds: 5, ...end } }),
      '.waitForTaskToken',
    ],
    ['neither Next nor End', machine({ S: { Type: 'Pass' } }), 'either "Next" or "End"'],
    ['both', machine({ S: { ...pass, Next: 'S' } }), 'either "Next" or "End"'],
    ['a missing target', machine({ S: { Type: 'Pass', Next: 'T' } }), 'no state "T"'],
    ['a start that is no state', { ...machine({ S: pass }), StartAt: 'X' }, '"StartAt"'],
    [
      'a broken expression',
      machine({ S: { ...pass, Output: { a: '{% 1 + %}' } } }),
      '"Output/a": not JSONata',
    ],
    ['half a brace', machine({ S: { ...pass, Output: '{% 1 }' } }), 'ends with %}'],
    [
      'States.ALL among others',
      machine({ S: { ...call('f'), Retry: [{ ErrorEquals: ['States.ALL', 'X'] }], ...end } }),
      'must stand alone and last',
    ],
    [
      'States.ALL before others',
      machine({
        S: {
          ...call('f'),
          Catch: [
            { ErrorEquals: ['States.ALL'], Next: 'T' },
            { ErrorEquals: ['X'], Next: 'T' },
          ],
          ...end,
        },
        T: pass,
      }),
      'must stand alone and last',
    ],
    [
      'a retrier whose cap is below its interval',
      machine({
        S: { ...call('f'), Retry: [{ ErrorEquals: ['X'], IntervalSeconds: 9, MaxDelaySeconds: 9 }], ...end },
      }),
      'MaxDelaySeconds',
    ],
    [
      'an inner scope that assigns an outer variable',
      machine({
        V: { Type: 'Pass', Assign: { x: 1 }, Next: 'S' },
        S: map({ ItemProcessor: block({ In: { ...pass, Assign: { x: 2 } } }) }),
      }),
      'state "In": the variable "x" belongs to an outer scope',
    ],
    ['the name $states', machine({ S: { ...pass, Assign: { states: 1 } } }), '"states" is no name'],
    ['an unreachable state (by the library)', machine({ S: pass, T: pass }), 'T is not reachable'],
    [
      'a name used twice (by the library)',
      machine({ S: map({ ItemProcessor: block({ S: pass }) }) }),
      'DUPLICATE',
    ],
    ['a Wait without time', machine({ S: { Type: 'Wait', ...end } }), '"Seconds" or "Timestamp"'],
    ['no branches', machine({ S: { Type: 'Parallel', Branches: [], ...end } }), '"Branches"'],
  ])('%s', (_, definition, expected) => {
    expect(refused(definition)).toContain(expected);
  });
});

it.each([
  ['empty strings', machine({ S: { ...pass, Assign: { reason: '' } } })],
  ['expressions over several lines', machine({ S: { ...pass, Output: '{%\n  1 +\n  1\n%}' } })],
  ['expressions without blanks', machine({ S: { ...pass, Output: '{%1%}' } })],
  ['Output of any type', machine({ S: { ...pass, Output: 5 } })],
  ['MaxConcurrency by expression', machine({ S: map({ MaxConcurrency: '{% 2 %}' }) })],
  ['comments', machine({ S: { ...pass, Comment: 'about {% nothing' } }, { Comment: 'c' })],
  [
    'sibling scopes with the same variables',
    machine({
      P: {
        Type: 'Parallel',
        Branches: [block({ A: { ...pass, Assign: { x: 1 } } }), block({ B: { ...pass, Assign: { x: 1 } } })],
        End: true,
      },
    }),
  ],
])('accepted: %s', (_, definition) => {
  const before = structuredClone(definition);
  expect(refused(definition)).toBe('accepted');
  expect(definition).toEqual(before);
});
