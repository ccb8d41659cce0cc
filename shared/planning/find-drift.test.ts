import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { CloudParts, Cluster } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { SeenMachine, Sighting } from '../domain/observation.ts';
import { findDrift, sightingSecondsMax } from './find-drift.ts';
import { strayGraceSeconds } from './find-strays.ts';

const now = plusSeconds(exampleTime, 7200);
const cluster = aCluster({ createdAt: now });
const ready = (given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: cluster.id,
    phase: 'ready',
    attempt: 1,
    providerId: 'i-1',
    readyAt: exampleTime,
    lastSeenAt: now,
    ...given,
  });
const machineOf = (node: Node, given: Partial<SeenMachine> = {}): SeenMachine => ({
  providerId: node.providerId ?? '',
  name: `four-clouds-${node.number}`,
  nodeId: node.id,
  state: 'running',
  createdAt: exampleTime,
  ...given,
});
const sighting = (machines: readonly SeenMachine[], given: Partial<Sighting> = {}): Sighting => ({
  cloud: 'aws',
  at: plusSeconds(now, -30),
  observation: {
    clusterId: cluster.id,
    machines,
    resources: [{ kind: 'vpc', id: 'vpc-1', name: '' }],
    strangers: [],
  },
  ...given,
});
const standing: CloudParts = {
  clusterId: cluster.id,
  cloud: 'aws',
  network: {
    cloud: 'aws',
    location: { region: 'us-east-1', zone: 'us-east-1a' },
    range: '10.10.0.0/16',
    subnetRange: '10.10.0.0/24',
    parts: {},
  },
};
const drift = (nodes: Node[], sightings: Sighting[], parts: CloudParts[] = [standing]): readonly string[] =>
  findDrift({ cluster, nodes, parts, sightings, now }).map(({ kind, message }) => `${kind}: ${message}`);

const node = ready();
const gone = 'machine-missing: node 1 in aws: its machine is gone';

describe('a machine', () => {
  it.each<[string, readonly string[], Node, Sighting[]]>([
    ['that runs is no finding', [], node, [sighting([machineOf(node)])]],
    ['that is not there is missing', [gone], node, [sighting([])]],
    [
      'that is stopped is missing too',
      ['machine-missing: node 1 in aws: its machine is stopped'],
      node,
      [sighting([machineOf(node, { state: 'stopped' })])],
    ],
    [
      'of an observation of two sweeps ago is still known',
      [gone],
      node,
      [sighting([], { at: plusSeconds(now, -sightingSecondsMax) })],
    ],
    [
      'of an older observation is unknown, and unknown is never missing',
      [`cloud-unseen: aws: nobody could look since ${plusSeconds(now, -sightingSecondsMax - 1)}`],
      node,
      [sighting([], { at: plusSeconds(now, -sightingSecondsMax - 1) })],
    ],
    ['that nobody looked for is unknown', [], node, []],
    ['seen in another cloud only is unknown', [], node, [sighting([], { cloud: 'gcp' })]],
    [
      'seen before it was ready is unknown',
      [],
      ready({ readyAt: plusSeconds(now, -60) }),
      [sighting([], { at: plusSeconds(now, -120) })],
    ],
    ['of a node that is still joining is not missed', [], ready({ phase: 'joining' }), [sighting([])]],
    [
      'of a node that joined and was never ready is missed as well',
      [gone],
      aNode({
        clusterId: cluster.id,
        phase: 'joining',
        attempt: 1,
        providerId: 'i-1',
        joinedAt: exampleTime,
        lastSeenAt: now,
      }),
      [sighting([])],
    ],
    ['of a node that is to go is not missed', [], ready({ desired: 'absent' }), [sighting([])]],
  ])('%s', (_, expected, of, sightings) => {
    expect(drift([of], sightings)).toEqual(expected);
  });

  it.each<[string, boolean, readonly Node[], Partial<SeenMachine>]>([
    ['of no node is stray', true, [], {}],
    ['of a deleted node is stray', true, [{ ...node, phase: 'deleted', desired: 'absent' }], {}],
    [
      'may be one that its node is about to record',
      false,
      [aNode({ clusterId: cluster.id, id: node.id, phase: 'creating' })],
      {},
    ],
    ['in flight is none, however unknown', false, [], { createdAt: plusSeconds(now, -strayGraceSeconds) }],
  ])('%s', (_, isStray, nodes, given) => {
    const found = drift([...nodes], [sighting([machineOf(node, given)])]);
    expect(found).toEqual(
      isStray ? ['stray-machine: aws: machine i-1 (four-clouds-1) belongs to no node'] : [],
    );
  });

  const withOne = (given: Partial<Node> = {}) => ready({ id: node.id, phase: 'joining', ...given });
  const without = (given: Partial<Node>) => aNode({ clusterId: cluster.id, id: node.id, ...given });
  it.each<[string, boolean, Node, Partial<SeenMachine>]>([
    ['beside its node’s is one too many, however young', true, withOne({ providerId: 'i-2' }), {}],
    ['beside one in another cloud too', true, withOne({ cloud: 'gcp' }), {}],
    ['of a node that was given up is one too many', true, without({ phase: 'failed' }), {}],
    ['that its node may be about to record is not', false, without({ phase: 'creating' }), {}],
    ['that is going already is not', false, withOne({ providerId: 'i-2' }), { state: 'stopping' }],
    ['that is its node’s own is not', false, withOne(), {}],
  ])('%s', (_, isSurplus, of, seen) => {
    const found = drift([of], [sighting([machineOf(node, { createdAt: now, ...seen })])]);
    expect(found).toEqual(
      isSurplus ? ['surplus-machine: aws: machine i-1 (four-clouds-1) is one more than its node has'] : [],
    );
  });
});

