import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { discoveryKubeconfig } from './kubeadm-config-discovery.ts';
import { renderDocuments } from './kubeadm-config-documents.ts';
import { kubernetesProviderId, type MachineIdentity } from './kubeadm-config-provider-id.ts';
import { accessBindings, auditPolicy, encryptionConfiguration } from './kubeadm-config-security.ts';
import { initDocuments, joinDocuments, type KubeadmCluster, type KubeadmNode } from './kubeadm-config.ts';
import { taintsOf } from './node-labels.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const cluster: KubeadmCluster = {
  id: clusterId,
  name: 'four-clouds',
  kubernetesVersion: 'stable-1.36',
  podRange: '10.217.0.0/16',
  etcd: { heartbeatMilliseconds: 250, electionMilliseconds: 2500 },
  controlPlanesRunWork: false,
};
const controlPlane: KubeadmNode = {
  name: 'four-clouds-1',
  role: 'control-plane',
  overlayAddress: '10.4.0.1',
  labels: { 'topology.kubernetes.io/region': 'us-east-1', 'topology.overcast.dev/csp': 'aws' },
  taints: [],
  reserved: { cpuMillis: 80, memoryBytes: 1844 * 2 ** 20 },
  providerId: 'aws:///us-east-1a/i-0abc',
};
const { providerId: _none, ...withoutProviderId } = controlPlane;
const worker: KubeadmNode = {
  ...withoutProviderId,
  name: 'four-clouds-7',
  role: 'worker',
  overlayAddress: '10.4.0.7',
};

describe('kubeadm init', () => {
  it('is told this', () => {
    expect(loadAll(renderDocuments(initDocuments(cluster, controlPlane)))).toEqual(
      loadAll(`
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{ ttl: 1s }]
localAPIEndpoint: { advertiseAddress: 10.4.0.1, bindPort: 6443 }
nodeRegistration:
  name: four-clouds-1
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  taints: [{ key: node-role.kubernetes.io/control-plane, effect: NoSchedule }]
  kubeletExtraArgs:
    - { name: node-ip, value: 10.4.0.1 }
    - { name: provider-id, value: "aws:///us-east-1a/i-0abc" }
    - { name: node-labels, value: "topology.kubernetes.io/region=us-east-1,topology.overcast.dev/csp=aws" }
    - { name: kube-reserved, value: "cpu=80m,memory=1844Mi" }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: four-clouds
kubernetesVersion: stable-1.36
controlPlaneEndpoint: ${clusterId}.overcast.internal:6443
encryptionAlgorithm: ECDSA-P256
networking: { podSubnet: 10.217.0.0/16, serviceSubnet: 10.96.0.0/12, dnsDomain: cluster.local }
proxy: { disabled: true }
apiServer:
  certSANs: [127.0.0.1, localhost]
  extraArgs:
    - { name: encryption-provider-config, value: /etc/kubernetes/overcast/encryption.yaml }
    - { name: audit-policy-file, value: /etc/kubernetes/overcast/audit-policy.yaml }
    - { name: audit-log-path, value: /var/log/kubernetes/audit/audit.log }
    - { name: audit-log-maxage, value: "7" }
    - { name: audit-log-maxbackup, value: "4" }
    - { name: audit-log-maxsize, value: "100" }
    - { name: profiling, value: "false" }
  extraVolumes:
    - { name: overcast, hostPath: /etc/kubernetes/overcast, mountPath: /etc/kubernetes/overcast, readOnly: true, pathType: Directory }
    - { name: audit, hostPath: /var/log/kubernetes/audit, mountPath: /var/log/kubernetes/audit, readOnly: false, pathType: DirectoryOrCreate }
etcd:
  local:
    dataDir: /var/lib/etcd
    extraArgs:
      - { name: heartbeat-interval, value: "250" }
      - { name: election-timeout, value: "2500" }
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
rotateCertificates: true
seccompDefault: true
maxPods: 110
shutdownGracePeriod: 25s
shutdownGracePeriodCriticalPods: 10s
`),
    );
  });

  it('has every argument’s value as text: v1beta4 takes no numbers there', () => {
    const [init, configuration] = initDocuments(cluster, controlPlane);
    const values = [
      ...init.nodeRegistration.kubeletExtraArgs,
      ...configuration.apiServer.extraArgs,
      ...configuration.etcd.local.extraArgs,
    ].map(({ value }) => typeof value);
    expect(new Set(values)).toEqual(new Set(['string']));
  });

  it('lets the API server’s certificate have the API’s name in DNS, where there is one', () => {
    const [, configuration] = initDocuments({ ...cluster, apiName: 'api.demo.example.org' }, controlPlane);
    expect(configuration.apiServer.certSANs).toEqual(['127.0.0.1', 'localhost', 'api.demo.example.org']);
  });

  it('keeps what may be taken away for pods that tolerate it', () => {
    const taints = taintsOf({ lifecycle: 'spot' });
    expect(joinDocuments(cluster, { ...worker, taints })[0].nodeRegistration.taints).toEqual([
      { key: 'scheduling.overcast.dev/spot', value: 'true', effect: 'NoSchedule' },
    ]);
  });

  it('leaves the taint off where there are no workers: an empty list, since none would mean kubeadm’s own', () => {
    const [init] = initDocuments({ ...cluster, controlPlanesRunWork: true }, controlPlane);
    expect(init.nodeRegistration.taints).toEqual([]);
  });
});

