import type { Instant } from '../domain/ids.ts';
import type { StoredCredential } from '../domain/sealed-keys.ts';

/**
 * The platform's credential is replaced when less than a third of its life is left: early enough that hours without a
 * successful rotation lock nobody out, and never by the call that needs it while the old one still serves.
 */
export function needsRotation(
  credential: Pick<StoredCredential, 'notBefore' | 'notAfter'>,
  now: Instant,
): 'no' | 'soon' | 'now' {
  const begins = Date.parse(credential.notBefore);
  const ends = Date.parse(credential.notAfter);
  const left = ends - Date.parse(now);
  if (left <= 0) return 'now';
  return left < (ends - begins) / 3 ? 'soon' : 'no';
}
