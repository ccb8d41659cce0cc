import middy from '@middy/core';
import {
  createDigitalOceanOfferings,
  digitalOceanCredentials,
} from '../../../shared/clouds/digitalocean/offerings.ts';
import { observed, validated } from '../../../shared/runtime/observability.ts';
import { refreshRequest } from '../refresh.ts';
import { refreshFrom } from '../wiring.ts';

/**
 * Reads what the cloud sells. Environment and rights: see ../wiring.ts; the secret is `overcast/observers/digitalocean/*`.
 */
export const handler = middy()
  .use(observed())
  .use(validated(refreshRequest))
  .handler(
    refreshFrom(process.env, {
      cloud: 'digitalocean',
      schema: digitalOceanCredentials,
      create: createDigitalOceanOfferings,
    }),
  );
