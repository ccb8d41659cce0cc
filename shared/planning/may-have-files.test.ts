import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Cluster } from '../domain/cluster.ts';
import type { Node } from '../domain/node.ts';
import { mayHaveFiles } from './may-have-files.ts';

const fresh = {};
const claimed: Partial<Cluster> = { initNode: 1, initAttempt: 1 };
const initialised: Partial<Cluster> = { ...claimed, initialisedAt: exampleTime };
const leased: Partial<Cluster> = { ...initialised, joinNode: 1, joinAttempt: 1 };
const controlPlane: Partial<Node> = { role: 'control-plane' };
const worker: Partial<Node> = { role: 'worker' };

describe('the files for kubeadm', () => {
  it.each<[string, Partial<Cluster>, Partial<Node>, string]>([
    ['a control plane with the claim', claimed, controlPlane, 'init'],
    ['a control plane without it', fresh, controlPlane, 'no claim'],
    ['a control plane while another has it', { initNode: 2, initAttempt: 1 }, controlPlane, 'no claim'],
    ['the next machine of the claim’s node', claimed, { ...controlPlane, attempt: 2 }, 'no claim'],
    ['a worker before there is anything to join', claimed, worker, 'no claim'],
    ['a worker with the claim’s number', { initNode: 1, initAttempt: 1 }, worker, 'no claim'],
    ['the claimant once it is initialised', initialised, controlPlane, 'no lease'],
    ['a control plane with the lease', leased, controlPlane, 'join-control-plane'],
    ['a control plane while another has it', { ...leased, joinNode: 2 }, controlPlane, 'no lease'],
    ['the next machine of the lease’s node', leased, { ...controlPlane, attempt: 2 }, 'no lease'],
    [
      'a control plane with a lease, but nothing to join',
      { joinNode: 1, joinAttempt: 1 },
      controlPlane,
      'no claim',
    ],
    ['a worker once it is initialised', initialised, worker, 'join-worker'],
    ['a worker that has joined', initialised, { ...worker, joinedAt: exampleTime }, 'joined'],
    ['a control plane that has joined', leased, { ...controlPlane, joinedAt: exampleTime }, 'joined'],
    ['the claimant that reported its end', claimed, { ...controlPlane, joinedAt: exampleTime }, 'joined'],
    ['a worker that failed', initialised, { ...worker, failure: { reason: 'kubeadm' } }, 'given up'],
    ['a claimant that failed', claimed, { ...controlPlane, failure: { reason: 'kubeadm' } }, 'given up'],
    ['a node that was given up', initialised, { ...worker, phase: 'failed' }, 'given up'],
    ['a worker that is to go', initialised, { ...worker, desired: 'absent' }, 'to go'],
    ['a control plane that is to go', leased, { ...controlPlane, desired: 'absent' }, 'to go'],
    ['a worker of a cluster that goes', { ...initialised, desired: 'absent' }, worker, 'being deleted'],
    ['a claimant of a cluster that goes', { ...claimed, desired: 'absent' }, controlPlane, 'being deleted'],
  ])('%s', (_who, cluster, node, expected) => {
    const given = aCluster(cluster);
    const verdict = mayHaveFiles({
      cluster: given,
      node: aNode({ clusterId: given.id, number: 1, attempt: 1, phase: 'booting', ...node }),
    });
    const words: Record<string, string> = {
      'no claim': 'the machine does not hold the claim to init',
      'no lease': 'the machine does not hold the lease to join',
      joined: 'the machine has joined',
      'given up': 'the machine was given up',
      'to go': 'the node is to go',
      'being deleted': 'the cluster is being deleted',
    };
    const refused = words[expected];
    expect(verdict).toEqual(refused === undefined ? { give: expected } : { refused });
  });
});
