import { loadAll } from 'js-yaml';
import * as z from 'zod/mini';
import {
  checkAuthority,
  checkServiceAccountKeys,
  readDiscovery,
  type Discovery,
} from './kubeadm-credentials.ts';
import { thousandths, wholeUnits } from './kubernetes/controllers/quantity.ts';
import { KubeadmFailed, type MachineFiles } from './kubeadm-failed.ts';
import type { CertificatePair } from './certificates.ts';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

/** How the kubelet registers its Node. */
export interface NodeRegistration {
  readonly name: string;
  readonly address: string;
  readonly providerId?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly kubeReserved?: { readonly cpuMillis: number; readonly memoryBytes: number };
}

export interface ClusterConfiguration {
  readonly clusterName: string;
  /** `v1.36.4` */
  readonly kubernetesVersion: string;
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  readonly certSANs: readonly string[];
  /** As kubeadm keeps it in its config map. */
  readonly document: Readonly<Record<string, unknown>>;
}

export type KubeadmPlan =
  | {
      readonly verb: 'init';
      readonly node: NodeRegistration;
      readonly cluster: ClusterConfiguration;
      readonly kubelet: Readonly<Record<string, unknown>>;
      readonly authority: CertificatePair;
    }
  | {
      readonly verb: 'join';
      readonly node: NodeRegistration;
      readonly discovery: Discovery;
      /** Absent on a worker. */
      readonly authority?: CertificatePair;
    };

/** The machine that kubeadm runs on. */
export interface KubeadmMachine {
  readonly clusterId: string;
  readonly role: string;
  readonly overlayAddress: string;
  /** The kubeadm that is installed: `v1.36.4`. */
  readonly kubernetes: string;
  readonly files: MachineFiles;
  /** Epoch milliseconds. */
  readonly now: number;
}

const configPath = '/etc/overcast/kubeadm.yaml';
const kubeadmApi = 'kubeadm.k8s.io/v1beta4';
const apiServerPort = 6443;

const argumentSchema = z.strictObject({ name: z.string(), value: z.string() });
const endpointSchema = z.strictObject({ advertiseAddress: z.string(), bindPort: z.number() });
const registrationSchema = z.strictObject({
  name: z.string(),
  criSocket: z.optional(z.string()),
  imagePullPolicy: z.optional(z.string()),
  taints: z.array(z.strictObject({ key: z.string(), value: z.optional(z.string()), effect: z.string() })),
  kubeletExtraArgs: z.array(argumentSchema),
});
/** Fields that v1beta4 knows, as far as anybody here writes them; kubeadm decodes strictly, so every other is a mistake. */
const schemas = {
  [`${kubeadmApi}/InitConfiguration`]: z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    bootstrapTokens: z.optional(
      z.array(z.strictObject({ token: z.optional(z.string()), ttl: z.optional(z.string()) })),
    ),
    localAPIEndpoint: endpointSchema,
    nodeRegistration: registrationSchema,
    certificateKey: z.optional(z.string()),
    skipPhases: z.optional(z.array(z.string())),
    timeouts: z.optional(z.record(z.string(), z.string())),
  }),
  [`${kubeadmApi}/JoinConfiguration`]: z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    discovery: z.strictObject({
      file: z.strictObject({ kubeConfigPath: z.string() }),
      tlsBootstrapToken: z.optional(z.string()),
    }),
    nodeRegistration: registrationSchema,
    controlPlane: z.optional(
      z.strictObject({ localAPIEndpoint: endpointSchema, certificateKey: z.optional(z.string()) }),
    ),
    skipPhases: z.optional(z.array(z.string())),
    timeouts: z.optional(z.record(z.string(), z.string())),
  }),
  [`${kubeadmApi}/ClusterConfiguration`]: z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    clusterName: z.string(),
    kubernetesVersion: z.string(),
    controlPlaneEndpoint: z.string(),
    encryptionAlgorithm: z.optional(z.string()),
    certificateValidityPeriod: z.optional(z.string()),
    caCertificateValidityPeriod: z.optional(z.string()),
    networking: z.strictObject({
      podSubnet: z.string(),
      serviceSubnet: z.string(),
      dnsDomain: z.optional(z.string()),
    }),
    proxy: z.optional(z.strictObject({ disabled: z.boolean() })),
    dns: z.optional(z.looseObject({})),
    apiServer: z.optional(
      z.strictObject({
        certSANs: z.optional(z.array(z.string())),
        extraArgs: z.optional(z.array(argumentSchema)),
        extraVolumes: z.optional(z.array(z.looseObject({}))),
        extraEnvs: z.optional(z.array(z.looseObject({}))),
      }),
    ),
    controllerManager: z.optional(z.looseObject({})),
    scheduler: z.optional(z.looseObject({})),
    etcd: z.optional(z.looseObject({})),
    featureGates: z.optional(z.record(z.string(), z.boolean())),
  }),
  'kubelet.config.k8s.io/v1beta1/KubeletConfiguration': z.looseObject({}),
} as const;

