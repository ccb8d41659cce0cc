import { randomUUID } from 'node:crypto';
import { arnOf } from '../addresses.ts';
import type { FunctionConfiguration, Outcome } from '../lambda/function.ts';
import { functionNamed } from '../lambda/from-template.ts';
import type { Lambda } from '../lambda/lambda.ts';
import type { Stack } from '../template/stack.ts';
import type { WireRequest, WireResponse } from '../wire.ts';
import { corsHeaders, preflight, type CorsSettings } from './cors.ts';
import { requestPayload, responseFrom } from './payload.ts';
import { createRouter, type Route } from './routes.ts';

interface Integration {
  readonly function: FunctionConfiguration;
  readonly timeoutMs: number;
}

/** API Gateway's own limits. */
const timeoutMillisecondsDefault = 30_000;
const requestBytesMax = 10 * 1024 * 1024;

const message = (status: number, text: string): WireResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ message: text }),
});

/** The template's HTTP API with its `$default` stage, at the root of the platform's own address. */
export function createHttpApi(
  stack: Stack,
  options: {
    readonly lambda: Lambda;
    readonly now: () => number;
    readonly log: (source: string, line: string) => void;
  },
): ((request: WireRequest) => Promise<WireResponse>) | undefined {
  const { lambda, now, log } = options;
  const [api, ...others] = stack.all('AWS::ApiGatewayV2::Api');
  if (api === undefined) return undefined;
  if (others.length > 0)
    throw new Error(
      `${others[0]?.logicalId} (AWS::ApiGatewayV2::Api): one HTTP API has room at this address`,
    );
  if (!stack.all('AWS::ApiGatewayV2::Stage').some(({ properties }) => properties.ApiId === api.ref))
    throw new Error(`${api.logicalId} (AWS::ApiGatewayV2::Api): it has no $default stage`);

  const integrations = new Map(
    stack.all('AWS::ApiGatewayV2::Integration').map(({ logicalId, ref, properties }) => [
      ref,
      {
        function: functionNamed(
          lambda.functions,
          /functions\/(arn:[^/]+)\/invocations/.exec(properties.IntegrationUri)?.[1] ??
            properties.IntegrationUri,
          logicalId,
        ),
        timeoutMs: properties.TimeoutInMillis ?? timeoutMillisecondsDefault,
      },
    ]),
  );
  const routes = stack
    .all('AWS::ApiGatewayV2::Route')
    .map(({ logicalId, properties }): Route<Integration> => {
      const target = integrations.get(properties.Target.replace('integrations/', ''));
      if (target === undefined)
        throw new Error(`${logicalId} (AWS::ApiGatewayV2::Route): no integration ${properties.Target}`);
      return { key: properties.RouteKey, target };
    });
  const route = createRouter(routes);
  const cors: CorsSettings | undefined = api.properties.CorsConfiguration;

  const answer = async (request: WireRequest, requestId: string): Promise<WireResponse> => {
    if (request.body.length > requestBytesMax) return message(413, 'Request Entity Too Large');
    const path = request.url.split('?')[0] ?? '/';
    const found = route(request.method, path);
    if (found === undefined) return message(404, 'Not Found');
    const { target, key } = found.route;
    const resource = key === '$default' ? '$default' : key.slice(key.indexOf('/') + 1);
    const sourceArn = arnOf('execute-api', `${api.ref}/$default/${request.method}/${resource}`);
    if (!lambda.permits(target.function.arn, 'apigateway.amazonaws.com', sourceArn)) {
      log('http-api', `ACCESS DENIED ${target.function.name} has no permission for ${sourceArn}`);
      return message(500, 'Internal Server Error');
    }
    const payload = requestPayload(request, {
      apiId: api.ref,
      routeKey: key,
      pathParameters: found.pathParameters,
      requestId,
      now: now(),
    });
    const outcome = await within(target.timeoutMs, () =>
      lambda.invoke(target.function, JSON.stringify(payload)),
    );
    if (outcome === 'too late') return message(503, 'Service Unavailable');
    if (!outcome.ok) return message(500, 'Internal Server Error');
    const response = responseFrom(JSON.parse(outcome.payload));
    if (response !== undefined) return response;
    log('http-api', `${target.function.name} answered what is no response: ${outcome.payload.slice(0, 200)}`);
    return message(500, 'Internal Server Error');
  };

  return async (request) => {
    const requestId = randomUUID();
    const early = cors === undefined ? undefined : preflight(request, cors);
    let response = early;
    if (response === undefined)
      try {
        response = await answer(request, requestId);
      } catch (error) {
        // Throttled, or too large for Lambda: API Gateway tells its caller no more than this.
        log('http-api', `${request.method} ${request.url}: ${String(error)}`);
        response = message(503, 'Service Unavailable');
      }
    return {
      ...response,
      headers: {
        ...response.headers,
        ...(cors === undefined ? {} : corsHeaders(request, cors)),
        'apigw-requestid': requestId,
      },
    };
  };
}

async function within(milliseconds: number, run: () => Promise<Outcome>): Promise<Outcome | 'too late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'too late'>((resolve) => {
    timer = setTimeout(() => resolve('too late'), milliseconds);
  });
  try {
    return await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
}
