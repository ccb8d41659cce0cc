import {
  branchesOf,
  definitionHash,
  type Block,
  type MachineDefinition,
  type StateDefinition,
} from './definition.ts';
import { compileExpression, isExpression } from './expressions.ts';
import { refusal } from './failures.ts';
import { invokeArguments, resources } from './resources.ts';
import { validateWithLibrary } from './validate-with-library.ts';

const everywhere = ['Type', 'Comment', 'QueryLanguage'];
const onwards = ['Next', 'End', 'Output', 'Assign'];
const guarded = ['Retry', 'Catch'];

/** What each type of state may have in the part of the language that is built here. */
const fieldsOf: Readonly<Record<StateDefinition['Type'], readonly string[]>> = {
  Task: [...onwards, ...guarded, 'Resource', 'Arguments', 'TimeoutSeconds', 'HeartbeatSeconds'],
  Map: [...onwards, ...guarded, 'Items', 'ItemSelector', 'MaxConcurrency', 'ItemProcessor'],
  Parallel: [...onwards, ...guarded, 'Arguments', 'Branches'],
  Choice: ['Choices', 'Default', 'Output', 'Assign'],
  Wait: [...onwards, 'Seconds', 'Timestamp'],
  Pass: onwards,
  Succeed: ['Output'],
  Fail: ['Error', 'Cause'],
};
const ruleFields = ['Condition', 'Next', 'Output', 'Assign', 'Comment'];
const catcherFields = ['ErrorEquals', 'Next', 'Output', 'Assign', 'Comment'];
const retrierFields = [
  'ErrorEquals',
  'IntervalSeconds',
  'MaxAttempts',
  'BackoffRate',
  'MaxDelaySeconds',
  'JitterStrategy',
  'Comment',
];
const machineFields = ['Comment', 'QueryLanguage', 'StartAt', 'States', 'TimeoutSeconds', 'Version'];
const blockFields = ['Comment', 'QueryLanguage', 'StartAt', 'States', 'ProcessorConfig'];

/** Fields whose text is never an expression, so that a typing error there is not taken for one. */
const literal = new Set(['Type', 'Comment', 'Resource', 'Next', 'Default', 'StartAt', 'QueryLanguage']);
const variableName = /^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u;

/**
 * Refuses a definition that is wrong, or uses what this interpreter does not have, naming every state and field.
 *
 * @throws `InvalidDefinition`
 */
export function checkDefinition(
  definition: object,
  isKept: (hash: string) => boolean = () => false,
): MachineDefinition {
  const problems: string[] = [];
  const say = (where: string, what: string): void => void problems.push(`${where}: ${what}`);
  const machine = definition as MachineDefinition & Record<string, unknown>;
  if (machine['QueryLanguage'] !== 'JSONata')
    say('QueryLanguage', 'only JSONata is built here, and must be said');
  onlyFields(machine, machineFields, 'the state machine', say);
  checkBlock(machine, 'the state machine', new Set(), say);
  // The library is slow; what is kept on disk has been through it.
  if (problems.length === 0 && !isKept(definitionHash(JSON.stringify(definition)))) {
    const found = validateWithLibrary(definition);
    if (found !== undefined) problems.push(found);
  }
  if (problems.length > 0)
    throw refusal('InvalidDefinition', `Invalid State Machine Definition: ${problems.join('; ')}`);
  return machine;
}

type Say = (where: string, what: string) => void;

function onlyFields(value: object, known: readonly string[], where: string, say: Say): void {
  for (const field of Object.keys(value))
    if (!known.includes(field)) say(where, `the field "${field}" is unknown or not built here`);
}

function checkBlock(block: Block, where: string, outer: ReadonlySet<string>, say: Say): void {
  if (typeof block.States !== 'object' || block.States === null)
    return say(where, 'the field "States" must be an object');
  if (!Object.hasOwn(block.States, block.StartAt)) say(where, `"StartAt" names no state: ${block.StartAt}`);
  const own = new Set<string>();
  for (const state of Object.values(block.States)) for (const name of assignedIn(state)) own.add(name);
  for (const [name, state] of Object.entries(block.States)) {
    const at = `state "${name}"`;
    for (const variable of assignedIn(state)) {
      if (outer.has(variable))
        say(at, `the variable "${variable}" belongs to an outer scope and cannot be assigned here`);
      if (!variableName.test(variable) || variable === 'states')
        say(at, `"${variable}" is no name for a variable`);
    }
    for (const target of targetsOf(state))
      if (!Object.hasOwn(block.States, target)) say(at, `there is no state "${target}" beside it`);
    checkState(state, at, say);
    for (const branch of branchesOf(state)) {
      onlyFields(branch, blockFields, at, say);
      checkBlock(branch, at, new Set([...outer, ...own]), say);
    }
  }
}

const assignedIn = (state: StateDefinition): string[] =>
  [state, ...(state.Choices ?? []), ...(state.Catch ?? [])].flatMap((part) => Object.keys(part.Assign ?? {}));

const targetsOf = (state: StateDefinition): string[] =>
  [
    state.Next,
    state.Default,
    ...[...(state.Choices ?? []), ...(state.Catch ?? [])].map((part) => part.Next),
  ].filter((target) => target !== undefined);

