import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlled } from './control.ts';
import { openDataPath } from './data-path.ts';
import { World, type Front, type ServedFront } from './world.ts';

/** A machine's stand-in: says its name at port 80, and whether it is well at port 8081. */
interface Machine {
  readonly id: string;
  isWell: boolean;
  asked: number;
}

/** Its time passes when the test says so. */
class StillWorld extends World {
  #now = Date.now();
  override now(): number {
    return this.#now;
  }
  pass(seconds: number): void {
    this.#now += this.scaled(seconds);
  }
}

let world: StillWorld;
let path: ReturnType<typeof openDataPath>;
let machines: Machine[];
let front: Front;
const servers: Server[] = [];
/** Which ports of which machines lead where. */
const ports = new Map<string, number>();

const listen = async (answer: (request: IncomingMessage) => { status: number; body: string }) => {
  const server = createServer((request, response) => {
    const { status, body } = answer(request);
    response.writeHead(status).end(body);
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

const machine = async (id: string): Promise<Machine> => {
  world.launch({
    cloud: 'aws',
    id,
    name: id,
    region: 'us-east-1',
    zone: 'us-east-1a',
    instanceType: 'c7i.large',
    vcpus: 2,
    spot: false,
    networkId: 'vpc-1',
    privateAddress: '10.10.0.9',
    publicAddress: '198.51.100.9',
    userData: '',
    runningAfterSeconds: 0,
  });
  const made: Machine = { id, isWell: true, asked: 0 };
  ports.set(`${id}:80`, await listen(() => ({ status: 200, body: id })));
  const health = await listen(({ url }) => {
    made.asked += 1;
    return { status: url === '/ready' && made.isWell ? 200 : 503, body: '' };
  });
  ports.set(`${id}:8081`, health);
  return made;
};

beforeEach(async () => {
  world = new StillWorld({ timeScale: 1000 });
  ports.clear();
  machines = [await machine('one'), await machine('two')];
  front = {
    cloud: 'aws',
    id: 'lb-1',
    name: 'in front',
    networkId: 'vpc-1',
    address: 'in-front.elb.example',
    isOpen: true,
    listeners: [{ port: 443, targetPort: 80 }],
    healthCheck: { port: 8081, path: '/ready', intervalSeconds: 10 },
    members: ['one', 'two'],
    admits: () => true,
  };
  world.balances(() => [front]);
  path = openDataPath({ world, dial: async ({ id }, port) => ports.get(`${id}:${port}`) });
  world.dataPath = path;
});
afterEach(async () => {
  await path.close();
  world.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const served = async (): Promise<ServedFront> => {
  const request = {
    method: 'GET',
    url: new URL('http://127.0.0.1/_control/balancers'),
    headers: {},
    body: '',
  };
  const { body = '' } = await controlled(world, request);
  const [only] = JSON.parse(body) as ServedFront[];
  if (only === undefined) throw new Error('no front');
  return only;
};
const urlOf = ({ listeners }: ServedFront): string => listeners[0]?.url ?? '';

/** Who answers, each time over a new connection. */
const ask = async (): Promise<string> => {
  const { port } = new URL(urlOf(await served()));
  const socket = connect(Number(port), '127.0.0.1');
  const answer = await askOn(socket);
  socket.destroy();
  return answer;
};
const askOn = async (socket: Socket): Promise<string> => {
  socket.write('GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n');
  const said = await Promise.race([
    once(socket, 'data').then(([chunk]) => String(chunk)),
    once(socket, 'close').then(() => ''),
  ]);
  return said.split('\r\n\r\n')[1]?.split('\r\n')[1] ?? said.split('\r\n\r\n')[1] ?? '';
};
const answers = async (): Promise<readonly string[]> => {
  const all: string[] = [];
  for (let count = 0; count < 4; count += 1) all.push(await ask());
  return [...new Set(all)].toSorted();
};
/** Longer than a health check's answer is believed. */
const later = (): void => world.pass(11);

describe('through a simulated load balancer', () => {
  it('a listener has a port of its own, from which every healthy member is reached in turn', async () => {
    const shown = await served();
    expect(shown).toMatchObject({
      name: 'in front',
      address: 'in-front.elb.example',
      listeners: [{ port: 443, targetPort: 80 }],
      members: [
        { id: 'one', isHealthy: true },
        { id: 'two', isHealthy: true },
      ],
    });
    expect(urlOf(shown)).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(urlOf(await served())).toBe(urlOf(shown));
    expect(await answers()).toEqual(['one', 'two']);
  });

  it('a member is asked whether it is well once in an interval, and gets nothing while it is not', async () => {
    await answers();
    expect(machines[0]?.asked).toBe(1);
    machines[0]!.isWell = false;
    later();
    expect(await answers()).toEqual(['two']);
    expect(path.health({ cloud: 'aws', id: 'lb-1' }, 'one')).toBe(false);
    machines[0]!.isWell = true;
    later();
    expect(await answers()).toEqual(['one', 'two']);
  });

  it.each<[string, Partial<Front>]>([
    ['has left', { members: ['two'] }],
    ['lets no client in', { admits: (member, port) => member !== 'one' || port !== 80 }],
    ['lets no health check in', { admits: (member, _port, from) => member !== 'one' || from === 'client' }],
  ])('a member that %s gets nothing', async (_, change) => {
    front = { ...front, ...change };
    expect(await answers()).toEqual(['two']);
  });

  it('a machine that does not run gets nothing', async () => {
    world.stop('aws', 'one');
    expect(await answers()).toEqual(['two']);
  });

  it.each<[string, Partial<Front>]>([
    ['a balancer that is not open yet', { isOpen: false }],
    ['one whose listener is gone', { listeners: [] }],
    ['one without members', { members: [] }],
    ['one whose members are not well', { healthCheck: { port: 8081, path: '/', intervalSeconds: 10 } }],
  ])('%s answers nobody', async (_, change) => {
    const { port } = new URL(urlOf(await served()));
    front = { ...front, ...change };
    later();
    const socket = connect(Number(port), '127.0.0.1');
    expect(await askOn(socket)).toBe('');
  });

  it('a connection outlives its member’s leaving', async () => {
    front = { ...front, members: ['one'] };
    const { port } = new URL(urlOf(await served()));
    const socket = connect(Number(port), '127.0.0.1');
    expect(await askOn(socket)).toBe('one');
    front = { ...front, members: ['two'] };
    expect(await askOn(socket)).toBe('one');
    expect(await ask()).toBe('two');
    socket.destroy();
  });
});
