import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime as now } from '../../test/builders/cluster.ts';
import type { Cluster } from '../domain/cluster.ts';
import type { Upgrade, UpgradeWish } from '../domain/upgrade.ts';
import { askUpgrade, turnUpgrade, type AskVerdict } from './ask-upgrade.ts';

const upgrade: Upgrade = {
  id: 'u',
  revision: 4,
  from: '1.36',
  to: '1.37',
  requestedAt: now,
  requestedBy: 'ada',
  tries: 1,
};
const inWords = (verdict: AskVerdict): string => {
  if ('already' in verdict) return 'already';
  if ('upgrade' in verdict) return 'yes';
  const { refused, problem } = verdict;
  const allowed = problem.allowed === undefined ? '' : ` (${problem.allowed.join()})`;
  return `${refused}: ${problem.field}: ${problem.message}${allowed}`;
};
const ask = (given: Partial<Cluster>, wish: Partial<UpgradeWish> = {}): AskVerdict =>
  askUpgrade({
    cluster: aCluster({ name: 'one', status: 'ready', ...given }),
    wish: { to: '1.37', ...wish },
    id: 'new',
    by: 'ada',
    now,
  });
const pauses = 'invalid: pauseSeconds: must be a whole number from 0 to 86400';

describe('whether a cluster may be upgraded', () => {
  it.each<[string, Partial<Cluster>, Partial<UpgradeWish>?]>([
    ['yes', {}],
    ['yes', { status: 'degraded' }],
    ['yes', { kubernetesVersion: '1.35', upgrade: undefined as never }, { to: '1.36' }],
    [
      'yes',
      { kubernetesVersion: '1.36', upgrade: { ...upgrade, from: '1.35', to: '1.36', finishedAt: now } },
    ],
    ['already', { upgrade }],
    ['already', { kubernetesVersion: '1.37', upgrade: { ...upgrade, finishedAt: now } }],
    ['invalid: to: one is of Kubernetes 1.36, and goes one minor at a time (1.37)', {}, { to: '1.38' }],
    ['invalid: to: one is of Kubernetes 1.36, and goes one minor at a time (1.37)', {}, { to: '1.36' }],
    [
      'invalid: to: one is of Kubernetes 1.35, and goes one minor at a time (1.36)',
      { kubernetesVersion: '1.35' },
    ],
    [
      'conflict: to: one is of Kubernetes 1.37, and nothing newer is offered',
      { kubernetesVersion: '1.37' },
      { to: '1.38' },
    ],
    ['conflict: to: one is being upgraded to Kubernetes 1.37 already', { upgrade }, { to: '1.38' }],
    ['conflict: cluster: one is creating: it is upgraded once it is ready', { status: 'creating' }],
    ['conflict: cluster: one is failed: it is upgraded once it is ready', { status: 'failed' }],
    ['yes', {}, { pauseSeconds: 0 }],
    ['yes', {}, { pauseSeconds: 86_400 }],
    [pauses, {}, { pauseSeconds: -1 }],
    [pauses, {}, { pauseSeconds: 1.5 }],
    [pauses, {}, { pauseSeconds: 86_401 }],
  ])('%s', (expected, given, wish) => {
    expect(inWords(ask(given, wish))).toBe(expected);
  });

  it('is written down with all that was asked for', () => {
    expect(ask({}, { pauseSeconds: 300 })).toEqual({
      upgrade: {
        id: 'new',
        revision: 1,
        from: '1.36',
        to: '1.37',
        requestedAt: now,
        requestedBy: 'ada',
        pauseSeconds: 300,
        tries: 0,
      },
    });
  });
});

describe('pause and resume', () => {
  const turned = (turn: 'pause' | 'resume', given?: Partial<Upgrade>): unknown => {
    const verdict = turnUpgrade(
      aCluster({ name: 'one', ...(given && { upgrade: { ...upgrade, ...given } }) }),
      turn,
      now,
    );
    if ('refused' in verdict) return verdict.problem.message;
    if ('already' in verdict) return 'already';
    const { pausedAt, stopped, tries, revision, resumedAt } = verdict.upgrade;
    return { pausedAt, stopped, tries, revision, resumedAt };
  };
  const stopped = { at: now, reason: 'no' };
  const next = { pausedAt: undefined, stopped: undefined, tries: 1, revision: 5, resumedAt: undefined };
  it.each<[string, 'pause' | 'resume', Partial<Upgrade> | undefined, unknown]>([
    ['there is none', 'pause', undefined, 'no upgrade of one is under way'],
    ['it is finished', 'resume', { finishedAt: now }, 'no upgrade of one is under way'],
    ['under way', 'pause', {}, { ...next, pausedAt: now }],
    ['paused already', 'pause', { pausedAt: now }, 'already'],
    ['paused', 'resume', { pausedAt: now }, next],
    ['under way already', 'resume', {}, 'already'],
    ['stopped: what failed is tried once more', 'resume', { stopped }, { ...next, tries: 2, resumedAt: now }],
    ['stopped and paused', 'resume', { stopped, pausedAt: now }, { ...next, tries: 2, resumedAt: now }],
  ])('%s, %s', (_title, turn, given, expected) => {
    expect(turned(turn, given)).toEqual(expected);
  });
});
