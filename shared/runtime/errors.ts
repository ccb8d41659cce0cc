/**
 * Somebody else owns this now, or it is no longer wanted: the run ends quietly. State machines match the name, and
 * bundles are minified, so it is set literally.
 */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

export const isSuperseded = (error: unknown): error is Superseded => error instanceof Superseded;

/** A node has used up its attempts, or nothing is left to try: no repetition changes that. */
export class AttemptsExhausted extends Error {
  override readonly name = 'AttemptsExhausted';
}

/** What called us sent something else than its contract says. */
export class InvalidPayload extends Error {
  override readonly name = 'InvalidPayload';
}
