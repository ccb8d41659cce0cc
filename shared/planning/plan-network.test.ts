import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCluster } from '../../test/builders/cluster.ts';
import { cloudNames } from '../domain/cloud.ts';
import { ranges, type FirewallRule, type Vpn } from '../domain/network.ts';
import { digitalOceanReserved, planNetwork } from './plan-network.ts';
import { isInside, overlaps, parseRange } from './ranges.ts';

const installation = 'home';

/** `tcp 6443 anywhere` */
const sentence = ({ protocol, fromPort, toPort, source }: FirewallRule): string =>
  `${protocol} ${fromPort}${toPort === fromPort ? '' : `–${toPort}`} from ${source.kind}`;

const rulesOf = (vpn: Vpn, role: 'control-plane' | 'worker'): readonly string[] =>
  planNetwork({ cluster: aCluster({ vpn }), cloud: 'aws', installation }).firewall[role].map(sentence);

const candidatesOf = (id: string, podRange = '10.217.0.0/16'): readonly string[] =>
  planNetwork({ cluster: aCluster({ id, podRange }), cloud: 'digitalocean', installation }).candidates.map(
    ({ network }) => network,
  );

describe('inbound rules', () => {
  it.each<[Vpn, 'control-plane' | 'worker', readonly string[]]>([
    ['wireguard-full-mesh', 'control-plane', ['tcp 6443 from anywhere', 'udp 51820 from anywhere']],
    [
      'wireguard-full-mesh',
      'worker',
      [
        'udp 51820 from anywhere',
        'tcp 80 from anywhere',
        'tcp 443 from anywhere',
        'tcp 30000–32767 from anywhere',
        'udp 30000–32767 from anywhere',
      ],
    ],
    [
      'wireguard-cross-location',
      'control-plane',
      ['tcp 6443 from anywhere', 'udp 51820 from anywhere', 'udp 4789 from network'],
    ],
    [
      'wireguard-cross-location',
      'worker',
      [
        'udp 51820 from anywhere',
        'tcp 80 from anywhere',
        'tcp 443 from anywhere',
        'tcp 30000–32767 from anywhere',
        'udp 30000–32767 from anywhere',
        'udp 4789 from network',
      ],
    ],
    ['cloud-vpn', 'control-plane', ['tcp 6443 from anywhere']],
  ])('with %s let a %s be reached by nothing but this', (vpn, role, expected) => {
    expect(rulesOf(vpn, role)).toEqual(expected);
  });

  it.each([
    ['aws', { kind: 'network' }],
    ['digitalocean', { kind: 'network' }],
    ['azure', { kind: 'probes', ranges: ['168.63.129.16/32'] }],
    ['gcp', { kind: 'probes', ranges: ['35.191.0.0/16', '209.85.152.0/22', '209.85.204.0/22'] }],
  ] as const)(
    'let the load balancers of %s ask workers, and nobody else, whether their ingress is well',
    (cloud, source) => {
      const { firewall } = planNetwork({
        cluster: aCluster({ ingress: { loadBalancers: true } }),
        cloud,
        installation,
      });
      expect(firewall.worker).toContainEqual({
        protocol: 'tcp',
        fromPort: 8081,
        toPort: 8081,
        source,
        purpose: 'ingress health',
      });
      const without = planNetwork({ cluster: aCluster(), cloud, installation });
      for (const rule of [...Object.values(without.firewall).flat(), ...firewall['control-plane']])
        expect(rule.fromPort <= 8081 && 8081 <= rule.toPort).toBe(false);
    },
  );

  it.each([2379, 2380, 10_250, 8472, 22])('never open port %i', (port) => {
    for (const vpn of ['wireguard-full-mesh', 'wireguard-cross-location', 'cloud-vpn'] as const) {
      const { firewall } = planNetwork({ cluster: aCluster({ vpn }), cloud: 'gcp', installation });
      for (const rule of Object.values(firewall).flat()) {
        expect(rule.fromPort <= port && port <= rule.toPort).toBe(false);
      }
    }
  });
});

