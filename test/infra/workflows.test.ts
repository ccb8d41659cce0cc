import { describe, expect, it } from 'vitest';
import { cloudErrorNames } from '../../shared/clouds/errors.ts';
import type { OperationKind } from '../../shared/domain/operation.ts';
import { operationKinds } from '../../shared/domain/operation.ts';
import { AttemptsExhausted, InvalidPayload, Superseded } from '../../shared/runtime/errors.ts';
import { checkDefinition } from '../../local/aws/states/check-definition.ts';
import { pollLimit, workflows } from './workflow-bench.ts';

interface Rule {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts?: number;
  readonly Next?: string;
}
interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly End?: boolean;
  readonly Default?: string;
  readonly TimeoutSeconds?: number;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly Rule[];
  readonly Retry?: readonly Rule[];
  readonly ItemProcessor?: Block;
}
interface Block {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

const blockOf = (kind: OperationKind): Block => workflows[kind] as unknown as Block;

/** The machine itself and the body of each of its Maps, by name. */
const blocksOf = (name: string, block: Block): readonly (readonly [string, Block])[] => [
  [name, block],
  ...Object.entries(block.States).flatMap(([state, { ItemProcessor }]) =>
    ItemProcessor === undefined ? [] : blocksOf(`${name}/${state}`, ItemProcessor),
  ),
];
const blocks = operationKinds.flatMap((kind) => blocksOf(kind, blockOf(kind)));
const statesOf = (block: Block): readonly (readonly [string, State])[] => Object.entries(block.States);

const targetsOf = (state: State): readonly string[] =>
  [
    state.Next,
    state.Default,
    ...(state.Choices ?? []).map(({ Next }) => Next),
    ...(state.Catch ?? []).map(({ Next }) => Next),
  ].filter((target) => target !== undefined);

function reachedFrom(block: Block): Set<string> {
  const reached = new Set<string>();
  const open = [block.StartAt];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    open.push(...targetsOf(block.States[name] ?? { Type: 'missing' }));
  }
  return reached;
}

/** Errors that our functions throw on purpose, besides the clouds'; none of them changes by repeating. */
const ownErrors = [new Superseded(''), new AttemptsExhausted(''), new InvalidPayload('')].map(
  ({ name }) => name,
);

describe('every state machine', () => {
  it.each(operationKinds)('%s is valid', (kind) => {
    expect(() => checkDefinition(workflows[kind])).not.toThrow();
  });

  it.each(operationKinds)('%s has a timeout of at most three hours', (kind) => {
    expect(workflows[kind].TimeoutSeconds).toBeGreaterThan(0);
    expect(workflows[kind].TimeoutSeconds).toBeLessThanOrEqual(3 * 60 * 60);
  });

  it.each(operationKinds)('%s has no two states of one name, Maps and their insides included', (kind) => {
    const names = blocksOf(kind, blockOf(kind)).flatMap(([, block]) => Object.keys(block.States));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each(operationKinds)('%s ends its loops long before its history is full', (kind) => {
    const limits = [...JSON.stringify(workflows[kind]).matchAll(pollLimit)].map(([, limit]) => Number(limit));
    // A poll is a call, a choice and a wait: some twelve events of the 25,000, in four clouds at once.
    for (const limit of limits) expect(limit * 12 * 4).toBeLessThan(20_000);
    if (kind !== 'RetireNode') expect(limits.length).toBeGreaterThan(0);
  });

  it.each(operationKinds)('%s claims before it does anything else', (kind) => {
    const first = blockOf(kind).States[blockOf(kind).StartAt];
    expect(JSON.stringify(first)).toContain('function:claim-operation');
    expect(first?.Catch?.[0]?.ErrorEquals).toEqual(['Superseded']);
  });
});

describe.each(blocks)('in %s', (_name, block) => {
  it('every state that is named exists, and every state can be reached', () => {
    expect([...reachedFrom(block)].sort()).toEqual(Object.keys(block.States).sort());
  });

  it('every call has a timeout and what it does with its errors', () => {
    const lax = statesOf(block).filter(
      ([, { Type, TimeoutSeconds, Catch }]) =>
        Type === 'Task' && (TimeoutSeconds === undefined || Catch === undefined),
    );
    expect(lax.map(([name]) => name)).toEqual([]);
  });

  it('errors are matched by names that somebody throws', () => {
    const known = new Set<string>([...cloudErrorNames, ...ownErrors]);
    const named = statesOf(block).flatMap(([, { Retry = [], Catch = [] }]) =>
      [...Retry, ...Catch].flatMap(({ ErrorEquals }) => ErrorEquals),
    );
    expect(named.filter((name) => !known.has(name) && !/^(?:States|Lambda)\./.test(name))).toEqual([]);
  });

  it('a refusal that no repetition changes is never repeated; a cloud that asks for patience gets it', () => {
    for (const [state, { Type, Retry = [], Catch }] of statesOf(block).filter(
      ([, each]) => each.Type === 'Task',
    )) {
      expect(Type).toBe('Task');
      const attempts = (name: string): number | undefined =>
        Retry.find(({ ErrorEquals }) => ErrorEquals.includes(name))?.MaxAttempts;
      for (const name of ownErrors) expect([name, attempts(name)]).toEqual([name, 0]);
      const patient = attempts('Throttled');
      // Whatever is asked only briefly, somebody else does later: then nothing that fails may end the run.
      if (patient === undefined) expect([state, Catch?.at(-1)?.ErrorEquals]).toEqual([state, ['States.ALL']]);
      for (const name of cloudErrorNames)
        expect([name, attempts(name)]).toEqual([
          name,
          name === 'Throttled' || name === 'CloudUnavailable' ? patient : 0,
        ]);
      expect([30, undefined]).toContain(patient);
    }
  });
});

const branches = blocks.filter(([name]) => name.includes('/'));
describe.each(branches)('each branch of %s', (_name, block) => {
  it('catches whatever goes wrong itself, so that one cloud does not cancel the others', () => {
    for (const [name, { Type, Catch = [] }] of statesOf(block)) {
      if (Type !== 'Task') continue;
      expect([name, Catch.at(-1)?.ErrorEquals]).toEqual([name, ['States.ALL']]);
    }
    expect(statesOf(block).filter(([, { Type }]) => Type === 'Fail')).toEqual([]);
  });
});
