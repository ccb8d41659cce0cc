import * as z from 'zod/mini';
import { ranges } from '../../shared/domain/network.ts';
import { agentPhases } from '../../shared/domain/node-protocol.ts';
import { isInside, privateRanges } from '../../shared/planning/ranges.ts';

/** A node that hears nobody says so in 32 words as well as in 255. */
const silentPeersMax = 32;
/** An agent counts 500 at most; it may count more one day. */
const unschedulablePodsMax = 100_000;
const short = z.string().check(z.maxLength(256));
/** The networks are IPv4. Nothing with leading zeros: programs disagree on what it means. */
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** Where nobody on the internet lives: this network, carriers, loopback, link-local with the clouds' metadata, groups, the rest. */
const neverPublic = [
  ...privateRanges,
  '0.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
];
/** An endpoint inside the overlay would send the overlay's packets through itself. */
const neverPrivate = [ranges.overlay, ranges.services];
const isIn = (address: string, networks: readonly string[]): boolean =>
  networks.some((network) => isInside(address, network));

/** Empty until the machine knows it. The others of the mesh send their packets where these say. */
const publicAddress = z.string().check(
  z.refine((text) => text === '' || (ipv4.test(text) && !isIn(text, neverPublic)), {
    error: 'not a public IPv4 address',
  }),
);
const privateAddress = z
  .string()
  .check(
    z.refine(
      (text) => text === '' || (ipv4.test(text) && isIn(text, privateRanges) && !isIn(text, neverPrivate)),
      { error: 'not an address of a private IPv4 network' },
    ),
  );
const overlayAddress = z.string().check(
  z.refine((text) => ipv4.test(text) && isInside(text, ranges.overlay), {
    error: 'not an address of the overlay',
  }),
);
const seconds = z.int().check(z.minimum(0));
/** 32 bytes in base64, as `wg pubkey` prints them. */
const wireguardKey = z.string().check(z.regex(/^[A-Za-z0-9+/]{43}=$/));

/** What an agent sends; unknown fields are refused, so that a typo is found on the first call and not in an outage. */
export const syncRequest = z.strictObject({
  phase: z.enum(agentPhases),
  addresses: z.strictObject({ public: publicAddress, private: privateAddress }),
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
  unschedulablePods: z.optional(z.int().check(z.minimum(0), z.maximum(unschedulablePodsMax))),
  handshakes: z.optional(
    z.strictObject({
      oldestSeconds: z.optional(seconds),
      silent: z
        .array(z.strictObject({ overlayAddress, ageSeconds: z.optional(seconds) }))
        .check(z.maxLength(silentPeersMax)),
    }),
  ),
});
