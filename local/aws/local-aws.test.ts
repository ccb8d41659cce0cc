import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeFixture } from './fixture/stack.ts';
import { startLocalAws, type LocalAws } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'local-aws-'));
const lines: string[] = [];
let assemblyFolder: string;
let aws: LocalAws;

const call = (payload: Record<string, string>): Promise<Record<string, unknown>> =>
  aws.invoke('caller', payload) as Promise<Record<string, unknown>>;

/** Logical ids carry CDK's hashes: found by how they begin. */
const idOf = (start: string, type = 'AWS::Lambda::Function'): string => {
  const template = JSON.parse(readFileSync(join(assemblyFolder, 'Fixture.template.json'), 'utf8')) as {
    Resources: Record<string, { Type: string }>;
  };
  const found = Object.entries(template.Resources).find(
    ([id, { Type }]) => id.startsWith(start) && Type === type,
  );
  if (found === undefined) throw new Error(`no ${start}`);
  return found[0];
};

const until = async <T>(what: () => Promise<T | undefined>, seconds = 10): Promise<T> => {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await what();
    if (found !== undefined) return found;
    if (Date.now() > deadline)
      throw new Error(`not within ${seconds} s; the log ends:\n${lines.slice(-10).join('\n')}`);
    await delay(20);
  }
};
const recorded = (pk: string, sk: string): Promise<Record<string, unknown>> =>
  until(async () => {
    const item = await call({ call: 'get', pk, sk });
    return item['pk'] === undefined ? undefined : item;
  });

