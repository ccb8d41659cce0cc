import { region } from '../addresses.ts';
import type { FunctionConfiguration, Outcome } from '../lambda/function.ts';
import { isJson, type Json } from '../wire.ts';
import type { Queues } from './queues.ts';

/** A queue that feeds a function. */
export interface EventSource {
  readonly queueArn: string;
  readonly function: FunctionConfiguration;
  readonly batchSize: number;
  readonly batchingWindowSeconds: number;
  readonly concurrencyMax: number;
  readonly reportsItemFailures: boolean;
}

interface Received {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly Attributes?: Json;
  readonly MessageAttributes?: Json;
}

/** SQS's own: at most ten per receive, at most 20 s per long poll. */
const receiveMax = 10;
const longPollSeconds = 20;

/**
 * Polls the queue, invokes the function with batches, deletes what was done. What failed comes back after the queue's
 * visibility timeout, divided by `waitScale`, and goes to the dead-letter queue as the queue says.
 */
export function startEventSource(
  source: EventSource,
  options: {
    readonly queues: Queues;
    readonly invoke: (configuration: FunctionConfiguration, payload: string) => Promise<Outcome>;
    readonly waitScale: number;
    readonly now: () => number;
    readonly log: (source: string, line: string) => void;
  },
): { readonly busy: number; close(): Promise<void> } {
  const { queues, log } = options;
  const queueUrl = queues.url(source.queueArn);
  const stop = new AbortController();
  const running = new Set<Promise<void>>();

  const receive = async (count: number, waitSeconds: number): Promise<Received[]> => {
    const { Messages } = await queues.call('ReceiveMessage', {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: Math.min(count, receiveMax),
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    });
    return Array.isArray(Messages) ? (Messages as Received[]) : [];
  };

  const nextBatch = async (): Promise<Received[]> => {
    const batch = await receive(source.batchSize, longPollSeconds);
    const until = options.now() + (source.batchingWindowSeconds * 1000) / options.waitScale;
    while (batch.length > 0 && batch.length < source.batchSize && !stop.signal.aborted) {
      const secondsLeft = Math.ceil((until - options.now()) / 1000);
      const more = await receive(source.batchSize - batch.length, Math.max(0, Math.min(secondsLeft, 1)));
      batch.push(...more);
      if (more.length === 0 && options.now() >= until) break;
    }
    return batch;
  };

  const record = (message: Received): Json => ({
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [
        name,
        isJson(value)
          ? {
              stringValue: value['StringValue'],
              binaryValue: value['BinaryValue'],
              dataType: value['DataType'],
            }
          : value,
      ]),
    ),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: source.queueArn,
    awsRegion: region,
  });

  const again = async (messages: readonly Received[]): Promise<void> => {
    const { Attributes } = await queues.call('GetQueueAttributes', {
      QueueUrl: queueUrl,
      AttributeNames: ['VisibilityTimeout'],
    });
    const seconds =
      Number((isJson(Attributes) ? Attributes : {})['VisibilityTimeout'] ?? 30) / options.waitScale;
    for (const { ReceiptHandle } of messages)
      await queues.call('ChangeMessageVisibility', {
        QueueUrl: queueUrl,
        ReceiptHandle,
        VisibilityTimeout: Math.max(1, Math.round(seconds)),
      });
  };

  const process = async (batch: readonly Received[]): Promise<void> => {
    const payload = JSON.stringify({ Records: batch.map(record) });
    // A throttled function is a failed batch: the messages come back.
    const outcome = await options.invoke(source.function, payload).catch((error: unknown): Outcome => ({
      ok: false,
      failure: { errorType: 'Lambda.TooManyRequestsException', errorMessage: String(error) },
    }));
    if (stop.signal.aborted) return;
    const failed = failedIds(outcome, source.reportsItemFailures);
    const isFailed = ({ MessageId }: Received): boolean => failed === 'all' || failed.has(MessageId);
    for (const message of batch)
      if (!isFailed(message))
        await queues.call('DeleteMessage', { QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle });
    const failures = batch.filter(isFailed);
    if (failures.length === 0) return;
    log('queues', `${failures.length} of ${batch.length} messages of ${source.function.name} failed`);
    await again(failures);
  };

  const poll = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      if (running.size >= source.concurrencyMax) {
        await Promise.race(running);
        continue;
      }
      const batch = await nextBatch();
      if (batch.length === 0 || stop.signal.aborted) continue;
      const work: Promise<void> = process(batch)
        .catch((error: unknown) => {
          if (!stop.signal.aborted) log('queues', `${source.function.name}: ${String(error)}`);
        })
        .finally(() => running.delete(work));
      running.add(work);
    }
  };
  const polling = poll().catch((error: unknown) => {
    if (!stop.signal.aborted) log('queues', `${source.function.name} is no longer fed: ${String(error)}`);
  });

  return {
    get busy() {
      return running.size;
    },
    close: async () => {
      stop.abort();
      await Promise.all([polling, ...running]);
    },
  };
}

/** Lambda's rule: an answer that does not say clearly which items failed means that all did. */
export function failedIds(outcome: Outcome, reportsItemFailures: boolean): 'all' | ReadonlySet<string> {
  if (!outcome.ok) return 'all';
  if (!reportsItemFailures) return new Set();
  const answer: unknown = JSON.parse(outcome.payload);
  if (answer === null) return new Set();
  const failures = isJson(answer) ? answer['batchItemFailures'] : undefined;
  if (failures === undefined || failures === null) return isJson(answer) ? new Set() : 'all';
  if (!Array.isArray(failures)) return 'all';
  const ids = new Set<string>();
  for (const each of failures as unknown[]) {
    const id = isJson(each) ? each['itemIdentifier'] : undefined;
    if (typeof id !== 'string' || id === '') return 'all';
    ids.add(id);
  }
  return ids;
}
