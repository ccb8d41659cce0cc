import middy from '@middy/core';
import { createDigitalOcean, digitalOceanCredentials } from '../../../shared/clouds/digitalocean/index.ts';
import { observed, validated } from '../../../shared/runtime/observability.ts';
import { drive, driveRequest } from '../drive.ts';
import { drivePartsFrom } from '../wiring.ts';

/**
 * Task of all state machines. Environment and rights: see ../wiring.ts; the secret is `overcast/accounts/digitalocean/*`.
 */
export const handler = middy()
  .use(observed())
  .use(validated(driveRequest))
  .handler(
    drive(
      drivePartsFrom(process.env, {
        cloud: 'digitalocean',
        schema: digitalOceanCredentials,
        create: createDigitalOcean,
      }),
    ),
  );
