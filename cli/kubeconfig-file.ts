import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { UsageError } from './context.ts';

/** Where kubectl looks first. */
export function kubeconfigPath(environment: Readonly<Record<string, string | undefined>>): string {
  const first = (environment['KUBECONFIG'] ?? '').split(delimiter).find((path) => path !== '');
  return first ?? join(homedir(), '.kube', 'config');
}

const lockTriesMax = 10;
const lockPauseMilliseconds = 100;

/**
 * Changes a kubeconfig whole or not at all, as its owner's alone. kubectl and its kind take `<file>.lock` while they write, so
 * it is taken here too. No copy of the old file is left: it would keep credentials that nobody looks after.
 *
 * @param change from the file's text, empty for none, to its next.
 * @returns the path of the file itself, where a link led to it.
 * @throws UsageError when it cannot be read or written; what `change` throws.
 */
export async function changeKubeconfig(path: string, change: (existing: string) => string): Promise<string> {
  const file = followed(resolve(path));
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const release = await lock(`${file}.lock`);
    try {
      write(file, change(read(file)));
    } finally {
      release();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === undefined ? error : new UsageError(`cannot change ${file}: ${message}`);
  }
  return file;
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** A link stays a link: people keep their files elsewhere, and link to what may not be there yet. */
function followed(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!isMissing(error)) return path;
  }
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? resolve(dirname(path), readlinkSync(path)) : path;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

function write(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    chmodSync(temporary, 0o600);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

async function lock(path: string): Promise<() => void> {
  for (let tries = 1; ; tries += 1) {
    try {
      closeSync(openSync(path, 'wx', 0o600));
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (tries >= lockTriesMax)
        throw new UsageError(
          `${path} is there: kubectl is writing, or died at it; remove it if nothing runs`,
        );
      await new Promise((resume) => setTimeout(resume, lockPauseMilliseconds));
    }
  }
}
