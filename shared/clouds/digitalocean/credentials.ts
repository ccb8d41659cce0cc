import * as z from 'zod/mini';

/** The secret of a DigitalOcean account: a personal access token with read and write scopes; who only looks, with read scopes. */
export const digitalOceanCredentials = z.strictObject({
  token: z.string().check(z.minLength(1)),
  /** A simulator's address; absent: DigitalOcean itself. */
  endpoint: z.optional(z.url()),
});
export type DigitalOceanCredentials = z.infer<typeof digitalOceanCredentials>;
