import { describe, expect, it } from 'vitest';
import { exampleClusterId as clusterId } from '../../events/fields.ts';
import { error, inTurn, runWorkflow, type Payload, type Run, type Script } from './workflow-bench.ts';

const pending = (waitingFor: string): object => ({ done: false, retryAfterSeconds: 5, waitingFor });

const inAnyOrder = (calls: readonly string[]): string[] => [...calls].sort();

describe('RetireNode', () => {
  const number = 7;
  const usual: Script = {
    'claim-operation': { clusterId, number, cloud: 'gcp', attempt: 1 },
    'publish-dns': { done: true },
    'gcp leaveLoadBalancer': { done: true },
    'drain-node': { done: true },
    'gcp deleteMachine': { done: true },
    'forget-node': { done: true },
    'settle-operation succeeded': { again: false },
    'settle-operation failed': { again: false },
    'settle-operation blocked': { again: false },
  };
  const retire = (script: Script = {}): Promise<Run> =>
    runWorkflow('RetireNode', { clusterId, number }, { ...usual, ...script });

  it('takes the node out of the load balancer, its work off it, then its machine, its Node object, its name', async () => {
    const run = await retire();
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls).toEqual([
      'claim-operation',
      'publish-dns',
      'gcp leaveLoadBalancer',
      'drain-node',
      'gcp deleteMachine',
      'forget-node',
      'settle-operation succeeded',
    ]);
  });

  it('goes on when its names cannot be changed: the reconciler finds that', async () => {
    const run = await retire({ 'publish-dns': error('Throttled', 'aws: Route 53: busy') });
    expect(run.status).toBe('SUCCEEDED');
    const tries = run.payloads('publish-dns');
    expect(tries).toEqual(tries.map(() => ({ clusterId, unlessPublished: true })));
    // A few, and no patience: the node's pods wait.
    expect(tries).toHaveLength(4);
  });

  it('drains once the balancer sends nothing new, or when it cannot be told so', async () => {
    const slow = await retire({ 'gcp leaveLoadBalancer': inTurn(pending('the group'), { done: true }) });
    expect(slow.calls.slice(2, 5)).toEqual(['gcp leaveLoadBalancer', 'gcp leaveLoadBalancer', 'drain-node']);
    expect(slow.payloads('gcp leaveLoadBalancer')[0]).toMatchObject({ verb: 'leaveLoadBalancer', number });
    for (const answer of [pending('the group'), error('CredentialsRejected', 'gcp: no')]) {
      const run = await retire({ 'gcp leaveLoadBalancer': answer });
      expect(run.status).toBe('SUCCEEDED');
      expect(run.calls).toContain('drain-node');
    }
  });

  it('passes over the node until it is drained, counting from the run’s own beginning', async () => {
    const run = await retire({
      'drain-node': inTurn(pending('2 pods'), pending('1 pod'), { done: true }),
      'gcp deleteMachine': inTurn(pending('the machine'), { done: true }),
    });
    expect(run.calls).toEqual([
      'claim-operation',
      'publish-dns',
      'gcp leaveLoadBalancer',
      'drain-node',
      'drain-node',
      'drain-node',
      'gcp deleteMachine',
      'gcp deleteMachine',
      'forget-node',
      'settle-operation succeeded',
    ]);
    const passes = run.payloads('drain-node');
    expect(new Set(passes.map(({ startedAt }) => startedAt)).size).toBe(1);
    expect(passes[0]).toMatchObject({
      budgetSeconds: 1800,
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
    });
  });

  it('lets go of a node whose work may not be stopped, and deletes nothing', async () => {
    const reason = 'default/web-1: the disruption budget web needs 2 healthy pods and has 2 currently';
    const run = await retire({
      'drain-node': inTurn(pending('1 pod'), { done: false, isPutOff: true, reason }),
    });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls).toEqual([
      'claim-operation',
      'publish-dns',
      'gcp leaveLoadBalancer',
      'drain-node',
      'drain-node',
      'settle-operation blocked',
    ]);
    expect(run.payloads('settle-operation blocked')).toMatchObject([{ kind: 'RetireNode', number, reason }]);
  });

  it('waits for the cluster to forget it, and says when it will ask no more', async () => {
    const forgotten = await retire({
      'forget-node': inTurn(pending('the API'), pending('the API'), { done: true }),
    });
    expect(forgotten.status).toBe('SUCCEEDED');
    expect(forgotten.payloads('forget-node')).toHaveLength(3);

    const { status, payloads } = await retire({
      'forget-node': ({ isLastTry }: Payload) => (isLastTry === true ? { done: true } : pending('the API')),
    });
    expect(status).toBe('SUCCEEDED');
    expect(payloads('forget-node').map(({ isLastTry }) => isLastTry)).toEqual([
      ...Array.from({ length: 9 }, () => false),
      true,
    ]);
  });

  it('is done all the same when the cluster refuses: the machine is gone', async () => {
    const run = await retire({ 'forget-node': error('ApiFailure', 'DELETE: HTTP 400') });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.at(-1)).toBe('settle-operation succeeded');
  });

  it('settles as failed when the cloud will not delete, and does not forget the node', async () => {
    const run = await retire({ 'gcp deleteMachine': error('InvalidRequest', 'gcp: not ours') });
    expect(run).toMatchObject({ status: 'FAILED', error: 'RetireNodeFailed' });
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { kind: 'RetireNode', number, reason: 'InvalidRequest: gcp: not ours' },
    ]);
    expect(run.calls).not.toContain('settle-operation succeeded');
  });

  it.each([
    'claim-operation',
    'gcp leaveLoadBalancer',
    'drain-node',
    'gcp deleteMachine',
    'forget-node',
    'settle-operation succeeded',
  ])('ends quietly when it is superseded at %s', async (call) => {
    const run = await retire({ [call]: error('Superseded') });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.at(-1)).toBe(call);
  });
});

