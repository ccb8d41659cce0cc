import type { Plugin } from 'esbuild';

/**
 * Takes `node:http` and `node:https` with require. Whoever imports them as a module has Node read all their exports,
 * WebSocket among them, and so load the whole of undici for each cold start: a sixth of it in a function that never
 * calls fetch.
 */
export const nodeHttpPlugin = (): Plugin => ({
  name: 'node-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === 'require-call'
        ? { path: path.startsWith('node:') ? path : `node:${path}`, external: true }
        : { path: path.startsWith('node:') ? path : `node:${path}`, namespace: 'node-http' },
    );
    onLoad({ filter: /.*/, namespace: 'node-http' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
});
