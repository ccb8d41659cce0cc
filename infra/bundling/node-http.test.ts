import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { nodeHttpPlugin } from './node-http.ts';

async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, loader: 'js' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    plugins: [nodeHttpPlugin()],
  });
  return outputFiles.map(({ text }) => text).join('');
}

/** Another way to import them and they are read as a module again, undici with them. */
const asModule = /from\s*"(node:)?https?"|import\s*\(?\s*"(node:)?https?"/;

describe('a bundle takes with require', () => {
  it.each([
    ['an import by name', `import { Agent } from 'node:http'; console.log(Agent);`],
    ['an import of all', `import * as https from 'node:https'; console.log(https.request);`],
    ['an import of the default', `import http from 'http'; console.log(http.request);`],
    ['an import when it is needed', `const { Agent } = await import('node:https'); console.log(Agent);`],
    ['a require', `console.log(require('https').request);`],
  ])('%s', async (_, source) => {
    const text = await bundled(source);
    expect(text).toMatch(/require\("node:https?"\)/);
    expect(text).not.toMatch(asModule);
  });

  it('those two only', async () => {
    const text = await bundled(
      `import { connect } from 'node:http2'; import fs from 'node:fs'; connect(fs);`,
    );
    expect(text).toMatch(/from\s*"node:http2"/);
    expect(text).toMatch(/from\s*"node:fs"/);
  });
});