type Documents = { [Kind in keyof typeof schemas]?: z.output<(typeof schemas)[Kind]> };

const wordsOf = (issue: z.core.$ZodIssue): string => {
  const path = issue.path.join('.');
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => `unknown field "${path}${path === '' ? '' : '.'}${key}"`).join(', ')
    : `${path}: ${'expected' in issue ? `expected ${String(issue.expected)}` : issue.message}`;
};

function readDocuments(text: string): Documents {
  const found: Record<string, unknown> = {};
  for (const document of loadAll(text)) {
    const { apiVersion = '', kind = '' } = (document ?? {}) as { apiVersion?: string; kind?: string };
    const key = `${apiVersion}/${kind}`;
    if (!(key in schemas))
      throw new KubeadmFailed(
        `no kind "${kind}" is registered for version "${apiVersion}" in scheme "k8s.io/kubernetes/cmd/kubeadm"`,
      );
    if (key in found) throw new KubeadmFailed(`invalid configuration: kind "${kind}" is specified twice`);
    const parsed = z.safeParse(schemas[key as keyof typeof schemas], document);
    if (!parsed.success)
      throw new KubeadmFailed(
        `error unmarshaling configuration ${key}: strict decoding error: ${parsed.error.issues.map(wordsOf).join(', ')}`,
      );
    found[key] = parsed.data;
  }
  return found;
}

/**
 * Reads and checks what a real kubeadm (and the kubelet that it starts) would check before it changes anything.
 *
 * @throws KubeadmFailed, worded like kubeadm's own.
 */
export function planKubeadm(verb: 'init' | 'join', machine: KubeadmMachine): KubeadmPlan {
  const { files } = machine;
  const text = files[configPath];
  if (text === undefined)
    throw new KubeadmFailed(
      `unable to read config from "${configPath}": open ${configPath}: no such file or directory`,
    );
  const documents = readDocuments(text);
  const init = documents[`${kubeadmApi}/InitConfiguration`];
  const join = documents[`${kubeadmApi}/JoinConfiguration`];
  const isControlPlane = machine.role === 'control-plane';
  if (verb === 'init') {
    const cluster = documents[`${kubeadmApi}/ClusterConfiguration`];
    const kubelet = documents['kubelet.config.k8s.io/v1beta1/KubeletConfiguration'];
    if (init === undefined || cluster === undefined || kubelet === undefined || join !== undefined)
      throw new KubeadmFailed(
        'invalid configuration: init takes InitConfiguration, ClusterConfiguration and KubeletConfiguration',
      );
    if (!isControlPlane) throw new KubeadmFailed('kubeadm init on a worker');
    checkEndpoint(init.localAPIEndpoint, machine);
    return {
      verb,
      node: readRegistration(init.nodeRegistration, machine),
      cluster: readCluster(cluster, machine),
      kubelet,
      authority: checkAuthorities(machine),
    };
  }
  if (join === undefined || init !== undefined)
    throw new KubeadmFailed('invalid configuration: join takes JoinConfiguration');
  if ((join.controlPlane !== undefined) !== isControlPlane)
    throw new KubeadmFailed(`JoinConfiguration: controlPlane on a ${machine.role}`);
  if (join.controlPlane !== undefined) checkEndpoint(join.controlPlane.localAPIEndpoint, machine);
  const node = readRegistration(join.nodeRegistration, machine);
  const discovery = readDiscovery(files, join.discovery.file.kubeConfigPath, machine, node.name);
  if (isControlPlane) {
    const authority = checkAuthorities(machine);
    if (authority.certificatePem.trim() !== discovery.caCertificatePem.trim())
      throw new KubeadmFailed('the cluster CA on this machine is not the one of the discovery file');
    return { verb, node, discovery, authority };
  }
  for (const path of Object.keys(files))
    if (path.startsWith('/etc/kubernetes/pki/'))
      throw new KubeadmFailed(
        `[preflight] Some fatal errors occurred: [ERROR FileAvailable-${path.replaceAll('/', '-')}]: ${path} already exists`,
      );
  return { verb, node, discovery };
}

