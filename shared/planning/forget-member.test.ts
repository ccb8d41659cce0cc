import { describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import { forgetInstruction, isForgettingOver, mustBeForgotten } from './forget-member.ts';

const now = exampleTime;
const controlPlane = (number: number, given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: 'c',
    number,
    role: 'control-plane',
    phase: 'ready',
    attempt: 1,
    joinedAt: now,
    lastSeenAt: now,
    ...given,
  });
const lost = controlPlane(1, { desired: 'absent' });
const healthy = controlPlane(2);
const { joinedAt: _, ...unjoined } = lost;
const running = { initialisedAt: now, desired: 'present' } as const;

describe('a control plane that goes', () => {
  it.each<[string, boolean, Partial<Parameters<typeof mustBeForgotten>[0]>]>([
    ['is forgotten by one that serves', true, {}],
    ['is forgotten when it may have got as far as etcd', true, { node: { ...unjoined, sessionHash: 'x' } }],
    ['is nobody’s to forget when it never called', false, { node: unjoined }],
    ['is forgotten once', false, { node: { ...lost, memberForgottenAt: now } }],
    ['as a worker has nothing to be forgotten', false, { node: { ...lost, role: 'worker' } }],
    ['before anything was initialised is in no etcd', false, { cluster: { desired: 'present' } }],
    ['with its whole cluster need not be forgotten', false, { cluster: { ...running, desired: 'absent' } }],
    ['is not struck off by itself: never the last', false, { nodes: [lost] }],
    ['is not asked of one that leaves too', false, { nodes: [lost, { ...healthy, desired: 'absent' }] }],
    ['is not asked of one that failed', false, { nodes: [lost, { ...healthy, failure: { reason: 'x' } }] }],
    ['is not asked of a worker', false, { nodes: [lost, { ...healthy, role: 'worker' }] }],
    [
      'is not asked of one that nobody hears of',
      false,
      { nodes: [lost, { ...healthy, lastSeenAt: plusSeconds(now, -421) }] },
    ],
    [
      'is asked of one whose time was not due to be written',
      true,
      { nodes: [lost, { ...healthy, lastSeenAt: plusSeconds(now, -330) }] },
    ],
  ])('%s', (_name, expected, given) => {
    expect(mustBeForgotten({ cluster: running, node: lost, nodes: [lost, healthy], now, ...given })).toBe(
      expected,
    );
  });
});

it('each try has its own instruction', () => {
  expect(forgetInstruction({ number: 300, attempt: 2, tries: 1, since: now })).toEqual({
    id: `forget-member-300-2-1-${Date.parse(now)}`,
    kind: 'forget-member',
    endpoint: '10.4.1.44',
  });
});

it('so has each asking: who did it once does it again for whoever asks with an older view', () => {
  const first = { number: 3, attempt: 1, tries: 0, since: now };
  const again = { ...first, since: plusSeconds(now, 1) };
  expect(forgetInstruction(again).id).not.toBe(forgetInstruction(first).id);
  expect(forgetInstruction({ ...first })).toEqual(forgetInstruction(first));
});

it('asking is over when a later machine of the node has joined', () => {
  const forgetting = { number: 1, attempt: 1, tries: 0, since: now };
  expect(isForgettingOver(forgetting, [lost, healthy])).toBe(false);
  expect(isForgettingOver(forgetting, [{ ...unjoined, attempt: 2 }])).toBe(false);
  expect(isForgettingOver(forgetting, [controlPlane(1, { attempt: 2 })])).toBe(true);
});

it('asking is over when it was struck off while somebody with an older view asked once more', () => {
  const forgetting = { number: 1, attempt: 1, tries: 0, since: now };
  const forgotten = { ...lost, memberForgottenAt: now };
  expect(isForgettingOver(forgetting, [forgotten, healthy])).toBe(true);
  expect(isForgettingOver(forgetting, [{ ...forgotten, phase: 'deleted' }, healthy])).toBe(true);
  expect(isForgettingOver({ ...forgetting, attempt: 2 }, [{ ...forgotten, attempt: 1 }])).toBe(false);
});
