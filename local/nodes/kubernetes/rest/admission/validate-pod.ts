import { invalidValue, required, type Cause } from '../../errors.ts';
import { isRecord, listOf, recordOf, textOf, type Json } from '../../json.ts';

export const dnsLabel = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
export const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

export const unsupported = (field: string, value: unknown, supported: readonly string[]): Cause => ({
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported
    .map((each) => JSON.stringify(each))
    .join(', ')}`,
  field,
});

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity as a number; whether it is one was checked when the body was read. */
export function amountOf(value: unknown): number {
  const [, number = '0', suffix = ''] =
    /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(value)) ?? [];
  return Number(number) * (suffixes[suffix] ?? 1);
}

function resources(value: Json, at: string): Cause[] {
  const limits = recordOf(value['limits']);
  return Object.entries(recordOf(value['requests'])).flatMap(([name, wanted]) => {
    const limit = limits[name];
    if (amountOf(wanted) < 0)
      return [invalidValue(`${at}.requests[${name}]`, wanted, 'must be greater than or equal to 0')];
    return limit !== undefined && amountOf(wanted) > amountOf(limit)
      ? [
          invalidValue(
            `${at}.requests`,
            wanted,
            `must be less than or equal to ${name} limit of ${JSON.stringify(limit).replaceAll('"', '')}`,
          ),
        ]
      : [];
  });
}

function container(value: Json, at: string, volumes: ReadonlySet<string>): Cause[] {
  const causes: Cause[] = [];
  const name = textOf(value['name']);
  if (name === '') causes.push(required(`${at}.name`));
  else if (!dnsLabel.test(name)) causes.push(invalidValue(`${at}.name`, name, labelRule));
  if (textOf(value['image']) === '') causes.push(required(`${at}.image`));
  listOf(value['ports']).forEach((port, index) => {
    const number = port['containerPort'];
    if (number === undefined) causes.push(required(`${at}.ports[${index}].containerPort`));
    else if (typeof number !== 'number' || number < 1 || number > 65_535)
      causes.push(
        invalidValue(`${at}.ports[${index}].containerPort`, number, 'must be between 1 and 65535, inclusive'),
      );
  });
  listOf(value['volumeMounts']).forEach((mount, index) => {
    const volume = textOf(mount['name']);
    if (!volumes.has(volume))
      causes.push({
        reason: 'FieldValueNotFound',
        message: `Not found: ${JSON.stringify(volume)}`,
        field: `${at}.volumeMounts[${index}].name`,
      });
    if (textOf(mount['mountPath']) === '') causes.push(required(`${at}.volumeMounts[${index}].mountPath`));
  });
  return [...causes, ...resources(recordOf(value['resources']), `${at}.resources`)];
}

/** The essentials of a pod's or template's spec. @param policies which restart policies its owner can have */
export function validatePodSpec(value: unknown, at: string, policies: readonly string[]): Cause[] {
  const spec = recordOf(value);
  const containers = listOf(spec['containers']);
  const causes: Cause[] = containers.length === 0 ? [required(`${at}.containers`)] : [];
  const volumes = new Set(listOf(spec['volumes']).map((each) => textOf(each['name'])));
  const seen = new Set<string>();
  for (const list of ['initContainers', 'containers'])
    listOf(spec[list]).forEach((each, index) => {
      causes.push(...container(each, `${at}.${list}[${index}]`, volumes));
      const name = textOf(each['name']);
      if (name !== '' && seen.has(name))
        causes.push({
          reason: 'FieldValueDuplicate',
          message: `Duplicate value: ${JSON.stringify(name)}`,
          field: `${at}.${list}[${index}].name`,
        });
      seen.add(name);
    });
  if (!policies.includes(textOf(spec['restartPolicy'])))
    causes.push(unsupported(`${at}.restartPolicy`, spec['restartPolicy'], policies));
  listOf(spec['tolerations']).forEach((each, index) => {
    if (textOf(each['key']) === '' && each['operator'] !== 'Exists')
      causes.push(
        invalidValue(
          `${at}.tolerations[${index}].operator`,
          each['operator'] ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
  });
  return causes;
}

const changeable = [
  'activeDeadlineSeconds',
  'terminationGracePeriodSeconds',
  'tolerations',
  'schedulingGates',
];

/** What may not change any more once the pod is there: nearly everything. */
export function fixedPodSpec(value: unknown): Json {
  const spec = { ...recordOf(value) };
  for (const field of changeable) delete spec[field];
  const withoutImages = (list: unknown): Json[] =>
    listOf(list).map(({ image: _image, ...rest }): Json => rest);
  return {
    ...spec,
    containers: withoutImages(spec['containers']),
    ...(isRecord(spec) && spec['initContainers'] !== undefined
      ? { initContainers: withoutImages(spec['initContainers']) }
      : {}),
  };
}
