import { createHash } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { LambdaEvent } from 'hono/aws-lambda';
import type { Clock } from '../clock.ts';
import type { Store } from '../table.ts';
import type { PeopleEnvironment } from './caller.ts';
import { Problem } from './problem.ts';

export type Scope = 'read' | 'write' | 'admin';
const includes: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read', 'write', 'admin'],
  write: ['write', 'admin'],
  admin: ['admin'],
};

const keyForm = /^oc_[A-Za-z0-9_-]{20,100}$/;

/** From where a call comes, and what API Gateway calls it. */
export function callOf(context: Context<PeopleEnvironment>): { address: string; requestId: string } {
  const lambda = (context.env as { event?: LambdaEvent } | undefined)?.event?.requestContext as
    | { requestId?: string; http?: { sourceIp?: string } }
    | undefined;
  return { address: lambda?.http?.sourceIp ?? '', requestId: lambda?.requestId ?? '' };
}

/**
 * An API key says who calls and what they may do. Only its hash is stored.
 *
 * @param scopeOf what a call with this method needs.
 */
export const authenticate =
  (
    { store, clock }: { readonly store: Pick<Store, 'apiKeys'>; readonly clock: Clock },
    scopeOf: (method: string) => Scope,
  ): MiddlewareHandler<PeopleEnvironment> =>
  async (context, next) => {
    const given = context.req.header('x-api-key') ?? '';
    const key = keyForm.test(given)
      ? await store.apiKeys.find(createHash('sha256').update(given).digest('hex'), clock.now())
      : undefined;
    if (key === undefined) throw new Problem(401, 'X-API-Key: an API key of this installation is required');
    // Known before it is refused: the audit log names who tried.
    context.set('caller', { key, ...callOf(context) });
    const needed = scopeOf(context.req.method);
    if (!includes[needed].some((scope) => key.scopes.includes(scope)))
      throw new Problem(403, `X-API-Key: the key ${key.name} has not the scope ${needed}`);
    await next();
  };
