import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a machine's own port leads to, as it is now. */
export interface Listening {
  readonly node: string;
  readonly pod: string;
  readonly isReady: boolean;
}

export interface StandIns {
  /** The port on loopback that answers for this one of the machine's; undefined: nothing listens there. */
  dial(machine: string, port: number): Promise<number | undefined>;
  close(): Promise<void>;
}

/**
 * Answers in place of what runs on simulated machines: at each port that a pod has on its machine a few words over HTTP that
 * name the node, 503 instead of 200 while the pod is not ready. A port is opened on loopback when it is first dialled. It
 * says nothing that anybody on this machine could not ask the cluster for.
 *
 * @param find who listens at a machine's port now.
 */
export function openStandIns(find: (machine: string, port: number) => Listening | undefined): StandIns {
  const servers = new Map<string, { readonly server: Server; readonly opened: Promise<number> }>();

  const open = (machine: string, port: number): Promise<number> => {
    const key = `${machine} ${port}`;
    const known = servers.get(key);
    if (known !== undefined) return known.opened;
    const server = createServer((request, response) => {
      const listening = find(machine, port);
      if (listening === undefined) {
        request.socket.destroy();
        return;
      }
      const { node, pod, isReady } = listening;
      response.writeHead(isReady ? 200 : 503, { 'content-type': 'text/plain' });
      response.end(`node ${node}, port ${port}: ${pod} is ${isReady ? 'ready' : 'not ready'}\n`);
    });
    const opened = new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
    servers.set(key, { server, opened });
    return opened;
  };

  return {
    dial: async (machine, port) => (find(machine, port) === undefined ? undefined : open(machine, port)),
    async close() {
      const all = [...servers.values()];
      await Promise.all(all.map(({ opened }) => opened));
      await Promise.all(
        all.map(
          ({ server }) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}
