import * as z from 'zod/mini';

/**
 * The secret of an Azure account. Without `endpoint` it is an application (service principal) with a client secret, whose
 * role is Contributor, and where it only looks, Reader. With `endpoint` the driver talks plain HTTP to a simulator, and the
 * client's id stands for its token.
 */
export const azureCredentials = z
  .strictObject({
    subscriptionId: z.string().check(z.minLength(1)),
    tenantId: z.optional(z.string()),
    clientId: z.optional(z.string()),
    clientSecret: z.optional(z.string()),
    endpoint: z.optional(z.url()),
  })
  .check(
    z.refine(
      (secret) =>
        secret.endpoint !== undefined ||
        (secret.tenantId !== undefined && secret.clientId !== undefined && secret.clientSecret !== undefined),
      'tenantId, clientId and clientSecret are needed',
    ),
  );
export type AzureCredentials = z.infer<typeof azureCredentials>;