describe('a node', () => {
  it('that is silent for longer than its agent may be is unresponsive', () => {
    const silent = ready({ lastSeenAt: plusSeconds(now, -901) });
    expect(drift([silent], [sighting([machineOf(silent)])])).toEqual([
      expect.stringMatching(/^node-unresponsive: node 1 in aws: it was last heard of at/),
    ]);
  });

  it('that joined, was never ready and fell silent is unresponsive too', () => {
    const silent = aNode({
      clusterId: cluster.id,
      phase: 'joining',
      joinedAt: exampleTime,
      lastSeenAt: plusSeconds(now, -901),
    });
    expect(drift([silent], [])).toEqual([expect.stringMatching(/^node-unresponsive: node 1/)]);
  });

  it('whose machine is missing is not called unresponsive as well', () => {
    expect(drift([ready({ lastSeenAt: exampleTime })], [sighting([])])).toEqual([gone]);
  });
});

describe('a cloud', () => {
  const nothing = { clusterId: cluster.id, machines: [], resources: [], strangers: [] };

  it('in which nothing at all is left has lost its network', () => {
    expect(drift([node], [sighting([], { observation: nothing })])).toEqual([
      'network-missing: aws: the network is missing',
      gone,
    ]);
  });

  it('that failed says how', () => {
    const failure = { error: 'CredentialsRejected', message: 'who are you?', at: exampleTime };
    expect(drift([], [], [{ clusterId: cluster.id, cloud: 'gcp', failure }])).toEqual([
      'cloud-failed: gcp: CredentialsRejected: who are you?',
    ]);
  });
});

