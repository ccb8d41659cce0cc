import { isDeepStrictEqual } from 'node:util';
import { isRecord, type Json } from '../json.ts';
import { structNamed, type Type } from '../schema/types.ts';

/**
 * Fields of an object as `managedFields` (FieldsV1) writes them. A path is a list of steps: `f:spec`, `k:{"name":"web"}`
 * for an item told apart by keys, `v:"x"` for a value of a set. A set of fields holds paths as JSON text.
 */
export type Path = readonly string[];
export type FieldSet = ReadonlySet<string>;

export const textOfPath = (path: Path): string => JSON.stringify(path);
export const pathOfText = (text: string): Path => JSON.parse(text) as Path;

export const fieldType = (type: Type, name: string): Type => {
  if (type.is === 'struct') return structNamed(type.name)?.fields.get(name)?.type ?? { is: 'any' };
  return type.is === 'map' ? type.of : { is: 'any' };
};

/** The keys that a port's item is told apart by have defaults of their own. */
const keyDefaults: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

export const itemStep = (item: unknown, type: Type): string => {
  if (type.is === 'list' && type.how === 'keyed' && isRecord(item)) {
    const keys = [...type.keys].sort().flatMap((key) => {
      const value = item[key] ?? keyDefaults[key];
      return value === undefined ? [] : [[key, value] as const];
    });
    return `k:${JSON.stringify(Object.fromEntries(keys))}`;
  }
  return `v:${JSON.stringify(item)}`;
};

/** Server-side apply goes into it; anything else is owned as a whole. */
const divisible = (value: unknown, type: Type): boolean => {
  if (type.is === 'struct') return !type.atomic && isRecord(value) && structNamed(type.name) !== undefined;
  if (type.is === 'map') return !type.atomic && isRecord(value);
  return type.is === 'list' && type.how !== 'atomic' && Array.isArray(value);
};

/** Every field that a value has, with what is there. */
export function fieldsOf(value: unknown, type: Type): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  const visit = (at: unknown, of: Type, path: Path): void => {
    if (!divisible(at, of)) {
      found.set(textOfPath(path), at);
      return;
    }
    if (Array.isArray(at) && of.is === 'list') {
      if (at.length === 0) found.set(textOfPath(path), at);
      for (const item of at) {
        const step = [...path, itemStep(item, of)];
        // That the item is there is owned apart from its fields.
        found.set(textOfPath(step), of.how === 'keyed' ? true : item);
        if (of.how === 'keyed' && isRecord(item)) visit(item, of.of, step);
      }
      return;
    }
    const entries = Object.entries(at as Json);
    if (entries.length === 0) found.set(textOfPath(path), at);
    for (const [name, each] of entries) {
      if (each === null || each === undefined) continue;
      visit(each, fieldType(of, name), [...path, `f:${name}`]);
    }
  };
  visit(value, type, []);
  found.delete('[]');
  return found;
}

interface Node {
  [step: string]: Node;
}

/** As `managedFields` keeps it. */
export function toFieldsV1(fields: FieldSet): Json {
  const root: Node = {};
  const ends = new Set<Node>();
  for (const text of [...fields].sort()) {
    let node = root;
    for (const step of pathOfText(text)) node = node[step] ??= {};
    ends.add(node);
  }
  const mark = (node: Node): void => {
    for (const child of Object.values(node)) mark(child);
    if (ends.has(node) && Object.keys(node).length > 0) node['.'] = {};
  };
  mark(root);
  return root;
}

export function fromFieldsV1(fields: unknown): FieldSet {
  const found = new Set<string>();
  const visit = (node: unknown, path: Path): void => {
    if (!isRecord(node)) return;
    const steps = Object.keys(node);
    if (path.length > 0 && (steps.length === 0 || steps.includes('.'))) found.add(textOfPath(path));
    for (const step of steps)
      if (step !== '.') visit(node[step], [...path, step.startsWith('k:') ? normalized(step) : step]);
  };
  visit(fields, []);
  return found;
}

/** Keys in one order, so that the same item has the same text. */
function normalized(step: string): string {
  try {
    const keys: unknown = JSON.parse(step.slice(2));
    if (!isRecord(keys)) return step;
    return `k:${JSON.stringify(Object.fromEntries(Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1))))}`;
  } catch {
    return step;
  }
}

/** Fields that are new or other in `after`. */
export function changedFields(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): FieldSet {
  return new Set(
    [...after]
      .filter(([path, value]) => !before.has(path) || !isDeepStrictEqual(before.get(path), value))
      .map(([path]) => path),
  );
}

/** What is applied is laid over what is there. */
export function mergedByType(live: unknown, applied: unknown, type: Type): unknown {
  if (applied === null || applied === undefined) return live;
  if (!divisible(applied, type)) return applied;
  if (Array.isArray(applied) && type.is === 'list') {
    const result: unknown[] = Array.isArray(live) ? [...live] : [];
    for (const item of applied) {
      const step = itemStep(item, type);
      const at = result.findIndex((each) => itemStep(each, type) === step);
      if (at < 0) result.push(mergedByType(undefined, item, type.of));
      else if (type.how === 'keyed') result[at] = mergedByType(result[at], item, type.of);
    }
    return result;
  }
  const result: Record<string, unknown> = isRecord(live) ? { ...live } : {};
  for (const [name, value] of Object.entries(applied as Json)) {
    const next = mergedByType(result[name], value, fieldType(type, name));
    if (next !== undefined) result[name] = next;
  }
  return result;
}

/** Without those fields; what becomes empty by it goes too. */
export function withoutFields(value: unknown, type: Type, gone: FieldSet): unknown {
  if (gone.size === 0) return value;
  const visit = (at: unknown, of: Type, path: Path): unknown => {
    const isGone = gone.has(textOfPath(path));
    if (!divisible(at, of)) return isGone ? undefined : at;
    if (Array.isArray(at) && of.is === 'list') {
      const kept = at.flatMap((item): unknown[] => {
        const step = [...path, itemStep(item, of)];
        if (of.how !== 'keyed') return gone.has(textOfPath(step)) ? [] : [item];
        const next = visit(item, of.of, step);
        const keysOnly =
          gone.has(textOfPath(step)) &&
          Object.keys(isRecord(next) ? next : {}).every((name) => of.keys.includes(name));
        return keysOnly || next === undefined ? [] : [next];
      });
      return kept.length === 0 && at.length > 0 ? undefined : kept;
    }
    const entries = Object.entries(at as Json);
    const kept = entries.flatMap(([name, each]): [string, unknown][] => {
      const next = visit(each, fieldType(of, name), [...path, `f:${name}`]);
      return next === undefined ? [] : [[name, next]];
    });
    if (kept.length === 0 && (entries.length > 0 || isGone)) return undefined;
    return Object.fromEntries(kept);
  };
  return visit(value, type, []);
}
