import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { cloudNames } from '../domain/cloud.ts';
import type { Cluster, CloudParts } from '../domain/cluster.ts';
import { plusSeconds, secondsBetween } from '../domain/ids.ts';
import { nodePhases, type Node } from '../domain/node.ts';
import type { Operation, OperationKind } from '../domain/operation.ts';
import { nextDue, reconcile, strategies, type Action } from './reconcile.ts';

/** An hour after everything was made. */
const now = plusSeconds(exampleTime, 3600);
const ago = (seconds: number): string => plusSeconds(now, -seconds);
const running = (kind: OperationKind, startedAt = ago(30)): Operation => ({
  executionArn: anExecution(kind),
  kind,
  startedAt,
});
const network = (cloud: (typeof cloudNames)[number]): CloudParts => ({
  clusterId: 'c',
  cloud,
  network: { cloud, location: { region: 'r', zone: '' }, range: '', subnetRange: '', parts: {} },
});
const networks = cloudNames.map(network);

/** A quiet cluster: as it was asked for, nothing to do. */
const quiet: Partial<Cluster> = { id: 'c', status: 'ready', readyAt: exampleTime, provisionedGeneration: 1 };
const node = (given: Partial<Node> = {}): Node => aNode({ clusterId: 'c', phase: 'ready', ...given });

const decide = (cluster: Partial<Cluster>, nodes: Node[] = [node()], parts = networks) =>
  reconcile({
    cluster: aCluster({ ...quiet, ...cluster }),
    nodes,
    parts,
    sightings: [],
    now,
    jitter: 0.5,
  });

/** `NodeRequested 1`, `DriftFound generation:2 (attempt 1, wait 60 s)` */
const sentence = (action: Action): string => {
  switch (action.kind) {
    case 'say':
      return 'number' in action ? `${action.event} ${action.number}` : action.event;
    case 'say-with-backoff':
      return `${action.event} ${action.fingerprint} (attempt ${action.attempts}, wait ${secondsBetween(now, action.notBefore)} s)`;
    default:
      return `check ${action.number ?? 'cluster'}`;
  }
};
const actions = (...given: Parameters<typeof decide>): readonly string[] =>
  decide(...given).actions.map(sentence);

describe('a quiet cluster', () => {
  it('is left alone, for minutes', () => {
    expect(decide({})).toEqual({ findings: [], actions: [], dueAt: plusSeconds(now, 210) });
  });
});

describe('deletion', () => {
  const asked = { deletionRequestedAt: ago(60) };
  const fingerprint = `deletion:${asked.deletionRequestedAt}`;

  it.each<[string, Partial<Cluster>, readonly string[]]>([
    [
      'that nobody does is said again',
      asked,
      [`ClusterDeletionRequested ${fingerprint} (attempt 1, wait 60 s)`],
    ],
    ['whose event may still be on its way is not', { deletionRequestedAt: ago(59) }, []],
    ['that is being done is not', { ...asked, operation: running('CleanupCluster') }, []],
    [
      'waits for no provisioning run',
      { ...asked, operation: running('ProvisionCluster') },
      [`ClusterDeletionRequested ${fingerprint} (attempt 1, wait 60 s)`],
    ],
    [
      'that was said just now is not said again',
      { ...asked, repairFingerprint: fingerprint, repairNotBefore: plusSeconds(now, 1), repairAttempts: 1 },
      [],
    ],
    [
      'whose clean-up died is taken up again',
      { ...asked, desired: 'absent', status: 'deleting' },
      [`ClusterDeletionRequested ${fingerprint} (attempt 1, wait 60 s)`],
    ],
  ])('%s', (_, cluster, expected) => {
    expect(actions(cluster)).toEqual(expected);
  });

  it('stops everything else', () => {
    const nodes = [
      node({ phase: 'planned' }),
      node({ number: 2, desired: 'absent' }),
      node({ number: 3, phase: 'joining' }),
    ];
    const pendingPlan = { id: 'p', nodes: [], reason: 'more' };
    expect(actions({ deletionRequestedAt: ago(1), generation: 2, pendingPlan }, nodes)).toEqual([]);
  });

  it('leaves nothing to decide once it is over', () => {
    expect(decide({ status: 'deleted', desired: 'absent' })).toEqual({ findings: [], actions: [] });
  });
});

describe('a plan', () => {
  const pendingPlan = { id: 'p', nodes: [], reason: 'asked for' };

  it.each<[string, Partial<Cluster>, readonly string[]]>([
    ['that is pending is said', { pendingPlan }, ['NodesPlanned']],
    ['is left to the run that just began', { pendingPlan, operation: running('ProvisionCluster') }, []],
    [
      'is not left to a run that began long ago',
      { pendingPlan, operation: running('ProvisionCluster', ago(61)) },
      ['NodesPlanned'],
    ],
  ])('%s', (_, cluster, expected) => {
    expect(actions(cluster)).toEqual(expected);
  });
});

