import { randomBytes } from 'node:crypto';
import type { Collection } from '../../disk.ts';
import { invalidField, notFound } from './failure.ts';
import { hash, lastOf, linkTo, timestamp } from './links.ts';
import type { Json } from './schema.ts';
import type { Scope, State } from './state.ts';

/** One thing that the cloud does in its own time. Its status follows from the clock. */
export interface Operation {
  readonly path: string;
  readonly project: string;
  readonly scope: Scope;
  readonly type: string;
  readonly target: string;
  readonly insertedAt: number;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly requestId?: string;
  /** Reported when it ends: with HTTP 200, as the real API does. */
  readonly error?: { readonly code: string; readonly message: string; readonly httpStatus: number };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export class Operations {
  readonly #state: State;
  readonly #operations: Collection<Operation>;
  readonly #requests: Collection<{ readonly what: string; readonly operation: string }>;

  constructor(state: State) {
    this.#state = state;
    this.#operations = state.world.collection('gcp/operations');
    this.#requests = state.world.collection('gcp/requests');
  }

  /**
   * Does what `begin` does, once per `requestId`: a repeat gets the operation that the first one began, whatever has
   * become of it. A refusal leaves no trace, so that the same id can be tried again.
   */
  once(
    request: { readonly project: string; readonly requestId: string | null; readonly what: string },
    begin: () => Operation,
  ): Operation {
    const { project, requestId, what } = request;
    if (requestId === null || requestId === '') return this.#keep(begin());
    if (!uuid.test(requestId) || /^[0-]+$/.test(requestId))
      throw invalidField('requestId', requestId, 'Must be a UUID other than the zero UUID.');
    const key = `${project}/${requestId.toLowerCase()}`;
    const earlier = this.#requests.get(key);
    if (earlier !== undefined) {
      if (earlier.what !== what)
        throw invalidField('requestId', requestId, 'Already used for another request.');
      const operation = this.#operations.get(earlier.operation);
      if (operation !== undefined) return operation;
    }
    const operation = this.#keep({ ...begin(), requestId });
    this.#requests.set(key, { what, operation: operation.path });
    return operation;
  }

  /** A new operation on `target` that takes so many (unscaled) seconds. */
  begin(options: {
    readonly project: string;
    readonly scope: Scope;
    readonly type: string;
    readonly target: string;
    readonly endsAt: number;
    readonly error?: NonNullable<Operation['error']>;
  }): Operation {
    const insertedAt = this.#state.world.now();
    const startsAt = Math.min(insertedAt + this.#state.world.scaled(0.4), options.endsAt);
    const name = `operation-${insertedAt}-${randomBytes(7).toString('hex')}-${randomBytes(4).toString('hex')}`;
    return {
      ...options,
      path: `projects/${options.project}/${options.scope}/operations/${name}`,
      insertedAt,
      startsAt,
    };
  }

  get(path: string): Operation {
    const operation = this.#operations.get(path);
    if (operation === undefined) throw notFound(path);
    return operation;
  }

  list(project: string, scope: Scope): Operation[] {
    return this.#operations
      .values()
      .filter((operation) => operation.project === project && operation.scope === scope)
      .sort((a, b) => a.insertedAt - b.insertedAt);
  }

  view(operation: Operation): Json {
    const now = this.#state.world.now();
    const status = now < operation.startsAt ? 'PENDING' : now < operation.endsAt ? 'RUNNING' : 'DONE';
    const { scope, project, error } = operation;
    return {
      kind: 'compute#operation',
      id: hash(operation.path),
      name: lastOf(operation.path),
      operationType: operation.type,
      targetLink: linkTo(operation.target),
      targetId: hash(operation.target),
      status,
      progress: status === 'DONE' ? 100 : 0,
      user: 'local@overcast',
      insertTime: timestamp(operation.insertedAt),
      ...(status === 'PENDING' ? {} : { startTime: timestamp(operation.startsAt) }),
      ...(status === 'DONE' ? { endTime: timestamp(operation.endsAt) } : {}),
      ...(operation.requestId === undefined ? {} : { clientOperationId: operation.requestId }),
      ...(scope === 'global'
        ? {}
        : {
            [scope.startsWith('zones/') ? 'zone' : 'region']: linkTo(`projects/${project}/${scope}`),
          }),
      ...(status === 'DONE' && error !== undefined
        ? {
            error: { errors: [{ code: error.code, message: error.message }] },
            httpErrorStatusCode: error.httpStatus,
            httpErrorMessage: error.httpStatus === 503 ? 'SERVICE UNAVAILABLE' : 'FORBIDDEN',
          }
        : {}),
      selfLink: linkTo(operation.path),
    };
  }

  #keep(operation: Operation): Operation {
    this.#operations.set(operation.path, operation);
    return operation;
  }
}
