import { describe, expect, it } from 'vitest';
import { exampleClusterId as clusterId } from '../../events/fields.ts';
import { error, inTurn, runWorkflow, silence, type Run, type Script } from './workflow-bench.ts';

/** Instead of the hundred or so that the workflows have. */
const pollsMax = 5;
const pending = (waitingFor: string): object => ({ done: false, retryAfterSeconds: 5, waitingFor });

const running = (attempt: number): object => ({ done: true, providerId: 'i-0abc', attempt });
const refused = (cloud: string): Error => error('QuotaExceeded', `${cloud}: no more networks`);

describe('ProvisionNode', () => {
  const number = 7;
  const usual: Script = {
    'claim-operation': { clusterId, number, cloud: 'aws', attempt: 0 },
    'aws createMachine': running(1),
    'await-node joined': { outcome: 'joined' },
    'aws joinLoadBalancer': { done: true },
    'gcp joinLoadBalancer': { done: true },
    'publish-dns': { done: true },
    'forget-node': { done: true },
    'settle-operation succeeded': { again: false },
    'settle-operation failed': { again: false },
  };
  const provision = (script: Script = {}): Promise<Run> =>
    runWorkflow('ProvisionNode', { clusterId, number }, { ...usual, ...script }, { pollsMax });

  it('creates a machine, waits until it has joined, settles', async () => {
    const run = await provision();
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls).toEqual([
      'claim-operation',
      'aws createMachine',
      'await-node joined',
      'aws joinLoadBalancer',
      'publish-dns',
      'settle-operation succeeded',
    ]);
  });

  it('gives every function its contract, and signs with its execution', async () => {
    const run = await provision();
    const [claim] = run.payloads('claim-operation');
    const { executionArn } = claim ?? {};
    expect(executionArn).toMatch(/^arn:aws:states:.*:execution:/);
    const node = { clusterId, number, executionArn };
    expect(claim).toEqual({ kind: 'ProvisionNode', ...node });
    expect(run.payloads('aws createMachine')).toEqual([{ verb: 'createMachine', forgotten: 0, ...node }]);
    expect(run.payloads('await-node joined')).toEqual([
      { ...node, attempt: 1, until: 'joined', taskToken: expect.any(String) as string },
    ]);
    expect(run.payloads('settle-operation succeeded')).toEqual([
      { kind: 'ProvisionNode', outcome: 'succeeded', ...node },
    ]);
  });

  it('settles a node that is found joined when its attempt is to be abandoned', async () => {
    const run = await provision({
      'await-node joined': silence,
      'aws abandonAttempt': { done: true, next: 'joined' },
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.slice(-4)).toEqual([
      'aws abandonAttempt',
      'aws joinLoadBalancer',
      'publish-dns',
      'settle-operation succeeded',
    ]);
  });

  it('looks again while the machine does not run yet', async () => {
    const { calls, status } = await provision({
      'aws createMachine': inTurn(
        { ...pending('i-0abc'), attempt: 1 },
        { ...pending('i-0abc'), attempt: 1 },
        running(1),
      ),
    });
    expect(status).toBe('SUCCEEDED');
    expect(calls.filter((call) => call === 'aws createMachine')).toHaveLength(3);
  });

  it('takes patience for no attempt: a cloud that throttles is asked again', async () => {
    const { calls, status } = await provision({
      'aws createMachine': inTurn(
        error('Throttled'),
        error('Throttled'),
        error('CloudUnavailable'),
        running(1),
      ),
    });
    expect(status).toBe('SUCCEEDED');
    expect(calls).not.toContain('aws abandonAttempt');
  });

  it.each(['CapacityUnavailable', 'QuotaExceeded', 'InvalidRequest'])(
    'on %s abandons the attempt and takes the next offering, also in another cloud',
    async (name) => {
      const run = await provision({
        'aws createMachine': error(name, 'aws: no c6a.large in us-east-1a'),
        'aws abandonAttempt': inTurn(pending('i-0abc to go'), {
          done: true,
          next: 'retry',
          cloud: 'gcp',
          attempt: 1,
        }),
        'gcp createMachine': running(2),
      });
      expect(run.status).toBe('SUCCEEDED');
      expect(run.calls).toEqual([
        'claim-operation',
        'aws createMachine',
        'aws abandonAttempt',
        'aws abandonAttempt',
        'forget-node',
        'gcp createMachine',
        'await-node joined',
        'gcp joinLoadBalancer',
        'publish-dns',
        'settle-operation succeeded',
      ]);
      expect(run.payloads('aws abandonAttempt')[0]).toMatchObject({
        number,
        reason: `${name}: aws: no c6a.large in us-east-1a`,
      });
      expect(run.payloads('await-node joined')[0]).toMatchObject({ attempt: 2 });
    },
  );

  it('has a machine forgotten that was lost while it was made, before another is asked for', async () => {
    const run = await provision({
      'aws createMachine': inTurn(
        { ...pending('the cluster to forget it'), attempt: 1, isLost: true },
        running(2),
      ),
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.slice(0, 5)).toEqual([
      'claim-operation',
      'aws createMachine',
      'forget-node',
      'aws createMachine',
      'await-node joined',
    ]);
    expect(run.payloads('aws createMachine').map(({ forgotten }) => forgotten)).toEqual([0, 1]);
  });

  it('goes on when the cluster does not forget the last attempt’s node', async () => {
    const failure = error('CapacityUnavailable', 'aws: none left');
    const silent = ({ isLastTry }: { readonly isLastTry?: unknown }): object =>
      isLastTry === true ? { done: true } : pending('the API');
    for (const answer of [silent, error('ApiFailure', 'DELETE: HTTP 400')]) {
      const run = await provision({
        'aws createMachine': inTurn(failure, running(2)),
        'aws abandonAttempt': { done: true, next: 'retry', cloud: 'aws', attempt: 1 },
        'forget-node': answer,
      });
      expect(run.status).toBe('SUCCEEDED');
    }
  });

  it('gives up when no attempt is left, with the last reason', async () => {
    const run = await provision({
      'aws createMachine': error('CapacityUnavailable', 'aws: none left'),
      'aws abandonAttempt': inTurn(
        { done: true, next: 'retry', cloud: 'aws', attempt: 1 },
        { done: true, next: 'retry', cloud: 'aws', attempt: 1 },
        { done: true, next: 'give-up' },
      ),
    });
    expect(run).toMatchObject({ status: 'FAILED', error: 'NodeFailed' });
    expect(run.calls.filter((call) => call === 'aws createMachine')).toHaveLength(3);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { kind: 'ProvisionNode', number, reason: 'CapacityUnavailable: aws: none left' },
    ]);
  });

  it('abandons a machine that reported that it cannot join, with its words', async () => {
    const run = await provision({
      'await-node joined': inTurn(
        { outcome: 'failed', reason: 'kubeadm join failed' },
        { outcome: 'joined' },
      ),
      'aws abandonAttempt': { done: true, next: 'retry', cloud: 'aws', attempt: 1 },
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.payloads('aws abandonAttempt')).toMatchObject([{ reason: 'kubeadm join failed' }]);
  });

  it('waits three times five minutes, reading anew each time, then abandons', async () => {
    const run = await provision({
      'await-node joined': inTurn(silence, silence, silence, { outcome: 'joined' }),
      'aws abandonAttempt': { done: true, next: 'retry', cloud: 'aws', attempt: 1 },
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls).toEqual([
      'claim-operation',
      'aws createMachine',
      'await-node joined',
      'await-node joined',
      'await-node joined',
      'aws abandonAttempt',
      'forget-node',
      'aws createMachine',
      'await-node joined',
      'aws joinLoadBalancer',
      'publish-dns',
      'settle-operation succeeded',
    ]);
    expect(run.payloads('aws abandonAttempt')).toMatchObject([
      { reason: 'the machine did not join within 15 minutes' },
    ]);
    const tokens = run.payloads('await-node joined').map(({ taskToken }) => taskToken);
    expect(new Set(tokens).size).toBe(4);
  });

  it('is behind its load balancer before it is settled, unless that cannot be had', async () => {
    const slow = await provision({
      'aws joinLoadBalancer': inTurn(pending('i-0abc to join'), { done: true }),
    });
    expect(slow.calls.filter((call) => call === 'aws joinLoadBalancer')).toHaveLength(2);
    expect(slow.payloads('aws joinLoadBalancer')[0]).toMatchObject({ verb: 'joinLoadBalancer', number });
    for (const answer of [pending('i-0abc to join'), error('InvalidRequest', 'aws: not ours')]) {
      const run = await provision({ 'aws joinLoadBalancer': answer });
      expect(run.status).toBe('SUCCEEDED');
      expect(run.calls.at(-1)).toBe('settle-operation succeeded');
    }
  });

  it('counts the waits of each attempt anew', async () => {
    const run = await provision({
      'await-node joined': inTurn(silence, silence, silence, silence, silence, { outcome: 'joined' }),
      'aws abandonAttempt': { done: true, next: 'retry', cloud: 'aws', attempt: 1 },
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.filter((call) => call === 'aws abandonAttempt')).toHaveLength(1);
  });

  it('abandons a machine that does not come to run', async () => {
    const run = await provision({
      'aws createMachine': { ...pending('i-0abc'), attempt: 1 },
      'aws abandonAttempt': { done: true, next: 'give-up' },
    });
    expect(run.status).toBe('FAILED');
    expect(run.payloads('aws abandonAttempt')).toMatchObject([{ reason: 'the machine did not run in time' }]);
  });

  it.each<[string, Script, readonly string[]]>([
    ['at the claim', { 'claim-operation': error('Superseded') }, ['claim-operation']],
    ['at the create', { 'aws createMachine': error('Superseded') }, ['claim-operation', 'aws createMachine']],
    [
      'while it waits',
      { 'await-node joined': error('Superseded') },
      ['claim-operation', 'aws createMachine', 'await-node joined'],
    ],
    [
      'at the end',
      { 'settle-operation succeeded': error('Superseded') },
      [
        'claim-operation',
        'aws createMachine',
        'await-node joined',
        'aws joinLoadBalancer',
        'publish-dns',
        'settle-operation succeeded',
      ],
    ],
  ])('ends quietly when it is superseded %s', async (_when, script, calls) => {
    const run = await provision(script);
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls).toEqual(calls);
  });

  it.each(['CredentialsRejected', 'AttemptsExhausted'])('on %s settles as failed at once', async (name) => {
    const run = await provision({ 'aws createMachine': error(name, 'said so') });
    expect(run.status).toBe('FAILED');
    expect(run.calls).toEqual(['claim-operation', 'aws createMachine', 'settle-operation failed']);
    expect(run.payloads('settle-operation failed')).toMatchObject([{ reason: `${name}: said so` }]);
  });

  it('tries a bug three more times before it settles as failed', async () => {
    const run = await provision({ 'aws createMachine': error('TypeError', 'undefined is not a function') });
    expect(run.calls.filter((call) => call === 'aws createMachine')).toHaveLength(4);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'TypeError: undefined is not a function' },
    ]);
  });
});

