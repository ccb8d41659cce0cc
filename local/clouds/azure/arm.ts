import { randomUUID } from 'node:crypto';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';

/** What Azure Resource Manager answers when it says no. */
export class ArmError extends Error {
  override readonly name = 'ArmError';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

const traced = (): Record<string, string> => ({
  'x-ms-request-id': randomUUID(),
  'x-ms-correlation-request-id': randomUUID(),
  'x-ms-ratelimit-remaining-subscription-reads': '249',
  'x-ms-ratelimit-remaining-subscription-writes': '199',
});

export const reply = (
  status: number,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): SimulatedResponse => ({
  status,
  headers: {
    ...traced(),
    ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...headers,
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

export const errorReply = (error: ArmError): SimulatedResponse =>
  reply(error.status, { error: { code: error.code, message: error.message } }, error.headers);

/** Where a request points: `/subscriptions/S[/resourceGroups/G]/providers/P/T/N/T2/N2`, in any case. */
export interface Target {
  readonly subscription: string;
  readonly group?: string;
  /** In the spelling of `types`: `Microsoft.Compute/virtualMachines`. */
  readonly type: string;
  readonly name?: string;
  /** `subnets`, `securityRules`, `instanceView`, `operations`. */
  readonly child?: string;
  readonly childName?: string;
}

export const groupType = 'Microsoft.Resources/resourceGroups';
export const types = {
  network: 'Microsoft.Network/virtualNetworks',
  firewall: 'Microsoft.Network/networkSecurityGroups',
  address: 'Microsoft.Network/publicIPAddresses',
  nic: 'Microsoft.Network/networkInterfaces',
  balancer: 'Microsoft.Network/loadBalancers',
  vm: 'Microsoft.Compute/virtualMachines',
  disk: 'Microsoft.Compute/disks',
} as const;
/** What a subscription may have, of all resource types of Compute. */
export const skusType = 'Microsoft.Compute/skus';
const locationTypes = ['Microsoft.Network/locations', 'Microsoft.Compute/locations'];
const children: Readonly<Record<string, readonly string[]>> = {
  [types.network]: ['subnets'],
  [types.firewall]: ['securityRules', 'defaultSecurityRules'],
  [types.vm]: ['instanceView'],
  [groupType]: ['resources'],
  'Microsoft.Network/locations': ['operations', 'operationResults'],
  'Microsoft.Compute/locations': ['operations', 'operationResults'],
};

const like = (wanted: string, given: string | undefined): boolean =>
  given !== undefined && wanted.toLowerCase() === given.toLowerCase();
const spelled = (known: readonly string[], given: string): string | undefined =>
  known.find((name) => like(name, given));

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

const present = (parts: Record<string, string | undefined>): Partial<Target> =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));

/** @throws ArmError for a path that leads nowhere. */
export function targetOf(request: SimulatedRequest): Target {
  const segments = request.url.pathname.split('/').slice(1).map(decodeURIComponent);
  const [root, subscription] = segments;
  if (!like('subscriptions', root) || subscription === undefined || subscription === '')
    throw new ArmError(
      404,
      'MissingSubscription',
      'The request did not have a subscription or a valid tenant level resource provider.',
    );
  if (!uuid.test(subscription))
    throw new ArmError(
      400,
      'InvalidSubscriptionId',
      `The provided subscription identifier '${subscription}' is malformed or invalid.`,
    );
  let rest = segments.slice(2);
  let group: string | undefined;
  const noun = rest[0];
  if (noun === undefined) return { subscription, type: 'Microsoft.Resources/subscriptions' };
  if (like('resources', noun) && rest.length === 1)
    return { subscription, type: groupType, child: 'resources' };
  if (like('operationresults', noun) && rest[1] !== undefined)
    return { subscription, type: 'Microsoft.Resources/operationresults', name: rest[1] };
  if (like('resourcegroups', noun)) {
    group = rest[1];
    rest = rest.slice(2);
    const [inner] = rest;
    if (inner === undefined || (like('resources', inner) && rest.length === 1))
      return {
        subscription,
        type: groupType,
        ...present({ group, name: group, child: inner === undefined ? undefined : 'resources' }),
      };
  }
  if (!like('providers', rest[0]) || rest[1] === undefined || rest[2] === undefined)
    throw new ArmError(404, 'NotFound', `No HTTP resource was found that matches ${request.url.pathname}.`);
  const asked = `${rest[1]}/${rest[2]}`;
  const type = spelled(
    [...Object.values(types), ...(group === undefined ? [...locationTypes, skusType] : [])],
    asked,
  );
  if (type === undefined)
    throw new ArmError(
      404,
      'InvalidResourceType',
      `The resource type '${rest[2]}' could not be found in the namespace '${rest[1]}'.`,
    );
  const [name, child, childName, ...more] = rest.slice(3);
  const known = child === undefined ? undefined : spelled(children[type] ?? [], child);
  if (
    more.length > 0 ||
    (child !== undefined && known === undefined) ||
    (group === undefined && name !== undefined && !locationTypes.includes(type))
  )
    throw new ArmError(404, 'InvalidResourceType', `No resource type at ${request.url.pathname}.`);
  return { subscription, type, ...present({ group, name, child: known, childName }) };
}

/** The versions that the published API descriptions know and that today's SDKs and tools send. */
const apiVersions: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.Resources': ['2020-06-01', '2021-04-01', '2022-09-01', '2022-12-01', '2024-03-01', '2025-04-01'],
  'Microsoft.Network': ['2020-11-01', '2022-11-01', '2024-05-01', '2024-07-01', '2025-01-01', '2025-05-01'],
  'Microsoft.Compute': ['2024-07-01', '2024-11-01', '2025-04-01', '2025-11-01', '2026-03-01'],
  [skusType]: ['2017-09-01', '2019-04-01', '2021-07-01'],
  'Microsoft.Compute/disks': ['2023-10-02', '2024-03-02', '2025-01-02'],
};

/** @throws ArmError as ARM does for a missing or unknown version. */
export function checkApiVersion(request: SimulatedRequest, { type }: Target): string {
  const version = request.url.searchParams.get('api-version');
  if (version === null || version === '')
    throw new ArmError(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    );
  const namespace = type.split('/')[0] ?? '';
  const known = apiVersions[type] ?? apiVersions[namespace] ?? [];
  if (!known.includes(version))
    throw new ArmError(
      400,
      namespace === 'Microsoft.Resources' ? 'InvalidApiVersionParameter' : 'NoRegisteredProviderFound',
      `No registered resource provider found for API version '${version}' for type '${type}'. The supported api-versions are '${known.join(', ')}'.`,
    );
  return version;
}

/** @throws ArmError when the body is no JSON object. */
export function bodyOf(request: SimulatedRequest): Record<string, unknown> {
  if (!(request.headers['content-type'] ?? '').startsWith('application/json'))
    throw new ArmError(
      415,
      'UnsupportedMediaType',
      'The content media type is not supported. Use application/json.',
    );
  try {
    const body: unknown = JSON.parse(request.body);
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>;
  } catch {
    // Answered below, as for JSON that is no object.
  }
  throw new ArmError(
    400,
    'InvalidRequestContent',
    'The request content was invalid and could not be deserialized.',
  );
}
