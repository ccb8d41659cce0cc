import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createDigitalOcean, digitalOceanCredentials } from '../../../shared/clouds/digitalocean/index.ts';
import { observed } from '../../../shared/runtime/observability.ts';
import { observeFrom } from '../wiring.ts';

/**
 * Reads one SQS batch. Environment and rights: see ../wiring.ts; the secret is `overcast/observers/digitalocean/*`.
 */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(observed())
  .handler(
    observeFrom(process.env, {
      cloud: 'digitalocean',
      schema: digitalOceanCredentials,
      create: createDigitalOcean,
    }),
  );
