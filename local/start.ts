import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createApiClient } from '../cli/api-client.ts';
import { saveContext } from '../cli/context.ts';
import { waitForCluster, type WaitResult } from '../cli/wait-for-cluster.ts';
import { contextEnvironment, localHostedZone } from '../infra/hosted-zone.ts';
import { projectFolder } from '../infra/paths.ts';
import { cloudNames } from '../shared/domain/cloud.ts';
import { compileCacheFolder } from './aws/lambda/compile-cache.ts';
import type { Platform } from './platform.ts';

const help = `Usage: npm start -- [options]

Builds the bundles, synthesizes the CDK app, runs it on this machine with four simulated clouds, and
provisions the example cluster (examples/four-clouds.yaml).

Options:
  --exit            stop when the example is ready; exit code 1 when it is not
  --json            the last line of standard output is one JSON object with the outcome
  --no-example      only the platform; create clusters with \`npx overcast\`
  --no-build        take the bundles and the template that were built before
  --data <dir>      keep everything in this folder, so that a restart goes on where it stopped
  --port <n>        the API's port on 127.0.0.1; the four clouds, the clusters' proxy and DNS take the
                    next six (default 4680; 0: any)
  --time-scale <n>  clouds and machines run this many times faster than in reality (default 20)
  --verbose         show the functions' logs (on standard error)
  --help            this text
`;

interface Flags {
  readonly exit: boolean;
  readonly json: boolean;
  readonly example: boolean;
  readonly build: boolean;
  readonly data: string | undefined;
  readonly port: number;
  readonly timeScale: number;
  readonly verbose: boolean;
}

const exampleSecondsMax = 15 * 60;

class FlagError extends Error {
  override readonly name = 'FlagError';
}

const wholeNumber = (flag: string, text: string, min: number, max: number): number => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new FlagError(`--${flag}: a whole number from ${min} to ${max}, not ${text}`);
  return value;
};

function readFlags(args: readonly string[]): Flags | 'help' {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      exit: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      example: { type: 'boolean', default: true },
      build: { type: 'boolean', default: true },
      data: { type: 'string' },
      port: { type: 'string', default: '4680' },
      'time-scale': { type: 'string', default: '20' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.exit && !values.example)
    throw new FlagError('--exit waits for the example: not together with --no-example');
  return {
    exit: values.exit,
    json: values.json,
    example: values.example,
    build: values.build,
    data: values.data,
    port: wholeNumber('port', values.port, 0, 65_530),
    timeScale: wholeNumber('time-scale', values['time-scale'], 1, 1000),
    verbose: values.verbose,
  };
}

/** Said before half a minute of building and not after it. @throws when one of the seven ports is taken. */
async function expectFreePorts(first: number): Promise<void> {
  if (first === 0) return;
  for (let port = first; port <= first + cloudNames.length + 2; port += 1)
    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'EADDRINUSE'
            ? new Error(
                `port ${port} on 127.0.0.1 is taken: is the local platform running already? \`--port <n>\` takes others`,
              )
            : error,
        ),
      );
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
    });
}

/**
 * Runs one of the project's scripts in its own process, so that its memory is gone when it is done. CDK's own check of
 * the template against AWS's schemas takes most of a synthesis: `npm run synth` and a deployment have it.
 */
const run = (script: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(projectFolder, script)], {
      cwd: projectFolder,
      env: { ...process.env, ...contextEnvironment(localHostedZone), CDK_VALIDATION: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`${script} failed with exit code ${String(code)}:\n${output}`)),
    );
  });

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

async function timed(what: string, action: () => Promise<void>): Promise<void> {
  const begin = performance.now();
  await action();
  say(`${what.padEnd(28)} ${((performance.now() - begin) / 1000).toFixed(1)}s`);
}

async function provisionExample(platform: Platform): Promise<WaitResult> {
  const file = readFileSync(join(projectFolder, 'examples', 'four-clouds.yaml'), 'utf8');
  const api = createApiClient({ url: platform.url, apiKey: platform.apiKey });
  const cluster = await api.applyCluster('four-clouds', file);
  return waitForCluster({
    api,
    nameOrId: cluster.id,
    until: 'ready',
    timeoutSeconds: exampleSecondsMax,
    now: () => Date.now(),
    output: {
      write: (text) => process.stderr.write(text),
      isTerminal: process.stderr.isTTY && process.env['CI'] === undefined,
      columns: () => process.stderr.columns,
    },
  });
}

