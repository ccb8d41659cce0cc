import { account } from '../addresses.ts';
import { isJson, type Json, type WireRequest, type WireResponse } from '../wire.ts';

/** What a Lambda integration is called with: payload format 2.0. */
export function requestPayload(
  request: WireRequest,
  about: {
    readonly apiId: string;
    readonly routeKey: string;
    readonly pathParameters: Readonly<Record<string, string>>;
    readonly requestId: string;
    /** Epoch milliseconds. */
    readonly now: number;
  },
): Json {
  const [rawPath = '/', rawQueryString = ''] = splitOnce(request.url, '?');
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQueryString))
    query[name] = Object.hasOwn(query, name) ? `${query[name]},${value}` : value;
  const { cookie, ...headers } = request.headers;
  const isText = request.body.length > 0 && isTextual(headers['content-type']);
  return {
    version: '2.0',
    routeKey: about.routeKey,
    rawPath,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/;\s*/) }),
    headers,
    ...(Object.keys(query).length === 0 ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: account,
      apiId: about.apiId,
      domainName: headers['host'] ?? '127.0.0.1',
      domainPrefix: about.apiId,
      http: {
        method: request.method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: request.sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: about.requestId,
      routeKey: about.routeKey,
      stage: '$default',
      time: clfTime(about.now),
      timeEpoch: about.now,
    },
    ...(Object.keys(about.pathParameters).length === 0 ? {} : { pathParameters: about.pathParameters }),
    ...(request.body.length === 0 ? {} : { body: request.body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: request.body.length > 0 && !isText,
  };
}

const splitOnce = (text: string, separator: string): string[] => {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
};

/** API Gateway hands these on as text, everything else in base64; a request without a type counts as text. */
const isTextual = (contentType: string | undefined): boolean =>
  contentType === undefined ||
  /^\s*(text\/|application\/(json|xml|javascript)\b|application\/[^;]+\+(json|xml)\b)/i.test(contentType);

/** `12/Mar/2025:19:03:58 +0000` */
const clfTime = (now: number): string => {
  const [, weekdayless = ''] = /^\w+, (.+) GMT$/.exec(new Date(now).toUTCString()) ?? [];
  const [day, month, year, time] = weekdayless.split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
};

/** @returns undefined when API Gateway would not know what to make of the function's answer */
export function responseFrom(answer: unknown): WireResponse | undefined {
  if (!isJson(answer) || answer['statusCode'] === undefined)
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: typeof answer === 'string' ? answer : JSON.stringify(answer),
    };
  const status = Number(answer['statusCode']);
  if (!Number.isInteger(status) || status < 100 || status > 599) return undefined;
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(isJson(answer['headers']) ? answer['headers'] : {}))
    headers[name.toLowerCase()] = String(value);
  if (Array.isArray(answer['cookies'])) headers['set-cookie'] = answer['cookies'].map(String);
  const body = answer['body'];
  const text =
    body === undefined || body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  if (text !== '' && headers['content-type'] === undefined)
    headers['content-type'] = 'text/plain; charset=utf-8';
  return { status, headers, body: answer['isBase64Encoded'] === true ? Buffer.from(text, 'base64') : text };
}
