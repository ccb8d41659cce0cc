import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import type { Cluster, CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import type { Node } from '../domain/node.ts';
import { clusterStatus, repairAttemptsMax } from './cluster-status.ts';

const node = (given: Partial<Node> = {}): Node => aNode({ clusterId: 'c', phase: 'ready', ...given });
const provisioned = { provisionedGeneration: 1 };
const finding = (kind: Finding['kind']): Finding => ({
  clusterId: 'c',
  cloud: 'aws',
  fingerprint: 'f',
  kind,
  subject: 'node 1',
  message: 'node 1 is lost',
  remedy: 'none',
  seenAt: exampleTime,
});
const failedCloud: CloudParts = {
  clusterId: 'c',
  cloud: 'gcp',
  failure: { error: 'CredentialsRejected', message: 'no', at: exampleTime },
};
const failed = node({ number: 2, phase: 'failed', failure: { reason: 'QuotaExceeded in aws' } });

const status = (
  cluster: Partial<Cluster>,
  nodes: Node[],
  more: { parts?: CloudParts[]; findings?: Finding[] } = {},
): string => {
  const verdict = clusterStatus({ cluster: aCluster(cluster), nodes, parts: [], findings: [], ...more });
  return `${verdict.status}${verdict.reason === undefined ? '' : `: ${verdict.reason}`}`;
};

it('before it was ever ready says which node it waits for in vain', () => {
  const nodes = [node(), node({ number: 2, phase: 'joining' })];
  expect(status(provisioned, nodes, { findings: [finding('machine-missing')] })).toBe(
    'creating: node 1 is lost',
  );
});

describe('before it was ever ready, a cluster is', () => {
  it.each<[string, Partial<Cluster>, Node[]]>([
    ['ready', provisioned, [node(), node({ number: 2 })]],
    ['creating', {}, [node()]],
    ['creating', { ...provisioned, generation: 2 }, [node()]],
    ['creating', provisioned, [node(), node({ phase: 'joining' })]],
    ['creating', provisioned, []],
    ['creating', { ...provisioned, pendingPlan: { id: 'p', nodes: [], reason: 'more' } }, [node()]],
    ['ready', provisioned, [node(), node({ desired: 'absent', phase: 'deleting' })]],
    ['failed: node 2: QuotaExceeded in aws', provisioned, [node(), failed]],
    ['failed: node 2: QuotaExceeded in aws', {}, [failed]],
    ['creating', {}, [{ ...failed, desired: 'absent' }]],
  ])('%s', (expected, cluster, nodes) => {
    expect(status(cluster, nodes)).toBe(expected);
  });

  it('creating while a cloud refuses, with its reason; failed once the repair gave up', () => {
    const reason = 'gcp: CredentialsRejected: no';
    expect(status({}, [], { parts: [failedCloud] })).toBe(`creating: ${reason}`);
    const tried = { repairFingerprint: 'generation:1', repairAttempts: repairAttemptsMax };
    expect(status(tried, [], { parts: [failedCloud] })).toBe(`failed: ${reason}`);
    expect(status({ ...tried, generation: 2 }, [], { parts: [failedCloud] })).toBe(`creating: ${reason}`);
  });
});

describe('once it was ready, a cluster is', () => {
  const was = { ...provisioned, readyAt: exampleTime };
  const joining = node({ number: 3, phase: 'joining', offering: anOffering() });

  it.each<[string, Partial<Cluster>, Node[], Finding[]]>([
    ['ready', was, [node()], []],
    ['ready', { ...was, generation: 2 }, [node(), joining], []],
    ['degraded: node 2: QuotaExceeded in aws', was, [node(), failed], []],
    ['degraded: node 1 is lost', was, [node()], [finding('machine-missing')]],
    ['degraded: node 1 is lost', was, [node()], [finding('node-unresponsive')]],
    ['degraded: node 1 is lost', was, [node()], [finding('network-missing')]],
    ['ready', was, [node()], [finding('stray-machine'), finding('surplus-machine')]],
    ['ready', was, [node()], [finding('stranger')]],
    ['ready', was, [node()], [finding('cloud-unseen')]],
    ['ready', was, [node()], [finding('drain-held-up')]],
    ['ready', was, [node()], [finding('credential-due')]],
    ['deleting', { ...was, desired: 'absent' }, [node()], []],
    ['deleted', { ...was, status: 'deleted' }, [], []],
  ])('%s', (expected, cluster, nodes, findings) => {
    expect(status(cluster, nodes, { findings })).toBe(expected);
  });
});
