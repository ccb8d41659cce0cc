import { instanceTypes } from '../domain/catalogue.ts';
import { cloudNames, type CloudName } from '../domain/cloud.ts';
import type { Problem } from '../domain/cluster-request.ts';
import { familyOf } from '../domain/instance-family.ts';
import { architectures, type Offering } from '../domain/offering.ts';
import {
  policyFields,
  policyPaths,
  type PolicyPath,
  type PolicySection,
  type PolicyValue,
} from '../domain/policy-fields.ts';
import type { Policies } from '../domain/policy.ts';
import { policyRules } from './policy-rules.ts';

/**
 * Whether these policies may be a cluster's: each field for itself and, once those are right, all of them together.
 * Everything that is wrong at once, each with its field and, where that is a list, what is allowed instead.
 *
 * @param options.clouds the cluster's own.
 * @param options.offerings what these sell.
 * @param options.within what the fields' names begin with: `spec.policies.`, or nothing.
 */
export function validatePolicies(options: {
  readonly policies: Policies;
  readonly clouds: readonly CloudName[];
  readonly offerings: readonly Offering[];
  readonly within: string;
}): readonly Problem[] {
  const { policies, clouds, offerings, within } = options;
  const ofFields = policyPaths.flatMap((path) => fieldProblems(path, policies, { clouds, offerings }));
  const problems =
    ofFields.length > 0 ? ofFields : policyRules.flatMap((rule) => rule(policies, clouds, offerings));
  return problems.map((problem) => ({ ...problem, field: `${within}${problem.field}` }));
}

/** Whether a cluster may have this limit that has so many vCPUs, or begins with them. */
export function validateVcpus(options: {
  readonly policies: Policies;
  readonly vcpus: number;
  readonly verb: 'has' | 'begins with';
  readonly within: string;
}): readonly Problem[] {
  const { policies, vcpus, verb, within } = options;
  const { maxVcpus = Number.POSITIVE_INFINITY } = policies.clusterLimits ?? {};
  if (vcpus <= maxVcpus) return [];
  const field = `${within}clusterLimits.maxVcpus`;
  return [{ field, message: `the cluster ${verb} ${vcpus} vCPUs, which is more` }];
}

/** The cluster's clouds, and what they sell. */
interface Known {
  readonly clouds: readonly CloudName[];
  readonly offerings: readonly Offering[];
}

/** Undefined where the field, or its section, is not there. */
const valueAt = (policies: Policies, path: PolicyPath): unknown =>
  path
    .split('.')
    .reduce<unknown>((at, name) => (at as Readonly<Record<string, unknown>> | undefined)?.[name], policies);

function fieldProblems(path: PolicyPath, policies: Policies, known: Known): readonly Problem[] {
  const { value: form, isRequired = false } = policyFields[path];
  const value = valueAt(policies, path);
  if (value === undefined) {
    const isMissing = isRequired && policies[path.split('.', 1)[0] as PolicySection] !== undefined;
    return isMissing ? [{ field: path, message: 'is required' }] : [];
  }
  if (form.type === 'true or false') return [];
  if (form.type === 'list') return listProblems(path, value as readonly string[], form.of, known);
  const { min, max, unit } = form;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return [];
  return [{ field: path, message: `must be a whole number from ${min} to ${max} (${unit})` }];
}

type Members = Extract<PolicyValue, { type: 'list' }>['of'];

function listProblems(
  path: PolicyPath,
  list: readonly string[],
  of: Members,
  known: Known,
): readonly Problem[] {
  if (list.length === 0)
    return [{ field: path, message: 'must not be empty; left out, it says nothing about it' }];
  const allowed = allowedIn(of, known);
  return list.flatMap((member, index): readonly Problem[] => {
    const field = `${path}[${index}]`;
    if (list.indexOf(member) < index) return [{ field, message: `${member} is named twice` }];
    if (allowed.includes(member)) return [];
    const isElsewhere = of === 'clouds' && (cloudNames as readonly string[]).includes(member);
    const message = isElsewhere ? `${member} is none of the cluster's clouds` : `"${member}" is not known`;
    return [{ field, message, allowed }];
  });
}

/** What a list may hold: clouds of the cluster, families of any cloud that are sold or built in, architectures. */
function allowedIn(of: Members, { clouds, offerings }: Known): readonly string[] {
  if (of === 'clouds') return cloudNames.filter((cloud) => clouds.includes(cloud));
  if (of === 'architectures') return architectures;
  const sold = offerings.map(({ cloud, instanceType }) => familyOf(cloud, instanceType));
  const builtIn = instanceTypes.map(({ cloud, name }) => familyOf(cloud, name));
  return [...new Set([...sold, ...builtIn])].toSorted();
}
