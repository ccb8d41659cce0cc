import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster, Restore } from '../shared/domain/cluster.ts';
import type { NodeRole } from '../shared/domain/network.ts';
import type { SyncRequest } from '../shared/domain/node-protocol.ts';
import { snapshotKey } from '../shared/domain/snapshot.ts';
import { createMachine, until, type TestMachine } from './testing/machine.ts';
import { needs } from './testing/needs.ts';
import { digitaloceanMetadata, startPlatform, urlSecret, type TestPlatform } from './testing/platform.ts';

let platform: TestPlatform;
let machines: TestMachine[] = [];
beforeAll(async () => {
  needs('curl', 'openssl', 'python3', 'setsid', 'flock');
  platform = await startPlatform();
});
afterAll(() => platform.close());
afterEach(async () => {
  await Promise.all(machines.map((machine) => machine.remove()));
  machines = [];
  platform.syncs.length = 0;
  platform.secrets.clear();
  platform.filesAsked.length = 0;
  platform.instead = undefined;
  platform.isAway = false;
});

async function aMachine(
  cluster: Cluster,
  number: number,
  role: NodeRole = 'control-plane',
  environment: Readonly<Record<string, string>> = {},
): Promise<TestMachine> {
  const settings = await platform.expect(cluster, number, role, 'digitalocean');
  platform.metadata.set(
    number,
    digitaloceanMetadata({ public: `203.0.113.${number}`, private: `10.10.0.${number}` }),
  );
  const machine = createMachine({
    settings,
    hostname: `four-clouds-${number}`,
    environment: {
      OVERCAST_METADATA: `${platform.url}/machine/${number}`,
      OVERCAST_PACKAGES: platform.url,
      ...environment,
    },
  });
  machines.push(machine);
  return machine;
}
const isReady = async (cluster: Cluster, number: number): Promise<boolean> =>
  (await platform.node(cluster, number)).phase === 'ready';
const lastSync = (number: number) => platform.syncs.findLast((sync) => sync.number === number)?.body;

