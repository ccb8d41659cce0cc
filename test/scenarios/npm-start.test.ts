import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectFolder } from '../../infra/paths.ts';

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const configFolder = mkdtempSync(join(tmpdir(), 'overcast-config-'));

/** `npm start -- …`, with a home of its own; ended with a signal once it has said this. */
async function start(
  args: readonly string[],
  stopWhen?: { readonly said: RegExp; readonly signal: 'SIGINT' | 'SIGTERM' },
): Promise<Outcome> {
  const child = spawn(process.execPath, [join(projectFolder, 'local', 'start.ts'), ...args], {
    env: { ...process.env, XDG_CONFIG_HOME: configFolder, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  let stopped = false;
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (stopWhen === undefined || stopped || !stopWhen.said.test(stderr)) return;
    stopped = true;
    child.kill(stopWhen.signal);
  });
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  return { exitCode, stdout, stderr };
}

describe('npm start', { timeout: 90_000 }, () => {
  afterAll(() => rmSync(configFolder, { recursive: true }));

  it('explains itself', async () => {
    const { exitCode, stdout, stderr } = await start(['--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const flag of ['exit', 'json', 'no-example', 'no-build', 'data', 'port', 'time-scale', 'verbose'])
      expect(stdout).toContain(`--${flag}`);
  });

  it.each([
    ['an unknown flag', ['--colour'], "Unknown option '--colour'"],
    ['a word too many', ['now'], "Unexpected argument 'now'"],
    ['a port that is none', ['--port', '99999'], '--port: a whole number from 0 to 65530, not 99999'],
    [
      'a time scale that is none',
      ['--time-scale', 'fast'],
      '--time-scale: a whole number from 1 to 1000, not fast',
    ],
    ['nothing to wait for', ['--exit', '--no-example'], '--exit waits for the example'],
  ])('refuses %s at once, with its help', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await start(args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toContain('Usage: npm start');
    expect(stdout).toBe('');
  });

  it.each(['the API’s', 'a cloud’s'])(
    'says which port is taken before it builds anything, when it is %s',
    async (whose) => {
      const holder = createServer();
      holder.listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as AddressInfo;
      const asked = whose === 'a cloud’s' ? port - 1 : port;
      const { exitCode, stdout, stderr } = await start(['--json', '--port', String(asked)]);
      holder.close();
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        `error: port ${port} on 127.0.0.1 is taken: is the local platform running already?`,
      );
      expect(stderr).not.toContain('built');
      expect(JSON.parse(stdout)).toMatchObject({
        status: 'error',
        reason: expect.stringContaining(String(port)),
      });
    },
  );

  it('builds the example, says so in one line of JSON, and ends', async () => {
    const { exitCode, stdout, stderr } = await start(
      '--exit --json --verbose --no-build --port 0 --time-scale 100'.split(' '),
    );
    expect(exitCode, stderr.slice(-2000)).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const outcome = JSON.parse(stdout) as { nodes: Record<string, unknown>[]; seconds: number };
    expect(outcome).toMatchObject({ status: 'ready', cluster: 'four-clouds' });
    expect(outcome.seconds).toBeGreaterThan(0);
    expect(outcome.nodes).toHaveLength(6);
    for (const node of outcome.nodes)
      expect(node).toEqual({
        number: expect.any(Number) as number,
        role: expect.stringMatching(/^(control-plane|worker)$/) as string,
        cloud: expect.stringMatching(/^(aws|gcp|azure|digitalocean)$/) as string,
        phase: 'ready',
        overlayAddress: expect.stringMatching(/^10\.4\.0\.[1-6]$/) as string,
        instanceType: expect.any(String) as string,
        providerId: expect.any(String) as string,
      });

    // The key is told once, and kept where only its owner reads it; with all logs shown there is no other secret.
    const [apiKey = ''] = /oc_[\w-]{40,}/.exec(stderr) ?? [];
    expect(apiKey).not.toBe('');
    expect(stderr.split(apiKey)).toHaveLength(2);
    const config = join(configFolder, 'overcast', 'config.json');
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(readFileSync(config, 'utf8')).toContain(apiKey);
    for (const secret of [
      'local-simulator-secret',
      'local-simulator-token',
      /Bearer v1\./,
      /v1\.\d+\.\d{10}\.[\w-]{20,}/,
    ])
      expect(stdout + stderr).not.toMatch(secret);
  });

  it.each([
    {
      signal: 'SIGINT',
      when: 'in the middle of its work',
      said: /network 10\.\d/,
      args: ['--exit'],
      exitCode: 130,
    },
    { signal: 'SIGTERM', when: 'while it only runs', said: /^running/m, args: ['--no-example'], exitCode: 0 },
  ] as const)('stops at $signal $when without a word of error', async ({ signal, said, args, exitCode }) => {
    const dataFolder = join(configFolder, 'data');
    const outcome = await start(
      ['--no-build', '--port', '0', '--time-scale', '100', '--data', dataFolder, ...args],
      { said, signal },
    );
    expect(outcome.exitCode).toBe(exitCode);
    expect(outcome.stderr).not.toMatch(/error|BUG|at .*\.ts:/i);
    expect(existsSync(join(dataFolder, 'api-key'))).toBe(true);
  });
});
