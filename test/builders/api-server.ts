import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClusterDetails, NodeView, ProblemDocument } from '../../shared/domain/api-types.ts';
import { exampleTime } from './cluster.ts';

export interface ApiCall {
  /** `GET /v1/clusters?cursor=…` */
  readonly what: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export interface ApiAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, unless it is text already. */
  readonly body: unknown;
}
export interface ApiServer {
  readonly url: string;
  readonly calls: ApiCall[];
  close(): Promise<void>;
}

/** Stands for the public API: answers by method and path, one answer after another, the last one again and again. */
export async function startApiServer(
  answers: Readonly<Record<string, readonly ApiAnswer[]>>,
): Promise<ApiServer> {
  const calls: ApiCall[] = [];
  const given = new Map<string, number>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const what = `${request.method ?? ''} ${request.url ?? ''}`;
      calls.push({ what, headers: request.headers, body });
      const route = what.replace(/\?.*$/, '');
      const list = answers[route] ?? [{ status: 404, body: problem({ status: 404, detail: `no ${route}` }) }];
      const index = given.get(route) ?? 0;
      given.set(route, index + 1);
      const answer = list[Math.min(index, list.length - 1)];
      response.writeHead(answer?.status ?? 200, { 'content-type': 'application/json', ...answer?.headers });
      response.end(typeof answer?.body === 'string' ? answer.body : JSON.stringify(answer?.body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export const problem = (given: Partial<ProblemDocument>): ProblemDocument => ({
  type: 'about:blank',
  title: 'Refused',
  status: 400,
  detail: 'no',
  requestId: 'request-1',
  ...given,
});

export const aNodeView = (given: Partial<NodeView> = {}): NodeView => ({
  id: '00000000-0000-4000-8000-000000000001',
  number: 1,
  name: 'four-clouds-1',
  role: 'control-plane',
  cloud: 'aws',
  zone: 'us-east-1a',
  instanceType: 'c6a.xlarge',
  kubernetesVersion: '1.36',
  vcpus: 4,
  memoryGib: 8,
  usdPerHour: 0.153,
  lifecycle: 'on-demand',
  phase: 'ready',
  desired: 'present',
  overlayAddress: '10.4.0.1',
  attempt: 1,
  createdAt: exampleTime,
  ...given,
});

export const someDetails = (given: Partial<ClusterDetails> = {}): ClusterDetails => ({
  id: '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  name: 'four-clouds',
  region: 'us-east',
  clouds: [
    { cloud: 'aws', accountId: 'main' },
    { cloud: 'gcp', accountId: 'main' },
  ],
  configuration: 'highly-available',
  vpn: 'wireguard-full-mesh',
  kubernetesVersion: '1.36',
  podRange: '10.217.0.0/16',
  policies: {},
  ingress: { loadBalancers: false },
  status: 'creating',
  createdAt: exampleTime,
  createdBy: 'ada',
  nodes: [],
  cloudParts: [{ cloud: 'aws' }, { cloud: 'gcp' }],
  names: { missing: [] },
  findings: [],
  ...given,
});
