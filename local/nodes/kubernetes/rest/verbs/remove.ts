import { deleteObject, type DeletionOptions } from '../../controllers/deletion.ts';
import { badRequest, conflict, notFound, type Status } from '../../errors.ts';
import { numberOf, recordOf, textOf, type Json } from '../../json.ts';
import type { Kind } from '../../kinds.ts';
import type { KubernetesObject } from '../../model.ts';
import type { ApiContext } from '../context.ts';
import { representationOf } from '../representation.ts';
import type { ApiRequest, Reply, Target } from '../request.ts';
import { selectorOf } from '../selectors.ts';
import { parsedRecord } from './body.ts';
import { isDryRun } from './write.ts';

/** `DeleteOptions`, from the body or, as older clients do, the query. */
function optionsOf({ body, contentType, query }: ApiRequest): Json {
  const given = body.length === 0 ? {} : parsedRecord({ body, contentType });
  const grace = query.get('gracePeriodSeconds');
  const propagation = query.get('propagationPolicy');
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(propagation === null ? {} : { propagationPolicy: propagation }),
    ...given,
  };
}

const policies = ['Background', 'Foreground', 'Orphan'] as const;

export function deletionOf(options: Json): DeletionOptions {
  const asked =
    textOf(options['propagationPolicy']) || (options['orphanDependents'] === true ? 'Orphan' : '');
  const propagation = policies.find((each) => each === asked);
  if (asked !== '' && propagation === undefined)
    throw badRequest(`invalid deletion propagation policy: ${asked}`);
  const grace = options['gracePeriodSeconds'];
  return {
    ...(typeof grace === 'number' ? { graceSeconds: Math.max(0, numberOf(grace)) } : {}),
    ...(propagation === undefined ? {} : { propagation }),
  };
}

/** @throws ApiError Conflict when the caller meant another object, or another state of it. */
function checkPreconditions(kind: Kind, { metadata }: KubernetesObject, options: Json): void {
  for (const [field, title] of [
    ['uid', 'UID'],
    ['resourceVersion', 'ResourceVersion'],
  ] as const) {
    const wanted = recordOf(options['preconditions'])[field];
    if (typeof wanted === 'string' && wanted !== metadata[field])
      throw conflict(
        kind,
        metadata.name,
        `Precondition failed: ${title} in precondition: ${wanted}, ${title} in object meta: ${metadata[field] ?? ''}`,
      );
  }
}

export const successStatus = (kind: Kind, { metadata: { name, uid } }: KubernetesObject): Status => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.plural,
    ...(uid === undefined ? {} : { uid }),
  },
});

/** Answers what is left of it, or that it is gone. */
export function remove(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const { kind, name = '', namespace } = target;
  const { objects, clock } = context;
  const options = optionsOf(request);
  const object = objects.get(kind.plural, name, namespace);
  if (object === undefined) throw notFound(kind, name);
  checkPreconditions(kind, object, options);
  const deletion = deletionOf(options);
  const left = isDryRun(request.query, options)
    ? object
    : deleteObject({ objects, clock }, kind.plural, object.metadata, deletion);
  return {
    code: 200,
    body:
      left === undefined
        ? successStatus(kind, object)
        : representationOf(request, kind, clock.now()).one(left),
  };
}

export function removeAll(context: ApiContext, request: ApiRequest, { kind, namespace }: Target): Reply {
  const { objects, clock } = context;
  const options = optionsOf(request);
  const deletion = deletionOf(options);
  const items = objects.list(kind.plural, namespace).filter(selectorOf(request.query, kind));
  if (!isDryRun(request.query, options))
    for (const { metadata } of items) deleteObject({ objects, clock }, kind.plural, metadata, deletion);
  const page = { items, resourceVersion: String(objects.resourceVersion) };
  return { code: 200, body: representationOf(request, kind, clock.now()).list(page) };
}
