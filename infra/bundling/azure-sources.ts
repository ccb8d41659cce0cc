/*
 * The sources of Azure's management SDKs, cut to what is used. They are generated: constants, classes and object
 * literals in one regular layout, which is what these functions read. Where a layout or a name is not as expected
 * they throw, so that a new version of an SDK fails the build and not a function.
 */

/** One member of a class or object literal: its name, and its lines. */
interface Member {
  readonly name: string;
  readonly text: string;
}

/** Everything the roots lead to, by the names that each one's text mentions. */
function reachable(members: readonly Member[], roots: readonly string[], mention: RegExp): Set<string> {
  const texts = new Map(members.map(({ name, text }) => [name, text]));
  const kept = new Set<string>();
  const wanted = [...roots];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const text = texts.get(name);
    if (text === undefined || kept.has(name)) continue;
    kept.add(name);
    wanted.push(...[...text.matchAll(mention)].map(([, mentioned]) => mentioned ?? ''));
  }
  return kept;
}

function mustHold(members: readonly Member[], wanted: readonly string[], where: string): void {
  const lost = wanted.filter((name) => !members.some((member) => member.name === name));
  if (lost.length > 0) throw new Error(`${where} has no ${lost.join(', ')}`);
}

const methodStart = /^ {4}(?:async )?\*?(\w+)\(.*\) \{$/;

/** A class with only these methods, its constructor, and whatever methods they call. */
function classWith(lines: readonly string[], methods: readonly string[], where: string): string {
  const members: Member[] = [];
  const fields: string[] = [];
  for (let i = 1; i < lines.length - 1; i += 1) {
    const name = methodStart.exec(lines[i] ?? '')?.[1];
    if (name !== undefined) {
      const end = lines.indexOf('    }', i);
      members.push({ name, text: lines.slice(i, end + 1).join('\n') });
      i = end;
    } else if (/^ {4}[\w$]+;$/.test(lines[i] ?? '')) fields.push(lines[i] ?? '');
  }
  mustHold(members, ['constructor', ...methods], where);
  const kept = reachable(members, ['constructor', ...methods], /\bthis\.(\w+)\(/g);
  const texts = members.filter(({ name }) => kept.has(name)).map(({ text }) => text);
  return [lines[0] ?? '', ...fields, ...texts, '}'].join('\n');
}

/** `export class X {`, up to its end, and the operations' descriptions (`const getOperationSpec = …`) that follow. */
export function prunedClassFile(source: string, methods: readonly string[], where: string): string {
  const lines = source.split('\n');
  const start = lines.findIndex((line) => /^export class \w+ /.test(line));
  const end = lines.indexOf('}', start);
  if (start < 0 || end < 0) throw new Error(`${where} has no class`);
  const pruned = classWith(lines.slice(start, end + 1), methods, where);
  const rest = lines
    .slice(end + 1)
    .join('\n')
    .replace(/^const (\w+OperationSpec) = \{\n(?:.*\n)*?\};$/gm, (spec, name: string) =>
      new RegExp(String.raw`\b${name}\b`).test(pruned) ? spec : '',
    );
  return [...lines.slice(0, start), pruned, rest].join('\n');
}

/** `this.subnets = new SubnetsImpl(this);` or, in the newer SDKs, `this.disks = _getDisksOperations(this._client);` */
const groupLine = /this\.(\w+)\s*=\s*(?:new \w+Impl\(this\)|_get\w+Operations\(this\._client\));/g;

/** A client with only these operation groups and no operations of its own. */
export function prunedClient(source: string, groups: readonly string[], where: string): string {
  const seen = new Set<string>();
  const withGroups = source.replace(groupLine, (line, name: string) => {
    if (!groups.includes(name)) return '';
    seen.add(name);
    return line;
  });
  const lost = groups.filter((name) => !seen.has(name));
  if (lost.length > 0) throw new Error(`${where} has no operation group ${lost.join(', ')}`);
  return prunedClassFile(withGroups, [], where);
}

/** The newer SDKs' groups are object literals: `get: (name, options) => get(context, name, options),`. */
export function prunedGroupFile(source: string, methods: readonly string[], where: string): string {
  const members: Member[] = [];
  const pruned = source.replace(
    /^ {8}(\w+): (?:async )?\(.*\) => (?:.*,|\{\n(?:.*\n)*? {8}\},)$\n/gm,
    (text, name: string) => {
      members.push({ name, text });
      return methods.includes(name) ? text : '';
    },
  );
  mustHold(members, methods, where);
  return pruned;
}

const statement = /^export (?:const|let) ([\w$]+) =/gm;

/** The exported constants of a module that consists of them. */
function statementsOf(source: string): Member[] {
  const starts = [...source.matchAll(statement)];
  return starts.map((match, i) => ({
    name: match[1] ?? '',
    text: source.slice(match.index, starts[i + 1]?.index ?? source.length),
  }));
}

/** What the kept operations name of `Mappers` or `Parameters`. */
const namedIn = (users: readonly string[], module: 'Mappers' | 'Parameters'): string[] =>
  users.flatMap((text) =>
    [...text.matchAll(new RegExp(String.raw`\b${module}\.([\w$]+)`, 'g'))].map(([, name]) => name ?? ''),
  );

/** The parameters that the kept operations have, and the mappers that these need. */
export function prunedParameters(
  source: string,
  users: readonly string[],
): { text: string; mappers: string[] } {
  const named = new Set(namedIn(users, 'Parameters'));
  const kept = statementsOf(source)
    .filter(({ name }) => named.has(name))
    .map(({ text }) => text)
    .join('\n');
  const imported = [...source.matchAll(/(\w+) as (\w+Mapper)\b/g)].filter(([, , local]) =>
    new RegExp(String.raw`\b${local ?? ''}\b`).test(kept),
  );
  const names = imported.map(([pair]) => pair).join(', ');
  return {
    text: `import { ${names} } from './mappers.js';\n${kept}`,
    mappers: imported.map(([, name]) => name ?? ''),
  };
}

/**
 * The mappers say how each model is read and written, and refer to one another by name in strings, so that no bundler
 * can tell which are used. Kept are those that the operations and their parameters name, and whatever these name in
 * turn: in strings, or by spreading the properties of a model that they extend.
 */
export function prunedMappers(source: string, parameters: string, users: readonly string[]): string {
  const statements = statementsOf(source);
  const roots = [...namedIn(users, 'Mappers'), ...prunedParameters(parameters, users).mappers];
  const models = statements.filter(({ name }) => name !== 'discriminators');
  const kept = reachable(models, roots, /(?:\b(?:className|uberParent): "|\.\.\.)(\w+)(?:"|\.type\b)/g);
  return statements
    .filter(({ name }) => kept.has(name) || name === 'discriminators')
    .map(({ name, text }) =>
      name === 'discriminators'
        ? text.replace(/^\s*(?:"[^"]+"|\w+): (\w+),?$\n?/gm, (line, model: string) =>
            kept.has(model) ? line : '',
          )
        : text,
    )
    .join('\n');
}

const knownValues =
  /^export var (Known\w+);\n\(function \(\1\) \{\n((?:.*\n)*?)\}\)\(\1 \|\| \(\1 = \{\}\)\);$/gm;

/** Lists of known values are made by functions that run on import; as plain objects they shake off. */
export const plainKnownValues = (source: string): string =>
  source.replace(knownValues, (_, name: string, body: string) => {
    const values = [...body.matchAll(/\["(.+)"\] = (".*");$/gm)].map(
      ([, key, value]) => `"${key}": ${value}`,
    );
    return `export const ${name} = { ${values.join(', ')} };`;
  });
