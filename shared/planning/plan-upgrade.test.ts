import { describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Cluster } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import { snapshotIdAt } from '../domain/snapshot.ts';
import type { Upgrade } from '../domain/upgrade.ts';
import type { Losses } from './find-losses.ts';
import { planUpgrade, stepSecondsMax } from './plan-upgrade.ts';

const now = plusSeconds(exampleTime, 7200);
const ago = (seconds: number): string => plusSeconds(now, -seconds);
const asked: Upgrade = {
  id: 'asked',
  revision: 1,
  from: '1.36',
  to: '1.37',
  requestedAt: ago(600),
  requestedBy: 'ada',
  tries: 0,
};
const ready = { phase: 'ready', attempt: 1, joinedAt: ago(3600), readyAt: ago(3600) } as const;
const old = { ...ready, kubernetesVersion: '1.36' } as const;
const done = { ...ready, kubernetesVersion: '1.37' } as const;
const node = (number: number, given: Partial<Node> = old): Node =>
  aNode({
    clusterId: 'c',
    number,
    id: `id-${number}`,
    role: number <= 3 ? 'control-plane' : 'worker',
    createdAt: ago(3700),
    ...given,
  });
const three = [node(1), node(2), node(3)];
const threeDone = [node(1, done), node(2, done), node(3, done)];
const operation = { executionArn: anExecution(), kind: 'ProvisionNode' as const, startedAt: ago(10) };
const noLoss: Losses = { losses: [], paused: [], quorum: { members: 3, lost: 0, isLost: false } };
const lost = (of: Node): Losses => ({
  ...noLoss,
  losses: [{ node: of, kind: 'gone', why: 'its machine is gone', isConfirmed: false, isAccepted: false }],
});

function next(
  nodes: readonly Node[],
  upgrade: Partial<Upgrade> = {},
  cluster: Partial<Cluster> = {},
  losses = noLoss,
): string {
  const verdict = planUpgrade({
    cluster: aCluster({
      status: 'ready',
      readyAt: ago(3600),
      newestSnapshot: snapshotIdAt(ago(300)),
      upgrade: { ...asked, ...upgrade },
      ...cluster,
    }),
    nodes,
    losses,
    now,
  });
  if (verdict === undefined) return 'nothing';
  switch (verdict.verdict) {
    case 'wait':
      return `wait for ${verdict.for}`;
    case 'step':
      return `step ${verdict.holder.number}-${verdict.holder.attempt}`;
    case 'stop':
      return `stop at ${verdict.number}: ${verdict.reason}`;
    case 'replace':
    case 'retire':
      return `${verdict.verdict} ${verdict.number}`;
    default:
      return verdict.verdict;
  }
}

describe('control planes', () => {
  const step = { number: 2, attempt: 1, since: ago(60) };
  const missing = { newestSnapshot: snapshotIdAt(ago(700)) };
  it.each<[string, string, readonly Node[], Partial<Upgrade>?, Partial<Cluster>?, Losses?]>([
    ['the lowest number is first', 'step 1-1', three],
    ['one after the other', 'step 2-1', [node(1, done), node(2), node(3)]],
    ['one of no known minor is of the old', 'step 1-1', [node(1, ready)]],
    ['a cluster without workers has them too', 'step 1-2', [node(1, { ...old, attempt: 2 })]],
    ['then all machines get the new one', 'control-planes-done', threeDone],
    ['none before etcd’s data are put away', 'wait for an etcd snapshot', three, {}, missing],
    [
      'one that failed is tried again by itself',
      'wait for an etcd snapshot',
      three,
      {},
      { ...missing, snapshotDueAt: plusSeconds(now, 290) },
    ],
    [
      'one from just before has put the next off',
      'want-snapshot',
      three,
      {},
      { ...missing, snapshotDueAt: plusSeconds(now, 800) },
    ],
    [
      'one that is being taken is waited for',
      'wait for an etcd snapshot',
      three,
      {},
      {
        ...missing,
        snapshotDueAt: plusSeconds(now, 800),
        snapshotting: { number: 1, attempt: 1, since: ago(9) },
      },
    ],
    ['it takes what time it takes', 'wait for control plane 2', three, { step }],
    [
      'but not for ever',
      'stop at 2: nothing was heard of it for 30 minutes',
      three,
      { step: { ...step, since: ago(stepSecondsMax + 1) } },
    ],
    [
      'its machine is another by now',
      'drop-step',
      [node(1, done), node(2, { ...old, attempt: 2 }), node(3)],
      { step },
    ],
    ['it is let go', 'drop-step', [node(1, done), node(2, { ...old, desired: 'absent' }), node(3)], { step }],
    ['it is no more', 'drop-step', [node(1, done), node(3)], { step }],
    [
      'not while one is built',
      'wait for control plane 3 to be ready',
      [node(1), node(2), node(3, { phase: 'booting' })],
    ],
    [
      'not while one has an owner',
      'wait for control plane 3 to be ready',
      [node(1), node(2), node(3, { ...old, operation })],
    ],
    [
      'not while one goes',
      'wait for control plane 3 to be gone',
      [node(1), node(2), node(3, { ...old, desired: 'absent' })],
    ],
    ['not while one joins', 'wait for control plane 3 to join', three, {}, { joinNode: 3, joinAttempt: 1 }],
    [
      'not while one is forgotten',
      'wait for control plane 9 to be forgotten',
      three,
      {},
      { forgetting: { number: 9, attempt: 1, since: ago(5), tries: 0 } },
    ],
    [
      'not while the cluster is built',
      'wait for ProvisionCluster to end',
      three,
      {},
      { operation: { ...operation, kind: 'ProvisionCluster' } },
    ],
    [
      'not while nodes are planned',
      'wait for planned nodes to be asked for',
      three,
      {},
      { pendingPlan: { id: 'p', nodes: [], reason: '' } },
    ],
    ['not while one looks lost', 'wait for control plane 3, which looks lost', three, {}, {}, lost(node(3))],
    ['a lost worker is no reason', 'step 1-1', three, {}, {}, lost(node(4))],
    [
      'not without a quorum',
      'wait for the cluster to be restored',
      three,
      {},
      {},
      { ...noLoss, quorum: { members: 3, lost: 2, isLost: true } },
    ],
    ['paused', 'nothing', three, { pausedAt: ago(5) }],
    [
      'what had begun when it was paused comes to its end',
      'wait for control plane 2',
      three,
      { step, pausedAt: ago(5) },
    ],
    ['all done while paused', 'control-planes-done', threeDone, { pausedAt: ago(5) }],
    ['stopped', 'nothing', three, { stopped: { at: ago(5), reason: 'no' } }],
    ['finished', 'nothing', three, { finishedAt: ago(5) }],
    [
      'a pause between two',
      `wait for the pause until ${plusSeconds(now, 240)}`,
      [node(1, done), node(2)],
      { pauseSeconds: 300, steppedAt: ago(60) },
    ],
    ['is over at last', 'step 2-1', [node(1, done), node(2)], { pauseSeconds: 300, steppedAt: ago(300) }],
    ['no pause before the first', 'step 1-1', three, { pauseSeconds: 300 }],
  ])('%s: %s', (_title, expected, nodes, upgrade, cluster, losses) => {
    expect(next(nodes, upgrade, cluster, losses)).toBe(expected);
  });
});