describe('what was changed', () => {
  const opened = {
    of: 'network',
    subject: 'firewall:worker:surplus-rule:tcp:22',
    message: 'tcp 22 was added by hand',
  } as const;
  const untagged = {
    of: 'machine',
    subject: 'tags',
    message: 'its tags are gone',
    providerId: 'i-1',
  } as const;
  const spare = { kind: 'disk', id: 'd-1', name: 'left', isSpare: true } as const;
  const seenWith = (given: Partial<Sighting['observation']>): Sighting => {
    const usual = sighting([machineOf(node)]);
    return { ...usual, observation: { ...usual.observation, ...given } };
  };
  const changed = [
    'network-changed: aws: tcp 22 was added by hand',
    'machine-changed: aws: its tags are gone',
  ];
  const isLeft = 'stray-resource: aws: disk left serves nothing';

  it.each<[string, readonly string[], Sighting, Partial<CloudParts>, Partial<Node>]>([
    ['is told, network and machines', changed, seenWith({ flaws: [opened, untagged] }), {}, {}],
    [
      'before it was put right is no longer so',
      [],
      seenWith({ flaws: [opened, untagged], resources: [spare] }),
      { mendedAt: now },
      {},
    ],
    [
      'after it was put right is so again',
      changed,
      seenWith({ flaws: [opened, untagged] }),
      { mendedAt: plusSeconds(now, -31) },
      {},
    ],
    [
      'of a network that is only being built is its run’s affair',
      [],
      seenWith({ flaws: [opened] }),
      { network: undefined as never },
      {},
    ],
    ['is what is left over', [isLeft], seenWith({ resources: [spare] }), {}, {}],
    [
      'is not what may be part of a machine that is being made',
      [],
      seenWith({ resources: [spare] }),
      {},
      { operation: { executionArn: 'x', kind: 'ProvisionNode', startedAt: now } },
    ],
  ])('%s', (_, expected, seen, part, given) => {
    expect(drift([{ ...node, ...given }], [seen], [{ ...standing, ...part }])).toEqual(expected);
  });

  it('of a load balancer is said once it was recorded, and after it was mended', () => {
    const at = plusSeconds(now, -30);
    const seen = sighting([machineOf(node)], {
      at,
      observation: {
        ...sighting([machineOf(node)]).observation,
        flaws: [
          { of: 'load-balancer', subject: 'load-balancer:missing', message: 'there is no load balancer' },
        ],
      },
    });
    const balanced: CloudParts = {
      ...standing,
      loadBalancer: { cloud: 'aws', dnsName: 'it.elb.example', addresses: [], parts: {} },
    };
    const said = ['load-balancer-changed: aws: there is no load balancer'];
    expect(drift([node], [seen], [balanced])).toEqual(said);
    expect(drift([node], [seen], [{ ...balanced, mendedAt: plusSeconds(at, -1) }])).toEqual(said);
    expect(drift([node], [seen], [{ ...balanced, mendedAt: at }])).toEqual([]);
    expect(drift([node], [seen])).toEqual([]);
  });

  it.each<[string, Partial<Node>, string, readonly string[]]>([
    ['that joins', { operation: { executionArn: 'x', kind: 'ProvisionNode', startedAt: now } }, ':i-1', []],
    ['that leaves', { operation: { executionArn: 'x', kind: 'RetireNode', startedAt: now } }, ':i-1', []],
    ['that joined just before the look', { joinedAt: plusSeconds(now, -100) }, ':i-1', []],
    ['that nobody is at work on', {}, ':i-1', ['load-balancer-changed: aws: it is not behind it']],
    [
      'beside one that joins',
      { operation: { executionArn: 'x', kind: 'ProvisionNode', startedAt: now } },
      ':80:i-11',
      ['load-balancer-changed: aws: it is not behind it'],
    ],
  ])('a member %s', (_what, given, ending, said) => {
    const at = plusSeconds(now, -30);
    const subject = `load-balancer:missing-member${ending}`;
    const usual = sighting([machineOf(node)], { at });
    const flaws = [{ of: 'load-balancer', subject, message: 'it is not behind it' } as const];
    const balanced: CloudParts = {
      ...standing,
      loadBalancer: { cloud: 'aws', dnsName: 'it.elb.example', addresses: [], parts: {} },
    };
    const seen = { ...usual, observation: { ...usual.observation, flaws } };
    expect(drift([{ ...node, ...given }], [seen], [balanced])).toEqual(said);
  });

  it('a load balancer that failed says how, and nothing else is lost', () => {
    const failed: CloudParts = {
      ...standing,
      loadBalancerFailure: { error: 'QuotaExceeded', message: 'aws: no more', at: now },
    };
    expect(drift([node], [sighting([machineOf(node)])], [failed])).toEqual([
      'load-balancer-failed: aws: no load balancer: QuotaExceeded: aws: no more',
    ]);
  });

  it('keeps the time when it was first seen, per cloud', () => {
    const find = (known: ReturnType<typeof findDrift>) =>
      findDrift({
        cluster,
        nodes: [node],
        parts: [standing],
        sightings: [seenWith({ flaws: [opened] })],
        known,
        now,
      });
    const [first] = find([]);
    expect(first?.seenAt).toBe(now);
    const earlier = { ...first!, seenAt: exampleTime };
    expect(find([earlier])).toEqual([earlier]);
    expect(find([{ ...earlier, cloud: 'gcp' }])[0]?.seenAt).toBe(now);
  });
});

