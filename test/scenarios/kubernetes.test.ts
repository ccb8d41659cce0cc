import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { KMSClient } from '@aws-sdk/client-kms';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { load } from 'js-yaml';
import * as z from 'zod/mini';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectFolder } from '../../infra/paths.ts';
import type { ClusterDetails, NodeView } from '../../shared/domain/api-types.ts';
import { ApiFailure, createClusterApi, type ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { createClusterPki, type ClusterPki } from '../../shared/kubernetes/pki/cluster-pki.ts';
import { issueAdminCredential } from '../../shared/kubernetes/pki/issue-credentials.ts';
import { createDataKeys, openPki } from '../../shared/runtime/pki.ts';
import { eventually, living, startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';

const name = 'kube';
const daySeconds = 24 * 3600;

const nodeSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.looseObject({ providerID: z.optional(z.string()), unschedulable: z.optional(z.boolean()) }),
  status: z.looseObject({
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })),
    addresses: z.array(z.looseObject({ type: z.string(), address: z.string() })),
    allocatable: z.record(z.string(), z.string()),
  }),
});
const nodeList = z.looseObject({ items: z.array(nodeSchema) });
const podList = z.looseObject({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
      spec: z.looseObject({ nodeName: z.optional(z.string()) }),
      status: z.looseObject({ phase: z.string() }),
    }),
  ),
});
type NodeObject = z.output<typeof nodeSchema>;

const readyOf = ({ status }: NodeObject): string | undefined =>
  status.conditions.find(({ type }) => type === 'Ready')?.status;