describe('workers', () => {
  const follow = { controlPlanesAt: ago(100) };
  const of = { kubernetesVersion: '1.37' } as const;
  const going = { ...old, desired: 'absent' } as const;
  const successor = (number: number, given: Partial<Node>): Node =>
    node(number, { ...done, replaces: 'id-4', createdAt: ago(50), ...given });
  const failed = { phase: 'failed', failure: { reason: 'no capacity' } } as const;
  it.each<[string, string, readonly Node[], Partial<Upgrade>?, Partial<Cluster>?]>([
    ['there are none', 'finish', []],
    ['all are of the new minor', 'finish', [node(4, done), node(5, done)]],
    [
      'one that is deleted counts no more',
      'finish',
      [node(4, { ...going, phase: 'deleted' }), node(5, done)],
    ],
    ['the lowest number is first', 'replace 4', [node(4), node(5)]],
    [
      'another is on its way',
      'wait for node 6 to be ready',
      [node(4), node(5), successor(6, { phase: 'joining' })],
    ],
    ['it is ready', 'retire 4', [node(4), node(5), successor(6, {})]],
    [
      'the old one has an owner',
      'wait for ProvisionNode of node 4',
      [node(4, { ...old, operation }), successor(6, {})],
    ],
    ['the old one goes', 'wait for node 4 to be gone', [node(4, going), node(5), successor(6, {})]],
    ['the last old one goes', 'wait for node 4 to be gone', [node(4, going), successor(6, {})]],
    ['then the next', 'replace 5', [node(4, { ...going, phase: 'deleted' }), node(5), successor(6, {})]],
    ['the new one fails', 'stop at 6: no capacity', [node(4), successor(6, failed)]],
    [
      'one that a policy bought fails, and is let go at once',
      'stop at 6: no capacity',
      [node(4), successor(6, { ...failed, desired: 'absent' })],
    ],
    ['resumed, what failed goes', 'retire 6', [node(4), successor(6, failed)], { resumedAt: ago(5) }],
    [
      'and another comes',
      'replace 4',
      [node(4), successor(6, { ...failed, desired: 'absent' })],
      { resumedAt: ago(5) },
    ],
    [
      'one of before that is not ready yet',
      'wait for node 4 to be ready',
      [node(4, { phase: 'joining', attempt: 1, kubernetesVersion: '1.36' })],
    ],
    ['one that is only planned will be of the new minor', 'finish', [node(4, { phase: 'planned' })]],
    ['paused', 'nothing', [node(4), node(5)], { pausedAt: ago(5) }],
    [
      'paused while one is on its way: it comes to its end',
      'retire 4',
      [node(4), successor(6, {})],
      { pausedAt: ago(5) },
    ],
    [
      'one plan at a time',
      'wait for planned nodes to be asked for',
      [node(4)],
      {},
      { pendingPlan: { id: 'p', nodes: [], reason: '' } },
    ],
    [
      'a pause after the control planes',
      `wait for the pause until ${plusSeconds(now, 200)}`,
      [node(4)],
      { pauseSeconds: 300 },
    ],
    [
      'a pause after the one before',
      `wait for the pause until ${plusSeconds(now, 290)}`,
      [node(4, { ...going, phase: 'deleted', deletedAt: ago(10) }), node(5)],
      { pauseSeconds: 300 },
    ],
    [
      'a pause that is over',
      'replace 5',
      [node(4, { ...going, phase: 'deleted', deletedAt: ago(300) }), node(5)],
      { pauseSeconds: 300, controlPlanesAt: ago(900) },
    ],
  ])('%s: %s', (_title, expected, workers, upgrade, cluster) => {
    expect(
      next(
        [...threeDone, ...workers],
        { ...follow, ...upgrade },
        { kubernetesVersion: of.kubernetesVersion, ...cluster },
      ),
    ).toBe(expected);
  });
});
