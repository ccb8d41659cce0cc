import { createHash } from 'node:crypto';
import type { Instant } from '../../shared/domain/ids.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ApiDependencies, Caller } from './api.ts';

export const keyPattern = /^[\x21-\x7e]{1,128}$/;

/**
 * Ids that one use of a key always gives: a repeated change finds its own first try, wherever that died. The time of the
 * first try is in them, so that a key that is used anew a day later does not find what the old one made.
 */
function* derivedIds(caller: Caller, key: string, firstTriedAt: Instant): Generator<string, never> {
  for (let index = 0; ; index += 1) {
    const hex = createHash('sha256')
      .update(`${caller.key.hash}|${key}|${firstTriedAt}|${index}`)
      .digest('hex');
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
  const remembered = await store.requests.remember(caller.key.hash, key, {
    bodyHash,
    createdAt: clock.now(),
  });
  if (remembered.bodyHash !== bodyHash)
    throw new Problem(422, 'Idempotency-Key: was used for another request; use a new one');
  const ids = derivedIds(caller, key, remembered.createdAt);
  return () => ids.next().value;
}