const again = (attempt: number, wait: number) => [
  `DriftFound generation:2 (attempt ${attempt}, wait ${wait} s)`,
];

describe('drift', () => {
  const behind = { generation: 2 };
  const said = (attempts: number, overSinceSeconds: number) => ({
    ...behind,
    repairFingerprint: 'generation:2',
    repairAttempts: attempts,
    repairNotBefore: ago(overSinceSeconds),
  });
  it.each<[string, Partial<Cluster>, readonly string[]]>([
    ['is said', behind, again(1, 60)],
    ['is not said while a run is at it', { ...behind, operation: running('ProvisionCluster') }, []],
    ['is not said before its time', said(1, -1), []],
    ['is said again after one minute, and waits two', said(1, 0), again(2, 120)],
    ['waits twice as long each time', said(5, 0), again(6, 1920)],
    ['waits an hour at most', said(9, 0), again(10, 3600)],
    ['begins anew after a long quiet', said(9, 3600), again(1, 60)],
    ['begins anew when it is another', { ...said(9, -60), repairFingerprint: 'generation:1' }, again(1, 60)],
    [
      'of a new cluster waits for the event that began it',
      { provisionedGeneration: 0, createdAt: ago(59) },
      [],
    ],
    [
      'of a new cluster whose event was lost is said',
      { provisionedGeneration: 0, createdAt: ago(60) },
      ['DriftFound generation:1 (attempt 1, wait 60 s)'],
    ],
  ])('%s', (_, cluster, expected) => {
    expect(actions(cluster)).toEqual(expected);
  });

  it('is a network that does not stand', () => {
    expect(actions({}, [node()], networks.slice(0, 3))).toEqual([
      'DriftFound digitalocean:network-absent (attempt 1, wait 60 s)',
    ]);
  });

  it('is a cloud that failed', () => {
    const failure = { error: 'CloudUnavailable', message: '503', at: ago(10) };
    const parts = [{ ...network('aws'), failure }, ...networks.slice(1)];
    expect(actions({}, [node()], parts)).toEqual([
      'DriftFound aws:cloud-failed:CloudUnavailable (attempt 1, wait 60 s)',
    ]);
  });
});

describe('the platform’s credential', () => {
  it('that is missing is a run’s to issue, when nothing else is wrong', () => {
    const due = (parts: CloudParts[]) =>
      reconcile({
        cluster: aCluster({ ...quiet, initialisedAt: exampleTime }),
        nodes: [node()],
        parts,
        sightings: [],
        credential: 'missing',
        now,
        jitter: 0.5,
      }).actions.map(sentence);
    expect(due(networks)).toEqual(['DriftFound credential-due (attempt 1, wait 60 s)']);
    expect(due(networks.slice(0, 3))).toEqual([
      'DriftFound digitalocean:network-absent (attempt 1, wait 60 s)',
    ]);
  });
});

describe('a node', () => {
  const planned = node({ phase: 'planned', createdAt: ago(61) });
  const stuck = node({
    phase: 'booting',
    createRequest: { attempt: 1, offering: planned.offering, tokenExpiresAt: 0, requestedAt: ago(61) },
  });

  it.each<[string, Node, readonly string[]]>([
    ['that is planned on a network that stands is requested', planned, ['NodeRequested 1']],
    ['is given a minute for its event', { ...planned, createdAt: ago(60) }, []],
    ['that a run owns is left to it', { ...planned, operation: running('ProvisionNode') }, []],
    ['that is stuck is requested again', stuck, ['NodeRequested 1']],
    [
      'that was begun within the last minute is not stuck',
      { ...stuck, createRequest: { ...stuck.createRequest!, requestedAt: ago(60) } },
      [],
    ],
    ['that has joined is not stuck', { ...stuck, joinedAt: ago(800) }, []],
    ['that failed is not tried again', node({ phase: 'failed' }), []],
    ['that is to go is retired', node({ desired: 'absent' }), ['NodeRetirementRequested 1']],
    [
      'that failed and is to go is retired',
      node({ desired: 'absent', phase: 'failed' }),
      ['NodeRetirementRequested 1'],
    ],
    [
      'whose retirement has just failed is left alone for a while',
      node({ desired: 'absent', retireNotBefore: plusSeconds(now, 1) }),
      [],
    ],
    [
      'whose retirement failed some time ago is retired',
      node({ desired: 'absent', retireNotBefore: now }),
      ['NodeRetirementRequested 1'],
    ],
    ['that is gone is forgotten', node({ desired: 'absent', phase: 'deleted' }), []],
    [
      'that is being retired is left to it',
      node({ desired: 'absent', operation: running('RetireNode') }),
      [],
    ],
    [
      'whose run is old is checked, and nothing more',
      { ...planned, operation: running('ProvisionNode', ago(121)) },
      ['check 1'],
    ],
  ])('%s', (_, of, expected) => {
    expect(actions({}, [of])).toEqual(expected);
  });

  it('that is planned where no network stands waits', () => {
    expect(actions({ operation: running('ProvisionCluster') }, [planned], networks.slice(1))).toEqual([]);
  });
});

