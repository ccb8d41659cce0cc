import {
  ChangeResourceRecordSetsCommand,
  CreateHealthCheckCommand,
  DeleteHealthCheckCommand,
  ListHealthChecksCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
  type HealthCheck,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { CloudError, type CloudErrorName } from '../clouds/errors.ts';
import {
  checkSettings,
  clusterNames,
  recordWeight,
  ttlSeconds,
  type CheckTarget,
  type DnsRecord,
  type HostedZone,
  type RecordChange,
  type SeenCheck,
  type SeenDns,
  type SeenRecord,
} from '../domain/dns.ts';

/** The zone and the account's health checks, as far as the platform reaches into them. */
export interface Dns {
  readonly zone: HostedZone;
  /** Everything in the zone under one cluster's name, or of all clusters, and every health check. */
  look(clusterName?: string): Promise<SeenDns>;
  /** A repeat with the same reference makes nothing twice. `spent`: the reference was used for another check before. */
  createCheck(target: CheckTarget, reference: string): Promise<'created' | 'spent'>;
  /** All of them or none. An objection, in Route 53's words: the zone is not as it was seen. */
  change(changes: readonly RecordChange[]): Promise<'changed' | { readonly objection: string }>;
  /** What is not there counts as removed. */
  removeCheck(id: string): Promise<void>;
}

/** Source: Route 53 API Reference, ListResourceRecordSets and ListHealthChecks: at most so many per page. */
const [recordsPerPage, checksPerPage] = [300, 1000];
/** A zone holds 10,000 records unless AWS was asked for more. Source: Route 53 quotas. */
const pagesMax = 400;
const retryAfterSeconds = 5;

/** `*.demo.example.org` of `\052.demo.example.org.`: Route 53 writes all but letters, digits, `-`, `_` and `.` as octal. */
const plainName = (name: string): string =>
  name
    .replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    .replace(/\.$/, '')
    .toLowerCase();

export const createRoute53Client = (): Route53Client => new Route53Client({});

/**
 * @throws CloudError as `aws`: Throttled (also while an earlier change of the zone is under way), CloudUnavailable,
 *   QuotaExceeded (no more health checks or records), CredentialsRejected, InvalidRequest (no such zone, or not of that name).
 */
export function createDns(options: {
  readonly client: Pick<Route53Client, 'send'>;
  readonly zone: HostedZone;
}): Dns {
  const { client, zone } = options;

  async function records(clusterName: string | undefined): Promise<readonly SeenRecord[]> {
    const within = clusterName === undefined ? zone.name : clusterNames(clusterName, zone.name).ingress;
    const found: SeenRecord[] = [];
    let from: { StartRecordName: string; StartRecordType?: string; StartRecordIdentifier?: string } = {
      StartRecordName: within,
    };
    for (let page = 0; page < pagesMax; page += 1) {
      const answer = await client.send(
        new ListResourceRecordSetsCommand({
          HostedZoneId: zone.id,
          MaxItems: recordsPerPage,
          ...(from as { StartRecordName: string }),
        }),
      );
      for (const record of answer.ResourceRecordSets ?? []) {
        const seen = seenRecord(record);
        // Names are listed by their labels from the right, so all that is under one name stands together.
        if (seen.name !== within && !seen.name.endsWith(`.${within}`)) return found;
        found.push(seen);
      }
      if (answer.IsTruncated !== true || answer.NextRecordName === undefined) return found;
      from = {
        StartRecordName: answer.NextRecordName,
        ...(answer.NextRecordType !== undefined && { StartRecordType: answer.NextRecordType }),
        ...(answer.NextRecordIdentifier !== undefined && {
          StartRecordIdentifier: answer.NextRecordIdentifier,
        }),
      };
    }
    throw new Error(`zone ${zone.id} has more than ${pagesMax} pages of records`);
  }

  async function checks(): Promise<readonly SeenCheck[]> {
    const found: SeenCheck[] = [];
    let marker: string | undefined;
    for (let page = 0; page < pagesMax; page += 1) {
      const answer = await client.send(
        new ListHealthChecksCommand({
          MaxItems: checksPerPage,
          ...(marker !== undefined && { Marker: marker }),
        }),
      );
      found.push(...(answer.HealthChecks ?? []).map(seenCheck));
      if (answer.IsTruncated !== true || answer.NextMarker === undefined) return found;
      marker = answer.NextMarker;
    }
    throw new Error(`the account has more than ${pagesMax} pages of health checks`);
  }

  return {
    zone,
    look: (clusterName) =>
      translated(async () => {
        // One after the other: an account is let make five calls a second, whatever they are for.
        const seen = { records: await records(clusterName), checks: await checks() };
        return seen;
      }),
    createCheck: (target, CallerReference) =>
      translated(async () => {
        try {
          await client.send(
            new CreateHealthCheckCommand({
              CallerReference,
              HealthCheckConfig: {
                Type: checkSettings.type,
                IPAddress: target.address,
                Port: target.port,
                RequestInterval: checkSettings.intervalSeconds,
                FailureThreshold: checkSettings.failureThreshold,
              },
            }),
          );
          return 'created';
        } catch (error) {
          if (nameOf(error) === 'HealthCheckAlreadyExists') return 'spent';
          throw error;
        }
      }),
    change: (changes) =>
      translated(async () => {
        try {
          await client.send(
            new ChangeResourceRecordSetsCommand({
              HostedZoneId: zone.id,
              ChangeBatch: { Changes: changes.map(changeOf) },
            }),
          );
          return 'changed';
        } catch (error) {
          // It is there already, or no longer as it was; a name that the zone cannot have is no look away.
          const isOutdated =
            nameOf(error) === 'NoSuchHealthCheck' ||
            (nameOf(error) === 'InvalidChangeBatch' && !/not permitted in zone/.test(String(error)));
          if (!isOutdated || !(error instanceof Error)) throw error;
          return { objection: error.message };
        }
      }),
    removeCheck: (HealthCheckId) =>
      translated(async () => {
        try {
          await client.send(new DeleteHealthCheckCommand({ HealthCheckId }));
        } catch (error) {
          if (nameOf(error) !== 'NoSuchHealthCheck') throw error;
        }
      }),
  };
}

function seenRecord(raw: ResourceRecordSet): SeenRecord {
  const { Name = '', Type = '', SetIdentifier, Weight, MultiValueAnswer, TTL, AliasTarget } = raw;
  return {
    name: plainName(Name),
    type: Type,
    ...(SetIdentifier !== undefined && { setIdentifier: SetIdentifier }),
    routing:
      SetIdentifier === undefined
        ? 'simple'
        : Weight !== undefined
          ? 'weighted'
          : MultiValueAnswer === true
            ? 'multivalue'
            : 'other',
    ...(Weight !== undefined && { weight: Weight }),
    ...(TTL !== undefined && { ttlSeconds: TTL }),
    values: (raw.ResourceRecords ?? []).flatMap(({ Value }) => Value ?? []),
    ...(AliasTarget !== undefined && {
      alias: {
        name: plainName(AliasTarget.DNSName ?? ''),
        zoneId: AliasTarget.HostedZoneId ?? '',
        evaluatesHealth: AliasTarget.EvaluateTargetHealth === true,
      },
    }),
    ...(raw.HealthCheckId !== undefined && { healthCheckId: raw.HealthCheckId }),
    raw,
  };
}

function seenCheck({ Id = '', CallerReference = '', HealthCheckConfig: config }: HealthCheck): SeenCheck {
  const { IPAddress, Port } = config ?? {};
  return {
    id: Id,
    callerReference: CallerReference,
    ...(IPAddress !== undefined && Port !== undefined && { target: { address: IPAddress, port: Port } }),
    isAsSet:
      config?.Type === checkSettings.type &&
      config.RequestInterval === checkSettings.intervalSeconds &&
      config.FailureThreshold === checkSettings.failureThreshold &&
      config.Disabled !== true &&
      config.Inverted !== true,
  };
}

function changeOf(change: RecordChange): {
  Action: 'CREATE' | 'UPSERT' | 'DELETE';
  ResourceRecordSet: ResourceRecordSet;
} {
  if (change.action === 'delete')
    return { Action: 'DELETE', ResourceRecordSet: change.record.raw as ResourceRecordSet };
  const { record, healthCheckId } = change;
  return {
    Action: change.action === 'create' ? 'CREATE' : 'UPSERT',
    ResourceRecordSet: {
      Name: record.name,
      Type: 'A',
      SetIdentifier: record.setIdentifier,
      ...(record.routing === 'weighted' ? { Weight: recordWeight } : { MultiValueAnswer: true }),
      ...answerOf(record),
      ...(healthCheckId !== undefined && { HealthCheckId: healthCheckId }),
    },
  };
}

const answerOf = ({
  target,
}: DnsRecord): Pick<ResourceRecordSet, 'AliasTarget' | 'TTL' | 'ResourceRecords'> =>
  'alias' in target
    ? { AliasTarget: { DNSName: target.alias, HostedZoneId: target.zoneId, EvaluateTargetHealth: true } }
    : { TTL: ttlSeconds, ResourceRecords: target.addresses.map((Value) => ({ Value })) };

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/** Route 53's words for it. Source: Route 53 API Reference, Errors. */
const meanings: readonly (readonly [RegExp, CloudErrorName])[] = [
  [/^(Throttl|PriorRequestNotComplete$|RequestThrottled|TooManyRequests)/, 'Throttled'],
  [/^(TooManyHealthChecks|LimitsExceeded)$/, 'QuotaExceeded'],
  [
    /^(AccessDenied|UnrecognizedClient|InvalidClientTokenId|ExpiredToken|SignatureDoesNotMatch)/,
    'CredentialsRejected',
  ],
  [/^(NoSuchHostedZone|InvalidChangeBatch|InvalidInput)$/, 'InvalidRequest'],
  [/^(ServiceUnavailable|InternalError|InternalFailure|TimeoutError|NetworkingError)/, 'CloudUnavailable'],
];

async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = nameOf(error);
    const meaning =
      meanings.find(([pattern]) => pattern.test(code))?.[1] ??
      (isTransient(error) ? 'CloudUnavailable' : undefined);
    if (meaning === undefined || !(error instanceof Error)) throw error;
    throw new CloudError(meaning, {
      cloud: 'aws',
      code,
      message: `Route 53: ${error.message}`,
      ...(meaning === 'Throttled' && { retryAfterSeconds }),
      cause: error,
    });
  }
}

/** The connection went, or the answer was AWS's own fault. */
const isTransient = (error: unknown): boolean => {
  const { code, $metadata } = error as {
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return (
    ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'].includes(String(code)) ||
    ($metadata?.httpStatusCode ?? 0) >= 500
  );
};
