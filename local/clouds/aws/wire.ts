import { randomBytes, randomUUID } from 'node:crypto';
import type { SimulatedResponse } from '../server.ts';

/**
 * The EC2 Query protocol: a form of flat, dotted names in (`Filter.1.Value.2=x`), XML out.
 * Source: Amazon EC2 API Reference, "Query requests" and "Error codes for the Amazon EC2 API".
 */
export type Form = ReadonlyMap<string, string>;

export const parseForm = (body: string): Form => new Map(new URLSearchParams(body));

/** The forms under `Filter.1.`, `Filter.2.`, … in the order of their numbers. */
export function items(form: Form, name: string): Form[] {
  const byNumber = new Map<number, Map<string, string>>();
  for (const [key, value] of form) {
    if (!key.startsWith(`${name}.`)) continue;
    const rest = key.slice(name.length + 1);
    const dot = rest.indexOf('.');
    const number = Number(dot < 0 ? rest : rest.slice(0, dot));
    if (!Number.isInteger(number)) continue;
    const item = byNumber.get(number) ?? new Map<string, string>();
    item.set(dot < 0 ? '' : rest.slice(dot + 1), value);
    byNumber.set(number, item);
  }
  return [...byNumber].sort(([a], [b]) => a - b).map(([, item]) => item);
}

/** The scalars of `InstanceId.1`, `InstanceId.2`, … */
export const scalars = (form: Form, name: string): string[] =>
  items(form, name).flatMap((item) => item.get('') ?? []);

/** What the API says no with. Most are 400; those it blames on itself are 5xx. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const invalid = (message: string): ApiError => new ApiError('InvalidParameterValue', message);

/** A parameter that was checked to be there by the action's own list. */
export function required(form: Form, name: string): string {
  const value = form.get(name);
  if (value === undefined || value === '')
    throw new ApiError('MissingParameter', `The request must contain the parameter ${name}`);
  return value;
}

export function flag(form: Form, name: string): boolean | undefined {
  const value = form.get(name);
  if (value === undefined) return undefined;
  if (value !== 'true' && value !== 'false')
    throw invalid(`Invalid value '${value}' for ${name}: must be true or false`);
  return value === 'true';
}

export function whole(form: Form, name: string, range: { min: number; max: number }): number | undefined {
  const value = form.get(name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < range.min || number > range.max)
    throw invalid(`Value (${value}) for parameter ${name} is invalid: from ${range.min} to ${range.max}`);
  return number;
}

export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const isList = (value: Xml): value is readonly Xml[] => Array.isArray(value);

/** What is undefined is left out. @param entry what the entries of lists are called: EC2 says `item`. */
export function element(name: string, value: Xml, entry: 'item' | 'member' = 'item'): string {
  if (value === undefined) return '';
  if (isList(value)) return `<${name}>${value.map((item) => element(entry, item, entry)).join('')}</${name}>`;
  if (typeof value === 'object') {
    const children = Object.entries(value).map(([child, inner]) => element(child, inner, entry));
    return `<${name}>${children.join('')}</${name}>`;
  }
  return `<${name}>${escape(String(value))}</${name}>`;
}

const xml = (status: number, body: string): SimulatedResponse => ({
  status,
  headers: { 'content-type': 'text/xml;charset=UTF-8' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
});

const children = (values: Readonly<Record<string, Xml>>, entry?: 'item' | 'member'): string =>
  Object.entries(values)
    .map(([name, value]) => element(name, value, entry))
    .join('');

export const ec2Answer = (action: string, values: Readonly<Record<string, Xml>>): SimulatedResponse =>
  xml(
    200,
    `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${children({ requestId: randomUUID(), ...values })}</${action}Response>`,
  );

/** The services that wrap their answers once more, have capital letters, and lists of `<member>`s. */
const namespaces = {
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
  elasticloadbalancing: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
} as const;
type Wrapping = keyof typeof namespaces;

export const wrappedAnswer = (
  service: Wrapping,
  action: string,
  values: Readonly<Record<string, Xml>>,
): SimulatedResponse =>
  xml(
    200,
    `<${action}Response xmlns="${namespaces[service]}"><${action}Result>${children(values, 'member')}</${action}Result><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`,
  );

export const ec2Error = (error: ApiError): SimulatedResponse =>
  xml(
    error.status,
    element('Response', {
      Errors: { Error: { Code: error.code, Message: error.message } },
      RequestID: randomUUID(),
    }),
  );

export const wrappedError = (service: Wrapping, error: ApiError): SimulatedResponse =>
  xml(
    error.status,
    `<ErrorResponse xmlns="${namespaces[service]}">${children({
      Error: {
        Type: error.status < 500 ? 'Sender' : 'Receiver',
        Code: error.code,
        Message: error.message,
      },
      RequestId: randomUUID(),
    })}</ErrorResponse>`,
  );

/** `vpc-0a1b2c3d4e5f60718`: the long format that every resource has had since 2018. */
export const newId = (prefix: string): string => `${prefix}-0${randomBytes(8).toString('hex')}`;

export const timestamp = (epochMilliseconds: number): string => new Date(epochMilliseconds).toISOString();
