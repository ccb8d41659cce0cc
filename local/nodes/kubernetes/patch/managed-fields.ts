import { applyConflict, type Cause } from '../errors.ts';
import { isRecord, listOf, recordOf, textOf, type Json } from '../json.ts';
import type { KubernetesObject } from '../model.ts';
import type { Type } from '../schema/types.ts';
import {
  changedFields,
  fieldsOf,
  fromFieldsV1,
  mergedByType,
  pathOfText,
  toFieldsV1,
  withoutFields,
  type FieldSet,
} from './field-set.ts';

/** Who writes, by which way. A manager has one entry for each of its ways. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string;
}

interface Entry {
  readonly manager: Manager;
  readonly apiVersion: string;
  readonly time: string;
  readonly fields: FieldSet;
}

/** What the server itself decides belongs to nobody. */
const unowned = new Set([
  'f:apiVersion',
  'f:kind',
  ...[
    'name',
    'namespace',
    'generateName',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'managedFields',
    'selfLink',
  ].map((name) => `f:metadata f:${name}`),
]);

const isOwned = (text: string): boolean => {
  const path = pathOfText(text);
  return !unowned.has(path[0] ?? '') && !unowned.has(path.slice(0, 2).join(' ')) && text !== '["f:metadata"]';
};

const ownedFields = (object: unknown, type: Type): ReadonlyMap<string, unknown> =>
  new Map([...fieldsOf(object, type)].filter(([path]) => isOwned(path)));

function entriesOf(object: KubernetesObject): Entry[] {
  return listOf(object.metadata.managedFields)
    .filter((each) => textOf(each['manager']) !== '')
    .map((each) => ({
      manager: {
        name: textOf(each['manager']),
        operation: each['operation'] === 'Apply' ? 'Apply' : 'Update',
        ...(typeof each['subresource'] === 'string' && each['subresource'] !== ''
          ? { subresource: each['subresource'] }
          : {}),
      },
      apiVersion: textOf(each['apiVersion']),
      time: textOf(each['time']),
      fields: fromFieldsV1(each['fieldsV1']),
    }));
}

const written = (entries: readonly Entry[]): readonly Json[] =>
  entries
    .filter(({ fields }) => fields.size > 0)
    .map(({ manager, apiVersion, time, fields }) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(fields),
      ...(manager.subresource === undefined ? {} : { subresource: manager.subresource }),
    }));

const same = (a: Manager, b: Manager): boolean =>
  a.name === b.name && a.operation === b.operation && a.subresource === b.subresource;

const withEntries = (object: KubernetesObject, entries: readonly Entry[]): KubernetesObject => {
  const { managedFields: _before, ...metadata } = object.metadata;
  const managedFields = written(entries);
  return {
    ...object,
    metadata: { ...metadata, ...(managedFields.length === 0 ? {} : { managedFields }) },
  };
};

const minus = (fields: FieldSet, gone: (path: string) => boolean): FieldSet =>
  new Set([...fields].filter((path) => !gone(path)));

/** In the same place, so that nothing counts as changed when nothing did. */
const replacing = (entries: readonly Entry[], own: Entry | undefined, next: Entry): readonly Entry[] =>
  own === undefined ? [...entries, next] : entries.map((entry) => (entry === own ? next : entry));

interface Write {
  readonly manager: Manager;
  readonly type: Type;
  readonly now: string;
}

/** After a create, update or patch: what changed is the writer's, and nobody else's any more. */
export function afterUpdate(
  before: KubernetesObject | undefined,
  after: KubernetesObject,
  { manager, type, now }: Write,
): KubernetesObject {
  const had = before === undefined ? new Map<string, unknown>() : ownedFields(before, type);
  const has = ownedFields(after, type);
  const changed = changedFields(had, has);
  const entries = entriesOf(after).map((entry) => ({
    ...entry,
    fields: minus(
      entry.fields,
      (path) => !has.has(path) || (changed.has(path) && !same(entry.manager, manager)),
    ),
  }));
  if (changed.size === 0) return withEntries(after, entries);
  const own = entries.find((entry) => same(entry.manager, manager));
  const next: Entry = {
    manager,
    apiVersion: after.apiVersion,
    time: now,
    fields: new Set([...(own?.fields ?? []), ...changed]),
  };
  return withEntries(after, replacing(entries, own, next));
}

/** `.spec.template.spec.containers[name="web"].image`: how Kubernetes prints a field of a conflict. */
const printed = (text: string): string =>
  pathOfText(text)
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`;
      if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
      const keys: unknown = JSON.parse(step.slice(2));
      return `[${Object.entries(recordOf(keys))
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');

const titleOf = ({ manager, apiVersion }: Entry): string =>
  `conflict with "${manager.name}"${manager.subresource === undefined ? '' : ` with subresource "${manager.subresource}"`}${
    manager.operation === 'Apply' ? '' : ` using ${apiVersion}`
  }`;

/**
 * Server-side apply: what the manager applies is laid over the live object, what it no longer applies and nobody else owns
 * goes away.
 *
 * @throws ApiError Conflict, with a cause for each field that another manager owns and has otherwise, unless forced.
 */
export function afterApply(
  live: KubernetesObject | undefined,
  applied: Json,
  { manager, type, now, force }: Write & { readonly force: boolean },
): KubernetesObject {
  const base = live ?? (applied as KubernetesObject);
  const entries = live === undefined ? [] : entriesOf(live);
  const own = entries.find((entry) => same(entry.manager, manager));
  const others = entries.filter((entry) => entry !== own);
  const { metadata, ...rest } = applied;
  const { managedFields: _given, ...ownMetadata } = recordOf(metadata);
  const config = { ...rest, metadata: ownMetadata };
  const wanted = ownedFields(config, type);
  const merged = mergedByType(live, config, type);

  const liveFields = live === undefined ? new Map<string, unknown>() : ownedFields(live, type);
  const changed = changedFields(liveFields, ownedFields(merged, type));
  const causes: Cause[] = others.flatMap((entry) =>
    [...entry.fields]
      .filter((path) => wanted.has(path) && changed.has(path))
      .map((path) => ({ reason: 'FieldManagerConflict', message: titleOf(entry), field: printed(path) })),
  );
  if (causes.length > 0 && !force) throw applyConflict(causes);

  const dropped = minus(
    own?.fields ?? new Set(),
    (path) => wanted.has(path) || others.some(({ fields }) => fields.has(path)),
  );
  const result = withoutFields(merged, type, dropped);
  const object = (isRecord(result) ? result : base) as KubernetesObject;
  const has = ownedFields(object, type);
  const kept = entries.map((entry) =>
    entry === own
      ? entry
      : {
          ...entry,
          fields: minus(entry.fields, (path) => !has.has(path) || (wanted.has(path) && changed.has(path))),
        },
  );
  const next: Entry = {
    manager,
    apiVersion: textOf(applied['apiVersion']) || base.apiVersion,
    // Nothing new: nothing is written, so the time of the last real change stays.
    time:
      own !== undefined && changed.size === 0 && dropped.size === 0 && own.fields.size === wanted.size
        ? own.time
        : now,
    fields: new Set(wanted.keys()),
  };
  return withEntries(object, replacing(kept, own, next));
}
