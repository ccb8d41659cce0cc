import { inspect } from 'node:util';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod/mini';
import { nodeRequested } from '../../events/node-requested.ts';
import { exampleClusterId as clusterId } from '../../events/fields.ts';
import { Superseded } from './errors.ts';
import { log } from './log.ts';
import { observed, parsePayload, validated } from './observability.ts';
import { redacted, redactText } from './redaction.ts';

const context = {
  awsRequestId: 'request-1',
  functionName: 'test',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:test',
  functionVersion: '1',
  memoryLimitInMB: '128',
  getRemainingTimeInMillis: () => 1000,
} as Context;

let lines: string[];
const capture = (chunk: unknown): boolean => {
  lines.push(String(chunk));
  return true;
};
beforeEach(() => {
  lines = [];
  vi.spyOn(process.stdout, 'write').mockImplementation(capture);
  vi.spyOn(process.stderr, 'write').mockImplementation(capture);
});
afterEach(() => {
  vi.restoreAllMocks();
});
const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

const hmac = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXU';
const hex64 = 'a3f5'.repeat(16);
const key = ['-----BEGIN', 'PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END', 'PRIVATE KEY-----'].join(' ');
const secrets: readonly (readonly [string, string])[] = [
  ['a bootstrap token', `v1.2.1795406400.${hmac}`],
  ['a session secret', hex64],
  ['a bearer header', 'Bearer abcdef0123456789'],
  ['an API key', 'oc_live_0123456789abcdef'],
  ['a private key', key],
  ['an AWS access key', ['AKIA', 'IOSFODNN7EXAMPLE'].join('')],
  ['a DigitalOcean token', `dop_v1_${'0a'.repeat(32)}`],
  ['a Google access token', 'ya29.c.b0AXv0zTN'],
  [
    'user-data in base64',
    Buffer.from(`#cloud-config\n{"token":"v1.2.1795406400.${hmac}"}`).toString('base64'),
  ],
  ['a JSON Web Token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl'],
  ['a quoted client secret', '"clientSecret":"s3cr3t value"'],
  ['a password in a text', 'password=s3cr3t'],
];

describe('no secret gets into a line', () => {
  it.each(secrets)('%s in a message', (_, secret) => {
    log.error(`calling with ${secret} failed`);
    expect(lines.join('')).toContain(redacted);
    expect(lines.join('')).not.toContain(secret);
  });

  it.each(secrets)('%s in an error, its cause, a list or a deep field', (_, secret) => {
    const cause = new Error(`inner ${secret}`);
    log.error('failed', { error: new Error(`outer ${secret}`, { cause }) });
    log.info('decided', { list: [secret], deep: { deeper: { text: `x ${secret} y` } } });
    const value = secret.replace(/^"clientSecret":"|^password=|"$/g, '');
    expect(lines.join('')).not.toContain(JSON.stringify(value).slice(1, -1));
  });

  it.each([
    'token',
    'Authorization',
    'X-Api-Key',
    'session_secret',
    'secretAccessKey',
    'clientSecret',
    'serviceAccountKey',
    'userData',
    'waitToken',
    'credentials',
    'privateKey',
  ])('whatever stands in a field named %s', (field) => {
    log.info('decided', { [field]: { inner: 'plain' }, list: [{ [field]: 'plain' }] });
    expect(lines.join('')).not.toContain('plain');
  });

  it.each([
    'node 7 joined at attempt 2',
    'CapacityUnavailable: aws: no c6a.xlarge is left in us-east-1a',
    `arn:aws:states:us-east-1:000000000000:execution:overcast:${clusterId}`,
    'wireguard-full-mesh v1.36.0',
  ])('and what is none stays: %s', (text) => {
    expect(redactText(text)).toBe(text);
  });
});

describe('a line is always written', () => {
  it('whatever stands in its fields', () => {
    const circle: Record<string, unknown> = {};
    circle['itself'] = circle;
    log.info('decided', { circle });
    log.info('decided', { big: 9007199254740993n, nothing: undefined, when: new Date(0) });
    expect(parsed()).toMatchObject([
      { message: 'decided', fields: 'not writable' },
      { message: 'decided', big: '9007199254740993', when: '1970-01-01T00:00:00.000Z' },
    ]);
  });

  it('of an error with its cause and code, and not with all that hangs on it', () => {
    const cause = Object.assign(new Error('no room'), { code: 'InsufficientInstanceCapacity' });
    log.error('failed', {
      error: Object.assign(new Error('refused', { cause }), { request: { body: 'long' } }),
    });
    expect(parsed()).toMatchObject([
      { error: { message: 'refused', cause: { message: 'no room', code: 'InsufficientInstanceCapacity' } } },
    ]);
    expect(lines.join('')).not.toContain('long');
  });
});

