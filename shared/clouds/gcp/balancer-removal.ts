import type { Location, Owner } from '../../domain/cloud.ts';
import type { OwnedResource, Progress } from '../contract.ts';
import { balancerParts, ownedParts, type BalancerParts } from './balancer-look.ts';
import type { Clients } from './clients.ts';
import { refusal } from './failures.ts';
import { lastOf } from './lists.ts';
import { ignoringGone } from './machines.ts';
import { baseName, isMarkedBy } from './names.ts';

const retryAfterSeconds = 3;

const waiting = (waitingFor: string): Progress<never> => ({ done: false, retryAfterSeconds, waitingFor });

/** In the order in which they can go: each is used by one before it. */
const kinds = ['forwarding-rule', 'backend-service', 'instance-group', 'health-check', 'address'] as const;
type Kind = (typeof kinds)[number];

export const isBalancerKind = (kind: string): kind is Kind => kinds.some((one) => one === kind);

interface Part {
  readonly kind: Kind;
  readonly name: string;
  readonly link: string;
  /** An instance group's. */
  readonly zone: string;
  readonly description: string;
}

type Resource = {
  readonly name?: string | null;
  readonly selfLink?: string | null;
  readonly zone?: string | null;
  readonly description?: string | null;
};

const partOf = (kind: Kind, resource: Resource): Part => ({
  kind,
  name: resource.name ?? '',
  link: (resource.selfLink ?? '').replace(/^.*(?=projects\/)/, ''),
  zone: lastOf(resource.zone),
  description: resource.description ?? '',
});

/** In the order in which they can go. */
export const partsInOrder = (parts: BalancerParts): readonly Part[] => [
  ...parts.forwardingRules.map((one) => partOf('forwarding-rule', one)),
  ...parts.backendServices.map((one) => partOf('backend-service', one)),
  ...parts.groups.map((one) => partOf('instance-group', one)),
  ...parts.healthChecks.map((one) => partOf('health-check', one)),
  ...parts.addresses.map((one) => partOf('address', one)),
];

/** What `observe` lists: all that carries the owner's marks, rules that people added left to those who compare. */
export const balancerResources = (parts: BalancerParts, owner: Owner): readonly OwnedResource[] =>
  partsInOrder(ownedParts(parts, owner))
    .filter((part) => isMarkedBy(part, owner))
    .map(({ kind, link, name }) => ({ kind, id: link, name }));

/** Begins to delete the parts that no other part uses any more. Whoever calls again looks again. */
export async function removeFreeParts(
  clients: Clients,
  region: string,
  parts: readonly Part[],
): Promise<void> {
  const has = (...others: readonly Kind[]): boolean => parts.some(({ kind }) => others.includes(kind));
  const isFree: Readonly<Record<Kind, boolean>> = {
    'forwarding-rule': true,
    'backend-service': !has('forwarding-rule'),
    'instance-group': !has('backend-service'),
    'health-check': !has('backend-service'),
    address: !has('forwarding-rule'),
  };
  const outcomes = await Promise.allSettled(
    parts.filter(({ kind }) => isFree[kind]).map((part) => removePart(clients, region, part)),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** A deletion, and nothing where there is nothing any more. */
function removePart(clients: Clients, region: string, { kind, name, zone }: Part): Promise<void> {
  const { project } = clients;
  switch (kind) {
    case 'forwarding-rule':
      return ignoringGone(clients.forwardingRules.delete({ project, region, forwardingRule: name }));
    case 'backend-service':
      return ignoringGone(clients.backendServices.delete({ project, region, backendService: name }));
    case 'instance-group':
      return ignoringGone(clients.instanceGroups.delete({ project, zone, instanceGroup: name }));
    case 'health-check':
      return ignoringGone(clients.healthChecks.delete({ project, region, healthCheck: name }));
    default:
      return ignoringGone(clients.addresses.delete({ project, region, address: name }));
  }
}

/** One part of a load balancer that nobody wants any more. What uses it goes first; with a backend service, what leads to it. */
export async function removeSparePart(
  clients: Clients,
  resource: OwnedResource,
  { owner, location }: { readonly owner: Owner; readonly location: Location },
): Promise<Progress<'gone'>> {
  const named = await balancerParts(clients, location.region, baseName(owner.clusterId));
  const part = partsInOrder(named).find(({ kind, link }) => kind === resource.kind && link === resource.id);
  if (part === undefined) return { done: true, value: 'gone' };
  if (!isMarkedBy(part, owner))
    throw refusal(
      'notOwned',
      `${part.kind} ${part.name} does not carry the marks of cluster ${owner.clusterId}`,
    );
  const users = partsInOrder(ownedParts(named, owner)).filter(
    ({ kind }) => kinds.indexOf(kind) < kinds.indexOf(part.kind),
  );
  const leading = part.kind === 'backend-service' ? users : [];
  await removeFreeParts(clients, location.region, [...leading, part]);
  return waiting(`${part.kind} ${part.name} to go`);
}
