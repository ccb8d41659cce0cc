import { Hono, type Context } from 'hono';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Store } from '../table.ts';
import { authenticate, callOf, type Scope } from './authenticate.ts';
import type { PeopleEnvironment } from './caller.ts';
import { Problem, problemDocument } from './problem.ts';

export interface PeopleDependencies {
  readonly store: Pick<Store, 'apiKeys' | 'audit'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
}

/**
 * The frame of every function that people call: refusals are problem documents (RFC 9457), every caller has an API key, and
 * every change that somebody known asked for is in the audit log. Routes are added to it.
 *
 * @param options.scopeOf what a call with this method needs.
 * @param options.problemFrom what an error of the routes means to the caller; undefined when it is not theirs to know.
 */
export function createPeopleApp(
  dependencies: PeopleDependencies,
  options: {
    readonly scopeOf: (method: string) => Scope;
    readonly problemFrom?: (error: Error) => Problem | undefined;
  },
): Hono<PeopleEnvironment> {
  const { store, clock, log, newId } = dependencies;
  const app = new Hono<PeopleEnvironment>().basePath('/v1');

  app.onError((error, context) => {
    const known = error instanceof Problem ? error : options.problemFrom?.(error);
    // Not ours to explain: Lambda's logs have it, the caller gets an id to ask about.
    if (known === undefined) log.error('request failed', { error, path: context.req.path });
    const problem = known ?? new Problem(500, 'something went wrong here; the request may be repeated');
    return context.json(problemDocument(problem, requestIdOf(context)), problem.status as 400, {
      'content-type': 'application/problem+json',
    });
  });
  app.notFound(() => {
    throw new Problem(404, 'there is no such route');
  });

  /**
   * Every change is written down, and every call that its caller had no right to: who, what, from where, and what came of it.
   * Strangers leave a line in the log, and nothing that could fill a table.
   */
  app.use(async (context, next) => {
    await next();
    const caller = context.get('caller') as PeopleEnvironment['Variables']['caller'] | undefined;
    const { status } = context.res;
    if (caller === undefined) {
      if (status === 401) log.warn('refused', { ...callOf(context), path: context.req.path });
      return;
    }
    if (context.req.method === 'GET' && status !== 403) return;
    const details = context.get('auditDetails');
    await store.audit.record({
      id: newId(),
      at: clock.now(),
      who: caller.key.name,
      from: caller.address,
      action: `${context.req.method} ${context.req.routePath}`,
      subject: context.req.path,
      outcome: String(status),
      requestId: caller.requestId,
      ...(details !== undefined && { details }),
    });
  });
  app.use(authenticate(dependencies, options.scopeOf));
  return app;
}

const requestIdOf = (context: Context<PeopleEnvironment>): string =>
  (context.env as { event?: { requestContext?: { requestId?: string } } } | undefined)?.event?.requestContext
    ?.requestId ?? '';
