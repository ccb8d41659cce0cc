import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { ClusterUnreachable, type ClusterApi } from '../../shared/runtime/cluster-access.ts';
import { aCluster } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { silentLog } from '../../test/builders/platform.ts';
import { onNodeReady } from './on-node-ready.ts';

const cluster = aCluster();
const worker = { name: 'four-clouds-7', labels: { zone: 'a' } };
const named = { name: 'four-clouds-8', labels: { 'node-role.kubernetes.io/worker': '' } };
/** It has registered, and its kubeadm is not yet at the step that marks it. */
const unmarked = { name: 'four-clouds-2', labels: { zone: 'b' } };
const controlPlane = { name: 'four-clouds-1', labels: { 'node-role.kubernetes.io/control-plane': '' } };

async function patchedIn(
  given: Partial<Cluster> = {},
  open: () => Promise<void> = async () => undefined,
): Promise<readonly string[]> {
  const patched: string[] = [];
  const api: Pick<ClusterApi, 'listMetadata' | 'patch'> = {
    listMetadata: async () => [controlPlane, unmarked, worker, named],
    patch: async (path) => {
      patched.push(path);
    },
  };
  await onNodeReady({
    store: {
      clusters: { get: async () => ({ ...cluster, ...given }) },
      nodes: {
        list: async () => [
          aNode({ clusterId: cluster.id, number: 1, role: 'control-plane' }),
          aNode({ clusterId: cluster.id, number: 2, role: 'control-plane' }),
          aNode({ clusterId: cluster.id, number: 7, role: 'worker' }),
          aNode({ clusterId: cluster.id, number: 8, role: 'worker' }),
        ],
      },
    } as never,
    access: async () => {
      await open();
      return api as ClusterApi;
    },
    log: silentLog,
  })({ detail: { clusterId: cluster.id, number: 7 } });
  return patched;
}

describe('a worker that is ready', () => {
  it('gets the role label that it lacks, and nobody else is touched: no control plane that still joins', async () => {
    expect(await patchedIn()).toEqual(['/api/v1/nodes/four-clouds-7']);
  });

  it('of a cluster that is yet to be configured waits for that', async () => {
    const unreachable = () => Promise.reject(new ClusterUnreachable('no credential yet'));
    expect(await patchedIn({}, unreachable)).toEqual([]);
  });

  it('of a cluster that goes needs no name', async () => {
    expect(await patchedIn({ desired: 'absent' })).toEqual([]);
  });

  it('whose cluster fails otherwise is tried again by whoever sent the event', async () => {
    await expect(patchedIn({}, () => Promise.reject(new Error('no memory')))).rejects.toThrow('no memory');
  });
});
