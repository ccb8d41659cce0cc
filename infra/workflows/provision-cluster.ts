import {
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
import { awaitControlPlane, ensureLoadBalancers } from './serve-cluster.ts';

/** Polls of a network that is still being built; about ten minutes. */
const pollsMax = 120;

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
      'ProvisionCluster: networks in every cloud, nodes on them, until the control plane is initialised and lets the platform in; load balancers; names',
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
          clouds: expression('$states.result.Payload.clouds'),
          driveCloud: functions.driveCloud,
          reason: '',
        },
        catch: [yieldToOwner],
        next: 'Materialise',
      }),
      Materialise: callFunction({
        comment: 'The pending plan becomes node items, before anything is built for them',
        function: functions.requestNodes,
        payload: cluster,
        catch: [yieldToOwner, giveUp],
        next: 'Clouds',
      }),
      Clouds: {
        Type: 'Map',
        Comment:
          'Every cloud in parallel; each answers for itself, so that one failure does not cancel the others',
        Items: expression('$clouds'),
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
      AnyCloudStands: choose([{ when: '$standing > 0', next: 'Serve' }], 'NoteFailures'),
      Serve: {
        Type: 'Parallel',
        Comment:
          'Until the cluster lets the platform in; beside it the load balancers, whose failures are their own',
        Branches: [awaitControlPlane(functions, cluster), ensureLoadBalancers(cluster)],
        Assign: {
          outcome: expression('$states.result[0].outcome'),
          failures: expression(
            "$states.result[0].outcome = 'not-configured' ? $append($failures, [$states.result[0].reason]) : $failures",
          ),
          reason: expression("$states.result[0].outcome = 'failed' ? $states.result[0].reason : ''"),
        },
        Next: 'IsServing',
      },
      IsServing: choose(
        [
          { when: "$outcome = 'superseded'", next: 'Superseded' },
          { when: "$outcome = 'failed'", next: 'GiveUp' },
        ],
        'Publish',
      ),
      Publish: callFunction({
        comment: 'The cluster’s names, where there is a zone; a failure is a finding of its own',
        function: functions.publishDns,
        payload: { clusterId: expression('$clusterId') },
        catch: [onError(['States.ALL'], 'AllCloudsStand')],
        next: 'AllCloudsStand',
      }),
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
