import { describe, expect, it } from 'vitest';
import { plusSeconds } from '../domain/ids.ts';
import { heldUpText, planDrain, type PodOnNode } from './plan-drain.ts';

const now = '2026-11-23T04:00:00.000Z';
const pod = (given: Partial<PodOnNode> = {}): PodOnNode => ({
  namespace: 'default',
  name: 'web-1',
  phase: 'Running',
  controller: 'ReplicaSet',
  isMirror: false,
  ...given,
});

describe('a pod on a node that is to go', () => {
  it.each<[string, Partial<PodOnNode>, 'is evicted' | 'is waited for' | 'stays']>([
    ['that runs', {}, 'is evicted'],
    ['that is starting', { phase: 'Pending' }, 'is evicted'],
    ['that nobody has heard of', { phase: 'Unknown' }, 'is evicted'],
    ['of a job', { controller: 'Job' }, 'is evicted'],
    ['that has ended', { phase: 'Succeeded' }, 'stays'],
    ['that has failed', { phase: 'Failed' }, 'stays'],
    ['that runs on every node', { controller: 'DaemonSet' }, 'stays'],
    ['that stands for a static pod', { isMirror: true }, 'stays'],
    ['that is stopping', { stopsBy: plusSeconds(now, 30) }, 'is waited for'],
    ['whose grace was over a minute ago', { stopsBy: plusSeconds(now, -60) }, 'is waited for'],
    ['that its kubelet has not stopped for more than a minute', { stopsBy: plusSeconds(now, -61) }, 'stays'],
    [
      'that runs on every node and is stopping',
      { controller: 'DaemonSet', stopsBy: plusSeconds(now, 30) },
      'stays',
    ],
  ])('%s %3$s', (_what, given, what) => {
    const { evict, stopping } = planDrain([pod(given)], now);
    expect([evict.length, stopping.length]).toEqual(
      { 'is evicted': [1, 0], 'is waited for': [0, 1], stays: [0, 0] }[what],
    );
  });

  it('without anybody who would make it anew is evicted all the same', () => {
    const { controller: _nobody, ...alone } = pod();
    expect(planDrain([alone], now).evict).toEqual([alone]);
  });
});

it.each<[number, string]>([
  [1, 'default/web-1: because 1'],
  [3, 'default/web-1: because 1; default/web-2: because 2; default/web-3: because 3'],
  [7, 'default/web-1: because 1; default/web-2: because 2; default/web-3: because 3; and 4 more pods'],
])('%i pods that are held are told in a few words', (count, text) => {
  const pods = Array.from({ length: count }, (_, index) => ({
    pod: `default/web-${index + 1}`,
    because: `because ${index + 1}`,
  }));
  expect(heldUpText(pods)).toBe(text);
});
