import { BlockList, isIP } from 'node:net';
import { isJson } from '../wire.ts';

/** An EventBridge event pattern, checked and ready. */
export type Pattern = (event: Readonly<Record<string, unknown>>) => boolean;

type Matcher = (value: unknown) => boolean;
/** Decides on all the values that an event has at one field; `undefined` alone means that the field is absent. */
type FieldMatcher = (values: readonly unknown[]) => boolean;

class PatternError extends Error {
  override readonly name = 'InvalidEventPatternException';
}

const isText = (value: unknown): value is string => typeof value === 'string';
const same =
  (wanted: unknown): Matcher =>
  (value) =>
    value === wanted;
const anyText =
  (test: (value: string) => boolean): Matcher =>
  (value) =>
    isText(value) && test(value);

const texts = (argument: unknown, name: string): string[] => {
  const list = Array.isArray(argument) ? argument : [argument];
  if (list.length === 0 || !list.every(isText))
    throw new PatternError(`${name} wants text or a list of texts`);
  return list;
};
const oneText = (argument: unknown, name: string): string => {
  const [only, ...others] = texts(argument, name);
  if (only === undefined || others.length > 0) throw new PatternError(`${name} wants one text`);
  return only;
};

/** `{ "prefix": "eu-" }`, and `{ "prefix": { "equals-ignore-case": "EU-" } }` */
const affix = (name: 'prefix' | 'suffix', argument: unknown): Matcher => {
  const test = name === 'prefix' ? 'startsWith' : 'endsWith';
  if (isJson(argument)) {
    const wanted = oneText(argument['equals-ignore-case'], name).toLowerCase();
    return anyText((value) => value.toLowerCase()[test](wanted));
  }
  const wanted = oneText(argument, name);
  return anyText((value) => value[test](wanted));
};

