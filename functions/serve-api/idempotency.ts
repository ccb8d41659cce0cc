import { createHash } from 'node:crypto';
import type { ApiDependencies, Caller } from './api.ts';
import { Problem } from './problem.ts';

export const keyPattern = /^[\x21-\x7e]{1,128}$/;

/** Ids that the same caller and key always give: a repeated change finds its own first try, wherever that died. */
function* derivedIds(caller: Caller, key: string): Generator<string, never> {
  for (let index = 0; ; index += 1) {
    const hex = createHash('sha256').update(`${caller.key.hash}|${key}|${index}`).digest('hex');
    // RFC 9562, version 8: the bits are ours but for version and variant.
    const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0b0011) | 0b1000).toString(16);
    yield `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }
}

/**
 * Where a change gets its ids from: fresh ones, or with an Idempotency-Key those that belong to it.
 *
 * @param subject what the change is made to, and everything it asks for.
 * @throws Problem 422 when the key was used for something else within 24 hours.
 */
export async function idSource(
  { store, clock, newId }: Pick<ApiDependencies, 'store' | 'clock' | 'newId'>,
  caller: Caller,
  key: string | undefined,
  subject: unknown,
): Promise<() => string> {
  if (key === undefined) return newId;
  if (!keyPattern.test(key))
    throw new Problem(400, 'Idempotency-Key: 1 to 128 printable characters without spaces');
  const bodyHash = createHash('sha256').update(JSON.stringify(subject)).digest('hex');
  const ids = derivedIds(caller, key);
  const remembered = await store.requests.remember(caller.key.hash, key, {
    bodyHash,
    clusterId: ids.next().value,
    createdAt: clock.now(),
  });
  if (remembered.bodyHash !== bodyHash)
    throw new Problem(422, 'Idempotency-Key: was used for another request; use a new one');
  const fromTheStart = derivedIds(caller, key);
  return () => fromTheStart.next().value;
}
