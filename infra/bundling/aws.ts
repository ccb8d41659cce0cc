import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/**
 * In Lambda the credentials are always in the environment. The SDK's default chain also looks in files, at single sign-on
 * and at metadata services, and brings their clients along: a quarter of a function's bundle.
 */
const environmentCredentials: Plugin = {
  name: 'environment-credentials',
  setup(build) {
    build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, () => ({
      path: 'environment-credentials',
      namespace: 'overcast',
    }));
    build.onLoad({ filter: /^environment-credentials$/, namespace: 'overcast' }, () => ({
      contents: "export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';",
      resolveDir: import.meta.dirname,
      loader: 'js',
    }));
  },
};

/**
 * The SDK's schemas are one list of thousands of variables. esbuild drops the unused ones only when it can see that making
 * them has no effect, and a computed key (`{ [_xN]: … }`) hides that; the keys are constants, so they can be written out.
 */
const literalSchemaKeys: Plugin = {
  name: 'literal-schema-keys',
  setup(build) {
    build.onLoad(
      { filter: /@aws-sdk\/client-[\w-]+\/dist-es\/schemas\/schemas_0\.js$/ },
      async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const literals = new Map(
          [...text.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm)].map(([, name = '', value = '']) => [
            name,
            value,
          ]),
        );
        return {
          contents: text.replaceAll(/\[(_\w+)\]:/g, (key, name: string) => {
            const literal = literals.get(name);
            return literal === undefined ? key : `${literal}:`;
          }),
          loader: 'js',
        };
      },
    );
  },
};

/** No command of DynamoDB's client discovers endpoints, and yet it makes a cache for them: a least-recently-used one. */
const noEndpointCache: Plugin = {
  name: 'no-endpoint-cache',
  setup(build) {
    build.onResolve({ filter: /^@aws-sdk\/endpoint-cache$/ }, () => ({
      path: 'no-endpoint-cache',
      namespace: 'overcast',
    }));
    build.onLoad({ filter: /^no-endpoint-cache$/, namespace: 'overcast' }, () => ({
      contents: 'export class EndpointCache {}',
      loader: 'js',
    }));
  },
};

/** Each client reads its version for the user agent, and brings all of its package.json along. */
const versionsOnly: Plugin = {
  name: 'versions-only',
  setup(build) {
    build.onLoad({ filter: /@aws-sdk\/client-[\w-]+\/package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, 'utf8')) as { readonly version: string };
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

export const awsPlugins = (): Plugin[] => [
  environmentCredentials,
  literalSchemaKeys,
  noEndpointCache,
  versionsOnly,
];
