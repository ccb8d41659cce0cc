import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Log } from './log.ts';

/**
 * Carries out each message of a batch. One that fails goes back to its queue alone, and to the dead-letter queue after its
 * last try; the others are done.
 */
export const eachMessage =
  (log: Log, onMessage: (body: unknown) => Promise<void>) =>
  async ({ Records }: Pick<SQSEvent, 'Records'>): Promise<SQSBatchResponse> => {
    const batchItemFailures: { itemIdentifier: string }[] = [];
    // One after the other: the messages of one batch may be about the same cluster.
    for (const { messageId, body } of Records) {
      try {
        await onMessage(JSON.parse(body));
      } catch (error) {
        log.error('message failed', { messageId, error });
        batchItemFailures.push({ itemIdentifier: messageId });
      }
    }
    return { batchItemFailures };
  };
