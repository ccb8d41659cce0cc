import jsonata from 'jsonata';

export type Bindings = Readonly<Record<string, unknown>>;

/** The expression gave nothing, or went wrong: `States.QueryEvaluationError`. */
export class QueryFailed extends Error {
  override readonly name = 'States.QueryEvaluationError';
}

/** Thrown inside a closure at what only the real JSONata knows how to do. */
const beyond = Symbol('beyond');

type Closure = (bindings: Bindings) => unknown;

interface Prepared {
  readonly text: string;
  /** Absent: only JSONata itself can evaluate it. */
  readonly closure: Closure | undefined;
  readonly expression: jsonata.Expression;
}

interface Ast {
  readonly type: string;
  readonly value?: unknown;
  readonly steps?: readonly Ast[];
  readonly lhs?: Ast;
  readonly rhs?: Ast;
  readonly arguments?: readonly Ast[];
  readonly procedure?: Ast;
  readonly condition?: Ast;
  readonly then?: Ast;
  readonly else?: Ast;
  readonly expressions?: readonly Ast[];
  readonly predicate?: unknown;
  readonly stages?: unknown;
  readonly group?: unknown;
  readonly keepArray?: unknown;
  readonly keepSingletonArray?: unknown;
  readonly consarray?: unknown;
}

const prepared = new Map<string, Prepared>();

/**
 * Compiles a `{% … %}` text. What workflows mostly write — variables, paths, comparisons, sums — becomes a plain closure,
 * since a world evaluates hundreds of thousands; everything else is left to the jsonata package. A test compares the two.
 */
export function prepare(text: string): Prepared {
  const known = prepared.get(text);
  if (known !== undefined) return known;
  const source = text.slice(2, -2).trim();
  const expression = jsonata(source);
  expression.registerFunction('parse', (json: string) => JSON.parse(json) as unknown, '<s:x>');
  const fresh: Prepared = { text: source, closure: closureOf(expression.ast() as Ast), expression };
  prepared.set(text, fresh);
  return fresh;
}

/** @returns the value, or a promise of it where JSONata had to be asked. @throws QueryFailed when there is none. */
export function evaluate(text: string, bindings: Bindings): unknown {
  const { closure, expression, text: source } = prepare(text);
  if (closure !== undefined) {
    try {
      return given(source, closure(bindings));
    } catch (thrown) {
      if (thrown !== beyond) throw thrown;
    }
  }
  return slowly(source, expression, bindings);
}

export async function slowly(
  source: string,
  expression: jsonata.Expression,
  bindings: Bindings,
): Promise<unknown> {
  let value: unknown;
  try {
    value = await expression.evaluate(undefined, flat(bindings));
  } catch (error) {
    throw new QueryFailed(
      `'${source}' failed: ${error instanceof Error ? error.message : JSON.stringify(error)}`,
    );
  }
  given(source, value);
  return typeof value === 'object' ? (JSON.parse(JSON.stringify(value)) as unknown) : value;
}

/** JSONata sees no inherited variables. */
function flat(bindings: Bindings): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const name in bindings) all[name] = bindings[name];
  return all;
}

function given(source: string, value: unknown): unknown {
  if (value === undefined) throw new QueryFailed(`'${source}' returned nothing`);
  return value;
}

/** Undefined: a form that is left to JSONata. */
function closureOf(ast: Ast | undefined): Closure | undefined {
  if (ast === undefined || hasMore(ast)) return undefined;
  switch (ast.type) {
    case 'string':
    case 'number':
    case 'value': {
      const { value } = ast;
      return () => value;
    }
    case 'variable': {
      const name = String(ast.value);
      return name === '' || name === '$' ? undefined : (bindings) => bindings[name];
    }
    case 'path':
      return pathOf(ast);
    case 'binary':
      return binaryOf(ast);
    case 'condition': {
      const [condition, then, otherwise] = [
        closureOf(ast.condition),
        closureOf(ast.then),
        closureOf(ast.else),
      ];
      if (condition === undefined || then === undefined || otherwise === undefined) return undefined;
      return (bindings) => (truthOf(condition(bindings)) ? then(bindings) : otherwise(bindings));
    }
    case 'function':
      return functionOf(ast);
    default:
      return undefined;
  }
}

