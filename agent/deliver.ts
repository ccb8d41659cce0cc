import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import process from 'node:process';

/**
 * The agent as user-data carries it: without its comments, compressed, in base64 (cloud-init's `gz+b64`). Equal scripts
 * give equal bytes, since clouds recognise a repeated create by them.
 */
export const deliverable = (script: string): string =>
  gzipSync(script.replaceAll(/^ *#(?!!).*\n/gm, ''), { level: 9 }).toString('base64');

/** The module that holds it: a Lambda's bundle has no files beside it. */
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
