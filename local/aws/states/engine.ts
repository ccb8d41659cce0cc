import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { advance } from './advance.ts';
import { checkDefinition } from './check-definition.ts';
import { layOut, type Program } from './definition.ts';
import { refusal, HistoryFull, StateFailure } from './failures.ts';
import type { Journal } from './journal.ts';
import { newRun, record, type Ending, type Live, type Surroundings } from './live.ts';
import { expire, nextDeadline, takeOutcome, type Outcome } from './messages.ts';
import type { Execution, Run, Strand, TaskActivity } from './run.ts';

export interface Machine {
  readonly arn: string;
  readonly name: string;
  readonly definition: object;
  readonly roleArn: string;
}

export interface KnownMachine extends Machine {
  readonly program: Program;
  readonly definitionHash: string;
  readonly createdAt: number;
}

export interface EngineOptions {
  readonly journal: Journal;
  readonly around: Surroundings;
  readonly invokeTask: (resourceArn: string, args: unknown, context: { roleArn: string }) => Promise<unknown>;
  readonly emitStatusEvent: (detail: Record<string, unknown>) => void;
  readonly log: (line: string) => void;
}

/** A run in memory with its queue: whatever happens to it happens one after another. */
export interface Slot {
  readonly live: Live;
  tail: Promise<void>;
  timer: NodeJS.Timeout | undefined;
  readonly inFlight: Set<number>;
  /** The last event that is on disk; readers see no later one. */
  savedEventId: number;
}

