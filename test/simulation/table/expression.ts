/** DynamoDB's condition and key-condition expressions, as far as the store writes them, compiled once per text. */
export type Item = Readonly<Record<string, unknown>>;
export type Compiled = (item: Item | undefined, values: Item) => boolean;

export interface Expression {
  readonly holds: Compiled;
  /** The values that it needs: DynamoDB refuses a request that brings others, or too few. */
  readonly values: ReadonlySet<string>;
}

type Operand = (item: Item | undefined, values: Item) => unknown;

const compiled = new Map<string, Expression>();

/** Whether the condition holds for the item. @throws when the request is one that DynamoDB would refuse. */
export function holds(text: string, item: Item | undefined, values: Item): boolean {
  const expression = compileCondition(text);
  for (const name in values)
    if (values[name] !== undefined && !expression.values.has(name))
      throw new Error(`ValidationException: the value :${name} is not used in "${text}"`);
  for (const name of expression.values)
    if (values[name] === undefined) throw new Error(`ValidationException: no value :${name} for "${text}"`);
  return expression.holds(item, values);
}

/** @throws when the text is not of the grammar that is known here: then this file has to learn it. */
export function compileCondition(text: string): Expression {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const parser = new Parser(text);
  const fresh = { holds: parser.whole(), values: parser.values };
  compiled.set(text, fresh);
  return fresh;
}

const tokens = /\s*(<>|<=|>=|[=<>(),]|#\w+(?:\.#\w+)*|:\w+|\w+)/y;

class Parser {
  readonly values = new Set<string>();
  readonly #text: string;
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    tokens.lastIndex = 0;
    for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
      this.#tokens.push(match[1] ?? '');
      if (tokens.lastIndex === text.trimEnd().length) return;
    }
    throw this.#fault('cannot be read');
  }

  whole(): Compiled {
    const condition = this.#or();
    if (this.#at < this.#tokens.length) throw this.#fault(`goes on with ${this.#tokens[this.#at] ?? ''}`);
    return condition;
  }

  #or(): Compiled {
    let left = this.#and();
    while (this.#accept('OR')) {
      const [one, other] = [left, this.#and()];
      left = (item, values) => one(item, values) || other(item, values);
    }
    return left;
  }

  #and(): Compiled {
    let left = this.#not();
    while (this.#accept('AND')) {
      const [one, other] = [left, this.#not()];
      left = (item, values) => one(item, values) && other(item, values);
    }
    return left;
  }

  #not(): Compiled {
    if (this.#accept('NOT')) {
      const inner = this.#not();
      return (item, values) => !inner(item, values);
    }
    if (this.#accept('(')) {
      const inner = this.#or();
      this.#expect(')');
      return inner;
    }
    return this.#simple();
  }

  #simple(): Compiled {
    if (this.#accept('attribute_exists')) {
      const path = this.#argument();
      return (item, values) => path(item, values) !== undefined;
    }
    if (this.#accept('attribute_not_exists')) {
      const path = this.#argument();
      return (item, values) => path(item, values) === undefined;
    }
    if (this.#accept('begins_with')) {
      this.#expect('(');
      const text = this.#operand();
      this.#expect(',');
      const prefix = this.#operand();
      this.#expect(')');
      return (item, values) => {
        const [whole, start] = [text(item, values), prefix(item, values)];
        return typeof whole === 'string' && typeof start === 'string' && whole.startsWith(start);
      };
    }
    const left = this.#operand();
    if (this.#accept('BETWEEN')) {
      const low = this.#operand();
      this.#expect('AND');
      const high = this.#operand();
      return (item, values) => {
        const value = left(item, values);
        return isOrdered(low(item, values), value) && isOrdered(value, high(item, values));
      };
    }
    if (this.#accept('IN')) {
      const choices = [this.#openList()];
      while (this.#accept(',')) choices.push(this.#operand());
      this.#expect(')');
      return (item, values) => {
        const value = left(item, values);
        return value !== undefined && choices.some((choice) => isSame(value, choice(item, values)));
      };
    }
    return this.#comparison(left);
  }

  #comparison(left: Operand): Compiled {
    const sign = this.#next();
    const right = this.#operand();
    switch (sign) {
      case '=':
        return (item, values) => {
          const value = left(item, values);
          return value !== undefined && isSame(value, right(item, values));
        };
      case '<>':
        // What is not there differs from everything.
        return (item, values) => !isSame(left(item, values), right(item, values));
      case '<=':
        return (item, values) => isOrdered(left(item, values), right(item, values));
      case '>=':
        return (item, values) => isOrdered(right(item, values), left(item, values));
      case '<':
        return (item, values) => isBefore(left(item, values), right(item, values));
      case '>':
        return (item, values) => isBefore(right(item, values), left(item, values));
      default:
        throw this.#fault(`has no comparison ${sign}`);
    }
  }

  #openList(): Operand {
    this.#expect('(');
    return this.#operand();
  }

  #argument(): Operand {
    this.#expect('(');
    const path = this.#operand();
    this.#expect(')');
    return path;
  }

  #operand(): Operand {
    const token = this.#next();
    if (token.startsWith(':')) {
      const name = token.slice(1);
      this.values.add(name);
      return (_item, values) => values[name];
    }
    if (!token.startsWith('#')) throw this.#fault(`has ${token} where an operand should be`);
    const path = token.split('.').map((part) => part.slice(1));
    const [first = '', ...rest] = path;
    if (rest.length === 0) return (item) => item?.[first];
    return (item) => {
      let value: unknown = item?.[first];
      for (const part of rest)
        value =
          typeof value === 'object' && value !== null && !Array.isArray(value)
            ? (value as Item)[part]
            : undefined;
      return value;
    };
  }

  #accept(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }

  #expect(token: string): void {
    if (!this.#accept(token))
      throw this.#fault(`has no ${token} before ${this.#tokens[this.#at] ?? 'its end'}`);
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw this.#fault('ends too early');
    this.#at += 1;
    return token;
  }

  #fault(what: string): Error {
    return new Error(`the expression "${this.#text}" ${what}`);
  }
}

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;

function isSame(one: unknown, other: unknown): boolean {
  if (isScalar(one) || isScalar(other)) return one === other;
  throw new Error('maps and lists are not compared by the store');
}

/** Values of one type alone have an order, and only strings and numbers: in DynamoDB everything else is just not true. */
const haveOrder = (one: unknown, other: unknown): boolean =>
  typeof one === typeof other && (typeof one === 'string' || typeof one === 'number');
const isOrdered = (one: unknown, other: unknown): boolean =>
  haveOrder(one, other) && (one as string) <= (other as string);
const isBefore = (one: unknown, other: unknown): boolean =>
  haveOrder(one, other) && (one as string) < (other as string);
