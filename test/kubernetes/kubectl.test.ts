import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startControllers, type Controllers } from '../../local/nodes/kubernetes/controllers/index.ts';
import { startKubelet, type Kubelet } from '../../local/nodes/kubernetes/kubelet/index.ts';
import { listeningCluster, type ListeningCluster } from './listening-cluster.ts';

/** A second of the cluster in so many of ours. */
const speed = 50;
const run = promisify(execFile);
const isInstalled = spawnSync('kubectl', ['version', '--client']).status === 0;
const reason = 'kubectl is not installed; its requests are covered by api-server.test.ts, which always runs';

let folder: string;
let cluster: ListeningCluster;
let controllers: Controllers;
let kubelets: readonly Kubelet[] = [];

const kubectl = async (...words: readonly string[]): Promise<string> => {
  const environment = { ...process.env, HOME: folder, KUBECACHEDIR: join(folder, 'cache') };
  const options = { env: environment, timeout: 20_000 };
  const { stdout } = await run('kubectl', ['--kubeconfig', join(folder, 'config'), ...words], options);
  return stdout;
};
const columns = (line: string | undefined): readonly string[] =>
  (line ?? '').split(/\s{2,}/).map((each) => each.trim());

beforeAll(async () => {
  if (!isInstalled) return;
  folder = mkdtempSync(join(tmpdir(), 'kubectl-'));
  cluster = await listeningCluster(speed);
  const { objects, clock, authority } = cluster;
  const log = (): void => {};
  const names = ['cp-1', 'worker-1', 'worker-2'];
  for (const name of names) {
    const isControlPlane = name === 'cp-1';
    const taint = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };
    objects.create('nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        labels: {
          'kubernetes.io/hostname': name,
          'topology.overcast.dev/csp': 'aws',
          ...(isControlPlane ? { 'node-role.kubernetes.io/control-plane': '' } : {}),
        },
      },
      spec: isControlPlane ? { taints: [taint] } : {},
    });
  }
  controllers = startControllers({
    objects,
    clock,
    log,
    hooks: {
      isNodeAlive: () => true,
      authority: {
        certificatePem: authority.certificatePem,
        privateKeyPem: authority.privateKey.reveal(),
      },
    },
  });
  kubelets = names.map((name, index) =>
    startKubelet({
      objects,
      clock,
      log,
      node: {
        name,
        internalIp: `10.4.0.${index + 1}`,
        externalIp: `203.0.113.${index + 1}`,
        kubeletVersion: 'v1.36.2',
        osImage: 'Ubuntu 24.04.3 LTS',
        kernelVersion: '6.8.0-85-generic',
        containerRuntime: 'containerd://2.1.3',
        capacity: { cpu: 4, memoryKi: 16 * 2 ** 20, pods: 110 },
      },
    }),
  );
  const admin = await cluster.issue('alice', ['kubeadm:cluster-admins']);
  writeFileSync(join(folder, 'config'), cluster.kubeconfig(admin), { mode: 0o600 });
  writeFileSync(
    join(folder, 'web.yaml'),
    `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "nginx:1.29", ports: [{containerPort: 80}]}
`,
  );
});
afterAll(async () => {
  if (!isInstalled) return;
  for (const kubelet of kubelets) kubelet.stop();
  controllers.stop();
  await cluster.close();
  rmSync(folder, { recursive: true });
});

describe('kubectl', () => {
  beforeEach((context) => {
    context.skip(!isInstalled, reason);
  });

  it('get nodes -o wide lists every node', async () => {
    await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=15s');
    const [head, ...rows] = (await kubectl('get', 'nodes', '-o', 'wide')).trim().split('\n');
    expect(columns(head).slice(0, 3)).toEqual(['NAME', 'STATUS', 'ROLES']);
    expect(rows.map((row) => columns(row).filter((_, index) => index !== 3))).toEqual(
      ['cp-1', 'worker-1', 'worker-2'].map((name, index) => [
        name,
        'Ready',
        index === 0 ? 'control-plane' : '<none>',
        'v1.36.2',
        `10.4.0.${index + 1}`,
        `203.0.113.${index + 1}`,
        'Ubuntu 24.04.3 LTS',
        '6.8.0-85-generic',
        'containerd://2.1.3',
      ]),
    );
  });

  it('apply, rollout, scale, describe and logs', async () => {
    const file = join(folder, 'web.yaml');
    expect(await kubectl('apply', '-f', file)).toBe('deployment.apps/web created\n');
    expect(await kubectl('apply', '-f', file)).toBe('deployment.apps/web unchanged\n');
    expect(await kubectl('rollout', 'status', 'deployment/web', '--timeout=15s')).toContain('successfully');
    expect(await kubectl('apply', '--server-side', '--force-conflicts', '-f', file)).toContain('applied');
    await kubectl('scale', 'deployment/web', '--replicas=3');
    await kubectl('wait', '--for=jsonpath={.status.readyReplicas}=3', 'deployment/web', '--timeout=15s');
    expect(await kubectl('describe', 'deployment/web')).toContain('3 desired | 3 updated');
    expect(await kubectl('describe', 'node', 'worker-1')).toContain('Non-terminated Pods');
    expect(await kubectl('get', 'events')).toContain('ScalingReplicaSet');
    expect(await kubectl('logs', 'deployment/web')).toContain('simulated');
  });

  it('create, label, annotate, patch, explain and auth', async () => {
    await kubectl('create', 'namespace', 'team');
    await kubectl('create', 'deployment', 'hello', '--image=nginx', '-n', 'team');
    await kubectl('label', 'deployment', 'hello', 'tier=front', '-n', 'team');
    await kubectl('annotate', 'deployment', 'hello', 'note=x', '-n', 'team');
    await kubectl('patch', 'deployment', 'hello', '-n', 'team', '-p', '{"spec":{"paused":true}}');
    const paths = '{.metadata.labels.tier} {.metadata.annotations.note} {.spec.paused}';
    expect(await kubectl('get', 'deployment', 'hello', '-n', 'team', '-o', `jsonpath=${paths}`)).toBe(
      'front x true',
    );
    expect(await kubectl('explain', 'deployment.spec')).toContain('replicas\t<integer>');
    expect(await kubectl('auth', 'can-i', 'delete', 'nodes')).toBe('yes\n');
    expect(await kubectl('auth', 'whoami')).toContain('alice');
    await kubectl('delete', 'namespace', 'team', '--timeout=15s');
    await expect(kubectl('create', 'configmap', 'c', '-n', 'team')).rejects.toThrow('not found');
  });

  it('cordon, drain and uncordon', async () => {
    await kubectl('cordon', 'worker-1');
    expect(await kubectl('get', 'node', 'worker-1')).toContain('Ready,SchedulingDisabled');
    expect(await kubectl('drain', 'worker-1', '--timeout=15s')).toContain('node/worker-1 drained');
    const nodes = await kubectl('get', 'pods', '-o', 'jsonpath={.items[*].spec.nodeName}');
    expect(nodes).not.toContain('worker-1');
    await kubectl('uncordon', 'worker-1');
    await kubectl('delete', 'deployment', 'web', '--cascade=foreground', '--timeout=15s');
    expect(await kubectl('get', 'replicasets')).toBe('');
  });
});
