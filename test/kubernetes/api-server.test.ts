import protobuf from 'protobufjs/minimal.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../../local/nodes/kubernetes/model.ts';
import { randomBytes } from 'node:crypto';
import { issueLeaf } from '../../shared/kubernetes/pki/certificate.ts';
import {
  listeningCluster,
  newAuthority,
  type Client,
  type Json,
  type ListeningCluster,
} from './listening-cluster.ts';

let cluster: ListeningCluster;
let admin: Client;

beforeAll(async () => {
  cluster = await listeningCluster();
  admin = cluster.client(await cluster.issue('alice', ['kubeadm:cluster-admins']));
});
afterAll(() => cluster.close());

const core = '/api/v1/namespaces/default';
const apps = '/apis/apps/v1/namespaces/default';
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const merge = 'application/merge-patch+json';

const pod = (name: string, more: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: { containers: [{ name: 'main', image: 'nginx:1.29' }], ...more },
});

const deployment = (name: string, more: Json = {}): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'main', image: 'nginx' }] },
    },
    ...more,
  },
});

const namesOf = (body: Json): readonly string[] =>
  (body['items'] as readonly KubernetesObject[]).map(({ metadata }) => metadata.name);

describe('who may ask', () => {
  it.each(['/readyz', '/livez', '/healthz', '/version'])('anybody asks %s', async (path) => {
    expect((await cluster.client()('GET', path)).code).toBe(200);
  });

  it.each(['/api', '/apis', '/api/v1/nodes', '/openapi/v3', '/nothing'])(
    'nobody without a certificate asks %s',
    async (path) => {
      expect(await cluster.client()('GET', path)).toMatchObject({
        code: 401,
        body: { kind: 'Status', reason: 'Unauthorized', code: 401 },
      });
    },
  );

  it("refuses another cluster's certificate", async () => {
    const stranger = await issueLeaf({
      authority: await newAuthority(),
      commonName: 'alice',
      organizations: ['system:masters'],
      use: { for: 'client' },
      now: new Date().toISOString(),
      validSeconds: 3600,
      randomBytes,
    });
    expect((await cluster.client(stranger)('GET', '/api/v1/nodes')).code).toBe(401);
  });

  it('refuses one that is over', async () => {
    const late = await issueLeaf({
      authority: cluster.authority,
      commonName: 'alice',
      organizations: ['system:masters'],
      use: { for: 'client' },
      // It was valid for a minute, ten minutes ago.
      now: new Date(Date.now() - 600_000).toISOString(),
      validSeconds: 60,
      randomBytes,
    });
    expect((await cluster.client(late)('GET', '/api/v1/nodes')).code).toBe(401);
  });

  it('says who may not do what, as Kubernetes does', async () => {
    const bob = cluster.client(await cluster.issue('bob', []));
    expect(await bob('GET', `${core}/pods`)).toMatchObject({
      code: 403,
      body: {
        message:
          'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
      },
    });
    expect(await bob('GET', '/apis/apps/v1/deployments')).toMatchObject({
      body: {
        message:
          'deployments.apps is forbidden: User "bob" cannot list resource "deployments" in API group "apps" at the cluster scope',
      },
    });
    expect((await bob('GET', '/apis')).code).toBe(200);
  });

  it('a binding gives, and its removal takes', async () => {
    const carol = cluster.client(await cluster.issue('carol', ['team']));
    const bindings = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';
    await admin('POST', bindings, {
      body: {
        metadata: { name: 'team' },
        roleRef: { kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'Group', name: 'team' }],
      },
    });
    expect((await carol('GET', `${core}/pods`)).code).toBe(200);
    expect((await carol('GET', '/api/v1/pods')).code).toBe(403);
    expect((await carol('GET', `${core}/secrets`)).code).toBe(403);
    await admin('DELETE', `${bindings}/team`);
    expect((await carol('GET', `${core}/pods`)).code).toBe(403);
  });

  it.each<readonly [method: string, path: string, body: Json | undefined, code: number]>([
    ['GET', '/api/v1/nodes/n1', undefined, 200],
    ['GET', '/api/v1/nodes/n2', undefined, 403],
    ['GET', '/api/v1/nodes', undefined, 403],
    ['GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dn1', undefined, 200],
    ['PATCH', '/api/v1/nodes/n1/status', { status: { phase: '' } }, 200],
    ['PATCH', '/api/v1/nodes/n1', { metadata: { labels: { 'node-role.kubernetes.io/a': '' } } }, 403],
    ['PATCH', '/api/v1/nodes/n1', { metadata: { labels: { 'topology.kubernetes.io/zone': 'a' } } }, 200],
    ['DELETE', '/api/v1/nodes/n1', undefined, 403],
    ['GET', '/api/v1/pods', undefined, 403],
    ['GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1', undefined, 200],
    ['GET', '/api/v1/namespaces/default/pods/on-n2', undefined, 403],
    ['POST', '/api/v1/namespaces/default/pods/on-n2/eviction', {}, 403],
    ['GET', '/api/v1/namespaces/default/secrets/other', undefined, 403],
    ['GET', '/api/v1/namespaces/default/secrets/used', undefined, 200],
    ['GET', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2', undefined, 403],
  ])('a kubelet: %s %s', async (method, path, body, code) => {
    if (cluster.objects.get('nodes', 'n1') === undefined) {
      for (const name of ['n1', 'n2']) await admin('POST', '/api/v1/nodes', { body: { metadata: { name } } });
      const volumes = [{ name: 'v', secret: { secretName: 'used' } }];
      await admin('POST', `${core}/pods`, { body: pod('on-n1', { nodeName: 'n1', volumes }) });
      await admin('POST', `${core}/pods`, { body: pod('on-n2', { nodeName: 'n2' }) });
      await admin('POST', `${core}/secrets`, { body: { metadata: { name: 'used' } } });
    }
    const kubelet = cluster.client(await cluster.issue('system:node:n1', ['system:nodes']));
    const call = body === undefined ? {} : { body, contentType: merge };
    expect(await kubelet(method, path, method === 'POST' ? { body: body ?? {} } : call)).toMatchObject({
      code,
    });
  });

  it('a node that joins asks for its certificate and for nothing else', async () => {
    const groups = ['system:bootstrappers:kubeadm:default-node-token'];
    const joining = cluster.client(await cluster.issue('system:bootstrap:n9', groups));
    const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    const spec = {
      request: 'LS0t',
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth'],
      username: 'somebody else',
    };
    expect(await joining('POST', requests, { body: { metadata: { name: 'c' }, spec } })).toMatchObject({
      code: 201,
      body: { spec: { username: 'system:bootstrap:n9' } },
    });
    expect((await joining('GET', `${requests}/c`)).code).toBe(200);
    expect((await joining('GET', `${core}/pods`)).code).toBe(403);
    const approval = { status: { conditions: [{ type: 'Approved', status: 'True' }] } };
    expect(
      (await joining('PATCH', `${requests}/c/approval`, { body: approval, contentType: merge })).code,
    ).toBe(403);
    expect(
      await admin('PATCH', `${requests}/c/approval`, { body: approval, contentType: merge }),
    ).toMatchObject({ code: 200, body: approval });
  });

  it('can-i and whoami', async () => {
    const bob = cluster.client(await cluster.issue('bob', []));
    const ask = (client: Client): Promise<Json> =>
      client('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
        body: { spec: { resourceAttributes: { verb: 'delete', resource: 'nodes' } } },
      }).then(({ body }) => body['status'] as Json);
    expect([await ask(admin), await ask(bob)]).toEqual([{ allowed: true }, { allowed: false }]);
    expect(
      await bob('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {} }),
    ).toMatchObject({
      body: { status: { userInfo: { username: 'bob', groups: ['system:authenticated'] } } },
    });
    const headers = { 'impersonate-user': 'bob' };
    expect((await admin('GET', `${core}/pods`, { headers })).code).toBe(403);
    expect((await bob('GET', '/apis', { headers: { 'impersonate-user': 'alice' } })).code).toBe(403);
  });
});

