import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Keeps a second platform out of the same state folder. The operating system holds the lock, so that it goes with the
 * process however that ends.
 *
 * @throws with a plain sentence when the folder is in use
 */
export function lockFolder(folder: string): { release(): void } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, 'lock.sqlite'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (error) {
    database.close();
    throw new Error(`the state folder ${folder} is in use by another local platform`, { cause: error });
  }
  return { release: () => database.close() };
}
