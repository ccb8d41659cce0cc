import type { Owner } from '../../domain/cloud.ts';
import type { LoadBalancer, LoadBalancerSpec, Member } from '../../domain/load-balancer.ts';
import type { Cloud, Flaw, Progress, Stranger, Watched } from '../contract.ts';
import { sameOwner, type Difference } from './flaws.ts';
import type { MemoryBalancer, MemoryMachine, MemoryWorld } from './world.ts';

/** Everything of one name has one owner, or somebody took the tags off. */
const nameOf = (owner: Owner): string => `overcast-${owner.clusterId}`;

/** The owner's, by its name: also one without tags, never one with another owner's. */
export function balancerOf(world: MemoryWorld, owner: Owner): MemoryBalancer | undefined {
  const named = world.balancers().filter(({ name }) => name === nameOf(owner));
  return named.find((one) => sameOwner(one.owner, owner)) ?? named.find((one) => one.owner === undefined);
}

/** One of the owner's name that is somebody else's. */
const isClaimed = (world: MemoryWorld, owner: Owner): boolean =>
  balancerOf(world, owner) === undefined && world.balancers().some(({ name }) => name === nameOf(owner));

/** Other balancers in a network. */
export const strangeBalancers = (world: MemoryWorld, networkId: string, owner: Owner): readonly Stranger[] =>
  world
    .balancers()
    .filter((one) => one.networkId === networkId && !sameOwner(one.owner, owner))
    .map(({ id, name }) => ({ kind: 'load-balancer', id, name, inside: networkId }));

/** The members that run, carry the owner's tags, and stand where the balancer does. */
const placed = (world: MemoryWorld, { owner, network, members }: LoadBalancerSpec): readonly string[] =>
  members
    .map(({ providerId }) => world.machine(providerId))
    .filter((machine): machine is MemoryMachine => machine !== undefined)
    .filter(
      (machine) =>
        world.state(machine) === 'running' &&
        sameOwner(machine.tags?.owner, owner) &&
        machine.networkId === network.parts['networkId'],
    )
    .map(({ providerId }) => providerId);

const list = (numbers: readonly { readonly port: number; readonly targetPort: number }[]): string =>
  numbers.map(({ port, targetPort }) => `${port}:${targetPort}`).join(',');

/** What `ensureLoadBalancer` would change of one that is there. */
export function balancerDifferences(
  world: MemoryWorld,
  balancer: MemoryBalancer,
  spec: LoadBalancerSpec,
): readonly Difference[] {
  const { id } = balancer;
  const differ = (
    subject: string,
    message: string,
    change: (now: MemoryBalancer) => Partial<MemoryBalancer>,
  ): Difference => ({
    flaw: { of: 'load-balancer', subject: `load-balancer:${subject}`, message },
    mend: () => world.changeBalancer(id, change),
  });
  const { owner, listeners, healthCheck } = spec;
  const members = placed(world, spec);
  const check = JSON.stringify(healthCheck);
  return [
    ...(sameOwner(balancer.owner, owner) ? [] : [differ('tags', 'its tags were removed', () => ({ owner }))]),
    ...listeners
      .filter(({ port }) => !balancer.listeners.some((one) => one.port === port))
      .map((listener) =>
        differ(`missing-listener:${listener.port}`, `nothing listens at port ${listener.port}`, (now) => ({
          listeners: [...now.listeners, listener].toSorted((a, b) => a.port - b.port),
        })),
      ),
    ...balancer.listeners
      .filter(
        (listener) =>
          !list(listeners)
            .split(',')
            .includes(list([listener])),
      )
      .map(({ port }) =>
        differ(`surplus-listener:${port}`, `port ${port} was opened by hand`, (now) => ({
          listeners: now.listeners.filter((one) => one.port !== port),
        })),
      ),
    ...(JSON.stringify(balancer.healthCheck) === check
      ? []
      : [differ('health-check', 'its health check was changed', () => ({ healthCheck }))]),
    ...members
      .filter((member) => !balancer.members.includes(member))
      .map((member) =>
        differ(`missing-member:${member}`, `${member} is not behind it`, (now) => ({
          members: [...now.members, member],
        })),
      ),
    ...balancer.members
      .filter((member) => !members.includes(member) && world.machine(member) !== undefined)
      .map((member) =>
        differ(`surplus-member:${member}`, `${member} was put behind it by hand`, (now) => ({
          members: now.members.filter((one) => one !== member),
        })),
      ),
  ];
}

