import type { NodeId } from '../domain/ids.ts';

/**
 * A bootstrap token binds one machine to one attempt at one node: `v1.<attempt>.<expiry>.<mac>`, where expiry is in
 * epoch seconds and mac is the base64url HMAC-SHA256 of its message under the installation's KMS key. It is computed, never
 * stored, so a repeated create sends the same bytes.
 */
export interface BootstrapToken {
  readonly attempt: number;
  readonly expiresAt: number;
  readonly mac: Uint8Array;
}

/** What the key signs: `<node id>|<attempt>|<expiry>`. */
export const bootstrapTokenMessage = (token: {
  readonly nodeId: NodeId;
  readonly attempt: number;
  readonly expiresAt: number;
}): Uint8Array => new TextEncoder().encode(`${token.nodeId}|${token.attempt}|${token.expiresAt}`);

export const formatBootstrapToken = (token: BootstrapToken): string =>
  `v1.${token.attempt}.${token.expiresAt}.${Buffer.from(token.mac).toString('base64url')}`;

const form = /^v1\.(\d{1,4})\.(\d{10})\.([A-Za-z0-9_-]{43})$/;

/** undefined: it has not the form of a token. That it has says nothing yet: the mac must be verified. */
export function parseBootstrapToken(text: string): BootstrapToken | undefined {
  const [, attempt, expiresAt, mac] = form.exec(text) ?? [];
  if (attempt === undefined || expiresAt === undefined || mac === undefined) return undefined;
  return { attempt: Number(attempt), expiresAt: Number(expiresAt), mac: Buffer.from(mac, 'base64url') };
}
