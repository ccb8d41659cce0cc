import type { LoadBalancerSpec } from '../../domain/load-balancer.ts';
import type { BalancerParts } from './balancer-look.ts';
import {
  addressPath,
  backendServicePath,
  groupPath,
  healthCheckPath,
  placeOf,
  ruleName,
  wantedBackendService,
  wantedHealthCheck,
  wantedRule,
  type BalancerPlace,
  type IForwardingRule,
} from './balancer-parts.ts';
import type { NetworkFlaw } from './firewall.ts';
import { lastOf } from './lists.ts';
import { stateOf, type IInstance } from './machine-view.ts';
import { isMarkedBy, isOwnedBy, marksOf, labelKeys } from './names.ts';
import { isIn } from './machine-flaws.ts';

/** A cluster's load balancer as it stands, and who could be behind it. */
export interface SeenBalancer extends BalancerParts {
  /** Names of the instances in the cluster's group. */
  readonly members: readonly string[];
  readonly instances: readonly IInstance[];
}

export type BalancerChange =
  | { readonly verb: 'insert-address' | 'insert-health-check' | 'insert-group' | 'insert-backend-service' }
  | { readonly verb: 'patch-health-check' }
  | { readonly verb: 'patch-backend-service'; readonly fingerprint: string }
  | { readonly verb: 'insert-rule'; readonly port: number }
  | { readonly verb: 'delete-rule'; readonly name: string }
  | { readonly verb: 'add-members' | 'remove-members'; readonly names: readonly string[] };

/** What is wrong, and the one change that mends it, if it can be made yet; or the refusal's code. */
export interface BalancerDifference {
  readonly flaws: readonly NetworkFlaw[];
  readonly change?: BalancerChange;
  readonly refusal?: 'alreadyExists';
}

const flawOf = (what: string, message: string): NetworkFlaw => ({
  subject: `load-balancer:${what}`,
  message: `load balancer: ${message}`,
});

/** All that `ensureLoadBalancer` would change and `observe` calls a flaw, of the parts of the cluster's name. */
export function balancerDifferences(
  spec: LoadBalancerSpec,
  project: string,
  seen: SeenBalancer,
): readonly BalancerDifference[] {
  const place = placeOf(spec, project);
  const claims = claimedParts(spec, place, seen);
  if (claims.length > 0) return claims;
  const address = seen.addresses[0];
  const check = seen.healthChecks[0];
  const group = seen.groups.find(({ name }) => name === place.name);
  const service = seen.backendServices[0];
  const differences: BalancerDifference[] = [];
  const missing = (isThere: boolean, what: string, change: BalancerChange, canBe = true): void => {
    if (isThere) return;
    // One that is gone as a whole is one flaw.
    const flaws =
      service === undefined && what !== 'backend-service'
        ? []
        : [
            service === undefined
              ? flawOf('missing', 'it is gone')
              : flawOf(`${what}:missing`, `its ${what} is gone`),
          ];
    differences.push({ flaws, ...(canBe ? { change } : {}) });
  };
  missing(address !== undefined, 'address', { verb: 'insert-address' });
  missing(check !== undefined, 'health-check', { verb: 'insert-health-check' });
  missing(group !== undefined, 'group', { verb: 'insert-group' });
  const hasParts = check !== undefined && group !== undefined;
  missing(service !== undefined, 'backend-service', { verb: 'insert-backend-service' }, hasParts);
  if (check !== undefined) {
    const flaws = unlike('health-check', check, wantedHealthCheck(spec, place));
    if (flaws.length > 0) differences.push({ flaws, change: { verb: 'patch-health-check' } });
  }
  if (group !== undefined) differences.push(...memberDifferences(spec, place, seen));
  if (service === undefined) return differences;
  const flaws = unlike('backend-service', service, wantedBackendService(spec, place));
  if (flaws.length > 0) {
    const change = { verb: 'patch-backend-service', fingerprint: service.fingerprint ?? '' } as const;
    differences.push({ flaws, ...(hasParts ? { change } : {}) });
  }
  return [...differences, ...ruleDifferences(spec, place, seen)];
}

/**
 * Parts of the cluster's name that are not the cluster's. A description that is written once and cannot be changed carries the
 * owner's marks or is another's; that of a backend service or health check may have lost them.
 */
function claimedParts(
  { owner }: LoadBalancerSpec,
  { name }: BalancerPlace,
  seen: SeenBalancer,
): BalancerDifference[] {
  const isAnothers = (part: { readonly description?: string | null }): boolean =>
    !isMarkedBy(part, owner) &&
    [labelKeys.installation, labelKeys.clusterId].some((key) => marksOf(part.description)[key] !== undefined);
  const isNotOurs = (part: { readonly description?: string | null }): boolean => !isMarkedBy(part, owner);
  const claims: readonly (readonly [string, number])[] = [
    ['address', seen.addresses.filter(isNotOurs).length],
    ['group', seen.groups.filter((group) => group.name === name && isNotOurs(group)).length],
    ['health-check', seen.healthChecks.filter(isAnothers).length],
    ['backend-service', seen.backendServices.filter(isAnothers).length],
  ];
  return claims
    .filter(([, count]) => count > 0)
    .map(([what]) => ({
      flaws: [flawOf(`${what}:claimed`, `${what} ${name} is there and does not carry the cluster's marks`)],
      refusal: 'alreadyExists',
    }));
}

