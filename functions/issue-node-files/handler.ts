import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { FilesRequest } from '../../shared/domain/node-protocol.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { answerNode, readNodeCall } from '../../shared/runtime/node-http.ts';
import { createPresigner } from '../../shared/runtime/presigned-url.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { createDataKeys, createKmsClient, systemRandomBytes } from '../../shared/runtime/pki.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { filesRequest } from './files-request.ts';
import { issueFiles } from './issue.ts';

// POST …/files. dynamodb:BatchGetItem, GetItem, PutItem, Query; kms:GenerateDataKey and Decrypt for clusters' authorities;
// s3:GetObject, for the URL of the snapshot that a cluster is restored from.
const settings = settingsFrom(process.env);
const behaviour = issueFiles({
  store: createTable(settings.tableName, systemClock),
  dataKeys: createDataKeys({ client: createKmsClient(), keyId: settings.pkiKeyId }),
  randomBytes: systemRandomBytes,
  clock: systemClock,
  log,
  zone: settings.hostedZone,
  presign: createPresigner({ bucket: settings.snapshotBucket, environment: process.env }),
});

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
  .use(observed())
  .handler((event) =>
    answerNode(event, async () => {
      const call = readNodeCall(event, filesRequest);
      return behaviour({ ...call, body: call.body as FilesRequest });
    }),
  );
