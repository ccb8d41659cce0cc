import { badRequest, expired } from '../errors.ts';
import type { KubernetesObject } from '../model.ts';

const snapshotsMax = 32;
const validSeconds = 300;

export interface Page {
  readonly items: readonly KubernetesObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/**
 * Lists that are read page by page: every page is of the moment of the first. Objects are never changed in place, so a
 * snapshot is no more than a list of what was there.
 */
export interface Snapshots {
  first(items: readonly KubernetesObject[], resourceVersion: string, limit: number): Page;
  /** @throws ApiError Expired when the snapshot is no longer kept. */
  next(token: string, limit: number): Page;
}

interface Snapshot {
  readonly items: readonly KubernetesObject[];
  readonly resourceVersion: string;
  readonly takenAt: number;
}

export function createSnapshots(now: () => number): Snapshots {
  const kept = new Map<string, Snapshot>();
  let last = 0;

  const page = (id: string, { items, resourceVersion }: Snapshot, from: number, limit: number): Page => {
    const to = limit > 0 ? Math.min(from + limit, items.length) : items.length;
    return {
      items: items.slice(from, to),
      resourceVersion,
      ...(to < items.length
        ? {
            continue: Buffer.from(JSON.stringify({ id, from: to })).toString('base64url'),
            remainingItemCount: items.length - to,
          }
        : {}),
    };
  };

  return {
    first: (items, resourceVersion, limit) => {
      const snapshot = { items, resourceVersion, takenAt: now() };
      if (limit <= 0 || items.length <= limit) return page('', snapshot, 0, limit);
      last += 1;
      const id = `${resourceVersion}-${last}`;
      kept.set(id, snapshot);
      const [oldest] = kept.keys();
      if (kept.size > snapshotsMax && oldest !== undefined) kept.delete(oldest);
      return page(id, snapshot, 0, limit);
    },
    next: (token, limit) => {
      const { id, from } = readToken(token);
      const snapshot = kept.get(id);
      if (snapshot === undefined || now() - snapshot.takenAt > validSeconds * 1000) {
        kept.delete(id);
        throw expired(
          'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
        );
      }
      return page(id, snapshot, from, limit);
    },
  };
}

function readToken(token: string): { readonly id: string; readonly from: number } {
  try {
    const { id, from } = JSON.parse(Buffer.from(token, 'base64url').toString()) as {
      id: unknown;
      from: unknown;
    };
    if (typeof id === 'string' && typeof from === 'number' && from >= 0) return { id, from };
  } catch {
    // Said below.
  }
  throw badRequest('continue key is not valid');
}
