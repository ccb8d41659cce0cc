import {
  callFunction,
  choose,
  errorText,
  expression,
  me,
  onError,
  superseded,
  wait,
  type State,
  type Workflow,
  type WorkflowFunctions,
} from './asl.ts';

/** Polls of a cloud that still holds something; about half an hour. */
const pollsMax = 240;
/** Times that a verification may send the clean-up back to work. */
const roundsMax = 5;
/**
 * Before the first verification: longer than any driver call that began before the fence can still run
 * (drive-cloud's timeout is 60 s; the second look is 30 s after the first).
 */
const settleSeconds = 45;
const betweenLooksSeconds = 30;

/** Each branch answers for its own cloud, whatever went wrong there. */
const answer = (failure: string): State => onError(['States.ALL'], failure, { failure: errorText });
const begin = (next: string): State => ({
  Type: 'Pass',
  Assign: { cloud: expression('$states.input.cloud'), polls: 0 },
  Next: next,
});

/** Nothing is changed before the guard has passed; everything goes at once after it; done when nothing was seen twice. */
export const cleanupCluster = (functions: WorkflowFunctions): Workflow => {
  const cluster = { clusterId: expression('$clusterId'), executionArn: me };
  const yieldToOwner = onError(['Superseded'], 'Superseded');
  const giveUp = onError(['States.ALL'], 'GiveUp', { reason: errorText });
  const drive = expression('$lookup($driveCloud, $cloud)');
  const clouds = {
    Items: expression('$clouds'),
    ItemSelector: { cloud: expression('$states.context.Map.Item.Value') },
  };
  /** What one cloud's branch answers when it cannot go on; the other clouds do. */
  const failed: State = {
    Type: 'Pass',
    Output: {
      cloud: expression('$cloud'),
      ok: false,
      error: expression('$states.input.Error'),
      reason: expression('$failure'),
    },
    End: true,
  };
  /** What a Map over the clouds has learnt: what went wrong where, and whether this run still has a say. */
  const learnt = {
    reason: expression("$join([$states.result[ok = false].($string(cloud) & ' ' & $string(reason))], '; ')"),
    isSuperseded: expression("$count($states.result[error = 'Superseded']) > 0"),
  };
  const changedHands = { when: '$isSuperseded', next: 'Superseded' };
  /** State names are unique in the whole machine, also inside its Maps. */
  const look = (name: string, next: string): State => ({
    Type: 'Map',
    ...clouds,
    ItemProcessor: {
      ProcessorConfig: { Mode: 'INLINE' },
      StartAt: `Begin${name}`,
      States: {
        [`Begin${name}`]: begin(`${name}AtCloud`),
        [`${name}AtCloud`]: callFunction({
          function: drive,
          payload: { verb: 'verifyGone', ...cluster },
          catch: [answer(`${name}Failed`)],
        }),
        [`${name}Failed`]: failed,
      },
    },
    Assign: { left: expression('$count($states.result[done = false])'), ...learnt },
    Next: next,
  });
  /** Where a look leads: on when nothing is left, to work when something is, out when it could not be seen. */
  const afterLook = (next: string): State =>
    choose(
      [changedHands, { when: "$reason != ''", next: 'GiveUp' }, { when: '$left = 0', next }],
      'MoreToDo',
    );

  return {
    Comment: 'CleanupCluster: guard, fence, collapse every cloud at once, look twice, bury',
    QueryLanguage: 'JSONata',
    StartAt: 'Inspect',
    TimeoutSeconds: 3 * 60 * 60,
    States: {
      Inspect: callFunction({
        function: functions.claimOperation,
        payload: {
          kind: 'CleanupCluster',
          step: 'inspect',
          clusterId: expression('$states.input.clusterId'),
          executionArn: me,
        },
        assign: {
          clusterId: expression('$states.result.Payload.clusterId'),
          clouds: expression('$states.result.Payload.clouds'),
          fenced: expression('$states.result.Payload.fenced = true'),
          driveCloud: functions.driveCloud,
          rounds: 0,
          reason: '',
        },
        catch: [yieldToOwner],
        next: 'Guard',
      }),
      Guard: {
        Type: 'Map',
        Comment: 'Read-only: every machine in our networks, every resource in our groups',
        ...clouds,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'BeginGuard',
          States: {
            BeginGuard: begin('LookForStrangers'),
            LookForStrangers: callFunction({
              function: drive,
              payload: { verb: 'guard', ...cluster },
              output: {
                cloud: expression('$cloud'),
                ok: true,
                strangers: expression('$states.result.Payload.strangers'),
              },
              catch: [answer('GuardFailed')],
            }),
            GuardFailed: failed,
          },
        },
        Assign: {
          strangers: expression('[$states.result.strangers]'),
          // A cloud that cannot be looked at cannot be declared free of strangers.
          ...learnt,
        },
        Next: 'IsItAllOurs',
      },
      IsItAllOurs: choose(
        [
          changedHands,
          { when: "$count($strangers) = 0 and $reason = ''", next: 'Fence' },
          // An earlier run began to take it down: its machines go on costing until they are gone, whoever came since. No
          // network or group goes while strangers are in it.
          { when: '$fenced', next: 'Fence' },
        ],
        'Refuse',
      ),
      Refuse: callFunction({
        function: functions.settleOperation,
        payload: {
          kind: 'CleanupCluster',
          outcome: 'blocked',
          reason: expression('$substring($reason, 0, 900)'),
          strangers: expression('$strangers'),
          ...cluster,
        },
        catch: [yieldToOwner],
        next: 'Blocked',
      }),
      Fence: callFunction({
        comment:
          'From here nothing is created any more: desired is absent and every other execution is stopped',
        function: functions.claimOperation,
        payload: { kind: 'CleanupCluster', step: 'fence', ...cluster },
        catch: [yieldToOwner, giveUp],
        next: 'Unpublish',
      }),
      Unpublish: callFunction({
        comment:
          'No name leads to an address that may be somebody else’s in a minute; what fails is done before the burial',
        function: functions.publishDns,
        payload: { clusterId: expression('$clusterId') },
        briefly: true,
        catch: [onError(['States.ALL'], 'Collapse')],
        next: 'Collapse',
      }),
      Collapse: {
        Type: 'Map',
        ...clouds,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'BeginCollapse',
          States: {
            BeginCollapse: begin('TakeDown'),
            TakeDown: callFunction({
              function: drive,
              payload: { verb: 'collapse', ...cluster },
              assign: { polls: expression('$polls + 1') },
              catch: [answer('CollapseFailed')],
              next: 'IsItDown',
            }),
            IsItDown: choose(
              [
                { when: '$states.input.done', next: 'Down' },
                { when: `$polls >= ${pollsMax}`, next: 'Stuck' },
              ],
              'WaitForCloud',
            ),
            WaitForCloud: wait('$states.input.retryAfterSeconds', 'TakeDown'),
            Down: { Type: 'Pass', Output: { cloud: expression('$cloud'), ok: true }, End: true },
            Stuck: {
              Type: 'Pass',
              Output: {
                cloud: expression('$cloud'),
                ok: false,
                reason: expression("'still waiting for ' & $states.input.waitingFor"),
              },
              End: true,
            },
            CollapseFailed: failed,
          },
        },
        Assign: {
          rounds: expression('$rounds + 1'),
          ...learnt,
        },
        Next: 'IsAllDown',
      },
      IsAllDown: choose([changedHands, { when: "$reason = ''", next: 'WaitForStragglers' }], 'GiveUp'),
      WaitForStragglers: wait(settleSeconds, 'FirstLook'),
      FirstLook: look('FirstLook', 'WasFirstClear'),
      WasFirstClear: afterLook('WaitBetweenLooks'),
      WaitBetweenLooks: wait(betweenLooksSeconds, 'SecondLook'),
      SecondLook: look('SecondLook', 'WasSecondClear'),
      WasSecondClear: afterLook('VerifyUnpublished'),
      VerifyUnpublished: callFunction({
        comment: 'Whoever published when the fence went up has ended by now: what it left goes',
        function: functions.publishDns,
        payload: { clusterId: expression('$clusterId') },
        catch: [giveUp],
        next: 'Bury',
      }),
      MoreToDo: choose(
        [
          {
            when: `$rounds >= ${roundsMax}`,
            next: 'GiveUp',
            assign: { reason: 'something kept appearing after the clean-up' },
          },
        ],
        'Collapse',
      ),
      Bury: callFunction({
        function: functions.settleOperation,
        payload: { kind: 'CleanupCluster', outcome: 'succeeded', ...cluster },
        catch: [yieldToOwner],
        next: 'Done',
      }),
      GiveUp: callFunction({
        function: functions.settleOperation,
        payload: {
          kind: 'CleanupCluster',
          outcome: 'failed',
          reason: expression('$substring($reason, 0, 900)'),
          ...cluster,
        },
        catch: [yieldToOwner],
        next: 'Failed',
      }),
      Done: { Type: 'Succeed' },
      Blocked: { Type: 'Succeed', Comment: 'The deletion was refused and the cluster lives on' },
      Failed: { Type: 'Fail', Error: 'CleanupClusterFailed', Cause: expression('$reason') },
      Superseded: superseded,
    },
  };
};