describe('discovery', () => {
  it.each([
    ['/api', '', ['v1']],
    ['/apis', 'apps', ['v1']],
  ])('aggregated at %s', async (path, group, versions) => {
    const form = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { body, headers } = await admin('GET', path, { accept: `${form},application/json` });
    expect(headers['content-type']).toBe(form);
    const items = body['items'] as readonly { metadata: { name?: string }; versions: readonly Json[] }[];
    const found = items.find(({ metadata: { name = '' } }) => name === group);
    expect(found?.versions.map(({ version }) => version)).toEqual(versions);
  });

  it('as older clients read it', async () => {
    expect((await admin('GET', '/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect((await admin('GET', '/apis')).body['kind']).toBe('APIGroupList');
    const { resources } = (await admin('GET', '/apis/apps/v1')).body as {
      resources: readonly { name: string; shortNames?: readonly string[] }[];
    };
    expect(resources.map(({ name }) => name)).toContain('deployments/scale');
    expect(resources.find(({ name }) => name === 'deployments')?.shortNames).toEqual(['deploy']);
  });

  it('OpenAPI: kubectl finds fieldValidation, types and merge keys', async () => {
    const index = (await admin('GET', '/openapi/v3')).body['paths'] as Json;
    expect(index).toHaveProperty(['apis/apps/v1']);
    const { body } = await admin('GET', '/openapi/v3/api/v1');
    expect(body).toMatchObject({
      components: {
        schemas: {
          'io.k8s.api.core.v1.PodSpec': {
            properties: { containers: { 'x-kubernetes-patch-merge-key': 'name', type: 'array' } },
          },
        },
      },
    });
    const path = (body['paths'] as Record<string, { patch: { parameters: readonly Json[] } }>)[
      '/api/v1/namespaces/{namespace}/pods/{name}'
    ];
    expect(path?.patch.parameters.map(({ name }) => name)).toContain('fieldValidation');
    expect(
      (
        await admin('GET', '/openapi/v2', {
          accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
        })
      ).code,
    ).toBe(406);
  });
});

describe('writing', () => {
  it('completes what is made', async () => {
    expect((await admin('POST', `${apps}/deployments`, { body: deployment('made') })).body).toMatchObject({
      metadata: { generation: 1 },
      spec: {
        replicas: 1,
        strategy: { rollingUpdate: { maxSurge: '25%' } },
        template: { spec: { restartPolicy: 'Always', containers: [{ imagePullPolicy: 'Always' }] } },
      },
    });
    const { body } = await admin('POST', `${core}/services`, {
      body: { metadata: { name: 'made' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } },
    });
    expect(body).toMatchObject({
      spec: {
        clusterIP: '10.96.1.0',
        ports: [{ port: 80, targetPort: 80, protocol: 'TCP', nodePort: 30_000 }],
      },
    });
    expect(
      (await admin('POST', `${core}/secrets`, { body: { metadata: { name: 's' }, stringData: { a: 'b' } } }))
        .body,
    ).toMatchObject({ type: 'Opaque', data: { a: 'Yg==' } });
  });

  it.each<readonly [title: string, path: string, body: Json, code: number, text: string]>([
    ['no name', `${core}/configmaps`, {}, 422, 'name or generateName is required'],
    [
      'a bad name',
      `${core}/configmaps`,
      { metadata: { name: 'A_' } },
      422,
      'metadata.name: Invalid value: "A_"',
    ],
    [
      'a selector that misses its template',
      `${apps}/deployments`,
      deployment('x', { selector: { matchLabels: { app: 'y' } } }),
      422,
      '`selector` does not match template `labels`',
    ],
    [
      'no containers',
      `${core}/pods`,
      { metadata: { name: 'x' }, spec: {} },
      422,
      'Pod "x" is invalid: spec.containers: Required value',
    ],
    [
      'text for a number',
      `${apps}/deployments`,
      deployment('x', { replicas: 'two' }),
      400,
      'json: cannot unmarshal string into Go struct field spec.replicas of type int32',
    ],
    [
      'an unknown field, strictly',
      `${apps}/deployments?fieldValidation=Strict`,
      deployment('x', { replica: 2 }),
      400,
      'strict decoding error: unknown field "spec.replica"',
    ],
    [
      'another kind',
      `${core}/pods`,
      { kind: 'Service', metadata: { name: 'x' } },
      400,
      'cannot be handled as a Pod',
    ],
    [
      'a namespace that is not there',
      '/api/v1/namespaces/nowhere/configmaps',
      { metadata: { name: 'x' } },
      404,
      'namespaces "nowhere" not found',
    ],
    [
      'another namespace than in the path',
      `${core}/configmaps`,
      { metadata: { name: 'x', namespace: 'kube-system' } },
      400,
      'does not match the namespace sent on the request',
    ],
  ])('refuses %s', async (_title, path, body, code, text) => {
    const answer = await admin('POST', path, { body });
    expect([answer.code, answer.body['message']]).toEqual([code, expect.stringContaining(text)]);
  });

  it('warns of an unknown field, and drops it', async () => {
    const { code, headers, body } = await admin('POST', `${core}/configmaps`, {
      body: { metadata: { name: 'warned' }, dat: {} },
    });
    expect([code, headers['warning']]).toEqual([201, String.raw`299 - "unknown field \"dat\""`]);
    expect(body).not.toHaveProperty('dat');
  });

  it('makes up a name, and writes nothing in a dry run', async () => {
    const named = await admin('POST', `${core}/configmaps?dryRun=All`, {
      body: { metadata: { generateName: 'c-' } },
    });
    const { name } = named.body['metadata'] as { name: string };
    expect(name).toMatch(/^c-[a-z0-9]{5}$/);
    expect((await admin('GET', `${core}/configmaps/${name}`)).code).toBe(404);
  });

  it('a write over an older version is a conflict', async () => {
    const { body } = await admin('POST', `${core}/configmaps`, {
      body: { metadata: { name: 'v' }, data: { a: '1' } },
    });
    const next = { ...body, data: { a: '2' } };
    expect((await admin('PUT', `${core}/configmaps/v`, { body: next })).code).toBe(200);
    expect(await admin('PUT', `${core}/configmaps/v`, { body: { ...next, data: {} } })).toMatchObject({
      code: 409,
      body: {
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on configmaps "v": the object has been modified; please apply your changes to the latest version and try again',
      },
    });
    expect((await admin('POST', `${core}/configmaps`, { body })).body['reason']).toBe('AlreadyExists');
  });

  it('status and spec are written apart', async () => {
    await admin('POST', `${apps}/deployments`, { body: deployment('apart') });
    const both = { spec: { replicas: 7 }, status: { replicas: 3 } };
    const path = `${apps}/deployments/apart`;
    expect((await admin('PATCH', `${path}/status`, { body: both, contentType: merge })).body).toMatchObject({
      spec: { replicas: 1 },
      status: { replicas: 3 },
      metadata: { generation: 1 },
    });
    expect(
      (await admin('PATCH', path, { body: { ...both, status: { replicas: 9 } }, contentType: merge })).body,
    ).toMatchObject({ spec: { replicas: 7 }, status: { replicas: 3 }, metadata: { generation: 2 } });
    expect(
      (await admin('PATCH', `${path}/scale`, { body: { spec: { replicas: 2 } }, contentType: merge })).body,
    ).toMatchObject({ kind: 'Scale', spec: { replicas: 2 }, status: { selector: 'app=apart' } });
    expect(
      await admin('PATCH', path, {
        body: { spec: { selector: { matchLabels: { b: 'c' } } } },
        contentType: merge,
      }),
    ).toMatchObject({
      code: 422,
      body: {
        details: { causes: expect.arrayContaining([expect.objectContaining({ field: 'spec.selector' })]) },
      },
    });
  });

  it('server-side apply makes, changes, conflicts and forces', async () => {
    const apply = (replicas: number, manager: string, more = '') =>
      admin('PATCH', `${apps}/deployments/applied?fieldManager=${manager}${more}`, {
        body: JSON.stringify({ ...deployment('applied', { replicas }) }),
        contentType: 'application/apply-patch+yaml',
      });
    expect((await apply(1, 'one')).code).toBe(201);
    expect((await apply(2, 'one')).body).toMatchObject({ spec: { replicas: 2 } });
    expect(await apply(3, 'two')).toMatchObject({
      code: 409,
      body: { details: { causes: [{ reason: 'FieldManagerConflict', field: '.spec.replicas' }] } },
    });
    expect(await apply(3, 'two', '&force=true')).toMatchObject({
      code: 200,
      body: { spec: { replicas: 3 } },
    });
    const { resourceVersion } = (await apply(3, 'two')).body['metadata'] as { resourceVersion: string };
    expect((await apply(3, 'two')).body).toMatchObject({ metadata: { resourceVersion } });
  });

  it('takes the protobuf that kubectl create sends', async () => {
    const message = (fields: readonly (readonly [number, Uint8Array | string])[]): Uint8Array => {
      const writer = protobuf.Writer.create();
      for (const [number, value] of fields) {
        writer.uint32((number << 3) | 2);
        if (typeof value === 'string') writer.string(value);
        else writer.bytes(value);
      }
      return writer.finish();
    };
    const map = message([
      [
        1,
        message([
          [1, 'from-protobuf'],
          [8, message([])],
        ]),
      ],
      [
        2,
        message([
          [1, 'key'],
          [2, 'value'],
        ]),
      ],
    ]);
    const typeMeta = message([
      [1, 'v1'],
      [2, 'ConfigMap'],
    ]);
    const body = Buffer.concat([
      Buffer.from('k8s\0'),
      message([
        [1, typeMeta],
        [2, map],
        [3, ''],
        [4, ''],
      ]),
    ]);
    const contentType = 'application/vnd.kubernetes.protobuf';
    expect(await admin('POST', `${core}/configmaps`, { body, contentType })).toMatchObject({
      code: 201,
      body: { metadata: { name: 'from-protobuf' }, data: { key: 'value' } },
    });
    expect((await admin('POST', `${core}/configmaps`, { body: Buffer.from('no'), contentType })).code).toBe(
      400,
    );
  });
});

describe('pods', () => {
  it('are bound once', async () => {
    await admin('POST', `${core}/pods`, { body: pod('bound') });
    const bind = (name: string) =>
      admin('POST', `${core}/pods/bound/binding`, {
        body: { kind: 'Binding', target: { kind: 'Node', name } },
      });
    expect((await bind('n1')).code).toBe(201);
    expect((await admin('GET', `${core}/pods/bound`)).body).toMatchObject({
      spec: { nodeName: 'n1' },
      status: { conditions: [{ type: 'PodScheduled', status: 'True' }] },
    });
    expect((await bind('n2')).code).toBe(409);
  });

  it('that run are given time to end, unless none is given', async () => {
    const running = (name: string) => admin('POST', `${core}/pods`, { body: pod(name, { nodeName: 'n1' }) });
    await running('slow');
    expect((await admin('DELETE', `${core}/pods/slow`)).body).toMatchObject({
      metadata: { deletionGracePeriodSeconds: 30 },
    });
    expect(
      (await admin('DELETE', `${core}/pods/slow`, { body: { gracePeriodSeconds: 0 } })).body,
    ).toMatchObject({
      kind: 'Status',
      status: 'Success',
    });
    expect((await admin('GET', `${core}/pods/slow`)).code).toBe(404);
  });

  it('are not evicted against their budget', async () => {
    const ready = [{ type: 'Ready', status: 'True' }];
    await admin('POST', '/apis/policy/v1/namespaces/default/poddisruptionbudgets', {
      body: {
        metadata: { name: 'b' },
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'kept' } } },
      },
    });
    await admin('POST', `${core}/pods`, { body: pod('kept', { nodeName: 'n1' }) });
    await admin('PATCH', `${core}/pods/kept/status`, {
      body: { status: { phase: 'Running', conditions: ready } },
      contentType: merge,
    });
    const evict = () =>
      admin('POST', `${core}/pods/kept/eviction`, {
        body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'kept' } },
      });
    expect(await evict()).toMatchObject({
      code: 429,
      body: { reason: 'TooManyRequests', details: { causes: [{ reason: 'DisruptionBudget' }] } },
    });
    await admin('DELETE', '/apis/policy/v1/namespaces/default/poddisruptionbudgets/b');
    expect((await evict()).code).toBe(201);
    expect((await admin('GET', `${core}/pods/kept`)).body).toHaveProperty('metadata.deletionTimestamp');
  });

  it('wait for their finalizers', async () => {
    const body = { metadata: { name: 'held', finalizers: ['a/b'] } };
    await admin('POST', `${core}/configmaps`, { body });
    expect((await admin('DELETE', `${core}/configmaps/held`)).body).toHaveProperty(
      'metadata.deletionTimestamp',
    );
    await admin('PATCH', `${core}/configmaps/held`, {
      body: { metadata: { finalizers: null } },
      contentType: merge,
    });
    expect((await admin('GET', `${core}/configmaps/held`)).code).toBe(404);
  });
});