describe('ProvisionCluster', () => {
  const clouds = ['aws', 'gcp', 'azure', 'digitalocean'] as const;
  const usual: Script = {
    'claim-operation': { clusterId, generation: 3, clouds },
    'request-nodes': { requested: [] },
    ...Object.fromEntries(clouds.map((cloud) => [`${cloud} ensureNetwork`, { done: true }])),
    ...Object.fromEntries(clouds.map((cloud) => [`${cloud} repair`, { done: true }])),
    ...Object.fromEntries(clouds.map((cloud) => [`${cloud} ensureLoadBalancer`, { done: true }])),
    'await-node initialised': { outcome: 'initialised' },
    'configure-cluster': { done: true },
    'publish-dns': { done: true },
    'settle-operation succeeded': { again: false },
    'settle-operation failed': { again: false },
  };
  const provision = (script: Script = {}): Promise<Run> =>
    runWorkflow('ProvisionCluster', { clusterId }, { ...usual, ...script }, { pollsMax });
  /** What goes on beside the wait for the control plane, in no order to it. */
  const isBalancing = (call: string): boolean => call.endsWith(' ensureLoadBalancer');
  const inLine = ({ calls }: Run): readonly string[] => calls.filter((call) => !isBalancing(call));

  it('makes items of the plan, builds every network, asks for each cloud’s nodes, waits, settles', async () => {
    const run = await provision();
    expect(run.status).toBe('SUCCEEDED');
    const calls = inLine(run);
    expect(calls.slice(0, 2)).toEqual(['claim-operation', 'request-nodes']);
    expect(calls.slice(2, -4).sort()).toEqual([
      'aws ensureNetwork',
      'aws repair',
      'azure ensureNetwork',
      'azure repair',
      'digitalocean ensureNetwork',
      'digitalocean repair',
      'gcp ensureNetwork',
      'gcp repair',
      ...clouds.map(() => 'request-nodes'),
    ]);
    expect(calls.slice(-4)).toEqual([
      'await-node initialised',
      'configure-cluster',
      'publish-dns',
      'settle-operation succeeded',
    ]);
    expect(run.payloads('request-nodes').map(({ cloud }) => cloud)).toEqual([undefined, ...clouds]);
    expect(run.payloads('settle-operation succeeded')).toMatchObject([
      { kind: 'ProvisionCluster', generation: 3 },
    ]);
  });

  it('asks for a cloud’s nodes as soon as its own network stands', async () => {
    const run = await provision({
      'gcp ensureNetwork': inTurn(pending('subnet'), pending('subnet'), { done: true }),
    });
    expect(run.status).toBe('SUCCEEDED');
    const asked = run.payloads('request-nodes').map(({ cloud }) => cloud);
    expect(asked.at(-1)).toBe('gcp');
    expect(run.calls.filter((call) => call === 'gcp ensureNetwork')).toHaveLength(3);
  });

  it('one cloud fails while the others stand: they are built to the end, and the failure names it', async () => {
    const run = await provision({ 'azure ensureNetwork': refused('azure') });
    expect(run).toMatchObject({ status: 'FAILED', error: 'ProvisionClusterFailed' });
    expect(run.payloads('request-nodes').map(({ cloud }) => cloud)).toEqual([
      undefined,
      'aws',
      'gcp',
      'digitalocean',
    ]);
    expect(inLine(run).slice(-4)).toEqual([
      'await-node initialised',
      'configure-cluster',
      'publish-dns',
      'settle-operation failed',
    ]);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'azure QuotaExceeded: azure: no more networks' },
    ]);
  });

  it('publishes the cluster’s names once its balancers stand; what fails there is a finding and no failure', async () => {
    const run = await provision({
      'gcp ensureLoadBalancer': inTurn(pending('the rule'), { done: true }),
      'publish-dns': error('QuotaExceeded', 'aws: Route 53: no more health checks'),
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.lastIndexOf('gcp ensureLoadBalancer')).toBeLessThan(run.calls.indexOf('publish-dns'));
    expect(run.payloads('publish-dns')).toEqual([{ clusterId }]);
  });

  it('all clouds fail: nothing is waited for, and every cloud’s reason is given', async () => {
    const run = await provision(
      Object.fromEntries(clouds.map((cloud) => [`${cloud} ensureNetwork`, refused(cloud)])),
    );
    expect(run.status).toBe('FAILED');
    expect(run.calls).not.toContain('await-node initialised');
    const [settled] = run.payloads('settle-operation failed');
    for (const cloud of clouds) expect(settled?.['reason']).toContain(`${cloud}: no more networks`);
  });

  it('a cluster in one cloud whose only cloud fails', async () => {
    const run = await provision({
      'claim-operation': { clusterId, generation: 1, clouds: ['aws'] },
      'aws ensureNetwork': refused('aws'),
    });
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'aws QuotaExceeded: aws: no more networks' },
    ]);
  });

  it('a network that never stands fails its cloud, with what it waited for', async () => {
    const run = await provision({ 'gcp ensureNetwork': pending('the route to appear') });
    expect(run.calls.filter((call) => call === 'gcp ensureNetwork')).toHaveLength(pollsMax);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'gcp not ready in time: the route to appear' },
    ]);
  });

  it('repairs a cloud once its network stands, for as long as that takes; a refusal there is that cloud’s alone', async () => {
    const slow = await provision({ 'gcp repair': inTurn(pending('machine i-1 to be gone'), { done: true }) });
    expect(slow.status).toBe('SUCCEEDED');
    expect(inLine(slow).filter((call) => call.startsWith('gcp'))).toEqual([
      'gcp ensureNetwork',
      'gcp repair',
      'gcp repair',
    ]);
    const endless = await provision({ 'gcp repair': pending('machine i-1 to be gone') });
    expect(endless.payloads('settle-operation failed')).toMatchObject([
      { reason: 'gcp not ready in time: machine i-1 to be gone' },
    ]);
    const failed = await provision({ 'azure repair': refused('azure') });
    expect(failed.calls).toContain('configure-cluster');
    expect(failed.payloads('settle-operation failed')).toMatchObject([
      { reason: 'azure QuotaExceeded: azure: no more networks' },
    ]);
  });

  it('builds every cloud’s load balancer beside the wait, once the networks are through', async () => {
    const run = await provision({
      'aws ensureLoadBalancer': inTurn(pending('it to take traffic'), { done: true }),
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.filter(isBalancing).sort()).toEqual([
      'aws ensureLoadBalancer',
      'aws ensureLoadBalancer',
      'azure ensureLoadBalancer',
      'digitalocean ensureLoadBalancer',
      'gcp ensureLoadBalancer',
    ]);
    const first = run.calls.find(isBalancing);
    expect(run.calls.indexOf(first ?? '')).toBeGreaterThan(run.calls.lastIndexOf('request-nodes'));
    expect(run.payloads('aws ensureLoadBalancer')).toEqual(
      [false, false].map((isLastTry) => ({
        verb: 'ensureLoadBalancer',
        clusterId,
        executionArn: run.payloads('aws ensureNetwork')[0]?.['executionArn'],
        isLastTry,
      })),
    );
  });

  it('a load balancer that fails or never takes traffic is no failure of the cluster', async () => {
    const run = await provision({
      'aws ensureLoadBalancer': refused('aws'),
      'gcp ensureLoadBalancer': pending('its address'),
      'azure ensureLoadBalancer': error('Superseded'),
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls).toContain('settle-operation succeeded');
    // Who is asked for the last time is told so, and says what it waited for.
    expect(run.payloads('gcp ensureLoadBalancer').map(({ isLastTry }) => isLastTry)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  it('runs again when the generation has moved meanwhile', async () => {
    const run = await provision({
      'claim-operation': inTurn(
        { clusterId, generation: 3, clouds: ['aws'] },
        { clusterId, generation: 4, clouds: ['aws', 'gcp'] },
      ),
      'settle-operation succeeded': inTurn({ again: true }, { again: false }),
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.payloads('settle-operation succeeded').map(({ generation }) => generation)).toEqual([3, 4]);
    expect(run.calls).toContain('gcp ensureNetwork');
  });

  it('a control plane that never comes up fails it after three waits', async () => {
    const run = await provision({ 'await-node initialised': silence });
    expect(run.status).toBe('FAILED');
    expect(run.calls.filter((call) => call === 'await-node initialised')).toHaveLength(3);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'no control plane was initialised within 15 minutes' },
    ]);
  });

  it('ends at once when no control plane is left that could come up', async () => {
    const run = await provision({
      'await-node initialised': { outcome: 'failed', reason: 'control plane 1: no capacity' },
    });
    expect(run.status).toBe('FAILED');
    expect(run.calls.filter((call) => call === 'await-node initialised')).toHaveLength(1);
    expect(run.calls).not.toContain('configure-cluster');
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'no control plane is left that could begin: control plane 1: no capacity' },
    ]);
  });

  it('waits for the cluster’s API to be configured', async () => {
    const run = await provision({
      'configure-cluster': inTurn(pending('the API'), pending('the API'), { done: true }),
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.filter((call) => call === 'configure-cluster')).toHaveLength(3);
  });

  it('an API that never lets the platform in fails it, with what was waited for, beside what else went wrong', async () => {
    const run = await provision({
      'configure-cluster': pending(
        'the API of cluster four-clouds: no answer (203.0.113.1: nobody listens there)',
      ),
      'azure ensureNetwork': refused('azure'),
    });
    expect(run.status).toBe('FAILED');
    expect(run.calls.filter((call) => call === 'configure-cluster')).toHaveLength(30);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      {
        reason:
          'azure QuotaExceeded: azure: no more networks; not configured: the API of cluster four-clouds: no answer (203.0.113.1: nobody listens there)',
      },
    ]);
  });

  it('a lost answer costs one wait: the next one begins with a read', async () => {
    const run = await provision({ 'await-node initialised': inTurn(silence, { outcome: 'initialised' }) });
    expect(run.status).toBe('SUCCEEDED');
  });

  it.each<[string, Script]>([
    ['at the claim', { 'claim-operation': error('Superseded') }],
    ['at the plan', { 'request-nodes': error('Superseded') }],
    ['while it waits', { 'await-node initialised': error('Superseded') }],
    ['at the cluster’s API', { 'configure-cluster': error('Superseded') }],
    ['at the end', { 'settle-operation succeeded': error('Superseded') }],
  ])('ends quietly when it is superseded %s', async (_when, script) => {
    const run = await provision(script);
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls).not.toContain('settle-operation failed');
  });
});
