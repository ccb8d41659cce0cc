import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSpecs } from '../../infra/functions.ts';
import { functionsFolder } from '../../infra/paths.ts';
import { createAwsSimulator } from '../../local/clouds/aws/index.ts';
import { createAzureSimulator } from '../../local/clouds/azure/index.ts';
import { readOnly } from '../../local/clouds/credentials.ts';
import { createDigitalOceanSimulator } from '../../local/clouds/digitalocean/index.ts';
import { createGcpSimulator } from '../../local/clouds/gcp/index.ts';
import { serveSimulator, type SimulatedRequest, type Simulator } from '../../local/clouds/server.ts';
import { World } from '../../local/clouds/world.ts';
import { accountSecretName, cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import { formatBootstrapToken } from '../../shared/planning/bootstrap-token.ts';
import type { DataKeys } from '../../shared/runtime/pki.ts';
import { aCluster, anExecution, exampleTime } from '../builders/cluster.ts';
import { aNode } from '../builders/node.ts';
import { aReachableCluster, ownedBy, type ReachableCluster } from '../builders/reachable-cluster.ts';
import { startTestRoute53, testZone, type TestRoute53 } from '../builders/route53.ts';
import { startTestStore, type TestStore } from '../builders/store.ts';
import { placeIn } from '../contract/subject.ts';
import type { BundleOutcome, BundleWork } from './bundle-worker.ts';
import { startFakeAws, type FakeAws } from './fake-aws.ts';
import { environmentOf } from './synthesized.ts';

const simulators: Readonly<Record<CloudName, (world: World) => Simulator>> = {
  aws: createAwsSimulator,
  gcp: createGcpSimulator,
  azure: createAzureSimulator,
  digitalocean: createDigitalOceanSimulator,
};
const credentials: Readonly<Record<CloudName, Readonly<Record<string, string>>>> = {
  aws: { accessKeyId: ['AKIA', 'SMOKESMOKESMOKE0'].join(''), secretAccessKey: 'hidden-aws-secret' },
  gcp: { projectId: 'overcast-smoke', token: 'hidden-gcp-token' },
  azure: { subscriptionId: '11111111-2222-4333-8444-555555555555', clientSecret: 'hidden-azure-secret' },
  digitalocean: { token: 'hidden-digitalocean-token' },
};

/** Their simulators refuse every change with them. */
const readOnlyCredentials: typeof credentials = {
  aws: { ...credentials.aws, accessKeyId: readOnly },
  gcp: { ...credentials.gcp, token: readOnly },
  azure: { ...credentials.azure, clientId: readOnly },
  digitalocean: { token: readOnly },
};

/** What must stand in no line that a function logs. */
const hidden = Object.values(credentials)
  .flatMap(({ secretAccessKey, token, clientSecret }) => [secretAccessKey, token, clientSecret])
  .filter((secret) => secret !== undefined);

const world = new World({ timeScale: 10_000 });
const sent: Record<CloudName, SimulatedRequest[]> = { aws: [], gcp: [], azure: [], digitalocean: [] };
let table: TestStore;
let aws: FakeAws;
let route53: TestRoute53;
/** Configured, asked for access, and told to forget a node: by the bundles in this order. */
let reachable: ReachableCluster;
const me = anExecution('ProvisionCluster');
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  route53 = await startTestRoute53();
  closing.push(() => route53.close());
  const secrets: Record<string, string> = {};
  for (const cloud of cloudNames) {
    const simulator = simulators[cloud](world);
    const server = await serveSimulator(world, {
      ...simulator,
      classify: (request) => simulator.classify(request),
      refuse: (...given) => simulator.refuse(...given),
      handle: (request) => {
        sent[cloud].push(request);
        return simulator.handle(request);
      },
    });
    closing.push(() => server.close());
    for (const [access, secret] of [
      ['drive', credentials],
      ['look', readOnlyCredentials],
    ] as const)
      secrets[accountSecretName(cloud, 'main', access)] = JSON.stringify({
        ...secret[cloud],
        endpoint: server.url,
      });
  }
  table = await startTestStore();
  aws = await startFakeAws(secrets);
  const now = new Date().toISOString();
  reachable = await aReachableCluster(
    { store: table.store, dataKeys: openDataKeys, now },
    {
      name: 'reachable',
      operation: ownedBy(me, 'ProvisionCluster', now),
      readyAt: now,
      policies: { unschedulablePods: {} },
    },
  );
  reachable.there.answer = ({ what }) => ({
    body: what.startsWith('GET ') ? { metadata: {}, items: [] } : {},
  });
  await table.store.names.claim('reachable', reachable.cluster.id);
});
afterAll(async () => {
  reachable.there.close();
  await Promise.all(closing.map((close) => close()));
  world.close();
  await aws.close();
  await table.close();
});

