import { invalid, invalidField, missing, text } from './failure.ts';
import { checkShape, type Json, type Shape } from './schema.ts';

/*
 * The parts of a regional external passthrough Network Load Balancer, as they are asked for. Source:
 * https://cloud.google.com/compute/docs/reference/rest/v1 (addresses, regionHealthChecks, instanceGroups,
 * regionBackendServices, forwardingRules).
 */

/** Said by the server; taken and ignored. */
const outputOnly: Shape = { id: 'string', kind: 'string', selfLink: 'string', creationTimestamp: 'string' };

export const addressShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  addressType: { oneOf: ['EXTERNAL'] },
  ipVersion: { oneOf: ['IPV4'] },
  networkTier: { oneOf: ['PREMIUM', 'STANDARD'] },
  labels: 'emptyMap',
};

export const groupShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  network: 'string',
};

export const membersShape: Shape = { instances: { list: { fields: { instance: 'string' } } } };

export const listMembersShape: Shape = { instanceState: { oneOf: ['ALL', 'RUNNING'] } };

const healthCheckShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  type: { oneOf: ['HTTP', 'TCP'] },
  checkIntervalSec: 'int32',
  timeoutSec: 'int32',
  healthyThreshold: 'int32',
  unhealthyThreshold: 'int32',
  httpHealthCheck: {
    fields: {
      port: 'int32',
      portSpecification: { oneOf: ['USE_FIXED_PORT'] },
      requestPath: 'string',
      host: 'string',
    },
  },
};

const backendServiceShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  fingerprint: 'string',
  loadBalancingScheme: { oneOf: ['EXTERNAL', 'INTERNAL', 'EXTERNAL_MANAGED', 'INTERNAL_MANAGED'] },
  protocol: { oneOf: ['TCP', 'UDP', 'UNSPECIFIED'] },
  sessionAffinity: { oneOf: ['NONE', 'CLIENT_IP', 'CLIENT_IP_PROTO', 'CLIENT_IP_PORT_PROTO'] },
  healthChecks: { list: 'string' },
  backends: { list: { fields: { group: 'string', balancingMode: { oneOf: ['CONNECTION'] } } } },
  connectionDraining: { fields: { drainingTimeoutSec: 'int32' } },
  metadatas: 'emptyMap',
};

export const ruleShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  IPAddress: 'string',
  IPProtocol: { oneOf: ['TCP', 'UDP', 'L3_DEFAULT'] },
  portRange: 'string',
  loadBalancingScheme: { oneOf: ['EXTERNAL'] },
  networkTier: { oneOf: ['PREMIUM', 'STANDARD'] },
  backendService: 'string',
  labels: 'emptyMap',
};

/** What is not there counts as what the API takes then; whole numbers within bounds. */
function whole(body: Json, field: string, bounds: { otherwise: number; min: number; max: number }): number {
  const value = (body[field] ?? bounds.otherwise) as number;
  if (value < bounds.min || value > bounds.max)
    throw invalidField(`resource.${field}`, value, `Must be between ${bounds.min} and ${bounds.max}.`);
  return value;
}

export function healthCheckBody(body: Json): Json {
  checkShape(body, healthCheckShape, 'resource');
  if (body['type'] === undefined) throw missing('resource.type');
  if (body['type'] !== 'HTTP')
    throw invalidField('resource.type', body['type'], 'The simulator asks by HTTP only.');
  const http = (body['httpHealthCheck'] ?? {}) as Json;
  const port = whole(http, 'port', { otherwise: 80, min: 1, max: 65_535 });
  const requestPath = text(http['requestPath'] ?? '/');
  if (!requestPath.startsWith('/'))
    throw invalidField('resource.httpHealthCheck.requestPath', requestPath, 'Must begin with /.');
  const checkIntervalSec = whole(body, 'checkIntervalSec', { otherwise: 5, min: 1, max: 300 });
  const timeoutSec = whole(body, 'timeoutSec', { otherwise: 5, min: 1, max: 300 });
  if (timeoutSec > checkIntervalSec)
    throw invalidField('resource.timeoutSec', timeoutSec, 'Must not be greater than checkIntervalSec.');
  return {
    ...body,
    checkIntervalSec,
    timeoutSec,
    healthyThreshold: whole(body, 'healthyThreshold', { otherwise: 2, min: 1, max: 10 }),
    unhealthyThreshold: whole(body, 'unhealthyThreshold', { otherwise: 2, min: 1, max: 10 }),
    httpHealthCheck: { portSpecification: 'USE_FIXED_PORT', ...http, port, requestPath },
  };
}

/** All but the references, which only the simulator's state can check. */
export function backendServiceBody({ fingerprint: _fingerprint, ...body }: Json): Json {
  checkShape(body, backendServiceShape, 'resource');
  const scheme = body['loadBalancingScheme'];
  if (scheme !== 'EXTERNAL')
    throw invalidField(
      'resource.loadBalancingScheme',
      scheme,
      'The simulator has external passthrough load balancers only.',
    );
  if (body['protocol'] === undefined) throw missing('resource.protocol');
  for (const [i, backend] of ((body['backends'] ?? []) as Json[]).entries()) {
    if (backend['group'] === undefined) throw missing(`resource.backends[${i}].group`);
    if (backend['balancingMode'] !== 'CONNECTION')
      throw invalid('Balancing mode of a passthrough load balancer must be CONNECTION.');
  }
  const draining = (body['connectionDraining'] ?? {}) as Json;
  return {
    sessionAffinity: 'NONE',
    ...body,
    connectionDraining: {
      drainingTimeoutSec: whole(draining, 'drainingTimeoutSec', { otherwise: 0, min: 0, max: 3600 }),
    },
  };
}

/** `80`, `80-80` → `80-80`, as it is read. */
export function portRangeOf(value: unknown): string {
  if (value === undefined) throw missing('resource.portRange');
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(text(value)) ?? [];
  const from = Number(first ?? 0);
  const to = Number(last ?? first ?? 0);
  if (from < 1 || to > 65_535 || from > to)
    throw invalidField('resource.portRange', value, 'Must be a port or a range of ports.');
  return `${from}-${to}`;
}

export const portsOf = (range: unknown): { readonly from: number; readonly to: number } => {
  const [from = 0, to = 0] = text(range).split('-').map(Number);
  return { from, to };
};