type Fields = Readonly<Record<string, unknown>>;

/** A URL as its path, numbers as they are, and what was never set as nothing. */
function spelled(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^https?:\/\/.*?(?=projects\/)/, '');
  if (Array.isArray(value)) return value.map(spelled);
  return value ?? '';
}

/** Whether all that is wanted is so; what the API adds of its own is not looked at. */
function isLike(has: unknown, wants: unknown): boolean {
  if (Array.isArray(wants))
    return (
      Array.isArray(has) && has.length === wants.length && wants.every((want, i) => isLike(has[i], want))
    );
  if (typeof wants !== 'object' || wants === null) return spelled(has) === spelled(wants);
  return Object.entries(wants).every(([field, want]) =>
    isLike((has as Fields | null | undefined)?.[field], want),
  );
}

const unlike = (what: string, has: object, wants: Fields): readonly NetworkFlaw[] =>
  Object.entries(wants)
    .filter(([field, want]) => !isLike((has as Fields)[field], want))
    .map(([field]) => flawOf(`${what}:${field}`, `${field} of its ${what} was changed`));

/** Rules can only be made and deleted; one that is made anew keeps the address. */
function ruleDifferences(
  spec: LoadBalancerSpec,
  place: BalancerPlace,
  { addresses, forwardingRules }: SeenBalancer,
): BalancerDifference[] {
  const address = addresses[0]?.address ?? undefined;
  const isRight = (rule: IForwardingRule, port: number): boolean => {
    const { IPAddress: _path, ...wanted } = wantedRule(spec, place, port);
    return isLike(rule, wanted) && rule.IPAddress === address;
  };
  const ports = spec.listeners.map(({ port }) => port);
  const right = forwardingRules.filter((rule) => ports.some((port) => isRight(rule, port)));
  return [
    ...forwardingRules
      .filter((rule) => !right.includes(rule))
      .map((rule) => {
        const name = rule.name ?? '';
        const message = `forwarding rule ${name} for ${rule.portRange ?? 'all ports'} is none that was asked for`;
        return {
          flaws: [flawOf(`rule:surplus:${name}`, message)],
          change: { verb: 'delete-rule', name },
        } as const;
      }),
    ...ports
      .filter((port) => right.every(({ name }) => name !== ruleName(place, port)))
      .map((port): BalancerDifference => {
        const isTaken = forwardingRules.some(({ name }) => name === ruleName(place, port));
        return {
          flaws: [flawOf(`listener:missing:${port}`, `nothing listens at port ${port}`)],
          ...(address === undefined || isTaken ? {} : { change: { verb: 'insert-rule', port } as const }),
        };
      }),
  ];
}

/** Who runs, is the owner's and stands where the group is. */
export const mayBeMember = (
  instance: IInstance,
  spec: Pick<LoadBalancerSpec, 'owner'>,
  { name, zone }: Pick<BalancerPlace, 'name' | 'zone'>,
): boolean =>
  stateOf(instance) === 'running' &&
  isOwnedBy(instance.labels, spec.owner) &&
  lastOf(instance.zone) === zone &&
  isIn(instance, name);

/** One that stopped is sent nothing: it is neither missed nor too many. */
function memberDifferences(
  spec: LoadBalancerSpec,
  place: BalancerPlace,
  { members, instances }: SeenBalancer,
): BalancerDifference[] {
  const named = (name: string): IInstance | undefined =>
    instances.find((one) => one.name === name && lastOf(one.zone) === place.zone);
  const isOurs = (name: string): boolean => isOwnedBy(named(name)?.labels, spec.owner);
  const asked = spec.members.map(({ providerId }) => providerId);
  const missing = asked.filter((name) => {
    const instance = named(name);
    return !members.includes(name) && instance !== undefined && mayBeMember(instance, spec, place);
  });
  const surplus = members.filter((name) => !asked.includes(name) || !isOurs(name));
  return [
    ...(missing.length === 0
      ? []
      : [
          {
            flaws: missing.map((name) =>
              flawOf(`member:missing:${name}`, `machine ${name} is not behind it`),
            ),
            change: { verb: 'add-members', names: missing } as const,
          },
        ]),
    ...(surplus.length === 0
      ? []
      : [
          {
            flaws: surplus.map((name) =>
              flawOf(`member:surplus:${name}`, `machine ${name} is behind it and should not be`),
            ),
            change: { verb: 'remove-members', names: surplus } as const,
          },
        ]),
  ];
}

/** `LoadBalancer.parts`. */
export const recordedParts = (place: BalancerPlace): Readonly<Record<string, string>> => ({
  address: addressPath(place),
  backendService: backendServicePath(place),
  healthCheck: healthCheckPath(place),
  group: groupPath(place),
});
