import type { Owner } from '../../domain/cloud.ts';
import type { NetworkSpec } from '../../domain/network.ts';
import type {
  Cloud,
  ClusterObservation,
  ExpectedMachine,
  Flaw,
  Machine,
  MachineRef,
  MachineRequest,
  OwnedResource,
  Progress,
  Stranger,
  Watched,
} from '../contract.ts';
import { fits, machineDifferences, networkDifferences, roles, sameOwner } from './flaws.ts';
import { balancerFlaws, balancerOf, loadBalancers, strangeBalancers } from './load-balancer.ts';
import { MemoryWorld, type MemoryMachine, type MemoryNetwork, type MemoryOptions } from './world.ts';

export { createMemoryOfferings } from './offerings.ts';
export { damage, memoryDamages, type MemoryDamage } from './damage.ts';
export {
  MemoryWorld,
  type MemoryBalancer,
  type MemoryEffect,
  type MemoryFault,
  type MemoryMachine,
  type MemoryNetwork,
  type MemoryOperation,
  type MemoryOptions,
} from './world.ts';

export interface MemoryCloud extends Cloud {
  readonly world: MemoryWorld;
}

const pending = (waitingFor: string, retryAfterSeconds: number) =>
  ({ done: false, retryAfterSeconds, waitingFor }) as const;

/**
 * A cloud without a wire, for tests of functions and for the simulation on a virtual clock: it keeps the same contract
 * as the others, waits for nothing and draws no lots. `world` is fate's hand.
 */
