import {
  callAndAwaitAnswer,
  callFunction,
  choose,
  errorText,
  expression,
  me,
  onError,
  superseded,
  wait,
  type Workflow,
  type WorkflowFunctions,
} from './asl.ts';

/** Polls of a network that is still being built; about ten minutes. */
const pollsMax = 120;
const waitsMax = 3;
const waitSeconds = 300;
/** Looks at the cluster's API, each with its own patience; between five and ten minutes. */
const configurePollsMax = 30;

/**
 * Create and repair are one thing: every step compares what it owns and changes only what differs. All clouds at once,
 * and all their machines at once; the platform tells each machine when to init or join.
 */
export const provisionCluster = (functions: WorkflowFunctions): Workflow => {
  const cluster = { clusterId: expression('$clusterId'), executionArn: me };
  const yieldToOwner = onError(['Superseded'], 'Superseded');
  const giveUp = onError(['States.ALL'], 'GiveUp', { reason: errorText });
  return {
    Comment:
      'ProvisionCluster: networks in every cloud, nodes on them, until the control plane is initialised and lets the platform in',
    QueryLanguage: 'JSONata',
    StartAt: 'Claim',
    TimeoutSeconds: 2 * 60 * 60,
    States: {
      Claim: callFunction({
        function: functions.claimOperation,
        payload: {
          kind: 'ProvisionCluster',
          clusterId: expression('$states.context.Execution.Input.clusterId'),
          executionArn: me,
        },
        assign: {
          clusterId: expression('$states.result.Payload.clusterId'),
          generation: expression('$states.result.Payload.generation'),
          driveCloud: functions.driveCloud,
          waits: 0,
          configurePolls: 0,
          reason: '',
        },
        catch: [yieldToOwner],
        next: 'Materialise',
      }),
      Materialise: callFunction({
        comment: 'The pending plan becomes node items, before anything is built for them',
        function: functions.requestNodes,
        payload: cluster,
        output: expression('$states.input'),
        catch: [yieldToOwner, giveUp],
        next: 'Clouds',
      }),
      Clouds: {
        Type: 'Map',
        Comment:
          'Every cloud in parallel; each answers for itself, so that one failure does not cancel the others',
        Items: expression('$states.input.clouds'),
        ItemSelector: { cloud: expression('$states.context.Map.Item.Value') },
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'Begin',
          States: {
            Begin: {
              Type: 'Pass',
              Assign: { cloud: expression('$states.input.cloud'), polls: 0, repairs: 0 },
              Next: 'EnsureNetwork',
            },
            EnsureNetwork: callFunction({
              function: expression('$lookup($driveCloud, $cloud)'),
              payload: { verb: 'ensureNetwork', ...cluster },
              assign: { polls: expression('$polls + 1') },
              catch: [onError(['States.ALL'], 'CloudFailed', { failure: errorText })],
              next: 'NetworkStands',
            }),
            NetworkStands: choose(
              [
                { when: '$states.input.done', next: 'RequestNodes' },
                { when: `$polls >= ${pollsMax}`, next: 'TookTooLong' },
              ],
              'WaitForNetwork',
            ),
            WaitForNetwork: wait('$states.input.retryAfterSeconds', 'EnsureNetwork'),
            RequestNodes: callFunction({
              function: functions.requestNodes,
              payload: { ...cluster, cloud: expression('$cloud') },
              catch: [onError(['States.ALL'], 'CloudFailed', { failure: errorText })],
              next: 'Repair',
            }),
            Repair: callFunction({
              comment: 'Machines that were changed, and what is left over, where a sweep found any',
              function: expression('$lookup($driveCloud, $cloud)'),
              payload: { verb: 'repair', ...cluster },
              assign: { repairs: expression('$repairs + 1') },
              catch: [onError(['States.ALL'], 'CloudFailed', { failure: errorText })],
              next: 'IsRepaired',
            }),
            IsRepaired: choose(
              [
                { when: '$states.input.done', next: 'CloudStands' },
                { when: `$repairs >= ${pollsMax}`, next: 'TookTooLong' },
              ],
              'WaitForRepair',
            ),
            WaitForRepair: wait('$states.input.retryAfterSeconds', 'Repair'),
            CloudStands: { Type: 'Pass', Output: { cloud: expression('$cloud'), ok: true }, End: true },
            TookTooLong: {
              Type: 'Pass',
              Output: {
                cloud: expression('$cloud'),
                ok: false,
                reason: expression("'not ready in time: ' & $states.input.waitingFor"),
              },
              End: true,
            },
            CloudFailed: {
              Type: 'Pass',
              Output: { cloud: expression('$cloud'), ok: false, reason: expression('$failure') },
              End: true,
            },
          },
        },
        Assign: {
          failures: expression("[$states.result[ok = false].($string(cloud) & ' ' & $string(reason))]"),
          standing: expression('$count($states.result[ok = true])'),
        },
        Next: 'AnyCloudStands',
      },
      AnyCloudStands: choose([{ when: '$standing > 0', next: 'AwaitInitialised' }], 'NoteFailures'),
      AwaitInitialised: callAndAwaitAnswer({
        function: functions.awaitNode,
        payload: { ...cluster, until: 'initialised' },
        timeoutSeconds: waitSeconds,
        catch: [
          yieldToOwner,
          onError(['States.Timeout'], 'HasWaitedEnough', { waits: expression('$waits + 1') }),
          giveUp,
        ],
        next: 'Configure',
      }),
      HasWaitedEnough: choose(
        [
          {
            when: `$waits >= ${waitsMax}`,
            next: 'GiveUp',
            assign: {
              reason: `no control plane was initialised within ${(waitsMax * waitSeconds) / 60} minutes`,
            },
          },
        ],
        'AwaitInitialised',
      ),
      Configure: callFunction({
        comment: 'Lets the platform and its people in; renews what runs out',
        function: functions.configureCluster,
        payload: cluster,
        assign: { configurePolls: expression('$configurePolls + 1') },
        catch: [yieldToOwner, giveUp],
        next: 'IsConfigured',
      }),
      IsConfigured: choose(
        [
          { when: '$states.input.done', next: 'AllCloudsStand' },
          {
            when: `$configurePolls >= ${configurePollsMax}`,
            next: 'AllCloudsStand',
            assign: {
              failures: expression("$append($failures, ['not configured: ' & $states.input.waitingFor])"),
            },
          },
        ],
        'WaitToConfigure',
      ),
      WaitToConfigure: wait('$states.input.retryAfterSeconds', 'Configure'),
      AllCloudsStand: choose([{ when: '$count($failures) = 0', next: 'Settle' }], 'NoteFailures'),
      NoteFailures: {
        Type: 'Pass',
        Assign: { reason: expression("$substring($join($failures, '; '), 0, 900)") },
        Next: 'GiveUp',
      },
      Settle: callFunction({
        function: functions.settleOperation,
        payload: {
          kind: 'ProvisionCluster',
          outcome: 'succeeded',
          generation: expression('$generation'),
          ...cluster,
        },
        catch: [yieldToOwner],
        next: 'WasItThisGeneration',
      }),
      // A plan that was written meanwhile moved the generation: once more, with what is wanted now.
      WasItThisGeneration: choose([{ when: '$states.input.again', next: 'Claim' }], 'Done'),
      GiveUp: callFunction({
        function: functions.settleOperation,
        payload: { kind: 'ProvisionCluster', outcome: 'failed', reason: expression('$reason'), ...cluster },
        catch: [yieldToOwner],
        next: 'Failed',
      }),
      Done: { Type: 'Succeed' },
      Failed: { Type: 'Fail', Error: 'ProvisionClusterFailed', Cause: expression('$reason') },
      Superseded: superseded,
    },
  };
};
