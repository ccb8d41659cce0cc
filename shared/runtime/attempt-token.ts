import { createHash } from 'node:crypto';
import type { NodeId } from '../domain/ids.ts';

/**
 * The idempotency key of one attempt at one node: a UUID of version 8 (RFC 9562, custom), made from both, so that each
 * repeat of a create carries the same one without anybody having to store it.
 */
export function attemptToken(nodeId: NodeId, attempt: number): string {
  const hex = createHash('sha256').update(`${nodeId}|${attempt}`).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
