/** A cursor that no page of ours ever gave: the caller's mistake, a 400. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
  constructor() {
    super('the cursor is not one that an earlier page gave');
  }
}

/** Opaque to callers, so that what it holds may change: base64url of a JSON array of strings. */
export const encodeCursor = (parts: readonly string[]): string =>
  Buffer.from(JSON.stringify(parts)).toString('base64url');

/** @throws InvalidCursor unless it holds exactly that many strings. */
export function decodeCursor(cursor: string, parts: number): readonly string[] {
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    throw new InvalidCursor();
  }
  if (!Array.isArray(decoded) || decoded.length !== parts) throw new InvalidCursor();
  return decoded.map((part: unknown) => {
    if (typeof part !== 'string' || part.length === 0 || part.length > 512) throw new InvalidCursor();
    return part;
  });
}
