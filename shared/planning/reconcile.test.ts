import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { cloudNames } from '../domain/cloud.ts';
import type { Cluster, CloudParts, Restore } from '../domain/cluster.ts';
import { plusSeconds, secondsBetween } from '../domain/ids.ts';
import { nodePhases, type Node } from '../domain/node.ts';
import type { Operation, OperationKind } from '../domain/operation.ts';
import type { Finding } from '../domain/finding.ts';
import type { Sighting } from '../domain/observation.ts';
import type { PublishedDns } from '../domain/dns.ts';
import { planDns } from './plan-dns.ts';
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
    case 'replace':
      return `replace ${action.numbers.join(', ')}`;
    case 'mend-mesh':
      return `mend mesh ${action.members.map(({ number }) => number).join(', ')}`;
    case 'retire':
      return `retire ${action.number}`;
    case 'plan-followers':
      return `plan ${action.restore.followers?.length} followers`;
    case 'end-restore':
      return action.failure === undefined ? 'finish the restore' : `fail the restore: ${action.failure}`;
    case 'plan':
    case 'upgrade':
      return action.kind;
    default:
      return `check ${action.number ?? 'cluster'}`;
  }
};
const actions = (...given: Parameters<typeof decide>): readonly string[] =>
  decide(...given).actions.map(sentence);

