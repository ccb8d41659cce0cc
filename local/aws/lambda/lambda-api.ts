import type { Caller, Guard } from '../iam/guard.ts';
import { AwsError, type WireRequest, type WireResponse } from '../wire.ts';
import type { AsynchronousInvocations } from './asynchronous.ts';
import type { Lambda } from './lambda.ts';

const path = /^\/2015-03-31\/functions\/([^/]+)\/invocations\/?$/;

export const isLambdaRequest = (pathname: string): boolean => pathname.startsWith('/2015-03-31/');

/** Lambda's Invoke, as REST: `POST /2015-03-31/functions/{name or ARN}/invocations`. */
export function createLambdaApi(options: {
  readonly lambda: Lambda;
  readonly asynchronous: AsynchronousInvocations;
  readonly guard: Guard;
}): (request: WireRequest, caller: Caller) => Promise<WireResponse> {
  const { lambda, asynchronous, guard } = options;
  return async (request, caller) => {
    const [, id] = path.exec(request.url.split('?')[0] ?? '') ?? [];
    if (request.method !== 'POST' || id === undefined)
      throw new AwsError(
        'UnknownOperationException',
        `${request.method} ${request.url} is not served here`,
        404,
      );
    const configuration = lambda.find(decodeURIComponent(id));
    guard.demand(caller, { action: 'lambda:InvokeFunction', resources: [configuration.arn] });
    const payload = request.body.length === 0 ? '{}' : request.body.toString('utf8');
    try {
      JSON.parse(payload);
    } catch {
      throw new AwsError('InvalidRequestContentException', 'Could not parse request body into json');
    }
    const headers = { 'content-type': 'application/json', 'x-amz-executed-version': '$LATEST' };
    switch (request.headers['x-amz-invocation-type'] ?? 'RequestResponse') {
      case 'DryRun':
        return { status: 204, headers, body: '' };
      case 'Event':
        asynchronous.accept(configuration, payload);
        return { status: 202, headers, body: '' };
      default: {
        const outcome = await lambda.invoke(configuration, payload);
        return outcome.ok
          ? { status: 200, headers, body: outcome.payload }
          : {
              status: 200,
              headers: { ...headers, 'x-amz-function-error': 'Unhandled' },
              body: JSON.stringify(outcome.failure),
            };
      }
    }
  };
}
