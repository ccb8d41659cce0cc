import { randomInt, randomUUID } from 'node:crypto';
import { refusal } from '../../access/action.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  notFound,
  staleWrite,
  unsupportedMediaType,
} from '../../errors.ts';
import { removeWhenFree } from '../../controllers/deletion.ts';
import { isRecord, recordOf, textOf, type Json } from '../../json.ts';
import { apiVersionOf, type Kind } from '../../kinds.ts';
import type { KubernetesObject, ObjectMeta } from '../../model.ts';
import { timestamp } from '../../objects.ts';
import { mergePatch } from '../../patch/json-merge.ts';
import { jsonPatch } from '../../patch/json-patch.ts';
import { afterApply, afterUpdate, type Manager } from '../../patch/managed-fields.ts';
import { strategicMerge } from '../../patch/strategic-merge.ts';
import { typeOfKind, type Type } from '../../schema/types.ts';
import { admitKubelet, admitNamespace } from '../admission/admit.ts';
import { admittedNew, allocatedService } from '../admission/create.ts';
import { withKindDefaults } from '../admission/defaults.ts';
import { validate } from '../admission/validate.ts';
import type { ApiContext } from '../context.ts';
import { served, stored } from '../event-versions.ts';
import { isTrue, type ApiRequest, type Reply, type Target } from '../request.ts';
import { representationOf } from '../representation.ts';
import { restricted } from './restricted-fields.ts';
import { decoded, parsedBody, parsedRecord } from './body.ts';

/** Letters that make no words. */
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;

export const generatedName = (prefix: string): string =>
  prefix +
  Array.from({ length: suffixLength }, () => suffixLetters[randomInt(suffixLetters.length)]).join('');

/** `dryRun=All`: everything is done but the writing. @throws ApiError BadRequest */
export function isDryRun(query: URLSearchParams, options: Json = {}): boolean {
  const given = options['dryRun'];
  const asked = [...query.getAll('dryRun'), ...(Array.isArray(given) ? given : [])];
  if (asked.some((each) => each !== 'All')) throw badRequest(`Invalid value: dryRun: ${asked.join(', ')}`);
  return asked.length > 0;
}

function managerOf(request: ApiRequest, operation: Manager['operation'], subresource?: string): Manager {
  const name = request.query.get('fieldManager') ?? (request.userAgent.split('/')[0] || 'unknown');
  return { name, operation, ...(subresource === undefined ? {} : { subresource }) };
}

const schemaOf = (kind: Kind): Type =>
  typeOfKind(kind.storedAs === undefined ? kind : { ...kind, ...kind.storedAs }) ?? { is: 'any' };

/** Only the server says when and as what an object came to be. */
const ownMetadata = ({
  uid: _uid,
  resourceVersion: _version,
  creationTimestamp: _created,
  generation: _generation,
  deletionTimestamp: _deleted,
  deletionGracePeriodSeconds: _grace,
  managedFields: _managed,
  ...rest
}: ObjectMeta): ObjectMeta => rest;