describe('what nobody could see again', () => {
  const flaw = { of: 'network', subject: 'tcp:22', message: 'tcp 22 was added by hand' } as const;
  const untagged = { of: 'machine', subject: 'tags', message: 'no tags', providerId: 'i-1' } as const;
  const spare = { kind: 'disk', id: 'd-1', name: 'left', isSpare: true } as const;
  const stranger = { kind: 'machine', id: 'i-9', name: 'somebody', inside: 'vpc-1' } as const;
  const damaged = (at: string): Sighting => {
    const usual = sighting([], { at });
    const resources = [...usual.observation.resources, spare];
    return {
      ...usual,
      observation: { ...usual.observation, resources, strangers: [stranger], flaws: [flaw, untagged] },
    };
  };
  const seenAt = plusSeconds(now, -900);
  const find = (given: Partial<Parameters<typeof findDrift>[0]>) =>
    findDrift({ cluster, nodes: [node], parts: [standing], sightings: [], now, ...given });
  const known = find({ sightings: [damaged(seenAt)], now: seenAt });
  const kept = (given: Partial<Parameters<typeof findDrift>[0]>) =>
    find({ known, ...given })
      .filter(({ unconfirmedSince }) => unconfirmedSince !== undefined)
      .map(({ fingerprint }) => fingerprint);
  const all = [
    'network-changed:tcp:22',
    'machine-missing:1:1',
    'machine-changed:i-1:tags',
    'stray-resource:disk:d-1',
    'stranger:machine:i-9',
  ];
  const old = [damaged(seenAt)];
  /** A repair's look and its end, in seconds after it was first seen. */
  const mended = (from: number, at: number): CloudParts => ({
    ...standing,
    mendedFrom: plusSeconds(seenAt, from),
    mendedAt: plusSeconds(seenAt, at),
  });

  it.each<[string, readonly string[], Parameters<typeof kept>[0]]>([
    ['stays while nobody can look', all, { sightings: old }],
    ['is over once a look does not show it', [], { sightings: [sighting([machineOf(node)])] }],
    ['is not unknown where it is seen again', [], { sightings: [damaged(now)] }],
    [
      'is over where it was mended after the last look, but for what is left over',
      ['machine-missing:1:1', 'stray-resource:disk:d-1', 'stranger:machine:i-9'],
      { sightings: old, parts: [mended(1, 1)] },
    ],
    [
      'is what was left over too lately for the last repair',
      ['machine-missing:1:1', 'stray-resource:disk:d-1', 'stranger:machine:i-9'],
      { sightings: old, parts: [mended(599, 599)] },
    ],
    [
      'is what was due only after the last repair had looked',
      ['machine-missing:1:1', 'stray-resource:disk:d-1', 'stranger:machine:i-9'],
      { sightings: old, parts: [mended(599, 610)] },
    ],
    [
      'is over where it was left over long enough for it',
      ['machine-missing:1:1', 'stranger:machine:i-9'],
      { sightings: old, parts: [mended(600, 610)] },
    ],
    [
      'of a node that was let go is over',
      all.filter((fingerprint) => fingerprint !== 'machine-missing:1:1'),
      { sightings: old, nodes: [{ ...node, desired: 'absent' }] },
    ],
    [
      'of a node that has another machine is over',
      all.filter((fingerprint) => fingerprint !== 'machine-missing:1:1'),
      { sightings: old, nodes: [{ ...node, attempt: 2 }] },
    ],
    [
      'is what is left over where something is being made, of which it may be a part',
      ['stray-resource:disk:d-1'],
      { sightings: [damaged(now)], nodes: [node, ready({ number: 2, phase: 'creating' })] },
    ],
  ])('%s', (_, expected, given) => {
    expect(kept(given)).toEqual(expected);
  });

  it('keeps the time when it was first seen, and since when nobody could look', () => {
    const twice = find({ sightings: old, known: find({ sightings: old, known }) });
    const opened = twice.find(({ kind }) => kind === 'network-changed');
    expect(opened).toMatchObject({ seenAt, unconfirmedSince: seenAt });
    const again = find({ sightings: [damaged(now)], known: twice });
    expect(again.find(({ kind }) => kind === 'network-changed')).toEqual(
      known.find(({ kind }) => kind === 'network-changed'),
    );
  });
});

