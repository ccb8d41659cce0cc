import { Resolver } from 'node:dns/promises';
import { Route53Client } from '@aws-sdk/client-route-53';
import { localHostedZone } from '../../infra/hosted-zone.ts';
import { createGuard } from '../../local/aws/iam/guard.ts';
import { readRoles } from '../../local/aws/iam/roles.ts';
import { startResponder } from '../../local/aws/route53/responder.ts';
import { openRoute53, type Strike } from '../../local/aws/route53/route53.ts';
import { listen } from '../../local/aws/server/listen.ts';
import type { Stack } from '../../local/aws/template/stack.ts';
import { openDisk } from '../../local/disk.ts';
import { createDns, type Dns } from '../../shared/runtime/dns.ts';

/** What the tests' template names. */
export const testZone = localHostedZone;

/** A Route 53 of its own on loopback, with a DNS responder; the real SDK talks to it. */
export interface TestRoute53 {
  readonly url: string;
  readonly client: Route53Client;
  readonly dns: Dns;
  /** Of the responder, on 127.0.0.1. */
  readonly dnsPort: number;
  /** Calls that arrived, as `GET healthcheck`. */
  readonly calls: string[];
  /** Addresses at which nobody answers. */
  readonly dead: Set<string>;
  /** Names outside of the zone that aliases may lead to. */
  readonly aliases: Map<string, { addresses: readonly string[]; isHealthy: boolean }>;
  /** Befalls the next calls, one each; `pass` lets one through. */
  strike(...strikes: readonly (Strike | 'pass')[]): void;
  /** The addresses of a name, sorted, as a resolver is answered. @throws with the resolver's code: ENOTFOUND, ENODATA */
  resolve(name: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Health checks look every 200 ms, and give an address up after three looks. */
const waitScale = 1000;

export async function startTestRoute53(): Promise<TestRoute53> {
  const disk = openDisk({ name: 'route53' });
  const listener = await listen(0, () => {});
  const stack = { all: () => [] } as unknown as Stack;
  const calls: string[] = [];
  const dead = new Set<string>();
  const aliases: TestRoute53['aliases'] = new Map();
  const strikes: (Strike | 'pass')[] = [];
  const route53 = openRoute53({
    zones: [testZone],
    disk,
    guard: createGuard(readRoles(stack), () => {}),
    identify: () => ({ kind: 'root' }),
    world: {
      probe: async (address) => !dead.has(address),
      resolveAlias: async (name) => aliases.get(name),
      strike: () => {
        const next = strikes.shift();
        return next === 'pass' ? undefined : next;
      },
    },
    waitScale,
    random: Math.random,
    log: () => {},
  });
  listener.serve(async (request) => {
    const path = new URL(request.url, listener.url).pathname;
    calls.push(`${request.method} ${path.split('/')[2] ?? ''}`);
    return route53.serve(request) ?? { status: 404, headers: {}, body: '' };
  });
  const responder = await startResponder({ port: 0, answer: route53.answer, log: () => {} });
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([`127.0.0.1:${responder.port}`]);
  const client = new Route53Client({
    endpoint: listener.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  return {
    url: listener.url,
    client,
    dns: createDns({ client, zone: testZone }),
    dnsPort: responder.port,
    calls,
    dead,
    aliases,
    strike: (...next) => {
      strikes.push(...next);
    },
    resolve: async (name) => (await resolver.resolve4(name)).toSorted(),
    async close() {
      client.destroy();
      await responder.close();
      await listener.close();
      route53.close();
      disk.close();
    },
  };
}