/** Everything on one platform and one cluster, in order: each test goes on where the one before it stopped. */
describe('the example cluster’s own API', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-kubernetes-'));
  const kubeconfigPath = join(folder, 'k');
  let platform: TestPlatform;
  let cluster: ClusterDetails;
  let pki: ClusterPki;
  let api: ClusterApi;
  let s3: S3Client;

  const addresses = (): readonly string[] =>
    living(cluster)
      .filter(({ role }) => role === 'control-plane')
      .map(({ publicAddress }) => publicAddress ?? '');
  /** Plain HTTPS by way of the proxy, as this client. */
  const as = (credential: Parameters<typeof createClusterApi>[0]['credential']): ClusterApi =>
    createClusterApi({
      clusterId: cluster.id,
      addresses: addresses(),
      caCertificatePem: pki.cluster.certificatePem,
      proxyUrl: platform.clusterProxyUrl,
      ...(credential === undefined ? {} : { credential }),
    });
  const admin = (of: ClusterPki, secondsAgo = 0) =>
    issueAdminCredential(
      {
        authority: of.cluster,
        now: new Date(Date.now() - secondsAgo * 1000).toISOString(),
        randomBytes,
      },
      'ada',
    );
  const nodes = async (): Promise<readonly NodeObject[]> => (await api.get('/api/v1/nodes', nodeList)).items;
  const podsIn = async (namespace: string) =>
    (await api.get(`/api/v1/namespaces/${namespace}/pods`, podList)).items;

  const nodeName = ({ number }: Pick<NodeView, 'number'>): string => `${name}-${number}`;
  /** So many pods, all of them running, and none on the node that is named. */
  const untilRunning = (count: number, notOn?: string) =>
    eventually(
      `${count} pods`,
      () => podsIn('default'),
      (all) =>
        all.length === count &&
        all.every(({ spec, status }) => status.phase === 'Running' && spec.nodeName !== notOn),
      20,
      (all) =>
        all
          .map(({ metadata, spec, status }) => `${metadata.name} ${spec.nodeName} ${status.phase}`)
          .join('\n'),
    );
  const untilNodes = (what: string, condition: (all: readonly NodeObject[]) => boolean) =>
    eventually(what, nodes, condition, 40, (all) =>
      all.map((node) => `${node.metadata.name} Ready=${readyOf(node)}`).join('\n'),
    );

  beforeAll(async () => {
    platform = await startTestPlatform();
    await platform.apply(name);
    await platform.until(name, ({ status }) => status === 'ready', 80);
    cluster = await platform.untilSettled(name);
    const kms = new KMSClient({
      endpoint: platform.aws.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    s3 = new S3Client({
      endpoint: platform.aws.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    const keyId = physicalIdOf(platform, 'PkiKey');
    pki = await openPki(await platform.store.pki.get(cluster.id), cluster.id, {
      dataKeys: createDataKeys({ client: kms, keyId }),
    });
    kms.destroy();
    api = as(await admin(pki));
  }, 120_000);
  afterAll(async () => {
    await platform.close();
    rmSync(folder, { recursive: true });
  });

  it('lists every node as Ready, with what is known of its machine', async () => {
    const seen = await nodes();
    expect(seen.map(({ metadata }) => metadata.name).toSorted()).toEqual(cluster.nodes.map(nodeName));
    for (const node of seen) {
      const asked = cluster.nodes.find((each) => node.metadata.name === nodeName(each));
      expect([node.metadata.name, readyOf(node)]).toEqual([node.metadata.name, 'True']);
      expect(node.metadata.labels).toMatchObject({
        'kubernetes.io/hostname': node.metadata.name,
        'topology.overcast.dev/csp': asked?.cloud,
        'node.kubernetes.io/instance-type': asked?.instanceType,
        'topology.kubernetes.io/region': expect.stringMatching(/./) as string,
        'topology.kubernetes.io/zone': expect.stringMatching(/./) as string,
        [`node-role.kubernetes.io/${asked?.role ?? ''}`]: '',
      });
      expect(node.spec.providerID).toMatch(providerIds[asked?.cloud ?? 'aws']);
      expect(node.spec.providerID).toContain(asked?.providerId);
      expect(node.status.addresses).toContainEqual({
        type: 'InternalIP',
        address: asked?.overlayAddress,
      });
      expect(Number(node.status.allocatable['cpu']?.replace(/m$/, ''))).toBeGreaterThan(0);
    }
  });

  it('has put away what its etcd held, where nobody but the installation comes by', async () => {
    const [snapshot] = await eventually(
      'a snapshot that was seen in the bucket',
      () => platform.api.listSnapshots(name),
      (all) => all[0]?.sizeBytes !== undefined,
    );
    const Bucket = physicalIdOf(platform, 'SnapshotsBucket');
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents.map(({ Key, Size }) => [Key, Size])).toEqual([
      [`clusters/${cluster.id}/snapshots/${snapshot?.id}.db`, snapshot?.sizeBytes],
    ]);
    const Key = Contents[0]?.Key ?? '';
    const found = await s3.send(new GetObjectCommand({ Bucket, Key }));
    const held = gunzipSync((await found.Body?.transformToByteArray()) ?? '').toString();
    expect(held).toContain(`"nodes//${nodeName({ number: snapshot?.number ?? 0 })}"`);
    expect((await fetch(`${platform.url}/${Bucket}/${Key}`)).status).toBe(403);
    const said = (await platform.timeline(name)).find(({ event }) => event === 'EtcdSnapshotTaken');
    expect(said).toMatchObject({ nodeNumber: snapshot?.number, who: 'overcast.answer-node-sync' });
    expect(platform.lines.filter((line) => /X-Amz-(?:Signature|Security-Token)=[^[]/.test(line))).toEqual([]);
  });

  it.each<[string, () => Promise<Parameters<typeof as>[0]>, number]>([
    ['none at all', () => Promise.resolve(undefined), 401],
    [
      'a certificate of another cluster',
      async () =>
        admin(await createClusterPki({ clusterId: cluster.id, now: new Date().toISOString(), randomBytes })),
      401,
    ],
    ['an expired one', () => admin(pki, 2 * daySeconds), 401],
  ])('refuses %s', async (_what, credential, status) => {
    const refused = await as(await credential())
      .get('/api/v1/nodes', nodeList)
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(refused).toBeInstanceOf(ApiFailure);
    expect((refused as ApiFailure).status).toBe(status);
  });

  it('runs a deployment, and a node that is cordoned and whose pods are evicted empties', async () => {
    await api.apply('/apis/apps/v1/namespaces/default/deployments/plain', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'plain', namespace: 'default' },
      spec: {
        replicas: 4,
        selector: { matchLabels: { app: 'plain' } },
        template: {
          metadata: { labels: { app: 'plain' } },
          spec: { containers: [{ name: 'plain', image: 'nginx:1.29' }] },
        },
      },
    });
    const running = await untilRunning(4);
    const workers = cluster.nodes.filter(({ role }) => role === 'worker').map(nodeName);
    for (const { spec } of running) expect(workers).toContain(spec.nodeName);

    const emptied = running[0]?.spec.nodeName ?? '';
    await api.patch(`/api/v1/nodes/${emptied}`, { spec: { unschedulable: true } });
    for (const { metadata, spec } of running)
      if (spec.nodeName === emptied)
        await api.post(`/api/v1/namespaces/default/pods/${metadata.name}/eviction`, {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name: metadata.name, namespace: 'default' },
        });
    expect((await untilRunning(4, emptied)).length).toBe(4);
    await api.patch(`/api/v1/nodes/${emptied}`, { spec: { unschedulable: false } });
    await api.delete('/apis/apps/v1/namespaces/default/deployments/plain');
    await untilRunning(0);
  });

  it('issues a kubeconfig with which kubectl applies, scales, cordons and drains', async () => {
    const response = await fetch(`${platform.url}/v1/clusters/${name}/kubeconfig`, {
      method: 'POST',
      headers: { 'x-api-key': platform.apiKey },
    });
    const issued = (await response.json()) as { kubeconfig: string };
    expect(response.status).toBe(201);
    const config = load(issued.kubeconfig) as { clusters: { cluster: Record<string, string> }[] };
    expect(config.clusters.map(({ cluster }) => cluster['server'])).toEqual(
      addresses().map((address) => `https://${address}:6443`),
    );
    expect(config.clusters[0]?.cluster).toMatchObject({
      'proxy-url': platform.clusterProxyUrl,
      'tls-server-name': `${cluster.id}.overcast.internal`,
    });
    // Where it is not installed, plain HTTPS has shown most of it.
    if (spawnSync('kubectl', ['version', '--client']).status !== 0) return;
    writeFileSync(kubeconfigPath, issued.kubeconfig, { mode: 0o600 });
    const kubectl = async (...args: readonly string[]): Promise<string> =>
      (
        await promisify(execFile)('kubectl', ['--kubeconfig', kubeconfigPath, ...args], {
          env: { ...process.env, HOME: folder, NO_PROXY: '' },
        })
      ).stdout;

    const listed = await kubectl('get', 'nodes', '-o', 'wide', '-L', 'topology.overcast.dev/csp');
    for (const { number, cloud, overlayAddress } of cluster.nodes)
      expect(listed).toMatch(
        new RegExp(
          `^${name}-${number} +Ready .* ${overlayAddress.replaceAll('.', '\\.')} .* ${cloud}\\s*$`,
          'm',
        ),
      );

    await kubectl('apply', '-f', join(projectFolder, 'examples', 'web.yaml'));
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=20s');
    await kubectl('scale', 'deployment/web', '--replicas=5');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=20s');
    const pods = await untilRunning(5);
    const drained = pods[0]?.spec.nodeName ?? '';
    await kubectl('drain', drained, '--ignore-daemonsets', '--timeout=20s');
    await untilRunning(5, drained);
    expect(await kubectl('get', 'nodes', drained)).toContain('Ready,SchedulingDisabled');
    await kubectl('uncordon', drained);
    expect(await kubectl('describe', 'node', drained)).toContain('topology.overcast.dev/csp=');
  });

  it('keeps a node whose work a disruption budget holds, says which, and lets it go when somebody says so', async () => {
    await api.apply('/apis/policy/v1/namespaces/default/poddisruptionbudgets/single', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'single', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'single' } } },
    });
    await api.apply('/apis/apps/v1/namespaces/default/deployments/single', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'single', namespace: 'default' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'single' } },
        template: {
          metadata: { labels: { app: 'single' } },
          spec: { containers: [{ name: 'single', image: 'nginx:1.29' }] },
        },
      },
    });
    const single = async () =>
      (await podsIn('default')).filter(({ metadata }) => metadata.name.startsWith('single-'));
    const [pod] = await eventually('the pod', single, ([first]) => first?.status.phase === 'Running');
    const { number } = cluster.nodes.find((node) => nodeName(node) === pod?.spec.nodeName) ?? { number: 0 };
    await platform.api.removeNodes(name, [number]);
    const held = await platform.until(name, ({ nodes: all }) =>
      all.some((node) => node.number === number && node.drainHeldUp !== undefined),
    );
    const node = held.nodes.find((each) => each.number === number);
    expect(node).toMatchObject({ phase: 'draining', desired: 'absent' });
    expect(node?.drainHeldUp?.pods).toEqual([
      {
        pod: `default/${pod?.metadata.name}`,
        because: 'the disruption budget single needs 1 healthy pods and has 1 currently',
      },
    ]);
    expect(await single()).toEqual([pod]);
    expect(
      (await nodes()).find(({ metadata }) => metadata.name === pod?.spec.nodeName)?.spec.unschedulable,
    ).toBe(true);

    await platform.api.removeNodes(name, [number], { drain: false });
    await untilNodes('the node to be gone', (all) =>
      all.every(({ metadata }) => metadata.name !== pod?.spec.nodeName),
    );
    cluster = await platform.untilSettled(name);
    await eventually(
      'the pod elsewhere',
      single,
      ([first]) => first?.status.phase === 'Running' && first.spec.nodeName !== pod?.spec.nodeName,
    );
    await api.delete('/apis/apps/v1/namespaces/default/deployments/single');
    await api.delete('/apis/policy/v1/namespaces/default/poddisruptionbudgets/single');
  });

  it('forgets a node that is removed, which hands over its work first', async () => {
    const worker = lastWorker(cluster);
    await platform.api.removeNodes(cluster.id, [worker.number]);
    await untilNodes('the node to be gone', (all) =>
      all.every(({ metadata }) => metadata.name !== nodeName(worker)),
    );
    cluster = await platform.untilSettled(name);
    const pods = await podsIn('default');
    expect(pods.filter(({ spec }) => spec.nodeName === nodeName(worker))).toEqual([]);
  });

  it('shows a machine that died as not ready', async () => {
    const worker = lastWorker(cluster);
    await platform.kill({ cloud: worker.cloud, id: worker.providerId ?? '' });
    await untilNodes('the node to be lost', (all) =>
      all.some((node) => node.metadata.name === nodeName(worker) && readyOf(node) === 'Unknown'),
    );
  });

  it('is gone with its cluster', async () => {
    expect((await platform.remove(name)).status).toBe('deleted');
    await eventually(
      'the proxy to lead nowhere',
      () => addresses().map((each) => platform.fleet.lead(each)),
      (all) => all.every((each) => each === undefined),
    );
    await expect(nodes()).rejects.toThrow(/the proxy found nobody there/);
    const Bucket = physicalIdOf(platform, 'SnapshotsBucket');
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  });
});

