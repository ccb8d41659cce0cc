import middy from '@middy/core';
import { createGcp, gcpCredentials } from '../../../shared/clouds/gcp/index.ts';
import { observed, validated } from '../../../shared/runtime/observability.ts';
import { drive, driveRequest } from '../drive.ts';
import { drivePartsFrom } from '../wiring.ts';

/**
 * Task of all state machines. Environment and rights: see ../wiring.ts; the secret is `overcast/accounts/gcp/*`.
 */
export const handler = middy()
  .use(observed())
  .use(validated(driveRequest))
  .handler(drive(drivePartsFrom(process.env, { cloud: 'gcp', schema: gcpCredentials, create: createGcp })));
