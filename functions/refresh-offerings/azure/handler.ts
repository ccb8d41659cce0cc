import middy from '@middy/core';
import { createAzureOfferings, azureCredentials } from '../../../shared/clouds/azure/offerings.ts';
import { observed, validated } from '../../../shared/runtime/observability.ts';
import { refreshRequest } from '../refresh.ts';
import { refreshFrom } from '../wiring.ts';

/**
 * Reads what the cloud sells. Environment and rights: see ../wiring.ts; the secret is `overcast/observers/azure/*`.
 */
export const handler = middy()
  .use(observed())
  .use(validated(refreshRequest))
  .handler(
    refreshFrom(process.env, { cloud: 'azure', schema: azureCredentials, create: createAzureOfferings }),
  );