const providerIds: Readonly<Record<NodeView['cloud'], RegExp>> = {
  aws: /^aws:\/\/\/us-east-1[a-z]\/i-[0-9a-f]+$/,
  gcp: /^gce:\/\/overcast-local\/us-east[0-9]-[a-z]\/kube-\d+/,
  azure:
    /^azure:\/\/\/subscriptions\/[0-9a-f-]{36}\/resourceGroups\/[a-z0-9-]+\/providers\/Microsoft\.Compute\/virtualMachines\/kube-\d+/,
  digitalocean: /^digitalocean:\/\/\d+$/,
};

const lastWorker = (cluster: ClusterDetails): NodeView => {
  const worker = living(cluster).findLast(({ role }) => role === 'worker');
  if (worker === undefined) throw new Error('no worker is left');
  return worker;
};

/** Of the resource whose logical id begins so: CDK puts a hash behind it. */
function physicalIdOf(platform: TestPlatform, beginning: string): string {
  const { Resources } = JSON.parse(
    readFileSync(join(projectFolder, 'cdk.out', 'Overcast.template.json'), 'utf8'),
  ) as { Resources: Record<string, unknown> };
  const logicalId = Object.keys(Resources).find((id) => id.startsWith(beginning)) ?? '';
  return platform.aws.physicalId(logicalId) ?? '';
}
