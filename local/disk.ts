import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * A keyed collection of plain JSON values in memory, written through to disk before `set` returns: killing the process
 * at any moment loses nothing that was answered. Values are copied on the way in and out, so nobody changes them in place.
 */
export interface Collection<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): boolean;
  values(): T[];
  entries(): [string, T][];
  readonly size: number;
}

/** One SQLite file for one part of the local platform; in memory when there is no folder. */
export interface Disk {
  collection<T>(name: string): Collection<T>;
  close(): void;
}

export function openDisk(options: { folder?: string; name: string }): Disk {
  if (options.folder !== undefined) mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const path = options.folder === undefined ? ':memory:' : join(options.folder, `${options.name}.sqlite`);
  // Secrets, keys and user-data are in it; SQLite gives the files beside it the same mode.
  if (options.folder !== undefined) closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path);
  // The write-ahead log survives the death of the process, which is all that a local platform promises.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;');
  database.exec(
    'CREATE TABLE IF NOT EXISTS item (collection TEXT, key TEXT, value TEXT, PRIMARY KEY (collection, key)) WITHOUT ROWID',
  );
  const put = database.prepare('INSERT OR REPLACE INTO item VALUES (?, ?, ?)');
  const remove = database.prepare('DELETE FROM item WHERE collection = ? AND key = ?');
  const load = database.prepare('SELECT key, value FROM item WHERE collection = ? ORDER BY key');

  return {
    collection<T>(name: string): Collection<T> {
      const texts = new Map<string, string>();
      for (const row of load.all(name)) texts.set(String(row['key']), String(row['value']));
      const parse = (text: string): T => JSON.parse(text) as T;
      return {
        get: (key) => {
          const text = texts.get(key);
          return text === undefined ? undefined : parse(text);
        },
        set: (key, value) => {
          const text = JSON.stringify(value);
          put.run(name, key, text);
          texts.set(key, text);
        },
        delete: (key) => {
          remove.run(name, key);
          return texts.delete(key);
        },
        values: () => [...texts.values()].map(parse),
        entries: () => [...texts].map(([key, text]) => [key, parse(text)]),
        get size() {
          return texts.size;
        },
      };
    },
    close: () => database.close(),
  };
}
