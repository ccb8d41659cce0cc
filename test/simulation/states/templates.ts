import { evaluate, type Bindings } from './closures.ts';

/** A field's value with every `{% … %}` in it worked out: at once, or a promise where JSONata itself was asked. */
export type Template = (bindings: Bindings) => unknown;

const compiled = new WeakMap<object, Template>();
const texts = new Map<string, Template>();

const isExpression = (value: unknown): value is string =>
  typeof value === 'string' && value.startsWith('{%') && value.endsWith('%}');

/** Compiled once for each piece of a definition. */
export function templateOf(value: unknown): Template {
  if (isExpression(value)) {
    let template = texts.get(value);
    if (template === undefined) texts.set(value, (template = (bindings) => evaluate(value, bindings)));
    return template;
  }
  if (typeof value !== 'object' || value === null) return () => value;
  let template = compiled.get(value);
  if (template === undefined) compiled.set(value, (template = compile(value)));
  return template;
}

function compile(value: object): Template {
  if (Array.isArray(value)) {
    const parts = value.map(templateOf);
    return (bindings) => all(parts.map((part) => part(bindings)));
  }
  const names = Object.keys(value);
  const parts = Object.values(value).map(templateOf);
  return (bindings) => {
    const values = all(parts.map((part) => part(bindings)));
    const together = (each: readonly unknown[]): Record<string, unknown> =>
      Object.fromEntries(names.map((name, index) => [name, each[index]]));
    return values instanceof Promise ? values.then(together) : together(values);
  };
}

const all = (values: unknown[]): unknown[] | Promise<unknown[]> =>
  values.some((value) => value instanceof Promise) ? Promise.all(values) : values;
