import { get } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { DataPath, Front, ServedFront, World, WorldMachine } from './world.ts';

/** Real milliseconds that a member may take to answer a health check or to be connected to. */
const answerMillisecondsMax = 2000;

interface Port {
  readonly server: Server;
  readonly url: string;
}

/**
 * Lets traffic through the simulated load balancers: each listener has a port of its own on loopback, opened when it is
 * first asked for. A connection goes to one of the members that are healthy and whose firewall lets it in; to none when
 * there is none. A member's health is what a GET at its health port says, asked anew once its interval is over.
 *
 * @param options.dial the port on loopback that stands in for a machine's; undefined: nothing listens there.
 */
export function openDataPath(options: {
  readonly world: World;
  readonly dial: (machine: WorldMachine, port: number) => Promise<number | undefined>;
}): DataPath & { close(): Promise<void> } {
  const { world, dial } = options;
  const ports = new Map<string, Promise<Port>>();
  const sockets = new Set<Socket>();
  const seen = new Map<string, { readonly at: number; readonly isHealthy: boolean }>();
  let turn = 0;

  const keyOf = ({ cloud, id }: Pick<Front, 'cloud' | 'id'>, rest: string | number): string =>
    `${cloud}/${id}/${rest}`;
  const current = ({ cloud, id }: Front): Front | undefined =>
    world.fronts().find((front) => front.cloud === cloud && front.id === id);
  const machineOf = ({ cloud }: Front, member: string): WorldMachine | undefined => {
    const machine = world.machine(cloud, member);
    return machine !== undefined && world.state(machine) === 'running' ? machine : undefined;
  };

  const check = async (front: Front, member: string): Promise<boolean> => {
    const { healthCheck } = front;
    if (healthCheck === undefined) return true;
    const key = keyOf(front, member);
    const known = seen.get(key);
    if (known !== undefined && world.now() - known.at < world.scaled(healthCheck.intervalSeconds))
      return known.isHealthy;
    const machine = machineOf(front, member);
    const port =
      machine !== undefined && front.admits(member, healthCheck.port, 'probe')
        ? await dial(machine, healthCheck.port)
        : undefined;
    const isHealthy = port !== undefined && (await answers(port, healthCheck.path));
    seen.set(key, { at: world.now(), isHealthy });
    return isHealthy;
  };

  /** The next in turn that is healthy and lets clients in. */
  const choose = async (front: Front, targetPort: number): Promise<Socket | undefined> => {
    const { members } = front;
    const healthy = await Promise.all(members.map((member) => check(front, member)));
    turn += 1;
    for (let tries = 0; tries < members.length; tries += 1) {
      const index = (turn + tries) % members.length;
      const member = members[index] ?? '';
      const machine = machineOf(front, member);
      if (machine === undefined || healthy[index] !== true || !front.admits(member, targetPort, 'client'))
        continue;
      const port = await dial(machine, targetPort);
      const socket = port === undefined ? undefined : await connected(port);
      if (socket !== undefined) return socket;
    }
    return undefined;
  };

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };

  const carry = async (client: Socket, front: Front, port: number): Promise<void> => {
    const now = current(front);
    const listener = now?.listeners.find((one) => one.port === port);
    const member =
      now?.isOpen === true && listener !== undefined ? await choose(now, listener.targetPort) : undefined;
    if (member === undefined) {
      client.destroy();
      return;
    }
    keep(member);
    client.pipe(member).pipe(client);
    client.once('close', () => member.destroy());
    member.once('close', () => client.destroy());
  };

  const open = (front: Front, port: number): Promise<Port> => {
    const key = keyOf(front, port);
    const known = ports.get(key);
    if (known !== undefined) return known;
    const server = createServer((client) => {
      keep(client);
      carry(client, front, port).catch((error: unknown) => {
        process.stderr.write(`load balancer ${front.name}: ${String(error)}\n`);
        client.destroy();
      });
    });
    const opened = new Promise<Port>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () =>
        resolve({ server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
      );
    });
    ports.set(key, opened);
    return opened;
  };

  return {
    async serve(fronts) {
      return Promise.all(
        fronts.map(async (front): Promise<ServedFront> => {
          const { admits: _firewall, ...shown } = front;
          const listeners = front.listeners.map(async (listener) => ({
            ...listener,
            url: (await open(front, listener.port)).url,
          }));
          const members = front.members.map(async (id) => ({ id, isHealthy: await check(front, id) }));
          return { ...shown, listeners: await Promise.all(listeners), members: await Promise.all(members) };
        }),
      );
    },
    health: (front, member) => seen.get(keyOf(front, member))?.isHealthy,
    async close() {
      for (const socket of sockets) socket.destroy();
      const opened = await Promise.all(ports.values());
      await Promise.all(
        opened.map(({ server }) => new Promise<void>((resolve) => server.close(() => resolve()))),
      );
    },
  };
}

const answers = (port: number, path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(
      { host: '127.0.0.1', port, path, agent: false, timeout: answerMillisecondsMax },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.once('error', () => resolve(false));
    request.once('timeout', () => request.destroy());
  });

const connected = (port: number): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(answerMillisecondsMax, () => socket.destroy());
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
