import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import * as z from 'zod/mini';
import { AwsError, type WireResponse } from '../wire.ts';
import type { HealthCheckConfig } from './checks.ts';
import { wireName, type Change, type RecordSet } from './records.ts';

const namespace = 'https://route53.amazonaws.com/doc/2013-04-01/';
/** Source: Route 53 quotas: what one ChangeResourceRecordSets takes; an UPSERT counts twice. */
const changesMax = 1000;

const parser = new XMLParser({
  parseTagValue: false,
  isArray: (name) => name === 'Change' || name === 'ResourceRecord',
});

const text = z.string();
const digits = text.check(z.regex(/^\d+$/));
const flag = z.enum(['true', 'false']);

const recordSet = z.strictObject({
  Name: text.check(z.minLength(1), z.maxLength(1024)),
  Type: z.enum(['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'PTR', 'SRV', 'TXT']),
  SetIdentifier: z.optional(text.check(z.minLength(1), z.maxLength(128))),
  Weight: z.optional(digits),
  MultiValueAnswer: z.optional(flag),
  TTL: z.optional(digits),
  ResourceRecords: z.optional(
    z.strictObject({ ResourceRecord: z.array(z.strictObject({ Value: text.check(z.maxLength(4000)) })) }),
  ),
  AliasTarget: z.optional(
    z.strictObject({
      HostedZoneId: text.check(z.maxLength(32)),
      DNSName: text.check(z.minLength(1)),
      EvaluateTargetHealth: flag,
    }),
  ),
  HealthCheckId: z.optional(text.check(z.maxLength(64))),
});

const changeRequest = z.strictObject({
  ChangeResourceRecordSetsRequest: z.strictObject({
    ChangeBatch: z.strictObject({
      Comment: z.optional(text),
      Changes: z.strictObject({
        Change: z.array(
          z.strictObject({ Action: z.enum(['CREATE', 'UPSERT', 'DELETE']), ResourceRecordSet: recordSet }),
        ),
      }),
    }),
  }),
});

const healthCheckRequest = z.strictObject({
  CreateHealthCheckRequest: z.strictObject({
    CallerReference: text.check(z.minLength(1), z.maxLength(64)),
    HealthCheckConfig: z.strictObject({
      Type: z.literal('TCP', { error: 'only TCP checks are carried out here' }),
      IPAddress: text.check(z.regex(/^\d{1,3}(?:\.\d{1,3}){3}$/)),
      Port: digits,
      RequestInterval: z.optional(z.enum(['10', '30'])),
      FailureThreshold: z.optional(text.check(z.regex(/^([1-9]|10)$/))),
      Disabled: z.optional(flag),
      Inverted: z.optional(flag),
      MeasureLatency: z.optional(flag),
    }),
  }),
});

/** @throws AwsError InvalidInput, naming the element */
function read<T extends z.ZodMiniType>(schema: T, body: Buffer): z.infer<T> {
  let parsed: unknown;
  try {
    parsed = parser.parse(body.toString('utf8'));
  } catch (error) {
    throw new AwsError('InvalidInput', `Invalid XML: ${String(error)}`);
  }
  const { '?xml': _declaration, ...document } = parsed as Record<string, unknown>;
  const result = z.safeParse(schema, document);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new AwsError(
    'InvalidInput',
    `Invalid XML: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

export function readChanges(body: Buffer): readonly Change[] {
  const { Change: changes } = read(changeRequest, body).ChangeResourceRecordSetsRequest.ChangeBatch.Changes;
  const count = changes.reduce((sum, { Action }) => sum + (Action === 'UPSERT' ? 2 : 1), 0);
  if (changes.length === 0) throw new AwsError('InvalidInput', 'ChangeBatch: no changes');
  if (count > changesMax)
    throw new AwsError('InvalidChangeBatch', `[Number of records limit of ${changesMax} exceeded.]`);
  return changes.map(({ Action, ResourceRecordSet: { ResourceRecords, AliasTarget, Name, ...rest } }) => ({
    action: Action,
    // Without the fields that are absent: records are compared as a whole.
    record: present({
      Name: wireName(Name),
      ...rest,
      ...(ResourceRecords === undefined
        ? {}
        : { ResourceRecords: ResourceRecords.ResourceRecord.map(({ Value }) => Value) }),
      ...(AliasTarget === undefined
        ? {}
        : {
            AliasTarget: {
              HostedZoneId: AliasTarget.HostedZoneId,
              DNSName: wireName(AliasTarget.DNSName),
              EvaluateTargetHealth: AliasTarget.EvaluateTargetHealth,
            },
          }),
    }) as unknown as RecordSet,
  }));
}

export function readHealthCheck(body: Buffer): {
  readonly callerReference: string;
  readonly config: HealthCheckConfig;
} {
  const { CallerReference, HealthCheckConfig: config } = read(
    healthCheckRequest,
    body,
  ).CreateHealthCheckRequest;
  const defaults = {
    RequestInterval: '30',
    FailureThreshold: '3',
    MeasureLatency: 'false',
    Inverted: 'false',
    Disabled: 'false',
  };
  return {
    callerReference: CallerReference,
    config: { ...defaults, ...present(config) } as unknown as HealthCheckConfig,
  };
}

const present = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

export const recordOnWire = ({ ResourceRecords, ...record }: RecordSet): Record<string, unknown> => ({
  ...record,
  ...(ResourceRecords === undefined
    ? {}
    : { ResourceRecords: { ResourceRecord: ResourceRecords.map((Value) => ({ Value })) } }),
});

const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@' });

export const xmlAnswer = (
  status: number,
  root: string,
  fields: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): WireResponse => ({
  status,
  headers: { 'content-type': 'text/xml', ...headers },
  body: `<?xml version="1.0"?>\n${builder.build({ [root]: { '@xmlns': namespace, ...fields } })}`,
});

/** IAM's and the local platform's words for an error are others than Route 53's. */
export const xmlError = ({ name, message, status }: AwsError): WireResponse => {
  const isDenied = name === 'AccessDeniedException';
  return xmlAnswer(isDenied ? 403 : status, 'ErrorResponse', {
    Error: {
      Type: status >= 500 ? 'Receiver' : 'Sender',
      Code: isDenied ? 'AccessDenied' : name,
      Message: message,
    },
    RequestId: '00000000-0000-4000-8000-000000000000',
  });
};
