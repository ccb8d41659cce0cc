import { describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { CloudName } from '../domain/cloud.ts';
import type { Finding } from '../domain/finding.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { SeenMachine, Sighting } from '../domain/observation.ts';
import { findLosses, isMember, lossFingerprint, type Loss } from './find-losses.ts';

const now = plusSeconds(exampleTime, 7200);
const ago = (seconds: number): string => plusSeconds(now, -seconds);

const node = (number: number, given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: 'c',
    number,
    attempt: 1,
    phase: 'ready',
    joinedAt: exampleTime,
    readyAt: exampleTime,
    lastSeenAt: ago(10),
    providerId: `i-${number}`,
    ...given,
  });
const controlPlane = (number: number, given: Partial<Node> = {}): Node =>
  node(number, { role: 'control-plane', ...given });
const machine = (number: number, given: Partial<SeenMachine> = {}): SeenMachine => ({
  providerId: `i-${number}`,
  name: `c-${number}`,
  nodeId: '',
  state: 'running',
  createdAt: exampleTime,
  ...given,
});
const seen = (machines: readonly SeenMachine[], cloud: CloudName = 'aws'): Sighting => ({
  cloud,
  at: ago(20),
  observation: { clusterId: 'c', machines, resources: [], strangers: [] },
});
const since = (of: Node, kind: Loss['kind'], seconds: number): Finding => ({
  clusterId: 'c',
  cloud: of.cloud,
  fingerprint: lossFingerprint({ node: of, kind }),
  kind: 'machine-missing',
  subject: '',
  message: '',
  remedy: '',
  seenAt: ago(seconds),
});

/** `1 gone`, and in brackets while nobody acts on it yet. */
const losses = (nodes: readonly Node[], fresh: readonly Sighting[], known: readonly Finding[] = []) =>
  findLosses({ nodes, fresh, known, now }).losses.map(({ node: { number }, kind, isConfirmed }) =>
    isConfirmed ? `${number} ${kind}` : `(${number} ${kind})`,
  );

const [one, two] = [node(1), node(2)];
const server = controlPlane(9);
const stopped = seen([machine(1, { state: 'stopped' })]);
const late = node(1, { phase: 'joining', joinedAt: ago(601), readyAt: undefined as never });

describe('a node is lost', () => {
  it.each<[string, readonly string[], readonly Node[], readonly Sighting[], readonly Finding[]]>([
    ['not while its machine runs', [], [one], [seen([machine(1)])], []],
    ['when its machine is gone; one list may be wrong', ['(1 gone)'], [one], [seen([])], []],
    ['when it is gone in the next list too', ['1 gone'], [one], [seen([])], [since(one, 'gone', 30)]],
    [
      'when its machine is stopped; it may be started again',
      ['(1 stopped)'],
      [one],
      [stopped],
      [since(one, 'stopped', 599)],
    ],
    ['when it stays stopped', ['1 stopped'], [one], [stopped], [since(one, 'stopped', 600)]],
    [
      'when it was stopped for a while and is now gone',
      ['1 gone'],
      [one],
      [seen([])],
      [since(one, 'stopped', 400)],
    ],
    [
      'when it is silent while others are heard',
      ['1 silent'],
      [node(1, { lastSeenAt: ago(901) }), two],
      [],
      [],
    ],
    [
      'perhaps, when everybody is silent: we may be deaf',
      ['(1 silent)', '(2 silent)'],
      [1, 2].map((number) => node(number, { lastSeenAt: ago(901) })),
      [],
      [],
    ],
    [
      'not when it was heard of a quarter of an hour ago',
      [],
      [node(1, { lastSeenAt: ago(900) }), two],
      [],
      [],
    ],
    ['when it joined and does not become ready', ['1 unready'], [late, server], [], []],
    ['not while there is no API server that it could be ready for', [], [late], [], []],
    ['not while it has ten minutes to become ready', [], [{ ...late, joinedAt: ago(600) }, server], [], []],
    ['not when nobody looked at its cloud', [], [one], [seen([], 'gcp')], []],
    [
      'not when it has not joined',
      [],
      [node(1, { phase: 'booting', joinedAt: undefined as never })],
      [seen([])],
      [],
    ],
    ['not when it failed: that is told, and people’s', [], [node(1, { phase: 'failed' })], [seen([])], []],
  ])('%s', (_, expected, nodes, fresh, known) => {
    expect(losses(nodes, fresh, known)).toEqual(expected);
  });
});