const hasMore = ({ predicate, stages, group, keepArray, keepSingletonArray, consarray }: Ast): boolean =>
  [predicate, stages, group, keepArray, keepSingletonArray, consarray].some(
    (part) => part !== undefined && part !== false,
  );

/** `$variable.name.name`, through plain objects alone: what JSONata does with arrays on the way is its own affair. */
function pathOf({ steps = [] }: Ast): Closure | undefined {
  const [first, ...rest] = steps;
  const start = closureOf(first);
  if (first?.type !== 'variable' || start === undefined) return undefined;
  if (rest.some((step) => step.type !== 'name' || hasMore(step))) return undefined;
  const names = rest.map((step) => String(step.value));
  return (bindings) => {
    let value = start(bindings);
    for (const name of names) {
      if (Array.isArray(value)) throw beyond;
      value = typeof value === 'object' && value !== null ? (value as Bindings)[name] : undefined;
    }
    // A sequence of one is its member, and an empty one is nothing.
    if (Array.isArray(value) && value.length < 2) throw beyond;
    return value;
  };
}

function binaryOf(ast: Ast): Closure | undefined {
  const [left, right] = [closureOf(ast.lhs), closureOf(ast.rhs)];
  if (left === undefined || right === undefined) return undefined;
  switch (ast.value) {
    case '=':
      return (bindings) => same(left(bindings), right(bindings));
    case '!=':
      return (bindings) => {
        const [one, other] = [left(bindings), right(bindings)];
        return one === undefined || other === undefined ? false : !same(one, other);
      };
    case 'and':
      return (bindings) => truthOf(left(bindings)) && truthOf(right(bindings));
    case 'or':
      return (bindings) => truthOf(left(bindings)) || truthOf(right(bindings));
    case '+':
      return (bindings) => number(left(bindings)) + number(right(bindings));
    case '-':
      return (bindings) => number(left(bindings)) - number(right(bindings));
    case '>=':
      return (bindings) => number(left(bindings)) >= number(right(bindings));
    case '<=':
      return (bindings) => number(left(bindings)) <= number(right(bindings));
    case '<':
      return (bindings) => number(left(bindings)) < number(right(bindings));
    case '>':
      return (bindings) => number(left(bindings)) > number(right(bindings));
    case '&':
      return (bindings) => word(left(bindings)) + word(right(bindings));
    default:
      return undefined;
  }
}

function functionOf({ procedure, arguments: given = [] }: Ast): Closure | undefined {
  const name = procedure?.type === 'variable' ? procedure.value : undefined;
  const [one, other] = [closureOf(given[0]), closureOf(given[1])];
  if (name === 'exists' && given.length === 1 && one !== undefined)
    return (bindings) => one(bindings) !== undefined;
  if (name === 'lookup' && given.length === 2 && one !== undefined && other !== undefined)
    return (bindings) => {
      const [table, key] = [one(bindings), other(bindings)];
      if (Array.isArray(table) || typeof key !== 'string') throw beyond;
      return typeof table === 'object' && table !== null ? (table as Bindings)[key] : undefined;
    };
  return undefined;
}

function same(one: unknown, other: unknown): boolean {
  if (one === undefined || other === undefined) return false;
  if (typeof one === 'object' || typeof other === 'object') throw beyond;
  return one === other;
}

function truthOf(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (value === undefined) return false;
  throw beyond;
}

function number(value: unknown): number {
  if (typeof value === 'number') return value;
  throw beyond;
}

function word(value: unknown): string {
  if (typeof value === 'string') return value;
  throw beyond;
}
