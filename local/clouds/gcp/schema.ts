import { Failure, invalidField, missing } from './failure.ts';

/**
 * What the JSON of a request may look like. Anything else is refused: the real API ignores some of it silently, and a
 * field that a driver believes to be set and is not would only be found in production.
 */
export type Field =
  | 'string'
  | 'bool'
  | 'int32'
  /** 64-bit integers travel as strings. */
  | 'int64'
  | 'labels'
  /** A map that the real API knows and this one does not: the SDK sends every map, also an empty one. */
  | 'emptyMap'
  | { readonly list: Field }
  | { readonly oneOf: readonly string[] }
  | { readonly fields: Shape };
export type Shape = Readonly<Record<string, Field>>;

export type Json = Record<string, unknown>;

export function parseBody(body: string): Json {
  let value: unknown;
  try {
    // The official clients send an empty JSON string with calls that have no body, such as `stop`, and the API takes it.
    value = JSON.parse(['', '""'].includes(body) ? '{}' : body);
  } catch {
    throw new Failure(400, 'parseError', 'Parse Error');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Failure(400, 'parseError', 'The request body is not a JSON object');
  return value as Json;
}

/** Checks names and wire types of everything in `value`. */
export function checkShape(value: Json, shape: Shape, path: string): void {
  for (const [name, part] of Object.entries(value)) {
    const field = shape[name];
    if (field === undefined)
      throw new Failure(
        400,
        'invalid',
        `Invalid JSON payload received. Unknown name "${name}" at '${path}': Cannot find field.`,
      );
    checkField(part, field, `${path}.${name}`);
  }
}

function checkField(value: unknown, field: Field, path: string): void {
  const fail = (why: string): never => {
    throw invalidField(path, value, why);
  };
  if (typeof field === 'string') {
    if (field === 'labels') return checkLabels(value, path);
    if (field === 'emptyMap') {
      if (JSON.stringify(value) !== '{}') fail('Not understood by this simulator.');
      return;
    }
    const good =
      field === 'string'
        ? typeof value === 'string'
        : field === 'bool'
          ? typeof value === 'boolean'
          : field === 'int32'
            ? Number.isInteger(value)
            : typeof value === 'string' && /^-?\d+$/.test(value);
    if (!good) fail(`Expected ${field === 'int64' ? 'a 64-bit integer as a string' : field}.`);
    return;
  }
  if ('list' in field) {
    if (!Array.isArray(value)) return fail('Expected a list.');
    for (const [i, item] of value.entries()) checkField(item, field.list, `${path}[${i}]`);
    return;
  }
  if ('oneOf' in field) {
    if (!field.oneOf.includes(value as string)) fail(`Expected one of ${field.oneOf.join(', ')}.`);
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('Expected an object.');
  checkShape(value as Json, field.fields, path);
}

function checkLabels(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidField(path, value, 'Expected an object.');
  const labels = Object.entries(value);
  if (labels.length > 64) throw invalidField(path, labels.length, 'At most 64 labels.');
  for (const [key, label] of labels) {
    if (!/^[a-z][a-z0-9_-]{0,62}$/.test(key))
      throw invalidField(path, key, 'Label keys are lower-case letters, digits, _ and -, at most 63.');
    if (typeof label !== 'string' || !/^[a-z0-9_-]{0,63}$/.test(label))
      throw invalidField(path, label, 'Label values are lower-case letters, digits, _ and -, at most 63.');
  }
}

const rfc1035 = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** @throws Failure unless `value` is a name of RFC 1035, at most 63 characters. */
export function checkName(value: unknown, field = 'resource.name'): string {
  if (value === undefined || value === '') throw missing(field);
  if (typeof value !== 'string' || !rfc1035.test(value))
    throw invalidField(field, value, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'");
  return value;
}

/** What the server says and nobody sets: taken and ignored, so that what was read can be sent back. */
const outputOnly: Shape = {
  id: 'string',
  kind: 'string',
  selfLink: 'string',
  creationTimestamp: 'string',
  fingerprint: 'string',
};

export const networkShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  autoCreateSubnetworks: 'bool',
  mtu: 'int32',
  routingConfig: { fields: { routingMode: { oneOf: ['REGIONAL', 'GLOBAL'] } } },
  networkFirewallPolicyEnforcementOrder: { oneOf: ['AFTER_CLASSIC_FIREWALL', 'BEFORE_CLASSIC_FIREWALL'] },
};

export const subnetworkShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  network: 'string',
  region: 'string',
  ipCidrRange: 'string',
  privateIpGoogleAccess: 'bool',
  purpose: { oneOf: ['PRIVATE'] },
  stackType: { oneOf: ['IPV4_ONLY'] },
};

const permission: Field = { list: { fields: { IPProtocol: 'string', ports: { list: 'string' } } } };

export const firewallShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  network: 'string',
  direction: { oneOf: ['INGRESS', 'EGRESS'] },
  priority: 'int32',
  disabled: 'bool',
  sourceRanges: { list: 'string' },
  destinationRanges: { list: 'string' },
  sourceTags: { list: 'string' },
  targetTags: { list: 'string' },
  allowed: permission,
  denied: permission,
  logConfig: { fields: { enable: 'bool' } },
};

