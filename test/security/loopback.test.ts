import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, type Listener } from '../../local/aws/server/listen.ts';
import { createDigitalOceanSimulator } from '../../local/clouds/digitalocean/index.ts';
import { serveSimulator } from '../../local/clouds/server.ts';
import { World } from '../../local/clouds/world.ts';
import { openDisk } from '../../local/disk.ts';

/** As no fetch would: with whatever Host and Origin. */
const send = (url: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', headers: { 'content-length': '0', ...headers } },
      (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    sent.once('error', reject);
    sent.end();
  });

let world: World;
let simulator: { url: string; close: () => Promise<void> };
let listener: Listener;
const killed: string[] = [];
beforeAll(async () => {
  world = new World({ timeScale: 1000 });
  simulator = await serveSimulator(world, createDigitalOceanSimulator(world));
  listener = await listen(0, () => {});
  listener.serve((asked) => {
    killed.push(asked.url);
    return Promise.resolve({ status: 200, headers: {}, body: '' });
  });
});
afterAll(async () => {
  await simulator.close();
  await listener.close();
  world.close();
});

const strangers: readonly (readonly [string, Record<string, string>])[] = [
  ['a web page', { origin: 'https://example.com' }],
  ['a sandboxed page or a file', { origin: 'null' }],
  ['a page whose origin looks like this machine', { origin: 'http://127.0.0.1.example.com' }],
  ['a page with a user in its origin', { origin: 'http://localhost@example.com' }],
  ['a name that was made to lead here', { host: 'rebound.example.com' }],
  ['a name that begins like this machine', { host: 'localhost.example.com:4680' }],
  ['an address that leads here too', { host: '0.0.0.0:4680' }],
];

describe('the local platform answers this machine’s programs, and no web page in its browser', () => {
  it.each(strangers)('the simulators refuse %s', async (_, headers) => {
    expect(await send(`${simulator.url}/_control/faults`, headers)).toBe(403);
    expect(await send(`${simulator.url}/v2/droplets`, headers)).toBe(403);
  });

  it.each(strangers)('the AWS and HTTP API endpoint refuses %s', async (_, headers) => {
    killed.length = 0;
    expect(await send(`${listener.url}/v1/clusters`, headers)).toBe(403);
    expect(killed).toEqual([]);
  });

  it.each([
    ['a program', {}],
    ['one that says localhost', { host: 'localhost:4680' }],
    ['a page of this machine', { origin: 'http://127.0.0.1:5173' }],
  ])('%s is answered', async (_, headers: Record<string, string>) => {
    expect(await send(`${listener.url}/v1/clusters`, headers)).toBe(200);
    expect(await send(`${simulator.url}/_control/nothing`, headers)).toBe(404);
  });
});

it('what is kept on disk is its owner’s alone, also in a folder that others may read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-modes-'));
  try {
    const disk = openDisk({ folder: join(folder, 'aws'), name: 'secrets' });
    disk.collection<string>('secrets').set('one', 'two');
    const modeOf = (path: string): string => (statSync(join(folder, path)).mode & 0o777).toString(8);
    expect(modeOf('aws')).toBe('700');
    for (const name of readdirSync(join(folder, 'aws'))) expect(modeOf(join('aws', name)), name).toBe('600');
    disk.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
