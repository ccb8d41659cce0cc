import { load } from 'js-yaml';
import { requestCertificate, signCertificate, type CertificatePair } from './certificates.ts';
import { KubeadmFailed } from './kubeadm-failed.ts';
import { checkSkew } from './kubeadm-upgrade.ts';
import {
  checkApiServerFiles,
  planKubeadm,
  type KubeadmMachine,
  type KubeadmPlan,
  type NodeRegistration,
} from './kubeadm-files.ts';
import { createKubeadmObjects } from './kubeadm-objects.ts';
import type { Clusters, Member, StoredObjects } from './kubernetes/clusters.ts';
import type { ApiAnswer, MachineApi } from './machine-api.ts';

/** What kubeadm has made of a machine; it lies on its disk. */
export interface NodeOnDisk {
  readonly registration: NodeRegistration;
  readonly caCertificatePem: string;
  readonly kubelet: CertificatePair;
  /** `v1.36.4` */
  readonly version: string;
  /** Of a control plane. */
  readonly controlPlane?: { readonly authority: CertificatePair; readonly serving: CertificatePair };
}

/** What the simulated kubeadm finds and does on its machine. */
export interface KubeadmSurroundings {
  readonly machine: KubeadmMachine;
  /** The machine's key: whose disk etcd lies on. */
  readonly key: string;
  readonly clusters: Clusters;
  /** The API by its name in /etc/hosts, as this client. */
  readonly connect: (caCertificatePem: string, client: CertificatePair) => MachineApi;
  /** Unscaled seconds. */
  readonly sleep: (seconds: number) => Promise<void>;
  /** What an earlier run that was cut off had made of the machine. */
  readonly resumed: NodeOnDisk | undefined;
  /** Keeps it on the disk, and starts what runs on such a machine: the API server, and the kubelet. */
  readonly become: (node: NodeOnDisk) => void;
  /** The Node as the kubelet registers it. */
  readonly nodeObject: (node: NodeOnDisk) => unknown;
  /** What the snapshot held that a cluster is restored from. @throws KubeadmFailed */
  readonly snapshot: () => Promise<StoredObjects>;
}

/** Unscaled seconds that the real thing takes, about: its images are pulled meanwhile. */
const workSeconds = { init: 40, join: 25, restore: 50 } as const;
/** kubeadm's own timeout for discovery and for the kubelet's bootstrap. */
const waitSecondsMax = 300;
const pollSeconds = 5;

const controlPlaneLabels = {
  'node-role.kubernetes.io/control-plane': '',
  'node.kubernetes.io/exclude-from-external-load-balancers': '',
};

/**
 * Checks what a real kubeadm checks and leaves behind what it leaves behind, over real TLS. Begun again after it was cut
 * off, it goes on.
 *
 * @throws KubeadmFailed
 */
export async function runKubeadm(
  verb: 'init' | 'join' | 'restore',
  surroundings: KubeadmSurroundings,
): Promise<void> {
  if (surroundings.resumed !== undefined) return register(surroundings.resumed, surroundings);
  // To restore is etcdutl's work, and then an init that finds its data.
  const plan = planKubeadm(verb === 'restore' ? 'init' : verb, surroundings.machine);
  const held = verb === 'restore' ? await surroundings.snapshot() : undefined;
  await surroundings.sleep(workSeconds[verb]);
  return plan.verb === 'init' ? init(plan, surroundings, held) : join(plan, surroundings);
}

const memberOf = ({ machine, key }: KubeadmSurroundings): Member => ({
  machine: key,
  overlayAddress: machine.overlayAddress,
});

async function init(
  plan: KubeadmPlan & { verb: 'init' },
  surroundings: KubeadmSurroundings,
  held: StoredObjects | undefined,
): Promise<void> {
  const { machine, clusters } = surroundings;
  const objects =
    held === undefined
      ? clusters.found(machine.clusterId, memberOf(surroundings))
      : clusters.restore(machine.clusterId, memberOf(surroundings), held);
  createKubeadmObjects(objects, plan.cluster, plan.kubelet);
  const node: NodeOnDisk = {
    registration: plan.node,
    caCertificatePem: plan.authority.certificatePem,
    kubelet: await signCertificate({
      authority: plan.authority,
      commonName: `system:node:${plan.node.name}`,
      organization: 'system:nodes',
    }),
    version: plan.cluster.kubernetesVersion,
    controlPlane: await controlPlaneOf(plan.node, plan.authority, plan.cluster.certSANs, machine),
  };
  await register(node, surroundings);
}

