import type { Owner } from '../../domain/cloud.ts';
import type { LoadBalancerSpec } from '../../domain/load-balancer.ts';
import type { Client } from './client.ts';
import type { Difference } from './difference.ts';
import { balancedTag, balancerName, isOthersBalancedTag, isOwned } from './naming.ts';
import * as wire from './wire.ts';

export const listBalancers = (client: Client): Promise<readonly wire.LoadBalancer[]> =>
  client.list('load_balancers', 'load_balancers', wire.loadBalancer);

/** `LoadBalancer.parts`. */
export const balancerPart = 'loadBalancerId';

/** Those that carry the owner's tag: of no others is anything deleted. More than one where a lost answer was made up for. */
export const markedBalancers = (
  balancers: readonly wire.LoadBalancer[],
  owner: Owner,
): readonly wire.LoadBalancer[] =>
  balancers
    .filter(({ tag }) => tag === balancedTag(owner))
    .toSorted((a, b) => (`${a.created_at} ${a.id}` < `${b.created_at} ${b.id}` ? -1 : 1));

/**
 * The owner's by its tag, the oldest of them unless one is on record. Or, in the owner's VPC, one that lost its tag and has the
 * name or the id under which it was recorded, unless it carries somebody else's tag.
 */
export function ownBalancer(
  balancers: readonly wire.LoadBalancer[],
  { owner, network, known }: LoadBalancerSpec,
): wire.LoadBalancer | undefined {
  const knownId = known?.[balancerPart];
  const marked = markedBalancers(balancers, owner);
  const inside = balancers.filter(
    ({ vpc_uuid: vpc, tag }) => vpc === network.parts['vpcId'] && !isOthersBalancedTag(owner, tag ?? ''),
  );
  return (
    marked.find(({ id }) => id === knownId) ??
    marked[0] ??
    inside.find(({ id }) => id === knownId) ??
    inside.find(({ name }) => name === balancerName(owner))
  );
}

/** What has the owner's name for it and carries somebody else's tag. */
export const claimedBalancer = (
  balancers: readonly wire.LoadBalancer[],
  owner: Owner,
): wire.LoadBalancer | undefined =>
  balancers.find(({ name, tag }) => name === balancerName(owner) && isOthersBalancedTag(owner, tag ?? ''));

const tcp = 'tcp';

const ruleOf = (listener: { readonly port: number; readonly targetPort: number }) => ({
  entry_protocol: tcp,
  entry_port: listener.port,
  target_protocol: tcp,
  target_port: listener.targetPort,
});

/**
 * The whole of it: what a change leaves out is set back to what DigitalOcean takes for usual. How many nodes it has is for
 * whoever pays for them to say.
 */
export const wantedBalancer = (spec: LoadBalancerSpec, sizeUnit = 1) => ({
  name: balancerName(spec.owner),
  region: spec.location.region,
  vpc_uuid: spec.network.parts['vpcId'] ?? '',
  size_unit: sizeUnit,
  tag: balancedTag(spec.owner),
  forwarding_rules: spec.listeners.map(ruleOf),
  health_check: {
    protocol: 'http',
    port: spec.healthCheck.port,
    path: spec.healthCheck.path,
    check_interval_seconds: spec.healthCheck.intervalSeconds,
    response_timeout_seconds: spec.healthCheck.timeoutSeconds,
    unhealthy_threshold: spec.healthCheck.unhealthyAfter,
    healthy_threshold: spec.healthCheck.healthyAfter,
  },
  redirect_http_to_https: false,
  enable_proxy_protocol: false,
});

/** What `ensureLoadBalancer` does about a difference. */
export type Mend =
  | { readonly what: 'make' }
  | { readonly what: 'write'; readonly balancer: wire.LoadBalancer }
  | { readonly what: 'delete'; readonly id: string }
  | { readonly what: 'join' | 'leave'; readonly dropletId: number };

export interface BalancerDifference extends Difference {
  readonly mend: Mend;
}

