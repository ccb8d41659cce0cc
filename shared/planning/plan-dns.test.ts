import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { CloudParts } from '../domain/cluster.ts';
import type { CloudName } from '../domain/cloud.ts';
import type { Node } from '../domain/node.ts';
import { checkReference, isCheckOf, isPublished, isRecordOf, planDns } from './plan-dns.ts';

const cluster = aCluster();
const zone = { id: 'Z1', name: 'example.org' };
const joined = (number: number, given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: cluster.id,
    number,
    role: 'control-plane',
    phase: 'ready',
    joinedAt: exampleTime,
    publicAddress: `203.0.113.${number}`,
    ...given,
  });
const balanced = (cloud: CloudName, way: Partial<CloudParts['loadBalancer']> = {}): CloudParts => ({
  clusterId: cluster.id,
  cloud,
  loadBalancer: { cloud, addresses: ['198.51.100.7'], parts: {}, ...way },
});
const nlb = balanced('aws', {
  dnsName: 'Four-1234.elb.us-east-1.amazonaws.com',
  addresses: [],
  parts: { hostedZoneId: 'ZNLB' },
});
const plan = (given: Partial<Parameters<typeof planDns>[0]>) =>
  planDns({ cluster, nodes: [], parts: [], zone, ...given });
const mine = (part: string): string => `overcast:${cluster.id}:${part}`;

describe('the API’s name', () => {
  it('gives every control plane that serves, each checked at 6443', () => {
    expect(plan({ nodes: [joined(3), joined(1)] })).toEqual([
      {
        name: 'api.four-clouds.example.org',
        setIdentifier: mine('node-1'),
        routing: 'multivalue',
        target: { addresses: ['203.0.113.1'] },
        check: { address: '203.0.113.1', port: 6443 },
      },
      expect.objectContaining({ setIdentifier: mine('node-3') }),
    ]);
  });

  it.each<[string, Partial<Node>]>([
    ['a worker', { role: 'worker' }],
    ['one that has not joined yet', { joinedAt: undefined as never, phase: 'joining' }],
    ['one that is to go', { desired: 'absent' }],
    ['one that failed', { phase: 'failed' }],
    ['one that reported a failure', { failure: { reason: 'kubeadm' } }],
    ['one that is gone', { phase: 'deleted' }],
    ['one whose address nobody knows', { publicAddress: undefined as never }],
  ])('leaves out %s', (_, given) => {
    expect(plan({ nodes: [joined(1, given)] })).toEqual([]);
  });
});

describe('the cluster’s own name', () => {
  it('gives the clouds’ load balancers in turn: AWS’s by an alias, others by address and health check', () => {
    expect(plan({ parts: [balanced('digitalocean'), nlb] })).toEqual([
      {
        name: 'four-clouds.example.org',
        setIdentifier: mine('aws'),
        routing: 'weighted',
        target: { alias: 'four-1234.elb.us-east-1.amazonaws.com', zoneId: 'ZNLB' },
      },
      {
        name: 'four-clouds.example.org',
        setIdentifier: mine('digitalocean'),
        routing: 'weighted',
        target: { addresses: ['198.51.100.7'] },
        check: { address: '198.51.100.7', port: 80 },
      },
      {
        name: '*.four-clouds.example.org',
        setIdentifier: mine('ingress'),
        routing: 'weighted',
        target: { alias: 'four-clouds.example.org', zoneId: 'Z1' },
      },
    ]);
  });

  it('is not there, nor the wildcard, while no balancer takes traffic', () => {
    const without: CloudParts = { clusterId: cluster.id, cloud: 'gcp' };
    expect(plan({ parts: [without, balanced('gcp', { addresses: [] })] })).toEqual([]);
  });
});

it('wants nothing of a cluster that is to go', () => {
  const going = { ...cluster, desired: 'absent' } as const;
  expect(plan({ cluster: going, nodes: [joined(1)], parts: [nlb] })).toEqual([]);
});

describe('what was published', () => {
  const wanted = plan({ nodes: [joined(1), joined(2)], parts: [nlb] });

  it('is the same whatever the order of its fields', () => {
    const stored = wanted.map((record) => Object.fromEntries(Object.entries(record).toReversed()));
    expect(isPublished(wanted, { records: stored as never })).toBe(true);
  });

  it('is another once anything of it is', () => {
    expect(isPublished(wanted, { records: wanted.slice(1) })).toBe(false);
    expect(isPublished(plan({ nodes: [joined(1)] }), { records: wanted })).toBe(false);
    const moved = plan({ nodes: [joined(1, { publicAddress: '203.0.113.9' }), joined(2)], parts: [nlb] });
    expect(isPublished(moved, { records: wanted })).toBe(false);
  });

  it('is nothing at first, and that is right for a cluster without names', () => {
    expect(isPublished([], undefined)).toBe(true);
    expect(isPublished(wanted, undefined)).toBe(false);
  });
});

describe('whose it is', () => {
  const other = aCluster();

  it('says a health check’s reference, in the 64 characters that Route 53 takes', () => {
    const reference = checkReference(cluster.id, 'a'.repeat(40));
    expect(reference.length).toBeLessThanOrEqual(64);
    expect(isCheckOf(cluster.id, { callerReference: reference })).toBe(true);
    expect(isCheckOf(other.id, { callerReference: reference })).toBe(false);
  });

  it('says a record’s set identifier', () => {
    expect(isRecordOf(cluster.id, { setIdentifier: mine('aws') })).toBe(true);
    expect(isRecordOf(other.id, { setIdentifier: mine('aws') })).toBe(false);
    expect(isRecordOf(cluster.id, { setIdentifier: cluster.id })).toBe(false);
    expect(isRecordOf(cluster.id, {})).toBe(false);
  });
});
