import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { OnLoadResult, Plugin } from 'esbuild';
import {
  plainKnownValues,
  prunedClassFile,
  prunedClient,
  prunedGroupFile,
  prunedMappers,
  prunedParameters,
} from './azure-sources.ts';

/**
 * What the Azure driver calls: SDK → operation group → methods. The other hundreds stay out of the bundle. A call that
 * is missing here fails in the bundle with `is not a function`; azure.test.ts runs the whole driver through a bundle,
 * so that it fails there first.
 */
const used: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  computeManagementClient: {
    virtualMachines: ['get', 'list', 'listAll', 'createOrUpdate', 'update', 'delete'],
    disks: ['get', 'listByResourceGroup', 'update', 'delete'],
    resourceSkus: ['list'],
  },
  networkManagementClient: {
    virtualNetworks: ['get', 'listAll', 'beginCreateOrUpdate', 'beginDelete'],
    networkSecurityGroups: ['get', 'listAll', 'beginCreateOrUpdate', 'beginDelete'],
    networkInterfaces: ['get', 'list', 'listAll', 'beginCreateOrUpdate', 'updateTags', 'beginDelete'],
    publicIPAddresses: ['get', 'list', 'listAll', 'beginCreateOrUpdate', 'updateTags', 'beginDelete'],
    loadBalancers: ['get', 'listAll', 'beginCreateOrUpdate', 'beginDelete'],
  },
  resourceManagementClient: {
    resourceGroups: ['get', 'list', 'createOrUpdate', 'beginDelete'],
    resources: ['list', 'listByResourceGroup'],
  },
};
const allGroups = Object.assign({}, ...Object.values(used)) as Record<string, readonly string[]>;

const sdk = String.raw`@azure[\\/]arm-(?:compute|network|resources)[\\/]dist[\\/]esm[\\/]`;
const inSdk = (path: string): RegExp => new RegExp(sdk + path);

const js = (contents: string): OnLoadResult => ({ contents, loader: 'js' });

/** The client of an SDK and its operation groups, as they are bundled: whatever they do not name is not needed. */
async function usersIn(folder: string): Promise<readonly string[]> {
  const found = await Promise.all(
    Object.entries(used).map(async ([client, groups]) => {
      try {
        const path = join(folder, `${client}.js`);
        const texts = [prunedClient(await readFile(path, 'utf8'), Object.keys(groups), client)];
        for (const [group, methods] of Object.entries(groups))
          texts.push(
            prunedClassFile(
              await readFile(join(folder, 'operations', `${group}.js`), 'utf8'),
              methods,
              group,
            ),
          );
        return texts;
      } catch (error) {
        // Each SDK has one of the clients.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    }),
  );
  return found.flat();
}

/** Brings a function with the Azure driver from 2.2 MB to 0.6 MB; other bundles do not notice it. */
const pruning: Plugin = {
  name: 'azure-pruning',
  setup(build) {
    build.onLoad({ filter: inSdk(String.raw`\w+ManagementClient\.js$`) }, async ({ path }) => {
      const client = basename(path, '.js');
      return js(prunedClient(await readFile(path, 'utf8'), Object.keys(used[client] ?? {}), client));
    });
    build.onLoad({ filter: inSdk(String.raw`operations[\\/]\w+\.js$`) }, async ({ path }) => {
      const methods = allGroups[basename(path, '.js')];
      const source = await readFile(path, 'utf8');
      return js(methods === undefined ? source : prunedClassFile(source, methods, path));
    });
    build.onLoad({ filter: inSdk(String.raw`classic[\\/]\w+[\\/]index\.js$`) }, async ({ path }) => {
      const methods = allGroups[basename(dirname(path))];
      const source = await readFile(path, 'utf8');
      return js(methods === undefined ? source : prunedGroupFile(source, methods, path));
    });
    build.onLoad({ filter: inSdk(String.raw`models[\\/]parameters\.js$`) }, async ({ path }) => {
      const users = await usersIn(dirname(dirname(path)));
      return js(prunedParameters(await readFile(path, 'utf8'), users).text);
    });
    build.onLoad({ filter: inSdk(String.raw`models[\\/]mappers\.js$`) }, async ({ path }) => {
      const users = await usersIn(dirname(dirname(path)));
      const parameters = await readFile(join(dirname(path), 'parameters.js'), 'utf8');
      return js(prunedMappers(await readFile(path, 'utf8'), parameters, users));
    });
    build.onLoad(
      { filter: inSdk(String.raw`models[\\/](?:\w+[\\/])?(?:index|models)\.js$`) },
      async ({ path }) => js(plainKnownValues(await readFile(path, 'utf8'))),
    );
  },
};

/** @azure/identity can ask people to sign in with their browser; a function has none. */
const withoutBrowser: Plugin = {
  name: 'azure-without-browser',
  setup(build) {
    build.onResolve({ filter: /^open$/ }, ({ importer }) =>
      /@azure[\\/]identity/.test(importer) ? { path: 'open', namespace: 'azure-without-browser' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'azure-without-browser' }, () =>
      js("export default () => { throw new Error('there is no browser here'); };"),
    );
  },
};

export const azurePlugins = (): Plugin[] => [pruning, withoutBrowser];
