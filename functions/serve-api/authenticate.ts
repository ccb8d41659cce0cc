import { createHash } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { LambdaEvent } from 'hono/aws-lambda';
import type { ApiDependencies, ApiEnvironment } from './api.ts';
import { Problem } from './problem.ts';

type Scope = 'read' | 'write' | 'admin';
const includes: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read', 'write', 'admin'],
  write: ['write', 'admin'],
  admin: ['admin'],
};

const keyForm = /^oc_[A-Za-z0-9_-]{20,100}$/;

/** An API key says who calls and what they may do: reading needs `read`, everything else `write`. Only its hash is stored. */
export const authenticate =
  ({ store, clock }: Pick<ApiDependencies, 'store' | 'clock'>): MiddlewareHandler<ApiEnvironment> =>
  async (context, next) => {
    const given = context.req.header('x-api-key') ?? '';
    const key = keyForm.test(given)
      ? await store.apiKeys.find(createHash('sha256').update(given).digest('hex'), clock.now())
      : undefined;
    if (key === undefined) throw new Problem(401, 'X-API-Key: an API key of this installation is required');
    const needed: Scope = context.req.method === 'GET' ? 'read' : 'write';
    if (!includes[needed].some((scope) => key.scopes.includes(scope)))
      throw new Problem(403, `X-API-Key: the key ${key.name} has not the scope ${needed}`);
    const lambda = (context.env as { event?: LambdaEvent } | undefined)?.event?.requestContext as
      | { requestId?: string; http?: { sourceIp?: string } }
      | undefined;
    context.set('caller', {
      key,
      address: lambda?.http?.sourceIp ?? '',
      requestId: lambda?.requestId ?? '',
    });
    await next();
  };
