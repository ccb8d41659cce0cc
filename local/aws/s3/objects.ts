import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Collection, Disk } from '../../disk.ts';

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** MD5 in hex, without quotation marks. */
  readonly etag: string;
  readonly contentType: string;
  readonly modifiedMs: number;
}

/** One bucket's objects: what is known of them in the disk's collection, their bytes in files beside it. */
export interface Objects {
  get(key: string): { readonly object: StoredObject; readonly body: Buffer } | undefined;
  head(key: string): StoredObject | undefined;
  put(key: string, body: Buffer, contentType: string): StoredObject;
  delete(key: string): void;
  /** In S3's order: by the bytes of the keys. */
  list(prefix: string): StoredObject[];
}

export function openObjects(options: {
  readonly bucket: string;
  readonly disk: Disk;
  /** In memory when absent. */
  readonly folder: string | undefined;
  /** From then on an object is no longer there, as the bucket's lifecycle says. */
  readonly daysMax: number | undefined;
  readonly now: () => number;
}): Objects {
  const { bucket, now, daysMax } = options;
  const known: Collection<StoredObject> = options.disk.collection(`s3/${bucket}`);
  const memory = new Map<string, Buffer>();
  const folder = options.folder === undefined ? undefined : join(options.folder, 's3', bucket);
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (key: string): string => join(folder ?? '', createHash('sha256').update(key).digest('hex'));

  const remove = (key: string): void => {
    known.delete(key);
    if (folder === undefined) memory.delete(key);
    else rmSync(fileOf(key), { force: true });
  };
  const head = (key: string): StoredObject | undefined => {
    const object = known.get(key);
    const isExpired =
      object !== undefined &&
      daysMax !== undefined &&
      now() - object.modifiedMs > daysMax * 24 * 60 * 60 * 1000;
    if (isExpired) remove(key);
    return isExpired ? undefined : object;
  };

  return {
    head,
    get(key) {
      const object = head(key);
      if (object === undefined) return undefined;
      const body = folder === undefined ? memory.get(key) : readFileSync(fileOf(key));
      return body === undefined ? undefined : { object, body };
    },
    put(key, body, contentType) {
      if (folder === undefined) memory.set(key, Buffer.from(body));
      else writeFileSync(fileOf(key), body, { mode: 0o600 });
      const object = {
        key,
        bytes: body.length,
        etag: createHash('md5').update(body).digest('hex'),
        contentType,
        modifiedMs: now(),
      };
      known.set(key, object);
      return object;
    },
    delete: remove,
    list: (prefix) =>
      known
        .entries()
        .map(([key]) => key)
        .filter((key) => key.startsWith(prefix))
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .map(head)
        .filter((object) => object !== undefined),
  };
}