describe('CleanupCluster', () => {
  const clouds = ['aws', 'gcp', 'azure'] as const;
  const each = (verb: string, answer: unknown): Script =>
    Object.fromEntries(clouds.map((cloud) => [`${cloud} ${verb}`, answer]));
  const usual: Script = {
    'claim-operation inspect': { clusterId, clouds },
    'claim-operation fence': { clusterId, clouds },
    'publish-dns': { done: true },
    ...each('guard', { done: true, strangers: [] }),
    ...each('collapse', { done: true }),
    ...each('verifyGone', { done: true }),
    'settle-operation succeeded': { again: false },
    'settle-operation failed': { again: false },
    'settle-operation blocked': { again: false },
  };
  const cleanUp = (script: Script = {}): Promise<Run> =>
    runWorkflow('CleanupCluster', { clusterId }, { ...usual, ...script }, { pollsMax: 5 });
  const stranger = {
    cloud: 'gcp',
    kind: 'machine',
    id: 'db-1',
    name: 'db-1',
    inside: 'overcast-network',
  };
  const inEachCloud = (verb: string): string[] => clouds.map((cloud) => `${cloud} ${verb}`);

  it('guard, fence, collapse everywhere, two looks, burial', async () => {
    const run = await cleanUp();
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls[0]).toBe('claim-operation inspect');
    expect(inAnyOrder(run.calls.slice(1, 4))).toEqual(inAnyOrder(inEachCloud('guard')));
    expect(run.calls[4]).toBe('claim-operation fence');
    // Its names go before the addresses that they lead to, and once more when nobody can publish any longer.
    expect(run.calls[5]).toBe('publish-dns');
    expect(inAnyOrder(run.calls.slice(6, 9))).toEqual(inAnyOrder(inEachCloud('collapse')));
    expect(inAnyOrder(run.calls.slice(9, 12))).toEqual(inAnyOrder(inEachCloud('verifyGone')));
    expect(inAnyOrder(run.calls.slice(12, 15))).toEqual(inAnyOrder(inEachCloud('verifyGone')));
    expect(run.calls.slice(15)).toEqual(['publish-dns', 'settle-operation succeeded']);
  });

  it('a stranger: the deletion is blocked and NOTHING else is called', async () => {
    const run = await cleanUp({ 'gcp guard': { done: true, strangers: [stranger] } });
    expect(run.status).toBe('SUCCEEDED');
    expect(inAnyOrder(run.calls)).toEqual(
      inAnyOrder(['claim-operation inspect', ...inEachCloud('guard'), 'settle-operation blocked']),
    );
    expect(run.payloads('settle-operation blocked')).toMatchObject([
      { kind: 'CleanupCluster', clusterId, strangers: [stranger] },
    ]);
  });

  it.each<[string, Script]>([
    ['a stranger came', { 'gcp guard': { done: true, strangers: [stranger] } }],
    ['a cloud cannot be looked at', { 'gcp guard': error('CredentialsRejected', 'gcp: no') }],
  ])('once fenced there is no way back: when %s the rest goes all the same', async (_, script) => {
    const run = await cleanUp({ 'claim-operation inspect': { clusterId, clouds, fenced: true }, ...script });
    expect(run.calls).toContain('claim-operation fence');
    expect(run.calls).toContain('aws collapse');
    expect(run.calls).not.toContain('settle-operation blocked');
  });

  it('every stranger in every cloud is named', async () => {
    const run = await cleanUp({
      'gcp guard': { done: true, strangers: [stranger, { ...stranger, id: 'db-2' }] },
      'azure guard': { done: true, strangers: [{ ...stranger, cloud: 'azure' }] },
    });
    const [blocked] = run.payloads('settle-operation blocked');
    expect(blocked?.['strangers']).toHaveLength(3);
  });

  it('a cloud that cannot be looked at is not declared free: blocked, nothing changed, in plain words', async () => {
    const run = await cleanUp({ 'azure guard': error('CredentialsRejected', 'azure: the key has expired') });
    expect(run.calls).not.toContain('claim-operation fence');
    expect(run.calls.some((call) => call.endsWith('collapse'))).toBe(false);
    expect(run.payloads('settle-operation blocked')).toMatchObject([
      { reason: 'azure CredentialsRejected: azure: the key has expired', strangers: [] },
    ]);
  });

  it('collapses until every cloud is down', async () => {
    const run = await cleanUp({ 'aws collapse': inTurn(pending('nat'), pending('vpc'), { done: true }) });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.filter((call) => call === 'aws collapse')).toHaveLength(3);
    expect(run.calls.filter((call) => call === 'gcp collapse')).toHaveLength(1);
  });

  it.each([
    ['first', inTurn(pending('1 left'), { done: true })],
    ['second', inTurn({ done: true }, pending('1 left'), { done: true })],
  ])('what the %s look finds is taken down, and looked for twice again', async (_which, verifyGone) => {
    const run = await cleanUp({ 'gcp verifyGone': verifyGone });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.filter((call) => call === 'gcp collapse')).toHaveLength(2);
    expect(run.calls.slice(-5, -2).every((call) => call.endsWith('verifyGone'))).toBe(true);
    expect(run.calls.slice(-8, -5).every((call) => call.endsWith('verifyGone'))).toBe(true);
  });

  it('gives up when something keeps appearing, and does not bury', async () => {
    const run = await cleanUp({ 'gcp verifyGone': pending('1 left') });
    expect(run).toMatchObject({ status: 'FAILED', error: 'CleanupClusterFailed' });
    expect(run.calls.filter((call) => call === 'gcp collapse')).toHaveLength(5);
    expect(run.calls).not.toContain('settle-operation succeeded');
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'something kept appearing after the clean-up' },
    ]);
  });

  it('names that cannot be taken away hold up the burial, and nothing before it', async () => {
    const run = await cleanUp({ 'publish-dns': error('CredentialsRejected', 'aws: Route 53: no') });
    expect(run.status).toBe('FAILED');
    expect(run.calls).toContain('aws collapse');
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'CredentialsRejected: aws: Route 53: no' },
    ]);
  });

  it('an error in one cloud does not cancel the others', async () => {
    const run = await cleanUp({
      'aws collapse': error('CredentialsRejected', 'aws: who are you'),
      'azure collapse': inTurn(pending('group'), pending('group'), { done: true }),
    });
    expect(run.calls.filter((call) => call === 'azure collapse')).toHaveLength(3);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'aws CredentialsRejected: aws: who are you' },
    ]);
  });

  it('a cloud that stays stuck is named with what it waits for', async () => {
    const run = await cleanUp({ 'gcp collapse': pending('the firewall') });
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'gcp still waiting for the firewall' },
    ]);
  });

  it('what could not be seen is not taken for gone, and the other clouds are looked at all the same', async () => {
    const run = await cleanUp({ 'gcp verifyGone': error('CredentialsRejected', 'gcp: no') });
    expect(run.status).toBe('FAILED');
    expect(run.calls.filter((call) => call === 'aws verifyGone')).toHaveLength(1);
    expect(run.payloads('settle-operation failed')).toMatchObject([
      { reason: 'gcp CredentialsRejected: gcp: no' },
    ]);
  });

  it.each([
    'claim-operation inspect',
    'gcp guard',
    'claim-operation fence',
    'gcp collapse',
    'gcp verifyGone',
    'settle-operation succeeded',
  ])('ends quietly when it is superseded at %s', async (call) => {
    const run = await cleanUp({ [call]: error('Superseded') });
    expect(run.status).toBe('SUCCEEDED');
    expect(run.calls.filter((made) => made.startsWith('settle-operation'))).toEqual(
      call.startsWith('settle') ? [call] : [],
    );
  });
});
