import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { openKms, type Kms } from '../../local/aws/stores/kms.ts';
import { openDisk } from '../../local/disk.ts';
import { createClusterPki } from './certificates.ts';
import { createDataKeys, openPki, sealPki, systemRandomBytes } from './pki.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const otherId = '00000000-0000-4000-8000-000000000000';

const key = (letter: string) => {
  const ref = `${letter.repeat(8)}-0000-4000-8000-000000000000`;
  return {
    logicalId: letter,
    ref,
    attribute: () => `arn:aws:kms:us-east-1:000000000000:key/${ref}`,
    properties: {
      KeyPolicy: {
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: 'arn:aws:iam::000000000000:root' },
            Action: 'kms:*',
            Resource: '*',
          },
        ],
      },
    },
  };
};
const [ours, another] = [key('a'), key('b')];

let kms: Kms;
let client: KMSClient;
const asked: { action: string; context: unknown }[] = [];
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const action = String(request.headers['x-amz-target']).replace('TrentService.', '');
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    asked.push({ action, context: kms.permissions(action, body)[0]?.permission.context });
    try {
      response.end(JSON.stringify(kms.call(action, body)));
    } catch (error) {
      response.writeHead(400);
      response.end(JSON.stringify({ __type: (error as Error).name, message: 'no' }));
    }
  });
});

beforeAll(async () => {
  const stack = { all: (type: string) => (type === 'AWS::KMS::Key' ? [ours, another] : []) };
  kms = openKms(stack as unknown as Parameters<typeof openKms>[0], openDisk({ name: 'test' }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new KMSClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});
afterAll(async () => {
  client.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

describe('authorities under KMS, through its own client', () => {
  it('open for their cluster and purpose, with their key, and for nothing else', async () => {
    const dataKeys = createDataKeys({ client, keyId: ours.ref });
    const pki = await createClusterPki({ clusterId, now: exampleTime, randomBytes: systemRandomBytes });
    const stored = await sealPki(pki, { dataKeys, randomBytes: systemRandomBytes });
    const opened = await openPki(stored, clusterId, { dataKeys });
    expect(opened.cluster.privateKey.reveal()).toBe(pki.cluster.privateKey.reveal());

    await expect(openPki({ ...stored, clusterId: otherId }, otherId, { dataKeys })).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    });
    const wrong = createDataKeys({ client, keyId: another.ref });
    await expect(openPki(stored, clusterId, { dataKeys: wrong })).rejects.toMatchObject({
      name: 'IncorrectKeyException',
    });
    // What roles are limited by is in every call.
    const purpose = { 'kms:EncryptionContext:overcast:purpose': ['pki'] };
    expect(asked.map(({ action }) => action)).toEqual(['GenerateDataKey', 'Decrypt', 'Decrypt', 'Decrypt']);
    for (const { context } of asked) expect(context).toMatchObject(purpose);
  });
});