function checkState(state: StateDefinition, at: string, say: Say): void {
  const known = fieldsOf[state.Type] as readonly string[] | undefined;
  if (known === undefined) return say(at, `the type "${state.Type}" is unknown or not built here`);
  onlyFields(state, [...everywhere, ...known], at, say);
  const { QueryLanguage = 'JSONata' } = state as { QueryLanguage?: string };
  if (QueryLanguage !== 'JSONata') say(at, 'only JSONata is built here');
  if (known.includes('Next') && (state.Next === undefined) === (state.End !== true))
    say(at, 'needs either "Next" or "End": true');
  for (const rule of state.Choices ?? []) onlyFields(rule, ruleFields, at, say);
  for (const catcher of state.Catch ?? []) onlyFields(catcher, catcherFields, at, say);
  for (const retrier of state.Retry ?? []) onlyFields(retrier, retrierFields, at, say);
  checkErrorNames(state.Retry ?? [], `${at}, "Retry"`, say);
  checkErrorNames(state.Catch ?? [], `${at}, "Catch"`, say);
  checkRetriers(state, `${at}, "Retry"`, say);
  if (state.Type === 'Task') checkTask(state, at, say);
  if (state.Type === 'Map') checkMap(state, at, say);
  if (state.Type === 'Parallel' && (state.Branches ?? []).length === 0)
    say(at, '"Branches" must have at least one');
  if (state.Type === 'Wait' && (state.Seconds === undefined) === (state.Timestamp === undefined))
    say(at, 'needs either "Seconds" or "Timestamp"');
  const { ItemProcessor: _, Branches: __, ...own } = state;
  checkExpressions(own, at, say);
}

function checkErrorNames(
  rules: readonly { readonly ErrorEquals: readonly string[] }[],
  at: string,
  say: Say,
): void {
  for (const [index, { ErrorEquals }] of rules.entries()) {
    if (!Array.isArray(ErrorEquals) || ErrorEquals.length === 0) {
      say(at, '"ErrorEquals" must name at least one error');
    } else if (ErrorEquals.includes('States.ALL') && (ErrorEquals.length > 1 || index < rules.length - 1)) {
      say(at, '"States.ALL" must stand alone and last');
    }
  }
}

function checkRetriers(state: StateDefinition, at: string, say: Say): void {
  for (const retrier of state.Retry ?? []) {
    const { IntervalSeconds = 1, MaxAttempts = 3, BackoffRate = 2, MaxDelaySeconds } = retrier;
    if (!Number.isInteger(IntervalSeconds) || IntervalSeconds < 1)
      say(at, '"IntervalSeconds" must be a positive integer');
    if (!Number.isInteger(MaxAttempts) || MaxAttempts < 0) say(at, '"MaxAttempts" must be an integer from 0');
    if (typeof BackoffRate !== 'number' || BackoffRate < 1) say(at, '"BackoffRate" must be at least 1');
    if (
      MaxDelaySeconds !== undefined &&
      (!Number.isInteger(MaxDelaySeconds) || MaxDelaySeconds <= IntervalSeconds)
    )
      say(at, '"MaxDelaySeconds" must be an integer greater than "IntervalSeconds"');
    if (!['FULL', 'NONE'].includes(retrier.JitterStrategy ?? 'NONE'))
      say(at, '"JitterStrategy" must be FULL or NONE');
  }
}

function checkTask(state: StateDefinition, at: string, say: Say): void {
  const resource = resources.get(state.Resource ?? '');
  if (resource === undefined)
    return say(at, `the field "Resource" names what is not built here: ${String(state.Resource)}`);
  const { Arguments } = state;
  if (typeof Arguments === 'object' && Arguments !== null) {
    onlyFields(Arguments, invokeArguments, `${at}, "Arguments"`, say);
    if (!Object.hasOwn(Arguments, 'FunctionName')) say(at, '"Arguments" needs "FunctionName"');
  } else if (!isExpression(Arguments)) {
    say(at, '"Arguments" must be an object or an expression');
  }
  if (state.HeartbeatSeconds !== undefined && !resource.waitsForToken)
    say(at, '"HeartbeatSeconds" needs a resource with .waitForTaskToken');
}

function checkMap(state: StateDefinition, at: string, say: Say): void {
  if (state.ItemProcessor === undefined) return say(at, 'needs "ItemProcessor"');
  const { ProcessorConfig } = state.ItemProcessor as { ProcessorConfig?: { Mode?: string } };
  if ((ProcessorConfig?.Mode ?? 'INLINE') !== 'INLINE')
    say(at, 'only "ProcessorConfig": {"Mode": "INLINE"} is built here');
}

function checkExpressions(value: unknown, at: string, say: Say, field = ''): void {
  if (literal.has(field)) return;
  if (isExpression(value)) {
    try {
      compileExpression(value);
    } catch (thrown) {
      const { message } = thrown as { message?: string };
      say(at, `${field === '' ? '' : `"${field}": `}not JSONata: ${message ?? String(thrown)} in ${value}`);
    }
  } else if (typeof value === 'string' && (value.startsWith('{%') || value.endsWith('%}'))) {
    say(at, `"${field}": an expression begins with {% and ends with %}: ${value}`);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value))
      checkExpressions(
        part,
        at,
        say,
        Array.isArray(value) ? field : field === '' ? name : `${field}/${name}`,
      );
  }
}