/** @throws ApiError BadRequest when body and URL are not about the same object. */
function placed(object: KubernetesObject, { kind, namespace, name }: Target): KubernetesObject {
  const { metadata } = object;
  if (namespace !== undefined && metadata.namespace !== undefined && metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (name !== undefined && metadata.name !== '' && metadata.name !== name)
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  const { namespace: _given, ...rest } = metadata;
  return {
    ...object,
    metadata: {
      ...rest,
      name: name ?? metadata.name,
      ...(kind.namespaced && namespace !== undefined ? { namespace } : {}),
    },
  };
}

/** Makes an object of what was decoded. */
function createObject(
  context: ApiContext,
  request: ApiRequest,
  target: Target,
  given: KubernetesObject,
  operation: Manager['operation'],
): KubernetesObject {
  const { kind, namespace } = target;
  const { objects } = context;
  if (kind.namespaced && namespace === undefined)
    throw badRequest('an empty namespace may not be set during creation');
  const managed = operation === 'Apply' ? given.metadata.managedFields : undefined;
  const asked = stored(kind, placed(given, target));
  const prefix = asked.metadata.generateName ?? '';
  const name = asked.metadata.name === '' && prefix !== '' ? generatedName(prefix) : asked.metadata.name;
  const object: KubernetesObject = { ...asked, metadata: { ...ownMetadata(asked.metadata), name } };
  const completed = withKindDefaults(kind.plural, object);
  validate(kind, completed);
  if (namespace !== undefined) admitNamespace(objects, kind, name, namespace);
  if (objects.get(kind.plural, name, namespace) !== undefined) throw alreadyExists(kind, name);
  const admitted = admittedNew(kind.plural, completed, objects, request.user);
  admitKubelet(request.user, kind, admitted, undefined);
  const now = timestamp(context.clock.now());
  const made =
    managed === undefined
      ? afterUpdate(undefined, admitted, {
          manager: managerOf(request, operation),
          type: schemaOf(kind),
          now,
        })
      : { ...admitted, metadata: { ...admitted.metadata, managedFields: managed } };
  if (!isDryRun(request.query)) return objects.create(kind.plural, made);
  const metadata = { uid: randomUUID(), creationTimestamp: now, ...made.metadata };
  return { ...made, metadata };
}

export function create(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const { object, warnings } = decoded(parsedRecord(request), target.kind, request.query);
  const made = createObject(context, request, target, object, 'Update');
  return { code: 201, body: representation(context, request, target).one(made), warnings };
}

const representation = (context: ApiContext, request: ApiRequest, { kind }: Target) =>
  representationOf(request, kind, context.clock.now());

const found = (context: ApiContext, { kind, name = '', namespace }: Target): KubernetesObject => {
  const object = context.objects.get(kind.plural, name, namespace);
  if (object === undefined) throw notFound(kind, name);
  return object;
};

/** Writes the object over the one that is there. */
function updateObject(
  context: ApiContext,
  request: ApiRequest,
  target: Target,
  given: KubernetesObject,
  before: KubernetesObject,
  operation: Manager['operation'],
): KubernetesObject {
  const { kind, subresource } = target;
  const { objects } = context;
  const { resourceVersion, uid } = given.metadata;
  const { name } = before.metadata;
  if (uid !== undefined && uid !== before.metadata.uid)
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid ?? ''}`,
    );
  if (
    resourceVersion !== undefined &&
    resourceVersion !== '' &&
    resourceVersion !== before.metadata.resourceVersion
  )
    throw staleWrite(kind, name);
  const asked = stored(kind, placed(given, target));
  const { managedFields: _before, ...kept } = before.metadata;
  const managedFields = asked.metadata.managedFields ?? before.metadata.managedFields;
  const { deletionTimestamp, deletionGracePeriodSeconds, creationTimestamp, generation } = kept;
  const object: KubernetesObject = {
    ...asked,
    metadata: {
      ...ownMetadata(asked.metadata),
      ...defined({ deletionTimestamp, deletionGracePeriodSeconds, creationTimestamp, generation }),
      ...defined({ uid: before.metadata.uid, resourceVersion: before.metadata.resourceVersion }),
      ...(managedFields === undefined ? {} : { managedFields }),
    },
  };
  const narrowed = restricted(subresource, kind, object, before);
  const main = subresource === undefined;
  const completed = main ? withKindDefaults(kind.plural, narrowed) : narrowed;
  if (main) validate(kind, completed, before);
  const next = main && kind.plural === 'services' ? allocatedService(objects, completed, before) : completed;
  admitKubelet(request.user, kind, next, before);
  const written =
    operation === 'Apply'
      ? next
      : afterUpdate(before, next, {
          manager: managerOf(request, operation, subresource),
          type: schemaOf(kind),
          now: timestamp(context.clock.now()),
        });
  if (isDryRun(request.query)) return written;
  const updated = objects.update(kind.plural, written);
  // The last finalizer may have gone with this write.
  removeWhenFree(objects, kind.plural, updated);
  return updated;
}

const defined = <T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

export function update(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const before = found(context, target);
  const { object, warnings } = decoded(parsedRecord(request), target.kind, request.query);
  const updated = updateObject(context, request, target, object, before, 'Update');
  return { code: 200, body: representation(context, request, target).one(updated), warnings };
}

/** @throws ApiError UnsupportedMediaType, BadRequest, Invalid */
export function patched(request: ApiRequest, before: Json, type: Type | undefined): unknown {
  const media = (request.contentType.split(';')[0] ?? '').trim();
  switch (media) {
    case 'application/json-patch+json':
      return jsonPatch(before, parsedBody(request));
    case 'application/merge-patch+json':
      return mergePatch(before, parsedRecord(request));
    case 'application/strategic-merge-patch+json':
      if (type !== undefined) return strategicMerge(before, parsedRecord(request), type);
      break;
  }
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, application/strategic-merge-patch+json`,
  );
}

