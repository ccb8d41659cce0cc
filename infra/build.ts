import { writeFileSync, mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { awsPlugins } from './bundling/aws.ts';
import { azurePlugins } from './bundling/azure.ts';
import { gcpPlugins } from './bundling/gcp.ts';
import { nodeHttpPlugin } from './bundling/node-http.ts';
import { functionSpecs } from './functions.ts';
import { functionsFolder, metafilePath, projectFolder } from './paths.ts';

const options = (entries: Record<string, string>, outdir: string): BuildOptions => ({
  absWorkingDir: projectFolder,
  entryPoints: entries,
  outdir,
  bundle: true,
  minify: true,
  // Cloud errors set their names literally; keeping function names would only cost size.
  keepNames: false,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.mjs' },
  banner: {
    // Some dependencies are CommonJS and call require for Node's own modules.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none',
});

export interface BuiltBundle {
  readonly name: string;
  readonly kilobytes: number;
  readonly kilobytesMax: number;
}

/** Builds every function's bundle with one esbuild call: dist/functions/<name>/index.mjs. */
export async function buildFunctions(): Promise<readonly BuiltBundle[]> {
  rmSync(functionsFolder, { recursive: true, force: true });
  mkdirSync(functionsFolder, { recursive: true });
  const entries = Object.fromEntries(functionSpecs.map((spec) => [`${spec.name}/index`, spec.entry]));
  const result = await build({
    ...options(entries, functionsFolder),
    plugins: [...awsPlugins(), ...azurePlugins(), ...gcpPlugins(), nodeHttpPlugin()],
  });
  const metafile = result.metafile as Metafile;
  writeFileSync(metafilePath, JSON.stringify(metafile));
  const sizes = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(dirname(path)), output.bytes / 1024]),
  );
  return functionSpecs.map((spec) => ({
    name: spec.name,
    kilobytes: sizes.get(spec.name) ?? Number.NaN,
    kilobytesMax: spec.bundleKbMax,
  }));
}

/** Bundles the command line for the Node that people have (20 and later). */
export async function buildCli(): Promise<void> {
  await build({
    ...options({ overcast: 'cli/main.ts' }, join(projectFolder, 'dist', 'cli')),
    outExtension: { '.js': '.js' },
    target: 'node20',
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}

if (import.meta.main) {
  const bundles = await buildFunctions();
  await buildCli();
  for (const { name, kilobytes, kilobytesMax } of bundles)
    process.stdout.write(
      `${name.padEnd(28)} ${kilobytes.toFixed(0).padStart(5)} KB  (at most ${kilobytesMax})\n`,
    );
  const tooLarge = bundles.filter((bundle) => !(bundle.kilobytes <= bundle.kilobytesMax));
  if (tooLarge.length > 0) {
    process.stderr.write(`too large: ${tooLarge.map((bundle) => bundle.name).join(', ')}\n`);
    process.exitCode = 1;
  }
}
