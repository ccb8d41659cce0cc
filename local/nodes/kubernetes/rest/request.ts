import type { ResourceAction } from '../access/action.ts';
import type { User } from '../access/user.ts';
import { noSuchPath } from '../errors.ts';
import { servedKind, type Kind } from '../kinds.ts';

/** A request, read whole: no body that the API takes is large. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly contentType: string;
  readonly userAgent: string;
  readonly body: Buffer;
  readonly user: User;
}

/** What a path leads to. */
export interface Target {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

export interface Reply {
  readonly code: number;
  /** Written as JSON; a string as plain text. */
  readonly body: unknown;
  readonly contentType?: string;
  /** Each becomes a `Warning` header, which kubectl prints. */
  readonly warnings?: readonly string[];
  readonly retryAfterSeconds?: number;
}

export const isTrue = (query: URLSearchParams, name: string): boolean =>
  ['', '1', 'true', 'True', 'TRUE', 't', 'T'].includes(query.get(name) ?? 'no');

/**
 * Reads `/api/v1/…` and `/apis/<group>/<version>/…`. Undefined when the path is not about resources.
 *
 * @throws ApiError NotFound when it is, but such a resource is not served.
 */
export function targetOf(path: string): Target | undefined {
  const [root, ...rest] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  if (root !== 'api' && root !== 'apis') return undefined;
  const [group = '', version = '', ...parts] = root === 'api' ? ['', ...rest] : rest;
  if (parts.length === 0) return undefined;
  // A namespace is itself a resource, and `/namespaces/x/status` is its own.
  const inNamespace =
    parts[0] === 'namespaces' && parts.length > 2 && !['status', 'finalize'].includes(parts[2] ?? '');
  const [plural = '', name, subresource, ...more] = inNamespace ? parts.slice(2) : parts;
  const kind = servedKind(group, version, plural);
  if (kind === undefined || more.length > 0 || (inNamespace && !kind.namespaced)) throw noSuchPath();
  if (subresource !== undefined && !kind.subresources.some((each) => each.name === subresource))
    throw noSuchPath();
  const namespace = inNamespace ? parts[1] : undefined;
  return {
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** A list of the one object with that name is treated as a read of it. */
const selectedName = (fieldSelector: string): string | undefined =>
  fieldSelector
    .split(',')
    .map((each) => /^metadata\.name==?([^=]+)$/.exec(each)?.[1])
    .find((name) => name !== undefined);

export function actionOf(
  { method, query }: Pick<ApiRequest, 'method' | 'query'>,
  target: Target,
): ResourceAction {
  const { kind, namespace, subresource } = target;
  const fieldSelector = query.get('fieldSelector') ?? undefined;
  const watching = isTrue(query, 'watch');
  const name = target.name ?? (method === 'GET' ? selectedName(fieldSelector ?? '') : undefined);
  const one = target.name !== undefined && !watching;
  const verb =
    method === 'GET'
      ? one
        ? 'get'
        : watching
          ? 'watch'
          : 'list'
      : method === 'DELETE'
        ? one
          ? 'delete'
          : 'deletecollection'
        : (verbs[method] ?? method.toLowerCase());
  return {
    verb,
    group: kind.group,
    plural: kind.plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}
