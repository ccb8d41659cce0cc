import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/**
 * Stands in for `kubeadm init` and `kubeadm join`: does not make a node, but refuses what kubeadm would refuse, and what it
 * would take and a cluster must not have. Certificates are judged by openssl, which shares no code with the platform.
 *
 * Where machines have a network of their own (`KUBEADM_NETWORK`), a control plane then serves TLS at its overlay address
 * with a certificate of its authority, and whoever joins must reach every address it was given with its bootstrap
 * certificate: so a machine that was told to join too early fails.
 */
interface Documents {
  readonly [kind: string]: { readonly [key: string]: unknown };
}
interface Registration {
  readonly name: string;
  readonly kubeletExtraArgs: readonly { readonly name: string; readonly value: string }[];
}
interface Named {
  readonly name: string;
  readonly value: string;
}

/** What the test reads afterwards. */
export interface KubeadmRecord {
  readonly verb: string;
  readonly kubernetesVersion: string | undefined;
  readonly files: readonly string[];
  readonly kubeletArguments: Readonly<Record<string, string>>;
  readonly endpoints: readonly string[];
}

const root = process.env['OVERCAST_ROOT'] ?? '';
const fakes = process.env['FAKES'] ?? '';
const [verb = '', , configPath = '', ...options] = process.argv.slice(2);

function check(isSo: boolean, what: string): asserts isSo {
  if (isSo) return;
  console.log(`[stand-in] ${what}`);
  process.exit(1);
}
/** What openssl says, or why it refuses. */
function openssl(words: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('openssl', words, { input, encoding: 'utf8' });
  check(status === 0, `openssl ${words[0] ?? ''}: ${stderr}${stdout}`);
  return stdout;
}
const read = (path: string): string => {
  check(existsSync(root + path), `${path} is not there`);
  return readFileSync(root + path, 'utf8');
};
const hasMode = (path: string, mode: string): void => {
  const found = (statSync(root + path).mode & 0o7777).toString(8).padStart(4, '0');
  check(found === mode, `${path} has mode ${found}, not ${mode}`);
};
/** The key belongs to the certificate. */
const fits = (certificate: string, key: string, name: string): void => {
  check(
    openssl(['x509', '-noout', '-pubkey'], certificate) === openssl(['pkey', '-pubout'], key),
    `the key of ${name} belongs to another certificate`,
  );
};
const argumentsOf = (list: readonly Named[]): Readonly<Record<string, string>> =>
  Object.fromEntries(list.map(({ name, value }) => [name, value]));

const documents: Documents = Object.fromEntries(
  readFileSync(configPath, 'utf8')
    .split(/^---\n/m)
    .map((text) => JSON.parse(text) as { kind: string })
    .map((document) => [document.kind, document]),
);
check(configPath === `${root}/etc/overcast/kubeadm.yaml`, `another configuration: ${configPath}`);
hasMode('/etc/overcast/kubeadm.yaml', '0600');

