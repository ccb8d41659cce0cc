import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { HostedZone } from '../../shared/domain/dns.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { FilesReply, FilesRequest } from '../../shared/domain/node-protocol.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { DataKeys } from '../../shared/runtime/pki.ts';
import type { Log, LogFields } from '../../shared/runtime/log.ts';
import { issueFiles } from './issue.ts';

let tests: TestStore;
let now = exampleTime;
beforeAll(async () => {
  tests = await startTestStore();
});
afterAll(() => tests.close());

/** KMS at its outermost edge: a data key's ciphertext is the key with its context beside it, and opens for that context only. */
const dataKeys: DataKeys = {
  generateDataKey: async (context) => {
    const plaintext = new Uint8Array(randomBytes(32));
    const encrypted = Buffer.concat([plaintext, Buffer.from(JSON.stringify(context))]);
    return { plaintext, encrypted };
  },
  decrypt: async (encrypted, context) => {
    const bytes = Buffer.from(encrypted);
    if (bytes.subarray(32).toString() !== JSON.stringify(context))
      throw new Error('InvalidCiphertextException');
    return new Uint8Array(bytes.subarray(0, 32));
  },
};

const logged: { line: string; fields: LogFields }[] = [];
const note = (line: string, fields: LogFields = {}): void => void logged.push({ line, fields });
const log: Log = { info: note, warn: note, error: note };
beforeEach(() => {
  logged.length = 0;
  now = exampleTime;
});

const secretOf = (number: number, attempt = 1): string =>
  createHash('sha256').update(`${number}/${attempt}`).digest('hex');
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The machine's session is that of its number and attempt. */
const machine = (given: Partial<Node> & Pick<Node, 'clusterId' | 'number'>): Node =>
  aNode({
    role: given.number <= 3 ? 'control-plane' : 'worker',
    attempt: 1,
    phase: 'booting',
    providerId: `i-${given.number}`,
    sessionHash: hashOf(secretOf(given.number, given.attempt)),
    ...given,
  });

async function world(
  cluster: Partial<Cluster>,
  nodes: readonly (Partial<Node> & Pick<Node, 'number'>)[],
  zone?: HostedZone,
): Promise<{
  cluster: Cluster;
  ask: (number: number, given?: Partial<FilesRequest>, bearer?: string) => Promise<FilesReply>;
}> {
  const stored = aCluster(cluster);
  await tests.store.clusters.create(stored);
  for (const node of nodes) await tests.store.nodes.materialise(machine({ clusterId: stored.id, ...node }));
  const issue = issueFiles({
    store: tests.store,
    dataKeys,
    randomBytes: (count) => new Uint8Array(randomBytes(count)),
    clock: { now: () => now },
    log,
    zone,
    presign: async ({ method, key, secondsMax }) => `https://bucket/${key}?${method}&${secondsMax}&secret`,
  });
  return {
    cluster: stored,
    ask: (number, given = {}, bearer = secretOf(number)) =>
      issue({
        clusterId: stored.id,
        number,
        bearer,
        body: { attempt: 1, kubernetes: 'v1.36.4', ...given },
      }),
  };
}

const fileIn = ({ files }: FilesReply, path: string): string => {
  const found = files.find((file) => file.path === path);
  if (found === undefined) throw new Error(`no ${path} among ${files.map((file) => file.path).join(' ')}`);
  return found.content;
};
/** The documents of kubeadm's file, by their kind. */
const kubeadmOf = (reply: FilesReply): Readonly<Record<string, Record<string, unknown>>> =>
  Object.fromEntries(
    fileIn(reply, '/etc/overcast/kubeadm.yaml')
      .split('---\n')
      .map((document) => JSON.parse(document) as Record<string, unknown>)
      .map((document) => [String(document['kind']), document]),
  );
const keysIn = (reply: FilesReply): readonly string[] =>
  reply.files.map(({ path }) => path).filter((path) => path.endsWith('.key'));

const claimed: Partial<Cluster> = { initNode: 1, initAttempt: 1 };
const initialised: Partial<Cluster> = { ...claimed, initialisedAt: exampleTime };

