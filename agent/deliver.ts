import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { gzipSync } from 'node:zlib';

/** The agent as it reaches a machine: without its comments, but for what shellcheck is told. */
export const delivered = (script: string): string => script.replaceAll(/^ *#(?!!| shellcheck ).*\n/gm, '');

/** As user-data carries it: compressed, in base64 (cloud-init's `gz+b64`). */
export const deliverable = (script: string): string =>
  gzipSync(delivered(script), { level: 9 }).toString('base64');

/** The module that holds it, for a Lambda's bundle has no files beside it. It is kept: zlib's bytes differ by version. */
export const deliveredModule = (script: string): string =>
  `// Made by \`node agent/deliver.ts\` from agent/overcast-agent.sh; a test compares them.
export const agentScript =
  '${deliverable(script)}';
`;

const here = (path: string): URL => new URL(path, import.meta.url);
if (process.argv[1] === here('deliver.ts').pathname)
  writeFileSync(
    here('../shared/planning/agent-script.ts'),
    deliveredModule(readFileSync(here('overcast-agent.sh'), 'utf8')),
  );
