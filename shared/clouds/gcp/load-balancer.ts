import type { Owner } from '../../domain/cloud.ts';
import type { LoadBalancer, LoadBalancerSpec, Member } from '../../domain/load-balancer.ts';
import type { Progress } from '../contract.ts';
import {
  balancerDifferences,
  mayBeMember,
  recordedParts,
  type BalancerChange,
} from './balancer-differences.ts';
import { balancerParts, membersOf, partsNamed } from './balancer-look.ts';
import {
  instancePath,
  placeOf,
  wantedAddress,
  wantedBackendService,
  wantedGroup,
  wantedHealthCheck,
  wantedRule,
  type BalancerPlace,
  type IInstanceGroup,
} from './balancer-parts.ts';
import type { Clients } from './clients.ts';
import { isForLater, isNotFound, refusal } from './failures.ts';
import { found } from './lists.ts';
import { baseName, isMarkedBy, isOwnedBy } from './names.ts';
import { allInstances } from './observe.ts';
import { begun, freshFailure, networkOperations } from './operations.ts';

const retryAfterSeconds = 3;

const waiting = (waitingFor: string): Progress<never> => ({ done: false, retryAfterSeconds, waitingFor });

/** Builds or repairs a cluster's load balancer. A right one costs six lists and its members. */
export async function ensureLoadBalancer(
  clients: Clients,
  spec: LoadBalancerSpec,
): Promise<Progress<LoadBalancer>> {
  const { project } = clients;
  const { region } = spec.location;
  const place = placeOf(spec, project);
  if (spec.network.parts['network'] === undefined)
    throw refusal('invalid', 'the network was not made by this driver');
  const [parts, instances] = await Promise.all([
    balancerParts(clients, region, place.name),
    allInstances(clients),
  ]);
  const named = partsNamed(parts, spec.owner);
  const group = named.groups.find(({ name }) => name === place.name);
  const members = group === undefined ? [] : await membersOf(clients, group);
  const differences = balancerDifferences(spec, project, { ...named, members, instances });
  for (const { refusal: code, flaws } of differences)
    if (code !== undefined) throw refusal(code, flaws.map(({ message }) => message).join('; '));
  if (differences.length > 0) {
    const failure = freshFailure(await networkOperations(clients, region, place.name), clients.now());
    if (failure !== undefined) throw failure;
    const outcomes = await Promise.allSettled(
      differences.map(async ({ change }) => {
        if (change !== undefined) begun(await carryOut(clients, { spec, place, change }));
      }),
    );
    for (const outcome of outcomes)
      if (outcome.status === 'rejected' && !isLookAgain(outcome.reason)) throw outcome.reason;
    return waiting(`${differences.length} parts of the load balancer to be right`);
  }
  const address = named.addresses[0]?.address ?? '';
  return {
    done: true,
    value: { cloud: 'gcp', addresses: [address], parts: recordedParts(place) },
  };
}

/** Begun already, still in use, or gone: what is so the next look tells. */
const isLookAgain = (error: unknown): boolean => isForLater(error) || isNotFound(error);

type Answer = Promise<[{ readonly latestResponse?: unknown }, ...unknown[]]>;

function carryOut(
  clients: Clients,
  {
    spec,
    place,
    change,
  }: { readonly spec: LoadBalancerSpec; readonly place: BalancerPlace; readonly change: BalancerChange },
): Answer {
  const { project, region, zone, name } = place;
  switch (change.verb) {
    case 'insert-address':
      return clients.addresses.insert({ project, region, addressResource: wantedAddress(spec, place) });
    case 'insert-group':
      return clients.instanceGroups.insert({
        project,
        zone,
        instanceGroupResource: wantedGroup(spec, place),
      });
    case 'insert-health-check':
      return clients.healthChecks.insert({
        project,
        region,
        healthCheckResource: wantedHealthCheck(spec, place),
      });
    case 'patch-health-check':
      return clients.healthChecks.patch({
        project,
        region,
        healthCheck: name,
        healthCheckResource: wantedHealthCheck(spec, place),
      });
    case 'insert-backend-service':
      return clients.backendServices.insert({
        project,
        region,
        backendServiceResource: wantedBackendService(spec, place),
      });
    case 'patch-backend-service':
      return clients.backendServices.patch({
        project,
        region,
        backendService: name,
        backendServiceResource: {
          ...wantedBackendService(spec, place),
          fingerprint: change.fingerprint,
        },
      });
    case 'insert-rule':
      return clients.forwardingRules.insert({
        project,
        region,
        forwardingRuleResource: wantedRule(spec, place, change.port),
      });
    case 'delete-rule':
      return clients.forwardingRules.delete({ project, region, forwardingRule: change.name });
    case 'add-members':
      return addMembers(clients, place, change.names);
    default:
      return removeMembers(clients, place, change.names);
  }
}

const references = (place: BalancerPlace, names: readonly string[]) => ({
  instances: names.map((name) => ({ instance: instancePath(place, name) })),
});

const addMembers = (clients: Clients, place: BalancerPlace, names: readonly string[]): Answer =>
  clients.instanceGroups.addInstances({
    project: place.project,
    zone: place.zone,
    instanceGroup: place.name,
    instanceGroupsAddInstancesRequestResource: references(place, names),
  });

const removeMembers = (clients: Clients, place: BalancerPlace, names: readonly string[]): Answer =>
  clients.instanceGroups.removeInstances({
    project: place.project,
    zone: place.zone,
    instanceGroup: place.name,
    instanceGroupsRemoveInstancesRequestResource: references(place, names),
  });

/** The owner's group in the member's zone. */
async function groupOf(
  clients: Clients,
  { location }: Member,
  owner: Owner,
): Promise<IInstanceGroup | undefined> {
  const group = await found(
    clients.instanceGroups.get({
      project: clients.project,
      zone: location.zone,
      instanceGroup: baseName(owner.clusterId),
    }),
  );
  return group !== undefined && isMarkedBy(group, owner) ? (group as IInstanceGroup) : undefined;
}

export async function joinLoadBalancer(
  clients: Clients,
  member: Member,
  owner: Owner,
): Promise<Progress<'joined'>> {
  const { providerId, location } = member;
  const place = placeOf({ owner, location }, clients.project);
  const [instance, group] = await Promise.all([
    found(clients.instances.get({ project: clients.project, zone: location.zone, instance: providerId })),
    groupOf(clients, member, owner),
  ]);
  if (instance !== undefined && !isOwnedBy(instance.labels, owner))
    throw refusal(
      'notOwned',
      `machine ${providerId} does not carry the labels of cluster ${owner.clusterId}`,
    );
  if (
    group === undefined ||
    instance === undefined ||
    !mayBeMember(instance, { owner }, place) ||
    (await membersOf(clients, group)).includes(providerId)
  )
    return { done: true, value: 'joined' };
  await lookingAgain(addMembers(clients, place, [providerId]));
  return waiting(`machine ${providerId} to be behind the load balancer`);
}

export async function leaveLoadBalancer(
  clients: Clients,
  member: Member,
  owner: Owner,
): Promise<Progress<'left'>> {
  const { providerId, location } = member;
  const group = await groupOf(clients, member, owner);
  if (group === undefined || !(await membersOf(clients, group)).includes(providerId))
    return { done: true, value: 'left' };
  await lookingAgain(removeMembers(clients, placeOf({ owner, location }, clients.project), [providerId]));
  return waiting(`machine ${providerId} to leave the load balancer`);
}

async function lookingAgain(answer: Answer): Promise<void> {
  try {
    begun(await answer);
  } catch (error) {
    if (!isLookAgain(error)) throw error;
  }
}