describe('the agent on machines of the real protocol', () => {
  it('makes three control planes and a worker ready: one init, one join at a time, kubeadm once each', async () => {
    const cluster = await platform.create();
    const all = [
      await aMachine(cluster, 1),
      await aMachine(cluster, 2),
      await aMachine(cluster, 3),
      await aMachine(cluster, 4, 'worker'),
    ];
    let joiningMax = 0;
    for (const machine of all) machine.start();
    await until('all four are ready', async () => {
      const phases = await Promise.all([1, 2, 3].map((number) => platform.node(cluster, number)));
      const { initNode } = (await platform.store.clusters.get(cluster.id)) ?? {};
      const joining = phases.filter((node) => node.phase === 'joining' && node.number !== initNode).length;
      joiningMax = Math.max(joiningMax, joining);
      const ready = await Promise.all([1, 2, 3, 4].map((number) => isReady(cluster, number)));
      return ready.every(Boolean);
    });

    const kubeadm = all.map((machine) => machine.calls('kubeadm'));
    expect(kubeadm.flat().filter((call) => call.startsWith('init '))).toHaveLength(1);
    expect(kubeadm.map((calls) => calls.length)).toEqual([1, 1, 1, 1]);
    expect(joiningMax).toBeLessThanOrEqual(1);

    const [, , , worker] = all;
    expect(worker?.calls('apt-get').at(-1)).toMatch(
      /install .*kubelet=1\.36\.\* kubeadm=1\.36\.\* kubectl=1\.36\.\*/,
    );
    expect(worker?.calls('apt-mark')).toEqual(['hold containerd kubelet kubeadm kubectl']);
    expect(worker?.read('etc/containerd/config.toml')).toContain('SystemdCgroup = true');
    expect(worker?.read('etc/sysctl.d/90-overcast.conf')).toContain('net.ipv4.ip_forward = 1');
    expect(worker?.read('etc/hosts')).toMatch(
      new RegExp(`^10\\.4\\.0\\.\\d ${cluster.id}\\.overcast\\.internal`),
    );
    expect(worker?.read('fakes/wg.conf')).toMatch(
      /AllowedIPs = 10\.4\.0\.1\/32\nEndpoint = 10\.10\.0\.1:51820/,
    );
    expect(worker?.calls('ip')).toContain('route replace 10.4.0.2/32 dev wg0 src 10.4.0.4');
    expect(worker?.calls('ip')).toContain('link set wg0 mtu 1380 up');
  });

  it('is given what it needs and no more, each time it asks: authorities by their claim or lease, workers none', async () => {
    const cluster = await platform.create();
    const first = await aMachine(cluster, 1);
    const worker = await aMachine(cluster, 4, 'worker');
    for (const machine of [first, worker]) machine.start();
    await until('both are ready', async () => (await isReady(cluster, 1)) && (await isReady(cluster, 4)));
    expect(first.kubeadm()).toMatchObject({
      verb: 'init',
      kubernetesVersion: 'v1.36.4',
      kubeletArguments: { 'node-ip': '10.4.0.1', 'provider-id': 'digitalocean://machine-1' },
      endpoints: ['10.4.0.1'],
    });
    expect(first.kubeadm()?.files).toContain('/etc/kubernetes/pki/ca.key');
    expect(worker.kubeadm()).toMatchObject({ verb: 'join', endpoints: ['10.4.0.1'] });
    expect(worker.kubeadm()?.files).toEqual(['/etc/kubernetes/bootstrap.conf']);
    expect(worker.read('etc/kubernetes/bootstrap.conf'), 'the credential to join with is gone').toBe('');
    // Whatever they ask for once they have joined, there is nothing to be had any more.
    const again = await fetch(`${platform.url}/v1/clusters/${cluster.id}/nodes/4/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${worker.read('var/lib/overcast/session').trim()}` },
      body: JSON.stringify({ attempt: 1, kubernetes: 'v1.36.4' }),
    });
    expect(again.status).toBe(403);
  });

  it('asks for its files again when it is refused or cut off, and begins kubeadm with the newest', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    platform.filesAnswers.push(
      { statusCode: 403, body: '{"title":"The call was refused"}' },
      { statusCode: 503, body: '' },
      { statusCode: 200, body: '{"files":[{"path":"/etc/passwd","mode":"0600","content":"x"}]}' },
      { statusCode: 200, body: '{"files":[{"path":"/etc/kubernetes/x","mode":"4755","content":"x"}]}' },
    );
    machine.start();
    await until('ready', () => isReady(cluster, 1));
    expect(platform.filesAsked).toHaveLength(5);
    expect(platform.filesAsked.at(-1)?.body).toEqual({ attempt: 1, kubernetes: 'v1.36.4' });
    expect(machine.read('etc/passwd')).toBe('');
    expect(machine.read('etc/kubernetes/x')).toBe('');
    expect(machine.calls('kubeadm')).toHaveLength(1);
  });

  it('says how many pods fit nowhere, as a control plane: what kubectl lists of those that are pending', async () => {
    const cluster = await platform.create();
    const [first, worker] = [await aMachine(cluster, 1), await aMachine(cluster, 4, 'worker')];
    for (const machine of [first, worker]) machine.start();
    await until('both are ready', async () => (await isReady(cluster, 1)) && (await isReady(cluster, 4)));
    await until('none', () => lastSync(1)?.unschedulablePods === 0);
    const pod = (reason: string) => ({ status: { conditions: [{ type: 'PodScheduled', reason }] } });
    writeFileSync(
      join(first.fakes, 'pending'),
      JSON.stringify({ items: ['Unschedulable', 'SchedulingGated', 'Unschedulable'].map(pod) }),
    );
    await until('two', () => lastSync(1)?.unschedulablePods === 2);
    await until('the table knows', async () => {
      const { unschedulablePods } = (await platform.store.clusters.get(cluster.id)) ?? {};
      return unschedulablePods === 2;
    });
    expect(platform.bus.names().filter((name) => name === 'PodsUnschedulable')).toHaveLength(1);
    expect(lastSync(4)?.unschedulablePods).toBeUndefined();
  });

  it('says which peers are silent: never one that has not had time to answer', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    machine.start();
    await until('ready', () => isReady(cluster, 1));
    const key = (letter: string): string => `${letter.repeat(43)}=`;
    platform.instead = (_number, _sync, own) => ({
      ...own,
      meshVersion: own.meshVersion + 1,
      peers: ['a', 'b', 'c', 'd'].map((letter, index) => ({
        publicKey: key(letter),
        allowedIps: `10.4.0.${index + 2}/32`,
        endpoint: `203.0.113.${index + 2}:51820`,
      })),
    });
    await until('its peers', () => machine.read('var/lib/overcast/peers').includes('10.4.0.5/32'));
    const now = Math.floor(Date.now() / 1000);
    writeFileSync(
      join(machine.fakes, 'handshakes'),
      [
        [key('a'), now - 30],
        [key('b'), now - 400],
        [key('c'), 0],
        [key('d'), 0],
        [key('z'), now],
      ]
        .map((fields) => `${fields.join('\t')}\n`)
        .join(''),
    );
    const said = () => lastSync(1)?.handshakes;
    await until('handshakes', () => said()?.oldestSeconds !== undefined);
    expect(said()?.oldestSeconds).toBeGreaterThanOrEqual(400);
    expect(said()?.silent.map(({ overlayAddress }) => overlayAddress)).toEqual(['10.4.0.3']);
    // As if it had known the third for longer.
    const sincePath = join(machine.root, 'run/overcast/peers-since.json');
    const since = JSON.parse(machine.read('run/overcast/peers-since.json')) as Record<string, number>;
    writeFileSync(sincePath, JSON.stringify({ ...since, [key('c')]: now - 181 }));
    await until('another', () => said()?.silent.length === 2);
    expect(said()?.silent).toEqual([
      { overlayAddress: '10.4.0.4' },
      { overlayAddress: '10.4.0.3', ageSeconds: expect.any(Number) as number },
    ]);
  });

  it('leads the cluster’s name to all control planes: a worker with every list, a control plane to itself', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    const worker = await aMachine(cluster, 4, 'worker');
    for (const each of [machine, worker]) {
      mkdirSync(join(each.root, 'etc'), { recursive: true });
      writeFileSync(join(each.root, 'etc/hosts'), '127.0.0.1 localhost\n');
      each.start();
    }
    await until('both are ready', async () => (await isReady(cluster, 1)) && (await isReady(cluster, 4)));
    platform.instead = (_number, _sync, own) => ({
      ...own,
      instruction: { ...own.instruction, endpoint: '10.4.0.1:6443,10.4.0.2:6443,10.4.0.3:6443' },
    });
    await until('the list', () => worker.read('etc/hosts').includes('10.4.0.3 '));
    const name = `${cluster.id}.overcast.internal # overcast\n`;
    expect(worker.read('etc/hosts')).toBe(
      `127.0.0.1 localhost\n10.4.0.1 ${name}10.4.0.2 ${name}10.4.0.3 ${name}`,
    );
    const syncs = platform.syncs.length;
    await until('it was told', () => platform.syncs.slice(syncs).some(({ number }) => number === 1));
    expect(machine.read('etc/hosts')).toBe(`127.0.0.1 localhost\n10.4.0.1 ${name}`);
  });

  it('acknowledges no mesh before it knows the control planes that were told with it: they are not told again', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    const worker = await aMachine(cluster, 4, 'worker');
    for (const each of [machine, worker]) each.start();
    await until('both are ready', async () => (await isReady(cluster, 1)) && (await isReady(cluster, 4)));
    const version = lastSync(4)?.meshVersion ?? 0;
    // As if it died right there: what it would write cannot be written.
    const cut = join(worker.root, 'etc/hosts.overcast');
    mkdirSync(cut);
    platform.instead = (number, sync, own) =>
      number === 4 && sync.meshVersion <= version
        ? {
            ...own,
            meshVersion: version + 1,
            peers: [],
            instruction: { ...own.instruction, endpoint: '10.4.0.1:6443,10.4.0.9:6443' },
          }
        : own;
    const syncs = platform.syncs.length;
    const since = () => platform.syncs.slice(syncs).filter(({ number }) => number === 4);
    await until('it was told twice', () => since().length > 2);
    expect(new Set(since().map(({ body }) => body.meshVersion))).toEqual(new Set([version]));
    rmSync(cut, { recursive: true });
    await until('it is acknowledged', () => lastSync(4)?.meshVersion === version + 1);
    expect(worker.read('etc/hosts')).toContain('10.4.0.9 ');
  });

  it('outlives its death while kubeadm runs, and takes its result', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1, 'control-plane', { KUBEADM_SECONDS: '1' });
    machine.start();
    await until('kubeadm runs', () => machine.calls('kubeadm').length === 1);
    await machine.kill();
    machine.start();
    await until('ready', () => isReady(cluster, 1));
    expect(machine.calls('kubeadm')).toHaveLength(1);
  });

  it('reports a kubeadm that a reboot cut off, and never begins another', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1, 'control-plane', { KUBEADM_SECONDS: '2' });
    machine.start();
    await until('kubeadm runs', () => machine.calls('kubeadm').length === 1);
    await machine.kill();
    const [pid, boot] = machine.read('var/lib/overcast/kubeadm/pid').trim().split(' ');
    expect(boot).toMatch(/^[0-9a-f-]{36}$/);
    process.kill(Number(pid), 'SIGKILL');
    machine.start();
    await until('failed', async () => (await platform.node(cluster, 1)).failure !== undefined);
    expect((await platform.node(cluster, 1)).failure?.reason).toBe('kubeadm init was cut off');
    expect(machine.calls('kubeadm')).toHaveLength(1);
  });

  it('reports a failing kubeadm with the end of its log, and no secret', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    machine.start();
    await until('admitted', () => machine.read('var/lib/overcast/admitted') !== '');
    await machine.kill();
    const secret = machine.read('var/lib/overcast/session').trim();
    const key = machine.read('var/lib/overcast/wireguard.key').trim();
    const pem = `-----BEGIN PRIVATE KEY-----\n${'MIGHAgEA'.repeat(8)}\nshort==\n-----END PRIVATE KEY-----`;
    writeFileSync(
      join(machine.fakes, 'kubeadm-fails'),
      `${'x y '.repeat(3000)}\n${secret}\n${key}\n${pem}\n--token abcdef.0123456789abcdef\n`,
    );
    machine.start();
    await until('failed', async () => (await platform.node(cluster, 1)).failure !== undefined);
    const failure = lastSync(1)?.failure ?? { reason: '' };
    expect(failure.reason).toBe('kubeadm init failed with exit code 1');
    expect(failure.log).toContain('error execution phase etcd-join: context deadline exceeded');
    expect(failure.log?.length).toBeLessThanOrEqual(4096);
    const everything = JSON.stringify(platform.syncs);
    for (const hidden of [secret, key, 'MIGHAgEA', 'short==', '0123456789abcdef'])
      expect(everything.includes(hidden), hidden).toBe(false);
    await machine.kill();
    machine.start();
    await until('says so again', () => platform.syncs.length > 0 && lastSync(1)?.phase === 'failed');
    expect(machine.calls('kubeadm')).toHaveLength(1);
  });

  it('installs again and again, and reports when it cannot be done', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    writeFileSync(join(machine.fakes, 'apt-fails'), '');
    machine.start();
    await until('a second try', () => machine.calls('apt-get').length >= 2);
    rmSync(join(machine.fakes, 'apt-fails'));
    await until('ready', () => isReady(cluster, 1));

    const other = await aMachine(cluster, 2, 'control-plane', { OVERCAST_SECOND: '0.001' });
    writeFileSync(join(other.fakes, 'apt-fails'), '');
    other.start();
    await until('failed', async () => (await platform.node(cluster, 2)).failure !== undefined);
    expect(lastSync(2)?.failure).toMatchObject({ reason: 'the packages cannot be installed' });
    expect(lastSync(2)?.failure?.log).toContain('Unable to locate package kubelet');
  });

  it('waits while the platform is away, and goes on when it is back', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    platform.isAway = true;
    machine.start();
    await until(
      'two refusals',
      () => (machine.read('var/log/overcast-agent.log').match(/admit: 503/g) ?? []).length >= 2,
    );
    platform.isAway = false;
    await until('ready', () => isReady(cluster, 1));
    platform.isAway = true;
    await until('a refusal', () => machine.read('var/log/overcast-agent.log').includes('sync: 503'));
    platform.isAway = false;
    const before = platform.syncs.length;
    await until('it syncs again', () => platform.syncs.length > before);
  });

  it('with stolen user-data gets nothing but a refusal', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    machine.start();
    await until('admitted', () => machine.read('var/lib/overcast/admitted') !== '');
    const settings = Object.fromEntries(
      [...machine.read('etc/overcast/agent.env').matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [
        name,
        value,
      ]),
    ) as Record<string, string>;
    const thief = createMachine({ settings, hostname: 'elsewhere' });
    machines.push(thief);
    thief.start();
    await until('refused', () => thief.read('var/log/overcast-agent.log').includes('admit: 409'));
    await until('the first is ready', () => isReady(cluster, 1));
    expect(thief.read('var/lib/overcast/admitted')).toBe('');
    expect(thief.calls('kubeadm')).toEqual([]);
    expect(thief.read('etc/overcast/kubeadm.yaml')).toBe('');
  });

  it.each([
    ['of another node', (_given: string, other: string) => other],
    ['that was changed', (given: string) => `${given.slice(0, -4)}AAAA`],
    ['of a later attempt', (given: string) => given.replace('v1.1.', 'v1.2.')],
    ['that would live longer', (given: string) => given.replace(/\.\d{10}\./, '.1999999999.')],
    ['of no form at all', () => 'Basic'],
  ])('is not admitted with a token %s', async (_, change) => {
    const cluster = await platform.create();
    const settings = await platform.expect(cluster, 1, 'control-plane', 'digitalocean');
    const other = await platform.expect(cluster, 2, 'control-plane', 'digitalocean');
    const given = settings['OVERCAST_TOKEN'] ?? '';
    const token = change(given, other['OVERCAST_TOKEN'] ?? '');
    const thief = createMachine({ settings: { ...settings, OVERCAST_TOKEN: token }, hostname: 'elsewhere' });
    machines.push(thief);
    thief.start();
    await until('refused', () => thief.read('var/log/overcast-agent.log').includes('admit: 401'));
    expect(thief.read('var/lib/overcast/admitted')).toBe('');
    expect((await platform.node(cluster, 1)).sessionHash).toBeUndefined();
  });

  it('is not admitted with the token of a machine that was replaced', async () => {
    const cluster = await platform.create();
    const settings = await platform.expect(cluster, 1, 'control-plane', 'digitalocean');
    const node = await platform.node(cluster, 1);
    await platform.store.nodes.beginAttempt(cluster.id, 1, {
      executionArn: node.operation?.executionArn ?? '',
      request: {
        attempt: 2,
        offering: node.offering,
        kubernetesVersion: '1.36',
        tokenExpiresAt: Math.floor(Date.now() / 1000) + 3600,
        requestedAt: new Date().toISOString(),
      },
    });
    const late = createMachine({ settings, hostname: 'four-clouds-1' });
    machines.push(late);
    late.start();
    await until('refused', () => late.read('var/log/overcast-agent.log').includes('admit: 401'));
    expect(late.read('var/lib/overcast/admitted')).toBe('');
  });

  it('keeps what is secret from everybody else on the machine', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    machine.start();
    await until('ready', () => isReady(cluster, 1));
    const log = machine.read('var/log/overcast-agent.log');
    expect(log).not.toContain(machine.read('var/lib/overcast/session').trim());
    expect(log).not.toContain(machine.read('var/lib/overcast/wireguard.key').trim());
    expect(log).not.toMatch(/PRIVATE KEY|BEGIN/);
    // What was answered with keys in it is not kept beside its files.
    expect(machine.read('run/overcast/reply')).not.toMatch(/"files"|BEGIN/);
    const open = execFileSync('find', [
      `${machine.root}/var`,
      `${machine.root}/run`,
      '-type',
      'f',
      '-perm',
      '/077',
    ]);
    expect(String(open)).toBe('');
  });
});