export function createMemoryCloud(
  options: MemoryOptions & {
    /** Several drivers over one world, as several functions in production. */
    readonly world?: MemoryWorld;
    /** Every call is refused, as with a revoked key. */
    readonly revoked?: boolean;
    /** Every change is refused, as with an observer's key. */
    readonly readOnly?: boolean;
  },
): MemoryCloud {
  const world = options.world ?? new MemoryWorld(options);

  const perform: MemoryWorld['perform'] = (operation, act) => {
    if (options.revoked === true)
      throw world.error('CredentialsRejected', 'unauthorized', 'these credentials are not known');
    if (options.readOnly === true && /^(create|change|delete)/.test(operation))
      throw world.error(
        'CredentialsRejected',
        'forbidden',
        `these credentials are not good for ${operation}`,
      );
    return world.perform(operation, act);
  };

  const owned = (owner: Owner): readonly MemoryMachine[] =>
    world.machines().filter((machine) => sameOwner(machine.tags?.owner, owner));

  const networkOf = (owner: Owner): MemoryNetwork | undefined =>
    world.networks().find((network) => sameOwner(network.owner, owner));

  const show = (machine: MemoryMachine): Machine => {
    const state = world.state(machine);
    return {
      providerId: machine.providerId,
      name: machine.name,
      nodeId: machine.tags?.nodeId ?? '',
      state,
      instanceType: machine.offering.instanceType,
      lifecycle: machine.offering.lifecycle,
      zone: machine.location.zone,
      publicAddress: state === 'pending' ? '' : machine.publicAddress,
      privateAddress: machine.privateAddress,
      createdAt: machine.createdAt,
    };
  };

  const strangersIn = (network: MemoryNetwork | undefined): readonly Stranger[] =>
    network === undefined
      ? []
      : [
          ...world
            .machines()
            .filter((m) => m.networkId === network.id && !sameOwner(m.tags?.owner, network.owner))
            .map((m) => ({ kind: 'machine', id: m.providerId, name: m.name, inside: network.name })),
          ...strangeBalancers(world, network.id, network.owner),
        ];

  const chooseRange = (spec: NetworkSpec): NetworkSpec['candidates'][number] => {
    // Networks see each other only where a choice was given (DigitalOcean).
    const taken = spec.candidates.length > 1 ? world.networks().map((network) => network.range) : [];
    const free = spec.candidates.find((candidate) => !taken.includes(candidate.network));
    if (free === undefined) throw world.error('InvalidRequest', 'range', 'every candidate range is taken');
    return free;
  };

  const refuseWhatCannotBe = (request: MachineRequest): void => {
    const { instanceType, vcpus } = request.offering;
    const fault = world.takeFault('createMachine', ['no-capacity', 'quota'], instanceType);
    if (fault?.effect === 'no-capacity' || world.soldOut.has(instanceType))
      throw world.error('CapacityUnavailable', 'no-capacity', `no ${instanceType} is left`);
    const used = world.machines().reduce((sum, machine) => sum + machine.offering.vcpus, 0);
    if (fault?.effect === 'quota' || (world.vcpuQuota !== undefined && used + vcpus > world.vcpuQuota))
      throw world.error('QuotaExceeded', 'quota', `${used} vCPUs are in use`);
  };

  const answer = (machine: MemoryMachine): Progress<Machine> =>
    world.state(machine) === 'running'
      ? { done: true, value: show(machine) }
      : pending(`${machine.providerId} to run`, 5);

  const create = (request: MachineRequest): Progress<Machine> => {
    if (!world.networks().some(({ id }) => id === request.network.parts['networkId']))
      throw world.error('InvalidRequest', 'no-network', 'the network does not exist');
    if (world.hasFailed(request.token))
      throw world.error('CapacityUnavailable', 'no-capacity', 'accepted, and then there was no room');
    const made = world
      .machines()
      .find((machine) => machine.token === request.token && machine.stoppingAt === undefined);
    if (made !== undefined) return answer(made);
    refuseWhatCannotBe(request);
    const fault = world.takeFault(
      'createMachine',
      ['no-capacity-later', 'hide'],
      request.offering.instanceType,
    );
    const { owner, nodeId, role, name, token, userData, diskGib, offering, network } = request;
    return answer(
      world.launch(
        {
          name,
          networkId: network.parts['networkId'] ?? '',
          location: { region: offering.region, zone: offering.zone },
          tags: { owner, nodeId, role },
          firewall: role,
          token,
          userData,
          diskGib,
          offering: {
            instanceType: offering.instanceType,
            lifecycle: offering.lifecycle,
            vcpus: offering.vcpus,
          },
        },
        fault,
      ),
    );
  };

  const remove = (ref: MachineRef, owner: Owner): Progress<'gone'> => {
    const named = world
      .machines()
      .filter((machine) =>
        ref.providerId === undefined
          ? machine.tags?.nodeId === ref.nodeId
          : machine.providerId === ref.providerId,
      );
    const stranger = named.find((machine) => !sameOwner(machine.tags?.owner, owner));
    if (stranger !== undefined)
      throw world.error('InvalidRequest', 'not-ours', `${stranger.providerId} does not carry our tags`);
    for (const machine of named) world.terminate(machine);
    const left = named.filter((machine) => world.machine(machine.providerId) !== undefined);
    return left.length === 0
      ? { done: true, value: 'gone' }
      : pending(`${left.map((machine) => machine.providerId).join(', ')} to be gone`, 3);
  };

  const isListed = ({ hiddenUntil }: MemoryMachine): boolean =>
    hiddenUntil === undefined || world.now() >= hiddenUntil;

  const balancersOf = ({ expected, ...owner }: Watched): readonly OwnedResource[] => {
    const balancer = balancerOf(world, owner);
    if (balancer === undefined || !sameOwner(balancer.owner, owner)) return [];
    const { id, name } = balancer;
    const isSpare = expected?.loadBalancer === 'none';
    return [{ kind: 'load-balancer', id, name, ...(isSpare ? { isSpare } : {}) }];
  };

  const resourcesOf = (owner: Watched, network: MemoryNetwork | undefined): readonly OwnedResource[] => {
    const part = (kind: string, suffix: string): OwnedResource => ({
      kind,
      id: `${network?.id ?? ''}-${suffix}`,
      name: `${network?.name ?? ''}-${suffix}`,
    });
    const has = (name: MemoryNetwork['missing'][number]): boolean =>
      network?.missing.includes(name) === false;
    return [
      ...(network === undefined ? [] : [{ kind: 'network', id: network.id, name: network.name }]),
      ...(has('subnet') ? [part('subnet', 'subnet')] : []),
      ...roles.filter(has).map((role) => part('firewall', role)),
      ...balancersOf(owner),
      ...world
        .spares()
        .filter((spare) => sameOwner(spare.owner, owner))
        .map(({ kind, id, name }) => ({ kind, id, name, isSpare: true as const })),
    ];
  };

  /** Also those whose tags are gone, where they are expected and fit. */
  const look = ({ expected, ...owner }: Watched): ClusterObservation => {
    const network = networkOf(owner);
    const listed = world.machines().filter(isListed);
    const wanted = (machine: MemoryMachine): ExpectedMachine | undefined =>
      expected?.machines.find((each) => fits(machine, each, owner, network?.id));
    const machines = listed.filter(
      (machine) => sameOwner(machine.tags?.owner, owner) || wanted(machine) !== undefined,
    );
    const missing: Flaw = { of: 'network', subject: 'network:missing', message: 'the network is missing' };
    const ofNetwork = (spec: NetworkSpec): readonly Flaw[] =>
      network === undefined ? [missing] : networkDifferences(world, network, spec).map(({ flaw }) => flaw);
    return {
      clusterId: owner.clusterId,
      machines: machines.map((machine) => ({
        ...show(machine),
        nodeId: wanted(machine)?.nodeId ?? machine.tags?.nodeId ?? '',
      })),
      resources: resourcesOf({ ...owner, ...(expected && { expected }) }, network),
      strangers: strangersIn(network),
      flaws:
        expected === undefined
          ? []
          : [
              ...ofNetwork(expected.network),
              ...machines.flatMap((machine) => {
                const fit = wanted(machine);
                return fit === undefined
                  ? []
                  : machineDifferences(world, machine, fit, owner).map(({ flaw }) => flaw);
              }),
              ...balancerFlaws(world, { ...owner, expected }),
            ],
    };
  };

  /** The machine to repair; undefined: it is gone, or going. */
  const repairable = (expected: ExpectedMachine, networkId: string | undefined, owner: Owner) => {
    const machine = world.machine(expected.providerId);
    if (machine === undefined || machine.stoppingAt !== undefined) return undefined;
    if (!fits(machine, expected, owner, networkId))
      throw world.error('InvalidRequest', 'not-expected', `${expected.providerId} is not what is expected`);
    return machine;
  };

  const dispose = ({ kind, id, name }: OwnedResource, owner: Owner): Progress<'gone'> => {
    if (kind === 'machine')
      return remove({ nodeId: '', name, location: { region: '', zone: '' }, providerId: id }, owner);
    if (kind === 'load-balancer') {
      const balancer = world.balancers().find((each) => each.id === id);
      if (balancer !== undefined && !sameOwner(balancer.owner, owner))
        throw world.error('InvalidRequest', 'not-ours', `${id} does not carry the owner's tags`);
      world.removeBalancer(id);
      return { done: true, value: 'gone' };
    }
    const spare = world.spares().find((each) => each.id === id);
    if (spare !== undefined && !sameOwner(spare.owner, owner))
      throw world.error('InvalidRequest', 'not-ours', `${id} does not carry the owner's tags`);
    if (spare === undefined && world.networks().some((network) => id.startsWith(network.id)))
      throw world.error('InvalidRequest', 'in-use', `${id} is in use`);
    world.removeSpare(id);
    return { done: true, value: 'gone' };
  };

  const sparesOf = (owner: Owner) => world.spares().filter((spare) => sameOwner(spare.owner, owner));

  const ownBalancers = (owner: Owner) =>
    world.balancers().filter((balancer) => sameOwner(balancer.owner, owner));

  const takeDown = (owner: Owner): Progress<'nothing left'> => {
    for (const { id } of ownBalancers(owner)) world.removeBalancer(id);
    for (const machine of owned(owner)) world.terminate(machine);
    const left = owned(owner);
    const network = networkOf(owner);
    const strangers = strangersIn(network);
    if (strangers.length > 0)
      return { ...pending('strangers to leave the network', 5), blockedBy: strangers };
    if (left.length > 0) return pending(`${left.length} machines to be gone`, 3);
    if (network !== undefined) world.removeNetwork(network.id);
    for (const spare of sparesOf(owner)) world.removeSpare(spare.id);
    return { done: true, value: 'nothing left' };
  };

  return {
    name: world.name,
    world,

    ensureNetwork: async (spec) => {
      const seen = perform('readNetwork', () => networkOf(spec.owner));
      const network = seen ?? perform('createNetwork', () => world.putNetwork(spec, chooseRange(spec)));
      for (const { mend } of networkDifferences(world, network, spec)) perform('changeNetwork', mend);
      return {
        done: true,
        value: {
          cloud: world.name,
          location: spec.location,
          range: network.range,
          subnetRange: network.subnetRange,
          parts: { networkId: network.id },
        },
      };
    },

    createMachine: async (request) => perform('createMachine', () => create(request)),

    deleteMachine: async (ref, owner) => perform('deleteMachine', () => remove(ref, owner)),

    observe: async (owners) => perform('listMachines', () => owners.map(look)),

    repairMachine: async (expected, network, owner) => {
      const machine = perform('listMachines', () => repairable(expected, network.parts['networkId'], owner));
      if (machine !== undefined)
        for (const { mend } of machineDifferences(world, machine, expected, owner))
          perform('changeMachine', mend);
      return { done: true, value: 'right' };
    },

    removeSpare: async (resource, owner) => perform('deleteMachine', () => dispose(resource, owner)),

    ...loadBalancers(world, perform),

    collapse: async (owner) => {
      const kept = perform(
        'readNetwork',
        () =>
          networkOf(owner) !== undefined ||
          owned(owner).length > 0 ||
          sparesOf(owner).length > 0 ||
          ownBalancers(owner).length > 0,
      );
      return kept
        ? perform('deleteNetwork', () => takeDown(owner))
        : { done: true, value: 'nothing left' as const };
    },

    verifyAccount: async () =>
      perform('verifyAccount', () => ({ id: `${world.name}-account`, name: 'in memory' })),
  };
}
