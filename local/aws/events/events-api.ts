import { arnOf } from '../addresses.ts';
import type { Caller, Guard } from '../iam/guard.ts';
import { AwsError, isJson, text, type Json } from '../wire.ts';
import type { Events } from './events.ts';

/** EventBridge's limits: entries per request, and bytes of all entries together. */
const entriesMax = 10;
const bytesMax = 256 * 1024;

/** PutEvents, the one action of EventBridge that functions call. */
export function createEventsApi(
  events: Events,
  guard: Guard,
): (action: string, body: Json, caller: Caller) => Promise<Json> {
  const putOne = async (entry: Json): Promise<Json> => {
    const [source, detailType, detail] = ['Source', 'DetailType', 'Detail'].map((name) => text(entry, name));
    if (source === undefined || detailType === undefined || detail === undefined)
      return {
        ErrorCode: 'InvalidArgument',
        ErrorMessage:
          'Parameter Source, DetailType and Detail are needed. Reason: they are required arguments.',
      };
    if (source.startsWith('aws.'))
      return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: `Not authorized for the source.` };
    const parsed = parsedDetail(detail);
    if (parsed === undefined) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
    const resources = entry['Resources'];
    const time = entry['Time'];
    const id = await events.put(text(entry, 'EventBusName') ?? 'default', {
      source,
      detailType,
      detail: parsed,
      ...(Array.isArray(resources) ? { resources: resources.map(String) } : {}),
      ...(typeof time === 'number' ? { time: `${new Date(time * 1000).toISOString().slice(0, 19)}Z` } : {}),
    });
    return { EventId: id };
  };

  return async (action, body, caller) => {
    if (action !== 'PutEvents')
      throw new AwsError('UnknownOperationException', `events:${action} is not served here`);
    const entries = (Array.isArray(body['Entries']) ? body['Entries'] : []).filter(isJson);
    if (entries.length === 0 || entries.length > entriesMax)
      throw new AwsError(
        'ValidationException',
        `1 validation error detected: Entries must have 1 to ${entriesMax} members`,
      );
    const bytes = entries.reduce(
      (sum, entry) =>
        sum +
        Buffer.byteLength(['Source', 'DetailType', 'Detail'].map((name) => text(entry, name) ?? '').join('')),
      0,
    );
    if (bytes > bytesMax)
      throw new AwsError(
        'ValidationException',
        'Total size of the entries in the request is over the limit.',
      );
    for (const entry of entries) {
      const bus = (text(entry, 'EventBusName') ?? 'default').replace(/^.*event-bus\//, '');
      guard.demand(caller, {
        action: 'events:PutEvents',
        resources: [arnOf('events', `event-bus/${bus}`)],
        context: {
          'events:source': [text(entry, 'Source') ?? ''],
          'events:detail-type': [text(entry, 'DetailType') ?? ''],
        },
      });
    }
    const results = await Promise.all(entries.map(putOne));
    return {
      FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
      Entries: results,
    };
  };
}

const parsedDetail = (detail: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(detail);
    return isJson(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