export function patch(context: ApiContext, request: ApiRequest, target: Target): Reply {
  if (/^application\/apply-patch\+(?:yaml|json)/.test(request.contentType))
    return apply(context, request, target);
  const { kind } = target;
  const before = found(context, target);
  const raw = patched(request, served(kind, before), typeOfKind(kind));
  const { object, warnings } = decoded(raw, kind, request.query);
  const updated = updateObject(context, request, target, object, before, 'Update');
  return { code: 200, body: representation(context, request, target).one(updated), warnings };
}

/** Server-side apply: makes the object when it is not there. */
function apply(context: ApiContext, request: ApiRequest, target: Target): Reply {
  const { kind, namespace, name = '', subresource } = target;
  const { query, user } = request;
  if (!query.has('fieldManager'))
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  const raw = parsedBody({ body: request.body, contentType: 'application/yaml' });
  if (!isRecord(raw)) throw badRequest('the body of an apply is an object');
  if (textOf(raw['apiVersion']) !== apiVersionOf(kind) || textOf(raw['kind']) !== kind.kind)
    throw badRequest(`apiVersion and kind of the applied object must be ${apiVersionOf(kind)}, ${kind.kind}`);
  const { object, warnings } = decoded(raw, kind, query);
  if (recordOf(raw['metadata'])['managedFields'] !== undefined && object.metadata.managedFields?.length !== 0)
    throw badRequest('metadata.managedFields must be nil');
  const before = context.objects.get(kind.plural, name, namespace);
  const applied = stored(kind, placed(object, target));
  const write = {
    manager: managerOf(request, 'Apply', subresource),
    type: schemaOf(kind),
    now: timestamp(context.clock.now()),
    force: isTrue(query, 'force'),
  };
  const laid = afterApply(before, applied, write);
  if (before === undefined) {
    if (subresource !== undefined) throw notFound(kind, name);
    const action = { verb: 'create', group: kind.group, plural: kind.plural, name };
    const inPlace = namespace === undefined ? action : { ...action, namespace };
    if (!context.authorize(user, inPlace)) throw refusal(user, inPlace);
    const made = createObject(context, request, target, served(kind, laid), 'Apply');
    return { code: 201, body: representation(context, request, target).one(made), warnings };
  }
  const { resourceVersion, uid } = applied.metadata;
  const given = served(kind, {
    ...laid,
    metadata: {
      ...laid.metadata,
      ...defined({
        resourceVersion: resourceVersion ?? before.metadata.resourceVersion,
        uid: uid ?? before.metadata.uid,
      }),
    },
  });
  const updated = updateObject(context, request, target, given, before, 'Apply');
  return { code: 200, body: representation(context, request, target).one(updated), warnings };
}
