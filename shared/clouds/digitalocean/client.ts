import ky, { isHTTPError, isNetworkError, isTimeoutError, type KyInstance } from 'ky';
import * as z from 'zod/mini';
import { CloudError } from '../errors.ts';
import type { DigitalOceanCredentials } from './credentials.ts';

/*
 * A small typed client of DigitalOcean's API v2 (https://docs.digitalocean.com/reference/api/). Why not the official
 * one: it repeats POST on 503, which can make two droplets. Here only what is idempotent is repeated.
 */

const origin = 'https://api.digitalocean.com';
const timeoutMilliseconds = 10_000;
const retriesMax = 2;
/** A throttle that asks for more is not slept through inside a function: the state machine waits. */
const retryAfterSecondsMax = 2;
/** The API's own limit. */
const pageSize = 200;
/** 200 pages of 200: more than any account's droplets. */
const pagesMax = 200;
/**
 * Pages are counted from the front: what is deleted meanwhile pulls the first row of the next page onto the last one,
 * where nobody sees it. Rows that do not add up to every page's total are read again, so often at most.
 */
const readingsMax = 3;

/** A request that was refused in words that only its caller can weigh: 404, 409, 422. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.status = status;
    this.code = code;
  }
}

export interface Client {
  /** One object; undefined when there is none. */
  find<T>(path: string, schema: z.ZodMiniType<T>): Promise<T | undefined>;
  /** All pages of a list. */
  list<T>(
    path: string,
    name: string,
    schema: z.ZodMiniType<T>,
    search?: Readonly<Record<string, string>>,
  ): Promise<readonly T[]>;
  /** Never repeated: the answer may be lost while the thing was made. */
  create<T>(path: string, body: unknown, schema: z.ZodMiniType<T>): Promise<T>;
  replace(path: string, body: unknown): Promise<void>;
  /** Changes the fields that are named. */
  change(path: string, body: unknown): Promise<void>;
  /** False when there was nothing to delete. */
  remove(path: string, search?: Readonly<Record<string, string>>): Promise<boolean>;
  /** Takes what the body names out of a list of an object's (`firewalls/{id}/tags`); none of it there is no failure. */
  takeOut(path: string, body: unknown): Promise<void>;
}

const problem = z.object({ id: z.optional(z.string()), message: z.optional(z.string()) });

const paging = z.object({
  links: z.optional(z.object({ pages: z.optional(z.object({ next: z.optional(z.string()) })) })),
  meta: z.optional(z.object({ total: z.optional(z.int()) })),
});

/**
 * DigitalOcean says 403 not only to credentials: also for a VPC that is its region's default or has members
 * (https://docs.digitalocean.com/reference/pydo/reference/vpcs/delete/), for a load balancer that is still being made, and it
 * used to for the droplet limit.
 */
const aboutState = /members|default VPC|(?:droplet|load balancer) limit|previous actions/i;

const fail = (
  name: CloudError['name'],
  code: string,
  message: string,
  rest: { cause?: unknown; retryAfterSeconds?: number } = {},
): CloudError => new CloudError(name, { cloud: 'digitalocean', code, message, ...rest });

/** Seconds, from `retry-after` or, failing that, from the hour's reset time; both are DigitalOcean's. */
function retryAfter(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds > 0) return Math.ceil(seconds);
  const reset = Number(headers.get('ratelimit-reset') ?? Number.NaN);
  const left = reset - Date.parse(headers.get('date') ?? '') / 1000;
  return Number.isFinite(left) && left > 0 ? Math.min(Math.ceil(left), 3600) : 60;
}

