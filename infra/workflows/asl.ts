import type { CloudName } from '../../shared/domain/cloud.ts';
import { cloudErrorNames } from '../../shared/clouds/errors.ts';

/** A state of the Amazon States Language in JSONata, as plain JSON. */
export type State = Readonly<Record<string, unknown>>;
export interface Workflow {
  readonly Comment: string;
  readonly QueryLanguage: 'JSONata';
  readonly StartAt: string;
  readonly TimeoutSeconds?: number;
  readonly States: Readonly<Record<string, State>>;
}

/** The functions that state machines call, by ARN. */
export interface WorkflowFunctions {
  readonly claimOperation: string;
  readonly settleOperation: string;
  readonly requestNodes: string;
  readonly awaitNode: string;
  readonly drainNode: string;
  readonly configureCluster: string;
  readonly forgetNode: string;
  readonly publishDns: string;
  readonly driveCloud: Readonly<Record<CloudName, string>>;
}

/** What a workflow's text says of the running execution. */
export const me = '{% $states.context.Execution.Id %}';
export const expression = (text: string): string => `{% ${text} %}`;

/** Errors after which the same call may simply be made again: Lambda's own, and a cloud that asks for patience. */
const retries = [
  {
    ErrorEquals: [
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.TooManyRequestsException',
    ],
    IntervalSeconds: 1,
    MaxAttempts: 6,
    BackoffRate: 2,
    JitterStrategy: 'FULL',
  },
  // Throttled is no attempt: the cloud is asked again until it has time, within the machine's own timeout.
  {
    ErrorEquals: ['Throttled', 'CloudUnavailable'],
    IntervalSeconds: 5,
    MaxAttempts: 30,
    BackoffRate: 1.6,
    MaxDelaySeconds: 60,
    JitterStrategy: 'FULL',
  },
  // A bug, a timeout or a lost connection to one of our own tables: three more tries, then it is the catcher's.
  {
    ErrorEquals: ['States.TaskFailed', 'States.Timeout'],
    IntervalSeconds: 2,
    MaxAttempts: 3,
    BackoffRate: 2,
    JitterStrategy: 'FULL',
  },
];

/** For what holds up something more urgent than itself. */
const briefRetries = [
  {
    ErrorEquals: ['States.TaskFailed', 'States.Timeout'],
    IntervalSeconds: 1,
    MaxAttempts: 3,
    BackoffRate: 2,
    JitterStrategy: 'FULL',
  },
];

/** Refusals that no repetition changes: they go to the catcher at once. */
const finalErrors = [
  'Superseded',
  'AttemptsExhausted',
  'InvalidPayload',
  ...cloudErrorNames.filter((name) => name !== 'Throttled' && name !== 'CloudUnavailable'),
];

export interface TaskOptions {
  readonly function: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly next?: string;
  readonly assign?: Readonly<Record<string, unknown>>;
  readonly output?: unknown;
  readonly catch?: readonly State[];
  readonly comment?: string;
  /** How long one call may take, with its function's own timeout inside. */
  readonly timeoutSeconds?: number;
  /** A few seconds of trying and no more: whoever catches it goes on, and somebody else does it later. */
  readonly briefly?: true;
}

/** One call of a Lambda function; its answer is the state's output unless `output` says otherwise. */
export const callFunction = (options: TaskOptions): State => ({
  Type: 'Task',
  ...(options.comment === undefined ? {} : { Comment: options.comment }),
  Resource: 'arn:aws:states:::lambda:invoke',
  Arguments: { FunctionName: options.function, Payload: options.payload },
  TimeoutSeconds: options.timeoutSeconds ?? 120,
  Retry: [
    { ErrorEquals: finalErrors, MaxAttempts: 0 },
    ...(options.briefly === true ? briefRetries : retries),
  ],
  ...(options.assign === undefined ? {} : { Assign: options.assign }),
  Output: options.output ?? expression('$states.result.Payload'),
  ...(options.catch === undefined ? {} : { Catch: options.catch }),
  ...(options.next === undefined ? { End: true } : { Next: options.next }),
});

/** A call that ends when somebody answers its token, or after `timeoutSeconds` with `States.Timeout`. */
export const callAndAwaitAnswer = (options: TaskOptions & { readonly timeoutSeconds: number }): State => ({
  ...callFunction(options),
  Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
  Arguments: {
    FunctionName: options.function,
    Payload: { ...options.payload, taskToken: expression('$states.context.Task.Token') },
  },
  Retry: [{ ErrorEquals: ['States.Timeout', ...finalErrors], MaxAttempts: 0 }, ...retries],
  Output: options.output ?? expression('$states.result'),
});

export const choose = (
  choices: readonly {
    readonly when: string;
    readonly next: string;
    readonly assign?: Readonly<Record<string, unknown>>;
  }[],
  otherwise: string,
): State => ({
  Type: 'Choice',
  Choices: choices.map(({ when, next, assign }) => ({
    Condition: expression(when),
    Next: next,
    ...(assign === undefined ? {} : { Assign: assign }),
  })),
  Default: otherwise,
});

export const wait = (seconds: number | string, next: string): State => ({
  Type: 'Wait',
  Seconds: typeof seconds === 'number' ? seconds : expression(seconds),
  Next: next,
});

export const onError = (
  errors: readonly string[],
  next: string,
  assign?: Readonly<Record<string, unknown>>,
): State => ({ ErrorEquals: errors, Next: next, ...(assign === undefined ? {} : { Assign: assign }) });

/** `CapacityUnavailable: aws: no c6a.large in us-east-1a`: what a caught error says, cut to what an event carries. */
export const errorText = expression(
  `$substring($states.errorOutput.Error & ': ' & ($exists($states.errorOutput.Cause) ? ($contains($states.errorOutput.Cause, '"errorMessage"') ? $parse($states.errorOutput.Cause).errorMessage : $states.errorOutput.Cause) : ''), 0, 900)`,
);

/** Somebody else owns it now: this run has nothing more to say. */
export const superseded: State = { Type: 'Succeed', Comment: 'Another execution owns this now' };

/** How often a cluster that does not answer is asked to forget a node: about two minutes. */
export const forgetTriesMax = 10;
/** How often a node is asked to be in or out of a load balancer: a few minutes at most. */
export const balancePollsMax = 30;
