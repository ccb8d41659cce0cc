import * as z from 'zod/mini';

/**
 * The secret of an AWS account: an access key of a user that may do what index.ts lists. With `endpoint` the driver
 * talks to that URL instead of AWS, whatever the region.
 */
export const awsCredentials = z.strictObject({
  accessKeyId: z.string().check(z.minLength(1)),
  secretAccessKey: z.string().check(z.minLength(1)),
  sessionToken: z.optional(z.string()),
  endpoint: z.optional(z.url()),
});
export type AwsCredentials = z.infer<typeof awsCredentials>;
