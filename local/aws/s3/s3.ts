import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import type { Disk } from '../../disk.ts';
import type { Caller, Guard } from '../iam/guard.ts';
import { readPolicy, type Statement } from '../iam/policy.ts';
import type { Stack } from '../template/stack.ts';
import { AwsError, isJson, type WireRequest, type WireResponse } from '../wire.ts';
import { openObjects, type Objects, type StoredObject } from './objects.ts';
import { isPresigned, verifyPresigned, type Signer } from './presigned.ts';

export interface S3 {
  /** Undefined: the request is for none of the buckets. */
  serve(request: WireRequest): WireResponse | undefined;
}

interface Bucket {
  readonly name: string;
  readonly arn: string;
  readonly objects: Objects;
  readonly policy: readonly Statement[];
}

const pageMax = 1000;

const xml = (root: string, fields: Readonly<Record<string, unknown>>): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLBuilder({}).build({ [root]: fields })}`;

const answer = (status: number, body = '', headers: Readonly<Record<string, string>> = {}): WireResponse => ({
  status,
  headers: { ...(body === '' ? {} : { 'content-type': 'application/xml' }), ...headers },
  body,
});

const failure = ({ name, message, status }: AwsError, method: string): WireResponse => {
  // IAM's word for it is another than S3's.
  const code = name === 'AccessDeniedException' ? 'AccessDenied' : name;
  const body = method === 'HEAD' ? '' : xml('Error', { Code: code, Message: message });
  return answer(code === 'AccessDenied' ? 403 : status, body);
};

const about = ({ bytes, etag, contentType, modifiedMs }: StoredObject): Record<string, string> => ({
  etag: `"${etag}"`,
  'content-type': contentType,
  'content-length': String(bytes),
  'last-modified': new Date(modifiedMs).toUTCString(),
  'x-amz-server-side-encryption': 'AES256',
});

const noSuchKey = (): AwsError => new AwsError('NoSuchKey', 'The specified key does not exist.', 404);

/** The keys of a DeleteObjects request. */
function keysIn(body: Buffer): string[] {
  const parsed: unknown = new XMLParser({
    isArray: (name) => name === 'Object',
    parseTagValue: false,
  }).parse(body);
  const wanted = isJson(parsed) && isJson(parsed['Delete']) ? parsed['Delete']['Object'] : undefined;
  if (!Array.isArray(wanted) || wanted.length === 0 || wanted.length > pageMax)
    throw new AwsError('MalformedXML', 'The XML you provided was not well-formed.');
  return wanted.map((each: unknown) => (isJson(each) ? String(each['Key']) : ''));
}

/**
 * The template's buckets, by path (`/<bucket>/<key>`): PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects and
 * ListObjectsV2, each under the caller's role and the bucket's own policy. Presigned URLs are verified in full; of other
 * requests the signature is not, as with all services here.
 */
export function openS3(options: {
  readonly stack: Stack;
  readonly disk: Disk;
  readonly folder: string | undefined;
  readonly guard: Guard;
  /** By the request's own headers. @throws AwsError for nobody's */
  readonly identify: (request: WireRequest) => Caller;
  readonly callerOf: (accessKeyId: string) => (Signer & { readonly caller: Caller }) | undefined;
  readonly now: () => number;
}): S3 {
  const { stack, disk, folder, guard, callerOf, now } = options;
  const buckets = new Map<string, Bucket>();
  for (const { ref: name, attribute, properties } of stack.all('AWS::S3::Bucket')) {
    const days = (properties.LifecycleConfiguration?.Rules ?? []).flatMap(({ ExpirationInDays }) =>
      ExpirationInDays === undefined ? [] : [ExpirationInDays],
    );
    const daysMax = days.length === 0 ? undefined : Math.min(...days);
    buckets.set(name, {
      name,
      arn: attribute('Arn'),
      objects: openObjects({ bucket: name, disk, folder, daysMax, now }),
      policy: stack
        .all('AWS::S3::BucketPolicy')
        .filter((each) => each.properties.Bucket === name)
        .flatMap((each) => readPolicy(each.properties.PolicyDocument)),
    });
  }

  const list = ({ name, objects }: Bucket, query: URLSearchParams): WireResponse => {
    const prefix = query.get('prefix') ?? '';
    if (query.get('list-type') !== '2' || query.has('delimiter'))
      throw new AwsError('NotImplemented', 'only ListObjectsV2 without a delimiter is served here', 501);
    const token = query.get('continuation-token');
    const after = token === null ? query.get('start-after') : Buffer.from(token, 'base64').toString();
    const max = Math.min(pageMax, Number(query.get('max-keys') ?? pageMax));
    const found = objects.list(prefix).filter(({ key }) => after === null || key > after);
    const page = found.slice(0, max);
    const last = page.at(-1);
    const next =
      found.length > page.length && last !== undefined
        ? { NextContinuationToken: Buffer.from(last.key).toString('base64') }
        : {};
    return answer(
      200,
      xml('ListBucketResult', {
        Name: name,
        Prefix: prefix,
        MaxKeys: max,
        KeyCount: page.length,
        IsTruncated: found.length > page.length,
        ...next,
        Contents: page.map(({ key, bytes, etag, modifiedMs }) => ({
          Key: key,
          LastModified: new Date(modifiedMs).toISOString(),
          ETag: `"${etag}"`,
          Size: bytes,
          StorageClass: 'STANDARD',
        })),
      }),
    );
  };

  const act = (request: WireRequest, url: URL, bucket: Bucket, key: string): WireResponse => {
    const { searchParams: query } = url;
    let caller: Caller;
    if (isPresigned(url)) {
      const signers = (id: string): Signer | undefined => callerOf(id);
      const signedBy = callerOf(verifyPresigned(request, url, { signers, nowMs: now() }));
      if (signedBy === undefined) throw new AwsError('AccessDenied', 'Access Denied', 403);
      ({ caller } = signedBy);
    } else caller = options.identify(request);
    const may = (action: string, resource: string, context: Record<string, readonly string[]> = {}): void =>
      guard.demand(
        caller,
        {
          action: `s3:${action}`,
          resources: [resource],
          context: { 'aws:SecureTransport': ['true'], ...context },
        },
        bucket.policy,
      );
    const { method } = request;

    if (key === '') {
      if (method === 'GET') {
        may('ListBucket', bucket.arn, { 's3:prefix': [query.get('prefix') ?? ''] });
        return list(bucket, query);
      }
      if (method === 'POST' && query.has('delete')) {
        const keys = keysIn(request.body);
        for (const each of keys) may('DeleteObject', `${bucket.arn}/${each}`);
        for (const each of keys) bucket.objects.delete(each);
        return answer(200, xml('DeleteResult', { Deleted: keys.map((each) => ({ Key: each })) }));
      }
      throw new AwsError('NotImplemented', `${method} of a bucket is not served here`, 501);
    }
    const resource = `${bucket.arn}/${key}`;
    if (method === 'PUT') {
      may('PutObject', resource);
      const contentType = request.headers['content-type'] ?? 'binary/octet-stream';
      const { etag } = bucket.objects.put(key, request.body, contentType);
      return answer(200, '', { etag: `"${etag}"`, 'x-amz-server-side-encryption': 'AES256' });
    }
    if (method === 'DELETE') {
      may('DeleteObject', resource);
      bucket.objects.delete(key);
      return answer(204);
    }
    if (method !== 'GET' && method !== 'HEAD')
      throw new AwsError('MethodNotAllowed', 'The specified method is not allowed.', 405);
    // HeadObject asks for the right to read.
    may('GetObject', resource);
    const found = bucket.objects.get(key);
    if (found === undefined) throw noSuchKey();
    return { status: 200, headers: about(found.object), body: method === 'HEAD' ? '' : found.body };
  };

  return {
    serve(request) {
      const url = new URL(request.url, 'http://s3');
      const [, name = '', ...rest] = url.pathname.split('/');
      const bucket = buckets.get(name);
      if (bucket === undefined) return undefined;
      try {
        return act(request, url, bucket, decodeURIComponent(rest.join('/')));
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        return failure(error, request.method);
      }
    },
  };
}