describe('lists', () => {
  const list = '/api/v1/namespaces/listed/configmaps';
  beforeAll(async () => {
    await admin('POST', '/api/v1/namespaces', { body: { metadata: { name: 'listed' } } });
    for (const [name, labels] of [
      ['a', { tier: 'front', n: '1' }],
      ['b', { tier: 'back' }],
      ['c', { tier: 'front' }],
      ['d', {}],
    ] as const)
      await admin('POST', list, { body: { metadata: { name, labels } } });
  });

  it.each([
    ['labelSelector=tier=front', 'a c'],
    ['labelSelector=tier==front,n', 'a'],
    ['labelSelector=tier!=front', 'b d'],
    ['labelSelector=tier in (front,back)', 'a b c'],
    ['labelSelector=tier notin (front)', 'b d'],
    ['labelSelector=tier', 'a b c'],
    ['labelSelector=!tier', 'd'],
    ['labelSelector=n>0', 'a'],
    ['fieldSelector=metadata.name=b', 'b'],
    ['fieldSelector=metadata.name!=b', 'a c d'],
    ['fieldSelector=metadata.namespace=other', ''],
  ])('%s gives %s', async (query, names) => {
    expect(namesOf((await admin('GET', `${list}?${query.replaceAll(' ', '%20')}`)).body).join(' ')).toBe(
      names,
    );
  });

  it.each(['labelSelector=a=b=c', 'fieldSelector=spec.x=1', 'limit=1&continue=nonsense'])(
    'refuses %s',
    async (query) => {
      expect((await admin('GET', `${list}?${query}`)).code).toBe(400);
    },
  );

  it('goes on page by page in the state of the first', async () => {
    const first = (await admin('GET', `${list}?limit=2`)).body;
    expect(namesOf(first)).toEqual(['a', 'b']);
    await admin('DELETE', `${list}/d`);
    const token = (first['metadata'] as { continue: string }).continue;
    expect(namesOf((await admin('GET', `${list}?limit=2&continue=${token}`)).body)).toEqual(['c', 'd']);
  });

  it('as tables, the columns that kubectl users know', async () => {
    await admin('PATCH', '/api/v1/nodes/n1', { body: { spec: { unschedulable: true } }, contentType: merge });
    const { body } = await admin('GET', '/api/v1/nodes/n1', { accept: table });
    const columns = (body['columnDefinitions'] as readonly { name: string; priority: number }[]).map(
      ({ name, priority }) => (priority === 0 ? name : `(${name})`),
    );
    expect(columns.join(' ')).toBe(
      'Name Status Roles Age Version (Internal-IP) (External-IP) (OS-Image) (Kernel-Version) (Container-Runtime)',
    );
    expect(body['rows']).toMatchObject([
      {
        cells: [
          'n1',
          'Unknown,SchedulingDisabled',
          '<none>',
          expect.any(String),
          '',
          '<none>',
          '<none>',
          '<unknown>',
          '<unknown>',
          '<unknown>',
        ],
        object: { kind: 'PartialObjectMetadata', metadata: { name: 'n1' } },
      },
    ]);
  });

  it('events in both their versions', async () => {
    await admin('POST', '/apis/events.k8s.io/v1/namespaces/default/events', {
      body: {
        metadata: { name: 'e' },
        regarding: { kind: 'Pod', name: 'p' },
        note: 'hello',
        reason: 'R',
        type: 'Normal',
      },
    });
    const selected = await admin('GET', `${core}/events?fieldSelector=involvedObject.name%3Dp`);
    expect(selected.body['items']).toMatchObject([
      { apiVersion: 'v1', message: 'hello', involvedObject: { name: 'p' } },
    ]);
    expect((await admin('GET', '/apis/events.k8s.io/v1/namespaces/default/events/e')).body).toMatchObject({
      note: 'hello',
    });
  });
});

