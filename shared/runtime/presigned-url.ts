import { HttpRequest } from '@smithy/core/protocols';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';

type Environment = Readonly<Record<string, string | undefined>>;

/** A URL with which whoever has it may make this one request in the signer's name: a secret until it expires. */
export type PresignUrl = (request: {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly secondsMax: number;
}) => Promise<string>;

const setting = (environment: Environment, name: string): string => {
  const value = environment[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return value;
};

/**
 * S3 by presigned URLs: the signer is the one that every AWS client here already carries, so that it costs a bundle less
 * than 2 KB where S3's own client would cost 90. A URL lives no longer than the function's credentials do.
 *
 * @param options.environment Lambda's own; AWS_ENDPOINT_URL is the local platform's.
 */
export function createPresigner(options: {
  readonly bucket: string;
  readonly environment: Environment;
  readonly now?: () => Date;
}): PresignUrl {
  const { bucket, environment } = options;
  const region = setting(environment, 'AWS_REGION');
  const given = environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'];
  // The bucket stands in the host's name, and in the path where the host is an address.
  const endpoint = new URL(given ?? `https://${bucket}.s3.${region}.amazonaws.com`);
  const folder = given === undefined ? '' : `/${bucket}`;
  const sessionToken = environment['AWS_SESSION_TOKEN'];
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: {
      accessKeyId: setting(environment, 'AWS_ACCESS_KEY_ID'),
      secretAccessKey: setting(environment, 'AWS_SECRET_ACCESS_KEY'),
      ...(sessionToken !== undefined && { sessionToken }),
    },
    sha256: Hash.bind(null, 'sha256'),
    uriEscapePath: false,
  });

  return async ({ method, key, query = {}, secondsMax }) => {
    const { headers: _, ...signed } = await signer.presign(
      new HttpRequest({
        method,
        protocol: endpoint.protocol,
        hostname: endpoint.hostname,
        path: `${folder}/${key ?? ''}`,
        query: { ...query },
        // What is uploaded is not known when the URL is signed.
        headers: { host: endpoint.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      }),
      { expiresIn: secondsMax, ...(options.now !== undefined && { signingDate: options.now() }) },
    );
    const parameters = Object.entries(signed.query ?? {}).map(
      ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
    );
    return `${endpoint.origin}${signed.path}?${parameters.join('&')}`;
  };
}