/** What `observe` says of it. */
export function balancerFlaws(world: MemoryWorld, { expected, ...owner }: Watched): readonly Flaw[] {
  const spec = expected?.loadBalancer;
  if (spec === undefined || spec === 'none') return [];
  const balancer = balancerOf(world, owner);
  if (balancer === undefined)
    return [
      {
        of: 'load-balancer',
        subject: 'load-balancer:missing',
        message: isClaimed(world, owner) ? 'its name is taken' : 'the load balancer is missing',
      },
    ];
  return balancerDifferences(world, balancer, spec).map(({ flaw }) => flaw);
}

type Methods = Pick<Cloud, 'ensureLoadBalancer' | 'joinLoadBalancer' | 'leaveLoadBalancer'>;

const viewOf = (world: MemoryWorld, { id, address }: MemoryBalancer): LoadBalancer => ({
  cloud: world.name,
  addresses: [address],
  parts: { loadBalancerId: id },
});

/** The contract's three methods, over one world. */
export function loadBalancers(world: MemoryWorld, perform: MemoryWorld['perform']): Methods {
  const ensure = async (spec: LoadBalancerSpec): Promise<Progress<LoadBalancer>> => {
    const { owner, network } = spec;
    const seen = perform('readBalancer', () => balancerOf(world, owner));
    if (seen === undefined && isClaimed(world, owner))
      throw world.error('InvalidRequest', 'taken', `${nameOf(owner)} carries another owner's tags`);
    const balancer =
      seen ??
      perform('createBalancer', () => {
        const networkId = network.parts['networkId'] ?? '';
        if (!world.networks().some(({ id }) => id === networkId))
          throw world.error('InvalidRequest', 'no-network', 'the network does not exist');
        if (world.takeFault('createBalancer', ['quota']) !== undefined)
          throw world.error('QuotaExceeded', 'quota', 'no more load balancers');
        return world.putBalancer({ name: nameOf(owner), owner, networkId });
      });
    for (const { mend } of balancerDifferences(world, balancer, spec)) perform('changeBalancer', mend);
    return world.now() < balancer.readyAt
      ? { done: false, retryAfterSeconds: 5, waitingFor: `${balancer.id} to take traffic` }
      : { done: true, value: viewOf(world, balancer) };
  };

  const change = (member: Member, owner: Owner, isIn: boolean): void => {
    const machine = world.machine(member.providerId);
    if (isIn && machine !== undefined && !sameOwner(machine.tags?.owner, owner))
      throw world.error('InvalidRequest', 'not-ours', `${member.providerId} does not carry our tags`);
    const balancer = balancerOf(world, owner);
    if (balancer === undefined || balancer.members.includes(member.providerId) === isIn) return;
    if (isIn && (machine === undefined || world.state(machine) !== 'running')) return;
    world.changeBalancer(balancer.id, ({ members }) => ({
      members: [...members.filter((one) => one !== member.providerId), ...(isIn ? [member.providerId] : [])],
    }));
  };

  return {
    ensureLoadBalancer: ensure,
    joinLoadBalancer: async (member, owner) => {
      perform('changeBalancer', () => change(member, owner, true));
      return { done: true, value: 'joined' };
    },
    leaveLoadBalancer: async (member, owner) => {
      perform('changeBalancer', () => change(member, owner, false));
      return { done: true, value: 'left' };
    },
  };
}
