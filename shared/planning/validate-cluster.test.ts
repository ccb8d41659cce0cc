import { describe, expect, it } from 'vitest';
import { anOffering } from '../../test/builders/node.ts';
import { aCluster } from '../../test/builders/cluster.ts';
import { aMarket } from '../../test/builders/market.ts';
import { cloudNames } from '../domain/cloud.ts';
import type { ClusterDocument, NodeGroupDocument } from '../domain/cluster-request.ts';
import { validateCluster, validateNodes } from './validate-cluster.ts';

const accounts = cloudNames.map((cloud) => ({ cloud, id: 'main' }));
const { offerings } = aMarket();
const four = cloudNames.map((cloud) => ({ cloud, account: 'main' }));

const document = (spec: Partial<ClusterDocument['spec']> = {}, name = 'four-clouds'): ClusterDocument => ({
  metadata: { name },
  spec: { region: 'us-east', clouds: four, configuration: 'highly-available', ...spec },
});
const withNodes = (nodes: readonly NodeGroupDocument[], spec: Partial<ClusterDocument['spec']> = {}) =>
  document({ ...spec, configuration: undefined, nodes });

/** `field: message [allowed]` */
const problemsOf = (written: ClusterDocument): readonly string[] => {
  const validation = validateCluster({
    document: written,
    accounts,
    offerings: aMarket({ region: written.spec.region }).offerings,
  });
  return validation.ok
    ? []
    : validation.problems.map(
        ({ field, message, allowed }) => `${field}: ${message}${allowed ? ` [${allowed.join(' ')}]` : ''}`,
      );
};

const controlPlane: NodeGroupDocument = { role: 'control-plane', shape: 'medium', count: 1 };

describe('a right cluster', () => {
  it('is spelled out', () => {
    expect(validateCluster({ document: document(), accounts, offerings })).toEqual({
      ok: true,
      value: {
        name: 'four-clouds',
        region: 'us-east',
        clouds: cloudNames.map((cloud) => ({ cloud, accountId: 'main' })),
        configuration: 'highly-available',
        groups: [
          { role: 'control-plane', shape: 'medium', lifecycle: 'on-demand', count: 3 },
          { role: 'worker', shape: 'small', lifecycle: 'on-demand', count: 3 },
        ],
        kubernetesVersion: '1.36',
        vpn: 'wireguard-full-mesh',
        podRange: '10.217.0.0/16',
        policies: {},
        ingress: { loadBalancers: false },
      },
    });
  });

  it('needs no more than a name, a region and a cloud', () => {
    const least = { metadata: { name: 'c1' }, spec: { region: 'us-east', clouds: [{ cloud: 'aws' }] } };
    expect(validateCluster({ document: least, accounts, offerings })).toMatchObject({
      ok: true,
      value: { configuration: 'starter', clouds: [{ cloud: 'aws', accountId: 'main' }] },
    });
  });

  it.each<[string, NodeGroupDocument[]]>([
    [
      'its own list',
      [controlPlane, { role: 'worker', cloud: 'gcp', instanceType: 'c4-highcpu-8', count: 2 }],
    ],
    ['spot workers', [controlPlane, { role: 'worker', lifecycle: 'spot', count: 2 }]],
    ['a burstable type that is named', [{ role: 'control-plane', instanceType: 't3.medium' }]],
  ])('may have %s', (_, nodes) => {
    expect(problemsOf(withNodes(nodes))).toEqual([]);
  });

  it.each(['10.192.0.0/14', '172.16.0.0/12', '192.168.0.0/16'])('may have its pods in %s', (podRange) => {
    expect(problemsOf(document({ podRange }))).toEqual([]);
  });
});

