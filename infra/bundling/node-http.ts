import type { Plugin } from 'esbuild';

/**
 * Takes `node:http` and `node:https` with require. Whoever imports them as a module has Node read all their exports,
 * WebSocket among them, and so load the whole of undici, at each cold start of functions that never call fetch.
 */
export const nodeHttpPlugin = (): Plugin => ({
  name: 'node-http',
  setup(build) {
    build.onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) => {
      const name = path.startsWith('node:') ? path : `node:${path}`;
      return kind === 'require-call'
        ? { path: name, external: true }
        : { path: name, namespace: 'node-http' };
    });
    build.onLoad({ filter: /.*/, namespace: 'node-http' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
});