const settings = Object.fromEntries(
  [...read('/etc/overcast/agent.env').matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
);
const number = Number(settings['OVERCAST_NODE']);
const host = `${settings['OVERCAST_CLUSTER']}.overcast.internal`;
const overlay = `10.4.${Math.floor(number / 256)}.${number % 256}`;
const isControlPlane = settings['OVERCAST_ROLE'] === 'control-plane';

const authorities = ['ca', 'etcd/ca', 'front-proxy-ca'];
const pki = '/etc/kubernetes/pki';
const caPath = `${root}${pki}/ca.crt`;
const found = globSync('etc/kubernetes/**/*', { cwd: root })
  .filter((path) => statSync(join(root, path)).isFile())
  .map((path) => `/${path}`)
  .toSorted((a, b) => (a < b ? -1 : 1));

function checkAuthorities(): void {
  for (const name of authorities) {
    hasMode(`${pki}/${name}.crt`, '0644');
    hasMode(`${pki}/${name}.key`, '0600');
    fits(read(`${pki}/${name}.crt`), read(`${pki}/${name}.key`), name);
    const certificate = `${root}${pki}/${name}.crt`;
    openssl(['verify', '-CAfile', certificate, certificate]);
    check(
      openssl(['x509', '-noout', '-text', '-in', certificate]).includes('CA:TRUE'),
      `${name} is no authority`,
    );
  }
  hasMode(`${pki}/sa.key`, '0600');
  check(
    openssl(['pkey', '-pubout'], read(`${pki}/sa.key`)) ===
      openssl(['pkey', '-pubin', '-pubout'], read(`${pki}/sa.pub`)),
    'sa.pub is not the public half of sa.key',
  );
  for (const name of ['audit-policy.yaml', 'encryption.yaml']) {
    hasMode(`/etc/kubernetes/overcast/${name}`, '0600');
    JSON.parse(read(`/etc/kubernetes/overcast/${name}`));
  }
}

/** The machine's name for the control plane; curl resolves it as the machine would. */
const endpoints = [
  ...read('/etc/hosts').matchAll(new RegExp(`^(\\S+) ${host.replaceAll('.', '\\.')} `, 'gm')),
].map(([, address = '']) => address);

function checkInit(): void {
  check(isControlPlane, 'init on a worker');
  const mayFindData = options.includes('--ignore-preflight-errors=DirAvailable--var-lib-etcd');
  check(
    existsSync(`${root}/var/lib/etcd/member/snap/db`) === mayFindData,
    mayFindData
      ? '/var/lib/etcd holds no etcd'
      : '[ERROR DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty',
  );
  const { ClusterConfiguration: cluster, KubeletConfiguration: kubelet } = documents;
  check(
    cluster !== undefined && kubelet !== undefined,
    'ClusterConfiguration or KubeletConfiguration is missing',
  );
  check(cluster['apiVersion'] === 'kubeadm.k8s.io/v1beta4', 'not v1beta4');
  check(
    cluster['controlPlaneEndpoint'] === `${host}:6443`,
    `endpoint: ${String(cluster['controlPlaneEndpoint'])}`,
  );
  check(
    cluster['kubernetesVersion'] === 'v1.36.4',
    `not what is installed: ${String(cluster['kubernetesVersion'])}`,
  );
  const { extraArgs } = cluster['apiServer'] as { extraArgs: readonly Named[] };
  const given = argumentsOf(extraArgs);
  for (const name of ['encryption-provider-config', 'audit-policy-file']) read(given[name] ?? name);
  check(kubelet['rotateCertificates'] === true, 'the kubelet would not renew its certificate');
  check(endpoints.join() === overlay, `the control plane's name leads to ${endpoints.join()}`);
}

/** The bootstrap credential, as files for curl and openssl. */
const credential = { certificate: join(fakes, 'bootstrap.crt'), key: join(fakes, 'bootstrap.key') };
function checkJoin(nodeName: string): void {
  const { JoinConfiguration: configuration } = documents;
  const discovery = (configuration?.['discovery'] as { file?: { kubeConfigPath?: string } } | undefined)
    ?.file;
  const path = discovery?.kubeConfigPath ?? 'a discovery file';
  hasMode(path, '0600');
  const kubeconfig = JSON.parse(read(path)) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
  };
  const [{ cluster }] = kubeconfig.clusters;
  const [{ user }] = kubeconfig.users;
  const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8');
  const ca = decoded(cluster['certificate-authority-data']);
  check(cluster.server === `https://${host}:6443`, `server: ${cluster.server}`);
  writeFileSync(credential.certificate, decoded(user['client-certificate-data']));
  writeFileSync(credential.key, decoded(user['client-key-data']), { mode: 0o600 });
  fits(
    decoded(user['client-certificate-data']),
    decoded(user['client-key-data']),
    'the bootstrap certificate',
  );
  const trusted = join(fakes, 'ca.crt');
  writeFileSync(trusted, ca);
  if (isControlPlane) check(ca === read(`${pki}/ca.crt`), 'the discovery file trusts another authority');
  openssl(['verify', '-CAfile', trusted, '-purpose', 'sslclient', credential.certificate]);
  openssl(['x509', '-noout', '-checkend', '60', '-in', credential.certificate]);
  const lasts = spawnSync('openssl', ['x509', '-noout', '-checkend', '1860', '-in', credential.certificate]);
  check(lasts.status === 1, 'the bootstrap certificate is valid for longer than half an hour');
  const subject = openssl([
    'x509',
    '-noout',
    '-subject',
    '-nameopt',
    'RFC2253',
    '-in',
    credential.certificate,
  ]);
  check(
    subject.includes('O=system:nodes') && subject.includes(`CN=system:node:${nodeName}`),
    `the bootstrap certificate is another's: ${subject}`,
  );
  check(endpoints.length > 0 && !endpoints.includes(overlay), `to join at ${endpoints.join()}`);
  if (process.env['KUBEADM_NETWORK'] === undefined) return;
  for (const endpoint of endpoints)
    execFileSync(
      'curl',
      // prettier-ignore
      ['--silent', '--show-error', '--fail', '--max-time', '5', '--cacert', trusted, '--cert', credential.certificate,
        '--key', credential.key, '--resolve', `${host}:6443:${endpoint}`, `https://${host}:6443/`],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
}

/** An API server as far as TLS goes; it ends with the machine, whose test ends it by its id. */
function serve(): void {
  const own = (name: string): string => join(fakes, `apiserver.${name}`);
  openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', own('key')]);
  openssl(['req', '-new', '-key', own('key'), '-subj', '/CN=kube-apiserver', '-out', own('csr')]);
  writeFileSync(own('ext'), `subjectAltName=DNS:${host},IP:${overlay}\nextendedKeyUsage=serverAuth\n`);
  openssl(
    // prettier-ignore
    ['x509', '-req', '-in', own('csr'), '-CA', caPath, '-CAkey', `${root}${pki}/ca.key`, '-set_serial', '1', '-days', '1',
      '-extfile', own('ext'), '-out', own('crt')],
  );
  const server = spawn(
    'openssl',
    // prettier-ignore
    ['s_server', '-accept', `${overlay}:6443`, '-cert', own('crt'), '-key', own('key'), '-CAfile', caPath, '-Verify', '1',
      '-verify_return_error', '-quiet', '-www'],
    { stdio: 'ignore', detached: true },
  );
  server.unref();
  writeFileSync(own('pid'), String(server.pid));
}

const registration = (documents['InitConfiguration'] ?? documents['JoinConfiguration'])?.[
  'nodeRegistration'
] as Registration | undefined;
check(registration !== undefined, 'no node registration');
check(registration.name === settings['OVERCAST_NAME'], `the node is called ${registration.name}`);
const kubeletArguments = argumentsOf(registration.kubeletExtraArgs);
check(kubeletArguments['node-ip'] === overlay, `the node's address is ${kubeletArguments['node-ip']}`);
if (isControlPlane) checkAuthorities();
else check(!found.some((path) => path.startsWith(pki)), `a worker has ${found.join()}`);
if (verb === 'init') checkInit();
else checkJoin(registration.name);
if (isControlPlane && process.env['KUBEADM_NETWORK'] !== undefined) serve();

const record: KubeadmRecord = {
  verb,
  kubernetesVersion: documents['ClusterConfiguration']?.['kubernetesVersion'] as string | undefined,
  files: found,
  kubeletArguments,
  endpoints,
};
mkdirSync(fakes, { recursive: true });
writeFileSync(join(fakes, 'kubeadm.json'), JSON.stringify(record));
