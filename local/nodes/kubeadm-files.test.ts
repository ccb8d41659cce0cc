import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  filesForControlPlaneJoin,
  filesForInit,
  filesForWorkerJoin,
} from '../../shared/kubernetes/node-files.ts';
import { createClusterPki, type ClusterPki } from '../../shared/kubernetes/pki/cluster-pki.ts';
import {
  issueAdminCredential,
  issueBootstrapCredential,
} from '../../shared/kubernetes/pki/issue-credentials.ts';
import type { KubeadmCluster, KubeadmNode } from '../../shared/planning/kubeadm-config.ts';
import type { MachineFiles } from './kubeadm-failed.ts';
import { planKubeadm, type KubeadmMachine } from './kubeadm-files.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const now = '2026-11-23T04:00:00.000Z';
const cluster: KubeadmCluster = {
  id: clusterId,
  name: 'four-clouds',
  kubernetesVersion: 'stable-1.36',
  podRange: '10.217.0.0/16',
  etcd: { heartbeatMilliseconds: 250, electionMilliseconds: 2500 },
  controlPlanesRunWork: false,
};
const node = (role: KubeadmNode['role']): KubeadmNode => ({
  name: 'four-clouds-7',
  role,
  overlayAddress: '10.4.0.7',
  labels: { 'topology.kubernetes.io/zone': 'us-east-1a', 'topology.overcast.dev/csp': 'aws' },
  providerId: 'aws:///us-east-1a/i-0abc',
  taints: [],
  reserved: { cpuMillis: 70, memoryBytes: 2 ** 30 },
});
const config = '/etc/overcast/kubeadm.yaml';

type Kind = 'init' | 'join a control plane' | 'join a worker';
let given: Record<Kind, Record<string, string>>;
let other: ClusterPki;
beforeAll(async () => {
  const pki = await createClusterPki({ clusterId, now, randomBytes });
  other = await createClusterPki({ clusterId, now, randomBytes });
  const issuer = { authority: pki.cluster, now, randomBytes };
  const bootstrap = await issueBootstrapCredential(issuer, 'four-clouds-7');
  const byPath = (files: readonly { path: string; content: string }[]): Record<string, string> =>
    Object.fromEntries(files.map(({ path, content }) => [path, content]));
  const worker = (credential: typeof bootstrap): Record<string, string> =>
    byPath(
      filesForWorkerJoin({
        cluster,
        node: node('worker'),
        caCertificatePem: pki.cluster.certificatePem,
        bootstrap: credential,
      }),
    );
  given = {
    init: byPath(filesForInit({ cluster, node: node('control-plane'), pki })),
    'join a control plane': byPath(
      filesForControlPlaneJoin({ cluster, node: node('control-plane'), pki, bootstrap }),
    ),
    'join a worker': worker(bootstrap),
  };
  credentials = {
    ofAnotherNode: worker(await issueBootstrapCredential(issuer, 'four-clouds-8')),
    ofAnAdministrator: worker(await issueAdminCredential(issuer, 'ada')),
    ofAnotherCluster: worker(
      await issueBootstrapCredential({ ...issuer, authority: other.cluster }, 'four-clouds-7'),
    ),
  };
});
let credentials: Record<'ofAnotherNode' | 'ofAnAdministrator' | 'ofAnotherCluster', Record<string, string>>;

const plan = (kind: Kind, files: MachineFiles, machine: Partial<KubeadmMachine> = {}): unknown =>
  planKubeadm(kind === 'init' ? 'init' : 'join', {
    clusterId,
    role: kind === 'join a worker' ? 'worker' : 'control-plane',
    overlayAddress: '10.4.0.7',
    kubernetes: 'v1.36.4',
    now: Date.parse(now) + 60_000,
    files,
    ...machine,
  });

const without = (files: MachineFiles, path: string): MachineFiles =>
  Object.fromEntries(Object.entries(files).filter(([each]) => each !== path));
const changed = (files: MachineFiles, path: string, from: string | RegExp, to: string): MachineFiles => {
  const text = files[path] ?? '';
  const replaced = text.replace(from, to);
  expect(replaced, `${path} has ${String(from)}`).not.toBe(text);
  return { ...files, [path]: replaced };
};