describe('a stranger', () => {
  it('is told, with where it sits', () => {
    const usual = sighting([machineOf(node)]);
    const strangers = [{ kind: 'machine', id: 'i-9', name: 'somebody', inside: 'vpc-1' }];
    const seen = { ...usual, observation: { ...usual.observation, strangers } };
    const untagged = { kind: 'machine', id: 'i-1', name: '', inside: 'vpc-1' };
    const both = { ...seen, observation: { ...seen.observation, strangers: [...strangers, untagged] } };
    expect(drift([node], [both])).toEqual([
      "stranger: aws: machine i-9 (somebody) in vpc-1 is somebody else's",
    ]);
  });
});

describe('a cloud that nobody could look at', () => {
  it.each<[string, readonly string[], Cluster, CloudParts[]]>([
    ['yet is unseen', ['aws: nobody could look yet'], aCluster({ createdAt: exampleTime }), [standing]],
    ['is not missed in a cluster that is new', [], cluster, [standing]],
    ['is not missed where nothing stands', [], aCluster({ createdAt: exampleTime }), []],
  ])('%s', (_, expected, of, parts) => {
    const found = findDrift({ cluster: of, nodes: [], parts, sightings: [], now });
    expect(found.map(({ message }) => message)).toEqual(expected);
  });
});

describe('what is done about lost nodes', () => {
  const lost = (nodes: Node[], given: Partial<Cluster> = {}) => {
    const find = (known: ReturnType<typeof findDrift>, at: string) =>
      findDrift({
        cluster: { ...cluster, newestSnapshot: 'S', ...given },
        nodes,
        parts: [standing],
        sightings: [sighting([])],
        known,
        now: at,
      });
    return find(find([], plusSeconds(now, -60)), now).map(({ kind, remedy }) => `${kind}: ${remedy}`);
  };
  const numbered = (number: number, given: Partial<Node> = {}) =>
    ready({ number, providerId: `i-${number}`, joinedAt: exampleTime, ...given });

  it('they are replaced, unless many are lost at once, or the quorum is', () => {
    expect(lost([numbered(1)])).toEqual(['machine-missing: it is replaced']);
    expect(lost([1, 2, 3].map((number) => numbered(number)))).toEqual([
      'replacement-paused: look at the cloud, and have what is lost replaced: overcast cluster reconcile --replace-lost',
      ...[1, 2, 3].map(() => 'machine-missing: it waits for people to look'),
    ]);
    expect(lost([numbered(1, { role: 'control-plane' }), numbered(2)])).toEqual([
      'quorum-lost: restore it from its last snapshot',
      ...[1, 2].map(() => 'machine-missing: it is replaced once the cluster is restored'),
    ]);
  });

  it.each<[string, Partial<Cluster>]>([
    ['restore it from its last snapshot', { newestSnapshot: 'S' }],
    ['it has no snapshot: delete it and create it again', { newestSnapshot: undefined as never }],
    [
      'it is restored from snapshot S',
      { restore: { id: 'r', snapshot: 'S', requestedAt: now, requestedBy: 'ada', number: 7 } },
    ],
  ])('a lost quorum says what people can do: %s', (remedy, given) => {
    expect(lost([numbered(1, { role: 'control-plane' })], given)[0]).toBe(`quorum-lost: ${remedy}`);
  });
});

