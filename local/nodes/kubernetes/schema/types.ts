import { readFileSync } from 'node:fs';

export type Scalar = 'string' | 'integer' | 'boolean' | 'quantity' | 'intOrString' | 'time' | 'bytes';

/** How a value is built, and how server-side apply divides it among managers. */
export type Type =
  | { readonly is: 'scalar'; readonly scalar: Scalar }
  | { readonly is: 'any' }
  | { readonly is: 'struct'; readonly name: string; readonly atomic: boolean }
  | { readonly is: 'map'; readonly of: Type; readonly atomic: boolean }
  | { readonly is: 'list'; readonly of: Type; readonly how: 'atomic' | 'set' }
  | { readonly is: 'list'; readonly of: Type; readonly how: 'keyed'; readonly keys: readonly string[] };

export interface Field {
  readonly type: Type;
  /** A strategic merge patch merges the list's items by this key; empty: the list's values are added. */
  readonly mergeKey?: string;
  /** Its number in protobuf, and those of the embedded structs that lead to it; absent: it has none. */
  readonly number?: readonly number[];
  /** Zero is a value of its own, and not the same as absent. */
  readonly keepsZero: boolean;
  /** Fields that the patch does not name are dropped when its kind of value changes (`$retainKeys`). */
  readonly retainKeys: boolean;
}

export interface Struct {
  readonly fields: ReadonlyMap<string, Field>;
}

const scalars: readonly string[] = [
  'string',
  'integer',
  'boolean',
  'quantity',
  'intOrString',
  'time',
  'bytes',
] satisfies Scalar[];

function typeOf(text: string): Type {
  if (text === 'any') return { is: 'any' };
  if (scalars.includes(text)) return { is: 'scalar', scalar: text as Scalar };
  const atomic = text.endsWith('!');
  const [, map] = /^<(.*)>!?$/.exec(text) ?? [];
  if (map !== undefined) return { is: 'map', of: typeOf(map), atomic };
  const [, values] = /^\{(.*)\}$/.exec(text) ?? [];
  if (values !== undefined) return { is: 'list', of: typeOf(values), how: 'set' };
  const [, items, keys] = /^\[(.*)\](?:\((.*)\))?$/.exec(text) ?? [];
  if (items !== undefined)
    return keys === undefined
      ? { is: 'list', of: typeOf(items), how: 'atomic' }
      : { is: 'list', of: typeOf(items), how: 'keyed', keys: keys.split(',') };
  return { is: 'struct', name: atomic ? text.slice(0, -1) : text, atomic };
}

function fieldOf(number: string, text: string): Field {
  const [, type = '', retain = '', merge] = /^([^~^]+)(\^?)(?:~(.*))?$/.exec(text) ?? [];
  return {
    type: typeOf(type),
    retainKeys: retain !== '',
    keepsZero: number.endsWith('?'),
    ...(number === '-' ? {} : { number: number.replace('?', '').split('.').map(Number) }),
    ...(merge === undefined ? {} : { mergeKey: merge }),
  };
}

/** Reads the file's format, which its head explains. */
function read(text: string): ReadonlyMap<string, Struct> {
  const structs = new Map<string, { fields: Map<string, Field> }>();
  const atomic = new Set<string>();
  let fields = new Map<string, Field>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('  ')) {
      const [name = '', number = '-', type = ''] = line.trim().split(/\s+/);
      fields.set(name, fieldOf(number, type));
      continue;
    }
    const name = line.replace(/!$/, '');
    if (name !== line) atomic.add(name);
    fields = new Map();
    structs.set(name, { fields });
  }
  for (const struct of structs.values())
    for (const [name, field] of struct.fields)
      struct.fields.set(name, { ...field, type: withAtomic(field.type, atomic) });
  return structs;
}

/** A struct that is owned as a whole says so at its definition; its uses take it from there. */
function withAtomic(type: Type, atomic: ReadonlySet<string>): Type {
  if (type.is === 'struct') return { ...type, atomic: type.atomic || atomic.has(type.name) };
  if (type.is === 'map' || type.is === 'list') return { ...type, of: withAtomic(type.of, atomic) };
  return type;
}

let structs: ReadonlyMap<string, Struct> | undefined;

/** Every struct by its name, `core.v1.PodSpec`. Read from the file when first asked. */
export function schema(): ReadonlyMap<string, Struct> {
  structs ??= read(readFileSync(new URL('types.txt', import.meta.url), 'utf8'));
  return structs;
}

export const structNamed = (name: string): Struct | undefined => schema().get(name);

/** The API's package of a group: `apps`, `core`, `rbac` for rbac.authorization.k8s.io. */
export const packageOf = (group: string): string => (group === '' ? 'core' : (group.split('.')[0] ?? ''));

/** The type of a kind's objects: undefined for what is asked and never stored (reviews, bindings). */
export function typeOfKind(kind: {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}): Type | undefined {
  const name = `${packageOf(kind.group)}.${kind.version}.${kind.kind}`;
  return schema().has(name) ? { is: 'struct', name, atomic: false } : undefined;
}
