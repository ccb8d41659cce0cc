import { expired, notFound } from '../../errors.ts';
import type { ApiContext } from '../context.ts';
import { representationOf } from '../representation.ts';
import type { ApiRequest, Reply, Target } from '../request.ts';
import { selectorOf } from '../selectors.ts';

export function get(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const { kind, name = '', namespace } = target;
  const object = context.objects.get(kind.plural, name, namespace);
  if (object === undefined) throw notFound(kind, name);
  return { code: 200, body: representationOf(request, kind, context.clock.now()).one(object) };
}

/** @throws ApiError Expired for an exact version that is not the present one, or a page of a list that is forgotten. */
export function list(context: ApiContext, request: ApiRequest, { kind, namespace }: Target): Reply {
  const { objects, snapshots, clock } = context;
  const { query } = request;
  const limit = Number(query.get('limit') ?? 0);
  const token = query.get('continue') ?? '';
  const fits = selectorOf(query, kind);
  const present = String(objects.resourceVersion);
  if (query.get('resourceVersionMatch') === 'Exact' && query.get('resourceVersion') !== present)
    throw expired(`The resourceVersion for the provided list is too old.`);
  const page =
    token === ''
      ? snapshots.first(objects.list(kind.plural, namespace).filter(fits), present, limit)
      : snapshots.next(token, limit);
  return { code: 200, body: representationOf(request, kind, clock.now()).list(page) };
}