const outcome = ({ cluster, seconds }: WaitResult): string =>
  JSON.stringify({
    status: cluster.status,
    ...(cluster.statusReason === undefined ? {} : { reason: cluster.statusReason }),
    cluster: cluster.name,
    nodes: cluster.nodes
      .filter(({ phase }) => phase !== 'deleted')
      .map(({ number, role, cloud, phase, overlayAddress, instanceType, providerId }) => ({
        number,
        role,
        cloud,
        phase,
        overlayAddress,
        instanceType,
        providerId,
      })),
    seconds: Math.round(seconds * 10) / 10,
  });

/** Somebody asked it to end: what fails from then on is no error. */
let isStopping = false;

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  if (flags === 'help') {
    process.stdout.write(help);
    return;
  }
  await expectFreePorts(flags.port);
  if (flags.build) {
    await timed('bundles built', () => run('infra/build.ts'));
    await timed('app synthesized', () => run('infra/app.ts'));
  }
  let platform: Platform | undefined;
  await timed('platform started', async () => {
    // Loaded only now: help and refusals come at once, and a build has the memory to itself.
    enableCompileCache(compileCacheFolder);
    const { startPlatform } = await import('./platform.ts');
    platform = await startPlatform({
      assemblyFolder: join(projectFolder, 'cdk.out'),
      ...(flags.data === undefined ? {} : { dataFolder: flags.data }),
      port: flags.port,
      timeScale: flags.timeScale,
      log: (part, line) => {
        if (flags.verbose) say(`${part} ${line}`);
      },
    });
  });
  if (platform === undefined) throw new Error('the platform did not start');
  const running = platform;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= running.close());
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      isStopping = true;
      say('stopping');
      close().then(
        // Who waits for the example to be ready must not take this for success.
        () => process.exit(flags.exit ? 128 + constants.signals[signal] : 0),
        () => process.exit(1),
      );
    });

  // They come round in a minute, or an hour: what lives in the data folder from before must not wait for that.
  for (const { logicalId } of flags.data === undefined ? [] : running.aws.schedules)
    await running.aws.fireSchedule(logicalId);
  const configPath = saveContext(process.env, 'local', { url: running.url, apiKey: running.apiKey });
  say(`API                          ${running.url}/v1`);
  if (!running.isApiKeyKnown)
    say(`API key                      ${running.apiKey}  (shown once; kept in ${configPath})`);
  for (const [cloud, url] of Object.entries(running.clouds))
    say(`${cloud.padEnd(28)} ${url}/_control/resources`);
  if (running.dnsPort !== undefined)
    say(
      `clusters' names              dig -p ${running.dnsPort} @127.0.0.1 api.four-clouds.${localHostedZone.name}`,
    );
  say(`clusters' API servers        by way of ${running.clusterProxyUrl}, as issued kubeconfigs say`);

  if (flags.example) {
    const result = await provisionExample(running);
    if (flags.json) process.stdout.write(`${outcome(result)}\n`);
    if (!result.reached) process.exitCode = 1;
    else if (!flags.exit)
      say(
        `try: npx overcast kubeconfig ${result.cluster.name} > k && kubectl --kubeconfig k get nodes -o wide`,
      );
  } else if (flags.json) {
    process.stdout.write(`${JSON.stringify({ status: 'running', url: running.url })}\n`);
  }
  if (flags.exit) {
    await close();
    process.exit(process.exitCode ?? 0);
  }
  say('running; in another terminal: npx overcast cluster list. Ctrl-C stops.');
}

try {
  await main();
} catch (error) {
  if (!isStopping) {
    const isUsage =
      error instanceof FlagError ||
      (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error: ${message}\n${isUsage ? `\n${help}` : ''}`);
    if (process.argv.includes('--json') && !isUsage)
      process.stdout.write(`${JSON.stringify({ status: 'error', reason: message })}\n`);
    process.exit(isUsage ? 2 : 1);
  }
}
