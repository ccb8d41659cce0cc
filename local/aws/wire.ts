/** One request as it came over the wire, its body read to the end. */
export interface WireRequest {
  readonly method: string;
  /** Path and query as sent, undecoded. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly sourceIp: string;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
}

/** An error in a service's own words; `name` is the code that SDKs turn into the exception's name. */
export class AwsError extends Error {
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = code;
    this.status = status;
  }
}

export const json = (status: number, value: unknown, headers: Record<string, string> = {}): WireResponse => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0', ...headers },
  body: JSON.stringify(value ?? {}),
});

/** What all of AWS's JSON protocols agree on: SDKs read the header or `__type`, whichever they know. */
export const errorResponse = (error: AwsError): WireResponse =>
  json(
    error.status,
    { __type: error.name, message: error.message, Message: error.message },
    { 'x-amzn-errortype': error.name },
  );

export type Json = Record<string, unknown>;

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function parseBody(body: Buffer): Json {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isJson(value)) return value;
  } catch {
    // Falls through to the service's own word for it.
  }
  throw new AwsError('SerializationException', 'the body is not a JSON object');
}

export const text = (body: Json, name: string): string | undefined => {
  const value = body[name];
  return typeof value === 'string' ? value : undefined;
};

export function requiredText(body: Json, name: string): string {
  const value = text(body, name);
  if (value === undefined || value === '')
    throw new AwsError(
      'ValidationException',
      `Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    );
  return value;
}
