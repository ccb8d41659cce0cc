import { setImmediate } from 'node:timers/promises';
import { openBench, type Bench, type Described } from '../../local/aws/states/testbench.ts';
import type { Workflow, WorkflowFunctions } from '../../infra/workflows/asl.ts';
import { cleanupCluster } from '../../infra/workflows/cleanup-cluster.ts';
import { provisionCluster } from '../../infra/workflows/provision-cluster.ts';
import { provisionNode } from '../../infra/workflows/provision-node.ts';
import { retireNode } from '../../infra/workflows/retire-node.ts';
import type { OperationKind } from '../../shared/domain/operation.ts';

const arnOf = (name: string): string => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const nameOf = (arn: string): string => arn.split(':').at(-1) ?? '';

const functions: WorkflowFunctions = {
  claimOperation: arnOf('claim-operation'),
  settleOperation: arnOf('settle-operation'),
  requestNodes: arnOf('request-nodes'),
  awaitNode: arnOf('await-node'),
  drainNode: arnOf('drain-node'),
  publishDns: arnOf('publish-dns'),
  configureCluster: arnOf('configure-cluster'),
  forgetNode: arnOf('forget-node'),
  driveCloud: {
    aws: arnOf('aws'),
    gcp: arnOf('gcp'),
    azure: arnOf('azure'),
    digitalocean: arnOf('digitalocean'),
  },
};

export const workflows: Readonly<Record<OperationKind, Workflow>> = {
  ProvisionCluster: provisionCluster(functions),
  ProvisionNode: provisionNode(functions),
  RetireNode: retireNode(functions),
  CleanupCluster: cleanupCluster(functions),
};

export type Payload = Readonly<Record<string, unknown>>;
/** What a function answers: a value, an error, or something worked out from the payload. */
export type Answer = unknown;
/** By what is called: `claim-operation`, `aws createMachine`, `settle-operation failed`. */
export type Script = Readonly<Record<string, Answer>>;

/** One answer after another; the last one stays. */
export const inTurn = (...answers: readonly Answer[]): ((payload: Payload) => Answer) => {
  let next = 0;
  return (payload) => {
    const answer = answers[Math.min(next, answers.length - 1)];
    next += 1;
    return typeof answer === 'function' ? (answer as (payload: Payload) => Answer)(payload) : answer;
  };
};

/** An error as a bundle throws it. */
export const error = (name: string, message = name): Error => Object.assign(new Error(message), { name });
/** Nobody answers the token until its time is over. */
export const silence = Symbol('silence');

export interface Run extends Described {
  /** `claim-operation`, `aws createMachine`, … in the order in which they were called. */
  readonly calls: readonly string[];
  /** The payloads of the calls of this name. */
  readonly payloads: (call: string) => readonly Payload[];
}

/**
 * Runs one of the state machines as it deploys, on the local interpreter, with functions that answer from a script.
 * Waits pass at once; timeouts are the real ones, on a clock that is moved.
 */
export async function runWorkflow(
  kind: OperationKind,
  input: Payload,
  script: Script,
  options: { readonly pollsMax?: number } = {},
): Promise<Run> {
  const made: { name: string; payload: Payload }[] = [];
  let elapsedMilliseconds = 0;

  const answer = async (arn: string, payload: Payload): Promise<unknown> => {
    const name = describeCall(nameOf(arn), payload);
    made.push({ name, payload });
    if (!(name in script)) throw error('Unscripted', `nobody expected ${name}`);
    const scripted = script[name];
    const found: Answer =
      typeof scripted === 'function' ? (scripted as (payload: Payload) => Answer)(payload) : scripted;
    if (found instanceof Error) throw found;
    const { taskToken } = payload;
    if (typeof taskToken !== 'string') return found;
    void reply(taskToken, found);
    return undefined;
  };
  /** After the function has returned: its answer to the token, or the end of its time. */
  const reply = async (taskToken: string, found: Answer): Promise<void> => {
    await setImmediate();
    if (found !== silence) {
      await bench.states.api('SendTaskSuccess', { taskToken, output: JSON.stringify(found) });
      return;
    }
    elapsedMilliseconds += 301_000;
    // Any call about the execution makes the interpreter look at its clock.
    await bench.states.api('SendTaskHeartbeat', { taskToken }).catch(() => undefined);
  };

  const bench: Bench = openBench(
    withFewerPolls(workflows[kind], options.pollsMax),
    {},
    {
      waitScale: 1_000_000,
      random: () => 0,
      now: () => Date.now() + elapsedMilliseconds,
      invokeTask: async (_resource, args) => {
        const { FunctionName, Payload } = args as { FunctionName: string; Payload: Payload };
        return { StatusCode: 200, Payload: await answer(FunctionName, Payload) };
      },
    },
  );
  try {
    const described = await bench.run(input);
    const unscripted = made.filter(({ name }) => !(name in script)).map(({ name }) => name);
    if (unscripted.length > 0) throw new Error(`called without a script: ${unscripted.join(', ')}`);
    return {
      ...described,
      calls: made.map(({ name }) => name),
      payloads: (call) => made.filter(({ name }) => name === call).map(({ payload }) => payload),
    };
  } finally {
    await bench.states.close();
  }
}

function describeCall(name: string, { verb, outcome, step, until }: Payload): string {
  const what = verb ?? outcome ?? step ?? until;
  return typeof what === 'string' ? `${name} ${what}` : name;
}

/** How workflows say that they have looked often enough. */
export const pollLimit = /\$polls >= (\d+)/g;

/** A copy whose loops end sooner, for tests of what comes after them. */
const withFewerPolls = (workflow: Workflow, pollsMax: number | undefined): Workflow =>
  pollsMax === undefined
    ? workflow
    : (JSON.parse(JSON.stringify(workflow).replaceAll(pollLimit, `$$polls >= ${pollsMax}`)) as Workflow);
