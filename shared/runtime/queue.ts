import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';

export interface Queue {
  /** Sends each body as one JSON message, to be had at once or after this many seconds (at most 900). */
  send(bodies: readonly unknown[], afterSeconds?: number): Promise<void>;
}

const messagesPerCallMax = 10;
const callsPerBatchMax = 3;

/** @throws when messages were still refused after three calls. */
export const createQueue = (options: {
  readonly client: Pick<SQSClient, 'send'>;
  readonly queueUrl: string;
}): Queue => ({
  async send(bodies, afterSeconds) {
    for (let first = 0; first < bodies.length; first += messagesPerCallMax) {
      let left = bodies.slice(first, first + messagesPerCallMax).map((body, index) => ({
        Id: String(index),
        MessageBody: JSON.stringify(body),
        ...(afterSeconds !== undefined && { DelaySeconds: afterSeconds }),
      }));
      for (let call = 1; left.length > 0; call += 1) {
        const answer = await options.client.send(
          new SendMessageBatchCommand({ QueueUrl: options.queueUrl, Entries: left }),
        );
        const refused = new Set(answer.Failed?.map(({ Id }) => Id));
        left = left.filter(({ Id }) => refused.has(Id));
        if (left.length > 0 && call === callsPerBatchMax)
          throw new Error(`${left.length} messages were refused by ${options.queueUrl}`);
      }
    }
  },
});

export const createQueueClient = (): SQSClient => new SQSClient({});
