import type { VirtualMachine } from '@azure/arm-compute';
import type { LoadBalancer, LoadBalancingRule, NetworkInterface, PublicIPAddress } from '@azure/arm-network';
import type { LoadBalancerSpec } from '../../domain/load-balancer.ts';
import {
  balancerAddressName,
  balancerId,
  balancerName,
  frontendOf,
  isInPool,
  poolIdOf,
  poolOf,
  probeOf,
  wantedProbe,
  wantedRules,
} from './balancer-model.ts';
import type { Difference } from './difference.ts';
import { isRunning } from './machine-view.ts';
import { groupName, isAnothers, isOwned, nameIn, sameId } from './naming.ts';

/** A cluster's load balancer as it stands, with the machines in the cluster's group. */
export interface SeenBalancer {
  readonly balancer: LoadBalancer | undefined;
  readonly address: PublicIPAddress | undefined;
  /** With their power. */
  readonly vms: readonly VirtualMachine[];
  readonly nics: readonly NetworkInterface[];
}

/** What is written to put a difference right; nobody writes what is another's. */
export interface BalancerDifference extends Difference {
  readonly write:
    | 'address'
    | 'balancer'
    | 'nobody'
    | { readonly nic: NetworkInterface; readonly isIn: boolean };
}

const differ = (what: string, message: string, write: BalancerDifference['write']): BalancerDifference => ({
  subject: `load-balancer:${what}`,
  message: `load balancer: ${message}`,
  write,
});

/** All that `ensureLoadBalancer` would change and `observe` calls a flaw. */
export function balancerDifferences(
  spec: LoadBalancerSpec,
  subscriptionId: string,
  seen: SeenBalancer,
): readonly BalancerDifference[] {
  const { balancer, address } = seen;
  const claimed = [
    ...(isAnothers(balancer?.tags, spec.owner) ? [balancerName] : []),
    ...(isAnothers(address?.tags, spec.owner) ? [balancerAddressName] : []),
  ];
  if (claimed.length > 0)
    return claimed.map((name) =>
      differ(`claimed:${name}`, `${name} carries the tags of another owner, and is left as it is`, 'nobody'),
    );
  if (balancer === undefined || balancer.provisioningState === 'Deleting')
    return [differ('missing', 'it is gone', address === undefined ? 'address' : 'balancer')];
  const id = balancerId(subscriptionId, groupName(spec.owner.clusterId));
  return [
    ...addressDifferences(spec, address),
    ...fieldDifferences(spec, balancer, address),
    ...ruleDifferences(spec, balancer, id),
    ...memberDifferences(spec, poolIdOf(id), seen),
  ];
}

function addressDifferences(
  { owner }: LoadBalancerSpec,
  address: PublicIPAddress | undefined,
): readonly BalancerDifference[] {
  if (address === undefined) return [differ('address:missing', 'its address is gone', 'address')];
  return isOwned(address.tags, owner)
    ? []
    : [differ('address:tags', 'the tags of its address were removed', 'address')];
}

function fieldDifferences(
  spec: LoadBalancerSpec,
  balancer: LoadBalancer,
  address: PublicIPAddress | undefined,
): readonly BalancerDifference[] {
  const differences: BalancerDifference[] = [];
  const add = (what: string, message: string): void => {
    differences.push(differ(what, message, 'balancer'));
  };
  if (!isOwned(balancer.tags, spec.owner)) add('tags', 'its tags were removed');
  if (balancer.provisioningState === 'Failed') add('failed', 'the last change to it failed');
  if (!sameId(frontendOf(balancer)?.publicIPAddress?.id, address?.id))
    add('frontend', 'it is not reached at its address');
  if (poolOf(balancer) === undefined) add('pool', 'its pool is gone');
  const probe = probeOf(balancer);
  for (const [field, wanted] of Object.entries(wantedProbe(spec))) {
    const has = probe?.[field as keyof typeof probe];
    if (has !== wanted)
      add(
        `health-check:${field}`,
        `its health check's ${field} is ${JSON.stringify(has) ?? 'gone'}, not ${JSON.stringify(wanted)}`,
      );
  }
  const { inboundNatRules = [], outboundRules = [] } = balancer;
  for (const { name } of [...inboundNatRules, ...outboundRules])
    add(`rule:surplus:${nameIn(name)}`, `rule ${name ?? ''} was added by hand`);
  return differences;
}

/** Rules are ours, all of them: each opens a port. */
function ruleDifferences(
  spec: LoadBalancerSpec,
  balancer: LoadBalancer,
  id: string,
): readonly BalancerDifference[] {
  const text = (rule: LoadBalancingRule): string =>
    JSON.stringify([
      rule.name,
      rule.protocol,
      rule.frontendPort,
      rule.backendPort,
      ...[rule.frontendIPConfiguration, rule.backendAddressPool, rule.probe].map((to) =>
        to?.id?.toLowerCase(),
      ),
      rule.loadDistribution,
      rule.idleTimeoutInMinutes,
      rule.enableFloatingIP ?? false,
      rule.enableTcpReset ?? false,
      rule.disableOutboundSnat ?? false,
    ]);
  const wanted = wantedRules(spec, id);
  const has = balancer.loadBalancingRules ?? [];
  return [
    ...wanted
      .filter((rule) => !has.some((one) => text(one) === text(rule)))
      .map(({ name = '', frontendPort = 0 }) =>
        differ(
          `rule:missing:${name}`,
          `port ${frontendPort} is not forwarded as it was asked for`,
          'balancer',
        ),
      ),
    ...has
      .filter((rule) => !wanted.some(({ name }) => name === rule.name))
      .map(({ name = '', frontendPort = 0 }) =>
        differ(`rule:surplus:${name}`, `rule ${name} at port ${frontendPort} was added by hand`, 'balancer'),
      ),
  ];
}

/** A machine that does not run is sent nothing: it is neither missed nor too many. */
function memberDifferences(
  { owner, members }: LoadBalancerSpec,
  pool: string,
  { vms, nics }: SeenBalancer,
): readonly BalancerDifference[] {
  const isAsked = (vm: VirtualMachine | undefined): vm is VirtualMachine =>
    isOwned(vm?.tags, owner) &&
    members.some(({ providerId }) => providerId.toLowerCase() === vm?.name?.toLowerCase());
  return nics.flatMap((nic): readonly BalancerDifference[] => {
    const vm = vms.find(({ id }) => sameId(id, nic.virtualMachine?.id));
    const [isIn, name] = [isInPool(nic, pool), vm?.name ?? nic.name ?? ''];
    if (isAsked(vm) && !isIn && isRunning(vm))
      return [differ(`member:missing:${name}`, `machine ${name} is not behind it`, { nic, isIn: true })];
    return isIn && !isAsked(vm)
      ? [
          differ(`member:surplus:${name}`, `machine ${name} is behind it and should not be`, {
            nic,
            isIn: false,
          }),
        ]
      : [];
  });
}
