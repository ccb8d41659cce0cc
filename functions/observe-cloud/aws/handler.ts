import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createAws, awsCredentials } from '../../../shared/clouds/aws/index.ts';
import { observed } from '../../../shared/runtime/observability.ts';
import { observeFrom } from '../wiring.ts';

/**
 * Reads one SQS batch. Environment and rights: see ../wiring.ts; the secret is `overcast/observers/aws/*`.
 */
export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(observed())
  .handler(observeFrom(process.env, { cloud: 'aws', schema: awsCredentials, create: createAws }));