/** What `ensureLoadBalancer` would do about these, none of which claims the owner's name for another. */
export function balancerDifferences(
  balancers: readonly wire.LoadBalancer[],
  droplets: readonly wire.Droplet[],
  spec: LoadBalancerSpec,
): readonly BalancerDifference[] {
  const own = ownBalancer(balancers, spec);
  if (own === undefined)
    return [
      {
        subject: 'load-balancer:missing',
        message: `load balancer ${balancerName(spec.owner)} is gone`,
        mend: { what: 'make' },
      },
    ];
  if (own.vpc_uuid !== spec.network.parts['vpcId'])
    return [
      {
        subject: 'load-balancer:elsewhere',
        message: `load balancer ${own.name} is not in the cluster's VPC`,
        mend: { what: 'delete', id: own.id },
      },
    ];
  const surplus = markedBalancers(balancers, spec.owner).filter(({ id }) => id !== own.id);
  return [
    ...surplus.map(({ id, name }) => ({
      subject: `load-balancer:surplus:${id}`,
      message: `load balancer ${name} (${id}) is one too many`,
      mend: { what: 'delete', id } as const,
    })),
    ...fieldDifferences(own, spec).map((difference) => ({
      ...difference,
      mend: { what: 'write', balancer: own } as const,
    })),
    ...memberDifferences(droplets, spec),
  ];
}

function fieldDifferences(own: wire.LoadBalancer, spec: LoadBalancerSpec): readonly Difference[] {
  const wanted = wantedBalancer(spec);
  const differences: Difference[] = [];
  const differs = (field: string, message: string): void => {
    differences.push({ subject: `load-balancer:${field}`, message: `load balancer ${own.name}: ${message}` });
  };
  if (own.name !== wanted.name) differs('name', `it was named ${wanted.name}`);
  if (own.tag !== wanted.tag) differs('tag', `its machines are no longer those with tag ${wanted.tag}`);
  const textOf = (rule: wire.LoadBalancer['forwarding_rules'][number]): string =>
    `${rule.entry_protocol}:${rule.entry_port}:${rule.target_protocol}:${rule.target_port}`;
  const [there, asked] = [own.forwarding_rules.map(textOf), wanted.forwarding_rules.map(textOf)];
  for (const rule of asked)
    if (!there.includes(rule)) differs(`rule:missing:${rule}`, `it no longer forwards ${rule}`);
  for (const rule of there)
    if (!asked.includes(rule)) differs(`rule:surplus:${rule}`, `forwarding of ${rule} was added by hand`);
  for (const [field, value] of Object.entries(wanted.health_check)) {
    const now = own.health_check[field as keyof typeof wanted.health_check];
    if (now !== value)
      differs(`health-check:${field}`, `its health check's ${field} is ${now}, not ${value}`);
  }
  for (const field of ['redirect_http_to_https', 'enable_proxy_protocol'] as const)
    if (own[field] === true) differs(field, `${field} was turned on by hand`);
  return differences;
}

/** A member that does not run keeps its tag and is sent nothing; it is neither missed nor too many. */
function memberDifferences(
  droplets: readonly wire.Droplet[],
  { owner, network, members }: LoadBalancerSpec,
): readonly BalancerDifference[] {
  const tag = balancedTag(owner);
  const isWanted = ({ id, tags, vpc_uuid: vpc }: wire.Droplet): boolean =>
    members.some(({ providerId }) => providerId === String(id)) &&
    isOwned(owner, tags) &&
    vpc === network.parts['vpcId'];
  return droplets.flatMap((droplet): BalancerDifference[] => {
    const { id, name, status } = droplet;
    const isThere = droplet.tags.includes(tag);
    if (isWanted(droplet))
      return isThere || status !== 'active'
        ? []
        : [
            {
              subject: `load-balancer:member:missing:${id}`,
              message: `droplet ${id} (${name}) is not behind the load balancer`,
              mend: { what: 'join', dropletId: id },
            },
          ];
    return isThere
      ? [
          {
            subject: `load-balancer:member:surplus:${id}`,
            message: `droplet ${id} (${name}) is behind the load balancer and should not be`,
            mend: { what: 'leave', dropletId: id },
          },
        ]
      : [];
  });
}