describe('much at once in one cloud', () => {
  const lose = (lost: number, of: number) =>
    findLosses({
      nodes: Array.from({ length: of }, (_, index) => node(index + 1)),
      fresh: [seen(Array.from({ length: of - lost }, (_, index) => machine(lost + index + 1)))],
      known: [],
      now,
    }).paused;

  it.each<[number, number, boolean]>([
    [1, 1, false],
    [2, 2, false],
    [2, 3, false],
    [3, 3, true],
    [3, 8, true],
    [3, 9, false],
    [4, 12, false],
    [4, 11, true],
    [20, 60, false],
    [21, 60, true],
  ])('%i of %i: paused %s', (lost, of, isPaused) => {
    expect(lose(lost, of)).toEqual(isPaused ? [{ cloud: 'aws', lost, of }] : []);
  });

  it.each([
    ['before', 10, true],
    ['once', 11, false],
    ['long after', 500, false],
  ])('is replaced all the same, %s people accepted it', (_, acceptedAgo, isReplaced) => {
    const nodes = [1, 2, 3].map((number) => node(number));
    const found = findLosses({
      nodes,
      fresh: [seen([])],
      known: nodes.map((each) => since(each, 'gone', 10)),
      acceptedAt: ago(acceptedAgo),
      now,
    });
    expect(found.paused).toEqual(isReplaced ? [] : [{ cloud: 'aws', lost: 3, of: 3 }]);
  });

  it('is paused anew when more is lost after that', () => {
    const nodes = [1, 2, 3, 4, 5, 6].map((number) => node(number));
    const known = nodes.map((each) => since(each, 'gone', each.number <= 3 ? 500 : 10));
    const { paused } = findLosses({ nodes, fresh: [seen([])], known, acceptedAt: ago(400), now });
    expect(paused).toEqual([{ cloud: 'aws', lost: 3, of: 6 }]);
  });

  it('is one cloud’s affair', () => {
    const nodes = [1, 2, 3].map((number) => node(number));
    const elsewhere = [4, 5, 6].map((number) => node(number, { cloud: 'gcp' }));
    const { paused } = findLosses({
      nodes: [...nodes, ...elsewhere],
      fresh: [
        seen([]),
        seen(
          [4, 5].map((number) => machine(number)),
          'gcp',
        ),
      ],
      known: [],
      now,
    });
    expect(paused.map(({ cloud }) => cloud)).toEqual(['aws']);
  });
});

describe('the quorum', () => {
  const unjoined: Partial<Node> = {
    phase: 'booting',
    joinedAt: undefined as never,
    readyAt: undefined as never,
  };
  const gone = (nodes: readonly Node[], present: readonly number[], seconds = 60) =>
    findLosses({
      nodes,
      fresh: [seen(present.map((number) => machine(number)))],
      known: nodes.map((each) => since(each, 'gone', seconds)),
      now,
    }).quorum;
  const three = [1, 2, 3].map((number) => controlPlane(number));

  it.each<[string, readonly Node[], readonly number[], string]>([
    ['of one that stands', three.slice(0, 1), [1], '0 of 1'],
    ['of one that is lost', three.slice(0, 1), [], '1 of 1 lost'],
    ['of three without one', three, [1, 2], '1 of 3'],
    ['of three without two', three, [1], '2 of 3 lost'],
    ['of two without one: it cannot agree with itself', three.slice(0, 2), [1], '1 of 2 lost'],
    [
      'of three, one lost and forgotten',
      [...three.slice(0, 2), controlPlane(3, { desired: 'absent', memberForgottenAt: now })],
      [1, 2],
      '0 of 2',
    ],
    [
      'of three, one lost and not yet forgotten, and now another',
      [...three.slice(0, 2), controlPlane(3, { desired: 'absent' })],
      [1],
      '2 of 3 lost',
    ],
    [
      'counts no control plane that has yet to join',
      [...three.slice(0, 1), controlPlane(2, { phase: 'booting', joinedAt: undefined as never })],
      [1],
      '0 of 1',
    ],
    ['counts no worker', [...three, ...[4, 5, 6].map((number) => node(number))], [1, 2, 3], '0 of 3'],
    ['of nobody', [], [], '0 of 0'],
  ])('%s', (_, nodes, present, expected) => {
    const { lost, members, isLost } = gone(nodes, present);
    expect(`${lost} of ${members}${isLost ? ' lost' : ''}`).toBe(expected);
  });

  it.each<[string, boolean, number | undefined, readonly Node[]]>([
    ['is lost when nobody who joined is left of an etcd that was', true, 901, [controlPlane(1, unjoined)]],
    ['not while whoever initialised it may be about to say so', false, 900, [controlPlane(1, unjoined)]],
    ['not before anything is initialised', false, undefined, [controlPlane(1, unjoined)]],
    ['not of a cluster that has no control plane to wait for', false, 901, []],
  ])('%s', (_, isLost, initialisedAgo, nodes) => {
    const initialisedAt = initialisedAgo === undefined ? undefined : ago(initialisedAgo);
    expect(findLosses({ nodes, fresh: [], known: [], initialisedAt, now }).quorum.isLost).toBe(isLost);
  });

  it('is not lost by one look', () => {
    expect(gone(three, [], 0)).toMatchObject({ lost: 0, isLost: false });
  });

  it('counts who joined, until the others have forgotten it', () => {
    expect(
      [{}, { joinedAt: undefined as never }, { memberForgottenAt: now }, { phase: 'deleted' as const }].map(
        (given) => isMember(controlPlane(1, given)),
      ),
    ).toEqual([true, false, false, false]);
  });
});