describe('the simulated kubeadm', () => {
  it.each<Kind>(['init', 'join a control plane', 'join a worker'])(
    'takes what the platform gives a machine to %s',
    (kind) => {
      expect(plan(kind, given[kind])).toMatchObject({
        node: {
          name: 'four-clouds-7',
          address: '10.4.0.7',
          providerId: 'aws:///us-east-1a/i-0abc',
          labels: { 'topology.kubernetes.io/zone': 'us-east-1a', 'topology.overcast.dev/csp': 'aws' },
          taints:
            kind === 'join a worker'
              ? []
              : [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
          kubeReserved: { cpuMillis: 70, memoryBytes: 2 ** 30 },
        },
      });
    },
  );

  it('pins a minor to the patch that is installed', () => {
    expect(plan('init', given.init)).toMatchObject({ cluster: { kubernetesVersion: 'v1.36.4' } });
  });

  const ca = '/etc/kubernetes/pki/ca';
  it.each<[string, Kind, (files: MachineFiles) => MachineFiles, RegExp]>([
    ['no configuration', 'init', (f) => without(f, config), /kubeadm\.yaml: no such file/],
    [
      'an older API',
      'init',
      (f) => changed(f, config, 'v1beta4', 'v1beta3'),
      /no kind "InitConfiguration".*v1beta3/,
    ],
    [
      'an unknown field',
      'init',
      (f) => changed(f, config, '"criSocket"', '"criSockets"'),
      /strict decoding error.*criSockets/,
    ],
    [
      'a number where v1beta4 has text',
      'init',
      (f) => changed(f, config, '"value": "100"', '"value": 100'),
      /strict decoding error/,
    ],
    [
      'a reserve of something that no kubelet knows',
      'init',
      (f) => changed(f, config, 'cpu=70m', 'cores=70m'),
      /--kube-reserved: cannot reserve "cores"/,
    ],
    [
      'a reserve that is no quantity',
      'init',
      (f) => changed(f, config, 'memory=1024Mi', 'memory=1024MB'),
      /--kube-reserved: invalid value/,
    ],
    [
      'another endpoint',
      'init',
      (f) => changed(f, config, '.overcast.internal', '.example.com'),
      /no such host/,
    ],
    [
      'another minor',
      'init',
      (f) => changed(f, config, 'stable-1.36', 'stable-1.37'),
      /only supports.*v1\.36\.4.*stable-1\.37/,
    ],
    [
      'another machine’s address',
      'init',
      (f) => changed(f, config, '"advertiseAddress": "10.4.0.7"', '"advertiseAddress": "10.4.0.8"'),
      /cannot assign requested address/,
    ],
    [
      'another machine’s node-ip',
      'join a worker',
      (f) => changed(f, config, '10.4.0.7', '10.4.0.8'),
      /not found in the host's network interfaces/,
    ],
    [
      'a label that no kubelet may set',
      'join a worker',
      (f) => changed(f, config, 'topology.overcast.dev/csp', 'node-role.kubernetes.io/worker'),
      /unknown 'kubernetes.io'/,
    ],
    ['no authority', 'init', (f) => without(f, `${ca}.crt`), /ca\.crt: no such file/],
    [
      'no key of an authority',
      'join a control plane',
      (f) => without(f, '/etc/kubernetes/pki/etcd/ca.key'),
      /etcd\/ca\.key: no such file/,
    ],
    [
      'no key for service accounts',
      'init',
      (f) => without(f, '/etc/kubernetes/pki/sa.key'),
      /sa\.key: no such file/,
    ],
    [
      'another authority’s key',
      'init',
      (f) => ({ ...f, [`${ca}.key`]: other.cluster.privateKey.reveal() }),
      /do not belong together/,
    ],
    [
      'a leaf for an authority',
      'init',
      (f) => ({ ...f, [`${ca}.crt`]: 'nonsense' }),
      /does not contain any valid/,
    ],
    [
      'no encryption configuration',
      'init',
      (f) => without(f, '/etc/kubernetes/overcast/encryption.yaml'),
      /encryption\.yaml: no such file/,
    ],
    [
      'an authority on a worker',
      'join a worker',
      (f) => ({ ...f, [`${ca}.crt`]: 'x' }),
      /ca\.crt already exists/,
    ],
    [
      'no discovery file',
      'join a worker',
      (f) => without(f, '/etc/kubernetes/bootstrap.conf'),
      /bootstrap\.conf: no such file/,
    ],
    [
      'a worker’s files on a control plane',
      'join a control plane',
      () => given['join a worker'],
      /controlPlane on a control-plane/,
    ],
    [
      'a credential of another node',
      'join a worker',
      () => credentials.ofAnotherNode,
      /not this node's bootstrap credential/,
    ],
    [
      'an administrator’s credential',
      'join a worker',
      () => credentials.ofAnAdministrator,
      /not this node's bootstrap credential/,
    ],
    [
      'a credential of another cluster',
      'join a worker',
      () => credentials.ofAnotherCluster,
      /signed by unknown authority/,
    ],
  ])('refuses %s (%s)', (_what, kind, change, message) => {
    expect(() => plan(kind, change(given[kind]))).toThrow(message);
  });

  it('refuses a bootstrap credential whose half hour is over', () => {
    expect(() =>
      plan('join a worker', given['join a worker'], { now: Date.parse(now) + 31 * 60_000 }),
    ).toThrow(/has expired/);
  });
});
