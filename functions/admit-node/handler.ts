import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { createMac, createMacClient } from '../../shared/runtime/mac.ts';
import { answerNode, readNodeCall } from '../../shared/runtime/node-http.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { admit, admitRequest } from './admit.ts';

// POST …/admit. dynamodb:GetItem, UpdateItem; kms:VerifyMac.
const settings = settingsFrom(process.env);
const behaviour = admit({
  store: createTable(settings.tableName, systemClock),
  mac: createMac({ client: createMacClient(), keyId: settings.tokenKeyId }),
  clock: systemClock,
  log,
});

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
  .use(observed())
  .handler((event) => answerNode(event, async () => behaviour(readNodeCall(event, admitRequest))));
