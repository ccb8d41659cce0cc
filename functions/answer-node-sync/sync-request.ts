import * as z from 'zod/mini';
import { agentPhases } from '../../shared/domain/node-protocol.ts';

const short = z.string().check(z.maxLength(256));
const address = z.string().check(z.maxLength(45), z.regex(/^[0-9a-fA-F.:]*$/));
/** 32 bytes in base64, as `wg pubkey` prints them. */
const wireguardKey = z.string().check(z.regex(/^[A-Za-z0-9+/]{43}=$/));

/** What an agent sends; unknown fields are refused, so that a typo is found on the first call and not in an outage. */
export const syncRequest = z.strictObject({
  phase: z.enum(agentPhases),
  addresses: z.strictObject({ public: address, private: address }),
  wireguardPublicKey: wireguardKey,
  meshVersion: z.int().check(z.minimum(0)),
  result: z.optional(
    z.strictObject({
      instructionId: short,
      ok: z.boolean(),
      output: z.optional(z.string().check(z.maxLength(4096))),
    }),
  ),
  failure: z.optional(
    z.strictObject({
      reason: z.string().check(z.minLength(1), z.maxLength(512)),
      log: z.optional(z.string().check(z.maxLength(4096))),
    }),
  ),
  interruption: z.optional(
    z.strictObject({ kind: z.enum(['terminate', 'rebalance']), at: z.optional(short) }),
  ),
});
