/** Ids are plain strings; the aliases say which is meant. */
export type ClusterId = string;
export type NodeId = string;
/** ISO 8601, UTC, milliseconds, as `Date#toISOString` writes it: sorts as text. */
export type Instant = string;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const isUuid = (value: string): boolean => uuid.test(value);

/** `2026-11-23T04:00:00.000Z` plus seconds. */
export const plusSeconds = (instant: Instant, seconds: number): Instant =>
  new Date(Date.parse(instant) + seconds * 1000).toISOString();

/** Seconds from `from` to `to`; negative when `to` is earlier. */
export const secondsBetween = (from: Instant, to: Instant): number =>
  (Date.parse(to) - Date.parse(from)) / 1000;
