import { createInterface } from 'node:readline/promises';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import packageJson from '../package.json' with { type: 'json' };
import { createApiClient } from './api-client.ts';
import { addCommands, exitCodes, readInput } from './commands.ts';
import { currentContext } from './context.ts';
import { errorText } from './error-text.ts';
import { kubeconfigPath } from './kubeconfig-file.ts';

/** Only a plain yes is one; the question is no part of what a program reads. */
async function confirm(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}

const program = new Command('overcast')
  .description('One Kubernetes cluster under every cloud')
  .version(packageJson.version)
  .showSuggestionAfterError()
  .showHelpAfterError('(overcast --help shows what there is)')
  .addHelpText(
    'after',
    `
Exit codes: 0 done, ${exitCodes.refused} refused or failed, ${exitCodes.usage} wrong usage, ${exitCodes.notReached} waited in vain.

Environment: OVERCAST_URL and OVERCAST_API_KEY choose an installation; otherwise the current one of
~/.config/overcast/config.json is used, which \`npm start\` writes.`,
  )
  .exitOverride();

addCommands(program, {
  api: () => createApiClient(currentContext(process.env)),
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  isTerminal: process.stderr.isTTY && process.env['CI'] === undefined,
  isOutputTerminal: process.stdout.isTTY,
  columns: () => process.stderr.columns,
  now: () => Date.now(),
  readFile: readInput,
  kubeconfigPath: () => kubeconfigPath(process.env),
  fail: (exitCode) => {
    process.exitCode = exitCode;
  },
  ...(process.stdin.isTTY && process.stderr.isTTY && { confirm }),
});

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `overcast … | head`: the reader has seen enough.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  } else {
    const { text, exitCode } = errorText(error);
    process.stderr.write(`${pc.red(text)}\n`);
    process.exitCode = exitCode;
  }
}
