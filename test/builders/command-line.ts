import { Command, CommanderError } from 'commander';
import { stripVTControlCharacters } from 'node:util';
import { createApiClient } from '../../cli/api-client.ts';
import { addCommands, exitCodes, readInput } from '../../cli/commands.ts';
import { errorText } from '../../cli/error-text.ts';
import { kubeconfigPath } from '../../cli/kubeconfig-file.ts';
import { startApiServer, type ApiAnswer, type ApiCall } from './api-server.ts';

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number;
  readonly calls: readonly ApiCall[];
}
export const commandLineNow = Date.parse('2026-11-23T07:00:00.000Z');
export const commandLineKey = 'oc_test';

/** Runs the program as main.ts does, with an API on loopback and surroundings that keep what is written. */
export async function overcast(
  args: readonly string[],
  answers: Readonly<Record<string, readonly ApiAnswer[]>> = {},
  more: {
    isTerminal?: boolean;
    isOutputTerminal?: boolean;
    files?: Readonly<Record<string, string>>;
    now?: () => number;
    /** $KUBECONFIG */
    kubeconfig?: string;
    /** What somebody at the terminal says to a question. */
    confirm?: (question: string) => Promise<boolean>;
  } = {},
): Promise<Ran> {
  const server = await startApiServer(answers);
  let out = '';
  let err = '';
  let exitCode = 0;
  const program = new Command('overcast')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => (out += text), writeErr: (text) => (err += text) });
  addCommands(program, {
    api: () => createApiClient({ url: server.url, apiKey: commandLineKey }),
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    isTerminal: more.isTerminal ?? false,
    isOutputTerminal: more.isOutputTerminal ?? false,
    kubeconfigPath: () => kubeconfigPath({ KUBECONFIG: more.kubeconfig ?? '/nowhere/config' }),
    now: more.now ?? (() => commandLineNow),
    readFile: (path) => more.files?.[path] ?? readInput(path),
    fail: (code) => (exitCode = code),
    ...(more.confirm !== undefined && { confirm: more.confirm }),
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
    } else {
      const told = errorText(error);
      err += `${told.text}\n`;
      exitCode = told.exitCode;
    }
  } finally {
    await server.close();
  }
  return { out: stripVTControlCharacters(out), err, exitCode, calls: server.calls };
}
