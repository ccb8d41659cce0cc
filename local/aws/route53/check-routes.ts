import type { WireRequest, WireResponse } from '../wire.ts';
import type { HealthCheck, HealthChecks } from './checks.ts';
import { readHealthCheck, xmlAnswer } from './requests.ts';

/** Asks the caller's role. @throws AwsError AccessDeniedException */
export type May = (action: string, resource?: string, context?: Record<string, readonly string[]>) => void;

/** Source: Route 53 API Reference. */
const [checksPerPageDefault, checksPerPageMax] = [100, 1000];
const checkArn = (id: string): string => `arn:aws:route53:::healthcheck/${id}`;

const checkOnWire = ({ id, callerReference, config }: HealthCheck): Record<string, unknown> => ({
  Id: id,
  CallerReference: callerReference,
  HealthCheckConfig: config,
  HealthCheckVersion: 1,
});

const listChecks = (checks: HealthChecks, query: URLSearchParams): WireResponse => {
  const size = Math.min(checksPerPageMax, Number(query.get('maxitems') ?? checksPerPageDefault));
  const marker = query.get('marker');
  const rest = checks.list().filter(({ id }) => marker === null || id >= marker);
  const next = rest[size];
  return xmlAnswer(200, 'ListHealthChecksResponse', {
    HealthChecks: { HealthCheck: rest.slice(0, size).map(checkOnWire) },
    Marker: marker ?? '',
    IsTruncated: next !== undefined,
    ...(next === undefined ? {} : { NextMarker: next.id }),
    MaxItems: size,
  });
};

/** @returns undefined for what is not served here */
export function answerAboutChecks(
  request: WireRequest,
  about: {
    readonly id: string | undefined;
    readonly aspect: string | undefined;
    readonly query: URLSearchParams;
    readonly checks: HealthChecks;
    readonly may: May;
  },
): WireResponse | undefined {
  const { id, aspect, query, checks, may } = about;
  const { method } = request;
  if (id === undefined && method === 'GET') {
    may('ListHealthChecks');
    return listChecks(checks, query);
  }
  if (id === undefined && method === 'POST') {
    may('CreateHealthCheck');
    const { callerReference, config } = readHealthCheck(request.body);
    const check = checks.create(callerReference, config);
    return xmlAnswer(
      201,
      'CreateHealthCheckResponse',
      { HealthCheck: checkOnWire(check) },
      { location: `https://route53.amazonaws.com/2013-04-01/healthcheck/${check.id}` },
    );
  }
  if (id === undefined) return undefined;
  if (method === 'GET' && aspect === 'status') {
    may('GetHealthCheckStatus', checkArn(id));
    const { config } = checks.get(id);
    const status = checks.isHealthy(id) ? 'Success: TCP connection' : 'Failure: connection refused';
    return xmlAnswer(200, 'GetHealthCheckStatusResponse', {
      HealthCheckObservations: {
        HealthCheckObservation: [
          {
            Region: 'us-east-1',
            IPAddress: config.IPAddress,
            StatusReport: { Status: status, CheckedTime: new Date().toISOString() },
          },
        ],
      },
    });
  }
  if (method === 'GET') {
    may('GetHealthCheck', checkArn(id));
    return xmlAnswer(200, 'GetHealthCheckResponse', { HealthCheck: checkOnWire(checks.get(id)) });
  }
  if (method === 'DELETE') {
    may('DeleteHealthCheck', checkArn(id));
    checks.delete(id);
    return xmlAnswer(200, 'DeleteHealthCheckResponse', {});
  }
  return undefined;
}