const wildcard = (argument: unknown): Matcher => {
  const pattern = oneText(argument, 'wildcard');
  if (/(?<!\\)\*\*/.test(pattern)) throw new PatternError('wildcard: consecutive * are not allowed');
  // `\*` and `\\` stand for themselves; an unescaped `*` for any text.
  const source = pattern.replaceAll(/\\([*\\])|([\s\S])/g, (_, escaped: string | undefined, plain: string) =>
    escaped !== undefined
      ? `\\${escaped}`
      : plain === '*'
        ? '.*'
        : plain.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`),
  );
  const expression = new RegExp(`^${source}$`, 's');
  return anyText((value) => expression.test(value));
};

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '=': (value, bound) => value === bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

const numeric = (argument: unknown): Matcher => {
  if (!Array.isArray(argument) || argument.length === 0 || argument.length % 2 !== 0)
    throw new PatternError('numeric wants pairs of an operator and a number');
  const tests: ((value: number) => boolean)[] = [];
  for (let index = 0; index < argument.length; index += 2) {
    const compare = comparisons[String(argument[index])];
    const bound: unknown = argument[index + 1];
    if (compare === undefined || typeof bound !== 'number')
      throw new PatternError(`numeric: ${JSON.stringify(argument)}`);
    tests.push((value) => compare(value, bound));
  }
  return (value) => typeof value === 'number' && tests.every((test) => test(value));
};

const cidr = (argument: unknown): Matcher => {
  const [network = '', bits] = oneText(argument, 'cidr').split('/');
  const version = isIP(network);
  if (version === 0 || bits === undefined) throw new PatternError(`cidr: ${String(argument)}`);
  const block = new BlockList();
  block.addSubnet(network, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return anyText((value) => isIP(value) !== 0 && block.check(value, isIP(value) === 4 ? 'ipv4' : 'ipv6'));
};

const excludedBy = (inner: Readonly<Record<string, unknown>>): Matcher[] => {
  const entries = Object.entries(inner);
  const [only] = entries;
  if (only === undefined || entries.length > 1) throw new PatternError('anything-but wants one operator');
  const [name, value] = only;
  switch (name) {
    case 'prefix':
    case 'suffix':
      return isJson(value) ? [affix(name, value)] : texts(value, name).map((each) => affix(name, each));
    case 'wildcard':
      return texts(value, name).map(wildcard);
    case 'equals-ignore-case':
      return texts(value, name).map(ignoringCase);
    default:
      throw new PatternError(`anything-but: ${name} is no operator that it takes`);
  }
};

const anythingBut = (argument: unknown): Matcher => {
  const excluded = isJson(argument)
    ? excludedBy(argument)
    : (Array.isArray(argument) ? argument : [argument]).map(same);
  return (value) => value !== undefined && !excluded.some((matches) => matches(value));
};

const ignoringCase = (argument: unknown): Matcher => {
  const wanted = oneText(argument, 'equals-ignore-case').toLowerCase();
  return anyText((value) => value.toLowerCase() === wanted);
};

const present = (value: unknown): boolean => value !== undefined;

const some =
  (matches: Matcher): FieldMatcher =>
  (values) =>
    values.some(matches);

const element = (element: unknown): FieldMatcher => {
  if (!isJson(element)) {
    if (Array.isArray(element)) throw new PatternError('a list in a list');
    return some(same(element));
  }
  const entries = Object.entries(element);
  const [only] = entries;
  if (only === undefined || entries.length > 1) throw new PatternError('a match expression has one operator');
  const [name, argument] = only;
  switch (name) {
    case 'prefix':
    case 'suffix':
      return some(affix(name, argument));
    case 'equals-ignore-case':
      return some(ignoringCase(argument));
    case 'wildcard':
      return some(wildcard(argument));
    case 'numeric':
      return some(numeric(argument));
    case 'cidr':
      return some(cidr(argument));
    case 'anything-but': {
      // Of a list, one value that is none of them is enough, as in AWS.
      return some(anythingBut(argument));
    }
    case 'exists':
      if (typeof argument !== 'boolean') throw new PatternError('exists wants true or false');
      return (values) => values.some(present) === argument;
    default:
      throw new PatternError(`${name} is no match expression`);
  }
};

/** A field's values: lists are looked into, also lists of objects on the way down. Objects are no values. */
const valuesAt = (container: unknown, name: string): unknown[] =>
  (Array.isArray(container) ? container : [container]).flatMap((each: unknown) => {
    const value = isJson(each) && Object.hasOwn(each, name) ? each[name] : undefined;
    return Array.isArray(value) ? (value as unknown[]) : [value];
  });

type Level = (container: unknown) => boolean;

const level = (pattern: Readonly<Record<string, unknown>>, top: boolean): Level => {
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new PatternError('an empty object matches nothing');
  const tests = entries.map(([name, wanted]): Level => {
    if (name === '$or' && Array.isArray(wanted)) {
      if (wanted.length === 0) throw new PatternError('$or: an empty list');
      const alternatives = wanted.map((each: unknown) => {
        if (!isJson(each)) throw new PatternError('$or wants a list of patterns');
        return level(each, top);
      });
      return (container) => alternatives.some((matches) => matches(container));
    }
    if (isJson(wanted)) {
      const below = level(wanted, false);
      return (container) => {
        const found = valuesAt(container, name).filter(isJson);
        // Every alternative of a list is tried by itself; an absent object still answers `exists: false`.
        return found.length === 0 ? below({}) : found.some((each) => below(each));
      };
    }
    if (!Array.isArray(wanted)) throw new PatternError(`${name}: a value must be in a list`);
    if (wanted.length === 0) throw new PatternError(`${name}: an empty list matches nothing`);
    const matchers = wanted.map(element);
    return (container) => {
      const values = valuesAt(container, name).map((value) => (isJson(value) ? undefined : value));
      return matchers.some((matches) => matches(values.length === 0 ? [undefined] : values));
    };
  });
  return (container) => tests.every((matches) => matches(container));
};

/**
 * Reads a pattern once, so that a mistake shows at start and not when the first event comes.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 * @throws InvalidEventPatternException
 */
export const compilePattern = (pattern: Readonly<Record<string, unknown>>): Pattern => level(pattern, true);