describe('a wrong cluster names each field and what is allowed', () => {
  const known =
    'us-east eu-central eu-west ap-southeast ap-sydney ca-central us-west us-northwest ap-south ap-northeast eu-paris eu-north';
  it.each<[string, ClusterDocument, readonly string[]]>([
    ['unknown region', document({ region: 'mars' }), [`spec.region: "mars" is not known [${known}]`]],
    [
      'cloud that is not in the region',
      document({ region: 'us-northwest' }),
      ['spec.clouds[3].cloud: digitalocean has no place in us-northwest [aws gcp azure]'],
    ],
    [
      'unknown cloud',
      document({ clouds: [four[0]!, { cloud: 'oracle', account: 'main' }] }),
      ['spec.clouds[1].cloud: "oracle" is not known [aws gcp azure digitalocean]'],
    ],
    [
      'cloud without its account',
      document({ clouds: [four[0]!, { cloud: 'gcp', account: 'other' }] }),
      ['spec.clouds[1].account: gcp has no account "other" [main]'],
    ],
    ['cloud twice', document({ clouds: [four[0]!, four[0]!] }), ['spec.clouds[1].cloud: aws is named twice']],
    [
      'no cloud',
      document({ clouds: [] }),
      ['spec.clouds: a cluster needs at least one cloud [aws gcp azure digitalocean]'],
    ],
    [
      'unknown configuration',
      document({ configuration: 'huge' }),
      ['spec.configuration: "huge" is not known [starter basic highly-available]'],
    ],
    [
      'configuration and nodes',
      document({ nodes: [controlPlane] }),
      ['spec.configuration: a configuration and a list of nodes exclude each other'],
    ],
    [
      'unknown version',
      document({ kubernetesVersion: '1.20' }),
      ['spec.kubernetesVersion: "1.20" is not known [1.35 1.36 1.37]'],
    ],
    [
      'VPN of the clouds',
      document({ vpn: 'cloud-vpn' }),
      ['spec.vpn: cloud-vpn is not built yet [wireguard-full-mesh wireguard-cross-location]'],
    ],
    [
      'unknown VPN',
      document({ vpn: 'ipsec' }),
      ['spec.vpn: "ipsec" is not known [wireguard-full-mesh wireguard-cross-location]'],
    ],
    [
      'two control planes',
      withNodes([{ ...controlPlane, count: 2 }]),
      [
        'spec.nodes: 2 control planes: an even number of control planes survives no more losses than one fewer [1 3 5 7]',
      ],
    ],
    [
      'no control plane',
      withNodes([{ role: 'worker', count: 1 }]),
      ['spec.nodes: a cluster needs a control plane [1 3 5 7]'],
    ],
    [
      'count of 0',
      withNodes([controlPlane, { role: 'worker', count: 0 }]),
      ['spec.nodes[1].count: 0 is not a count of nodes [1–20]'],
    ],
    [
      'count of 21',
      withNodes([controlPlane, { role: 'worker', count: 21 }]),
      ['spec.nodes[1].count: 21 is not a count of nodes [1–20]'],
    ],
    [
      'more than a plan holds',
      withNodes([controlPlane, { role: 'worker', count: 20 }]),
      ['spec.nodes: 21 nodes: a cluster begins with at most 20, and more are added afterwards'],
    ],
    [
      'spot control plane',
      withNodes([{ ...controlPlane, lifecycle: 'spot' }]),
      [
        'spec.nodes[0].lifecycle: a control plane is never spot: it could be taken away at any time [on-demand]',
      ],
    ],
    [
      'spot in DigitalOcean',
      withNodes([controlPlane, { role: 'worker', cloud: 'digitalocean', lifecycle: 'spot' }]),
      ['spec.nodes[1].lifecycle: digitalocean has no medium machines as spot [on-demand]'],
    ],
    [
      'unknown role',
      withNodes([controlPlane, { role: 'master' }]),
      ['spec.nodes[1].role: "master" is not known [control-plane worker]'],
    ],
    [
      'unknown shape',
      withNodes([controlPlane, { role: 'worker', shape: 'tiny' }]),
      ['spec.nodes[1].shape: "tiny" is not known [small medium large xlarge]'],
    ],
    [
      'shape and type',
      withNodes([controlPlane, { role: 'worker', shape: 'small', instanceType: 't3.medium' }]),
      ['spec.nodes[1].instanceType: a shape and an instance type exclude each other'],
    ],
    [
      'cloud that is not the cluster’s',
      withNodes([controlPlane, { role: 'worker', cloud: 'gcp' }], { clouds: [four[0]!] }),
      ['spec.nodes[1].cloud: "gcp" is none of the cluster\'s clouds [aws]'],
    ],
  ])('%s', (_, written, expected) => {
    expect(problemsOf(written)).toEqual(expected);
  });

  const unsold = (instanceType: string): string =>
    `spec.nodes[1].instanceType: "${instanceType}" is not sold in aws: \`overcast offerings --region us-east\` lists what is`;
  it.each([
    ['of which there is nothing like it', 'm1.small', unsold('m1.small')],
    [
      'in a size that its family has not',
      'c6a.huge',
      `${unsold('c6a.huge')} [c6a.large c6a.xlarge c6a.2xlarge c6a.4xlarge]`,
    ],
    ['with a letter too many', 'cc7i.large', `${unsold('cc7i.large')} [c7i.large]`],
    ['of another cloud', 'n4-highcpu-4', unsold('n4-highcpu-4')],
  ])('an instance type %s', (_, instanceType, expected) => {
    const nodes = [controlPlane, { role: 'worker', cloud: 'aws', instanceType }];
    expect(problemsOf(withNodes(nodes))).toEqual([expected]);
  });

  it.each(['x', 'Four', '4clouds', 'clouds-', 'four_clouds', `c${'x'.repeat(50)}`, ''])(
    'the name %j',
    (name) => {
      expect(problemsOf(document({}, name))).toEqual([
        expect.stringMatching(/^metadata\.name: a name has 2–50/),
      ]);
    },
  );

  it.each([
    ['10.217.0.1/16', 'is not an IPv4 range'],
    ['pods', 'is not an IPv4 range'],
    ['10.217.0.0/24', '/24 is not a size for pods'],
    ['10.0.0.0/8', '/8 is not a size for pods'],
    ['11.0.0.0/16', '11.0.0.0/16 is not private'],
    ['10.100.0.0/16', 'overlaps 10.96.0.0/12, which is for services'],
    ['10.4.0.0/16', 'overlaps 10.4.0.0/16, which is for the WireGuard overlay'],
    ['10.10.0.0/16', 'overlaps 10.10.0.0/16, which is for the network in aws'],
    ['10.244.0.0/16', 'overlaps 10.244.0.0/16, which is for DigitalOcean itself'],
  ])('the pod range %s', (podRange, message) => {
    const [problem] = problemsOf(document({ podRange }));
    expect(problem).toContain('spec.podRange: ');
    expect(problem).toContain(message);
  });

  it('the pod range that is too small for its nodes', () => {
    const nodes = [controlPlane, { role: 'worker', count: 16 }];
    expect(problemsOf(withNodes(nodes, { podRange: '10.217.0.0/20' }))).toEqual([
      'spec.podRange: 10.217.0.0/20 has room for 16 nodes, and 17 are asked for',
    ]);
  });

  it('all at once', () => {
    expect(problemsOf(document({ region: 'mars', vpn: 'ipsec' }, 'X'))).toHaveLength(3);
  });
});

