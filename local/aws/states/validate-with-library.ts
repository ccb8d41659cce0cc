import { createRequire } from 'node:module';
import { isExpression } from './expressions.ts';

type Validator = (definition: unknown) => { isValid: boolean; errorsText(separator: string): string };

const require = createRequire(import.meta.url);
const validator = require('asl-validator') as Validator;
compileSchemasOnce();

/**
 * What asl-validator finds wrong with a definition: missing targets, unreachable and duplicate states, wrong shapes.
 * It is given a copy, because it writes into what it is given, and one in which the few things that AWS allows and its
 * schema does not know are made plain: empty strings, expressions over several lines, Output of any type,
 * MaxConcurrency as an expression.
 */
export function validateWithLibrary(definition: object): string | undefined {
  const text = JSON.stringify(plain(definition));
  if (accepted.has(text)) return undefined;
  const found = validator(JSON.parse(text));
  if (!found.isValid) return found.errorsText('; ');
  accepted.add(text);
  return undefined;
}

/** Nothing is asked twice in one process. */
const accepted = new Set<string>();

interface SchemaValidator {
  addFormat(): SchemaValidator;
  addKeyword(): SchemaValidator;
}

/**
 * The library makes a JSON Schema validator of the same schemas, formats and keywords for each call, and so compiles
 * them each time, a quarter of a second. It is given the first one again, which has them all.
 */
function compileSchemasOnce(): void {
  const ajv = createRequire(require.resolve('asl-validator'))('ajv') as {
    default: new (options: object) => SchemaValidator;
  };
  const Original = ajv.default;
  let first: SchemaValidator | undefined;
  ajv.default = function oneForAll(options: object): SchemaValidator {
    if (first === undefined) return (first = new Original(options));
    const again = first;
    again.addFormat = again.addKeyword = () => again;
    return again;
  } as unknown as typeof Original;
}

function plain(value: unknown, key = ''): unknown {
  if (key === 'MaxConcurrency') return 1;
  if (isExpression(value)) return `{% ${value.slice(2, -2).trim().replaceAll(/\s+/g, ' ')} %}`;
  if (key === 'Output' && (typeof value !== 'object' || value === null || Array.isArray(value))) return {};
  if (value === '') return 'empty';
  if (Array.isArray(value)) return value.map((part) => plain(part));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part, name)]));
}
