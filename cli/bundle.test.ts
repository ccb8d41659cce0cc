import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectFolder } from '../infra/paths.ts';
import packageJson from '../package.json' with { type: 'json' };
import { saveContext } from './context.ts';
import { problem, someDetails, startApiServer, type ApiAnswer } from '../test/builders/api-server.ts';

/** The Node that people have: the oldest that package.json promises, found beside the project's own. */
const promised = /\d+/.exec(packageJson.engines.node)?.[0] ?? '';
const old = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/bin']
  .filter((folder) => !folder.includes('node_modules'))
  .map((folder) => join(folder, 'node'))
  .find((path) => existsSync(path) && execFileSync(path, ['-v']).toString().startsWith(`v${promised}.`));

const bundle = join(projectFolder, 'dist', 'cli', 'overcast.js');
const folder = mkdtempSync(join(tmpdir(), 'overcast-cli-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}
const run = (
  node: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(
      node,
      [bundle, ...args],
      { env: { HOME: folder, NO_COLOR: '1', ...environment }, timeout: 20_000 },
      (error, out, err) => {
        resolve({ exitCode: error === null ? 0 : Number(error.code), out, err });
      },
    );
  });

async function withApi(
  answers: Readonly<Record<string, readonly ApiAnswer[]>>,
  act: (environment: Record<string, string>) => Promise<void>,
): Promise<void> {
  const server = await startApiServer(answers);
  try {
    await act({ OVERCAST_URL: server.url, OVERCAST_API_KEY: 'oc_test' });
  } finally {
    await server.close();
  }
}
const list = { 'GET /v1/clusters': [{ body: { items: [someDetails({ status: 'ready' })] } }] };

describe('the bundled command line', () => {
  // A machine without that Node can only try its own; the tests below do.
  it.skipIf(old === undefined)(`runs on Node ${promised}`, async () => {
    const node = old ?? '';
    const [help, version] = await Promise.all([run(node, ['--help']), run(node, ['--version'])]);
    expect(help).toMatchObject({ exitCode: 0, err: '' });
    for (const command of ['apply', 'cluster', 'node', 'policy', 'kubeconfig', 'events'])
      expect(help.out).toContain(`\n  ${command}`);
    expect(version.out).toBe(`${packageJson.version}\n`);
    await withApi(list, async (environment) => {
      const listed = await run(node, ['cluster', 'list'], environment);
      expect(listed).toMatchObject({ exitCode: 0, err: '' });
      expect(listed.out).toMatch(/^NAME .*\nfour-clouds {3}ready/);
    });
  });

  it('uses the installation that was saved last', async () => {
    await withApi(list, async ({ OVERCAST_URL: url = '' }) => {
      const home = join(folder, 'config');
      saveContext({ XDG_CONFIG_HOME: home }, 'local', { url, apiKey: 'oc_test' });
      const { out } = await run(process.execPath, ['cluster', 'list', '-o', 'json'], {
        XDG_CONFIG_HOME: home,
      });
      expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).toEqual(['four-clouds']);
    });
  });

  it('without an installation says how to come by one', async () => {
    expect(await run(process.execPath, ['cluster', 'list'])).toMatchObject({
      exitCode: 2,
      out: '',
      err: expect.stringMatching(/^error: no Overcast installation is known here: run `npm start`/) as string,
    });
  });

  it.each<[string, readonly string[], RegExp]>([
    ['a typing error', ['clsuter', 'list'], /Did you mean cluster\?/],
    [
      'a number that is none',
      ['node', 'add', 'c', '--cloud', 'aws', '--count', 'many'],
      /a whole number from 1/,
    ],
    ['a file that is not there', ['apply', '-f', '/nowhere.yaml'], /^error: cannot read \/nowhere\.yaml/],
    ['nothing at all', [], /Usage: overcast/],
  ])('%s: words on standard error, and exit code 2', async (_what, args, message) => {
    const { exitCode, out, err } = await run(process.execPath, args, {
      OVERCAST_URL: 'http://127.0.0.1:9',
      OVERCAST_API_KEY: 'oc_test',
    });
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it('shows what the API refuses, field by field, never a stack', async () => {
    const file = join(folder, 'cluster.yaml');
    writeFileSync(file, 'metadata: { name: four-clouds }\n');
    const refusal = problem({
      status: 422,
      detail: 'the cluster cannot be built like this',
      errors: [{ field: 'spec.region', message: 'is not known', allowed: ['us-east'] }],
    });
    await withApi(
      { 'PUT /v1/clusters/four-clouds': [{ status: 422, body: refusal }] },
      async (environment) => {
        const { exitCode, err } = await run(process.execPath, ['apply', '-f', file], environment);
        expect(exitCode).toBe(1);
        expect(err).toBe(
          'error: the cluster cannot be built like this  (request request-1)\n  spec.region: is not known (allowed: us-east)\n',
        );
      },
    );
  });

  it('with nobody there says so, and how to start one', async () => {
    const { exitCode, err } = await run(process.execPath, ['cluster', 'list'], {
      OVERCAST_URL: 'http://127.0.0.1:9',
      OVERCAST_API_KEY: 'oc_test',
    });
    expect(exitCode).toBe(2);
    expect(err).toMatch(/^error: no answer from http:\/\/127\.0\.0\.1:9: .+ Is the installation running/);
  });
});
