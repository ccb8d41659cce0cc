import { refusal, type Action } from '../access/action.ts';
import { isAnonymous } from '../access/user.ts';
import { methodNotAllowed, noSuchPath, unauthorized } from '../errors.ts';
import { openApiDocument, openApiIndex, swagger } from '../schema/openapi.ts';
import type { ApiContext } from './context.ts';
import { discoveryOf, kubernetesVersion, versionInfo } from './discovery.ts';
import { bind, evict, log } from './pod-actions.ts';
import { actionOf, isTrue, targetOf, type ApiRequest, type Reply, type Target } from './request.ts';
import { review } from './reviews.ts';
import { serveScale } from './scale.ts';
import { get, list } from './verbs/read.ts';
import { remove, removeAll } from './verbs/remove.ts';
import { watch, type Sink } from './verbs/watch.ts';
import { create, patch, update } from './verbs/write.ts';

type Serve = (context: ApiContext, request: ApiRequest, target: Target) => Reply;

/** Anybody may ask these; a load balancer's probe has no certificate. */
const open = ['/healthz', '/livez', '/readyz', '/version'];

const own: Readonly<Record<string, Serve>> = { binding: bind, eviction: evict, log, scale: serveScale };

const onObject: Readonly<Record<string, Serve>> = {
  get,
  update,
  patch,
  delete: remove,
  list,
  deletecollection: removeAll,
};

function serveResource(context: ApiContext, request: ApiRequest, target: Target, verb: string): Reply {
  const { kind, subresource, name } = target;
  const verbs = subresource === undefined ? kind.verbs : subresourceVerbs(target);
  if (!verbs.some((each) => each === verb)) throw methodNotAllowed();
  if (subresource !== undefined)
    return (own[subresource] ?? onObject[verb] ?? refuse)(context, request, target);
  if (!kind.verbs.includes('get')) return review(context, request, target);
  if (verb === 'create') {
    if (name !== undefined) throw methodNotAllowed();
    return create(context, request, target);
  }
  return (onObject[verb] ?? refuse)(context, request, target);
}

const refuse: Serve = () => {
  throw methodNotAllowed();
};

const subresourceVerbs = ({ kind, subresource }: Target): readonly string[] =>
  kind.subresources.find((each) => each.name === subresource)?.verbs ?? [];

/** Discovery, OpenAPI, health: what is not a resource. */
function servePath({ method, path, accept }: ApiRequest): Reply {
  if (method !== 'GET') throw methodNotAllowed();
  const plain = path.replace(/\/+$/, '') || '/';
  if (open.some((each) => each !== '/version' && (plain === each || plain.startsWith(`${each}/`))))
    return { code: 200, body: 'ok', contentType: 'text/plain; charset=utf-8' };
  if (plain === '/version') return { code: 200, body: versionInfo };
  if (plain === '/openapi/v2') {
    if (!/application\/json|\*\/\*/.test(accept) && accept !== '')
      return { code: 406, body: 'only application/json is served here', contentType: 'text/plain' };
    return { code: 200, body: swagger(`v${kubernetesVersion}`) };
  }
  if (plain === '/openapi/v3') return { code: 200, body: openApiIndex() };
  const document = plain.startsWith('/openapi/v3/')
    ? openApiDocument(plain.slice('/openapi/v3/'.length), `v${kubernetesVersion}`)
    : undefined;
  if (document !== undefined) return { code: 200, body: document };
  const discovery = discoveryOf({ path: plain, accept });
  if (discovery !== undefined) return discovery;
  if (plain === '/') return { code: 200, body: { paths: ['/api', '/apis', '/openapi/v3', ...open] } };
  throw noSuchPath();
}

/**
 * Answers one request: who asks is known; whether they may is asked here, before anything is looked at.
 *
 * @returns a reply, or what runs a watch.
 * @throws ApiError
 */
export function serve(context: ApiContext, request: ApiRequest): Reply | ((sink: Sink) => void) {
  const { path, method, query, user } = request;
  const isOpen = open.some((each) => path === each || path.startsWith(`${each}/`));
  if (isAnonymous(user) && !isOpen) throw unauthorized();
  const permitted = (action: Action): void => {
    if (!context.authorize(user, action)) throw refusal(user, action);
  };
  const target = isOpen || path.startsWith('/openapi') ? undefined : targetOf(path);
  if (target === undefined) {
    if (!isOpen) permitted({ verb: method.toLowerCase(), path });
    return servePath(request);
  }
  const action = actionOf(request, target);
  permitted(action);
  if (action.verb === 'watch' && target.subresource === undefined && isTrue(query, 'watch')) {
    if (!target.kind.verbs.includes('watch')) throw methodNotAllowed();
    return watch(context, request, target);
  }
  return serveResource(context, request, target, action.verb);
}
