import protobuf from 'protobufjs/minimal.js';
import { badRequest } from '../errors.ts';
import type { Json } from '../json.ts';
import { packageOf, structNamed, typeOfKind, type Field, type Type } from './types.ts';

/** What kubectl's typed clients send when they create something: a frame around the object, told by four bytes. */
const magic = Buffer.from('k8s\0');

interface WireField {
  readonly number: number;
  /** A whole number or a length-delimited part; the API has no others that matter here. */
  readonly value: number | Buffer;
}

function fieldsOf(bytes: Buffer): readonly WireField[] {
  const reader = protobuf.Reader.create(bytes);
  const fields: WireField[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const wire = tag & 7;
    if (wire === 0) {
      fields.push({ number: tag >>> 3, value: Number(reader.int64()) });
    } else if (wire === 2) fields.push({ number: tag >>> 3, value: Buffer.from(reader.bytes()) });
    else reader.skipType(wire);
  }
  return fields;
}

const partOf = (fields: readonly WireField[], number: number): Buffer | undefined => {
  const value = fields.find((each) => each.number === number)?.value;
  return Buffer.isBuffer(value) ? value : undefined;
};

const numberIn = (fields: readonly WireField[], number: number): number => {
  const value = fields.find((each) => each.number === number)?.value;
  return typeof value === 'number' ? value : 0;
};

const textIn = (fields: readonly WireField[], number: number): string =>
  partOf(fields, number)?.toString() ?? '';

function timeOf(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  const fields = fieldsOf(bytes);
  const nanos = numberIn(fields, 2);
  const text = new Date(numberIn(fields, 1) * 1000).toISOString().slice(0, 19);
  return nanos === 0 ? `${text}Z` : `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
}

/** @returns undefined for what says nothing: an empty time, raw JSON that is not there. */
function decodedValue(value: number | Buffer, type: Type): unknown {
  if (typeof value === 'number')
    return type.is === 'scalar' && type.scalar === 'boolean' ? value !== 0 : value;
  switch (type.is) {
    case 'any': {
      const raw = partOf(fieldsOf(value), 1);
      return raw === undefined ? undefined : (JSON.parse(raw.toString()) as unknown);
    }
    case 'struct':
      return decodedStruct(value, type.name);
    case 'list':
      // A list inside a map is wrapped in a message of its own.
      return fieldsOf(value).map((each) => decodedValue(each.value, type.of));
    case 'map':
      return {};
    case 'scalar':
      break;
  }
  switch (type.scalar) {
    case 'time':
      return timeOf(value);
    case 'bytes':
      return value.toString('base64');
    case 'quantity':
      return textIn(fieldsOf(value), 1);
    case 'intOrString': {
      const fields = fieldsOf(value);
      return numberIn(fields, 1) === 1 ? textIn(fields, 3) : numberIn(fields, 2);
    }
    default:
      return value.toString();
  }
}

const isZero = (value: unknown): boolean =>
  value === undefined ||
  value === '' ||
  value === 0 ||
  value === false ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

function decodedField(parts: readonly WireField[], { type, keepsZero }: Field): unknown {
  if (type.is === 'list') return parts.map(({ value }) => decodedValue(value, type.of));
  if (type.is === 'map')
    return Object.fromEntries(
      parts.map(({ value }) => {
        const entry = Buffer.isBuffer(value) ? fieldsOf(value) : [];
        const of = entry.find((each) => each.number === 2)?.value;
        return [textIn(entry, 1), decodedValue(of ?? Buffer.alloc(0), type.of)];
      }),
    );
  const last = parts.at(-1);
  if (last === undefined) return undefined;
  const value = decodedValue(last.value, type);
  return !keepsZero && isZero(value) ? undefined : value;
}

function decodedStruct(bytes: Buffer, name: string): Json {
  const top = fieldsOf(bytes);
  const entries: [string, unknown][] = [];
  for (const [field, each] of structNamed(name)?.fields ?? []) {
    const path = [...(each.number ?? [])];
    const last = path.pop();
    if (last === undefined) continue;
    let fields = top;
    for (const step of path) {
      const part = partOf(fields, step);
      fields = part === undefined ? [] : fieldsOf(part);
    }
    const parts = fields.filter(({ number }) => number === last);
    if (parts.length === 0) continue;
    const value = decodedField(parts, each);
    if (value !== undefined) entries.push([field, value]);
  }
  return Object.fromEntries(entries);
}

/**
 * An object that was sent as protobuf, as it would be in JSON.
 *
 * @throws ApiError BadRequest when it is none, or of a type that is not served.
 */
export function fromProtobuf(body: Buffer): Json {
  if (!body.subarray(0, magic.length).equals(magic))
    throw badRequest(
      'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  try {
    const frame = fieldsOf(body.subarray(magic.length));
    const typeMeta = fieldsOf(partOf(frame, 1) ?? Buffer.alloc(0));
    const [apiVersion, kind] = [textIn(typeMeta, 1), textIn(typeMeta, 2)];
    const name = typeNameOf(apiVersion, kind);
    return { apiVersion, kind, ...decodedStruct(partOf(frame, 2) ?? Buffer.alloc(0), name) };
  } catch (error) {
    throw badRequest(`the protobuf body cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
}

/** Options are of the group that they are sent to, and have one type everywhere. */
function typeNameOf(apiVersion: string, kind: string): string {
  if (kind === 'DeleteOptions') return 'meta.v1.DeleteOptions';
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  if (typeOfKind({ group, version, kind }) === undefined) throw new Error(`no kind ${kind} in ${apiVersion}`);
  return `${packageOf(group)}.${version}.${kind}`;
}
