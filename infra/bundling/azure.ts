import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * The operation groups that the Azure driver uses, of the hundreds its SDKs have. A group that is missing here is
 * missing in the bundle, which the bundle's own test finds.
 */
const operationGroups: Readonly<Record<string, readonly string[]>> = {
  computeManagementClient: ['virtualMachines', 'disks'],
  networkManagementClient: [
    'virtualNetworks',
    'networkSecurityGroups',
    'networkInterfaces',
    'publicIPAddresses',
  ],
  resourceManagementClient: ['resourceGroups', 'resources'],
};

const sdk = String.raw`@azure[\\/]arm-(?:compute|network|resources)[\\/]dist[\\/](?:esm|commonjs)[\\/]`;
const clientFile = new RegExp(String.raw`${sdk}(\w+ManagementClient)\.js$`);
const mappersFile = new RegExp(String.raw`${sdk}models[\\/]mappers\.js$`);
const parametersFile = new RegExp(String.raw`${sdk}models[\\/]parameters\.js$`);

/** `this.subnets = new SubnetsImpl(this);` or, in the newer SDKs, `this.disks = _getDisksOperations(this._client);` */
const member = /this\.(\w+)\s*=\s*(?:new \w+Impl\(this\)|_get\w+Operations\(this\._client\));/g;
const statement = /^export (?:const|let) ([\w$]+) =/gm;

const clientNameIn = (path: string): string => clientFile.exec(path)?.[1] ?? '';

/** A client without the operation groups that nobody uses: what only they need then shakes off. */
function prunedClient(source: string, client: string): string {
  const kept = operationGroups[client];
  if (kept === undefined) return source;
  const seen = new Set<string>();
  const pruned = source.replace(member, (line, name: string) => {
    if (!kept.includes(name)) return '';
    seen.add(name);
    return line;
  });
  const lost = kept.filter((name) => !seen.has(name));
  if (lost.length > 0) throw new Error(`${client} has no operation group ${lost.join(', ')}`);
  return pruned;
}

/** `{ name → its whole statement }` of a module that consists of exported constants. */
function statementsOf(source: string): Map<string, string> {
  const starts = [...source.matchAll(statement)];
  return new Map(
    starts.map((match, i) => [
      match[1] ?? '',
      source.slice(match.index, starts[i + 1]?.index ?? source.length),
    ]),
  );
}

/** What the kept operations name of `Mappers` or `Parameters`. */
const namedIn = (users: readonly string[], module: 'Mappers' | 'Parameters'): string[] =>
  users.flatMap((text) =>
    [...text.matchAll(new RegExp(String.raw`\b${module}\.([\w$]+)`, 'g'))].map(([, name]) => name ?? ''),
  );

/** The parameters that the kept operations have, and imports of the mappers that these need. */
function prunedParameters(source: string, users: readonly string[]): { text: string; mappers: string[] } {
  const statements = statementsOf(source);
  const kept = [...new Set(namedIn(users, 'Parameters'))]
    .map((name) => statements.get(name) ?? '')
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
 * can tell which are used. Kept are those that are named, and whatever these name in turn.
 */
function prunedMappers(source: string, named: readonly string[]): string {
  const statements = statementsOf(source);
  const kept = new Set<string>();
  const wanted = [...named];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const text = statements.get(name);
    if (text === undefined || kept.has(name) || name === 'discriminators') continue;
    kept.add(name);
    const strings = text.matchAll(/\b(?:className|uberParent): "(\w+)"/g);
    // A model that extends another spreads that one's properties into its own.
    const spreads = text.matchAll(/\.\.\.(\w+)\.type\b/g);
    wanted.push(...[...strings, ...spreads].map(([, inner]) => inner ?? ''));
  }
  const discriminators = statements
    .get('discriminators')
    ?.replace(/^\s*(?:"[^"]+"|\w+): (\w+),?$\n?/gm, (line, name: string) => (kept.has(name) ? line : ''));
  // In the order in which they stand: they are constants.
  return [...statements]
    .filter(([name]) => kept.has(name))
    .map(([, text]) => text)
    .concat(discriminators ?? '')
    .join('\n');
}

/** The files of the operation groups that a client keeps, and the client itself: it has operations of its own. */
async function usersOf(folder: string): Promise<readonly string[]> {
  const found = await Promise.all(
    Object.entries(operationGroups).map(async ([client, groups]) => {
      const files = [`${client}.js`, ...groups.map((group) => join('operations', `${group}.js`))];
      try {
        return await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
      } catch (error) {
        // Each SDK has one of the clients.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    }),
  );
  return found.flat();
}

/** Brings a function with the Azure driver from 2.2 MB to 0.8 MB; other bundles do not notice it. */
export const azurePlugins = (): Plugin[] => [azurePruning()];

function azurePruning(): Plugin {
  return {
    name: 'azure-pruning',
    setup(build) {
      build.onLoad({ filter: clientFile }, async ({ path }) => ({
        contents: prunedClient(await readFile(path, 'utf8'), clientNameIn(path)),
        loader: 'js',
      }));
      build.onLoad({ filter: parametersFile }, async ({ path }) => {
        const users = await usersOf(dirname(dirname(path)));
        return { contents: prunedParameters(await readFile(path, 'utf8'), users).text, loader: 'js' };
      });
      build.onLoad({ filter: mappersFile }, async ({ path }) => {
        const users = await usersOf(dirname(dirname(path)));
        const parameters = await readFile(join(dirname(path), 'parameters.js'), 'utf8');
        const named = [...namedIn(users, 'Mappers'), ...prunedParameters(parameters, users).mappers];
        return { contents: prunedMappers(await readFile(path, 'utf8'), named), loader: 'js' };
      });
    },
  };
}
