import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import * as z from 'zod/mini';
import type { Detail, EventDefinition } from '../../events/event.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- any definition at all: its own schema types its detail
export type AnyEvent = EventDefinition<string, any>;

export interface Bus {
  /** Says that something happened. Its state is already written: a lost event is found by the tick. */
  say<E extends AnyEvent>(definition: E, detail: Detail<E>): Promise<void>;
  /** The same event for several subjects, in batches. */
  sayAll<E extends AnyEvent>(definition: E, details: readonly Detail<E>[]): Promise<void>;
}

const entriesPerCallMax = 10;
const callsPerBatchMax = 3;

/**
 * @param source who speaks: `overcast.<part>`, one of the definition's sources.
 * @throws when a detail is not of its event's form, when this source may not say it, and when entries were still refused
 *   after three calls.
 */
export function createBus(options: {
  readonly client: Pick<EventBridgeClient, 'send'>;
  readonly busName: string;
  readonly source: `overcast.${string}`;
}): Bus {
  const { client, busName, source } = options;

  async function put(entries: readonly PutEventsRequestEntry[]): Promise<void> {
    let left = entries;
    for (let call = 1; left.length > 0; call += 1) {
      const answer = await client.send(new PutEventsCommand({ Entries: [...left] }));
      if ((answer.FailedEntryCount ?? 0) === 0) return;
      // Entries succeed and fail one by one: only the refused ones are said again.
      const refused = left.filter((_, index) => answer.Entries?.[index]?.ErrorCode !== undefined);
      if (call === callsPerBatchMax) {
        const codes = new Set(answer.Entries?.flatMap(({ ErrorCode }) => ErrorCode ?? []));
        throw new Error(`${refused.length} events were refused by the bus: ${[...codes].join(', ')}`);
      }
      left = refused;
    }
  }

  async function sayAll<E extends AnyEvent>(definition: E, details: readonly Detail<E>[]): Promise<void> {
    if (!definition.sources.includes(source)) throw new Error(`${source} may not say ${definition.name}`);
    const entries = details.map((detail) => ({
      EventBusName: busName,
      Source: source,
      DetailType: definition.name,
      Detail: JSON.stringify(z.parse(definition.schema, detail)),
    }));
    for (let first = 0; first < entries.length; first += entriesPerCallMax) {
      await put(entries.slice(first, first + entriesPerCallMax));
    }
  }

  return { say: (definition, detail) => sayAll(definition, [detail]), sayAll };
}

export const createBusClient = (): EventBridgeClient => new EventBridgeClient({});
