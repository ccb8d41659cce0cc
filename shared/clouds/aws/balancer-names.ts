import type { Owner } from '../../domain/cloud.ts';

/*
 * A region has one load balancer and one target group of a name, and of a name's 32 characters the most are the cluster's
 * UUID: so a create that is repeated makes nothing twice, and nothing has to be recorded to be found again.
 */
const digits = ({ clusterId }: Pick<Owner, 'clusterId'>, count: number): string =>
  clusterId.replaceAll('-', '').slice(0, count);

export const balancerName = (owner: Pick<Owner, 'clusterId'>): string => `overcast-${digits(owner, 23)}`;

const groupPrefix = (owner: Pick<Owner, 'clusterId'>): string => `oc-${digits(owner, 22)}-`;

/** One for each port of the balancer: `oc-0a1b2c3d4e5f60718293a4-443`. */
export const targetGroupName = (owner: Pick<Owner, 'clusterId'>, port: number): string =>
  `${groupPrefix(owner)}${port}`;

export const isTargetGroupOf = (name: string | undefined, owner: Pick<Owner, 'clusterId'>): boolean =>
  name?.startsWith(groupPrefix(owner)) === true;

/** `ELB net/overcast-0a1b…/0123456789abcdef`: what a balancer's own interfaces say. They carry no tags. */
export const isBalancersInterface = (
  description: string | undefined,
  owner: Pick<Owner, 'clusterId'>,
): boolean => description?.startsWith(`ELB net/${balancerName(owner)}/`) === true;
