import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { DynamoDBClient, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApiClient } from '../../cli/api-client.ts';
import { projectFolder } from '../../infra/paths.ts';
import { startPlatform, type Platform } from '../../local/platform.ts';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { eventually, smallFile } from '../builders/local-platform.ts';

const lines: string[] = [];
/** What was secret, by value; the word says what it was. */
const secrets = new Map<string, string>();
/** Everything that people or other programs may read afterwards. */
const places = new Map<string, string>();
let folder: string;
let platform: Platform;

const rowsOf = (file: string, where: string): readonly { key: string; value: string }[] => {
  const database = new DatabaseSync(join(folder, file), { readOnly: true });
  try {
    return database.prepare(`SELECT key, value FROM item WHERE ${where}`).all() as {
      key: string;
      value: string;
    }[];
  } finally {
    database.close();
  }
};

function gatherSecrets(): void {
  for (const { userData } of platform.world.machines.values()) {
    const token = /OVERCAST_TOKEN='([^']+)'/.exec(userData)?.[1];
    if (token === undefined) continue;
    secrets.set(token, 'a bootstrap token');
    secrets.set(token.split('.').at(-1) ?? token, 'the mac of a bootstrap token');
    secrets.set(Buffer.from(userData).toString('base64').slice(0, 120), 'user-data in base64');
  }
  for (const { value } of rowsOf('machines.sqlite', "collection = 'disks'"))
    secrets.set((JSON.parse(value) as { sessionSecret: string }).sessionSecret, 'a session secret');
}

async function scan(): Promise<string> {
  const client = new DynamoDBClient({
    endpoint: platform.aws.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const items: unknown[] = [];
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({ TableName: platform.aws.outputs['TableName'], ExclusiveStartKey: from }),
    );
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  client.destroy();
  return JSON.stringify(items);
}

const cli = async (...args: string[]): Promise<string> => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [join(projectFolder, 'dist', 'cli', 'overcast.js'), ...args],
    { env: { OVERCAST_URL: platform.url, OVERCAST_API_KEY: platform.apiKey, HOME: folder } },
  );
  return stdout + stderr;
};

const fault = (cloud: string, effect: string, operation: string): Promise<Response> =>
  fetch(`${platform.clouds.aws}/_control/faults`, {
    method: 'POST',
    body: JSON.stringify({ cloud, effect, operation, times: 1 }),
  });

/** A whole life with everything that makes SDKs talk: refused credentials, throttles, outages, cut connections. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'overcast-secrets-'));
  platform = await startPlatform({
    assemblyFolder: process.env['CDK_OUTDIR'] ?? join(projectFolder, 'cdk.out'),
    dataFolder: folder,
    port: 0,
    timeScale: 400,
    log: (part, line) => lines.push(`${part} ${line}`),
  });
  secrets.set(platform.apiKey, 'the API key');
  secrets.set('local-simulator-secret', 'the secret of the AWS account');
  secrets.set('local-simulator-token', 'the token of an account');
  secrets.set('AKIALOCALSIMULATOR00', 'the access key of the AWS account');

  for (const cloud of cloudNames)
    for (const effect of ['throttle', 'cut']) await fault(cloud, effect, 'createMachine');
  const api = createApiClient({ url: platform.url, apiKey: platform.apiKey });
  const until = (what: string, condition: (cluster: ClusterDetails) => boolean): Promise<ClusterDetails> =>
    eventually(what, () => api.getCluster('secretive'), condition);
  const workers = (['gcp', 'azure', 'digitalocean'] as const).map((cloud) => ({
    role: 'worker' as const,
    cloud,
  }));
  await api.applyCluster(
    'secretive',
    smallFile('secretive', cloudNames, [{ role: 'control-plane', cloud: 'aws' }, ...workers]),
  );
  await until(
    'all nodes are ready',
    ({ status, nodes }) => status === 'ready' && nodes.every(({ phase }) => phase === 'ready'),
  );
  gatherSecrets();
  await api.removeNodes('secretive', [2]);
  await api.addNodes('secretive', { cloud: 'aws', shape: 'small', count: 1 });
  await until(
    'one is gone, another is ready',
    ({ nodes }) =>
      nodes.some(({ number, phase }) => number === 2 && phase === 'deleted') &&
      nodes.some(({ number, phase }) => number === 5 && phase === 'ready'),
  );
  gatherSecrets();
  for (const cloud of cloudNames) await fault(cloud, 'credentials', 'deleteMachine');
  await api.deleteCluster('secretive');
  await eventually(
    'the credentials were refused',
    () => lines.join('\n'),
    (text) => text.includes('CredentialsRejected'),
  );
  places.set('cluster get', await cli('cluster', 'get', 'secretive'));
  places.set('cluster get -o json', await cli('cluster', 'get', 'secretive', '-o', 'json'));
  places.set('events', await cli('events', 'secretive', '-o', 'json'));
  const refused = await fetch(`${platform.url}/v1/clusters`, {
    headers: { 'x-api-key': `${platform.apiKey}x` },
  });
  places.set('a refusal', await refused.text());
  places.set('the table', await scan());
  places.set(
    'executions and their histories',
    rowsOf('aws/aws.sqlite', "collection LIKE 'states%' OR collection LIKE '%invocation%'")
      .map(({ key, value }) => key + value)
      .join('\n'),
  );
  places.set('the log', lines.join('\n'));
}, 120_000);
afterAll(async () => {
  await platform.close();
  rmSync(folder, { recursive: true });
});

it('there was something to find', () => {
  const kinds = new Set(secrets.values());
  for (const kind of ['a bootstrap token', 'a session secret', 'the API key', 'user-data in base64'])
    expect(kinds).toContain(kind);
  expect(secrets.size).toBeGreaterThanOrEqual(5 * 3 + 4);
  for (const [place, text] of places) expect(text.length, place).toBeGreaterThan(50);
  expect(places.get('executions and their histories')).toContain('TaskStateEntered');
});

it.each([
  'the log',
  'the table',
  'executions and their histories',
  'cluster get',
  'cluster get -o json',
  'events',
  'a refusal',
])('no secret is in %s', (place) => {
  const text = places.get(place) ?? '';
  const found = [...secrets].filter(([secret]) => text.includes(secret));
  expect(
    found.map(([secret, kind]) => [kind, text.slice(text.indexOf(secret) - 200, text.indexOf(secret))]),
  ).toEqual([]);
});

it('what is kept on disk is in folders and files of its owner alone', () => {
  // What lies in a closed folder is closed.
  const open = readdirSync(folder).filter((name) => (statSync(join(folder, name)).mode & 0o077) !== 0);
  expect(open).toEqual([]);
});