describe('a quiet cluster', () => {
  it('is left alone, for minutes', () => {
    expect(decide({ createdAt: now })).toEqual({ findings: [], actions: [], dueAt: plusSeconds(now, 210) });
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

describe('load balancers', () => {
  const asked: Partial<Cluster> = { ingress: { loadBalancers: true } };
  const balanced = networks.map((part) => ({
    ...part,
    loadBalancer: { cloud: part.cloud, addresses: ['203.0.113.1'], parts: {} },
  }));
  const failure = { error: 'QuotaExceeded', message: 'aws: no more', at: ago(10) };

  it('that stand are left alone', () => {
    expect(actions(asked, [node()], balanced)).toEqual([]);
  });
  it('are missed where there are workers and none was ever built', () => {
    expect(actions(asked, [node()], networks)).toEqual([
      'DriftFound aws:load-balancer-absent (attempt 1, wait 60 s)',
    ]);
    expect(actions({}, [node()], networks)).toEqual([]);
    expect(actions(asked, [node({ role: 'control-plane' })], networks)).toEqual([]);
  });
  it('that failed are tried again, with the patience of all repairs, and the cluster is degraded', () => {
    const decided = decide(
      asked,
      [node()],
      [{ ...network('aws'), loadBalancerFailure: failure }, ...networks.slice(1)],
    );
    expect(decided.actions.map(sentence)).toEqual([
      'DriftFound aws:load-balancer-failed:QuotaExceeded (attempt 1, wait 60 s)',
    ]);
    expect(decided.status).toMatchObject({ to: 'degraded', event: 'ClusterDegraded' });
  });
});

describe('names', () => {
  const zone = { id: 'Z1', name: 'example.org' };
  const controlPlane = (given: Partial<Node> = {}): Node =>
    node({ role: 'control-plane', joinedAt: ago(900), publicAddress: '203.0.113.1', ...given });
  const cluster = aCluster(quiet);
  const records = planDns({ cluster, nodes: [controlPlane()], parts: [], zone });
  const published: PublishedDns = {
    clusterId: 'c',
    clusterName: cluster.name,
    records,
    publishedAt: ago(600),
    flaws: [],
  };
  const look = (dns: PublishedDns | undefined, nodes: readonly Node[] = [controlPlane()], withZone = true) =>
    reconcile({
      cluster,
      nodes,
      parts: networks,
      sightings: [],
      ...(withZone && { dns: { zone, published: dns } }),
      now,
      jitter: 0.5,
    });
  const said = (decided: ReturnType<typeof look>) => decided.actions.map(sentence);
  const ofNames = ({ findings }: ReturnType<typeof look>) =>
    findings.filter(({ kind }) => kind.startsWith('dns-'));
  const due = `DriftFound dns-due:${ago(600)} (attempt 1, wait 60 s)`;

  it('that lead where they should are left alone', () => {
    expect(said(look(published))).toEqual([]);
  });
  it('are nobody’s affair without a zone', () => {
    expect(said(look(undefined, undefined, false))).toEqual([]);
  });
  it('are published when they never were, or somebody came or went and nobody told', () => {
    expect(said(look(undefined))).toEqual(['DriftFound dns-due:never (attempt 1, wait 60 s)']);
    expect(said(look(published, [controlPlane({ publicAddress: '203.0.113.9' })]))).toEqual([due]);
    expect(said(look(published, []))).toContain(due);
  });
  it('are the affair of a control plane’s own run while it comes or goes', () => {
    const coming = controlPlane({ number: 2, operation: running('ProvisionNode') });
    const going = controlPlane({ number: 2, desired: 'absent', operation: running('RetireNode') });
    for (const other of [coming, going]) expect(said(look(published, [controlPlane(), other]))).toEqual([]);
  });

  const changed = { kind: 'changed', subject: 'api', message: 'api: leads elsewhere' } as const;
  const taken = { kind: 'taken', subject: 'api', message: 'api is taken' } as const;

  it('that were changed by hand are put right at once, and told', () => {
    const decided = look({ ...published, flaws: [changed] });
    expect(said(decided)).toEqual(['DriftFound :dns-changed:api (attempt 1, wait 60 s)']);
    expect(ofNames(decided)).toMatchObject([
      { kind: 'dns-changed', message: 'api: leads elsewhere', remedy: 'it is put right' },
    ]);
    expect(decided.status).toMatchObject({ to: 'degraded' });
  });
  it('that are taken are told, and nothing is done', () => {
    const decided = look({ ...published, flaws: [taken] });
    expect(said(decided)).toEqual([]);
    expect(ofNames(decided)).toMatchObject([{ kind: 'dns-name-taken' }]);
  });
  it('that are to change anyway are not held against what was seen of them', () => {
    const decided = look({ ...published, flaws: [changed] }, [
      controlPlane({ publicAddress: '203.0.113.9' }),
    ]);
    expect(ofNames(decided)).toEqual([]);
    expect(said(decided)).toEqual([due]);
  });
  it('that could not be published are tried again, with the patience of all repairs', () => {
    const failure = { error: 'QuotaExceeded', message: 'aws: no more health checks', at: ago(60) };
    expect(said(look({ ...published, failure }))).toEqual([
      'DriftFound :dns-failed:QuotaExceeded (attempt 1, wait 60 s)',
    ]);
  });
});

describe('what was changed or is left over', () => {
  const flaw = (subject: string) =>
    ({ of: 'network', subject, message: `${subject} was added by hand` }) as const;
  const spare = { kind: 'disk', id: 'd', name: '', isSpare: true } as const;
  const look = (
    observation: Partial<Sighting['observation']>,
    options: { cluster?: Partial<Cluster>; known?: readonly Finding[] } = {},
  ) =>
    reconcile({
      cluster: aCluster({ ...quiet, ...options.cluster }),
      nodes: [node()],
      parts: networks,
      sightings: [
        {
          cloud: 'aws',
          at: ago(5),
          observation: { clusterId: 'c', machines: [], resources: [], strangers: [], ...observation },
        },
      ],
      known: options.known ?? [],
      now,
      jitter: 0.5,
    });
  const one = 'DriftFound aws:network-changed:ssh (attempt 1, wait 60 s)';

  it('is mended at once, and watched closely for a while', () => {
    const decided = look({ flaws: [flaw('ssh')] });
    expect(decided.actions.map(sentence)).toEqual([one]);
    expect(decided.dueAt).toBe(plusSeconds(now, 15));
    const inVain = {
      repairFingerprint: 'aws:network-changed:ssh',
      repairAttempts: 4,
      repairNotBefore: plusSeconds(now, 60),
    };
    expect(look({ flaws: [flaw('ssh')] }, { cluster: inVain })).toMatchObject({
      actions: [],
      dueAt: plusSeconds(now, 210),
    });
  });

  it('together has one name, so that one that cannot be mended holds up no other', () => {
    const [both] = look({ flaws: [flaw('ssh'), flaw('telnet')] }).actions.map(sentence);
    expect(both).toMatch(/^DriftFound 2-differences:[0-9a-f]{8} /);
    expect(look({ flaws: [flaw('telnet'), flaw('ssh')] }).actions.map(sentence)).toEqual([both]);
    const stuck = {
      repairFingerprint: 'aws:network-changed:ssh',
      repairAttempts: 6,
      repairNotBefore: plusSeconds(now, 1800),
    };
    expect(look({ flaws: [flaw('ssh'), flaw('telnet')] }, { cluster: stuck }).actions).toHaveLength(1);
  });

  it('is left alone while a run is at it', () => {
    expect(
      look({ flaws: [flaw('ssh')] }, { cluster: { operation: running('ProvisionCluster') } }).actions,
    ).toEqual([]);
  });

  it('as a stray is only shown until it has been there for long', () => {
    const first = look({ resources: [spare] });
    expect(first.actions).toEqual([]);
    const since = (seconds: number) =>
      first.findings.map((finding) => ({ ...finding, seenAt: ago(seconds) }));
    expect(look({ resources: [spare] }, { known: since(599) }).actions).toEqual([]);
    expect(look({ resources: [spare] }, { known: since(600) }).actions.map(sentence)).toEqual([
      'DriftFound aws:stray-resource:disk:d (attempt 1, wait 60 s)',
    ]);
  });
});

describe('lost nodes', () => {
  const serving = (number: number, given: Partial<Node> = {}): Node =>
    node({
      number,
      attempt: 1,
      id: `id-${number}`,
      providerId: `i-${number}`,
      joinedAt: exampleTime,
      readyAt: exampleTime,
      lastSeenAt: ago(10),
      ...given,
    });
  const controlPlane = (number: number, given: Partial<Node> = {}): Node =>
    serving(number, { role: 'control-plane', ...given });
  const three = [1, 2, 3].map((number) => controlPlane(number));
  /** The cluster when these nodes' machines are gone, and were in the sweep before. */
  const without = (
    numbers: readonly number[],
    nodes: readonly Node[],
    cluster: Partial<Cluster> = {},
    parts = networks,
  ) => {
    const look = (known: readonly Finding[], at: string) =>
      reconcile({
        cluster: aCluster({ ...quiet, ...cluster }),
        nodes,
        parts,
        sightings: [
          {
            cloud: 'aws',
            at: ago(120),
            observation: {
              clusterId: 'c',
              machines: nodes
                .filter(({ number }) => !numbers.includes(number))
                .map(({ providerId = '', id }) => ({
                  providerId,
                  name: '',
                  nodeId: id,
                  state: 'running',
                  createdAt: exampleTime,
                })),
              resources: [{ kind: 'vpc', id: 'v', name: '' }],
              strangers: [],
            },
          },
        ],
        known,
        now: at,
        jitter: 0.5,
      });
    const first = look([], ago(60));
    return { first, second: look(first.findings, now) };
  };
  const done = (...given: Parameters<typeof without>) => without(...given).second.actions.map(sentence);
  const planned = (number: number, replaces: string) => ({
    id: 'new',
    number,
    role: 'worker' as const,
    offering: node().offering,
    replaces,
  });

  it('are replaced once a second look has confirmed it, which comes soon', () => {
    const { first, second } = without([5], [...three, serving(4), serving(5)]);
    expect(first).toMatchObject({ actions: [], dueAt: plusSeconds(ago(60), 15) });
    expect(second.actions.map(sentence)).toEqual(['replace 5']);
  });

  const workers = [4, 5, 6, 7, 8, 9, 10].map((number) => serving(number));
  const all = [...three, ...workers];
  const busy = { operation: running('ProvisionCluster') };
  const failure = { error: 'CloudUnavailable', message: '503', at: ago(10) };
  it.each<[string, readonly string[], Parameters<typeof without>]>([
    ['all workers in one plan', ['replace 4, 5'], [[4, 5], all]],
    ['a control plane of three', ['replace 2'], [[2], all]],
    ['a control plane and workers at once', ['replace 2, 4'], [[2, 4], all]],
    ['nothing once the quorum is lost', [], [[1, 2, 4], all]],
    ['not the only control plane', [], [[1], [controlPlane(1), ...workers]]],
    [
      'no control plane while another is joining',
      ['replace 4'],
      [
        [2, 4],
        [...all, controlPlane(11, { phase: 'joining', joinedAt: undefined as never })],
      ],
    ],
    [
      'no control plane while another is going',
      ['replace 4'],
      [
        [2, 4],
        [
          ...all,
          controlPlane(11, { desired: 'absent', memberForgottenAt: now, operation: running('RetireNode') }),
        ],
      ],
    ],
    [
      'no control plane while one is being forgotten',
      ['replace 4'],
      [[2, 4], all, { forgetting: { number: 11, attempt: 1, since: now, tries: 0 } }],
    ],
    [
      'a control plane beside one that was given up',
      ['replace 2'],
      [[2], [...all, controlPlane(11, { phase: 'failed', joinedAt: undefined as never })]],
    ],
    ['nothing while much of a cloud looks lost', [], [[4, 5, 6, 7], all]],
    ['nothing while a run owns the cluster', [], [[4], all, busy]],
    [
      'nothing that a run owns',
      [],
      [[4], [...three, serving(4, { operation: running('ProvisionNode') }), serving(5)]],
    ],
    ['nothing of a cluster that goes', [], [[4], all, { deletionRequestedAt: ago(10) }]],
    [
      'nothing in a cloud that fails: it only says so',
      ['DriftFound aws:cloud-failed:CloudUnavailable (attempt 1, wait 60 s)'],
      [[4], all, {}, [{ ...network('aws'), failure }, ...networks.slice(1)]],
    ],
    [
      'nobody while another plan is pending',
      ['NodesPlanned'],
      [[4], all, { pendingPlan: { id: 'p', nodes: [], reason: 'more' } }],
    ],
    [
      'none twice: planned already, it only goes',
      ['NodesPlanned', 'retire 4'],
      [[4], all, { pendingPlan: { id: 'p', nodes: [planned(12, 'id-4')], reason: 'lost' } }],
    ],
    [
      'none twice: on its way already, it only goes',
      ['retire 4'],
      [[4], [...all, serving(12, { replaces: 'id-4' })]],
    ],
  ])('%s', (_, expected, given) => {
    expect(done(...given).filter((action) => action !== 'NodeRequested 11')).toEqual(expected);
  });

  it('fail the cluster when the quorum goes with them', () => {
    expect(without([1, 2], all).second.status).toEqual({
      from: 'ready',
      to: 'failed',
      reason: 'quorum lost: 2 of 3 control planes',
      event: 'ClusterFailed',
    });
    expect(without([1, 2], all).first.status).toMatchObject({ to: 'degraded' });
  });
});

describe('a restore', () => {
  const asked: Restore = {
    id: 'asked',
    snapshot: '20261123T034500Z',
    requestedAt: ago(60),
    requestedBy: 'ada',
    number: 7,
  };
  const restored = { ...asked, attempt: 1, restoredAt: ago(10) };
  const followers = [{ offering: node().offering }, { offering: node().offering }];
  const at = (number: number, phase: Node['phase'], given: Partial<Node> = {}): Node =>
    node({ number, role: 'control-plane', phase, attempt: 1, lastSeenAt: now, ...given });
  const serves = at(7, 'ready', { joinedAt: ago(20), readyAt: ago(10) });
  const plan = { id: 'p', nodes: [], reason: 'more' };
  it.each<[string, readonly string[], Partial<Cluster>, Node[]]>([
    [
      'lets every control plane of before go, also who lives and who was given up, and only those',
      ['retire 1', 'retire 2', 'retire 3'],
      { restore: asked },
      [
        at(1, 'ready', { joinedAt: ago(900) }),
        at(2, 'failed'),
        at(3, 'joining', { createdAt: now }),
        at(7, 'planned', { createdAt: now }),
        node({ number: 4 }),
      ],
    ],
    [
      'waits for those that go, and plans no replacement meanwhile',
      ['NodeRetirementRequested 1'],
      { restore: asked },
      [at(1, 'deleting', { desired: 'absent' }), at(7, 'booting', { createdAt: now })],
    ],
    [
      'lets go whatever else is under way',
      ['retire 1'],
      { restore: asked, operation: running('ProvisionCluster') },
      [at(1, 'ready'), at(7, 'booting', { operation: running('ProvisionNode') })],
    ],
    [
      'has nothing to do once they are gone',
      [],
      { restore: asked },
      [at(1, 'deleted', { desired: 'absent' })],
    ],
    [
      'that cannot be done is given up',
      ['fail the restore: control plane 7: no disk'],
      { restore: asked },
      [at(7, 'failed', { failure: { reason: 'no disk' } })],
    ],
    [
      'plans the control planes that are missing',
      ['plan 2 followers'],
      { restore: { ...restored, followers } },
      [serves],
    ],
    [
      'plans them when no other plan is pending',
      ['NodesPlanned'],
      { restore: { ...restored, followers }, pendingPlan: plan },
      [serves],
    ],
    [
      'is finished once all are there',
      ['finish the restore'],
      { restore: restored },
      [serves, at(8, 'ready')],
    ],
    [
      'is not finished while one is missing',
      [],
      { restore: restored },
      [serves, at(8, 'joining', { operation: running('ProvisionNode') })],
    ],
    ['that is finished is history', [], { restore: { ...restored, finishedAt: ago(5) } }, [serves]],
    [
      'that failed is history',
      [],
      { restore: { ...asked, failure: { at: ago(5), reason: 'no' } }, status: 'failed' },
      [at(7, 'failed')],
    ],
    [
      'of a cluster that goes is nobody’s affair',
      [],
      { restore: asked, deletionRequestedAt: ago(1) },
      [at(1, 'ready')],
    ],
  ])('%s', (_, expected, cluster, nodes) => {
    expect(actions({ status: 'restoring', ...cluster }, nodes)).toEqual(expected);
  });

  it('is not mended by a run before somebody lets the platform in, but its networks are', () => {
    const behind = { status: 'restoring', generation: 2, restore: asked } as const;
    expect(actions(behind, [])).toEqual([]);
    expect(actions(behind, [], networks.slice(0, 3))).toEqual([
      'DriftFound digitalocean:network-absent (attempt 1, wait 60 s)',
    ]);
    expect(actions({ ...behind, restore: restored }, [at(7, 'joining', { joinedAt: ago(10) })])).toEqual([
      'DriftFound generation:2 (attempt 1, wait 60 s)',
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
    createRequest: {
      attempt: 1,
      offering: planned.offering,
      kubernetesVersion: '1.36',
      tokenExpiresAt: 0,
      requestedAt: ago(61),
    },
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
      'but not while whoever let it go may just have said so',
      node({ desired: 'absent', letGoAt: plusSeconds(now, -60) }),
      [],
    ],
    [
      'once that must have been lost',
      node({ desired: 'absent', letGoAt: plusSeconds(now, -61) }),
      ['NodeRetirementRequested 1'],
    ],
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

  it('is the clean-up’s to write once it is to go', () => {
    expect(change({ desired: 'absent', status: 'deleting' })).toBeUndefined();
  });
});

const heldUp = (seconds: number) => ({ since: ago(seconds), because: 'a budget', pods: [] });

describe('the next look', () => {
  it.each<[string, Partial<Cluster>, Node[], number]>([
    ['soon while it is created', { status: 'creating' }, [node()], 15],
    ['soon while a run owns it', { operation: running('ProvisionCluster') }, [node()], 15],
    ['soon while it goes', { desired: 'absent', status: 'deleting' }, [node()], 15],
    ['soon while a node comes', {}, [node({ phase: 'booting' })], 15],
    ['soon while a node goes', {}, [node({ desired: 'absent' })], 15],
    [
      'soon while a node is held up for a moment',
      {},
      [node({ desired: 'absent', drainHeldUp: heldUp(59) })],
      15,
    ],
    [
      'later while a node is held up for longer',
      {},
      [node({ desired: 'absent', drainHeldUp: heldUp(60) })],
      210,
    ],
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

describe('what nobody could see again', () => {
  it('is shown, and nothing is done about it', () => {
    const opened: Finding = {
      clusterId: 'c',
      cloud: 'aws',
      fingerprint: 'network-changed:tcp:22',
      kind: 'network-changed',
      subject: 'tcp:22',
      message: 'aws: tcp 22 was added by hand',
      remedy: 'it is put right',
      seenAt: ago(1200),
    };
    const observation = { clusterId: 'c', machines: [], resources: [], strangers: [] };
    const at = ago(1000);
    const decision = reconcile({
      cluster: aCluster(quiet),
      nodes: [node()],
      parts: [network('aws'), network('gcp'), network('azure'), network('digitalocean')],
      sightings: [{ cloud: 'aws', at, observation }],
      known: [opened],
      now,
      jitter: 0.5,
    });
    expect(decision.findings).toContainEqual({ ...opened, unconfirmedSince: at });
    expect(decision.actions).toEqual([]);
    expect(decision.status).toMatchObject({ to: 'degraded' });
    expect(decision.dueAt).toBe(plusSeconds(now, 210));
  });
});
