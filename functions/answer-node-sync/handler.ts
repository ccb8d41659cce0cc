import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { SyncRequest } from '../../shared/domain/node-protocol.ts';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { answerNode, readNodeCall } from '../../shared/runtime/node-http.ts';
import { createPresigner } from '../../shared/runtime/presigned-url.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { answerSync } from './answer.ts';
import { syncRequest } from './sync-request.ts';

// POST …/sync, the call that counts: no KMS, no secrets. dynamodb:BatchGetItem, GetItem, PutItem, UpdateItem, Query;
// events:PutEvents as overcast.answer-node-sync; s3:PutObject, for the URLs of uploads.
const settings = settingsFrom(process.env);
const behaviour = answerSync({
  store: createTable(settings.tableName, systemClock),
  bus: createBus({
    client: createBusClient(),
    busName: settings.busName,
    source: 'overcast.answer-node-sync',
  }),
  clock: systemClock,
  log,
  presign: createPresigner({ bucket: settings.snapshotBucket, environment: process.env }),
});

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
  .use(observed())
  .handler((event) =>
    answerNode(event, async () => {
      const call = readNodeCall(event, syncRequest);
      return behaviour({ ...call, body: call.body as SyncRequest });
    }),
  );