describe('ranges', () => {
  it.each([
    ['aws', '10.10.0.0/16', '10.10.0.0/24'],
    ['gcp', '10.0.0.0/16', '10.0.0.0/24'],
    ['azure', '10.20.0.0/16', '10.20.0.0/24'],
  ] as const)('of %s are fixed: its networks do not see each other', (cloud, network, subnet) => {
    expect(planNetwork({ cluster: aCluster(), cloud, installation }).candidates).toEqual([
      { network, subnet },
    ]);
  });

  it('of no two clouds, services, pods and overlay overlap', () => {
    const all = Object.values(ranges);
    for (const [index, one] of all.entries()) {
      for (const other of all.slice(index + 1)) expect(overlaps(one, other), `${one} ${other}`).toBe(false);
    }
  });

  it('in DigitalOcean are many, and touch nothing that is taken', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 100, max: 255 }), (id, octet) => {
        const podRange = `10.${octet}.0.0/16`;
        const candidates = candidatesOf(id, podRange);
        expect(candidates.length).toBeGreaterThan(100);
        expect(new Set(candidates).size).toBe(candidates.length);
        const taken = [ranges.services, ranges.overlay, podRange, ...digitalOceanReserved];
        for (const candidate of candidates) {
          expect(candidate).toMatch(/^10\.(1\d\d|2[0-4]\d|25[0-5])\.0\.0\/20$/);
          expect(taken.filter((range) => overlaps(range, candidate))).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('in DigitalOcean come in the cluster’s own order, always the same', () => {
    const ids = Array.from({ length: 50 }, () => randomUUID());
    expect(ids.map((id) => candidatesOf(id))).toEqual(ids.map((id) => candidatesOf(id)));
    expect(new Set(ids.map((id) => candidatesOf(id)[0])).size).toBeGreaterThan(25);
  });
});

describe('a network', () => {
  it('is its cluster’s, in its region’s place', () => {
    const cluster = aCluster({ region: 'eu-central' });
    for (const cloud of cloudNames) {
      const spec = planNetwork({ cluster, cloud, installation });
      expect(spec.owner).toEqual({ installation, clusterId: cluster.id });
      expect(spec).toEqual(planNetwork({ cluster, cloud, installation }));
    }
    expect(planNetwork({ cluster, cloud: 'gcp', installation }).location).toEqual({
      region: 'europe-west3',
      zone: 'europe-west3-a',
    });
  });
});

describe('a network that stood before', () => {
  it('is known by the ids that were recorded then', () => {
    const network = {
      cloud: 'aws' as const,
      location: { region: 'us-east-1', zone: 'us-east-1a' },
      range: '10.10.0.0/16',
      subnetRange: '10.10.0.0/24',
      parts: { vpcId: 'vpc-1' },
    };
    const spec = planNetwork({ cluster: aCluster(), cloud: 'aws', installation, known: network });
    expect(spec.known).toEqual({ vpcId: 'vpc-1' });
  });
});

describe('a range', () => {
  it.each(['10.0.0.1/16', '10.0.0.0', '10.0.0.0/33', '300.0.0.0/8', 'fd00::/8', '10.0.0.0/08x', ''])(
    'is not %j',
    (text) => {
      expect(parseRange(text)).toBeUndefined();
    },
  );

  it('knows what is inside it and what overlaps it', () => {
    expect(parseRange('10.0.0.0/16')?.prefix).toBe(16);
    expect(isInside('10.1.0.0/16', '10.0.0.0/8')).toBe(true);
    expect(isInside('10.0.0.0/8', '10.1.0.0/16')).toBe(false);
    expect(overlaps('10.0.0.0/8', '10.1.0.0/16')).toBe(true);
    expect(overlaps('10.1.0.0/16', '10.0.0.0/8')).toBe(true);
    expect(overlaps('10.1.0.0/16', '10.2.0.0/16')).toBe(false);
  });
});
