import { setTimeout as pause } from 'node:timers/promises';
import { HttpFailure, isThrottle } from './failures.ts';

/** The little of `RequestInit` that google-gax sends; it wants its own name for the answer's type and its agent ignored. */
interface Outgoing {
  readonly method?: string;
  readonly headers?: Headers | Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

const attemptsMax = 3;
const firstPauseMilliseconds = 150;
const requestTimeoutMilliseconds = 20_000;

/**
 * What google-gax uses as its auth client. It exists because with the stock ones a refusal is thrown before gax can see
 * it, so that nothing is ever retried, and because gax drops the `reason` that tells GCE's refusals apart.
 *
 * Reads are tried again when the cloud is throttling, down or cut off; changes are not: whoever asked looks first what
 * became of them. Every refusal is thrown as an `HttpFailure`.
 */
export function transport(headersFor: (url: string) => Promise<Headers>) {
  const send = async (url: string, init: Outgoing): Promise<Response> => {
    const headers = new Headers(init.headers);
    for (const [name, value] of await headersFor(url)) headers.set(name, value);
    const timeout = AbortSignal.timeout(requestTimeoutMilliseconds);
    let response: Response;
    try {
      response = await fetch(url, {
        headers,
        ...(init.method === undefined ? {} : { method: init.method }),
        ...(init.body === undefined ? {} : { body: init.body }),
        signal: init.signal === undefined ? timeout : AbortSignal.any([init.signal, timeout]),
      });
    } catch (error) {
      const message = `no answer from ${new URL(url).host}`;
      throw new HttpFailure({ status: 0, reason: 'noAnswer', message, cause: error });
    }
    if (response.ok) return response;
    throw await failureOf(response);
  };

  return {
    getRequestHeaders: headersFor,
    fetch: async (url: string, init: Outgoing = {}): Promise<Response> => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await send(url, init);
        } catch (error) {
          if (!(error instanceof HttpFailure) || !isTransient(error)) throw error;
          if ((init.method ?? 'GET') !== 'GET' || attempt === attemptsMax) throw error;
        }
        await pause(firstPauseMilliseconds * 2 ** (attempt - 1) * (0.5 + Math.random()));
      }
    },
  };
}

const isTransient = (failure: HttpFailure): boolean =>
  failure.status === 0 || failure.status >= 500 || isThrottle(failure);

interface ErrorBody {
  readonly error?: {
    readonly message?: string;
    readonly status?: string;
    readonly errors?: readonly { readonly reason?: string }[];
  };
}

async function failureOf(response: Response): Promise<HttpFailure> {
  const text = await response.text().catch(() => '');
  let body: ErrorBody = {};
  try {
    body = JSON.parse(text) as ErrorBody;
  } catch {
    // Google's front ends answer with HTML now and then.
  }
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new HttpFailure({
    status: response.status,
    reason: body.error?.errors?.[0]?.reason ?? body.error?.status ?? `http${response.status}`,
    message: body.error?.message ?? `HTTP ${response.status} ${response.statusText}`,
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined,
  });
}