const present = (role: 'control-plane' | 'worker', count: number) =>
  Array.from({ length: count }, () => ({ role, desired: 'present' as const, offering: anOffering() }));

describe('nodes for a cluster that lives', () => {
  const cluster = aCluster({ clouds: [{ cloud: 'aws', accountId: 'main' }] });
  const validated = (written: NodeGroupDocument, nodes = present('control-plane', 1)) =>
    validateNodes({ document: written, cluster, nodes, offerings });

  it('are one medium worker unless said otherwise', () => {
    expect(validated({})).toEqual({
      ok: true,
      value: { role: 'worker', shape: 'medium', lifecycle: 'on-demand', count: 1 },
    });
  });

  it.each<[NodeGroupDocument, ReturnType<typeof present>, string]>([
    [{ count: 0 }, [], 'count'],
    [{ count: 21 }, [], 'count'],
    [{ count: 1.5 }, [], 'count'],
    [{ cloud: 'gcp' }, [], 'cloud'],
    [{ role: 'control-plane', count: 1 }, present('control-plane', 1), 'count'],
    [{ count: 20 }, present('worker', 240), 'count'],
    [{ role: 'control-plane', count: 2, lifecycle: 'spot' }, present('control-plane', 1), 'lifecycle'],
  ])('are refused: %j', (written, nodes, field) => {
    const validation = validated(written, nodes);
    expect(validation.ok ? [] : validation.problems.map((problem) => problem.field)).toContain(field);
  });

  it('may be of any type that is sold, whoever has heard of it', () => {
    const sold = [anOffering({ instanceType: 'x99g.3xlarge', architecture: 'arm64', vcpus: 12 })];
    const add = (instanceType: string, maxVcpus: number) =>
      validateNodes({
        document: { cloud: 'aws', instanceType, count: 2 },
        cluster: { ...cluster, policies: { clusterLimits: { maxVcpus } } },
        nodes: [],
        offerings: sold,
      });
    expect(add('x99g.3xlarge', 24)).toMatchObject({ ok: true, value: { instanceType: 'x99g.3xlarge' } });
    expect(add('x99g.3xlarge', 23)).toMatchObject({ ok: false, problems: [{ field: 'count' }] });
    expect(add('c6a.xlarge', 24)).toMatchObject({ ok: false, problems: [{ field: 'instanceType' }] });
  });

  it('may make one control plane three', () => {
    expect(validated({ role: 'control-plane', count: 2 }).ok).toBe(true);
  });
});
