import { CORE_SCHEMA, load, YAMLException } from 'js-yaml';
import * as z from 'zod/mini';
import type { FieldError } from '../../domain/api-types.ts';
import { nearest } from '../../domain/nearest.ts';
import { invalidFields, Problem } from './problem.ts';

const bodyBytesMax = 256 * 1024;
/** Nobody mends more at once, and a small body must not make a large answer. */
const errorsMax = 50;
const shownMax = 64;

/** `spec.clouds[1].account` */
const fieldName = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (name, part) =>
      typeof part === 'number' ? `${name}[${part}]` : name === '' ? String(part) : `${name}.${String(part)}`,
    '',
  );

const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);

/** One sentence per issue, with what is allowed where that is a list. */
function fieldErrors(issue: z.core.$ZodIssue, schema: z.ZodMiniType): FieldError[] {
  const field = fieldName(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, errorsMax).map((key) => {
        const meant = nearest(key, fieldsAt(schema, issue.path));
        return {
          field: fieldName([...issue.path, key.slice(0, shownMax)]),
          message: `is not a known field${meant === undefined ? '' : `; did you mean ${meant}?`}`,
        };
      });
    case 'invalid_value':
      return [{ field, message: 'is not one of the allowed values', allowed: issue.values.map(String) }];
    case 'invalid_type':
      return [
        { field, message: issue.input === undefined ? 'is required' : `must be ${article(issue.expected)}` },
      ];
    case 'too_small':
      return [{ field, message: `must be at least ${String(issue.minimum)}` }];
    case 'too_big':
      return [{ field, message: `must be at most ${String(issue.maximum)}` }];
    default:
      return [{ field: field === '' ? 'body' : field, message: issue.message }];
  }
}

/** The names of the fields that an object at this place of a document may have. */
function fieldsAt(schema: z.ZodMiniType, path: readonly PropertyKey[]): readonly string[] {
  let at = bare(schema);
  for (const part of path) {
    const next = at instanceof z.ZodMiniArray ? at.def.element : shapeOf(at)[String(part)];
    if (next === undefined) return [];
    at = bare(next);
  }
  return Object.keys(shapeOf(at));
}

type Schema = z.core.$ZodType;
const bare = (schema: Schema): Schema =>
  schema instanceof z.ZodMiniOptional || schema instanceof z.ZodMiniNullable
    ? bare(schema.def.innerType)
    : schema;
const shapeOf = (schema: Schema): Readonly<Record<string, Schema>> =>
  schema instanceof z.ZodMiniObject ? schema.def.shape : {};

/** JSON or YAML in, an object of the schema out. @throws Problem 400, 413 or 415, naming line, column or field. */
export function readBody<Schema extends z.ZodMiniType>(
  text: string,
  contentType: string | undefined,
  schema: Schema,
): z.output<Schema> {
  if (Buffer.byteLength(text) > bodyBytesMax) throw new Problem(413, `body: at most ${bodyBytesMax} bytes`);
  const parsed = z.safeParse(schema, parseText(text, contentType?.split(';')[0]?.trim().toLowerCase()), {
    reportInput: true,
  });
  if (parsed.success) return parsed.data;
  throw invalidFields(
    400,
    parsed.error.issues
      .slice(0, errorsMax)
      .flatMap((issue) => fieldErrors(issue, schema))
      .slice(0, errorsMax),
  );
}

function parseText(text: string, contentType: string | undefined): unknown {
  switch (contentType) {
    case undefined:
    case 'application/json':
    case 'application/merge-patch+json':
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        throw new Problem(400, `body: not JSON: ${error instanceof Error ? error.message : String(error)}`);
      }
    case 'application/yaml':
    case 'application/x-yaml':
    case 'text/yaml':
      try {
        return load(text, { schema: CORE_SCHEMA });
      } catch (error) {
        if (!(error instanceof YAMLException)) throw error;
        const where = `line ${(error.mark?.line ?? 0) + 1}, column ${(error.mark?.column ?? 0) + 1}`;
        throw new Problem(400, `body: not YAML: ${where}: ${error.reason}`, [
          { field: where, message: error.reason },
        ]);
      }
    default:
      throw new Problem(415, `content-type: ${contentType} is not understood`, [
        {
          field: 'content-type',
          message: 'is not understood',
          allowed: ['application/json', 'application/yaml'],
        },
      ]);
  }
}