export const routeShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  network: 'string',
  destRange: 'string',
  priority: 'int32',
  tags: { list: 'string' },
  nextHopGateway: 'string',
  nextHopIp: 'string',
};

export const diskShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  sizeGb: 'int64',
  type: 'string',
  labels: 'labels',
};

export const labelsShape: Shape = { labels: 'labels', labelFingerprint: 'string' };

export const tagsShape: Shape = { items: { list: 'string' }, fingerprint: 'string' };

export const instanceShape: Shape = {
  ...outputOnly,
  name: 'string',
  description: 'string',
  machineType: 'string',
  labels: 'labels',
  canIpForward: 'bool',
  deletionProtection: 'bool',
  tags: { fields: tagsShape },
  metadata: { fields: { items: { list: { fields: { key: 'string', value: 'string' } } } } },
  disks: {
    list: {
      fields: {
        boot: 'bool',
        autoDelete: 'bool',
        type: { oneOf: ['PERSISTENT'] },
        mode: { oneOf: ['READ_WRITE'] },
        deviceName: 'string',
        initializeParams: {
          fields: {
            diskName: 'string',
            diskSizeGb: 'int64',
            diskType: 'string',
            sourceImage: 'string',
            labels: 'labels',
            resourceManagerTags: 'emptyMap',
          },
        },
      },
    },
  },
  networkInterfaces: {
    list: {
      fields: {
        network: 'string',
        subnetwork: 'string',
        networkIP: 'string',
        nicType: { oneOf: ['GVNIC', 'VIRTIO_NET'] },
        stackType: { oneOf: ['IPV4_ONLY'] },
        accessConfigs: {
          list: {
            fields: {
              name: 'string',
              type: { oneOf: ['ONE_TO_ONE_NAT'] },
              networkTier: { oneOf: ['PREMIUM', 'STANDARD'] },
            },
          },
        },
      },
    },
  },
  scheduling: {
    fields: {
      provisioningModel: { oneOf: ['STANDARD', 'SPOT'] },
      instanceTerminationAction: { oneOf: ['STOP', 'DELETE'] },
      onHostMaintenance: { oneOf: ['MIGRATE', 'TERMINATE'] },
      automaticRestart: 'bool',
      preemptible: 'bool',
    },
  },
  shieldedInstanceConfig: {
    fields: { enableSecureBoot: 'bool', enableVtpm: 'bool', enableIntegrityMonitoring: 'bool' },
  },
  serviceAccounts: { list: { fields: { email: 'string', scopes: { list: 'string' } } } },
};
