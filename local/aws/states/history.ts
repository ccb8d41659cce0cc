import { refusal } from './failures.ts';
import type { HistoryEvent } from './live.ts';

/** Which events of an execution a page of GetExecutionHistory shows. */
export interface HistoryQuery {
  readonly firstEventId: number;
  readonly lastEventId: number;
  readonly maxResults: number;
  readonly nextToken: string | undefined;
  readonly reverse: boolean;
  readonly withData: boolean;
}

/** One page of events, and the token for the next one. */
export function pageOfHistory(
  query: HistoryQuery,
  event: (id: number) => HistoryEvent | undefined,
): { events: unknown[]; nextToken?: string } {
  const { firstEventId, lastEventId, reverse } = query;
  const begin = query.nextToken === undefined ? undefined : Number(readPageToken(query.nextToken)[0]);
  let id = begin ?? (reverse ? lastEventId : firstEventId);
  const events: unknown[] = [];
  while (id >= firstEventId && id <= lastEventId && events.length < query.maxResults) {
    const found = event(id);
    if (found !== undefined) events.push(shown(found, query.withData));
    id += reverse ? -1 : 1;
  }
  const more = id >= firstEventId && id <= lastEventId;
  return { events, ...(more ? { nextToken: pageToken([id]) } : {}) };
}

const payloads = new Set(['input', 'output', 'parameters', 'cause', 'error', 'assignedVariables']);

function shown(event: HistoryEvent, withData: boolean): unknown {
  const details = Object.fromEntries(
    Object.entries(event).map(([key, value]) => {
      if (key === 'timestamp') return [key, event.timestamp / 1000];
      if (withData || typeof value !== 'object' || value === null) return [key, value];
      return [key, Object.fromEntries(Object.entries(value).filter(([name]) => !payloads.has(name)))];
    }),
  );
  return details;
}

export const pageToken = (position: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/** @throws `InvalidToken` */
export function readPageToken(token: string): unknown[] {
  try {
    const position: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(position)) return position;
  } catch {
    // Refused below.
  }
  throw refusal('InvalidToken', `Invalid Token: '${token}'`);
}
