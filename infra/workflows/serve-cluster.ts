import {
  callAndAwaitAnswer,
  callFunction,
  choose,
  errorText,
  expression,
  onError,
  wait,
  type State,
  type Workflow,
  type WorkflowFunctions,
} from './asl.ts';

/** What ProvisionCluster does once its networks stand: two branches beside one another, each with variables of its own. */
type Branch = Pick<Workflow, 'StartAt' | 'States'>;
/** What every call about the cluster carries. */
type Cluster = Readonly<Record<'clusterId' | 'executionArn', string>>;

const waitsMax = 3;
const waitSeconds = 300;
/** Polls of a load balancer that does not take traffic yet; AWS needs two to three minutes, of five to ten. */
const balancerPollsMax = 60;
/** Looks at the cluster's API, each with its own patience; between five and ten minutes. */
const configurePollsMax = 30;

/** A branch's end. What it says is for the states after it: variables of its own it takes along. */
const end = (output: Readonly<Record<string, unknown>>): State => ({
  Type: 'Pass',
  Output: output,
  End: true,
});

/** `{ outcome: 'configured' | 'not-configured' | 'failed' | 'superseded', reason? }` */
export const awaitControlPlane = (functions: WorkflowFunctions, cluster: Cluster): Branch => {
  const yieldToOwner = onError(['Superseded'], 'ChangedHands');
  const giveUp = onError(['States.ALL'], 'NotServing', { obstacle: errorText });
  return {
    StartAt: 'BeginToWait',
    States: {
      BeginToWait: {
        Type: 'Pass',
        Assign: { waits: 0, configurePolls: 0, obstacle: '' },
        Next: 'AwaitInitialised',
      },
      AwaitInitialised: callAndAwaitAnswer({
        function: functions.awaitNode,
        payload: { ...cluster, until: 'initialised' },
        timeoutSeconds: waitSeconds,
        catch: [
          yieldToOwner,
          onError(['States.Timeout'], 'HasWaitedEnough', { waits: expression('$waits + 1') }),
          giveUp,
        ],
        next: 'IsInitialised',
      }),
      IsInitialised: choose(
        [
          {
            when: "$states.input.outcome = 'failed'",
            next: 'NotServing',
            assign: {
              obstacle: expression("'no control plane is left that could begin: ' & $states.input.reason"),
            },
          },
        ],
        'Configure',
      ),
      HasWaitedEnough: choose(
        [
          {
            when: `$waits >= ${waitsMax}`,
            next: 'NotServing',
            assign: {
              obstacle: `no control plane was initialised within ${(waitsMax * waitSeconds) / 60} minutes`,
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
          { when: '$states.input.done', next: 'Configured' },
          {
            when: `$configurePolls >= ${configurePollsMax}`,
            next: 'NotConfigured',
            assign: { obstacle: expression("'not configured: ' & $states.input.waitingFor") },
          },
        ],
        'WaitToConfigure',
      ),
      WaitToConfigure: wait('$states.input.retryAfterSeconds', 'Configure'),
      Configured: end({ outcome: 'configured' }),
      NotConfigured: end({ outcome: 'not-configured', reason: expression('$obstacle') }),
      NotServing: end({ outcome: 'failed', reason: expression('$obstacle') }),
      ChangedHands: end({ outcome: 'superseded' }),
    },
  };
};

/** Every cloud in parallel, and each as it can: a cluster without a load balancer is a cluster, and the finding says so. */
export const ensureLoadBalancers = (cluster: Cluster): Branch => ({
  StartAt: 'LoadBalancers',
  States: {
    LoadBalancers: {
      Type: 'Map',
      Items: expression('$clouds'),
      ItemSelector: { cloud: expression('$states.context.Map.Item.Value') },
      ItemProcessor: {
        ProcessorConfig: { Mode: 'INLINE' },
        StartAt: 'BeginLoadBalancer',
        States: {
          BeginLoadBalancer: {
            Type: 'Pass',
            Assign: { cloud: expression('$states.input.cloud'), polls: 1 },
            Next: 'EnsureLoadBalancer',
          },
          EnsureLoadBalancer: callFunction({
            function: expression('$lookup($driveCloud, $cloud)'),
            payload: {
              verb: 'ensureLoadBalancer',
              ...cluster,
              isLastTry: expression(`$polls >= ${balancerPollsMax}`),
            },
            catch: [onError(['States.ALL'], 'NoLoadBalancer')],
            next: 'LoadBalancerStands',
          }),
          LoadBalancerStands: choose(
            [
              { when: '$states.input.done', next: 'Balanced' },
              { when: `$polls >= ${balancerPollsMax}`, next: 'NoLoadBalancer' },
            ],
            'WaitForLoadBalancer',
          ),
          WaitForLoadBalancer: {
            ...wait('$states.input.retryAfterSeconds', 'EnsureLoadBalancer'),
            Assign: { polls: expression('$polls + 1') },
          },
          Balanced: end({ cloud: expression('$cloud'), ok: true }),
          NoLoadBalancer: end({ cloud: expression('$cloud'), ok: false }),
        },
      },
      End: true,
    },
  },
});
