import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

type Body = Readonly<Record<string, unknown>>;
export interface FakeAws {
  readonly url: string;
  /** `PutEvents`, … with their bodies, in order. */
  readonly calls: { readonly action: string; readonly body: Body }[];
  close(): Promise<void>;
}

const dataKey = createHash('sha256').update('data key').digest('base64');
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const entriesOf = (body: Body): readonly Body[] => (body['Entries'] ?? []) as readonly Body[];

/**
 * The AWS services around a function, as few words as its SDK needs to be content: what was sent is kept, and everything
 * succeeds. The table is not among them: that is a real one.
 */
export async function startFakeAws(secrets: Readonly<Record<string, string>>): Promise<FakeAws> {
  const answers: Readonly<Record<string, (body: Body) => Body>> = {
    GetSecretValue: ({ SecretId }) => ({ Name: SecretId, SecretString: secrets[String(SecretId)] }),
    GenerateMac: ({ KeyId, MacAlgorithm }) => ({
      KeyId,
      MacAlgorithm,
      Mac: createHash('sha256').update('mac').digest('base64'),
    }),
    VerifyMac: ({ KeyId, MacAlgorithm }) => ({ KeyId, MacAlgorithm, MacValid: true }),
    // A data key is its own ciphertext: what is sealed under it opens again, whoever asks.
    GenerateDataKey: ({ KeyId }) => ({ KeyId, Plaintext: dataKey, CiphertextBlob: dataKey }),
    Decrypt: ({ KeyId, CiphertextBlob }) => ({ KeyId, Plaintext: CiphertextBlob }),
    PutEvents: (body) => ({
      FailedEntryCount: 0,
      Entries: entriesOf(body).map((_, index) => ({ EventId: String(index) })),
    }),
    SendMessageBatch: (body) => ({
      Successful: entriesOf(body).map(({ Id, MessageBody }) => ({
        Id,
        MessageId: String(Id),
        MD5OfMessageBody: md5(String(MessageBody)),
      })),
    }),
    DescribeExecution: ({ executionArn }) => ({ executionArn, status: 'ABORTED' }),
    StopExecution: () => ({ stopDate: 0 }),
    SendTaskSuccess: () => ({}),
  };
  const calls: FakeAws['calls'] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const action =
        String(request.headers['x-amz-target'] ?? '')
          .split('.')
          .at(-1) ?? '';
      if (request.url?.includes('list-type=2') === true) {
        calls.push({ action: 'ListObjectsV2', body: { url: request.url } });
        response.writeHead(200, { 'content-type': 'application/xml' });
        response.end('<ListBucketResult/>');
        return;
      }
      const body = JSON.parse((await textOf(request)) || '{}') as Body;
      calls.push({ action, body });
      const answer = answers[action];
      response.writeHead(answer === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(
        JSON.stringify(answer?.(body) ?? { __type: 'UnknownOperationException', message: action }),
      );
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString('utf8');
  return text;
}
