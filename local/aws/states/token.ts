import { randomBytes } from 'node:crypto';
import { refusal } from './failures.ts';

/** A task token says whose it is, so that none has to be looked up; the nonce makes it one that only its holder knows. */
export const newToken = (executionArn: string, strand: number): string =>
  Buffer.from(JSON.stringify([executionArn, strand, randomBytes(18).toString('base64url')])).toString(
    'base64url',
  );

/** @throws `InvalidToken` for what never was a token. */
export function readToken(token: unknown): { executionArn: string; strand: number } {
  if (typeof token === 'string' && token.length > 0 && token.length <= 2048) {
    try {
      const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
      if (Array.isArray(parts)) {
        const [executionArn, strand] = parts as unknown[];
        if (typeof executionArn === 'string' && typeof strand === 'number') return { executionArn, strand };
      }
    } catch {
      // Not JSON: refused below.
    }
  }
  throw refusal('InvalidToken', "Invalid Token: 'Invalid token'");
}