describe('the first control plane', () => {
  it('is given the cluster’s authorities and what kubeadm init is to make', async () => {
    const { ask } = await world({ ...claimed, podRange: '10.200.0.0/16' }, [{ number: 1 }, { number: 4 }]);
    const reply = await ask(1);
    expect(new X509Certificate(fileIn(reply, '/etc/kubernetes/pki/ca.crt')).ca).toBe(true);
    const authority = new X509Certificate(fileIn(reply, '/etc/kubernetes/pki/ca.crt'));
    expect(authority.checkPrivateKey(createPrivateKey(fileIn(reply, '/etc/kubernetes/pki/ca.key')))).toBe(
      true,
    );
    const { InitConfiguration, ClusterConfiguration } = kubeadmOf(reply);
    expect(ClusterConfiguration).toMatchObject({
      // The patch that is installed, not kubeadm's newest.
      kubernetesVersion: 'v1.36.4',
      networking: { podSubnet: '10.200.0.0/16' },
      // Four clouds: members may be 15 ms apart.
      etcd: { local: { extraArgs: [{ name: 'heartbeat-interval', value: '250' }, { value: '2500' }] } },
    });
    expect(InitConfiguration).toMatchObject({
      nodeRegistration: {
        name: 'four-clouds-1',
        taints: [{ key: 'node-role.kubernetes.io/control-plane' }],
        kubeletExtraArgs: [
          { name: 'node-ip', value: '10.4.0.1' },
          { name: 'provider-id', value: 'aws:///us-east-1a/i-1' },
          { name: 'node-labels', value: expect.stringContaining('topology.overcast.dev/csp=aws') as string },
          { name: 'kube-reserved', value: 'cpu=80m,memory=1844Mi' },
        ],
      },
    });
  });

  it('serves under the API’s name too, where the installation has a hosted zone', async () => {
    const certSANs = async (zone?: HostedZone) =>
      kubeadmOf(await (await world(claimed, [{ number: 1 }], zone)).ask(1))['ClusterConfiguration'];
    const own = ['127.0.0.1', 'localhost'];
    expect(await certSANs()).toMatchObject({ apiServer: { certSANs: own } });
    expect(await certSANs({ id: 'Z1', name: 'example.org' })).toMatchObject({
      apiServer: { certSANs: [...own, 'api.four-clouds.example.org'] },
    });
  });

  it('runs work itself where no worker is wanted, also none that is only planned', async () => {
    const taintsOf = async (cluster: Partial<Cluster>, nodes: { number: number; desired?: 'absent' }[]) =>
      kubeadmOf(await (await world({ ...claimed, ...cluster }, nodes)).ask(1))['InitConfiguration'];
    const { id, number, role, offering } = machine({ clusterId: 'c', number: 4 });
    const free = { nodeRegistration: { taints: [] } };
    expect(await taintsOf({}, [{ number: 1 }])).toMatchObject(free);
    expect(await taintsOf({}, [{ number: 1 }, { number: 4, desired: 'absent' }])).toMatchObject(free);
    const planned = { id: 'plan', reason: 'test', nodes: [{ id, number, role, offering }] };
    expect(await taintsOf({ pendingPlan: planned }, [{ number: 1 }])).not.toMatchObject(free);
  });

  it('is given the same authorities however often it asks, at once or later', async () => {
    const { ask, cluster } = await world(claimed, [{ number: 1 }]);
    const replies = await Promise.all([ask(1), ask(1), ask(1)]);
    now = plusSeconds(now, 600);
    replies.push(await ask(1));
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1);
    expect((await tests.store.pki.get(cluster.id))?.createdAt).toBe(exampleTime);
  });

  it('of another cluster is given others', async () => {
    const [one, other] = [await world(claimed, [{ number: 1 }]), await world(claimed, [{ number: 1 }])];
    const path = '/etc/kubernetes/pki/ca.key';
    expect(fileIn(await one.ask(1), path)).not.toBe(fileIn(await other.ask(1), path));
  });
});

describe('the control plane that restores a lost cluster', () => {
  const snapshot = '20261123T034500Z';
  const restore = { id: 'r', snapshot, requestedAt: exampleTime, requestedBy: 'ada', number: 3 };
  /** Node 1 had initialised it. */
  const lost = async () => {
    const at = await world(claimed, [{ number: 1 }, { number: 3 }, { number: 4 }]);
    const first = await at.ask(1);
    const { id } = at.cluster;
    const { clusters } = tests.store;
    await clusters.markInitialised(id, { number: 1, attempt: 1 }, now);
    await clusters.changeStatus(id, { from: 'creating', to: 'failed', now });
    const plan = { id: 'p', nodes: [], reason: 'test' };
    await clusters.requestRestore(id, { restore, plan, generationRead: 1, nextNumber: 9, now });
    await clusters.claimRestore(id, restore, 1);
    return { ...at, first };
  };

  it('is given the same authorities, kubeadm’s file for init, and the way to the snapshot', async () => {
    const { ask, first, cluster } = await lost();
    const reply = await ask(3);
    for (const path of keysIn(first)) expect(fileIn(reply, path)).toBe(fileIn(first, path));
    expect(kubeadmOf(reply)['InitConfiguration']).toMatchObject({
      localAPIEndpoint: { advertiseAddress: '10.4.0.3' },
    });
    expect(reply.files.find(({ path }) => path === '/etc/overcast/snapshot.url')).toEqual({
      path: '/etc/overcast/snapshot.url',
      mode: '0600',
      content: `https://bucket/clusters/${cluster.id}/snapshots/${snapshot}.db?GET&1800&secret`,
    });
    expect(JSON.stringify(logged)).not.toContain('secret');
  });

  it('alone: no other machine is given anything meanwhile', async () => {
    const { ask } = await lost();
    for (const number of [1, 4])
      await expect(ask(number)).rejects.toMatchObject({
        status: 403,
        message: 'the cluster is being restored',
      });
  });
});

