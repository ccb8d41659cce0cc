import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPresigner, type PresignUrl } from '../../../shared/runtime/presigned-url.ts';
import { createSnapshotObjects } from '../../../shared/runtime/snapshot-objects.ts';
import { redactText } from '../../../shared/runtime/redaction.ts';
import { openDisk } from '../../disk.ts';
import { createGuard, type Caller } from '../iam/guard.ts';
import { readRoles } from '../iam/roles.ts';
import { listen, type Listener } from '../server/listen.ts';
import { identifyBy } from '../server/services.ts';
import type { Stack } from '../template/stack.ts';
import { openS3, type S3 } from './s3.ts';

const bucket = 'stack-snapshots-0123';
const bucketArn = `arn:aws:s3:::${bucket}`;
const roleArn = 'arn:aws:iam::000000000000:role/uploader';
const allow = (Action: string, Resource: string, Condition = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  Condition,
});
const resource = (logicalId: string, ref: string, arn: string, properties: unknown) => ({
  logicalId,
  ref,
  attribute: () => arn,
  properties,
});
const resources: Readonly<Record<string, readonly unknown[]>> = {
  'AWS::S3::Bucket': [
    resource('Bucket', bucket, bucketArn, { LifecycleConfiguration: { Rules: [{ ExpirationInDays: 30 }] } }),
  ],
  'AWS::S3::BucketPolicy': [
    resource('Policy', 'policy', '', {
      Bucket: bucket,
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 's3:*',
            Resource: [bucketArn, `${bucketArn}/*`],
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
          {
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 's3:PutObject',
            Resource: `${bucketArn}/clusters/closed/*`,
          },
        ],
      },
    }),
  ],
  'AWS::IAM::Role': [
    resource('Role', 'uploader', roleArn, {
      AssumeRolePolicyDocument: {
        Statement: [{ Effect: 'Allow', Principal: { Service: 'x' }, Action: 'sts:AssumeRole' }],
      },
      Policies: [
        {
          PolicyDocument: {
            Statement: [
              allow('s3:PutObject', `${bucketArn}/clusters/*`),
              allow('s3:ListBucket', bucketArn, { StringLike: { 's3:prefix': ['clusters/*'] } }),
            ],
          },
        },
      ],
    }),
  ],
};
const stack = { all: (type: string) => resources[type] ?? [] } as unknown as Stack;
const environment = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'AKIALOCALUPLOADER',
  AWS_SECRET_ACCESS_KEY: 'an uploader’s secret',
  AWS_SESSION_TOKEN: 'a/token+with=signs',
};

let nowMs = Date.parse('2026-11-23T08:00:00.000Z');
const folder = mkdtempSync(join(tmpdir(), 's3-'));
const disk = openDisk({ name: 's3', folder });
let listener: Listener;
let presign: PresignUrl;
let asRoot: S3Client;

const open = (): S3 => {
  const caller: Caller = { kind: 'role', roleArn, name: 'uploader' };
  return openS3({
    stack,
    disk,
    folder,
    guard: createGuard(readRoles(stack), () => {}),
    identify: identifyBy(new Map([[environment.AWS_ACCESS_KEY_ID, caller]])),
    callerOf: (id) =>
      id === 'local'
        ? { caller: { kind: 'root' }, secretAccessKey: 'local' }
        : id === environment.AWS_ACCESS_KEY_ID
          ? {
              caller,
              secretAccessKey: environment.AWS_SECRET_ACCESS_KEY,
              sessionToken: environment.AWS_SESSION_TOKEN,
            }
          : undefined,
    now: () => nowMs,
  });
};
const presigner = (over: Partial<typeof environment> = {}): PresignUrl =>
  createPresigner({
    bucket,
    environment: { ...environment, AWS_ENDPOINT_URL: listener.url, ...over },
    now: () => new Date(nowMs),
  });
const codeOf = async (response: Response): Promise<string> =>
  `${response.status} ${/<Code>(\w+)<\/Code>/.exec(await response.text())?.[1] ?? ''}`.trim();