describe('a cluster that lost its quorum', () => {
  const snapshot = '20261123T080000Z';
  const restore: Restore = {
    id: 'asked',
    snapshot,
    requestedAt: '2026-11-23T08:20:00.000Z',
    requestedBy: 'ada',
    number: 7,
  };
  const lost = async (): Promise<Cluster> => {
    const cluster = await platform.create({
      status: 'restoring',
      initNode: 1,
      initAttempt: 1,
      initialisedAt: '2026-11-23T04:00:00.000Z',
      restore,
    });
    platform.bucket.set(snapshotKey(cluster.id, snapshot), 'snapshot\n');
    return cluster;
  };
  const failureOf = async (cluster: Cluster) => (await platform.node(cluster, 7)).failure;

  it('is made anew on a new machine: etcd’s data from the snapshot, then one kubeadm on it', async () => {
    const cluster = await lost();
    platform.bus.clear();
    const machine = await aMachine(cluster, 7);
    machine.start();
    await until('ready', () => isReady(cluster, 7));
    const { root } = machine;
    expect(machine.calls('ctr')).toEqual([
      [
        `--namespace k8s.io run --rm --mount type=bind,src=${root}/var/lib/overcast/restore,dst=/restore,options=rbind:rw`,
        'registry.k8s.io/etcd:3.6.8-0 overcast-restore /usr/local/bin/etcdutl',
        'snapshot restore /restore/snapshot.db --data-dir /restore/data --name four-clouds-7',
        '--initial-cluster four-clouds-7=https://10.4.0.7:2380 --initial-cluster-token four-clouds-7-1',
        '--initial-advertise-peer-urls https://10.4.0.7:2380 --bump-revision 1000000000 --mark-compacted',
      ].join(' '),
    ]);
    const config = `--config ${root}/etc/overcast/kubeadm.yaml`;
    expect(machine.calls('kubeadm')).toEqual([
      `config images pull ${config}`,
      `config images list ${config}`,
      `init ${config} --ignore-preflight-errors=DirAvailable--var-lib-etcd`,
    ]);
    expect(machine.read('var/lib/etcd/member/snap/db')).toBe('snapshot\n');
    expect(machine.kubeadm()).toMatchObject({ verb: 'init', endpoints: ['10.4.0.7'] });
    expect((await platform.store.clusters.get(cluster.id))?.restore).toMatchObject({
      attempt: 1,
      restoredAt: expect.any(String) as string,
    });
    expect(platform.bus.said.filter(({ event }) => event === 'ClusterRestored')).toEqual([
      { event: 'ClusterRestored', detail: { clusterId: cluster.id, snapshot, number: 7 } },
    ]);
    // The way to the snapshot is a secret: what is left of it is nothing.
    expect(spawnSync('grep', ['-rl', urlSecret, root], { encoding: 'utf8' }).stdout).toBe('');
    expect(JSON.stringify(platform.syncs)).not.toContain(urlSecret);
    expect(machine.read('var/lib/overcast/restore/snapshot.db')).toBe('');
  });

  it('waits for the machines of its other control planes to be gone, and is given nothing before', async () => {
    const cluster = await lost();
    await platform.expect(cluster, 1, 'control-plane', 'digitalocean');
    const machine = await aMachine(cluster, 7);
    machine.start();
    const told = () => machine.read('run/overcast/next/reason');
    await until('it is told why', () => told() === 'the machine of control plane 1 to be gone');
    const secret = machine.read('var/lib/overcast/session').trim();
    const files = await fetch(`${platform.url}/v1/clusters/${cluster.id}/nodes/7/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: JSON.stringify({ attempt: 1, kubernetes: 'v1.36.4' }),
    });
    expect([files.status, await files.text()]).toEqual([
      403,
      expect.stringContaining('the cluster is being restored'),
    ]);
    await platform.store.nodes.retire(cluster.id, 1);
    await platform.store.nodes.bury(cluster.id, 1, new Date().toISOString());
    await until('ready', () => isReady(cluster, 7));
  });

  it.each([
    ['a snapshot that is broken', 'half of a snaps', /expected sha256 \[123\], got \[124\]/],
    ['a snapshot that is not there', undefined, /The requested URL returned error: 403/],
  ])('reports %s with the end of its log, and never comes to kubeadm', async (_, held, said) => {
    const cluster = await lost();
    const key = snapshotKey(cluster.id, snapshot);
    if (held === undefined) platform.bucket.delete(key);
    else platform.bucket.set(key, held);
    const machine = await aMachine(cluster, 7, 'control-plane', { OVERCAST_SECOND: '0.005' });
    machine.start();
    await until('failed', async () => (await failureOf(cluster)) !== undefined);
    expect(await failureOf(cluster)).toEqual({
      reason: 'kubeadm restore failed with exit code 1',
      log: expect.stringMatching(said) as string,
    });
    expect(JSON.stringify(platform.syncs)).not.toContain(urlSecret);
    expect(machine.calls('kubeadm').filter((call) => call.startsWith('init'))).toEqual([]);
    expect(machine.read('etc/overcast/snapshot.url')).toBe('');
    // Begun again it says the same, and does nothing more.
    await machine.kill();
    machine.start();
    const syncs = platform.syncs.length;
    await until('says so again', () => platform.syncs.length > syncs && lastSync(7)?.phase === 'failed');
    expect(machine.calls('ctr').length).toBeLessThanOrEqual(1);
  });

  it('is joined again by a worker that it does not know any more: its kubelet starts anew, once', async () => {
    const cluster = await platform.create();
    const machine = await aMachine(cluster, 1);
    const worker = await aMachine(cluster, 4, 'worker');
    for (const each of [machine, worker]) each.start();
    await until('both are ready', async () => (await isReady(cluster, 1)) && (await isReady(cluster, 4)));
    const restarts = () => worker.calls('systemctl').filter((call) => call === 'restart kubelet').length;
    const asked = () => worker.calls('kubectl').filter((call) => call.includes('--ignore-not-found')).length;
    await until('it has looked', () => worker.read('run/overcast/look') === '' && asked() > 0);
    expect(restarts()).toBe(0);
    // New control planes, of which none answers for a while.
    for (const fake of ['unknown', 'away']) writeFileSync(join(worker.fakes, fake), '');
    let isTold = false;
    platform.instead = (number, _sync, own) => {
      if (number !== 4 || isTold) return own;
      isTold = true;
      return { ...own, instruction: { ...own.instruction, endpoint: '10.4.0.7:6443' } };
    };
    const before = asked();
    await until('it asks in vain', () => asked() > before + 1);
    expect(restarts()).toBe(0);
    rmSync(join(worker.fakes, 'away'));
    await until('the kubelet starts anew', () => restarts() > 0);
    const syncs = platform.syncs.length;
    await until(
      'two more syncs',
      () => platform.syncs.slice(syncs).filter(({ number }) => number === 4).length > 1,
    );
    expect(restarts()).toBe(1);
  });
});

describe('instructions', () => {
  let told: (instruction: Record<string, string>) => Promise<SyncRequest['result']>;
  let machine: TestMachine;
  let clusterId: string;
  let tellings = 0;
  beforeAll(async () => {
    const cluster = await platform.create();
    clusterId = cluster.id;
    machine = await aMachine(cluster, 1);
    machines = [];
    machine.start();
    await until('ready', () => isReady(cluster, 1));
    /** Tells it until it has answered, and then some. */
    told = async (instruction) => {
      tellings += 1;
      const id = `${instruction['kind']}-1-${tellings}`;
      const mine = () => platform.syncs.filter((sync) => sync.clusterId === cluster.id);
      const result = () => mine().find((sync) => sync.body.result?.instructionId === id)?.body.result;
      platform.instead = () => ({ instruction: { id, ...instruction }, meshVersion: 1, syncAfterSeconds: 1 });
      await until('its result', () => result() !== undefined);
      const count = mine().length;
      await until('two more syncs', () => mine().length >= count + 2);
      return result();
    };
  });
  afterAll(() => machine.remove());
  const members = (count: number): void => {
    writeFileSync(
      join(machine.fakes, 'members'),
      JSON.stringify({
        members: Array.from({ length: count }, (_, index) => ({
          ID: 255 + index,
          name: `four-clouds-${index + 1}`,
          peerURLs: [`https://10.4.0.${index + 1}:2380`],
        })),
      }),
    );
  };
  const removals = (): readonly string[] =>
    machine.calls('crictl').filter((call) => call.includes('member remove'));

  it('forget-member: never the last', async () => {
    members(1);
    await expect(told({ kind: 'forget-member', endpoint: '10.4.0.1' })).resolves.toMatchObject({ ok: true });
    expect(removals()).toEqual([]);
  });
  it('forget-member: removes the lost one by its address, once', async () => {
    members(3);
    await expect(told({ kind: 'forget-member', endpoint: '10.4.0.2' })).resolves.toMatchObject({ ok: true });
    expect(removals()).toEqual([expect.stringMatching(/member remove 100$/)]);
  });
  const upgrades = (): readonly string[] =>
    machine.calls('kubeadm').filter((call) => call.startsWith('upgrade'));
  const clusterIsOf = (version: string): void =>
    writeFileSync(
      join(machine.fakes, 'kubeadm-config'),
      `data:\n  ClusterConfiguration: |\n    kubernetesVersion: ${version}\n    networking:\n`,
    );
  it('upgrade: reports that the cluster’s API says nothing, and changes nothing of kubeadm’s', async () => {
    writeFileSync(join(machine.root, 'etc/kubernetes/admin.conf'), 'admin\n');
    await expect(told({ kind: 'upgrade', reason: '1.37' })).resolves.toMatchObject({ ok: false });
    expect(upgrades()).toEqual([]);
  });
  it('upgrade: the first one moves the cluster to the patch that was installed: packages, kubeadm, kubelet, once', async () => {
    clusterIsOf('v1.36.4');
    writeFileSync(join(machine.fakes, 'kubeadm-version'), 'v1.37.1\n');
    await expect(told({ kind: 'upgrade', reason: '1.37' })).resolves.toMatchObject({ ok: true });
    expect(upgrades()).toEqual(['upgrade apply --yes v1.37.1']);
    expect(machine.calls('apt-get').at(-1)).toContain('kubelet=1.37.*');
    expect(machine.read('etc/apt/sources.list.d/kubernetes.list')).toContain('/v1.37/deb/');
    expect(machine.calls('systemctl').at(-1)).toBe('restart kubelet');
  });
  it('upgrade: the next ones follow, whatever patch it is by then; a patch of its own is not every other', async () => {
    clusterIsOf('v1.37.0');
    await expect(told({ kind: 'upgrade', reason: '1.37' })).resolves.toMatchObject({ ok: true });
    expect(upgrades().at(-1)).toBe('upgrade node');
    clusterIsOf('v1.37.10');
    await expect(told({ kind: 'upgrade', reason: '1.37.1' })).resolves.toMatchObject({ ok: true });
    expect(upgrades().at(-1)).toBe('upgrade apply --yes v1.37.1');
    expect(machine.calls('apt-get').at(-1)).toContain('kubelet=1.37.1-*');
  });
  it('upgrade: is done when the node is Ready again', async () => {
    clusterIsOf('v1.37.1');
    writeFileSync(join(machine.fakes, 'not-ready'), '');
    const done = told({ kind: 'upgrade', reason: '1.37' });
    const looks = (): number => machine.calls('kubectl').filter((call) => call.includes('jsonpath')).length;
    const before = looks();
    await until('it looks again and again', () => looks() > before + 3);
    rmSync(join(machine.fakes, 'not-ready'));
    await expect(done).resolves.toMatchObject({ ok: true });
  });
  it('upgrade: reports what is not a version', async () => {
    const before = machine.calls('kubeadm').length;
    await expect(told({ kind: 'upgrade', reason: '1.36; reboot' })).resolves.toMatchObject({
      ok: false,
      output: 'not a version: 1.36; reboot\n',
    });
    expect(machine.calls('kubeadm')).toHaveLength(before);
  });
  it('snapshot: takes it in etcd’s container and puts it where it is told to', async () => {
    await expect(told({ kind: 'snapshot', endpoint: `${platform.url}/snapshot` })).resolves.toMatchObject({
      ok: true,
    });
    expect(platform.uploads).toEqual(['snapshot\n']);
    expect(machine.read('run/overcast/url')).toBe('');
  });
  it('snapshot: syncs go on beside an upload that takes its time, and it is made and reported once', async () => {
    const uploads = platform.uploads.length;
    const mine = () => platform.syncs.filter((sync) => sync.clusterId === clusterId);
    let arrive = (): void => {};
    platform.uploading = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const before = mine().length;
    const outcome = told({ kind: 'snapshot', endpoint: `${platform.url}/snapshot` });
    await until('three syncs meanwhile', () => mine().length >= before + 3);
    expect(platform.uploads).toHaveLength(uploads);
    arrive();
    platform.uploading = undefined;
    await expect(outcome).resolves.toMatchObject({ ok: true });
    expect(platform.uploads.slice(uploads)).toEqual(['snapshot\n']);
    expect(
      mine()
        .slice(before)
        .filter(({ body }) => body.result !== undefined),
    ).toHaveLength(1);
  });
  it('snapshot: what its place refuses is reported as not done, and another one is taken after it', async () => {
    const at = (path: string) => told({ kind: 'snapshot', endpoint: `${platform.url}${path}` });
    await expect(at('/nowhere')).resolves.toMatchObject({
      ok: false,
      output: expect.stringContaining('404') as string,
    });
    await expect(at('/snapshot')).resolves.toMatchObject({ ok: true });
  });
  it('leave: cordons, evicts what is neither a daemon’s nor static, and is gone', async () => {
    const cluster = await platform.create();
    const leaver = await aMachine(cluster, 1);
    leaver.start();
    await until('ready', () => isReady(cluster, 1));
    const pod = (name: string, metadata: object): void => {
      writeFileSync(
        join(leaver.fakes, 'pods', name),
        JSON.stringify({
          metadata: { name, namespace: 'default', ...metadata },
          status: { phase: 'Running' },
        }),
      );
    };
    pod('web-1', { ownerReferences: [{ kind: 'ReplicaSet' }] });
    pod('web-2', {});
    pod('cilium', { ownerReferences: [{ kind: 'DaemonSet' }] });
    pod('etcd', { annotations: { 'kubernetes.io/config.mirror': 'x' } });
    platform.instead = () => ({
      instruction: { id: 'leave-1-1', kind: 'leave' },
      meshVersion: 1,
      syncAfterSeconds: 1,
    });
    await until('left', async () => (await platform.node(cluster, 1)).leftAt !== undefined);
    const kubectl = leaver.calls('kubectl');
    expect(kubectl.some((call) => call.endsWith('cordon four-clouds-1'))).toBe(true);
    const evicted = kubectl
      .filter((call) => call.includes('/eviction'))
      .map((call) => /pods\/([^/]+)/.exec(call)?.[1]);
    expect(new Set(evicted)).toEqual(new Set(['web-1', 'web-2']));
  });
});
