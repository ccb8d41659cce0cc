import { isJson } from '../wire.ts';
import { matchesWildcard } from './wildcard.ts';

/** The request's condition keys, each with all its values. A key that is absent is absent in AWS's sense. */
export type Context = Readonly<Record<string, readonly string[]>>;

type Test = (wanted: string, actual: string) => boolean;

const tests: Readonly<Record<string, { test: Test; negated?: true }>> = {
  StringEquals: { test: (wanted, actual) => wanted === actual },
  StringNotEquals: { test: (wanted, actual) => wanted === actual, negated: true },
  StringEqualsIgnoreCase: { test: (wanted, actual) => wanted.toLowerCase() === actual.toLowerCase() },
  StringLike: { test: matchesWildcard },
  StringNotLike: { test: matchesWildcard, negated: true },
  ArnEquals: { test: matchesWildcard },
  ArnLike: { test: matchesWildcard },
  ArnNotEquals: { test: matchesWildcard, negated: true },
  ArnNotLike: { test: matchesWildcard, negated: true },
  Bool: { test: (wanted, actual) => wanted.toLowerCase() === actual.toLowerCase() },
};

/** Keys that requests here are given; a policy that asks for another would never hold, or always. */
const knownKeys = new Set([
  'events:source',
  'events:detail-type',
  'dynamodb:leadingkeys',
  'aws:sourcearn',
  'aws:sourceaccount',
  'aws:securetransport',
  'aws:principalaccount',
  'aws:principalarn',
  's3:prefix',
  'route53:changeresourcerecordsetsnormalizedrecordnames',
  'route53:changeresourcerecordsetsrecordtypes',
  'route53:changeresourcerecordsetsactions',
  'kms:viaservice',
  'kms:calleraccount',
]);

/** `kms:EncryptionContext:<name>`: one key for each pair of the context that a request brings. */
const isEncryptionContext = (key: string): boolean => key.startsWith('kms:encryptioncontext:');

const operatorParts = (operator: string): { set?: string; name: string; ifExists: boolean } => {
  const [, set, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(operator) ?? [];
  return { ...(set === undefined ? {} : { set }), name, ifExists: ifExists !== undefined };
};

const values = (wanted: unknown): string[] => (Array.isArray(wanted) ? wanted : [wanted]).map(String);

/** The first operator or key that would not be checked, or undefined. */
export function unknownInCondition(condition: Readonly<Record<string, unknown>>): string | undefined {
  for (const [operator, keys] of Object.entries(condition)) {
    const { name } = operatorParts(operator);
    if (name !== 'Null' && !Object.hasOwn(tests, name)) return operator;
    for (const key of Object.keys(isJson(keys) ? keys : {}))
      if (!knownKeys.has(key.toLowerCase()) && !isEncryptionContext(key.toLowerCase()))
        return `${operator} on ${key}`;
  }
  return undefined;
}

/** Operators and keys must all hold; of a key's values, one. */
export function conditionHolds(condition: Readonly<Record<string, unknown>>, context: Context): boolean {
  const byKey = new Map(Object.entries(context).map(([key, actual]) => [key.toLowerCase(), actual]));
  return Object.entries(condition).every(([operator, keys]) =>
    Object.entries(isJson(keys) ? keys : {}).every(([key, wanted]) =>
      keyHolds(operator, values(wanted), byKey.get(key.toLowerCase())),
    ),
  );
}

function keyHolds(
  operator: string,
  wanted: readonly string[],
  actual: readonly string[] | undefined,
): boolean {
  const { set, name, ifExists } = operatorParts(operator);
  if (name === 'Null') return wanted.includes(String(actual === undefined));
  const operation = tests[name];
  if (operation === undefined) return false;
  const one = (value: string): boolean => {
    const found = wanted.some((each) => operation.test(each, value));
    return operation.negated === true ? !found : found;
  };
  // AWS: negated operators hold for an absent key, ForAllValues holds for an empty set, the others do not.
  if (actual === undefined || actual.length === 0)
    return ifExists || set === 'ForAllValues' || (operation.negated === true && set === undefined);
  return set === 'ForAnyValue' || (set === undefined && operation.negated !== true)
    ? actual.some(one)
    : actual.every(one);
}
