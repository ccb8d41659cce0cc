import {
  callAndAwaitAnswer,
  callFunction,
  choose,
  errorText,
  expression,
  forgetTriesMax,
  me,
  onError,
  superseded,
  balancePollsMax,
  wait,
  type Workflow,
  type WorkflowFunctions,
} from './asl.ts';

/** Polls of a machine that does not run yet; with the drivers' 5 to 10 seconds between them, about ten minutes. */
const pollsMax = 80;
/** Waits for the agent, each beginning with a read, so that a lost answer costs minutes and not the node. */
const waitsMax = 3;
const waitSeconds = 300;

/** One node: one machine that runs, calls back and joins; on refusal the next offering, at most three attempts. */
export const provisionNode = (functions: WorkflowFunctions): Workflow => {
  const node = { clusterId: expression('$clusterId'), number: expression('$number'), executionArn: me };
  const drive = expression('$lookup($driveCloud, $cloud)');
  const yieldToOwner = onError(['Superseded'], 'Superseded');
  const giveUp = onError(['States.ALL'], 'GiveUp', { reason: errorText });
  return {
    Comment: 'ProvisionNode: create a machine, wait until it has joined, fall back to other offerings',
    QueryLanguage: 'JSONata',
    StartAt: 'Claim',
    // Three attempts, each at most ten minutes of creating and fifteen of waiting, and the deletions between.
    TimeoutSeconds: 3 * 60 * 60,
    States: {
      Claim: callFunction({
        function: functions.claimOperation,
        payload: {
          kind: 'ProvisionNode',
          clusterId: expression('$states.input.clusterId'),
          number: expression('$states.input.number'),
          executionArn: me,
        },
        assign: {
          clusterId: expression('$states.result.Payload.clusterId'),
          number: expression('$states.result.Payload.number'),
          cloud: expression('$states.result.Payload.cloud'),
          driveCloud: functions.driveCloud,
          attempt: 0,
          polls: 0,
          waits: 0,
          balancePolls: 0,
          forgotten: 0,
          forgetTries: 0,
          reason: '',
        },
        catch: [yieldToOwner],
        next: 'Create',
      }),
      Create: callFunction({
        function: drive,
        payload: { verb: 'createMachine', ...node, forgotten: expression('$forgotten') },
        assign: { attempt: expression('$states.result.Payload.attempt'), polls: expression('$polls + 1') },
        catch: [
          yieldToOwner,
          onError(['CapacityUnavailable', 'QuotaExceeded', 'InvalidRequest'], 'Abandon', {
            reason: errorText,
          }),
          giveUp,
        ],
        next: 'IsRunning',
      }),
      IsRunning: choose(
        [
          { when: '$states.input.done', next: 'AwaitJoin' },
          { when: '$exists($states.input.isLost)', next: 'Renew' },
          {
            when: `$polls >= ${pollsMax}`,
            next: 'Abandon',
            assign: { reason: 'the machine did not run in time' },
          },
        ],
        'WaitForMachine',
      ),
      WaitForMachine: wait('$states.input.retryAfterSeconds', 'Create'),
      AwaitJoin: callAndAwaitAnswer({
        function: functions.awaitNode,
        payload: { ...node, attempt: expression('$attempt'), until: 'joined' },
        timeoutSeconds: waitSeconds,
        assign: { waits: expression('$waits + 1') },
        catch: [
          yieldToOwner,
          onError(['States.Timeout'], 'HasWaitedEnough', { waits: expression('$waits + 1') }),
          giveUp,
        ],
        next: 'HasJoined',
      }),
      HasJoined: choose([{ when: "$states.input.outcome = 'joined'", next: 'Balance' }], 'NoteFailure'),
      NoteFailure: {
        Type: 'Pass',
        Assign: {
          reason: expression(
            "$exists($states.input.reason) ? $states.input.reason : 'the machine could not join'",
          ),
        },
        Next: 'Abandon',
      },
      HasWaitedEnough: choose(
        [
          {
            when: `$waits >= ${waitsMax}`,
            next: 'Abandon',
            assign: { reason: `the machine did not join within ${(waitsMax * waitSeconds) / 60} minutes` },
          },
        ],
        'AwaitJoin',
      ),
      Abandon: callFunction({
        function: drive,
        payload: { verb: 'abandonAttempt', ...node, reason: expression('$reason') },
        catch: [yieldToOwner, giveUp],
        next: 'IsAbandoned',
      }),
      IsAbandoned: choose(
        [
          { when: "$states.input.done and $states.input.next = 'retry'", next: 'Renew' },
          // It joined while nobody heard of it.
          { when: "$states.input.done and $states.input.next = 'joined'", next: 'Balance' },
          { when: '$states.input.done', next: 'GiveUp' },
        ],
        'WaitForDeletion',
      ),
      WaitForDeletion: wait('$states.input.retryAfterSeconds', 'Abandon'),
      Renew: {
        Type: 'Pass',
        Comment:
          'Another attempt, whose offering may be in another cloud; from here on nobody asks again whether the last machine is forgotten',
        Assign: {
          polls: 0,
          waits: 0,
          forgetTries: 0,
          forgotten: expression('$states.input.attempt'),
          cloud: expression('$exists($states.input.cloud) ? $states.input.cloud : $cloud'),
        },
        Next: 'Forget',
      },
      Forget: callFunction({
        comment:
          'The next machine joins under the same name, and a Node keeps the place that its first machine gave it',
        function: functions.forgetNode,
        payload: { ...node, isLastTry: expression(`$forgetTries >= ${forgetTriesMax - 1}`) },
        assign: { forgetTries: expression('$forgetTries + 1') },
        catch: [yieldToOwner, onError(['States.ALL'], 'Create')],
        next: 'IsForgotten',
      }),
      IsForgotten: choose([{ when: '$states.input.done', next: 'Create' }], 'WaitToForget'),
      WaitToForget: wait('$states.input.retryAfterSeconds', 'Forget'),
      Balance: callFunction({
        comment:
          'Behind its cloud’s load balancer, where there is one; what fails here, the next sweep finds',
        function: drive,
        payload: { verb: 'joinLoadBalancer', ...node },
        assign: { balancePolls: expression('$balancePolls + 1') },
        catch: [yieldToOwner, onError(['States.ALL'], 'Publish')],
        next: 'IsBalanced',
      }),
      IsBalanced: choose(
        [{ when: `$states.input.done or $balancePolls >= ${balancePollsMax}`, next: 'Publish' }],
        'WaitForBalance',
      ),
      WaitForBalance: wait('$states.input.retryAfterSeconds', 'Balance'),
      Publish: callFunction({
        comment: 'A control plane comes into the cluster’s names; what fails here, the reconciler finds',
        function: functions.publishDns,
        payload: { clusterId: expression('$clusterId'), unlessPublished: true },
        briefly: true,
        catch: [onError(['States.ALL'], 'Settle')],
        next: 'Settle',
      }),
      Settle: callFunction({
        function: functions.settleOperation,
        payload: { kind: 'ProvisionNode', outcome: 'succeeded', ...node },
        catch: [yieldToOwner],
        next: 'Done',
      }),
      GiveUp: callFunction({
        function: functions.settleOperation,
        payload: { kind: 'ProvisionNode', outcome: 'failed', reason: expression('$reason'), ...node },
        catch: [yieldToOwner],
        next: 'Failed',
      }),
      Done: { Type: 'Succeed' },
      Failed: { Type: 'Fail', Error: 'NodeFailed', Cause: expression('$reason') },
      Superseded: superseded,
    },
  };
};