/** Whatever went wrong, as one of the contract's errors, a `Refused` for the caller, or the bug it is. */
function meaning(error: unknown): unknown {
  if (isTimeoutError(error))
    return fail('CloudUnavailable', 'timeout', 'no answer in time', { cause: error });
  if (isNetworkError(error)) {
    const { code } = (error.cause ?? {}) as { code?: unknown };
    return fail('CloudUnavailable', typeof code === 'string' ? code : 'network', error.message, {
      cause: error,
    });
  }
  if (!isHTTPError(error)) return error;
  const { status, headers } = error.response;
  const told = problem.safeParse(error.data);
  const code = told.data?.id ?? String(status);
  const message = told.data?.message ?? `HTTP ${status}`;
  if (status === 403 && aboutState.test(message)) return new Refused(status, code, message, error);
  if (status === 401 || status === 403) return fail('CredentialsRejected', code, message, { cause: error });
  if (status === 429)
    return fail('Throttled', code, message, { cause: error, retryAfterSeconds: retryAfter(headers) });
  if (status >= 500) return fail('CloudUnavailable', code, message, { cause: error });
  return new Refused(status, code, message, error);
}

const unlessMissing = async <T>(promise: Promise<T>): Promise<T | undefined> => {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  }
};

export function createClient(credentials: DigitalOceanCredentials): Client {
  const http: KyInstance = ky.create({
    prefix: `${credentials.endpoint ?? origin}/v2/`,
    headers: { authorization: `Bearer ${credentials.token}` },
    timeout: timeoutMilliseconds,
    retry: {
      limit: retriesMax,
      methods: ['get', 'put', 'delete'],
      statusCodes: [429, 500, 502, 503, 504],
      afterStatusCodes: [429, 503],
      jitter: true,
      shouldRetry: ({ error }) =>
        isHTTPError(error) &&
        error.response.status === 429 &&
        retryAfter(error.response.headers) > retryAfterSecondsMax
          ? false
          : undefined,
    },
  });

  const send = async (
    method: 'get' | 'post' | 'put' | 'patch' | 'delete',
    path: string,
    options: { json?: unknown; searchParams?: Readonly<Record<string, string>> } = {},
  ): Promise<unknown> => {
    try {
      const text = await http(path, { ...options, method }).text();
      return text === '' ? undefined : JSON.parse(text);
    } catch (error) {
      throw meaning(error);
    }
  };

  /** One reading of all pages, whole when each of them said that there are as many rows as were read. */
  const readPages = async <T>(
    path: string,
    name: string,
    schema: z.ZodMiniType<T>,
    search: Readonly<Record<string, string>>,
  ): Promise<{ rows: T[]; isWhole: boolean }> => {
    const rows: T[] = [];
    const totals = new Set<number>();
    for (let number = 1; number <= pagesMax; number += 1) {
      const value = await send('get', path, {
        searchParams: { ...search, page: String(number), per_page: String(pageSize) },
      });
      const { [name]: page } = z.record(z.string(), z.unknown()).parse(value);
      rows.push(...z.array(schema).parse(page));
      const { links, meta } = paging.parse(value);
      // Asked for by number and not by the link, which would take the token wherever it points.
      if (meta?.total !== undefined) totals.add(meta.total);
      if (links?.pages?.next === undefined)
        return { rows, isWhole: [...totals].every((total) => total === rows.length) };
    }
    throw new Error(`digitalocean: ${path} has more than ${pagesMax} pages`);
  };

  return {
    find: async (path, schema) => {
      const value = await unlessMissing(send('get', path));
      return value === undefined ? undefined : schema.parse(value);
    },

    list: async (path, name, schema, search = {}) => {
      for (let reading = 1; ; reading += 1) {
        const { rows, isWhole } = await readPages(path, name, schema, search);
        if (isWhole || reading === readingsMax) return rows;
      }
    },

    create: async (path, body, schema) => schema.parse(await send('post', path, { json: body })),

    replace: async (path, body) => {
      await send('put', path, { json: body });
    },

    change: async (path, body) => {
      await send('patch', path, { json: body });
    },

    remove: async (path, search = {}) => {
      const gone = unlessMissing(send('delete', path, { searchParams: search }).then(() => true));
      return (await gone) ?? false;
    },

    takeOut: async (path, body) => {
      await unlessMissing(send('delete', path, { json: body }));
    },
  };
}

/** For a refusal that nothing in the caller explains. */
export const invalid = (message: string, error?: unknown): CloudError =>
  fail('InvalidRequest', error instanceof Refused ? error.code : 'invalid', message, { cause: error });

export { fail as cloudError };