/** Every file that the API server's arguments name has to lie on this machine: it is mounted into its pod. */
export function checkApiServerFiles(document: Readonly<Record<string, unknown>>, files: MachineFiles): void {
  const { apiServer } = document as { apiServer?: { extraArgs?: { name: string; value: string }[] } };
  for (const { name, value } of apiServer?.extraArgs ?? [])
    if (value.startsWith('/etc/') && files[value] === undefined)
      throw new KubeadmFailed(
        `[wait-control-plane] kube-apiserver is not healthy: --${name}: open ${value}: no such file or directory`,
      );
}

function checkAuthorities({ files, now }: KubeadmMachine): CertificatePair {
  const authority = checkAuthority(files, 'ca', now);
  checkAuthority(files, 'etcd/ca', now);
  checkAuthority(files, 'front-proxy-ca', now);
  checkServiceAccountKeys(files);
  return authority;
}

function checkEndpoint(endpoint: z.output<typeof endpointSchema>, { overlayAddress }: KubeadmMachine): void {
  const { advertiseAddress, bindPort } = endpoint;
  if (advertiseAddress !== overlayAddress)
    throw new KubeadmFailed(
      `[etcd] could not listen on ${advertiseAddress}:2380: cannot assign requested address (this machine has ${overlayAddress})`,
    );
  if (bindPort !== apiServerPort) throw new KubeadmFailed(`localAPIEndpoint.bindPort: ${bindPort}`);
}

function readRegistration(
  registration: z.output<typeof registrationSchema>,
  { overlayAddress }: KubeadmMachine,
): NodeRegistration {
  const { name, taints } = registration;
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    throw new KubeadmFailed(
      `nodeRegistration.name: Invalid value: "${name}": a lowercase RFC 1123 subdomain`,
    );
  const flags = new Map(registration.kubeletExtraArgs.map((each) => [each.name, each.value]));
  for (const flag of flags.keys())
    if (!['node-ip', 'provider-id', 'node-labels', 'kube-reserved'].includes(flag))
      throw new KubeadmFailed(`[kubelet-start] the kubelet does not start: unknown flag: --${flag}`);
  const address = flags.get('node-ip') ?? '';
  if (address !== overlayAddress)
    throw new KubeadmFailed(
      `[kubelet-start] the kubelet is not healthy: node IP: "${address}" not found in the host's network interfaces`,
    );
  const providerId = flags.get('provider-id');
  const kubeReserved = flags.get('kube-reserved');
  return {
    name,
    address,
    ...(providerId === undefined ? {} : { providerId }),
    labels: readLabels(flags.get('node-labels') ?? ''),
    taints: taints.map(({ key, value, effect }) => ({
      key,
      effect,
      ...(value === undefined ? {} : { value }),
    })),
    ...(kubeReserved === undefined ? {} : { kubeReserved: readReserved(kubeReserved) }),
  };
}

