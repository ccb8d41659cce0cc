import { cloudNames } from './cloud.ts';
import { policyPaths, policySections, type PolicySection } from './policy-fields.ts';
import type { Policies } from './policy.ts';

/** One difference: a field that is set, changed or no longer set, or a section that is on or off as a whole. */
export interface PolicyChange {
  /** `clusterLimits.maxVcpus`, `spot`; of what a file says besides policies, `ingress.loadBalancers` */
  readonly field: string;
  /** Absent: it was not there. */
  readonly from?: unknown;
  /** Absent: it is not there any more. */
  readonly to?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** On with nothing more said. Any other object without a field says as much as none. */
const sectionsThatAreOn: readonly string[] = [
  'unschedulablePods',
  'spot',
  'nodeDeletion',
  'consolidation',
] satisfies readonly PolicySection[];

const nameOrder = [...new Set(policyPaths.flatMap((path) => path.split('.')))];
const memberOrder: readonly string[] = cloudNames;
const by =
  (order: readonly string[]) =>
  (a: string, b: string): number =>
    order.indexOf(a) - order.indexOf(b) || (a < b ? -1 : 1);

/**
 * The one form of policies that say the same: fields in their usual order (a table gives them back in any), lists sorted,
 * nothing that says nothing.
 */
export const canonicalPolicies = (policies: Policies): Policies => canonical(policies, '') ?? {};

function canonical(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return (value as readonly string[]).toSorted(by(memberOrder));
  if (!isObject(value)) return value;
  const fields = Object.entries(value)
    .map(([of, each]) => [of, canonical(each, of)] as const)
    .filter(([, each]) => each !== undefined)
    .toSorted(([a], [b]) => by(nameOrder)(a, b));
  return fields.length > 0 || sectionsThatAreOn.includes(name) ? Object.fromEntries(fields) : undefined;
}

/** What is different; nothing where both say the same, however they are written. */
export function policyChanges(before: Policies, after: Policies): readonly PolicyChange[] {
  const [was, is] = [canonicalPolicies(before), canonicalPolicies(after)];
  return policySections.flatMap((section): readonly PolicyChange[] => {
    const [from, to] = [was[section], is[section]];
    if (sectionsThatAreOn.includes(section) && (from === undefined) !== (to === undefined))
      return [change(section, from, to)];
    const [leavesBefore, leavesAfter] = [leaves(from, section), leaves(to, section)];
    return policyPaths
      .filter((path) => JSON.stringify(leavesBefore.get(path)) !== JSON.stringify(leavesAfter.get(path)))
      .map((path) => change(path, leavesBefore.get(path), leavesAfter.get(path)));
  });
}

const change = (field: string, from: unknown, to: unknown): PolicyChange => ({
  field,
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});

/** `spot.sharePercent` → 50 … of everything in a section. */
function leaves(value: unknown, path: string): ReadonlyMap<string, unknown> {
  if (!isObject(value)) return new Map(value === undefined ? [] : [[path, value]]);
  return new Map(Object.entries(value).flatMap(([name, each]) => [...leaves(each, `${path}.${name}`)]));
}

/** `clusterLimits.maxVcpus is 32 instead of 16`, `spot is on (sharePercent 50)`, `nodeDeletion is off`. */
export function describePolicyChange({ field, from, to }: PolicyChange): string {
  if (sectionsThatAreOn.includes(field)) {
    if (to === undefined) return `${field} is off`;
    const said = [...leaves(to, '')].map(([path, value]) => `${path.slice(1)} ${textOf(value)}`);
    return `${field} is on${said.length === 0 ? '' : ` (${said.join(', ')})`}`;
  }
  if (to === undefined) return `${field} is no longer set (it was ${textOf(from)})`;
  return `${field} is ${textOf(to)}${from === undefined ? '' : ` instead of ${textOf(from)}`}`;
}

const textOf = (value: unknown): string =>
  Array.isArray(value) ? (value as readonly string[]).join(' and ') : String(value);

/** RFC 7396: what is named takes the place of what is there, null takes it away, all else stays. */
export const mergePolicies = (policies: Policies, patch: Fields): Policies =>
  merged(policies, patch) as Policies;

function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = merged(result[name], value);
  return result;
}