export interface Engine {
  readonly machines: ReadonlyMap<string, KnownMachine>;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly register: (machine: Machine) => void;
  readonly resume: () => Promise<void>;
  readonly start: (machineArn: string, input: unknown, name?: string) => Execution;
  /** Does something to a run in its turn, and answers when what followed from it is on disk. */
  readonly turn: <T>(slot: Slot, work: (live: Live) => T | Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

/** Timers cannot be longer; a longer wait takes several. */
const timerMillisecondsMax = 2 ** 31 - 1;

export function createEngine({ journal, around, ...outside }: EngineOptions): Engine {
  const machines = new Map<string, KnownMachine>();
  const slots = new Map<string, Slot>();
  let closed = false;

  const addSlot = (run: Run, program: Program): Slot => {
    const input: unknown = JSON.parse(run.execution.input);
    const slot: Slot = {
      live: { run, program, input, around, events: [] },
      tail: Promise.resolve(),
      timer: undefined,
      inFlight: new Set(),
      savedEventId: run.execution.lastEventId,
    };
    slots.set(run.execution.arn, slot);
    return slot;
  };
  for (const run of journal.runs()) {
    const definition = journal.definition(run.definitionHash);
    if (definition !== undefined) addSlot(run, layOut(definition));
  }

  /** First the disk, then the consequences. */
  const commit = (slot: Slot): void => {
    const { live } = slot;
    const { run } = live;
    if (live.ending !== undefined) end(live, live.ending);
    const { events } = live;
    live.events = [];
    if (live.ending === undefined) journal.saveRun(run, events);
    else journal.saveEnd(run, events);
    slot.savedEventId = run.execution.lastEventId;
    if (live.ending !== undefined) {
      slots.delete(run.execution.arn);
      sayStatus(run.execution);
    }
    act(slot);
  };

  const sayStatus = (execution: Execution): void => {
    try {
      outside.emitStatusEvent(statusDetail(execution));
      journal.said(execution.arn);
    } catch (thrown) {
      outside.log(`states: the status of ${execution.arn} could not be said: ${String(thrown)}`);
    }
  };

  /** Timers and invocations follow from the run alone: after a restart just as after a step. */
  const act = (slot: Slot): void => {
    clearTimeout(slot.timer);
    slot.timer = undefined;
    if (slot.live.ending !== undefined || closed) return;
    for (const strand of slot.live.run.strands) {
      const task = strand.activity;
      if (task.kind === 'task' && !task.submitted && !slot.inFlight.has(task.attempt))
        void invoke(slot, strand, task);
    }
    const deadline = nextDeadline(slot.live);
    if (deadline === undefined) return;
    const wait = Math.min(Math.max(0, Math.ceil(deadline - around.now())), timerMillisecondsMax);
    slot.timer = setTimeout(() => void quietTurn(slot, () => {}), wait);
  };

  const invoke = async (slot: Slot, strand: Strand, task: TaskActivity): Promise<void> => {
    slot.inFlight.add(task.attempt);
    let outcome: Outcome;
    try {
      const { roleArn } = slot.live.run.execution;
      outcome = { result: await outside.invokeTask(task.resource, task.args, { roleArn }) };
    } catch (thrown) {
      outcome = { thrown };
    }
    await quietTurn(slot, (live) => takeOutcome(live, strand.id, task.attempt, outcome));
    slot.inFlight.delete(task.attempt);
  };

  const turn = async <T>(slot: Slot, work: (live: Live) => T | Promise<T>): Promise<T> => {
    const result = slot.tail.then(async (): Promise<T> => {
      if (closed) throw refusal('ServiceUnavailable', 'The local platform is closing');
      const { live } = slot;
      if (live.ending !== undefined) return work(live);
      let answer: { value: T } | { refused: unknown } | undefined;
      const takeTurn = async (): Promise<void> => {
        await expire(live);
        try {
          answer = { value: await work(live) };
        } catch (thrown) {
          // What is the run's own goes to the run; a refusal goes to who asked.
          if (thrown instanceof StateFailure || thrown instanceof HistoryFull) throw thrown;
          answer = { refused: thrown };
        }
      };
      const checkpoint = async (): Promise<void> => {
        commit(slot);
        await setImmediate();
      };
      await advance(live, takeTurn, checkpoint, outside.log);
      commit(slot);
      if (answer === undefined) throw refusal('ServiceUnavailable', 'The execution ended in this moment');
      if ('refused' in answer) throw answer.refused;
      return answer.value;
    });
    // The next turn comes when this one is over, however it went.
    slot.tail = Promise.allSettled([result]).then(() => undefined);
    return result;
  };

  /** A turn that nobody waits for. */
  const quietTurn = async (slot: Slot, work: (live: Live) => void | Promise<void>): Promise<void> => {
    try {
      await turn(slot, work);
    } catch (thrown) {
      if (!closed) outside.log(`states: ${slot.live.run.execution.arn}: ${String(thrown)}`);
    }
  };

  return {
    machines,
    slots,
    turn,
    register: (machine) => {
      const definition = checkDefinition(
        machine.definition,
        (hash) => journal.definition(hash) !== undefined,
      );
      machines.set(machine.arn, {
        ...machine,
        program: layOut(definition),
        definitionHash: journal.keepDefinition(definition),
        createdAt: journal.machineCreatedAt(machine.arn, around.now()),
      });
    },
    resume: async () => {
      for (const execution of journal.unsaid()) sayStatus(execution);
      journal.tidyDefinitions(new Set([...machines.values()].map((machine) => machine.definitionHash)));
      await Promise.all([...slots.values()].map((slot) => quietTurn(slot, () => {})));
    },
    start: (machineArn, input, name = randomUUID()) => {
      const machine = machines.get(machineArn);
      if (machine === undefined)
        throw refusal('StateMachineDoesNotExist', `State Machine Does Not Exist: '${machineArn}'`);
      const execution = newExecution(machine, input ?? {}, name, around);
      const running = slots.get(execution.arn)?.live.run.execution;
      if (running?.input === execution.input) return running;
      if (running !== undefined || journal.finished(execution.arn) !== undefined)
        throw refusal('ExecutionAlreadyExists', `Execution Already Exists: '${execution.arn}'`);
      const run = newRun(execution, machine.program, machine.definitionHash, input ?? {});
      const slot = addSlot(run, machine.program);
      const inputDetails = { truncated: false };
      record(slot.live, run.strands[0], 'ExecutionStarted', {
        executionStartedEventDetails: {
          input: execution.input,
          inputDetails,
          roleArn: machine.roleArn,
        },
      });
      commit(slot);
      void quietTurn(slot, () => {});
      return execution;
    },
    close: async () => {
      closed = true;
      for (const slot of slots.values()) clearTimeout(slot.timer);
      await Promise.all([...slots.values()].map((slot) => slot.tail));
    },
  };
}

function newExecution(machine: KnownMachine, input: unknown, name: string, around: Surroundings): Execution {
  const text = JSON.stringify(input);
  if (Buffer.byteLength(text) > around.limits.payloadBytesMax)
    throw refusal('InvalidExecutionInput', 'The input is longer than 262144 bytes');
  // https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
  if (!/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u.test(name))
    throw refusal('InvalidName', `Invalid Name: '${name}'`);
  return {
    arn: `${machine.arn.replace(':stateMachine:', ':execution:')}:${name}`,
    name,
    machineArn: machine.arn,
    machineName: machine.name,
    roleArn: machine.roleArn,
    input: text,
    startedAt: around.now(),
    status: 'RUNNING',
    firstEventId: 1,
    lastEventId: 0,
  };
}

const endings = {
  SUCCEEDED: ['ExecutionSucceeded', 'executionSucceededEventDetails'],
  FAILED: ['ExecutionFailed', 'executionFailedEventDetails'],
  TIMED_OUT: ['ExecutionTimedOut', 'executionTimedOutEventDetails'],
  ABORTED: ['ExecutionAborted', 'executionAbortedEventDetails'],
} as const;

function end(live: Live, ending: Ending): void {
  const { execution } = live.run;
  const { status, ...outcome } = ending;
  const [type, details] = endings[status];
  const [root] = live.run.strands;
  record(live, root, type, {
    [details]: 'output' in outcome ? { ...outcome, outputDetails: { truncated: false } } : outcome,
  });
  Object.assign(execution, outcome, { status, stoppedAt: live.around.now(), statusEventPending: true });
  live.run.strands = [];
}

/** The detail of AWS's event "Step Functions Execution Status Change": times in epoch milliseconds, payloads as text. */
const statusDetail = (execution: Execution): Record<string, unknown> => ({
  executionArn: execution.arn,
  stateMachineArn: execution.machineArn,
  name: execution.name,
  status: execution.status,
  startDate: execution.startedAt,
  stopDate: execution.stoppedAt ?? null,
  input: execution.input,
  inputDetails: { included: true },
  output: execution.output ?? null,
  outputDetails: execution.output === undefined ? null : { included: true },
  error: execution.error ?? null,
  cause: execution.cause ?? null,
});
