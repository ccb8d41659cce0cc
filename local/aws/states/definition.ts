import { createHash } from 'node:crypto';

export type StateType = 'Task' | 'Map' | 'Parallel' | 'Choice' | 'Wait' | 'Pass' | 'Succeed' | 'Fail';

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
  readonly Output?: unknown;
  readonly Assign?: Readonly<Record<string, unknown>>;
}

export interface ChoiceRule {
  readonly Condition: string | boolean;
  readonly Next: string;
  readonly Output?: unknown;
  readonly Assign?: Readonly<Record<string, unknown>>;
}

/** A state as written, after `checkDefinition` has found that each field belongs to its type. */
export interface StateDefinition {
  readonly Type: StateType;
  readonly Next?: string;
  readonly End?: boolean;
  readonly Output?: unknown;
  readonly Assign?: Readonly<Record<string, unknown>>;
  readonly Arguments?: unknown;
  readonly Resource?: string;
  readonly TimeoutSeconds?: number | string;
  readonly HeartbeatSeconds?: number | string;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
  readonly Items?: unknown;
  readonly ItemSelector?: unknown;
  readonly MaxConcurrency?: number | string;
  readonly ItemProcessor?: Block;
  readonly Branches?: readonly Block[];
  readonly Choices?: readonly ChoiceRule[];
  readonly Default?: string;
  readonly Seconds?: number | string;
  readonly Timestamp?: string;
  readonly Error?: string;
  readonly Cause?: string;
}

export interface Block {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, StateDefinition>>;
}

export interface MachineDefinition extends Block {
  readonly TimeoutSeconds?: number;
}

/** A definition with its nested blocks laid out flat, so that a stored strand can name the block it runs in. */
export interface Program {
  readonly definition: MachineDefinition;
  /** By place: '' is the machine itself, `State#0` the first branch (or the item processor) of a state. */
  readonly blocks: ReadonlyMap<string, Block>;
}

/** State names are unique in the whole machine, so a state's name and the branch's index are an address. */
export const placeOf = (stateName: string, branch: number): string => `${stateName}#${branch}`;

export function layOut(definition: MachineDefinition): Program {
  const blocks = new Map<string, Block>();
  const visit = (place: string, block: Block): void => {
    blocks.set(place, block);
    for (const [name, state] of Object.entries(block.States)) {
      for (const [index, branch] of branchesOf(state).entries()) visit(placeOf(name, index), branch);
    }
  };
  visit('', definition);
  return { definition, blocks };
}

export const branchesOf = (state: StateDefinition): readonly Block[] =>
  state.ItemProcessor === undefined ? (state.Branches ?? []) : [state.ItemProcessor];

/** Executions keep the definition they started with: it is stored once under this name. */
export const definitionHash = (text: string): string => createHash('sha256').update(text).digest('hex');
