import { createHash, timingSafeEqual } from 'node:crypto';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import * as z from 'zod/mini';
import type { Node } from '../domain/node.ts';
import { describeIssues } from './observability.ts';

/** What a machine's call is refused with: the agent shows title and detail in its log and goes on trying. */
export class NodeCallRefused extends Error {
  override readonly name = 'NodeCallRefused';
  readonly status: number;
  /** When it is not for good: how long to wait before asking again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, detail: string, retryAfterSeconds?: number) {
    super(detail);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Whether this is the secret that the node's machine was admitted with. A node that is deleted has no machine. */
export function isSessionOf(node: Node | undefined, secret: string): node is Node & { sessionHash: string } {
  if (node?.sessionHash === undefined || node.phase === 'deleted') return false;
  const given = createHash('sha256').update(secret).digest();
  const bound = Buffer.from(node.sessionHash, 'hex');
  return given.length === bound.length && timingSafeEqual(given, bound);
}

export interface NodeCall<Body> {
  readonly clusterId: string;
  readonly number: number;
  readonly bearer: string;
  readonly body: Body;
}

const bodyBytesMax = 64 * 1024;
/** Decimal digits alone: not everything that JavaScript takes for a number. */
const path = z.object({ clusterId: z.uuid(), number: z.string().check(z.regex(/^[1-9]\d{0,4}$/)) });

/** @throws NodeCallRefused with 400, 401 or 413. */
export function readNodeCall<Schema extends z.ZodMiniType>(
  event: APIGatewayProxyEventV2,
  schema: Schema,
): NodeCall<z.output<Schema>> {
  const ids = z.safeParse(path, event.pathParameters);
  if (!ids.success) throw new NodeCallRefused(400, `path: ${describeIssues(ids.error)}`);
  const [, bearer] = /^Bearer (\S{1,512})$/.exec(event.headers['authorization'] ?? '') ?? [];
  if (bearer === undefined) throw new NodeCallRefused(401, 'Authorization: a bearer is required');
  const text = event.isBase64Encoded
    ? Buffer.from(event.body ?? '', 'base64').toString('utf8')
    : (event.body ?? '');
  if (Buffer.byteLength(text) > bodyBytesMax)
    throw new NodeCallRefused(413, `body: at most ${bodyBytesMax} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new NodeCallRefused(400, 'body: not JSON');
  }
  const body = z.safeParse(schema, json);
  if (!body.success) throw new NodeCallRefused(400, describeIssues(body.error));
  return { clusterId: ids.data.clusterId, number: Number(ids.data.number), bearer, body: body.data };
}

/** Runs one call; a refusal becomes its problem document (RFC 9457), anything else is Lambda's to report. */
export async function answerNode(
  event: APIGatewayProxyEventV2,
  act: () => Promise<unknown>,
): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    return {
      statusCode: 200,
      // Keys may be among what it answers: nothing on the way keeps it.
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: JSON.stringify(await act()),
    };
  } catch (error) {
    if (!(error instanceof NodeCallRefused)) throw error;
    return {
      statusCode: error.status,
      headers: {
        'content-type': 'application/problem+json',
        ...(error.retryAfterSeconds !== undefined && { 'retry-after': String(error.retryAfterSeconds) }),
      },
      body: JSON.stringify({
        type: 'about:blank',
        title: 'The call was refused',
        status: error.status,
        detail: error.message,
        requestId: event.requestContext.requestId,
      }),
    };
  }
}
