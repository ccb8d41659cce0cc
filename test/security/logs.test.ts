import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { projectFolder } from '../../infra/paths.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed } from '../../shared/runtime/observability.ts';

/**
 * Wherever a secret stands, no line shows it. What secrets look like is tested beside redaction.ts; here are the places
 * that they come from: the SDKs' errors, errors in errors, what a machine or a cloud sent, and containers of every kind.
 */
let lines: string[];
beforeEach(() => {
  lines = [];
  const capture = (chunk: unknown): boolean => lines.push(String(chunk)) > 0;
  vi.spyOn(process.stdout, 'write').mockImplementation(capture);
  vi.spyOn(process.stderr, 'write').mockImplementation(capture);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const privateKey = [
  ['-----BEGIN RSA', 'PRIVATE KEY-----'].join(' '),
  'MIIEpAIBAAKCAQEAhiddenhiddenhidden',
  ['-----END RSA', 'PRIVATE KEY-----'].join(' '),
].join('\n');

/** Each with the part of it that would give it away. */
const secrets: readonly (readonly [what: string, text: string, core: string])[] = [
  ['a bootstrap token', `v1.3.1795406400.${'hidden-MAC_'.repeat(4)}`, 'hidden-MAC'],
  ['a session secret', '5e55'.repeat(16), '5e555e55'],
  ['an API key', `oc_${'hidden'.repeat(6)}`, 'hidden'],
  ['a bearer header', 'authorization: Bearer hidden.token-value', 'hidden'],
  ['AWS credentials', '{"accessKeyId":"x","secretAccessKey":"hidden/secret+key"}', 'hidden'],
  ['an Azure client secret', 'client_secret=hidden~secret&grant_type=client_credentials', 'hidden'],
  ['a DigitalOcean token', `dop_v1_${'feed'.repeat(16)}`, 'feedfeed'],
  ['a Google access token', 'ya29.hidden_access-token', 'hidden'],
  ['a private key', privateKey, 'hidden'],
  ['a private key as JSON quotes it', JSON.stringify({ private_key: privateKey }), 'hidden'],
];

const throwing = (error: Error): void => log.error('failed', { error });
class SdkError extends Error {
  override readonly name = 'SdkError';
  readonly $metadata = { httpStatusCode: 403 };
  readonly $response: unknown;
  readonly config: unknown;
  constructor(secret: string) {
    super('the request was refused');
    this.$response = { body: secret, headers: { 'x-echo': secret } };
    this.config = { url: `https://example.com/?q=${secret}`, data: secret };
  }
}

const places: readonly (readonly [where: string, write: (secret: string) => void])[] = [
  ['the message', (secret) => log.info(`asked with ${secret}`)],
  ['a field of an innocent name', (secret) => log.info('asked', { answer: secret })],
  ['a deep field', (secret) => log.warn('asked', { a: { b: { c: [{ d: [secret] }] } } })],
  [
    'the middle of a long text',
    (secret) => log.info('asked', { log: `${'x '.repeat(500)}${secret}${' y'.repeat(500)}` }),
  ],
  ['several lines of a text', (secret) => log.info('asked', { log: `first\n${secret}\nlast ${secret}` })],
  ['JSON in a text', (secret) => log.info('asked', { body: JSON.stringify({ inner: secret }) })],
  [
    'JSON in JSON in a text',
    (secret) => log.info('asked', { body: JSON.stringify({ body: JSON.stringify({ secret }) }) }),
  ],
  ['an error’s message', (secret) => throwing(new Error(`refused: ${secret}`))],
  [
    'an error’s stack',
    (secret) => throwing(Object.assign(new Error('refused'), { stack: `Error: ${secret}\n    at here` })),
  ],
  ['an error’s name', (secret) => throwing(Object.assign(new Error('refused'), { name: secret }))],
  [
    'the cause of the cause',
    (secret) => throwing(new Error('outer', { cause: new Error('middle', { cause: new Error(secret) }) })),
  ],
  ['a cause that is a text', (secret) => throwing(new Error('outer', { cause: secret }))],
  [
    'a cause that is an object',
    (secret) => throwing(new Error('outer', { cause: { response: { text: secret } } })),
  ],
  [
    'errors together',
    (secret) => throwing(new AggregateError([new Error('one'), new Error(secret)], 'all failed')),
  ],
  ['an SDK’s error with its request and answer', (secret) => throwing(new SdkError(secret))],
  ['an error in a field of another name', (secret) => log.error('failed', { reason: new Error(secret) })],
  [
    'an error in a list',
    (secret) => log.error('failed', { failures: [{ cloud: 'aws', error: new Error(secret) }] }),
  ],
  ['a Map', (secret) => log.info('asked', { headers: new Map([['x-echo', secret]]) })],
  ['a Set', (secret) => log.info('asked', { seen: new Set([secret]) })],
  [
    'headers',
    (secret) => log.info('asked', { headers: new Headers({ 'x-echo': secret.replaceAll('\n', ' ') }) }),
  ],
  [
    'an object that says itself what it is',
    (secret) => log.info('asked', { answer: { toJSON: () => secret } }),
  ],
];

describe.each(places)('in %s', (_where, write) => {
  it.each(secrets)('%s is not shown', (_what, text, core) => {
    write(text);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toContain(core);
  });
});

describe('in an address', () => {
  it.each(['access_token', 'client_secret', 'token', 'password'])('%s is not shown', (parameter) => {
    log.info('asked', { url: new URL(`https://example.com/?a=1&${parameter}=hidden-value&b=2`) });
    expect(lines.join('\n')).not.toContain('hidden');
    expect(lines.join('\n')).toContain('b=2');
  });
});

describe('a handler that fails with a secret in its hands', () => {
  const context = {
    awsRequestId: 'request-1',
    functionName: 'test',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:test',
    functionVersion: '1',
    memoryLimitInMB: '128',
    getRemainingTimeInMillis: () => 1000,
  } as Context;

  it.each(secrets)(
    'does not write %s, neither from its event nor from its error',
    async (_what, text, core) => {
      const handler = middy()
        .use(observed())
        .handler(async () => {
          throw new Error(`refused: ${text}`);
        }) as (event: unknown, context: Context) => Promise<unknown>;
      const event = { clusterId: text, kind: text, verb: text, headers: { authorization: text }, body: text };
      await expect(handler(event, context)).rejects.toThrow('refused');
      expect(lines.join('\n')).not.toContain(core);
    },
  );
});

describe('nothing goes past the logger', () => {
  it('no function and nothing that they share writes a line by itself', () => {
    const sources = globSync('{functions,shared}/**/*.ts', { cwd: projectFolder }).filter(
      (path) => !path.endsWith('.test.ts') && path !== 'shared/runtime/log.ts',
    );
    const writers = sources.filter((path) =>
      /\bconsole\.(?:log|error|warn|info|debug)\b|\bprocess\.(?:stdout|stderr)\b/.test(
        readFileSync(join(projectFolder, path), 'utf8'),
      ),
    );
    expect(sources.length).toBeGreaterThan(100);
    expect(writers).toEqual([]);
  });
});