describe('the platform’s credential for the cluster', () => {
  const week = 7 * 24 * 3600;
  /** With this much of its week left. */
  const left = (seconds: number) => ({
    notBefore: plusSeconds(now, seconds - week),
    notAfter: plusSeconds(now, seconds),
  });
  const initialised = { ...cluster, initialisedAt: exampleTime };
  const readied = { ...initialised, status: 'ready' } as const;
  const degraded = { ...initialised, status: 'degraded' } as const;
  it.each<[string, string | undefined, Cluster, ReturnType<typeof left> | 'missing' | undefined]>([
    ['that is fresh', undefined, readied, left(week)],
    ['with a third of its life left', undefined, readied, left(week / 3)],
    ['with less than that', `runs out at ${left(week / 3 - 1).notAfter}`, readied, left(week / 3 - 1)],
    ['that ran out', `ran out at ${left(0).notAfter}`, readied, left(0)],
    ['of a cluster that is being made', `runs out at ${left(1).notAfter}`, initialised, left(1)],
    ['that was never issued', 'is missing', readied, 'missing'],
    ['that was never issued, to a cluster with other troubles', 'is missing', degraded, 'missing'],
    ['that its first run has yet to issue', undefined, initialised, 'missing'],
    ['before there is an API to call', undefined, cluster, 'missing'],
    ['that nobody looked at', undefined, readied, undefined],
  ])('%s', (_, expected, of, credential) => {
    const found = findDrift({ cluster: of, nodes: [], parts: [], sightings: [], credential, now });
    expect(found.map(({ kind, message }) => `${kind}: ${message}`)).toEqual(
      expected === undefined ? [] : [`credential-due: the platform's credential for the cluster ${expected}`],
    );
  });
});

it('is the same for the same', () => {
  const options = { cluster, nodes: [node], parts: [standing], sightings: [sighting([])], now };
  expect(findDrift(options)).toEqual(findDrift(options));
  expect(findDrift({ ...options, now: plusSeconds(now, 60) })[0]?.fingerprint).toBe(
    findDrift(options)[0]?.fingerprint,
  );
});

describe('a node that is to go', () => {
  const going = (seconds: number, given: Partial<Node> = {}): Node =>
    ready({
      number: 7,
      desired: 'absent',
      phase: 'draining',
      drainHeldUp: { since: plusSeconds(now, -seconds), because: 'default/web-1: a budget', pods: [] },
      ...given,
    });
  it.each<[string, Node, boolean]>([
    ['and cannot for a minute is found', going(60), true],
    ['and cannot for a moment is not', going(59), false],
    ['and was held up until it was gone is not', going(60, { phase: 'deleted' }), false],
  ])('%s', (_what, node, isFound) => {
    expect(drift([node], [])).toEqual(
      isFound ? ['drain-held-up: node 7 cannot be drained: default/web-1: a budget'] : [],
    );
  });

  it('is told with what ends the waiting', () => {
    const [finding] = findDrift({ cluster, nodes: [going(60)], parts: [standing], sightings: [], now });
    expect(finding).toMatchObject({
      fingerprint: 'drain-held-up:7',
      remedy: 'it is asked again; `overcast node remove four-clouds 7 --no-drain` takes it as it is',
    });
  });
});
