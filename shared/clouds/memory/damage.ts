import type { FirewallRule } from '../../domain/network.ts';
import type { MemoryMachine, MemoryWorld } from './world.ts';

/** What people do in a console; the simulators of the real clouds know the same kinds. */
export const memoryDamages = [
  'delete-network',
  'delete-subnet',
  'remove-route',
  'remove-firewall-rule',
  'add-firewall-rule',
  'delete-firewall',
  'remove-tags',
  'move-firewall',
  'add-spare-disk',
  'add-spare-interface',
  'add-spare-address',
  'delete-balancer',
  'delete-listener',
  'add-listener',
  'change-health-check',
  'remove-balancer-tags',
  'add-foreign-balancer',
  'remove-member',
] as const;
export type MemoryDamage = (typeof memoryDamages)[number];

const opened: FirewallRule = {
  protocol: 'tcp',
  fromPort: 22,
  toPort: 22,
  source: { kind: 'anywhere' },
  purpose: 'by hand',
};

/** @returns the id of what was struck or made; undefined when there is nothing to strike, or the cloud refuses. */
export function damage(
  world: MemoryWorld,
  kind: MemoryDamage,
  at: { readonly networkId: string } | { readonly machineId: string },
): string | undefined {
  const machine = 'machineId' in at ? world.machine(at.machineId) : undefined;
  const networkId = 'networkId' in at ? at.networkId : machine?.networkId;
  const network = world.networks().find(({ id }) => id === networkId);
  if (network === undefined) return undefined;
  if (isBalancerDamage(kind)) return damageBalancer(world, kind, { networkId: network.id, machine });
  const inside = world.machines().filter((each) => each.networkId === network.id);
  const rules = network.firewall.worker;
  switch (kind) {
    case 'delete-network':
      if (inside.length > 0) return undefined;
      world.removeNetwork(network.id);
      return network.id;
    case 'delete-subnet':
      if (inside.length > 0) return undefined;
      world.losePart(network.id, 'subnet');
      return network.id;
    case 'remove-route':
      world.losePart(network.id, 'route');
      return network.id;
    case 'remove-firewall-rule':
      if (rules.length === 0) return undefined;
      world.changeFirewall(network.id, 'worker', rules.slice(1));
      return network.id;
    case 'add-firewall-rule':
      world.changeFirewall(network.id, 'worker', [...rules, opened]);
      return network.id;
    case 'delete-firewall':
      for (const { providerId, firewall } of inside)
        if (firewall === 'worker') world.changeMachine(providerId, { firewall: undefined });
      world.losePart(network.id, 'worker');
      world.changeFirewall(network.id, 'worker', []);
      return network.id;
    case 'remove-tags':
      if (machine !== undefined) world.changeMachine(machine.providerId, { tags: undefined });
      return machine?.providerId;
    case 'move-firewall':
      if (machine !== undefined) world.changeMachine(machine.providerId, { firewall: undefined });
      return machine?.providerId;
    // add-spare-disk, -interface, -address
    default: {
      const owner = machine?.tags?.owner;
      if (machine === undefined || owner === undefined) return undefined;
      return world.addSpare({ kind: kind.replace('add-spare-', ''), name: `${machine.name}-spare`, owner });
    }
  }
}

type BalancerDamage = Extract<
  MemoryDamage,
  `${string}-balancer${string}` | `${string}-listener` | 'change-health-check' | 'remove-member'
>;
const isBalancerDamage = (kind: MemoryDamage): kind is BalancerDamage =>
  /-balancer|-listener$|^change-health-check$|^remove-member$/.test(kind);

function damageBalancer(
  world: MemoryWorld,
  kind: BalancerDamage,
  { networkId, machine }: { readonly networkId: string; readonly machine: MemoryMachine | undefined },
): string | undefined {
  if (kind === 'add-foreign-balancer')
    return world.putBalancer({ name: 'bystander', owner: undefined, networkId }).id;
  const id = world.balancers().find((balancer) => balancer.networkId === networkId)?.id;
  if (id === undefined) return undefined;
  switch (kind) {
    case 'delete-balancer':
      world.removeBalancer(id);
      return id;
    case 'delete-listener':
      world.changeBalancer(id, ({ listeners }) => ({ listeners: listeners.slice(1) }));
      return id;
    case 'add-listener':
      world.changeBalancer(id, ({ listeners }) => ({
        listeners: [...listeners, { port: 8080, targetPort: 8080 }],
      }));
      return id;
    case 'change-health-check':
      world.changeBalancer(id, ({ healthCheck }) =>
        healthCheck === undefined ? {} : { healthCheck: { ...healthCheck, path: '/' } },
      );
      return id;
    case 'remove-balancer-tags':
      world.changeBalancer(id, () => ({ owner: undefined }));
      return id;
    // remove-member
    default:
      world.changeBalancer(id, ({ members }) => ({
        members: members.filter((member) => member !== machine?.providerId),
      }));
      return machine?.providerId;
  }
}
