import * as z from 'zod/mini';

/**
 * What an agent sends. Project, subscription and resource group become part of the Node's provider id, so they have the
 * forms that their clouds give them, and nothing else passes.
 */
export const filesRequest = z.strictObject({
  attempt: z.int().check(z.minimum(1)),
  kubernetes: z.string().check(z.regex(/^v1\.\d{1,3}\.\d{1,3}$/)),
  place: z.optional(
    z.strictObject({
      /** `my-project-1`, or of an organisation's domain `example.com:my-project-1` */
      project: z.optional(
        z.string().check(z.regex(/^(?:[a-z][a-z0-9.-]{0,61}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/)),
      ),
      subscriptionId: z.optional(z.guid()),
      resourceGroup: z.optional(z.string().check(z.regex(/^[\w().-]{0,89}[\w()-]$/))),
    }),
  ),
});
