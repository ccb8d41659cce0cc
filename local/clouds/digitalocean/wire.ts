import { randomUUID } from 'node:crypto';
import type * as z from 'zod/mini';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';

/** Answers and refusals in DigitalOcean's own words: every error is `{ id, message, request_id }`. */

/** A refusal on its way to the wire. */
export class Refusal extends Error {
  readonly status: number;
  readonly id: string;

  constructor(status: number, id: string, message: string) {
    super(message);
    this.status = status;
    this.id = id;
  }
}

export const unprocessable = (message: string): Refusal => new Refusal(422, 'unprocessable_entity', message);
export const notFound = (): Refusal =>
  new Refusal(404, 'not_found', 'The resource you were accessing could not be found.');
export const conflict = (message: string): Refusal => new Refusal(409, 'conflict', message);

export const json = (
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): SimulatedResponse => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body: JSON.stringify(value),
});

export const noContent: SimulatedResponse = { status: 204 };

export const refused = (
  { status, id, message }: Pick<Refusal, 'status' | 'id' | 'message'>,
  headers: Readonly<Record<string, string>> = {},
): SimulatedResponse => json(status, { id, message, request_id: randomUUID() }, headers);

/** The body, refused where it has a field or a type that the API's description does not. */
export function bodyOf<T>(request: SimulatedRequest, schema: z.ZodMiniType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw new Refusal(400, 'bad_request', 'Unable to parse JSON body.');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const what =
    issue?.code === 'unrecognized_keys' ? `unknown field ${issue.keys.join(', ')}` : issue?.message;
  throw unprocessable(`${issue?.path.join('.') ?? ''} ${what ?? 'is invalid'}`.trim());
}

/** Refuses query parameters that the route does not know, as a misspelt filter would otherwise match everything. */
export function queryOf(request: SimulatedRequest, known: readonly string[]): URLSearchParams {
  for (const name of request.url.searchParams.keys()) {
    if (!known.includes(name)) throw unprocessable(`unknown parameter ${name}`);
  }
  return request.url.searchParams;
}

const positive = (text: string | null, otherwise: number): number => {
  if (text === null) return otherwise;
  if (!/^[1-9]\d*$/.test(text)) throw unprocessable('page and per_page must be positive integers');
  return Number(text);
};

/** A page in the API's manner: `{ <name>: […], links: { pages: { next, last } }, meta: { total } }`. */
export function page(
  request: SimulatedRequest,
  name: string,
  rows: readonly unknown[],
  pageSize: (asked: number, apiMax: number) => number,
): SimulatedResponse {
  const query = request.url.searchParams;
  const size = pageSize(positive(query.get('per_page'), 20), 200);
  const number = positive(query.get('page'), 1);
  const last = Math.max(1, Math.ceil(rows.length / size));
  const link = (to: number): string => {
    const url = new URL(request.url);
    url.searchParams.set('page', String(to));
    url.searchParams.set('per_page', String(size));
    return url.href;
  };
  return json(200, {
    [name]: rows.slice((number - 1) * size, number * size),
    links: number < last ? { pages: { next: link(number + 1), last: link(last) } } : {},
    meta: { total: rows.length },
  });
}