async function join(plan: KubeadmPlan & { verb: 'join' }, surroundings: KubeadmSurroundings): Promise<void> {
  const { machine, clusters } = surroundings;
  const { caCertificatePem, bootstrap } = plan.discovery;
  const { name } = plan.node;
  const api = surroundings.connect(caCertificatePem, bootstrap);
  try {
    const configured = await patiently(surroundings, '[discovery] the API server', () =>
      api.call('GET', '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'),
    );
    const known = await api.call('GET', `/api/v1/nodes/${name}`);
    if (known.status === 200 && isNodeReady(known.body))
      throw new KubeadmFailed(
        `a Node with name "${name}" and status "Ready" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node`,
      );
    const configuration = load(
      (configured.body as { data: { ClusterConfiguration: string } }).data.ClusterConfiguration,
    ) as { kubernetesVersion: string; apiServer?: { certSANs?: string[] } };
    checkSkew(
      plan.authority === undefined ? 'worker' : 'control-plane',
      machine.kubernetes,
      configuration.kubernetesVersion,
    );
    if (plan.authority !== undefined) checkApiServerFiles(configuration, machine.files);
    const node: NodeOnDisk = {
      registration: plan.node,
      caCertificatePem,
      kubelet: await bootstrapKubelet(name, api, surroundings),
      version: machine.kubernetes,
      ...(plan.authority === undefined
        ? {}
        : {
            controlPlane: await controlPlaneOf(
              plan.node,
              plan.authority,
              configuration.apiServer?.certSANs ?? [],
              machine,
            ),
          }),
    };
    if (plan.authority !== undefined && !clusters.addMember(machine.clusterId, memberOf(surroundings)))
      throw new KubeadmFailed('[etcd-join] etcdserver: request timed out');
    await register(node, surroundings);
  } finally {
    api.close();
  }
}

/** The kubelet's first certificate: asked for with the bootstrap credential, approved and signed by the cluster. */
async function bootstrapKubelet(
  name: string,
  api: MachineApi,
  surroundings: KubeadmSurroundings,
): Promise<CertificatePair> {
  const { requestPem, privateKeyPem } = await requestCertificate(`system:node:${name}`, 'system:nodes');
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const created = await patiently(surroundings, '[kubelet-start] the certificate request', () =>
    api.call('POST', path, {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { generateName: 'csr-' },
      spec: {
        request: Buffer.from(requestPem).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
      },
    }),
  );
  const request = (created.body as { metadata: { name: string } }).metadata.name;
  const signed = await patiently(
    surroundings,
    '[kubelet-start] the kubelet’s certificate',
    () => api.call('GET', `${path}/${request}`),
    ({ body }) => certificateIn(body) !== undefined,
  );
  const certificate = Buffer.from(certificateIn(signed.body) ?? '', 'base64').toString('utf8');
  return { certificatePem: certificate, privateKeyPem };
}

const certificateIn = (body: unknown): string | undefined =>
  (body as { status?: { certificate?: string } }).status?.certificate;

/** The kubelet starts and registers its Node as itself; what it may not say of itself is said by the administrator. */
async function register(node: NodeOnDisk, surroundings: KubeadmSurroundings): Promise<void> {
  const { name, taints } = node.registration;
  surroundings.become(node);
  const api = surroundings.connect(node.caCertificatePem, node.kubelet);
  try {
    await patiently(
      surroundings,
      '[kubelet-start] the Node',
      () => api.call('POST', '/api/v1/nodes', surroundings.nodeObject(node)),
      ({ status }) => status < 300 || status === 409,
    );
  } finally {
    api.close();
  }
  if (node.controlPlane === undefined) return;
  surroundings.clusters
    .objects(surroundings.machine.clusterId)
    ?.change('nodes', name, undefined, (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...controlPlaneLabels } },
      spec: { ...(object['spec'] as object), ...(taints.length === 0 ? {} : { taints }) },
    }));
}

/** The API server's certificate has the names that kubeadm gives it. */
async function controlPlaneOf(
  node: NodeRegistration,
  authority: CertificatePair,
  certSANs: readonly string[],
  machine: KubeadmMachine,
): Promise<NonNullable<NodeOnDisk['controlPlane']>> {
  const isAddress = (name: string): boolean => /^[\d.]+$/.test(name);
  const serving = await signCertificate({
    authority,
    commonName: 'kube-apiserver',
    serving: {
      dnsNames: [
        node.name,
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
        `${machine.clusterId}.overcast.internal`,
        ...certSANs.filter((name) => !isAddress(name)),
      ],
      addresses: ['10.96.0.1', node.address, ...certSANs.filter(isAddress)],
    },
  });
  return { authority, serving };
}

export const isNodeReady = (node: unknown): boolean =>
  (node as { status?: { conditions?: { type: string; status: string }[] } }).status?.conditions?.some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  ) === true;

/** Asks again while nobody answers or the cluster is not as far; a refusal ends it. */
async function patiently(
  { sleep }: KubeadmSurroundings,
  what: string,
  ask: () => Promise<ApiAnswer>,
  isDone: (answer: ApiAnswer) => boolean = ({ status }) => status < 300,
): Promise<ApiAnswer> {
  for (let waited = 0; ; waited += pollSeconds) {
    const answer = await ask();
    if (answer.status !== 0 && isDone(answer)) return answer;
    const isFinal = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    if (isFinal || waited >= waitSecondsMax)
      throw new KubeadmFailed(`${what}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`);
    await sleep(pollSeconds);
  }
}
