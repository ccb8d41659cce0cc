import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  filesForControlPlaneJoin,
  filesForInit,
  filesForRestore,
  filesForWorkerJoin,
} from '../../shared/kubernetes/node-files.ts';
import { createClusterPki, type ClusterPki } from '../../shared/kubernetes/pki/cluster-pki.ts';
import { issueBootstrapCredential } from '../../shared/kubernetes/pki/issue-credentials.ts';
import type { KubeadmCluster, KubeadmNode } from '../../shared/planning/kubeadm-config.ts';
import { openDisk, type Disk } from '../disk.ts';
import { runKubeadm, type NodeOnDisk } from './kubeadm.ts';
import { KubeadmFailed } from './kubeadm-failed.ts';
import { createClusters, type Clusters, type StoredObjects } from './kubernetes/clusters.ts';
import { openMachineNode, type MachineNode } from './machine-node.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const now = new Date().toISOString();
const cluster: KubeadmCluster = {
  id: clusterId,
  name: 'four-clouds',
  kubernetesVersion: 'stable-1.36',
  podRange: '10.217.0.0/16',
  etcd: { heartbeatMilliseconds: 250, electionMilliseconds: 2500 },
  controlPlanesRunWork: false,
};
const timeScale = 1000;
const scaled = (seconds: number): number => (seconds * 1000) / timeScale;

/** A machine as far as kubeadm and what it starts are concerned. */
interface TestMachine {
  readonly node: MachineNode;
  readonly made: () => NodeOnDisk;
  run(verb: 'init' | 'join' | 'restore', endpoints: readonly number[]): Promise<void>;
}

