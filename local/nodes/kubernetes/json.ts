/** A JSON object whose fields are not known yet. */
export type Json = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The record in that place, or an empty one: what is read of an object may be absent. */
export const recordOf = (value: unknown): Json => (isRecord(value) ? value : {});

export const listOf = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.filter((each) => isRecord(each)) : [];

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export const stringsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

export const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
