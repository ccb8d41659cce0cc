import { createRequire } from 'node:module';
import { isExpression } from './expressions.ts';

type Validator = (definition: unknown) => { isValid: boolean; errorsText(separator: string): string };

const validator = createRequire(import.meta.url)('asl-validator') as Validator;

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

/** The library compiles its schemas anew with each call, a tenth of a second: nothing is asked twice in one process. */
const accepted = new Set<string>();

function plain(value: unknown, key = ''): unknown {
  if (key === 'MaxConcurrency') return 1;
  if (isExpression(value)) return `{% ${value.slice(2, -2).trim().replaceAll(/\s+/g, ' ')} %}`;
  if (key === 'Output' && (typeof value !== 'object' || value === null || Array.isArray(value))) return {};
  if (value === '') return 'empty';
  if (Array.isArray(value)) return value.map((part) => plain(part));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part, name)]));
}