describe('the cluster’s own run', () => {
  it('is checked when it is old', () => {
    expect(actions({ operation: running('ProvisionCluster', ago(121)) })).toEqual(['check cluster']);
    expect(actions({ operation: running('ProvisionCluster', ago(120)) })).toEqual([]);
  });
});

const change = (cluster: Partial<Cluster>, nodes?: Node[]) => decide(cluster, nodes).status;

describe('the status', () => {
  const failed = node({ phase: 'failed', failure: { reason: 'quota' } });
  const { readyAt: _readyAt, ...never } = quiet;
  const creating = (given: Partial<Cluster>, nodes: Node[]) =>
    reconcile({
      cluster: aCluster({ ...never, status: 'creating', ...given }),
      nodes,
      parts: networks,
      sightings: [],
      now,
      jitter: 0,
    }).status;

  it('becomes ready, and says so', () => {
    expect(creating({}, [node()])).toEqual({ from: 'creating', to: 'ready', event: 'ClusterReady' });
  });

  it('becomes failed, and says why', () => {
    expect(creating({}, [failed])).toEqual({
      from: 'creating',
      to: 'failed',
      reason: 'node 1: quota',
      event: 'ClusterFailed',
    });
  });

  it('goes from ready to degraded and back', () => {
    expect(change({}, [failed])).toMatchObject({ to: 'degraded', event: 'ClusterDegraded' });
    expect(change({ status: 'degraded', statusReason: 'node 1: quota' })).toEqual({
      from: 'degraded',
      to: 'ready',
      event: 'ClusterReady',
    });
  });

  it('is not written when nothing changed, and without an event when only its reason did', () => {
    expect(change({ status: 'degraded', statusReason: 'node 1: quota' }, [failed])).toBeUndefined();
    expect(change({ status: 'degraded', statusReason: 'other' }, [failed])).toEqual({
      from: 'degraded',
      to: 'degraded',
      reason: 'node 1: quota',
    });
  });

  it('keeps what a refused deletion said', () => {
    expect(change({ statusReason: 'aws: machine i-1 is not its own' })).toBeUndefined();
  });

  it('is the clean-up’s to write once it is to go', () => {
    expect(change({ desired: 'absent', status: 'deleting' })).toBeUndefined();
  });
});

describe('the next look', () => {
  it.each<[string, Partial<Cluster>, Node[], number]>([
    ['soon while it is created', { status: 'creating' }, [node()], 15],
    ['soon while a run owns it', { operation: running('ProvisionCluster') }, [node()], 15],
    ['soon while it goes', { desired: 'absent', status: 'deleting' }, [node()], 15],
    ['soon while a node comes', {}, [node({ phase: 'booting' })], 15],
    ['soon while a node goes', {}, [node({ desired: 'absent' })], 15],
    ['later when a node failed', {}, [node({ phase: 'failed' })], 210],
    ['later when nothing happens', {}, [node()], 210],
  ])('%s', (_, cluster, nodes, seconds) => {
    expect(decide(cluster, nodes).dueAt).toBe(plusSeconds(now, seconds));
  });

  it('spreads quiet clusters over two to five minutes', () => {
    const seconds = [0, 0.5, 0.999_999].map((jitter) =>
      Math.round(secondsBetween(now, nextDue({ changing: false, now, jitter }))),
    );
    expect(seconds).toEqual([120, 210, 300]);
  });
});

describe('any decision', () => {
  it('is about no node that a live operation owns, and the same for the same', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            phase: fc.constantFrom(...nodePhases),
            desired: fc.constantFrom('present' as const, 'absent' as const),
            owned: fc.boolean(),
            ageSeconds: fc.integer({ min: 0, max: 5000 }),
          }),
          { maxLength: 8 },
        ),
        fc.boolean(),
        (drawn, isGoing) => {
          const nodes = drawn.map(({ phase, desired, owned, ageSeconds }, index) =>
            node({
              number: index + 1,
              phase,
              desired,
              createdAt: ago(ageSeconds),
              ...(owned && { operation: running('ProvisionNode') }),
            }),
          );
          const given = isGoing ? { desired: 'absent' as const, deletionRequestedAt: ago(100) } : {};
          const decided = decide(given, nodes);
          expect(decide(given, nodes)).toEqual(decided);
          for (const action of decided.actions) {
            if (action.kind !== 'say' || !('number' in action)) continue;
            const about = nodes.find(({ number }) => number === action.number);
            expect(about?.operation).toBeUndefined();
            expect(isGoing).toBe(false);
            expect(action.event === 'NodeRequested').toBe(about?.desired === 'present');
          }
        },
      ),
    );
  });
});

it('every strategy says why it is there', () => {
  expect(new Set(strategies.map(({ name }) => name)).size).toBe(strategies.length);
  expect(strategies.every(({ reason }) => reason.length > 10)).toBe(true);
});
