import { digest } from '../addresses.ts';
import { accessKeyIdOf, rootAccessKeyId, type Caller, type Guard } from '../iam/guard.ts';
import type { Permission } from '../iam/policy.ts';
import { isLambdaRequest } from '../lambda/lambda-api.ts';
import { statesPermissions } from '../machines.ts';
import { queuePermissions, type Queues } from '../queues/queues.ts';
import type { Route53 } from '../route53/route53.ts';
import type { S3 } from '../s3/s3.ts';
import type { States } from '../states/index.ts';
import { tablePermissions, type Tables } from '../stores/dynamodb.ts';
import type { Kms } from '../stores/kms.ts';
import type { Secrets } from '../stores/secrets.ts';
import {
  AwsError,
  errorResponse,
  json,
  parseBody,
  type Json,
  type WireRequest,
  type WireResponse,
} from '../wire.ts';

export interface Services {
  readonly guard: Guard;
  readonly callers: ReadonlyMap<string, Caller>;
  readonly tables: Tables;
  readonly partitionKeyOf: (tableName: string) => string | undefined;
  readonly queues: Queues;
  readonly events: (action: string, body: Json, caller: Caller) => Promise<Json>;
  readonly kms: Kms;
  readonly secrets: Secrets;
  readonly s3: S3;
  readonly route53: Pick<Route53, 'serve'>;
  readonly states: States;
  readonly machineArns: readonly string[];
  readonly lambda: (request: WireRequest, caller: Caller) => Promise<WireResponse>;
  readonly httpApi: ((request: WireRequest) => Promise<WireResponse>) | undefined;
}

type Service = (action: string, request: WireRequest, caller: Caller) => Promise<WireResponse>;

/** Whose request it is, by the access key id in its Authorization header. @throws AwsError for nobody's */
export const identifyBy =
  (callers: ReadonlyMap<string, Caller>) =>
  (request: WireRequest): Caller => {
    const id = accessKeyIdOf(request.headers['authorization']);
    if (id === undefined)
      throw new AwsError(
        'MissingAuthenticationTokenException',
        'Request is missing Authentication Token',
        403,
      );
    const caller = id === rootAccessKeyId ? ({ kind: 'root' } as const) : callers.get(id);
    if (caller === undefined)
      throw new AwsError(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
        403,
      );
    return caller;
  };

/** Everything that arrives at the one port: AWS's services by their protocol, the rest is the HTTP API's. */
export function createServices(parts: Services): (request: WireRequest) => Promise<WireResponse | 'cut'> {
  const { guard } = parts;
  const demandAll = (caller: Caller, permissions: readonly Permission[]): void => {
    for (const permission of permissions) guard.demand(caller, permission);
  };

  /** By the part of X-Amz-Target before the dot. */
  const services: Readonly<Record<string, Service>> = {
    DynamoDB_20120810: (action, request, caller) => {
      demandAll(caller, tablePermissions(action, parseBody(request.body), parts.partitionKeyOf));
      return parts.tables.forward(request);
    },
    AmazonSQS: (action, request, caller) => {
      for (const permission of queuePermissions(action, parseBody(request.body)))
        guard.demand(caller, permission, parts.queues.policy(permission.resources[0] ?? ''));
      return parts.queues.forward(request);
    },
    AWSEvents: async (action, request, caller) =>
      json(200, await parts.events(action, parseBody(request.body), caller)),
    TrentService: async (action, request, caller) => {
      const body = parseBody(request.body);
      for (const { permission, policy } of parts.kms.permissions(action, body))
        guard.demand(caller, permission, policy);
      return json(200, parts.kms.call(action, body));
    },
    secretsmanager: async (action, request, caller) => {
      const body = parseBody(request.body);
      demandAll(caller, parts.secrets.permissions(action, body));
      return json(200, parts.secrets.call(action, body));
    },
    AWSStepFunctions: async (action, request, caller) => {
      const body = parseBody(request.body);
      demandAll(caller, statesPermissions(action, body, parts.machineArns));
      return json(200, await parts.states.api(action, body));
    },
  };

  const identify = identifyBy(parts.callers);

  const toService = async (request: WireRequest): Promise<WireResponse | 'cut' | undefined> => {
    if (isLambdaRequest(request.url)) return parts.lambda(request, identify(request));
    const ofNames = parts.route53.serve(request);
    if (ofNames !== undefined) return ofNames;
    const inBucket = parts.s3.serve(request);
    if (inBucket !== undefined) return inBucket;
    const target = request.headers['x-amz-target'];
    if (target !== undefined) {
      const [prefix = '', action = ''] = target.split('.');
      const service = services[prefix];
      if (service === undefined)
        throw new AwsError('UnknownOperationException', `${target} is not served by the local AWS`);
      return service(action, request, identify(request));
    }
    if (request.headers['authorization']?.startsWith('AWS4-HMAC-SHA256') === true)
      throw new AwsError(
        'UnknownOperationException',
        `${request.method} ${request.url} (${request.headers['authorization'].split('/')[3]}) is not served by the local AWS`,
        404,
      );
    return undefined;
  };

  return async (request) => {
    const requestId = digest(`${Date.now()}${Math.random()}`, 32);
    try {
      const response = await toService(request);
      if (response === 'cut') return response;
      if (response !== undefined)
        return { ...response, headers: { 'x-amzn-requestid': requestId, ...response.headers } };
    } catch (error) {
      const known = asAwsError(error);
      if (known === undefined) throw error;
      return errorResponse(known);
    }
    if (parts.httpApi !== undefined) return parts.httpApi(request);
    return { status: 404, headers: { 'content-type': 'application/json' }, body: '{"message":"Not Found"}' };
  };
}

/** The interpreter's errors are plain ones whose name is AWS's; JavaScript's own names are bugs. */
function asAwsError(error: unknown): AwsError | undefined {
  if (error instanceof AwsError) return error;
  if (!(error instanceof Error)) return undefined;
  const isBug =
    /^(|Aggregate|Eval|Range|Reference|Syntax|Type|URI)Error$/.test(error.name) || 'code' in error;
  return isBug ? undefined : new AwsError(error.name, error.message);
}
