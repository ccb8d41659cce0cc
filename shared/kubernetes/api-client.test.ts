import { randomBytes } from 'node:crypto';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { ControlPlanes, refusal, type KubernetesAnswer } from '../../test/builders/kubernetes-api.ts';
import { plusSeconds } from '../domain/ids.ts';
import { ApiFailure, createClusterApi, type ClusterApiOptions } from './api-client.ts';
import type { Credential } from './pki/certificate.ts';
import { createClusterPki, type ClusterPki } from './pki/cluster-pki.ts';
import { issuePlatformCredential, issueServingCredential } from './pki/issue-credentials.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const otherId = '00000000-0000-4000-8000-000000000000';
const now = new Date().toISOString();
const day = 24 * 3600;

const there = new ControlPlanes();
let pki: ClusterPki;
let otherPki: ClusterPki;
let mine: Credential;
const servingOf = (of: ClusterPki, id: string, at = now): Promise<Credential> =>
  issueServingCredential(
    { authority: of.cluster, now: at, randomBytes },
    { clusterId: id, addresses: [], validSeconds: day },
  );
/** An address that belongs to somebody else's cluster, and one whose certificate is old. */
const [first, second, foreign, old, elsewhere, mute, nobody] = [1, 2, 3, 4, 5, 6, 7].map(
  (last) => `203.0.113.${last}`,
) as [string, string, string, string, string, string, string];

beforeAll(async () => {
  const longAgo = plusSeconds(now, -30 * day);
  [pki, otherPki] = await Promise.all([
    createClusterPki({ clusterId, now: longAgo, randomBytes }),
    createClusterPki({ clusterId: otherId, now: longAgo, randomBytes }),
  ]);
  mine = await issuePlatformCredential({ authority: pki.cluster, now, randomBytes });
  const start = async (address: string, of: ClusterPki, id: string, at = now): Promise<void> =>
    there.start(address, { pki, serving: await servingOf(of, id, at) });
  await Promise.all([
    there.startProxy(),
    start(first, pki, clusterId),
    start(second, pki, clusterId),
    start(foreign, otherPki, clusterId),
    start(old, pki, clusterId, longAgo),
    start(elsewhere, pki, otherId),
    there.startAny(
      mute,
      createTcpServer(() => undefined),
    ),
  ]);
});
afterAll(() => there.close());
beforeEach(() => {
  there.requests.length = 0;
  there.answer = () => ({ body: {} });
});

const client = (given: Partial<ClusterApiOptions> = {}) =>
  createClusterApi({
    clusterId,
    addresses: [first],
    caCertificatePem: pki.cluster.certificatePem,
    credential: mine,
    proxyUrl: there.proxyUrl,
    ...given,
  });
const asked = (): string[] => there.requests.map(({ address, what }) => `${address} ${what}`);
const version = z.object({ gitVersion: z.string() });
const failureOf = async (call: Promise<unknown>): Promise<ApiFailure> => {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ApiFailure);
  return failure as ApiFailure;
};

describe('who may speak with whom', () => {
  it('the platform’s own certificate is let in, whatever address it is shown to', async () => {
    there.answer = () => ({ body: { gitVersion: 'v1.36.2', more: true } });
    expect(await client().get('/version', version)).toEqual({ gitVersion: 'v1.36.2' });
  });

  it.each<[string, () => Promise<Credential> | undefined]>([
    [
      'another cluster’s certificate',
      () => issuePlatformCredential({ authority: otherPki.cluster, now, randomBytes }),
    ],
    [
      'an expired certificate',
      () =>
        issuePlatformCredential({
          authority: pki.cluster,
          now: plusSeconds(now, -20 * day),
          randomBytes,
        }),
    ],
    ['no certificate', () => undefined],
  ])('%s is refused', async (_, credentialOf) => {
    const credential = await credentialOf();
    const api = createClusterApi({
      clusterId,
      addresses: [first],
      caCertificatePem: pki.cluster.certificatePem,
      proxyUrl: there.proxyUrl,
      ...(credential !== undefined && { credential }),
    });
    expect(await failureOf(api.get('/version', version))).toMatchObject({
      message: 'GET /version: HTTP 401: Unauthorized: Unauthorized',
      status: 401,
      reason: 'Unauthorized',
      isUnreachable: false,
    });
  });

  it.each<[string, string, string]>([
    ['a server of another cluster’s authority', foreign, 'its certificate is not of this cluster'],
    ['a server whose certificate has expired', old, 'its certificate has expired'],
    ['a server of another cluster’s name', elsewhere, 'its certificate is not for this cluster’s name'],
    ['an address that nobody has', nobody, 'the proxy found nobody there'],
  ])('%s is told nothing', async (_, address, why) => {
    const failure = await failureOf(client({ addresses: [address] }).delete('/api/v1/nodes/a'));
    expect(failure).toMatchObject({
      message: `DELETE /api/v1/nodes/a: no answer (${address}: ${why})`,
      status: undefined,
      isUnreachable: true,
    });
    expect(there.requests).toEqual([]);
  });
});