describe('kubeadm join', () => {
  it('of a control plane is told this', () => {
    expect(loadAll(renderDocuments(joinDocuments(cluster, controlPlane)))).toEqual(
      loadAll(`
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery: { file: { kubeConfigPath: /etc/kubernetes/bootstrap.conf } }
nodeRegistration:
  name: four-clouds-1
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  taints: [{ key: node-role.kubernetes.io/control-plane, effect: NoSchedule }]
  kubeletExtraArgs:
    - { name: node-ip, value: 10.4.0.1 }
    - { name: provider-id, value: "aws:///us-east-1a/i-0abc" }
    - { name: node-labels, value: "topology.kubernetes.io/region=us-east-1,topology.overcast.dev/csp=aws" }
    - { name: kube-reserved, value: "cpu=80m,memory=1844Mi" }
controlPlane: { localAPIEndpoint: { advertiseAddress: 10.4.0.1, bindPort: 6443 } }
`),
    );
  });

  it('of a worker whose machine could not tell its provider id is told this', () => {
    expect(loadAll(renderDocuments(joinDocuments(cluster, worker)))).toEqual(
      loadAll(`
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery: { file: { kubeConfigPath: /etc/kubernetes/bootstrap.conf } }
nodeRegistration:
  name: four-clouds-7
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  taints: []
  kubeletExtraArgs:
    - { name: node-ip, value: 10.4.0.7 }
    - { name: node-labels, value: "topology.kubernetes.io/region=us-east-1,topology.overcast.dev/csp=aws" }
    - { name: kube-reserved, value: "cpu=80m,memory=1844Mi" }
`),
    );
  });
});

describe('a provider id', () => {
  it.each<[MachineIdentity, string]>([
    [{ cloud: 'aws', zone: 'us-east-1a', instanceId: 'i-0abc' }, 'aws:///us-east-1a/i-0abc'],
    [
      { cloud: 'gcp', project: 'acme', zone: 'us-east4-a', name: 'four-clouds-2' },
      'gce://acme/us-east4-a/four-clouds-2',
    ],
    [
      { cloud: 'azure', subscriptionId: '0000', resourceGroup: 'Overcast-6F1B', name: 'four-clouds-3' },
      'azure:///subscriptions/0000/resourceGroups/overcast-6f1b/providers/Microsoft.Compute/virtualMachines/four-clouds-3',
    ],
    [{ cloud: 'digitalocean', dropletId: '12345' }, 'digitalocean://12345'],
  ])('of %j is %s', (machine, id) => {
    expect(kubernetesProviderId(machine)).toBe(id);
  });
});

describe('discovery', () => {
  it('names whom to trust, where, and as whom', () => {
    const config = discoveryKubeconfig(clusterId, {
      caCertificatePem: 'CA',
      clientCertificatePem: 'CERTIFICATE',
      clientKeyPem: 'KEY',
    });
    expect(loadAll(renderDocuments([config]))).toEqual(
      loadAll(`
apiVersion: v1
kind: Config
clusters:
  - name: overcast
    cluster:
      server: https://${clusterId}.overcast.internal:6443
      certificate-authority-data: ${btoa('CA')}
users:
  - name: bootstrap
    user: { client-certificate-data: ${btoa('CERTIFICATE')}, client-key-data: ${btoa('KEY')} }
contexts:
  - { name: bootstrap, context: { cluster: overcast, user: bootstrap } }
current-context: bootstrap
`),
    );
  });
});

describe('an API server', () => {
  it('encrypts Secrets before it stores them, and reads what is not', () => {
    expect(loadAll(renderDocuments([encryptionConfiguration({ name: 'key1', secret: 'c2VjcmV0' })]))).toEqual(
      loadAll(`
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - secretbox: { keys: [{ name: key1, secret: c2VjcmV0 }] }
      - identity: {}
`),
    );
  });

  /** The level of the first rule that fits, as the API server reads a policy. */
  const levelOf = (request: {
    readonly user: string;
    readonly group?: string;
    readonly verb: string;
    readonly resource: string;
  }): string | undefined =>
    auditPolicy().rules.find(
      (rule) =>
        rule.nonResourceURLs === undefined &&
        (rule.verbs === undefined || rule.verbs.includes(request.verb)) &&
        (rule.users === undefined || rule.users.includes(request.user)) &&
        (rule.userGroups === undefined || rule.userGroups.some((group) => group === request.group)) &&
        (rule.resources === undefined ||
          rule.resources.some(({ resources }) => resources.some((each) => each === request.resource))),
    )?.level;

  it.each([
    ['ada', undefined, 'create', 'deployments', 'Metadata'],
    ['ada', undefined, 'list', 'pods', 'Metadata'],
    ['ada', undefined, 'get', 'secrets', 'Metadata'],
    ['system:node:four-clouds-7', 'system:nodes', 'get', 'secrets', 'Metadata'],
    ['system:node:four-clouds-7', 'system:nodes', 'patch', 'nodes', 'Metadata'],
    ['system:node:four-clouds-7', 'system:nodes', 'watch', 'pods', 'None'],
    ['system:node:four-clouds-7', 'system:nodes', 'update', 'leases', 'None'],
    ['system:kube-scheduler', undefined, 'watch', 'pods', 'None'],
    ['system:kube-scheduler', undefined, 'create', 'pods/binding', 'Metadata'],
  ] as const)('notes of %s (%s) who %ss %s: %s', (user, group, verb, resource, level) => {
    expect(levelOf({ user, ...(group !== undefined && { group }), verb, resource })).toBe(level);
  });

  it('never notes a body: it may hold a secret', () => {
    expect(JSON.stringify(auditPolicy())).not.toMatch(/"Request(?:Response)?"/);
  });

  it('lets the issued groups in, and never through system:masters', () => {
    expect(accessBindings().map(({ kind, metadata }) => [kind, metadata])).toEqual([
      ['ClusterRoleBinding', { name: 'overcast:admins' }],
      ['ClusterRoleBinding', { name: 'overcast:platform' }],
    ]);
    expect(JSON.stringify(accessBindings())).not.toContain('system:masters');
  });
});
