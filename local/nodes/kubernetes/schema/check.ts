import { isRecord } from '../json.ts';
import { structNamed, type Scalar, type Type } from './types.ts';

export interface Findings {
  /** Paths of fields that the type does not have: `spec.replica`. */
  readonly unknown: string[];
  /** What cannot be read at all, in the words of Kubernetes' decoder. */
  readonly wrong: string[];
}

const quantity = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?$/;

const fits: Readonly<Record<Scalar, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  time: (value) => typeof value === 'string',
  bytes: (value) => typeof value === 'string',
  integer: (value) => typeof value === 'number' && Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  quantity: (value) => typeof value === 'number' || (typeof value === 'string' && quantity.test(value)),
  intOrString: (value) => typeof value === 'string' || Number.isInteger(value),
};

const goTypes: Readonly<Record<Scalar, string>> = {
  string: 'string',
  time: 'v1.Time',
  bytes: '[]uint8',
  integer: 'int32',
  boolean: 'bool',
  quantity: 'resource.Quantity',
  intOrString: 'intstr.IntOrString',
};

const called = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

/**
 * The value with only the fields that its type has, nulls left out as Kubernetes' decoder does; what was wrong is noted
 * in `findings`. Structs that the schema does not know are taken as they are.
 */
export function checked(value: unknown, type: Type, path: string, findings: Findings): unknown {
  const mismatch = (wanted: string): undefined => {
    const [, owner = '', field = ''] = /^(?:(.*)\.)?([^.]+)$/.exec(path) ?? [];
    findings.wrong.push(
      `json: cannot unmarshal ${called(value)} into Go struct field ${owner === '' ? '' : `${owner}.`}${field} of type ${wanted}`,
    );
    return undefined;
  };
  if (value === null || value === undefined || type.is === 'any') return value;
  if (type.is === 'scalar') {
    if (fits[type.scalar](value)) return value;
    if (type.scalar === 'quantity' && typeof value === 'string') {
      findings.wrong.push(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      );
      return undefined;
    }
    return mismatch(goTypes[type.scalar]);
  }
  if (type.is === 'list') {
    if (!Array.isArray(value)) return mismatch('[]');
    return value.map((item, index) => checked(item, type.of, `${path}[${index}]`, findings));
  }
  if (!isRecord(value)) return mismatch(type.is === 'map' ? 'map' : type.name.replace(/^\w+\./, ''));
  const struct = type.is === 'struct' ? structNamed(type.name) : undefined;
  if (type.is === 'struct' && struct === undefined) return value;
  const entries: [string, unknown][] = [];
  for (const [name, each] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const of = type.is === 'map' ? type.of : struct?.fields.get(name)?.type;
    if (of === undefined) {
      findings.unknown.push(at);
      continue;
    }
    if (each === null) continue;
    entries.push([name, checked(each, of, at, findings)]);
  }
  return Object.fromEntries(entries);
}