describe('several control planes', () => {
  it('are asked in turn, and the one that answered is asked first from then on', async () => {
    const api = client({ addresses: [nobody, foreign, second] });
    await api.patch('/a', {});
    await api.patch('/b', {});
    expect(asked()).toEqual([
      `${second} PATCH /a?fieldManager=overcast`,
      `${second} PATCH /b?fieldManager=overcast`,
    ]);
  });

  it('none of which answers are all named', async () => {
    const { message } = await failureOf(client({ addresses: [nobody, foreign] }).delete('/a'));
    expect(message).toBe(
      `DELETE /a: no answer (${nobody}: the proxy found nobody there; ${foreign}: its certificate is not of this cluster)`,
    );
  });

  it('one of which is on its way up leave the call to another', async () => {
    there.answer = ({ address }) =>
      address === first ? refusal(503, 'ServiceUnavailable', 'soon') : { body: {} };
    await client({ addresses: [first, second] }).delete('/a');
    expect(asked()).toEqual([`${first} DELETE /a`, `${second} DELETE /a`]);
  });

  it('all of which are on their way up say so', async () => {
    there.answer = () => refusal(503, 'ServiceUnavailable', 'soon');
    expect(await failureOf(client({ addresses: [first, second] }).delete('/a'))).toMatchObject({
      status: 503,
      isUnreachable: false,
    });
  });

  it.each<[string, 'post' | 'patch', number]>([
    ['a change that says what to do is not sent twice', 'post', 1],
    ['a change that says what to be is', 'patch', 2],
  ])('when the answer was lost, %s', async (_, method, sent) => {
    there.answer = ({ address }) => (address === first ? 'hang up' : { body: {} });
    const call = client({ addresses: [first, second] })[method]('/a', {});
    if (sent === 1) expect((await failureOf(call)).message).toContain(`${first}: `);
    else await call;
    expect(there.requests).toHaveLength(sent);
  });

  it('that say nothing do not hold a call for long', async () => {
    there.answer = () => 'silence';
    const began = performance.now();
    const { message } = await failureOf(
      client({ addresses: [first, second], callSecondsMax: 0.2 }).delete('/a'),
    );
    expect(message).toContain('no answer in time');
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('that take a connection and never speak are passed over', async () => {
    await client({ addresses: [mute, second], connectSecondsMax: 0.2 }).delete('/a');
    expect(asked()).toEqual([`${second} DELETE /a`]);
  });

  it('of which there is none are none to ask', async () => {
    expect((await failureOf(client({ addresses: [] }).delete('/a'))).message).toContain('no API server');
  });
});

describe('a call', () => {
  it('that applies names its owner and takes over what others had', async () => {
    const path = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/overcast:admins';
    await client().apply(path, { kind: 'ClusterRoleBinding' });
    expect(there.requests).toMatchObject([
      {
        what: `PATCH ${path}?fieldManager=overcast&force=true`,
        type: 'application/apply-patch+yaml',
        body: '{"kind":"ClusterRoleBinding"}',
      },
    ]);
  });

  it('for a list’s names asks for no more, and takes more', async () => {
    const metadata = { name: 'a', labels: { zone: 'b' } };
    there.answer = () => ({ body: { items: [{ metadata: { ...metadata, uid: 'x' }, status: {} }] } });
    expect(await client().listMetadata('/api/v1/nodes')).toEqual([metadata]);
    expect(there.requests[0]?.accept).toMatch(/^application\/json;as=PartialObjectMetadataList;/);
  });

  it('that deletes what is gone is done', async () => {
    there.answer = () => refusal(404, 'NotFound', 'nodes "a" not found');
    await client().delete('/api/v1/nodes/a');
  });

  it.each<[string, KubernetesAnswer, object]>([
    [
      'a refusal has Kubernetes’ own words',
      refusal(403, 'Forbidden', 'nodes is forbidden: User "overcast:platform" cannot list'),
      {
        message:
          'GET /version: HTTP 403: Forbidden: nodes is forbidden: User "overcast:platform" cannot list',
        status: 403,
        reason: 'Forbidden',
      },
    ],
    [
      'a page of somebody between is not quoted',
      { status: 502, body: '<html>secret</html>' },
      { message: 'GET /version: HTTP 502', status: 502, reason: undefined },
    ],
    [
      'a reply of another form is named by its field',
      { body: { gitVersion: 1 } },
      { message: 'GET /version: the reply is not of its form: gitVersion', isUnreachable: false },
    ],
    [
      'a reply that is no JSON too',
      { body: 'ok' },
      { message: 'GET /version: the reply is not of its form: reply' },
    ],
  ])('%s', async (_, given, expected) => {
    there.answer = () => given;
    expect(await failureOf(client().get('/version', version))).toMatchObject(expected);
  });

  it('that fails says nothing of what was sent', async () => {
    there.answer = () => 'hang up';
    const failure = await failureOf(client().post('/api/v1/secrets', { data: 'hidden' }));
    const shown = JSON.stringify([failure, failure.message, failure.stack]);
    expect(shown).not.toContain('hidden');
    expect(shown).not.toContain('PRIVATE KEY');
  });
});

describe('without a proxy', () => {
  it('an address is dialled itself', async () => {
    const direct = { addresses: ['127.0.0.1'], proxyUrl: undefined };
    await client({ ...direct, port: there.portOf(first) }).delete('/a');
    expect(asked()).toEqual([`${first} DELETE /a`]);
    const { message } = await failureOf(client({ ...direct, port: 1 }).delete('/a'));
    expect(message).toBe('DELETE /a: no answer (127.0.0.1: nobody listens there)');
  });
});