const invokeByHttp = (
  name: string,
  headers: Record<string, string> = {},
  accessKeyId = 'local',
): Promise<Response> =>
  fetch(`${aws.url}/2015-03-31/functions/${name}/invocations`, {
    method: 'POST',
    body: '{"mode":"throw"}',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20250101/us-east-1/lambda/aws4_request`,
      ...headers,
    },
  });

beforeAll(async () => {
  assemblyFolder = await synthesizeFixture(root);
  aws = await startLocalAws({
    assemblyFolder,
    port: 0,
    waitScale: 100,
    environment: { EXTRA: 'from outside' },
    log: (source, line) => lines.push(`[${source}] ${line}`),
  });
  const caller = aws.invoke.bind(aws);
  const names = new Map(
    ['Caller', 'Echo', 'Hungry', 'Naughty', 'Recorder'].map(
      (start) => [start.toLowerCase(), idOf(start)] as const,
    ),
  );
  aws = { ...aws, invoke: (id, payload) => caller(names.get(id) ?? id, payload) };
}, 60_000);
afterAll(async () => {
  await aws.close();
  rmSync(root, { recursive: true, force: true });
});

describe('functions', () => {
  it('get the template’s environment, an own region and a context, and nothing of this process', async () => {
    const answer = await aws.invoke('echo', { hello: 1 });
    expect(answer).toMatchObject({
      event: { hello: 1 },
      region: 'us-east-1',
      home: null,
      extra: 'from outside',
    });
    expect(answer).toHaveProperty(
      'arn',
      expect.stringMatching(/^arn:aws:lambda:us-east-1:000000000000:function:Fixture-Echo/),
    );
    expect((answer as { milliseconds: number }).milliseconds).toBeGreaterThan(9000);
  });

  it.each([
    ['throw', 'Superseded', /another run owns it/],
    ['exit', 'Runtime.ExitError', /exit status 3/],
    ['loop', 'Sandbox.Timedout', /timed out after 1.00 seconds/],
    ['reject', 'Runtime.UnhandledPromiseRejection', /nobody waits for me/],
  ])('that %s end alone, as %s', async (mode, errorType, message) => {
    await expect(aws.invoke('naughty', { mode })).rejects.toMatchObject({
      name: errorType,
      message: expect.stringMatching(message) as string,
    });
    expect(await aws.invoke('naughty', { mode: 'be good' })).toBe('good');
  });

  it('that take too much memory end alone', async () => {
    await expect(aws.invoke('hungry', { mode: 'memory' })).rejects.toMatchObject({
      name: 'Runtime.OutOfMemory',
    });
    expect(await aws.invoke('hungry', { mode: 'be good' })).toBe('good');
  });

  it('are heard in the log', async () => {
    await aws.invoke('naughty', { mode: 'print' });
    await until(async () => (lines.some((line) => line.endsWith('to stderr')) ? true : undefined));
    expect(lines.some((line) => /^\[Naughty\w+\] to stdout$/.test(line))).toBe(true);
  });

  it('wait in line beyond the most that run at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => aws.invoke('echo', { index })),
    );
    expect(answers.map((answer) => (answer as { event: { index: number } }).event.index)).toEqual(
      Array.from({ length: 30 }, (_, index) => index),
    );
    expect(aws.activity().threads).toBeLessThanOrEqual(20);
  });
});

describe('Lambda’s own API', () => {
  it('answers a failure as Lambda does', async () => {
    const response = await invokeByHttp(idOf('Naughty'));
    expect(response.headers.get('x-amz-function-error')).toBe('Unhandled');
    expect(await response.json()).toMatchObject({
      errorType: 'Superseded',
      errorMessage: 'another run owns it',
    });
  });
  it('takes asynchronous invocations', async () => {
    expect((await invokeByHttp(idOf('Echo'), { 'x-amz-invocation-type': 'Event' })).status).toBe(202);
  });
  it('knows neither unknown functions nor unknown callers', async () => {
    expect((await invokeByHttp('nobody')).status).toBe(404);
    expect(await (await invokeByHttp(idOf('Echo'), {}, 'AKIASTRANGER')).json()).toMatchObject({
      __type: 'UnrecognizedClientException',
    });
  });
});

describe('the official SDK inside a function', () => {
  it('uses DynamoDB with conditions and indexes', async () => {
    await call({ call: 'put', pk: 'A' });
    await expect(call({ call: 'put', pk: 'A' })).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
    });
    expect(await call({ call: 'get', pk: 'A' })).toMatchObject({ pk: { S: 'A' } });
  });
  it('signs with KMS and sees forgeries', async () => {
    expect(await call({ call: 'mac' })).toEqual({
      bytes: 32,
      MacValid: true,
      forged: 'KMSInvalidMacException',
    });
  });
  it('keeps secrets under the names that its role allows', async () => {
    await call({ call: 'secret', name: 'test/one' });
    await expect(call({ call: 'secret', name: 'other/one' })).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
  it('is denied what its role does not say, loudly', async () => {
    await expect(call({ call: 'delete', pk: 'A' })).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(
        /Fixture-Caller.* is not authorized to perform: dynamodb:DeleteItem on resource: arn:aws:dynamodb:/,
      ) as string,
    });
    expect(
      lines.some((line) => line.startsWith('[iam] ACCESS DENIED') && line.includes('dynamodb:DeleteItem')),
    ).toBe(true);
  });
  it('may say its own events only, in its own name only', async () => {
    expect(await call({ call: 'say', detailType: 'Happened', detail: '{"what":"this"}' })).toMatchObject({
      FailedEntryCount: 0,
    });
    for (const other of [{ detailType: 'Else' }, { detailType: 'Happened', source: 'test.other' }])
      await expect(call({ call: 'say', ...other })).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });
});

describe('events', () => {
  it('reach functions', async () => {
    await call({ call: 'say', detailType: 'Happened', detail: '{"what":"this"}' });
    const { json } = await recorded('EVENT', 'Happened');
    expect(JSON.parse((json as { S: string }).S)).toMatchObject({
      source: 'test.caller',
      detail: { what: 'this' },
      account: '000000000000',
    });
  });
  it('reach queues, and the function behind them', async () => {
    await call({ call: 'say', detailType: 'Queued', detail: '{"text":"by event"}' });
    expect(await recorded('MESSAGE', '"by event"')).toHaveProperty('json');
  });
  it('start state machines, whose end is an event again', async () => {
    await call({ call: 'say', detailType: 'Started', detail: '{"id":"one"}' });
    await recorded('EVENT', 'machine one');
    const { json } = await recorded('EVENT', 'Step Functions Execution Status Change');
    expect((json as { S: string }).S).toContain('SUCCEEDED');
  });
  it('come by schedule', async () => {
    await aws.fireSchedule(idOf('Tick', 'AWS::Events::Rule'));
    expect(await recorded('EVENT', 'Tick')).toHaveProperty('json');
  });
  it('can be lost on purpose', async () => {
    aws.dropEvents((event) => event['detail-type'] === 'Started');
    await call({ call: 'say', detailType: 'Started', detail: '{"id":"lost"}' });
    aws.dropEvents(undefined);
    await call({ call: 'say', detailType: 'Started', detail: '{"id":"kept"}' });
    await recorded('EVENT', 'machine kept');
    expect(await call({ call: 'get', pk: 'EVENT', sk: 'machine lost' })).toEqual({});
  });
});

describe('queues', () => {
  it('hand on what failed to the dead letters, and nothing else', async () => {
    await Promise.all(['good', 'fail'].map((body) => call({ call: 'send', body })));
    await recorded('MESSAGE', 'good');
    await until(async () => {
      const dead = Object.entries(await aws.queueDepths()).find(([name]) => name.includes('Dead'));
      return dead?.[1].visible === 1 ? true : undefined;
    });
    expect(await call({ call: 'get', pk: 'MESSAGE', sk: 'fail' })).toEqual({});
  });
});

describe('the HTTP API', () => {
  it('hands requests to functions in payload format 2.0', async () => {
    const response = await fetch(`${aws.apiUrl}/v1/things/a%20b?x=1&x=2`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: 'k=v; l=w' },
      body: '{"a":1}',
    });
    expect(response.headers.get('apigw-requestid')).toBeTruthy();
    expect(((await response.json()) as { event: unknown }).event).toMatchObject({
      version: '2.0',
      routeKey: 'POST /v1/things/{id}',
      rawPath: '/v1/things/a%20b',
      queryStringParameters: { x: '1,2' },
      pathParameters: { id: 'a b' },
      cookies: ['k=v', 'l=w'],
      body: '{"a":1}',
      isBase64Encoded: false,
      requestContext: { http: { method: 'POST', sourceIp: '127.0.0.1' }, stage: '$default' },
    });
  });
  it('hands bytes on as base64, both ways', async () => {
    const posted = await fetch(`${aws.apiUrl}/v1/things/1`, {
      method: 'POST',
      body: new Uint8Array([0, 255]),
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(((await posted.json()) as { event: unknown }).event).toMatchObject({
      body: 'AP8=',
      isBase64Encoded: true,
    });
    const image = await fetch(`${aws.apiUrl}/v1/image`);
    expect(image.status).toBe(201);
    expect(image.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect([...new Uint8Array(await image.arrayBuffer())]).toEqual([137, 80, 78, 71]);
  });
  it('knows no other routes', async () => {
    const response = await fetch(`${aws.apiUrl}/v2/things`);
    expect([response.status, await response.json()]).toEqual([404, { message: 'Not Found' }]);
  });
  it('is where the outputs say', () => {
    expect(aws.outputs['ApiUrl']).toBe(`${aws.url}/`);
  });
});

describe('starting', () => {
  const options = { waitScale: 1, log: () => {} };

  it('says when the port is taken', async () => {
    await expect(
      startLocalAws({ ...options, assemblyFolder, port: Number(new URL(aws.url).port) }),
    ).rejects.toThrow(/port \d+ on this machine is taken/);
  });

  it('lists everything in the template that it does not carry out', async () => {
    const changed = mkdtempSync(join(root, 'changed-'));
    for (const name of ['manifest.json', 'Fixture.assets.json'])
      writeFileSync(join(changed, name), readFileSync(join(assemblyFolder, name)));
    const template = JSON.parse(readFileSync(join(assemblyFolder, 'Fixture.template.json'), 'utf8')) as {
      Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
    };
    template.Resources['Cache'] = { Type: 'AWS::ElastiCache::CacheCluster', Properties: {} };
    template.Resources[idOf('Echo')]!.Properties['VpcConfig'] = {};
    template.Resources[idOf('Table', 'AWS::DynamoDB::Table')]!.Properties['BillingMode'] = 'PROVISIONED';
    writeFileSync(join(changed, 'Fixture.template.json'), JSON.stringify(template));
    const failure = await startLocalAws({ ...options, assemblyFolder: changed, port: 0 }).catch(String);
    expect(failure).toMatch(
      /Cache \(AWS::ElastiCache::CacheCluster\): resources of this type are not supported/,
    );
    expect(failure).toMatch(/Echo\w+ \(AWS::Lambda::Function\): property VpcConfig is not supported/);
    expect(failure).toMatch(
      /Table\w+ \(AWS::DynamoDB::Table\): property BillingMode has a value that is not supported/,
    );
  });
});

describe('with a folder', () => {
  it('keeps items, keys, secrets and executions through kill -9', async () => {
    const folder = join(root, 'state');
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'fixture', 'run.ts'), assemblyFolder, folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    const url = chunk.toString().trim();
    const invoke = async (payload: Record<string, string>): Promise<void> => {
      const response = await fetch(`${url}/2015-03-31/functions/${idOf('Caller')}/invocations`, {
        method: 'POST',
        body: JSON.stringify(payload),
        headers: {
          authorization: 'AWS4-HMAC-SHA256 Credential=local/20250101/us-east-1/lambda/aws4_request',
        },
      });
      expect([response.headers.get('x-amz-function-error'), await response.text()]).toEqual([
        null,
        expect.any(String),
      ]);
    };
    await invoke({ call: 'put', pk: 'kept' });
    await invoke({ call: 'secret', name: 'test/kept' });
    await invoke({ call: 'say', detailType: 'Started', detail: '{"id":"after death"}' });
    child.kill('SIGKILL');
    await once(child, 'exit');

    const again = await startLocalAws({ assemblyFolder, folder, port: 0, waitScale: 100, log: () => {} });
    try {
      await expect(
        startLocalAws({ assemblyFolder, folder, port: 0, waitScale: 1, log: () => {} }),
      ).rejects.toThrow(/is in use by another/);
      const caller = (payload: Record<string, string>): Promise<unknown> =>
        again.invoke(idOf('Caller'), payload);
      expect(await caller({ call: 'get', pk: 'kept' })).toMatchObject({ pk: { S: 'kept' } });
      await expect(caller({ call: 'secret', name: 'test/kept' })).rejects.toMatchObject({
        name: 'ResourceExistsException',
      });
      await until(async () => {
        const item = (await caller({ call: 'get', pk: 'EVENT', sk: 'machine after death' })) as Record<
          string,
          unknown
        >;
        return item['pk'] === undefined ? undefined : item;
      });
    } finally {
      await again.close();
    }
  });
});