describe('watches', () => {
  const path = `${core}/configmaps`;
  const version = async (): Promise<string> =>
    ((await admin('GET', path)).body['metadata'] as { resourceVersion: string }).resourceVersion;

  it('go on from a version, and tell who comes into the selection and leaves it', async () => {
    const from = await version();
    const labelled = (labels: Json) => ({ body: { metadata: { labels } }, contentType: merge });
    const seen = admin.watch(
      `${path}?watch=true&resourceVersion=${from}&labelSelector=seen`,
      (events) => events.length >= 4,
    );
    await admin('POST', path, { body: { metadata: { name: 'w' } } });
    await admin('PATCH', `${path}/w`, labelled({ seen: '1' }));
    await admin('PATCH', `${path}/w`, labelled({ seen: '2' }));
    await admin('PATCH', `${path}/w`, labelled({ seen: null }));
    await admin('PATCH', `${path}/w`, labelled({ seen: '3' }));
    expect((await seen).map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'ADDED']);
    // Later comers hear the same.
    const again = await admin.watch(
      `${path}?watch=true&resourceVersion=${from}&labelSelector=seen`,
      (events) => events.length >= 4,
    );
    expect(again.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'ADDED']);
  });

  it('begin with what is there, and say when that is told', async () => {
    const events = await admin.watch(
      `${path}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`,
      (all) => all.some(({ type }) => type === 'BOOKMARK'),
    );
    expect(events.at(-1)).toMatchObject({
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    expect(events.length).toBeGreaterThan(1);
  });

  it('end by their timeout', async () => {
    expect(
      await admin.watch(
        `${path}?watch=true&resourceVersion=${await version()}&timeoutSeconds=1`,
        () => false,
      ),
    ).toEqual([]);
  });

  it('of a version that is forgotten, or was never, say so', async () => {
    expect(await admin.watch(`${path}?watch=true&resourceVersion=999999`, () => false)).toMatchObject([
      { type: 'ERROR', object: { code: 410, reason: 'Expired' } },
    ]);
  });
});

describe('namespaces', () => {
  it('that go away take nothing new', async () => {
    await admin('POST', '/api/v1/namespaces', { body: { metadata: { name: 'leaving' } } });
    await admin('DELETE', '/api/v1/namespaces/leaving');
    expect(
      await admin('POST', '/api/v1/namespaces/leaving/configmaps', { body: { metadata: { name: 'x' } } }),
    ).toMatchObject({ code: 403, body: { details: { causes: [{ reason: 'NamespaceTerminating' }] } } });
    await admin('PUT', '/api/v1/namespaces/leaving/finalize', {
      body: { metadata: { name: 'leaving' }, spec: { finalizers: [] } },
    });
    expect((await admin('GET', '/api/v1/namespaces/leaving')).code).toBe(404);
  });
});
