import { nearest } from '../shared/domain/nearest.ts';
import {
  policyFields,
  policyPaths,
  policySections,
  type PolicyPath,
  type PolicySection,
  type PolicyValue,
} from '../shared/domain/policy-fields.ts';
import { UsageError } from './context.ts';

/** A JSON merge patch (RFC 7396). */
export type Patch = { [name: string]: unknown };

const isPath = (text: string): text is PolicyPath => (policyPaths as readonly string[]).includes(text);
const isSection = (text: string): text is PolicySection =>
  (policySections as readonly string[]).includes(text);
/** `unschedulablePods.headroom`: neither a field nor a section, but what some fields are in. */
const isBetween = (text: string): boolean => policyPaths.some((path) => path.startsWith(`${text}.`));

/** @throws UsageError with what was probably meant. */
function unknownField(text: string): never {
  const lastPart = (path: string): string => path.slice(path.lastIndexOf('.') + 1);
  const byLastPart = nearest(lastPart(text), policyPaths.map(lastPart));
  const meant =
    nearest(text, [...policyPaths, ...policySections]) ??
    policyPaths.find((path) => lastPart(path) === byLastPart);
  throw new UsageError(
    `${text}: is not a known field${meant === undefined ? '' : `; did you mean ${meant}?`} (\`overcast policy describe\` shows them all)`,
  );
}

/** @throws UsageError when the text is nothing of that type. What a number may be the API says. */
function valueOf(path: string, text: string, { type }: PolicyValue): unknown {
  if (type === 'true or false') {
    if (text !== 'true' && text !== 'false')
      throw new UsageError(`${path}: must be true or false, not "${text}"`);
    return text === 'true';
  }
  if (type === 'list') return text.split(',').map((member) => member.trim());
  if (!/^-?\d+(?:\.\d+)?$/.test(text)) throw new UsageError(`${path}: must be a number, not "${text}"`);
  return Number(text);
}

/** `a.b` → 1 as `{ a: { b: 1 } }`; what is in something else comes after it. */
function nested(values: Iterable<readonly [string, unknown]>): Patch {
  const patch: Patch = {};
  for (const [path, value] of values) {
    const parts = path.split('.');
    let at = patch;
    for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Patch;
    at[parts.at(-1) ?? ''] = value;
  }
  return patch;
}

/** `clusterLimits.maxVcpus=32`, `spot=on`, `spot=off` … as one patch. @throws UsageError naming the argument that is wrong. */
export function patchFrom(assignments: readonly string[]): Patch {
  const said = new Map<string, unknown>();
  for (const assignment of assignments) {
    const [, path = '', text = ''] = /^([^=]*)=(.*)$/s.exec(assignment) ?? [];
    if (path === '')
      throw new UsageError(`${assignment}: must be <field>=<value>, like clusterLimits.maxVcpus=32`);
    if (said.has(path)) throw new UsageError(`${path}: is said twice`);
    said.set(path, isSection(path) ? onOrOff(path, text) : fieldFrom(path, text));
  }
  for (const path of said.keys()) {
    const [section = ''] = path.split('.', 1);
    if (path !== section && said.get(section) === null)
      throw new UsageError(`${path}: ${section} is turned off in the same command`);
  }
  return nested([...said].toSorted(([a], [b]) => a.length - b.length));
}

function onOrOff(section: PolicySection, text: string): Patch | null {
  if (text === 'on') return {};
  if (text === 'off') return null;
  const field = policyPaths.find((path) => path.startsWith(`${section}.`));
  throw new UsageError(`${section}: is a section: on, off, or one of its fields, like ${field}=…`);
}

const fieldFrom = (path: string, text: string): unknown =>
  isPath(path) ? valueOf(path, text, policyFields[path].value) : unknownField(path);

/**
 * Takes fields and sections away: only those that are there, since a patch makes what it passes through.
 *
 * @returns the patch, and which of the names were not set.
 * @throws UsageError for a name that nobody knows.
 */
export function unsettingPatch(
  names: readonly string[],
  policies: object,
): { readonly patch: Patch; readonly notSet: readonly string[] } {
  for (const name of names) if (!isPath(name) && !isSection(name) && !isBetween(name)) unknownField(name);
  const isSet = (name: string): boolean =>
    name.split('.').reduce<unknown>((at, part) => (at as Patch | undefined)?.[part], policies) !== undefined;
  // What goes with its section need not be named.
  const outermost = names.filter((name) => !names.some((other) => name.startsWith(`${other}.`)));
  return {
    patch: nested(outermost.filter(isSet).map((name) => [name, null])),
    notSet: [...new Set(names)].filter((name) => !isSet(name)),
  };
}