/** As the fake KMS has them: what it encrypts is what it was. */
const openDataKeys: DataKeys = {
  generateDataKey: () => {
    const key = randomBytes(32);
    return Promise.resolve({ plaintext: Uint8Array.from(key), encrypted: Uint8Array.from(key) });
  },
  decrypt: (encrypted) => Promise.resolve(Uint8Array.from(encrypted)),
};

/** What the template sets, with something that works in the place of each reference; and what Lambda itself sets. */
function surroundingsOf(name: string): NodeJS.ProcessEnv {
  const fromTemplate = Object.entries(environmentOf(name)).map(([variable, value]) => {
    if (variable === 'TABLE_NAME') return [variable, table.tableName];
    if (variable === 'API_URL') return [variable, 'https://api.example.com'];
    if (variable.includes('QUEUE_URL')) return [variable, `${aws.url}/000000000000/${value}`];
    return [variable, value];
  });
  return {
    ...(Object.fromEntries(fromTemplate) as Record<string, string>),
    CLUSTER_PROXY_URL: reachable.there.proxyUrl,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL: aws.url,
    AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
    AWS_ENDPOINT_URL_ROUTE_53: route53.url,
  };
}

const invocationSecondsMax = 20;

/**
 * Calls a built bundle in a thread of its own, as Lambda would: nothing of ours is there but what was built. Afterwards
 * it is called with nonsense, which it must refuse in its own words.
 */
async function invoke(name: string, ...events: readonly unknown[]): Promise<readonly BundleOutcome[]> {
  const outcomes = await invokeOnly(name, [...events, nonsenseFor(name)]);
  expect(outcomes.at(-1)).toMatchObject(refusalOf(name));
  return outcomes.slice(0, -1);
}