describe('a machine that joins', () => {
  /** Node 1 has initialised; 2 may join next; 4 is a worker. */
  const running = async () => {
    const at = await world(claimed, [{ number: 1 }, { number: 2 }, { number: 4 }]);
    const first = await at.ask(1);
    await tests.store.nodes.markJoined(at.cluster.id, 1, { attempt: 1, now });
    await tests.store.clusters.markInitialised(at.cluster.id, { number: 1, attempt: 1 }, now);
    await tests.store.clusters.leaseJoin(at.cluster.id, { number: 2, attempt: 1 });
    return { ...at, first };
  };

  it('as a control plane is given the same authorities as the first', async () => {
    const { ask, first } = await running();
    const reply = await ask(2);
    expect(keysIn(reply)).toEqual(keysIn(first));
    for (const path of keysIn(first)) expect(fileIn(reply, path)).toBe(fileIn(first, path));
    expect(kubeadmOf(reply)['JoinConfiguration']).toMatchObject({
      controlPlane: { localAPIEndpoint: { advertiseAddress: '10.4.0.2' } },
    });
  });

  it('as a worker is given no authority’s key, and half an hour of its own', async () => {
    const { ask, first } = await running();
    const reply = await ask(4);
    expect(reply.files.map(({ path }) => path).sort()).toEqual([
      '/etc/kubernetes/bootstrap.conf',
      '/etc/overcast/kubeadm.yaml',
    ]);
    const { users } = JSON.parse(fileIn(reply, '/etc/kubernetes/bootstrap.conf')) as {
      users: { user: { 'client-certificate-data': string } }[];
    };
    const certificate = new X509Certificate(atob(users[0]?.user['client-certificate-data'] ?? ''));
    expect(certificate.subject).toContain('CN=system:node:four-clouds-4');
    expect(Date.parse(certificate.validTo) - Date.parse(now)).toBe(30 * 60 * 1000);
    const authority = new X509Certificate(fileIn(first, '/etc/kubernetes/pki/ca.crt'));
    expect(certificate.verify(authority.publicKey)).toBe(true);
    const secrets = keysIn(first).map((path) => fileIn(first, path));
    for (const secret of secrets) expect(JSON.stringify(reply)).not.toContain(secret.slice(40, 80));
  });

  it('is given a bootstrap certificate that begins anew each time', async () => {
    const { ask } = await running();
    const early = await ask(4);
    now = plusSeconds(now, 3600);
    const late = await ask(4);
    const path = '/etc/kubernetes/bootstrap.conf';
    expect(fileIn(late, path)).not.toBe(fileIn(early, path));
  });

  it('finds no new authorities where the old ones are lost', async () => {
    const { ask, cluster } = await running();
    await tests.store.pki.forget(cluster.id);
    await expect(ask(4)).rejects.toThrow('are lost');
    expect(await tests.store.pki.get(cluster.id)).toBeUndefined();
  });
});

describe('its provider id', () => {
  const place = {
    project: 'my-project',
    subscriptionId: '11111111-2222-4333-8444-555555555555',
    resourceGroup: 'Overcast-One',
  };
  it.each([
    ['aws', 'us-east-1a', {}, 'aws:///us-east-1a/i-1'],
    ['gcp', 'us-east4-a', place, 'gce://my-project/us-east4-a/i-1'],
    [
      'azure',
      '1',
      place,
      'azure:///subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/overcast-one/providers/Microsoft.Compute/virtualMachines/i-1',
    ],
    ['digitalocean', '', {}, 'digitalocean://i-1'],
    ['gcp', 'us-east4-a', {}, undefined],
    ['azure', '1', { resourceGroup: 'one' }, undefined],
  ] as const)('in %s, zone "%s", with %j: %s', async (cloud, zone, given, expected) => {
    const { ask } = await world(claimed, [{ number: 1, offering: anOffering({ cloud, zone }), cloud }]);
    const { nodeRegistration } = kubeadmOf(await ask(1, { place: given }))['InitConfiguration'] as {
      nodeRegistration: { kubeletExtraArgs: { name: string; value: string }[] };
    };
    expect(nodeRegistration.kubeletExtraArgs.find(({ name }) => name === 'provider-id')?.value).toBe(
      expected,
    );
  });

  it('is waited for while the machine is not recorded', async () => {
    const { id } = aCluster();
    const { ask, cluster } = await world({ id, ...claimed }, []);
    const { providerId: _none, ...unrecorded } = machine({ clusterId: id, number: 1 });
    await tests.store.nodes.materialise(unrecorded);
    await expect(ask(1)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 5 });
    expect(await tests.store.pki.get(cluster.id)).toBeUndefined();
  });
});