describe('machines that become a cluster', () => {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-kubeadm-'));
  let pki: ClusterPki;
  let disk: Disk;
  let clusters: Clusters;
  const open = (): void => {
    disk = openDisk({ folder, name: 'machines' });
    clusters = createClusters({ disk, clock: { now: () => Date.now(), scaled }, log: () => {} });
  };
  const close = async (): Promise<void> => {
    await clusters.close();
    disk.close();
  };
  beforeAll(async () => {
    pki = await createClusterPki({ clusterId, now, randomBytes });
    open();
  });
  afterAll(async () => {
    await close();
    rmSync(folder, { recursive: true });
  });

  async function machine(
    number: number,
    role: KubeadmNode['role'],
    options: {
      peers?: readonly number[];
      before?: NodeOnDisk;
      held?: StoredObjects;
      endpoints?: readonly string[];
    } = {},
  ): Promise<TestMachine> {
    const overlayAddress = `10.4.0.${number}`;
    const name = `four-clouds-${number}`;
    const description: KubeadmNode = {
      name,
      role,
      overlayAddress,
      labels: { 'topology.overcast.dev/csp': 'aws' },
      taints: [],
      reserved: { cpuMillis: 70, memoryBytes: 2 ** 30 },
    };
    const bootstrap = await issueBootstrapCredential({ authority: pki.cluster, now, randomBytes }, name);
    const given = {
      init: () => filesForInit({ cluster, node: description, pki }),
      restore: () => filesForRestore({ cluster, node: description, pki, snapshotUrl: 'https://bucket/' }),
      join: () =>
        role === 'control-plane'
          ? filesForControlPlaneJoin({ cluster, node: description, pki, bootstrap })
          : filesForWorkerJoin({
              cluster,
              node: description,
              caCertificatePem: pki.cluster.certificatePem,
              bootstrap,
            }),
    };
    let endpoints: readonly string[] = options.endpoints ?? [overlayAddress];
    let { before: made } = options;
    const node = openMachineNode({
      clusters,
      clusterId,
      key: `aws/${name}@1`,
      overlayAddress,
      publicAddress: () => `203.0.113.${number}`,
      hardware: { vcpus: 2, memoryGib: 4, architecture: 'amd64' },
      peers: () => (options.peers ?? [1, 2, 3]).map((each) => `10.4.0.${each}`),
      endpoints: () => endpoints,
    });
    return {
      node,
      made: () => {
        if (made === undefined) throw new Error(`${name} is no node yet`);
        return made;
      },
      run: (verb, numbers) => {
        endpoints = numbers.map((each) => `10.4.0.${each}`);
        return runKubeadm(verb, {
          machine: {
            clusterId,
            role,
            overlayAddress,
            kubernetes: 'v1.36.4',
            now: Date.now(),
            files: Object.fromEntries(given[verb]().map(({ path, content }) => [path, content])),
          },
          key: `aws/${name}@1`,
          clusters,
          resumed: made,
          connect: node.connect,
          sleep: (seconds) => delay(scaled(seconds)),
          become: (become) => {
            made = become;
            node.start(become);
          },
          nodeObject: node.nodeObject,
          snapshot: async () => {
            if (options.held === undefined) throw new KubeadmFailed('the download was refused: 403');
            return options.held;
          },
        });
      },
    };
  }

  const untilReady = async ({ node, made }: TestMachine): Promise<void> => {
    for (const deadline = Date.now() + 20_000; !(await node.isReady(made())); await delay(20))
      if (Date.now() > deadline) throw new Error('the node is not ready');
  };
  const stored = (): number => disk.collection(`objects/${clusterId}`).size;

  let first: TestMachine;
  let second: TestMachine;
  let worker: TestMachine;

  it('the first by init, the others by join over TLS, each Ready', async () => {
    first = await machine(1, 'control-plane');
    await first.run('init', [1]);
    second = await machine(2, 'control-plane');
    await second.run('join', [1]);
    worker = await machine(3, 'worker');
    await worker.run('join', [1, 2]);
    await Promise.all([first, second, worker].map(untilReady));
  });

  it('no second time: a cluster has one etcd', async () => {
    const again = await machine(2, 'control-plane');
    await expect(again.run('init', [2])).rejects.toThrow(/though the cluster lives on/);
  });

  it('not without a way there: neither side may be without the other in its WireGuard', async () => {
    const lost = await machine(4, 'worker', { peers: [1, 2] });
    // The control planes know 1 to 3 alone.
    await expect(lost.run('join', [1, 2])).rejects.toThrow(/API server: 0 .*no route to host/);
  });

  const nodesOf = async (at: TestMachine): Promise<{ status: number; body: unknown }> => {
    const { caCertificatePem, kubelet, registration } = at.made();
    const api = at.node.connect(caCertificatePem, kubelet);
    const answer = await api.call('GET', `/api/v1/nodes/${registration.name}`);
    api.close();
    return answer;
  };

  it('answers nothing and changes nothing without a quorum: one of two is none', async () => {
    first.node.stop();
    const versionOf = () => clusters.objects(clusterId)?.resourceVersion;
    const before = versionOf();
    expect(await nodesOf(worker)).toMatchObject({
      status: 500,
      body: { kind: 'Status', message: 'etcdserver: request timed out' },
    });
    const { caCertificatePem, kubelet } = worker.made();
    const api = worker.node.connect(caCertificatePem, kubelet);
    expect((await api.call('GET', '/readyz')).status).toBe(500);
    api.close();
    // No kubelet reports and no controller decides; nobody is taken in, and nobody struck off.
    await delay(300);
    expect(versionOf()).toBe(before);
    const member = { machine: 'aws/four-clouds-9@1', overlayAddress: '10.4.0.9' };
    expect(clusters.addMember(clusterId, member)).toBe(false);
    expect(clusters.removeMember(clusterId, '10.4.0.1')).toBe(false);
    first.node.start(first.made());
    await Promise.all([first, second, worker].map(untilReady));
  });

  it('lives on without a control plane that was struck off before it lost power', async () => {
    expect(clusters.removeMember(clusterId, '10.4.0.1')).toBe(true);
    expect(clusters.removeMember(clusterId, '10.4.0.1')).toBe(true);
    expect(clusters.lead('203.0.113.1')).toBeTypeOf('function');
    first.node.stop();
    expect(clusters.lead('203.0.113.1')).toBeUndefined();
    expect(clusters.lead('203.0.113.2')).toBeTypeOf('function');
    await untilReady(worker);
    // The last one is never struck off.
    clusters.removeMember(clusterId, '10.4.0.2');
    await untilReady(worker);
  });

  it('is there again after the platform was stopped and started', async () => {
    const known = stored();
    for (const each of [second, worker]) each.node.stop();
    await close();
    open();
    expect(stored()).toBeGreaterThanOrEqual(known - 1);
    const disks = [second.made(), worker.made()] as const;
    second = await machine(2, 'control-plane', { before: disks[0] });
    worker = await machine(3, 'worker', { before: disks[1] });
    second.node.start(disks[0]);
    // What was cut off in kubeadm goes on, and finds its Node.
    await worker.run('join', [2]);
    await Promise.all([second, worker].map(untilReady));
  });

  it('begins again elsewhere from what it held, only once no other disk holds it, and watchers begin anew', async () => {
    const held = clusters.dump(clusterId);
    const before = clusters.objects(clusterId)?.resourceVersion ?? 0;
    const other = await machine(1, 'control-plane', { held });
    await expect(other.run('restore', [1])).rejects.toThrow(
      /etcd is restored on aws\/four-clouds-1@1, though the cluster lives on .*four-clouds-2@1/,
    );
    second.node.stop();
    for (const number of [1, 2]) clusters.forget(`aws/four-clouds-${number}@1`);
    expect(clusters.objects(clusterId)).toBeUndefined();

    const refused = await machine(1, 'control-plane');
    await expect(refused.run('restore', [1])).rejects.toThrow(/the download was refused: 403/);
    const restored = await machine(1, 'control-plane', {
      held: held.filter(([key]) => key !== 'nodes//four-clouds-3'),
    });
    await restored.run('restore', [1]);
    await untilReady(restored);
    expect(clusters.objects(clusterId)?.resourceVersion).toBeGreaterThan(before + 1_000_000_000);
    expect(clusters.objects(clusterId)?.get('nodes', 'four-clouds-2')).toBeDefined();
    expect(clusters.objects(clusterId)?.get('configmaps', 'kubeadm-config', 'kube-system')).toBeDefined();

    // The worker came after the snapshot: it is known again once its kubelet starts anew.
    worker = await machine(3, 'worker', { before: worker.made(), endpoints: ['10.4.0.1'] });
    worker.node.start(worker.made());
    expect((await nodesOf(worker)).status).toBe(404);
    expect(await worker.node.registerAgain(worker.made())).toBe(true);
    await untilReady(worker);
    expect(await worker.node.registerAgain(worker.made())).toBe(true);
    restored.node.stop();
    expect(await worker.node.registerAgain(worker.made())).toBe(false);
  });

  it('is forgotten with the last disk that etcd was on', () => {
    expect(stored()).toBeGreaterThan(0);
    clusters.forget('aws/four-clouds-1@1');
    expect(stored()).toBe(0);
    expect(clusters.objects(clusterId)).toBeUndefined();
    expect(clusters.lead('203.0.113.1')).toBeUndefined();
  });
});