describe('a handler', () => {
  const handler = middy()
    .use(observed())
    .use(validated(nodeRequested.schema))
    .handler(async ({ number }) => {
      if (number === 13) throw new Error('unlucky');
      if (number === 14) throw new Superseded('another owns it');
      log.info('decided');
      return { number };
    }) as (event: unknown, context: Context) => Promise<unknown>;

  it('writes one line per decision with the ids of its invocation', async () => {
    expect(await handler({ clusterId, number: 7 }, context)).toEqual({ number: 7 });
    expect(parsed()).toMatchObject([{ message: 'decided', clusterId, number: 7, requestId: 'request-1' }]);
  });

  it('forgets the ids of the call before', async () => {
    await handler({ clusterId, number: 7 }, context);
    lines = [];
    await handler({ id: 'x', 'detail-type': 'NodeRequested', detail: { clusterId, number: 8 } }, context);
    expect(parsed().map(({ number }) => number)).toEqual([8]);
  });

  it('writes an error once and throws it on', async () => {
    await expect(handler({ clusterId, number: 13 }, context)).rejects.toThrow('unlucky');
    expect(parsed()).toMatchObject([{ level: 'ERROR', message: 'failed', error: { message: 'unlucky' } }]);
  });

  it('hands on no more of an error than people and state machines need', async () => {
    const failing = middy()
      .use(observed())
      .handler(async () => {
        throw Object.assign(new Error(`asked with Bearer ${hex64}`, { cause: new Error(hex64) }), {
          name: 'Throttled',
          config: { headers: { authorization: hex64 } },
          request: { body: hex64 },
        });
      }) as (event: unknown, context: Context) => Promise<unknown>;
    const thrown: unknown = await failing({}, context).catch((error: unknown) => error);
    // Lambda's runtime logs every property that an error has; Step Functions stores message and trace in the history.
    expect(thrown).toMatchObject({ name: 'Throttled', message: `asked with ${redacted}` });
    expect(inspect(thrown, { depth: 9, showHidden: true })).not.toContain(hex64);
  });

  it('yields to another owner without alarm', async () => {
    await expect(handler({ clusterId, number: 14 }, context)).rejects.toMatchObject({ name: 'Superseded' });
    expect(parsed()).toMatchObject([{ level: 'INFO', message: 'failed' }]);
  });

  it.each([
    ['of a state machine', { clusterId, number: 'seven' }],
    ['of an event', { 'detail-type': 'NodeRequested', detail: { clusterId, number: 'seven' } }],
  ])('names the field that is wrong in a payload %s', async (_, payload) => {
    await expect(handler(payload, context)).rejects.toMatchObject({
      name: 'InvalidPayload',
      message: expect.stringMatching(/^number: /) as string,
    });
  });

  it.each([
    [{}, 'clusterId: expected string'],
    [{ clusterId: 'x', number: 1 }, 'clusterId: not a uuid'],
    [{ clusterId, number: 0 }, 'number: at least 1'],
    [{ clusterId, number: 1, extra: 2 }, 'payload: unknown field extra'],
  ])('says what is wrong with %o', (payload, message) => {
    expect(() => parsePayload(nodeRequested.schema, payload)).toThrow(message);
  });

  it('names the field also where several forms are possible', () => {
    const schema = z.union([
      z.object({ kind: z.literal('a'), number: z.number() }),
      z.object({ other: z.string() }),
    ]);
    expect(() => parsePayload(schema, { kind: 'a', number: 'seven' })).toThrow(/^number: /);
    expect(() => parsePayload(z.object({ inner: schema }), { inner: { kind: 'a' } })).toThrow(
      /^inner\.number: /,
    );
  });

  it('never shows the value that is wrong', async () => {
    const strict = middy()
      .use(validated(z.strictObject({ token: z.number() })))
      .handler(async () => {}) as (event: unknown, context: Context) => Promise<unknown>;
    await expect(strict({ token: 'hidden-value' }, context)).rejects.not.toThrow('hidden-value');
  });
});