async function invokeOnly(name: string, events: readonly unknown[]): Promise<readonly BundleOutcome[]> {
  const work: BundleWork = {
    bundle: pathToFileURL(join(functionsFolder, name, 'index.mjs')).href,
    events,
  };
  const worker = new Worker(new URL('bundle-worker.ts', import.meta.url), {
    workerData: work,
    env: surroundingsOf(name),
    stdout: true,
    stderr: true,
  });
  let logged = '';
  for (const stream of [worker.stdout, worker.stderr])
    stream.on('data', (chunk: Buffer) => (logged += chunk.toString()));
  let outcomes: readonly BundleOutcome[];
  try {
    outcomes = await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${name} did not answer; it logged:\n${logged}`)),
        invocationSecondsMax * 1000,
      );
      worker.once('message', (told: readonly BundleOutcome[]) => {
        clearTimeout(timer);
        resolve(told);
      });
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
  for (const secret of hidden) expect(logged).not.toContain(secret);
  return outcomes;
}

/** The one answer, or the error with all that it says. */
async function answerOf(name: string, event: unknown): Promise<unknown> {
  const [outcome] = await invoke(name, event);
  if (outcome === undefined) throw new Error(`${name} said nothing`);
  if ('error' in outcome) throw new Error(`${outcome.error.name}: ${outcome.error.stack}`);
  return outcome.result;
}

interface Scene {
  readonly cluster: Cluster;
  readonly node: Node;
  readonly me: string;
}

/** A cluster and one node of it, both owned by one execution. */
async function scene(given: { cluster?: Partial<Cluster>; node?: Partial<Node> } = {}): Promise<Scene> {
  const me = anExecution();
  const operation = { executionArn: me, kind: 'ProvisionCluster', startedAt: exampleTime } as const;
  const cluster = aCluster({ name: `smoke-${randomUUID().slice(0, 8)}`, operation, ...given.cluster });
  await table.store.clusters.create(cluster);
  const node = aNode({ clusterId: cluster.id, operation, ...given.node });
  await table.store.nodes.materialise(node);
  return { cluster, node, me };
}

const eventOf = (source: string, name: string, detail: object): object => ({
  version: '0',
  id: randomUUID(),
  'detail-type': name,
  source,
  account: '000000000000',
  time: '2026-11-23T05:00:00Z',
  region: 'us-east-1',
  resources: [],
  detail,
});
const messagesOf = (...bodies: readonly object[]): object => ({
  Records: bodies.map((body) => ({
    messageId: randomUUID(),
    receiptHandle: 'receipt',
    body: JSON.stringify(body),
    attributes: {},
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:queue',
    awsRegion: 'us-east-1',
  })),
});
const requestOf = (
  method: string,
  path: string,
  more: { headers?: object; pathParameters?: object; body?: object } = {},
): object => ({
  version: '2.0',
  routeKey: `${method} /v1/{proxy+}`,
  rawPath: path,
  rawQueryString: '',
  headers: { host: 'api.example.com', 'content-type': 'application/json', ...more.headers },
  requestContext: {
    accountId: '000000000000',
    apiId: 'api',
    domainName: 'api.example.com',
    domainPrefix: 'api',
    http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'smoke' },
    requestId: 'request-1',
    routeKey: `${method} /v1/{proxy+}`,
    stage: '$default',
    time: '23/Nov/2026:05:00:00 +0000',
    timeEpoch: 1_795_410_000_000,
  },
  ...(more.pathParameters === undefined ? {} : { pathParameters: more.pathParameters }),
  ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
  isBase64Encoded: false,
});
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const takesMessages = (name: string): boolean =>
  /^(?:observe-cloud-|observe-pods$|reconcile-cluster$)/.test(name);
const takesPeople = (name: string): boolean =>
  ['serve-api', 'upgrade-cluster', 'request-reconcile', 'issue-kubeconfig'].includes(name);
const takesRequests = (name: string): boolean =>
  takesPeople(name) || ['admit-node', 'answer-node-sync', 'issue-node-files'].includes(name);

const nonsenseFor = (name: string): object =>
  takesMessages(name)
    ? messagesOf({ nonsense: true })
    : takesRequests(name)
      ? requestOf('POST', '/v1/nonsense', { body: { nonsense: true } })
      : { nonsense: true };
const refusalOf = (name: string): object =>
  takesMessages(name)
    ? { result: { batchItemFailures: [{ itemIdentifier: expect.any(String) as string }] } }
    : takesRequests(name)
      ? { result: { statusCode: takesPeople(name) ? 401 : 400 } }
      : { error: { name: 'InvalidPayload' } };

/** Its quorum is lost, and this node is let restore it. */
async function mayRestore({ id }: Cluster, number: number): Promise<void> {
  const { clusters } = table.store;
  const now = exampleTime;
  await clusters.changeStatus(id, { from: 'creating', to: 'failed', now });
  const restore = { id: 'r', snapshot: '20261123T034500Z', requestedAt: now, requestedBy: 'ada', number };
  const plan = { id: 'p', nodes: [], reason: 'smoke' };
  await clusters.requestRestore(id, { restore, plan, generationRead: 1, nextNumber: 9, now });
  await clusters.claimRestore(id, restore, 1);
}

/** Each function with an event like those that wake it, and what it is to answer. */
const smokes: Readonly<Record<string, () => Promise<void>>> = {
  'serve-api': async () => {
    const key = `oc_${'s'.repeat(40)}`;
    await table.store.apiKeys.put({
      hash: hashOf(key),
      name: 'smoke',
      scopes: ['read', 'write'],
      createdAt: exampleTime,
    });
    const { cluster } = await scene();
    const [list, deletion, refused] = await invoke(
      'serve-api',
      requestOf('GET', `/v1/clusters/${cluster.id}`, { headers: { 'x-api-key': key } }),
      requestOf('DELETE', `/v1/clusters/${cluster.id}`, { headers: { 'x-api-key': key } }),
      requestOf('GET', '/v1/clusters'),
    );
    expect([list, deletion, refused]).toMatchObject([
      { result: { statusCode: 200 } },
      { result: { statusCode: 202 } },
      { result: { statusCode: 401 } },
    ]);
    expect(aws.calls.map(({ body }) => JSON.stringify(body)).join('')).toContain('ClusterDeletionRequested');
  },
  'admit-node': async () => {
    const expiresAt = 4_000_000_000;
    const { offering } = placeIn('aws');
    const { cluster, node } = await scene({
      node: {
        attempt: 1,
        phase: 'booting',
        offering,
        createRequest: {
          attempt: 1,
          offering,
          kubernetesVersion: '1.36',
          tokenExpiresAt: expiresAt,
          requestedAt: exampleTime,
        },
      },
    });
    const token = formatBootstrapToken({ attempt: 1, expiresAt, mac: Buffer.alloc(32, 1) });
    const answer = await answerOf(
      'admit-node',
      requestOf('POST', `/v1/clusters/${cluster.id}/nodes/1/admit`, {
        headers: { authorization: `Bearer ${token}` },
        pathParameters: { clusterId: cluster.id, number: String(node.number) },
        body: { sessionSecret: 'ab'.repeat(32), attempt: 1 },
      }),
    );
    expect(answer).toMatchObject({ statusCode: 200 });
  },
  'issue-node-files': async () => {
    const secret = 'f'.repeat(64);
    const { cluster, node } = await scene({
      cluster: { initNode: 1, initAttempt: 1 },
      node: {
        role: 'control-plane',
        attempt: 1,
        phase: 'booting',
        providerId: 'i-1',
        sessionHash: hashOf(secret),
      },
    });
    const request = requestOf('POST', `/v1/clusters/${cluster.id}/nodes/${node.number}/files`, {
      headers: { authorization: `Bearer ${secret}` },
      pathParameters: { clusterId: cluster.id, number: String(node.number) },
      body: { attempt: 1, kubernetes: `v${cluster.kubernetesVersion}.4` },
    });
    const [first, again] = await invoke('issue-node-files', request, request);
    expect(first).toMatchObject({ result: { statusCode: 200, headers: { 'cache-control': 'no-store' } } });
    expect(JSON.stringify(first)).toContain('/etc/kubernetes/pki/ca.key');
    expect(again).toEqual(first);
    expect(await table.store.pki.get(cluster.id)).toMatchObject({ clusterId: cluster.id });
    for (const { body } of aws.calls.filter(({ action }) => action === 'GenerateDataKey'))
      expect(body).toMatchObject({
        KeySpec: 'AES_256',
        EncryptionContext: { 'overcast:purpose': 'pki' },
      });
    await mayRestore(cluster, node.number);
    const [third] = await invoke('issue-node-files', request);
    expect(JSON.stringify(third)).toMatch(
      /clusters\/[0-9a-f-]+\/snapshots\/20261123T034500Z\.db\?[^"]*X-Amz-Signature=/,
    );
  },
  'answer-node-sync': async () => {
    const secret = 'cd'.repeat(32);
    const { cluster, node } = await scene({
      node: { attempt: 1, phase: 'booting', role: 'control-plane', sessionHash: hashOf(secret) },
    });
    const answer = await answerOf(
      'answer-node-sync',
      requestOf('POST', `/v1/clusters/${cluster.id}/nodes/1/sync`, {
        headers: { authorization: `Bearer ${secret}` },
        pathParameters: { clusterId: cluster.id, number: String(node.number) },
        body: {
          phase: 'booting',
          addresses: { public: '203.0.113.7', private: '10.10.1.7' },
          wireguardPublicKey: `${'A'.repeat(43)}=`,
          meshVersion: 0,
        },
      }),
    );
    expect(answer).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('"instruction"') as string,
    });
  },
  'claim-operation': async () => {
    const { cluster } = await scene();
    const executionArn = anExecution();
    // The recorded owner is proven dead by the fake's DescribeExecution.
    expect(
      await answerOf('claim-operation', { kind: 'ProvisionCluster', clusterId: cluster.id, executionArn }),
    ).toEqual({ clusterId: cluster.id, generation: 1, clouds: [...cloudNames] });
  },
  'settle-operation': async () => {
    const { cluster, me } = await scene();
    expect(
      await answerOf('settle-operation', {
        kind: 'ProvisionCluster',
        clusterId: cluster.id,
        executionArn: me,
        outcome: 'succeeded',
        generation: 1,
      }),
    ).toEqual({ again: false });
    expect(aws.calls.map(({ body }) => JSON.stringify(body)).join('')).toContain('OperationSettled');
  },
  'request-nodes': async () => {
    const { cluster } = await scene();
    expect(
      await answerOf(
        'request-nodes',
        eventOf('overcast.serve-api', 'NodesPlanned', { clusterId: cluster.id }),
      ),
    ).toEqual({ requested: [] });
  },
  'await-node': async () => {
    const { cluster, me } = await scene({ cluster: { initialisedAt: exampleTime } });
    await answerOf('await-node', {
      until: 'initialised',
      clusterId: cluster.id,
      executionArn: me,
      taskToken: 'smoke-token',
    });
    expect(aws.calls).toContainEqual({
      action: 'SendTaskSuccess',
      body: { taskToken: 'smoke-token', output: '{"outcome":"initialised"}' },
    });
  },
  'record-node-joined': async () => {
    const { cluster, node } = await scene({
      node: { attempt: 1, phase: 'joining', waitToken: 'node-token' },
    });
    await answerOf(
      'record-node-joined',
      eventOf('overcast.answer-node-sync', 'NodeJoined', {
        clusterId: cluster.id,
        number: node.number,
        attempt: 1,
      }),
    );
    expect(aws.calls).toContainEqual({
      action: 'SendTaskSuccess',
      body: { taskToken: 'node-token', output: '{"outcome":"joined"}' },
    });
  },
  'configure-cluster': async () => {
    const { cluster, there } = reachable;
    const answer = await answerOf('configure-cluster', { clusterId: cluster.id, executionArn: me });
    expect(answer).toEqual({ done: true });
    expect(there.requests.map(({ what }) => what.replace(/\?.*/, ''))).toEqual([
      'PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/overcast:admins',
      'PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/overcast:platform',
      'GET /api/v1/nodes',
    ]);
  },
  'observe-pods': async () => {
    const { cluster, there } = reachable;
    const before = there.requests.length;
    const answer = await answerOf('observe-pods', messagesOf({ clusterId: cluster.id }));
    expect(answer).toEqual({ batchItemFailures: [] });
    const asked = there.requests.slice(before).map(({ what }) => what.replace(/\?.*/, ''));
    expect(asked.toSorted()).toEqual([
      'GET /api/v1/nodes',
      'GET /api/v1/pods',
      'GET /apis/apps/v1/daemonsets',
    ]);
    expect(await table.store.workloads.get(cluster.id)).toMatchObject({ workload: { waiting: [] } });
    expect(aws.calls).toContainEqual(expect.objectContaining({ action: 'SendMessageBatch' }));
  },
  'relay-cloud-event': async () => {
    await table.store.accounts.put({ cloud: 'aws', id: 'main', createdAt: exampleTime });
    const { cluster, node } = await scene({ node: { attempt: 1, phase: 'ready' } });
    const machine = { attempt: 1, publicAddress: '', privateAddress: '' };
    await table.store.nodes.recordMachine(cluster.id, node.number, { ...machine, providerId: 'i-0123abc' });
    const warning = (id: string): object =>
      eventOf('aws.ec2', 'EC2 Spot Instance Interruption Warning', {
        'instance-id': id,
        'instance-action': 'terminate',
      });
    const outcomes = await invoke('relay-cloud-event', warning('i-0123abc'), warning('i-999'));
    expect(outcomes).toEqual([{ result: undefined }, { result: undefined }]);
    const said = aws.calls
      .map(({ body }) => JSON.stringify(body))
      .filter((body) => body.includes(cluster.id));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('SpotInterruption');
  },
  'replace-interrupted-node': async () => {
    const { offering } = placeIn('aws');
    const { cluster, node } = await scene({
      node: {
        attempt: 1,
        phase: 'ready',
        createRequest: {
          attempt: 1,
          offering,
          kubernetesVersion: '1.36',
          tokenExpiresAt: 0,
          requestedAt: exampleTime,
        },
      },
    });
    const detail = { clusterId: cluster.id, number: node.number, attempt: 1, kind: 'terminate' };
    await answerOf(
      'replace-interrupted-node',
      eventOf('overcast.answer-node-sync', 'SpotInterruption', detail),
    );
    const { pendingPlan } = (await table.store.clusters.get(cluster.id)) ?? {};
    expect(pendingPlan?.nodes).toMatchObject([{ replaces: node.id }]);
    expect(aws.calls.map(({ body }) => JSON.stringify(body)).join('')).toContain('NodesPlanned');
  },
  'name-workers': async () => {
    const { cluster, there } = reachable;
    await answerOf(
      'name-workers',
      eventOf('overcast.answer-node-sync', 'NodeReady', { clusterId: cluster.id, number: 7 }),
    );
    expect(there.requests.at(-1)?.what).toBe('GET /api/v1/nodes?limit=500');
  },
  'forget-node': async () => {
    const { cluster, there } = reachable;
    const startedAt = new Date().toISOString();
    await table.store.nodes.materialise(
      aNode({
        clusterId: cluster.id,
        number: 7,
        desired: 'absent',
        operation: ownedBy(me, 'RetireNode', startedAt),
      }),
    );
    const request = { clusterId: cluster.id, number: 7, executionArn: me, isLastTry: false };
    expect(await answerOf('forget-node', request)).toEqual({ done: true });
    expect(there.requests.at(-1)?.what).toBe('DELETE /api/v1/nodes/reachable-7');
  },
  'upgrade-cluster': async () => {
    const key = `oc_${'u'.repeat(40)}`;
    await table.store.apiKeys.put({
      hash: hashOf(key),
      name: 'smoke',
      scopes: ['write'],
      createdAt: exampleTime,
    });
    const { cluster } = await scene({ cluster: { status: 'ready' } });
    const [asked] = await invoke(
      'upgrade-cluster',
      requestOf('POST', `/v1/clusters/${cluster.id}/upgrade`, {
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: { to: '1.37' },
      }),
    );
    expect(asked).toMatchObject({ result: { statusCode: 202 } });
    expect((await table.store.clusters.get(cluster.id))?.upgrade?.to).toBe('1.37');
  },
  'request-reconcile': async () => {
    const key = `oc_${'q'.repeat(40)}`;
    await table.store.apiKeys.put({
      hash: hashOf(key),
      name: 'smoke',
      scopes: ['write'],
      createdAt: exampleTime,
    });
    const { cluster } = await scene();
    const [asked] = await invoke(
      'request-reconcile',
      requestOf('POST', `/v1/clusters/${cluster.id}/reconcile`, { headers: { 'x-api-key': key } }),
    );
    expect(asked).toMatchObject({ result: { statusCode: 202 } });
  },
  'issue-kubeconfig': async () => {
    const key = `oc_${'k'.repeat(40)}`;
    await table.store.apiKeys.put({
      hash: hashOf(key),
      name: 'smoke',
      scopes: ['admin'],
      createdAt: exampleTime,
    });
    const [issued] = await invoke(
      'issue-kubeconfig',
      requestOf('POST', '/v1/clusters/reachable/kubeconfig', { headers: { 'x-api-key': key } }),
    );
    expect(issued).toMatchObject({ result: { statusCode: 201, headers: { 'cache-control': 'no-store' } } });
    expect(JSON.stringify(issued)).toContain('client-key-data');
  },
  'prune-snapshots': async () => {
    const { cluster } = await scene();
    const taken = { clusterId: cluster.id, number: 1, snapshot: '20261123T080000Z' };
    await answerOf('prune-snapshots', eventOf('overcast.answer-node-sync', 'EtcdSnapshotTaken', taken));
    const list = aws.calls.find(({ action }) => action === 'ListObjectsV2');
    expect(String(list?.body['url'])).toContain(encodeURIComponent(`clusters/${cluster.id}/snapshots/`));
  },
  'drain-node': async () => {
    const { cluster, there } = reachable;
    const startedAt = new Date().toISOString();
    await table.store.nodes.materialise(
      aNode({
        clusterId: cluster.id,
        number: 8,
        desired: 'absent',
        phase: 'ready',
        joinedAt: startedAt,
        lastSeenAt: startedAt,
        operation: ownedBy(me, 'RetireNode', startedAt),
      }),
    );
    const pod = { metadata: { namespace: 'default', name: 'web-1' }, status: { phase: 'Running' } };
    const eviction = 'POST /api/v1/namespaces/default/pods/web-1/eviction?fieldManager=overcast';
    const isEvicted = (): boolean => there.requests.some(({ what }) => what === eviction);
    there.answer = ({ what }) => ({
      body: what.startsWith('GET /api/v1/pods') ? { items: isEvicted() ? [] : [pod] } : {},
    });
    const request = { clusterId: cluster.id, number: 8, executionArn: me, startedAt, budgetSeconds: 300 };
    expect(await answerOf('drain-node', request)).toEqual({ done: true });
    expect(isEvicted()).toBe(true);
  },
  'publish-dns': async () => {
    const { cluster } = await scene({
      node: { role: 'control-plane', phase: 'ready', joinedAt: exampleTime, publicAddress: '203.0.113.7' },
    });
    expect(await answerOf('publish-dns', { clusterId: cluster.id })).toEqual({ done: true });
    expect(await route53.resolve(`api.${cluster.name}.${testZone.name}`)).toEqual(['203.0.113.7']);
  },
  'observe-dns': async () => {
    const { cluster } = await scene();
    // Published, and nothing of it is in the zone.
    await table.store.dns.recordPublished(cluster.id, {
      clusterName: cluster.name,
      records: [
        {
          name: `${cluster.name}.${testZone.name}`,
          setIdentifier: `overcast:${cluster.id}:aws`,
          routing: 'weighted',
          target: { addresses: ['203.0.113.9'] },
        },
      ],
      flaws: [],
      at: exampleTime,
    });
    await answerOf('observe-dns', {});
    expect((await table.store.dns.get(cluster.id))?.flaws).toMatchObject([{ kind: 'changed' }]);
    const messages = aws.calls.filter(({ action }) => action === 'SendMessageBatch');
    expect(JSON.stringify(messages)).toContain(cluster.id);
  },
  'tick-clusters': async () => {
    const { cluster } = await scene({ cluster: { dueAt: '2020-01-01T00:00:00.000Z' } });
    await answerOf('tick-clusters', eventOf('overcast.schedule', 'ReconcileTick', {}));
    const messages = aws.calls.filter(({ action }) => action === 'SendMessageBatch');
    const queues = messages.filter(({ body }) => JSON.stringify(body).includes(cluster.id));
    expect(queues).toHaveLength(1 + cloudNames.length);
  },
  'reconcile-cluster': async () => {
    const { cluster } = await scene();
    expect(await answerOf('reconcile-cluster', messagesOf({ clusterId: cluster.id }))).toEqual({
      batchItemFailures: [],
    });
  },
  'record-timeline': async () => {
    const { cluster } = await scene();
    await answerOf(
      'record-timeline',
      eventOf('overcast.reconcile-cluster', 'ClusterReady', { clusterId: cluster.id }),
    );
    const { items } = await table.store.timeline.list(cluster.id, { limit: 10 });
    expect(items.map(({ event }) => event)).toEqual(['ClusterReady']);
  },
  ...Object.fromEntries(
    cloudNames.flatMap((cloud) => [
      [`drive-cloud-${cloud}`, () => buildsNetworkAndMachine(cloud)],
      [`observe-cloud-${cloud}`, () => observes(cloud)],
      [`refresh-offerings-${cloud}`, () => readsWhatIsSold(cloud)],
    ]),
  ),
};

/** One driver, bundled, against its simulator: a network, then a machine in it. */
async function buildsNetworkAndMachine(cloud: CloudName): Promise<void> {
  const { cluster, node, me } = await scene({ node: { offering: placeIn(cloud).offering } });
  const ours = { clusterId: cluster.id, executionArn: me };
  const outcomes = await invoke(
    `drive-cloud-${cloud}`,
    { verb: 'ensureNetwork', ...ours },
    { verb: 'createMachine', number: node.number, forgotten: 0, ...ours },
  );
  expect(outcomes).toEqual([
    { result: { done: true } },
    { result: { done: true, attempt: 1, providerId: expect.stringMatching(/./) as string } },
  ]);
}

async function observes(cloud: CloudName): Promise<void> {
  const { cluster } = await scene();
  expect(
    await answerOf(
      `observe-cloud-${cloud}`,
      messagesOf({ accountId: 'main', region: 'us-east', clusterIds: [cluster.id] }),
    ),
  ).toEqual({ batchItemFailures: [] });
  const [observation] = await table.store.observations.list(cluster.id);
  expect(observation).toMatchObject({ cloud });
}

/** First as the schedule asks, for wherever the clusters of the others' smokes live; then as a new cluster does. */
async function readsWhatIsSold(cloud: CloudName): Promise<void> {
  const { cluster } = await scene();
  const outcomes = await invoke(
    `refresh-offerings-${cloud}`,
    {},
    eventOf('overcast.serve-api', 'ClusterRequested', { clusterId: cluster.id }),
  );
  for (const outcome of outcomes) expect(outcome).not.toHaveProperty('error');
  const { location } = placeIn(cloud);
  const read = await table.store.offerings.get(cloud, location);
  expect(read?.offerings.length).toBeGreaterThan(60);
  expect(Date.parse(read?.at ?? '')).toBeGreaterThan(Date.now() - 60_000);
}

describe('every built bundle, with the environment that the template gives it', () => {
  it('is tried here', () => {
    expect(Object.keys(smokes).sort()).toEqual(functionSpecs.map(({ name }) => name).sort());
  });

  it.each(Object.entries(smokes))('%s does its work', async (_name, smoke) => {
    await smoke();
  });
});

describe('the Google Cloud bundle', () => {
  it('sent 64-bit integers as the strings that Google takes, although minified', () => {
    const bodies = sent.gcp
      .filter(({ method, url }) => method === 'POST' && url.pathname.endsWith('/instances'))
      .map(({ body }) => JSON.parse(body) as { disks: { initializeParams: { diskSizeGb: unknown } }[] });
    expect(bodies.length).toBeGreaterThan(0);
    for (const { disks } of bodies) expect(disks[0]?.initializeParams.diskSizeGb).toBe('50');
  });
});