/** `cpu=70m,memory=1024Mi` */
function readReserved(text: string): NonNullable<NodeRegistration['kubeReserved']> {
  const refuse = (word: string): never => {
    throw new KubeadmFailed(`[kubelet-start] the kubelet does not start: --kube-reserved: ${word}`);
  };
  const amounts = new Map(
    text.split(',').map((each): [string, string] => {
      const [name = '', quantity = ''] = each.split('=');
      return [name, quantity];
    }),
  );
  for (const name of amounts.keys())
    if (!['cpu', 'memory', 'ephemeral-storage', 'pid'].includes(name))
      refuse(`cannot reserve "${name}" resource`);
  const amount = (name: string, read: (quantity: string) => number | undefined): number =>
    read(amounts.get(name) ?? '0') ?? refuse(`invalid value "${text}"`);
  return { cpuMillis: amount('cpu', thousandths), memoryBytes: amount('memory', wholeUnits) };
}

const labelKeysOfKubelets = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);

function readLabels(text: string): Readonly<Record<string, string>> {
  const labels = text
    .split(',')
    .filter((each) => each !== '')
    .map((each): [string, string] => {
      const [key = '', value = '', ...rest] = each.split('=');
      if (rest.length > 0 || !/^([a-z0-9.-]+\/)?[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/.test(key))
        throw new KubeadmFailed(`[kubelet-start] the kubelet does not start: --node-labels: ${each}`);
      if (!/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/.test(value))
        throw new KubeadmFailed(
          `[kubelet-start] the kubelet does not start: --node-labels: invalid value "${value}"`,
        );
      return [key, value];
    });
  const refused = labels
    .map(([key]) => key)
    .filter((key) => /(^|\.)(kubernetes|k8s)\.io\//.test(key))
    .filter((key) => !labelKeysOfKubelets.has(key) && !/^(node|kubelet)\.kubernetes\.io\//.test(key));
  if (refused.length > 0)
    throw new KubeadmFailed(
      `[kubelet-start] the kubelet does not start: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [${refused.join(' ')}]`,
    );
  return Object.fromEntries(labels);
}

function readCluster(
  cluster: NonNullable<Documents['kubeadm.k8s.io/v1beta4/ClusterConfiguration']>,
  machine: KubeadmMachine,
): ClusterConfiguration {
  const wanted = `${machine.clusterId}.overcast.internal:${apiServerPort}`;
  if (cluster.controlPlaneEndpoint !== wanted)
    throw new KubeadmFailed(
      `controlPlaneEndpoint: no such host: ${cluster.controlPlaneEndpoint}, hosts has ${wanted}`,
    );
  const minorOf = (version: string): string | undefined =>
    /^(?:stable-|v)(\d+\.\d+)(?:\.\d+)?$/.exec(version)?.[1];
  const minor = minorOf(cluster.kubernetesVersion);
  if (minor === undefined || minor !== minorOf(machine.kubernetes))
    throw new KubeadmFailed(
      `this version of kubeadm only supports deploying clusters with the control plane version of its own, ${machine.kubernetes}. Current version: ${cluster.kubernetesVersion}`,
    );
  checkApiServerFiles(cluster, machine.files);
  return {
    clusterName: cluster.clusterName,
    kubernetesVersion: cluster.kubernetesVersion.startsWith('v')
      ? cluster.kubernetesVersion
      : machine.kubernetes,
    podSubnet: cluster.networking.podSubnet,
    serviceSubnet: cluster.networking.serviceSubnet,
    certSANs: cluster.apiServer?.certSANs ?? [],
    document: {
      ...cluster,
      kubernetesVersion: cluster.kubernetesVersion.startsWith('v')
        ? cluster.kubernetesVersion
        : machine.kubernetes,
    },
  };
}
