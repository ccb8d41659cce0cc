import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where an installation is and how to be let in. */
export interface Context {
  readonly url: string;
  readonly apiKey: string;
}

interface ConfigFile {
  readonly current?: string;
  readonly contexts?: Readonly<Record<string, Context>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const configPath = (environment: Environment): string =>
  join(environment['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'overcast', 'config.json');

/** Something the user can mend; its message is all they see. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

function read(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    return JSON.parse(text) as ConfigFile;
  } catch {
    throw new UsageError(`${path} is not JSON; mend or remove it`);
  }
}

/** OVERCAST_URL and OVERCAST_API_KEY, else the current context of the configuration file. */
export function currentContext(environment: Environment): Context {
  const url = environment['OVERCAST_URL'];
  const apiKey = environment['OVERCAST_API_KEY'];
  if (url !== undefined && apiKey !== undefined) return { url, apiKey };
  const path = configPath(environment);
  const { current, contexts } = read(path);
  const context = current === undefined ? undefined : contexts?.[current];
  if (context === undefined)
    throw new UsageError(
      'no Overcast installation is known here: run `npm start` for a local one, or set OVERCAST_URL and OVERCAST_API_KEY',
    );
  return { url: url ?? context.url, apiKey: apiKey ?? context.apiKey };
}

/** Remembers an installation and makes it the current one; the file is its owner's alone. */
export function saveContext(environment: Environment, name: string, context: Context): string {
  const path = configPath(environment);
  const config = read(path);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next: ConfigFile = { ...config, current: name, contexts: { ...config.contexts, [name]: context } };
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(next, undefined, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
  return path;
}
