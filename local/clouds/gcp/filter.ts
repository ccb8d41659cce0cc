import { invalidField, text } from './failure.ts';
import type { Json } from './schema.ts';

const unsupported = (filter: string): Error =>
  invalidField('filter', filter, 'Invalid list filter expression.');

/** `labels.a`, `scheduling.provisioningModel`; what is not there reads as the empty string. */
function read(resource: Json, path: string): string {
  let value: unknown = resource;
  for (const part of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Json)[part] : undefined;
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : text(value);
}

const word = String.raw`"[^"]*"|'[^']*'|[^\s()"']+`;
const constraint = new RegExp(String.raw`^([A-Za-z][\w.-]*)\s*(=|!=|:)\s*(${word})$`);
const regexConstraint = new RegExp(String.raw`^([A-Za-z][\w.-]*)\s+(eq|ne)\s+(${word})$`);

const unquoted = (literal: string): string => literal.replace(/^["'](.*)["']$/, '$1');

function predicate(part: string, filter: string): (resource: Json) => boolean {
  const bare = /^\((.*)\)$/.exec(part.trim())?.[1]?.trim() ?? part.trim();
  const [, path, operator, literal] = constraint.exec(bare) ?? regexConstraint.exec(bare) ?? [];
  if (path === undefined || operator === undefined || literal === undefined) throw unsupported(filter);
  const wanted = unquoted(literal);
  switch (operator) {
    case '=':
      return (resource) => read(resource, path) === wanted;
    case '!=':
      return (resource) => read(resource, path) !== wanted;
    case ':':
      // `labels.x:*` asks whether the label is there; anything else would be a substring, which nobody here needs.
      if (wanted !== '*') throw unsupported(filter);
      return (resource) => read(resource, path) !== '';
    default: {
      let pattern: RegExp;
      try {
        pattern = new RegExp(`^(?:${wanted})$`);
      } catch {
        throw unsupported(filter);
      }
      return (resource) => pattern.test(read(resource, path)) === (operator === 'eq');
    }
  }
}

/**
 * The subset that a driver or a person needs: `field = value`, `!=`, `field:*`, joined by AND or side by side in
 * parentheses; `field eq regular-expression` and `ne`, alone or in parentheses. As on the real API the two kinds do not
 * mix. Whatever else the real one may understand is refused here, so that nobody relies on it by accident.
 */
export function parseFilter(filter: string): (resource: Json) => boolean {
  if (filter.trim() === '') return () => true;
  const parts = filter
    .trim()
    .split(/\s+AND\s+|(?<=\))\s+(?=\()/)
    .map((part) => part.trim());
  const kinds = new Set(parts.map((part) => /\s(?:eq|ne)\s/.test(part)));
  if (kinds.size > 1 || parts.some((part) => /\s(?:OR|NOT)\s|^(?:OR|NOT)\b/.test(part)))
    throw unsupported(filter);
  const predicates = parts.map((part) => predicate(part, filter));
  return (resource) => predicates.every((one) => one(resource));
}