describe('nothing is given', () => {
  interface Attack {
    readonly cluster: Partial<Cluster>;
    readonly node?: Partial<Node>;
    readonly number?: number;
    readonly request?: Partial<FilesRequest>;
    readonly bearer?: string;
    readonly status: number;
  }
  it.each<[string, Attack]>([
    ['with another node’s session', { cluster: claimed, bearer: secretOf(2), status: 401 }],
    ['with no session at all', { cluster: claimed, bearer: 'f'.repeat(64), status: 401 }],
    ['with the stored hash for a session', { cluster: claimed, bearer: hashOf(secretOf(1)), status: 401 }],
    ['to a node that nobody was admitted to', { cluster: claimed, number: 9, status: 401 }],
    ['to a deleted node', { cluster: claimed, node: { phase: 'deleted' }, status: 401 }],
    [
      'with the session of the machine before',
      { cluster: claimed, node: { attempt: 2 }, bearer: secretOf(1), status: 401 },
    ],
    ['for another attempt', { cluster: claimed, request: { attempt: 2 }, status: 403 }],
    ['to a control plane without the claim', { cluster: {}, status: 403 }],
    ['to a control plane while another holds it', { cluster: { initNode: 2, initAttempt: 1 }, status: 403 }],
    ['to a control plane without the lease', { cluster: { ...initialised, initNode: 2 }, status: 403 }],
    ['to a worker before it was told', { cluster: claimed, number: 4, status: 403 }],
    ['to a machine that has joined', { cluster: initialised, node: { joinedAt: exampleTime }, status: 403 }],
    ['to a machine that failed', { cluster: claimed, node: { failure: { reason: 'no' } }, status: 403 }],
    ['to a node that is to go', { cluster: claimed, node: { desired: 'absent' }, status: 403 }],
    ['in a cluster that goes', { cluster: { ...claimed, desired: 'absent' }, status: 403 }],
    [
      'to the kubeadm of another minor',
      { cluster: claimed, request: { kubernetes: 'v1.37.0' }, status: 409 },
    ],
    [
      'to a kubeadm that only begins alike',
      { cluster: claimed, request: { kubernetes: 'v1.3.6' }, status: 409 },
    ],
  ])('%s', async (_who, { cluster, node = {}, number = 1, request = {}, bearer, status }) => {
    const at = await world(cluster, [{ number: 1, ...node }, { number: 2 }, { number: 4, ...node }]);
    await expect(at.ask(number, request, bearer)).rejects.toMatchObject({ name: 'NodeCallRefused', status });
    expect(await tests.store.pki.get(at.cluster.id)).toBeUndefined();
    expect(logged.map(({ line }) => line)).not.toContain('files issued');
  });

  it('with the session of the same node of another cluster', async () => {
    const { ask } = await world(claimed, [{ number: 1, sessionHash: hashOf('theirs') }]);
    await world(claimed, [{ number: 1 }]);
    await expect(ask(1)).rejects.toMatchObject({ status: 401 });
  });
});

describe('what is known afterwards', () => {
  it('is which machine was given which files, and never what stood in them', async () => {
    const { ask, cluster } = await world(claimed, [{ number: 1 }, { number: 2 }]);
    const reply = await ask(1);
    await ask(2).catch(() => undefined);
    const about = { clusterId: cluster.id, attempt: 1, role: 'control-plane' };
    expect(logged).toEqual([
      { line: 'the cluster’s authorities are made', fields: { clusterId: cluster.id } },
      { line: 'files issued', fields: { ...about, number: 1, files: 'init', kubernetes: 'v1.36.4' } },
      {
        line: 'files refused',
        fields: { ...about, number: 2, reason: 'the machine does not hold the claim to init' },
      },
    ]);
    const text = JSON.stringify(logged);
    expect(reply.files.filter(({ content }) => text.includes(content))).toEqual([]);
  });

  it('in the table is nothing that opens without KMS', async () => {
    const { ask, cluster } = await world(claimed, [{ number: 1 }]);
    const reply = await ask(1);
    const stored = JSON.stringify(await tests.store.pki.get(cluster.id));
    expect(stored).not.toContain('PRIVATE KEY');
    for (const path of keysIn(reply)) expect(stored).not.toContain(fileIn(reply, path).slice(40, 80));
  });
});
