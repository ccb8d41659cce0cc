import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AwsError, type WireRequest } from '../wire.ts';

/** S3 accepts a URL for a week at most, and one from a clock that is this far ahead. */
const secondsMax = 7 * 24 * 60 * 60;
const skewSecondsMax = 15 * 60;

const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

export interface Signer {
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export const isPresigned = (url: URL): boolean => url.searchParams.has('X-Amz-Signature');

/**
 * Checks a presigned URL as S3 does (Signature Version 4 in the query).
 *
 * @returns the access key id of whoever signed it
 * @throws AwsError with S3's own code: AuthorizationQueryParametersError, InvalidAccessKeyId, InvalidToken, AccessDenied
 *   (not yet, or no longer), SignatureDoesNotMatch
 */
export function verifyPresigned(
  request: WireRequest,
  url: URL,
  options: { readonly signers: (accessKeyId: string) => Signer | undefined; readonly nowMs: number },
): string {
  const given = (name: string): string => {
    const value = url.searchParams.get(name);
    if (value === null)
      throw new AwsError(
        'AuthorizationQueryParametersError',
        `Query-string authentication version 4 requires the ${name} parameter`,
      );
    return value;
  };
  const [accessKeyId = '', day = '', region = '', service = '', end = ''] =
    given('X-Amz-Credential').split('/');
  const date = given('X-Amz-Date');
  const expires = Number(given('X-Amz-Expires'));
  const signature = given('X-Amz-Signature');
  const signedHeaders = given('X-Amz-SignedHeaders').split(';');
  if (given('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256' || service !== 's3' || end !== 'aws4_request')
    throw new AwsError('AuthorizationQueryParametersError', 'the credential is not one for S3');
  if (!Number.isInteger(expires) || expires < 1 || expires > secondsMax)
    throw new AwsError('AuthorizationQueryParametersError', `X-Amz-Expires must be 1 to ${secondsMax}`);
  const [, year, month, dayOfMonth, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const signedMs = Date.parse(`${year}-${month}-${dayOfMonth}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(signedMs) || !date.startsWith(day))
    throw new AwsError('AuthorizationQueryParametersError', 'X-Amz-Date is not one of the credential’s day');

  const signer = options.signers(accessKeyId);
  if (signer === undefined)
    throw new AwsError('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist.', 403);
  if ((url.searchParams.get('X-Amz-Security-Token') ?? undefined) !== signer.sessionToken)
    throw new AwsError('InvalidToken', 'The provided token is malformed or otherwise invalid.');
  if (!signedHeaders.includes('host'))
    throw new AwsError(
      'AccessDenied',
      'There were headers present in the request which were not signed',
      403,
    );

  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const canonical = [
    request.method,
    url.pathname,
    query,
    ...signedHeaders.map((name) => `${name}:${(request.headers[name] ?? '').trim().replaceAll(/\s+/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    url.searchParams.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
  ].join('\n');
  const toSign = [
    'AWS4-HMAC-SHA256',
    date,
    `${day}/${region}/s3/aws4_request`,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${signer.secretAccessKey}`,
  );
  const wanted = hmac(key, toSign);
  const actual = Buffer.from(signature, 'hex');
  if (actual.length !== wanted.length || !timingSafeEqual(actual, wanted))
    throw new AwsError(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
      403,
    );
  if (options.nowMs > signedMs + expires * 1000)
    throw new AwsError('AccessDenied', 'Request has expired', 403);
  if (signedMs > options.nowMs + skewSecondsMax * 1000)
    throw new AwsError('AccessDenied', 'Request is not yet valid', 403);
  return accessKeyId;
}
