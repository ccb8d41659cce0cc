import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../../test/builders/cluster.ts';
import { aNode } from '../../../test/builders/node.ts';
import type { Cluster } from '../../domain/cluster.ts';
import { plusSeconds, secondsBetween } from '../../domain/ids.ts';
import type { Node } from '../../domain/node.ts';
import { snapshotIdAt } from '../../domain/snapshot.ts';
import type { Upgrade } from '../../domain/upgrade.ts';
import { reconcile } from '../reconcile.ts';
import { describeAction } from './describe-action.ts';

const now = plusSeconds(exampleTime, 7200);
const ago = (seconds: number): string => plusSeconds(now, -seconds);
const asked: Upgrade = {
  id: 'asked',
  revision: 7,
  from: '1.36',
  to: '1.37',
  requestedAt: ago(600),
  requestedBy: 'ada',
  tries: 0,
};
const node = (number: number, kubernetesVersion: '1.36' | '1.37', given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: 'c',
    number,
    id: `id-${number}`,
    role: number === 1 ? 'control-plane' : 'worker',
    kubernetesVersion,
    phase: 'ready',
    attempt: 1,
    joinedAt: ago(3600),
    readyAt: ago(3600),
    lastSeenAt: ago(10),
    createdAt: ago(3700),
    ...given,
  });
const decide = (upgrade: Partial<Upgrade>, nodes: readonly Node[], cluster: Partial<Cluster> = {}) =>
  reconcile({
    cluster: aCluster({
      name: 'one',
      status: 'ready',
      readyAt: ago(3600),
      initialisedAt: ago(3600),
      provisionedGeneration: 1,
      newestSnapshot: snapshotIdAt(ago(60)),
      upgrade: { ...asked, ...upgrade },
      ...cluster,
    }),
    nodes,
    parts: [],
    sightings: [],
    now,
    jitter: 0,
  });
const upgrades = (...given: Parameters<typeof decide>) =>
  decide(...given)
    .actions.filter((action) => /upgrade|Kubernetes/.test(JSON.stringify(action)))
    .map((action) => ({ kind: action.kind, ...describeAction(action) }));

describe('an upgrade, step by step', () => {
  const done = { controlPlanesAt: ago(100) };
  const after = { kubernetesVersion: '1.37' } as const;
  it.each<[string, Partial<Upgrade>, readonly Node[], Partial<Cluster>, string]>([
    [
      'the first control plane',
      {},
      [node(1, '1.36')],
      {},
      'have control plane 1 upgraded to Kubernetes 1.37',
    ],
    [
      'all of them are done',
      {},
      [node(1, '1.37'), node(4, '1.36')],
      {},
      'go on with the upgrade to Kubernetes 1.37',
    ],
    ['a worker', done, [node(1, '1.37'), node(4, '1.36')], after, 'replace node 4'],
    [
      'its successor is ready',
      done,
      [node(1, '1.37'), node(4, '1.36'), node(5, '1.37', { replaces: 'id-4' })],
      after,
      'retire node 4',
    ],
    ['the end', done, [node(1, '1.37'), node(5, '1.37')], after, 'go on with the upgrade to Kubernetes 1.37'],
  ])('%s', (_title, upgrade, nodes, cluster, expected) => {
    expect(upgrades(upgrade, nodes, cluster).map(({ action }) => action)).toEqual([expected]);
  });

  it('writes the next revision of what was read, with what new machines get from then on', () => {
    const action = decide({}, [node(1, '1.37')]).actions.find(({ kind }) => kind === 'upgrade');
    expect(action).toMatchObject({
      read: { revision: 7 },
      next: { revision: 8, controlPlanesAt: now },
      kubernetesVersion: '1.37',
    });
  });

  it('does nothing for a cluster that is to go', () => {
    expect(upgrades({}, [node(1, '1.36')], { deletionRequestedAt: ago(5) })).toEqual([]);
  });

  it('that has stopped is a finding, which disturbs nobody, and is done nothing about', () => {
    const stopped = { at: ago(30), number: 1, reason: 'no space left' };
    const { findings, actions, status } = decide({ stopped }, [node(1, '1.36')]);
    expect(findings).toContainEqual(
      expect.objectContaining({
        kind: 'upgrade-stopped',
        number: 1,
        seenAt: ago(30),
        message: 'the upgrade to Kubernetes 1.37 has stopped at node 1: no space left',
        remedy: 'see to it, then: overcast cluster upgrade resume one',
      }),
    );
    expect(actions.map(({ kind }) => kind)).not.toContain('upgrade');
    expect(status?.reason ?? '').not.toContain('no space left');
  });

  it.each<[string, boolean, Partial<Upgrade>]>([
    ['is looked at closely while it goes on', true, { step: { number: 1, attempt: 1, since: ago(5) } }],
    ['is let rest through its pauses', false, { steppedAt: ago(10), pauseSeconds: 3600 }],
    ['is let rest while somebody has paused it', false, { pausedAt: ago(10) }],
    ['is let rest when it has stopped', false, { stopped: { at: ago(10), reason: 'no' } }],
  ])('%s', (_title, isClose, upgrade) => {
    const { dueAt = now } = decide(upgrade, [node(1, '1.36')]);
    expect(secondsBetween(now, dueAt) < 60).toBe(isClose);
  });
});
