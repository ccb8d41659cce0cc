import { badRequest } from '../errors.ts';
import { isRecord, recordOf, type Json } from '../json.ts';
import { structNamed, type Field, type Type } from '../schema/types.ts';

/** Directives are fields of the patch that say how to merge, and are never stored. */
const directive = '$patch';
const retainKeys = '$retainKeys';
const deleteValues = '$deleteFromPrimitiveList/';
const elementOrder = '$setElementOrder/';

const fieldOf = (type: Type, name: string): Field | undefined => {
  if (type.is === 'struct') return structNamed(type.name)?.fields.get(name);
  return type.is === 'map' ? { type: type.of, retainKeys: false, keepsZero: false } : undefined;
};

const anything: Type = { is: 'any' };
const itemType = (type: Type): Type => (type.is === 'list' ? type.of : anything);

/** Drops the directives and nulls of what is added new. */
function withoutDirectives(value: unknown, type: Type): unknown {
  return isRecord(value) ? merged({}, value, type) : value;
}

function merged(target: Json, patch: Json, type: Type): Json {
  if (patch[directive] === 'replace') {
    const { [directive]: _replace, ...rest } = patch;
    return rest;
  }
  if (patch[directive] === 'delete') return {};
  const retained = patch[retainKeys];
  const result: Record<string, unknown> = Array.isArray(retained)
    ? Object.fromEntries(Object.entries(target).filter(([name]) => retained.includes(name)))
    : { ...target };

  for (const [name, value] of Object.entries(patch)) {
    if (!name.startsWith(deleteValues)) continue;
    const field = name.slice(deleteValues.length);
    const gone: readonly unknown[] = Array.isArray(value) ? value : [];
    const have = result[field];
    if (Array.isArray(have)) result[field] = have.filter((each) => !gone.includes(each));
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue;
    const field = fieldOf(type, name);
    if (value === null) delete result[name];
    else if (isRecord(value)) result[name] = merged(recordOf(result[name]), value, field?.type ?? anything);
    else if (Array.isArray(value) && field?.mergeKey !== undefined)
      result[name] = mergedList(result[name], value, field, patch[`${elementOrder}${name}`]);
    else result[name] = value;
  }
  // An order may come alone, when the list's items themselves are not changed.
  for (const [name, order] of Object.entries(patch)) {
    const field = name.startsWith(elementOrder) ? name.slice(elementOrder.length) : '';
    const have = result[field];
    const key = fieldOf(type, field)?.mergeKey;
    if (field !== '' && patch[field] === undefined && Array.isArray(have) && key !== undefined)
      result[field] = ordered(have, have, order, key);
  }
  return result;
}

const keyOfItem = (item: unknown, key: string): unknown => (key === '' ? item : recordOf(item)[key]);

function mergedList(target: unknown, patch: readonly unknown[], field: Field, order: unknown): unknown[] {
  const key = field.mergeKey ?? '';
  const before: readonly unknown[] = Array.isArray(target) ? target : [];
  const of = itemType(field.type);
  if (patch.some((item) => isRecord(item) && item[directive] === 'replace' && item[key] === undefined))
    return patch.filter((item) => !(isRecord(item) && item[directive] === 'replace'));
  const result = [...before];
  for (const item of patch) {
    const wanted = keyOfItem(item, key);
    if (wanted === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const at = result.findIndex((each) => keyOfItem(each, key) === wanted);
    if (isRecord(item) && item[directive] === 'delete') {
      if (at >= 0) result.splice(at, 1);
    } else if (at < 0) result.push(withoutDirectives(item, of));
    else if (isRecord(item)) result[at] = merged(recordOf(result[at]), item, of);
  }
  return ordered(result, before, order, key);
}

/** Named items come in the order that the patch gives; the others keep their place before what followed them. */
function ordered(
  items: readonly unknown[],
  before: readonly unknown[],
  order: unknown,
  key: string,
): unknown[] {
  if (!Array.isArray(order)) return [...items];
  const wanted: readonly unknown[] = order.map((each) => keyOfItem(each, key));
  const keys = (list: readonly unknown[]): unknown[] => list.map((each) => keyOfItem(each, key));
  const beforeKeys = keys(before);
  const place = (item: unknown): number => beforeKeys.indexOf(keyOfItem(item, key));
  const named = wanted.flatMap((name) => items.filter((each) => keyOfItem(each, key) === name));
  const others = items.filter((each) => !named.includes(each));
  const result: unknown[] = [];
  while (named.length > 0 || others.length > 0) {
    const [name] = named;
    const [other] = others;
    const otherFirst =
      other !== undefined && (name === undefined || (place(name) >= 0 && place(other) < place(name)));
    result.push(otherFirst ? others.shift() : named.shift());
  }
  return result;
}

/**
 * Kubernetes' own patch: lists with a merge key are merged item by item.
 *
 * @throws ApiError BadRequest when an item lacks its merge key.
 */
export const strategicMerge = (target: Json, patch: Json, type: Type): Json => merged(target, patch, type);