const key = 'clusters/one/snapshots/20261123T080000Z.db';

beforeAll(async () => {
  listener = await listen(0, () => {});
  const s3 = open();
  listener.serve(async (request) => s3.serve(request) ?? { status: 418, headers: {}, body: '' });
  presign = presigner();
  asRoot = new S3Client({
    endpoint: listener.url,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});
afterAll(async () => {
  asRoot.destroy();
  await listener.close();
  disk.close();
  rmSync(folder, { recursive: true });
});

describe('a presigned URL', () => {
  const put = (url: string, body = 'etcd'): Promise<Response> => fetch(url, { method: 'PUT', body });

  it('lets whoever has it put that object, until it expires', async () => {
    const url = await presign({ method: 'PUT', key, secondsMax: 900 });
    expect((await put(url)).status).toBe(200);
    const found = await asRoot.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    expect(await found.Body?.transformToString()).toBe('etcd');
    nowMs += 900_000;
    expect((await put(url, 'again')).status).toBe(200);
    nowMs += 1;
    expect(await codeOf(await put(url))).toBe('403 AccessDenied');
  });

  it('is no longer than an agent takes it, and shows nothing once it was redacted', async () => {
    const long = presigner({ AWS_SESSION_TOKEN: 't'.repeat(1600) });
    const url = await long({ method: 'PUT', key, secondsMax: 900 });
    expect(url).toMatch(/^[!#-[\]-~]{1,4096}$/);
    const shown = redactText(`curl: could not reach ${url}: refused`);
    for (const secret of ['t'.repeat(100), new URL(url).searchParams.get('X-Amz-Signature') ?? ''])
      expect(shown).not.toContain(secret);
  });

  it.each<[string, string, (url: URL) => void, RequestInit?]>([
    ['for another object', '403 SignatureDoesNotMatch', (url) => (url.pathname += 'x')],
    [
      'with a longer life',
      '403 SignatureDoesNotMatch',
      (url) => url.searchParams.set('X-Amz-Expires', '9000'),
    ],
    ['with more in the query', '403 SignatureDoesNotMatch', (url) => url.searchParams.set('acl', '')],
    ['by another method', '403 SignatureDoesNotMatch', () => {}, { method: 'DELETE' }],
    ['with another token', '400 InvalidToken', (url) => url.searchParams.set('X-Amz-Security-Token', 'x')],
    ['without its token', '400 InvalidToken', (url) => url.searchParams.delete('X-Amz-Security-Token')],
    [
      'of nobody',
      '403 InvalidAccessKeyId',
      (url) => url.searchParams.set('X-Amz-Credential', 'AKIAX/20261123/us-east-1/s3/aws4_request'),
    ],
    ['unsigned', '403', (url) => url.searchParams.delete('X-Amz-Signature')],
  ])('%s is refused: %s', async (_, expected, change, init = { method: 'PUT', body: 'x' }) => {
    const url = new URL(await presign({ method: 'PUT', key, secondsMax: 900 }));
    change(url);
    expect(await codeOf(await fetch(url, init))).toMatch(expected);
  });

  it.each([
    ['outside of the role’s folder', 'PUT', 'elsewhere/x'],
    ['where the bucket’s own policy says no', 'PUT', 'clusters/closed/x'],
    ['to read, which the role may not', 'GET', key],
  ] as const)('signed for %s has no more rights than its signer', async (_, method, path) => {
    const url = await presign({ method, key: path, secondsMax: 900 });
    const response = await fetch(url, { method, ...(method === 'PUT' && { body: 'x' }) });
    expect(await codeOf(response)).toBe('403 AccessDenied');
  });

  it('stands at the bucket’s own host in AWS', async () => {
    const url = await createPresigner({ bucket, environment })({ method: 'PUT', key, secondsMax: 900 });
    expect(url.startsWith(`https://${bucket}.s3.us-east-1.amazonaws.com/${key}?`)).toBe(true);
  });
});

describe('the bucket, by the official SDK', () => {
  const names = ['a', 'b', 'c'].map((name) => `listed/${name}`);

  it('lists page by page, tells sizes, and deletes what may not be there', async () => {
    for (const Key of names) await asRoot.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Key }));
    const list = { Bucket: bucket, Prefix: 'listed/', MaxKeys: 2 };
    const first = await asRoot.send(new ListObjectsV2Command(list));
    const rest = await asRoot.send(
      new ListObjectsV2Command({ ...list, ContinuationToken: first.NextContinuationToken }),
    );
    expect([...(first.Contents ?? []), ...(rest.Contents ?? [])].map(({ Key, Size }) => [Key, Size])).toEqual(
      names.map((name) => [name, name.length]),
    );
    expect([first.IsTruncated, rest.IsTruncated]).toEqual([true, false]);
    const head = await asRoot.send(new HeadObjectCommand({ Bucket: bucket, Key: 'listed/a' }));
    expect(head).toMatchObject({ ContentLength: 8, ServerSideEncryption: 'AES256' });
    await asRoot.send(
      new DeleteObjectsCommand({
        Bucket: bucket,
        Delete: { Objects: names.slice(1).map((Key) => ({ Key })) },
      }),
    );
    for (let time = 0; time < 2; time += 1)
      await asRoot.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'listed/a' }));
    expect((await asRoot.send(new ListObjectsV2Command(list))).KeyCount).toBe(0);
    await expect(
      asRoot.send(new GetObjectCommand({ Bucket: bucket, Key: 'listed/a' })),
    ).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('is on the disk, and there again after a restart', async () => {
    await asRoot.send(new PutObjectCommand({ Bucket: bucket, Key: 'kept/x', Body: 'bytes' }));
    const files = readdirSync(join(folder, 's3', bucket)).map((name) =>
      readFileSync(join(folder, 's3', bucket, name), 'utf8'),
    );
    expect(files).toContain('bytes');
    const again = open().serve({
      method: 'GET',
      url: `/${bucket}/kept/x`,
      headers: { authorization: 'AWS4-HMAC-SHA256 Credential=local/20261123/us-east-1/s3/aws4_request' },
      body: Buffer.alloc(0),
      sourceIp: '127.0.0.1',
    });
    expect(again?.body.toString()).toBe('bytes');
  });

  it('forgets an object after its lifecycle’s days', async () => {
    await asRoot.send(new PutObjectCommand({ Bucket: bucket, Key: 'old/x', Body: 'x' }));
    const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: 'old/' });
    expect((await asRoot.send(list)).KeyCount).toBe(1);
    nowMs += 31 * 86_400_000;
    expect((await asRoot.send(list)).KeyCount).toBe(0);
  });
});

describe('what the platform does in it', () => {
  it('lists a folder with its sizes', async () => {
    const url = await presign({ method: 'PUT', key, secondsMax: 900 });
    await fetch(url, { method: 'PUT', body: 'four' });
    const objects = createSnapshotObjects(presign);
    expect(await objects.list('clusters/one/snapshots/')).toEqual([{ key, sizeBytes: 4 }]);
    expect(await objects.list('clusters/two/snapshots/')).toEqual([]);
  });

  it('removes, again without effect, and says in S3’s words what it may not, without the URL', async () => {
    const asOwner = createSnapshotObjects(
      createPresigner({
        bucket,
        environment: {
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: 'local',
          AWS_SECRET_ACCESS_KEY: 'local',
          AWS_ENDPOINT_URL: listener.url,
        },
        now: () => new Date(nowMs),
      }),
    );
    await expect(createSnapshotObjects(presign).remove(key)).rejects.toThrow(/^S3 DELETE: 403 AccessDenied$/);
    await asOwner.remove(key);
    await asOwner.remove(key);
    expect(await asOwner.list('clusters/')).toEqual([]);
    await expect(createSnapshotObjects(presign).list('')).rejects.toThrow('AccessDenied');
  });
});
