import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { CloudParts, Cluster } from '../domain/cluster.ts';
import type { Network } from '../domain/network.ts';
import type { Node } from '../domain/node.ts';
import {
  expectedLoadBalancer,
  loadBalancerMembers,
  planLoadBalancer,
  wantsLoadBalancer,
} from './plan-load-balancer.ts';

const asked: Partial<Cluster> = { ingress: { loadBalancers: true } };
const cluster = aCluster(asked);
/** A worker in AWS that has joined. */
const worker = (given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: cluster.id,
    phase: 'ready',
    attempt: 1,
    providerId: 'i-1',
    joinedAt: exampleTime,
    ...given,
  });
const network: Network = {
  cloud: 'aws',
  location: { region: 'us-east-1', zone: 'us-east-1a' },
  range: '10.10.0.0/16',
  subnetRange: '10.10.0.0/24',
  parts: { vpcId: 'vpc-1' },
};
const loadBalancer = {
  cloud: 'aws',
  dnsName: 'it.elb.example',
  addresses: [],
  parts: { arn: 'it' },
} as const;

describe('a load balancer is wanted', () => {
  it.each<[string, boolean, Partial<Cluster>, readonly Node[]]>([
    ['where there is a worker', true, asked, [worker()]],
    ['where a worker is only planned yet', true, asked, [worker({ phase: 'planned', attempt: 0 })]],
    ['nowhere, when nobody asked for it', false, {}, [worker()]],
    ['nowhere, when it was asked not to be', false, { ingress: { loadBalancers: false } }, [worker()]],
    ['nowhere in a cluster that goes', false, { ...asked, desired: 'absent' }, [worker()]],
    ['not where there are control planes alone', false, asked, [worker({ role: 'control-plane' })]],
    ['not for workers of another cloud', false, asked, [worker({ cloud: 'gcp' })]],
    ['not for a worker that is to go', false, asked, [worker({ desired: 'absent' })]],
    ['not for a worker that failed', false, asked, [worker({ phase: 'failed' })]],
    ['not where there is nobody', false, asked, []],
  ])('%s', (_where, expected, given, nodes) => {
    expect(wantsLoadBalancer(aCluster(given), nodes, 'aws')).toBe(expected);
  });
});

describe('behind it', () => {
  it.each<[string, readonly string[], Partial<Node>]>([
    ['is a worker that has joined', ['i-1'], {}],
    ['is also one that is not ready: the health check knows', ['i-1'], { phase: 'joining' }],
    ['is nobody who has not joined yet', [], { joinedAt: undefined as never, phase: 'booting' }],
    ['is no control plane', [], { role: 'control-plane' }],
    ['is nobody who is to go', [], { desired: 'absent' }],
    ['is nobody who was given up', [], { failure: { reason: 'kubeadm join failed' } }],
    ['is nobody without a machine', [], { providerId: undefined as never }],
    ['is nobody of another cloud', [], { cloud: 'azure' }],
  ])('%s', (_who, expected, given) => {
    const members = loadBalancerMembers(cluster, [worker(given)], 'aws');
    expect(members.map(({ providerId }) => providerId)).toEqual(expected);
  });
});

describe('the plan', () => {
  it('takes HTTP and HTTPS to the same ports of the workers, and asks the ingress controller whether it is ready', () => {
    const node = worker({ number: 7 });
    expect(planLoadBalancer({ cluster, cloud: 'aws', installation: 'home', network, nodes: [node] })).toEqual(
      {
        owner: { installation: 'home', clusterId: cluster.id },
        clusterName: 'four-clouds',
        location: { region: 'us-east-1', zone: 'us-east-1a' },
        network,
        listeners: [
          { port: 80, targetPort: 80 },
          { port: 443, targetPort: 443 },
        ],
        healthCheck: {
          port: 8081,
          path: '/nginx-ready',
          intervalSeconds: 10,
          timeoutSeconds: 5,
          unhealthyAfter: 2,
          healthyAfter: 2,
        },
        members: [
          {
            providerId: 'i-1',
            nodeId: node.id,
            name: 'four-clouds-7',
            location: { region: 'us-east-1', zone: 'us-east-1a' },
          },
        ],
      },
    );
  });
});

describe('a look at a cloud', () => {
  const expected = (given: Partial<Cluster>, parts: Partial<CloudParts>) =>
    expectedLoadBalancer({
      cluster: aCluster({ id: cluster.id, ...given }),
      nodes: [worker()],
      stands: { clusterId: cluster.id, cloud: 'aws', ...parts },
      installation: 'home',
    });

  it('holds one that was recorded against the plan, by the ids that it had', () => {
    expect(expected(asked, { network, loadBalancer })).toMatchObject({
      loadBalancer: { known: { arn: 'it' }, members: [{ providerId: 'i-1' }] },
    });
  });
  it('says nothing of one that is still being built', () => {
    expect(expected(asked, { network })).toEqual({});
    expect(expected(asked, {})).toEqual({});
  });
  it('expects none where none is wanted, whatever was recorded', () => {
    expect(expected({}, { network, loadBalancer })).toEqual({ loadBalancer: 'none' });
  });
});
