import { afterEach, describe, expect, it } from 'vitest';
import {
  problem,
  someDetails,
  startApiServer,
  type ApiAnswer,
  type ApiServer,
} from '../test/builders/api-server.ts';
import { ApiError, createApiClient, type ApiClient } from './api-client.ts';

let server: ApiServer;
afterEach(() => server.close());

async function clientFor(route: string, ...answers: readonly ApiAnswer[]): Promise<ApiClient> {
  server = await startApiServer({ [route]: answers });
  return createApiClient({ url: server.url, apiKey: 'oc_test' });
}
const keys = (): unknown[] => server.calls.map(({ headers }) => headers['idempotency-key']);
const now = { 'retry-after': '0' };
const busy = (status: number): ApiAnswer => ({
  status,
  headers: now,
  body: problem({ status, detail: 'busy' }),
});

describe('a call', () => {
  it.each([429, 500, 502, 503, 504])(
    'that is answered with %i is made again under the same key',
    async (status) => {
      const client = await clientFor('POST /v1/clusters', busy(status), busy(status), {
        status: 201,
        body: someDetails(),
      });
      expect((await client.createCluster('kind: Cluster\n')).name).toBe('four-clouds');
      expect(server.calls.map(({ body }) => body)).toEqual([
        'kind: Cluster\n',
        'kind: Cluster\n',
        'kind: Cluster\n',
      ]);
      expect(new Set(keys()).size).toBe(1);
      expect(keys()[0]).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('has a key of its own', async () => {
    const client = await clientFor('DELETE /v1/clusters/a', { status: 202, body: someDetails() });
    await client.deleteCluster('a');
    await client.deleteCluster('a');
    expect(new Set(keys()).size).toBe(2);
  });

  it('is given up after four times, with the API’s own words', async () => {
    const client = await clientFor('GET /v1/clusters/a', busy(503));
    await expect(client.getCluster('a')).rejects.toMatchObject({ name: 'ApiError', message: 'busy' });
    expect(server.calls).toHaveLength(4);
  });

  it.each([400, 401, 403, 404, 409, 422])('that is refused with %i is not made again', async (status) => {
    const client = await clientFor('POST /v1/clusters', { status, body: problem({ status, detail: 'no' }) });
    await expect(client.createCluster('')).rejects.toBeInstanceOf(ApiError);
    expect(server.calls).toHaveLength(1);
  });

  it('waits as long as it is asked to, and not at once again', async () => {
    const client = await clientFor(
      'GET /v1/clusters/a',
      { status: 429, headers: { 'retry-after': '1' }, body: problem({ status: 429 }) },
      { body: someDetails() },
    );
    const begin = performance.now();
    await client.getCluster('a');
    expect(performance.now() - begin).toBeGreaterThan(900);
  });

  it('whose answer is no problem document is told by its status', async () => {
    const client = await clientFor('GET /v1/clusters/a', { status: 404, body: '<html>not here</html>' });
    await expect(client.getCluster('a')).rejects.toMatchObject({
      problem: { status: 404, detail: 'HTTP 404: <html>not here</html>', requestId: '' },
    });
  });
});
