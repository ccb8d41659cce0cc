import {
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

/**
 * How long one run asks a node's pods to go. What then still may not be stopped goes on running: the run ends, and the tick
 * begins another one after a rest. A node goes with work on it only when somebody says so.
 */
const drainBudgetSeconds = 30 * 60;

/** One node goes: out of names and load balancer first, then its work, then its machine, then the cluster's memory of it, then its name. */
export const retireNode = (functions: WorkflowFunctions): Workflow => {
  const node = { clusterId: expression('$clusterId'), number: expression('$number'), executionArn: me };
  const yieldToOwner = onError(['Superseded'], 'Superseded');
  const giveUp = onError(['States.ALL'], 'GiveUp', { reason: errorText });
  return {
    Comment: 'RetireNode: leave names and load balancer, drain, delete the machine, forget the node',
    QueryLanguage: 'JSONata',
    StartAt: 'Claim',
    TimeoutSeconds: 60 * 60,
    States: {
      Claim: callFunction({
        function: functions.claimOperation,
        payload: {
          kind: 'RetireNode',
          clusterId: expression('$states.input.clusterId'),
          number: expression('$states.input.number'),
          executionArn: me,
        },
        assign: {
          clusterId: expression('$states.result.Payload.clusterId'),
          number: expression('$states.result.Payload.number'),
          cloud: expression('$states.result.Payload.cloud'),
          driveCloud: functions.driveCloud,
          reason: '',
          forgetTries: 0,
          balancePolls: 0,
        },
        catch: [yieldToOwner],
        next: 'Publish',
      }),
      Publish: callFunction({
        comment: 'A control plane is no longer given as an answer; what fails here, the reconciler finds',
        function: functions.publishDns,
        payload: { clusterId: expression('$clusterId'), unlessPublished: true },
        briefly: true,
        catch: [onError(['States.ALL'], 'Leave')],
        next: 'Leave',
      }),
      Leave: callFunction({
        comment: 'Nothing new is sent to it any more; its machine’s end takes it out all the same',
        function: expression('$lookup($driveCloud, $cloud)'),
        payload: { verb: 'leaveLoadBalancer', ...node },
        assign: { balancePolls: expression('$balancePolls + 1') },
        catch: [yieldToOwner, onError(['States.ALL'], 'Drain')],
        next: 'HasLeft',
      }),
      HasLeft: choose(
        [{ when: `$states.input.done or $balancePolls >= ${balancePollsMax}`, next: 'Drain' }],
        'WaitToLeave',
      ),
      WaitToLeave: wait('$states.input.retryAfterSeconds', 'Leave'),
      Drain: callFunction({
        function: functions.drainNode,
        payload: {
          ...node,
          startedAt: expression('$states.context.Execution.StartTime'),
          budgetSeconds: drainBudgetSeconds,
        },
        catch: [yieldToOwner, giveUp],
        next: 'IsDrained',
      }),
      IsDrained: choose(
        [
          { when: '$states.input.done', next: 'Delete' },
          {
            when: '$exists($states.input.isPutOff)',
            next: 'PutOff',
            assign: { reason: expression('$states.input.reason') },
          },
        ],
        'WaitForDrain',
      ),
      WaitForDrain: wait('$states.input.retryAfterSeconds', 'Drain'),
      Delete: callFunction({
        function: expression('$lookup($driveCloud, $cloud)'),
        payload: { verb: 'deleteMachine', ...node },
        catch: [yieldToOwner, giveUp],
        next: 'IsDeleted',
      }),
      IsDeleted: choose([{ when: '$states.input.done', next: 'Forget' }], 'WaitForDeletion'),
      WaitForDeletion: wait('$states.input.retryAfterSeconds', 'Delete'),
      Forget: callFunction({
        function: functions.forgetNode,
        payload: { ...node, isLastTry: expression(`$forgetTries >= ${forgetTriesMax - 1}`) },
        assign: { forgetTries: expression('$forgetTries + 1') },
        // Its machine is gone, whatever the cluster says of it.
        catch: [yieldToOwner, onError(['States.ALL'], 'Settle')],
        next: 'IsForgotten',
      }),
      IsForgotten: choose([{ when: '$states.input.done', next: 'Settle' }], 'WaitToForget'),
      WaitToForget: wait('$states.input.retryAfterSeconds', 'Forget'),
      Settle: callFunction({
        function: functions.settleOperation,
        payload: { kind: 'RetireNode', outcome: 'succeeded', ...node },
        catch: [yieldToOwner],
        next: 'Done',
      }),
      GiveUp: callFunction({
        function: functions.settleOperation,
        payload: { kind: 'RetireNode', outcome: 'failed', reason: expression('$reason'), ...node },
        catch: [yieldToOwner],
        next: 'Failed',
      }),
      PutOff: callFunction({
        function: functions.settleOperation,
        payload: { kind: 'RetireNode', outcome: 'blocked', reason: expression('$reason'), ...node },
        catch: [yieldToOwner],
        next: 'Done',
        comment: 'Nothing is wrong: the node lets go of this run and keeps its work',
      }),
      Done: { Type: 'Succeed' },
      Failed: { Type: 'Fail', Error: 'RetireNodeFailed', Cause: expression('$reason') },
      Superseded: superseded,
    },
  };
};
