import type { Owner } from '../../domain/cloud.ts';
import type {
  IAddress,
  IBackendService,
  IForwardingRule,
  IHealthCheck,
  IInstanceGroup,
} from './balancer-parts.ts';
import type { Clients } from './clients.ts';
import { isNotFound } from './failures.ts';
import { all, lastOf, onePageAtATime, pageSize } from './lists.ts';
import { baseName, isMarkedBy } from './names.ts';

/** Parts of load balancers in one region, whosever they are. */
export interface BalancerParts {
  readonly addresses: readonly IAddress[];
  readonly healthChecks: readonly IHealthCheck[];
  readonly backendServices: readonly IBackendService[];
  readonly forwardingRules: readonly IForwardingRule[];
  /** In the networks that were asked for: of any name, in any zone. */
  readonly groups: readonly IInstanceGroup[];
}

/** Five lists, for one cluster (`overcast-<id>`) as for all (`overcast-.*`). */
export async function balancerParts(
  clients: Clients,
  region: string,
  namePattern: string,
): Promise<BalancerParts> {
  const { project } = clients;
  const named = { project, region, filter: `name eq "${namePattern}"`, maxResults: pageSize };
  const [addresses, healthChecks, backendServices, forwardingRules, scopes] = await Promise.all([
    all(clients.addresses.listAsync(named, onePageAtATime)),
    all(clients.healthChecks.listAsync(named, onePageAtATime)),
    all(clients.backendServices.listAsync(named, onePageAtATime)),
    // Of any name: whoever leads traffic to a cluster's backend service opens a port of its load balancer.
    all(
      clients.forwardingRules.listAsync(
        { ...named, filter: `backendService eq ".*/backendServices/${namePattern}"` },
        onePageAtATime,
      ),
    ),
    all(
      clients.instanceGroups.aggregatedListAsync(
        { project, filter: `network eq ".*/networks/${namePattern}"`, maxResults: pageSize },
        onePageAtATime,
      ),
    ),
  ]);
  return {
    addresses: addresses as IAddress[],
    healthChecks: healthChecks as IHealthCheck[],
    backendServices: backendServices as IBackendService[],
    forwardingRules: forwardingRules as IForwardingRule[],
    groups: scopes.flatMap(([, scope]) => scope.instanceGroups ?? []) as IInstanceGroup[],
  };
}

/** What has the cluster's name, whosever it is, and what leads to its backend service; groups: all in its network. */
export function partsNamed(seen: BalancerParts, owner: Pick<Owner, 'clusterId'>): BalancerParts {
  const base = baseName(owner.clusterId);
  const isNamed = ({ name }: { readonly name?: string | null }): boolean => name === base;
  return {
    addresses: seen.addresses.filter(isNamed),
    healthChecks: seen.healthChecks.filter(isNamed),
    backendServices: seen.backendServices.filter(isNamed),
    forwardingRules: seen.forwardingRules.filter(({ backendService }) => lastOf(backendService) === base),
    groups: seen.groups.filter(({ network }) => lastOf(network) === base),
  };
}

/** Of those the owner's; a rule that leads to the owner's backend service has no life without it, whoever made it. */
export function ownedParts(seen: BalancerParts, owner: Owner): BalancerParts {
  const named = partsNamed(seen, owner);
  const isOurs = (part: { readonly description?: string | null }): boolean => isMarkedBy(part, owner);
  const backendServices = named.backendServices.filter(isOurs);
  return {
    addresses: named.addresses.filter(isOurs),
    healthChecks: named.healthChecks.filter(isOurs),
    backendServices,
    forwardingRules: named.forwardingRules.filter((rule) => backendServices.length > 0 || isOurs(rule)),
    groups: named.groups.filter((group) => group.name === baseName(owner.clusterId) && isOurs(group)),
  };
}

/** The names of the instances in a group, which only itself tells. A group that went meanwhile has none. */
export async function membersOf(clients: Clients, group: IInstanceGroup): Promise<readonly string[]> {
  try {
    const members = await all(
      clients.instanceGroups.listInstancesAsync(
        {
          project: clients.project,
          zone: lastOf(group.zone),
          instanceGroup: group.name ?? '',
          instanceGroupsListInstancesRequestResource: { instanceState: 'ALL' },
          maxResults: pageSize,
        },
        onePageAtATime,
      ),
    );
    return members.map(({ instance }) => lastOf(instance));
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
