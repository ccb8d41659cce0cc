import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type {
  Cloud,
  ClusterObservation,
  ExpectedMachine,
  Flaw,
  Machine,
  MachineRequest,
  OwnedResource,
  Progress,
} from '../../shared/clouds/contract.ts';
import type { CloudError, CloudErrorName } from '../../shared/clouds/errors.ts';
import type { Location, Owner } from '../../shared/domain/cloud.ts';
import type { Network, NetworkSpec } from '../../shared/domain/network.ts';
import { callsPerLook } from '../../shared/planning/call-budget.ts';
import type { ControlClient, DamageKind } from './control-client.ts';

/** What people do to a network, each a rule of its own: a cloud that cannot be damaged so names it as an exception. */
const networkDamages = [
  'delete-network',
  'delete-subnet',
  'remove-route',
  'remove-firewall-rule',
  'add-firewall-rule',
  'delete-firewall',
] as const satisfies readonly DamageKind[];

const spareDamages = [
  'add-spare-disk',
  'add-spare-interface',
  'add-spare-address',
] as const satisfies readonly DamageKind[];

export const driftRules = [
  'a network as it was asked for has no flaws, and without expectation nothing is compared',
  'delete-network is a flaw until ensureNetwork has mended it',
  'delete-subnet is a flaw until ensureNetwork has mended it',
  'remove-route is a flaw until ensureNetwork has mended it',
  'remove-firewall-rule is a flaw until ensureNetwork has mended it',
  'add-firewall-rule is a flaw until ensureNetwork has mended it',
  'delete-firewall is a flaw until ensureNetwork has mended it',
  'a machine whose tags were removed is found by its id, a stranger to guards, and repaired',
  'a machine taken out of its firewall has a flaw, and is repaired',
  'a machine that is right, and one that is gone, has no flaw and nothing to repair',
  'a machine of another owner, node or network is never repaired',
  'much damage at once is mended, the network first and then the machine, which lives on',
  'add-spare-disk is spare, and is removed',
  'add-spare-interface is spare, and is removed',
  'add-spare-address is spare, and is removed',
  'what is in use is not spare, and is not removed as such',
  'a machine to spare is removed with all that was made for it; a stranger is not',
  'watching twenty clusters asks no more than watching one, as far as the lists allow',
] as const;
export type DriftRule = (typeof driftRules)[number];

/** What these rules need of the suite. */
export interface Doing {
  readonly keeps: (name: DriftRule, body: (control: ControlClient) => Promise<void>) => void;
  readonly cloud: () => Cloud;
  /** With credentials that may only look. */
  readonly observer: () => Cloud;
  readonly location: Location;
  readonly networkIdOf: (network: Network) => string;
  /** Calls that a list makes for each cluster that stands. */
  readonly callsPerCluster: number;
  readonly settle: <T>(call: () => Promise<Progress<T>>) => Promise<T>;
  readonly until: <T>(look: () => Promise<T>, good: (seen: T) => boolean) => Promise<T>;
  readonly newOwner: () => Owner;
  readonly specOf: (owner: Owner) => NetworkSpec;
  readonly buildNetwork: (owner: Owner) => Promise<Network>;
  readonly requestFor: (owner: Owner, network: Network, number?: number) => MachineRequest;
  readonly build: (request: MachineRequest) => Promise<Machine>;
  readonly see: (owner: Owner) => Promise<ClusterObservation>;
  readonly collapse: (owner: Owner) => Promise<unknown>;
  readonly failsWith: (name: CloudErrorName, call: () => Promise<unknown>) => Promise<CloudError>;
  readonly holdings: (control: ControlClient) => Promise<readonly string[]>;
  readonly pageSizeMax: number;
}

const expected = (request: MachineRequest, machine: Pick<Machine, 'providerId'>): ExpectedMachine => ({
  providerId: machine.providerId,
  nodeId: request.nodeId,
  token: request.token,
  name: request.name,
  role: request.role,
  location: { region: request.offering.region, zone: request.offering.zone },
});

/** Flaws are stored, shown and told apart by their subjects. */
const expectSound = (flaws: readonly Flaw[]): void => {
  for (const flaw of flaws) {
    expect(flaw.subject).toMatch(/^\S+$/);
    expect(flaw.message).not.toBe('');
    expect(flaw.providerId === undefined).toBe(flaw.of === 'network');
  }
  const subjects = flaws.map(({ subject, providerId }) => `${subject} ${providerId ?? ''}`);
  expect(new Set(subjects).size).toBe(subjects.length);
};

/** Tags and all, so that "nothing was changed" can be said. */
const withTags = async (control: ControlClient): Promise<unknown> =>
  (await control.resources()).map(({ kind, id, tags }) => ({ kind, id, tags: tags.toSorted() }));

const livingOf = (machines: readonly Machine[]): readonly Machine[] =>
  machines.filter(({ state }) => state !== 'stopping');

/** What is found of people's and fate's doing, and mended: the second half of the contract. */
export function describeDrift(doing: Doing): void {
  const { keeps, settle, until, specOf, buildNetwork, requestFor, build, collapse, failsWith } = doing;

  const watch = async (
    owner: Owner,
    machines: readonly ExpectedMachine[] = [],
  ): Promise<ClusterObservation> => {
    const [seen, ...others] = await doing
      .observer()
      .observe([{ ...owner, expected: { network: specOf(owner), machines } }], doing.location);
    expect(others).toEqual([]);
    if (seen === undefined) throw new Error('an owner without an entry');
    expectSound(seen.flaws);
    return seen;
  };

  const flawsOf = async (owner: Owner, machines?: readonly ExpectedMachine[]) =>
    (await watch(owner, machines)).flaws;

  const seeFlaws = (owner: Owner, of: Flaw['of'], machines?: readonly ExpectedMachine[]) =>
    until(
      async () => (await flawsOf(owner, machines)).filter((flaw) => flaw.of === of),
      (flaws) => flaws.length > 0,
    );

  const repair = (machine: ExpectedMachine, network: Network, owner: Owner) =>
    settle(() => doing.cloud().repairMachine(machine, network, owner));

  const scene = async (number = 2) => {
    const owner = doing.newOwner();
    const network = await buildNetwork(owner);
    const request = requestFor(owner, network, number);
    const machine = await build(request);
    return { owner, network, request, machine, wanted: expected(request, machine) };
  };

  keeps(
    'a network as it was asked for has no flaws, and without expectation nothing is compared',
    async (control) => {
      const owner = doing.newOwner();
      expect((await flawsOf(owner)).map(({ of }) => of)).toContain('network');
      const network = await buildNetwork(owner);
      expect(await flawsOf(owner)).toEqual([]);
      await control.damage('add-firewall-rule', { networkId: doing.networkIdOf(network) });
      await seeFlaws(owner, 'network');
      expect((await doing.see(owner)).flaws).toEqual([]);
      await collapse(owner);
    },
  );

  for (const kind of networkDamages)
    keeps(`${kind} is a flaw until ensureNetwork has mended it`, async (control) => {
      const owner = doing.newOwner();
      const network = await buildNetwork(owner);
      const kinds = async () => (await doing.see(owner)).resources.map((resource) => resource.kind).sort();
      const before = await kinds();
      await control.damage(kind, { networkId: doing.networkIdOf(network) });
      const flaws = await seeFlaws(owner, 'network');
      // The same difference has the same name in every sweep.
      expect(await flawsOf(owner)).toEqual(flaws);
      await buildNetwork(owner);
      expect(await flawsOf(owner)).toEqual([]);
      expect(await kinds()).toEqual(before);
      await collapse(owner);
    });

  keeps(
    'a machine whose tags were removed is found by its id, a stranger to guards, and repaired',
    async (control) => {
      const { owner, network, machine, wanted } = await scene();
      await control.damage('remove-tags', { machineId: machine.providerId });
      const flaws = await seeFlaws(owner, 'machine', [wanted]);
      expect(new Set(flaws.map(({ providerId }) => providerId))).toEqual(new Set([machine.providerId]));
      const seen = await watch(owner, [wanted]);
      expect(seen.machines).toMatchObject([
        { providerId: machine.providerId, nodeId: wanted.nodeId, state: 'running' },
      ]);
      expect(seen.strangers).toContainEqual(
        expect.objectContaining({ kind: 'machine', id: machine.providerId }),
      );
      // Nobody who does not expect it takes it for its owner's.
      expect((await doing.see(owner)).machines).toEqual([]);
      await repair(wanted, network, owner);
      expect(await watch(owner, [wanted])).toMatchObject({ machines: [machine], strangers: [], flaws: [] });
      expect((await doing.see(owner)).machines).toEqual([machine]);
      await collapse(owner);
    },
  );

  keeps('a machine taken out of its firewall has a flaw, and is repaired', async (control) => {
    const { owner, network, machine, wanted } = await scene();
    await control.damage('move-firewall', { machineId: machine.providerId });
    const flaws = await seeFlaws(owner, 'machine', [wanted]);
    expect(flaws).toMatchObject([{ providerId: machine.providerId }]);
    await repair(wanted, network, owner);
    expect(await watch(owner, [wanted])).toMatchObject({ machines: [machine], strangers: [], flaws: [] });
    await collapse(owner);
  });

  keeps(
    'a machine that is right, and one that is gone, has no flaw and nothing to repair',
    async (control) => {
      const { owner, network, wanted } = await scene();
      expect(await flawsOf(owner, [wanted])).toEqual([]);
      const before = await withTags(control);
      expect(await repair(wanted, network, owner)).toBe('right');
      expect(await withTags(control)).toEqual(before);
      await settle(() => doing.cloud().deleteMachine(wanted, owner));
      expect((await flawsOf(owner, [wanted])).filter(({ of }) => of === 'machine')).toEqual([]);
      expect(await repair(wanted, network, owner)).toBe('right');
      expect(livingOf((await watch(owner, [wanted])).machines)).toEqual([]);
      await collapse(owner);
    },
  );

  keeps('a machine of another owner, node or network is never repaired', async (control) => {
    const { owner, network, wanted } = await scene();
    const neighbour: Owner = { ...owner, installation: 'neighbour' };
    const theirs = requestFor(neighbour, network);
    const [machine, elsewhere] = [await build(theirs), doing.newOwner()];
    const networkId = doing.networkIdOf(await buildNetwork(elsewhere));
    const stranger = await control.addStranger({ networkId, name: 'bystander' });
    const before = await withTags(control);
    for (const wrong of [
      expected(theirs, machine),
      { ...wanted, name: `${wanted.name}-other`, nodeId: randomUUID() },
      { ...wanted, providerId: stranger.id, name: stranger.name },
    ])
      await failsWith('InvalidRequest', () => repair(wrong, network, owner));
    expect(await withTags(control)).toEqual(before);
    // Expecting another owner's machine does not make it ours either.
    const seen = await watch(owner, [wanted, expected(theirs, machine)]);
    expect(seen.machines.map(({ providerId }) => providerId)).toEqual([wanted.providerId]);
    await settle(() => doing.cloud().deleteMachine(expected(theirs, machine), neighbour));
    await control.strike(stranger.id, 'kill');
    await Promise.all([collapse(owner), collapse(elsewhere)]);
  });

  keeps(
    'much damage at once is mended, the network first and then the machine, which lives on',
    async (control) => {
      const { owner, network, machine, wanted } = await scene();
      const networkId = doing.networkIdOf(network);
      await control.damage('add-firewall-rule', { networkId });
      await control.damage('remove-route', { networkId }).catch(() => undefined);
      await control.damage('remove-tags', { machineId: machine.providerId });
      await control.damage('delete-firewall', { networkId });
      await seeFlaws(owner, 'network', [wanted]);
      const mended = await buildNetwork(owner);
      expect((await flawsOf(owner, [wanted])).filter(({ of }) => of === 'network')).toEqual([]);
      await repair(wanted, mended, owner);
      const seen = await watch(owner, [wanted]);
      expect(seen).toMatchObject({ machines: [machine], strangers: [], flaws: [] });
      expect(seen.resources.filter(({ isSpare }) => isSpare)).toEqual([]);
      await collapse(owner);
    },
  );

  for (const kind of spareDamages)
    keeps(`${kind} is spare, and is removed`, async (control) => {
      const before = await doing.holdings(control);
      const { owner, machine, wanted } = await scene();
      const [held, seen] = [await doing.holdings(control), await doing.see(owner)];
      expect(seen.resources.filter(({ isSpare }) => isSpare)).toEqual([]);
      await control.damage(kind, { machineId: machine.providerId });
      const { resources } = await until(
        () => watch(owner, [wanted]),
        (found) => found.resources.some(({ isSpare }) => isSpare === true),
      );
      const [spare, ...others] = resources.filter(({ isSpare }) => isSpare);
      expect(others).toEqual([]);
      expect(resources.filter(({ isSpare }) => isSpare !== true)).toEqual(seen.resources);
      if (spare === undefined) throw new Error('nothing is spare');
      const remove = (by: Owner) => doing.cloud().removeSpare(spare, by, doing.location);
      await failsWith('InvalidRequest', () => settle(() => remove({ ...owner, installation: 'neighbour' })));
      expect(await settle(() => remove(owner))).toBe('gone');
      expect(await settle(() => remove(owner))).toBe('gone');
      expect(await doing.holdings(control)).toEqual(held);
      expect(await watch(owner, [wanted])).toMatchObject({ machines: [machine], flaws: [] });
      // And when nobody was in time, the end of the cluster takes it along.
      await control.damage(kind, { machineId: machine.providerId });
      await collapse(owner);
      expect(await doing.holdings(control)).toEqual(before);
    });

  keeps('what is in use is not spare, and is not removed as such', async (control) => {
    const { owner, machine } = await scene();
    const [{ resources }, held] = [await doing.see(owner), await doing.holdings(control)];
    expect(resources.filter(({ isSpare }) => isSpare)).toEqual([]);
    for (const resource of resources)
      await failsWith('InvalidRequest', () =>
        settle(() => doing.cloud().removeSpare(resource, owner, doing.location)),
      );
    expect(await doing.holdings(control)).toEqual(held);
    expect((await doing.see(owner)).machines).toEqual([machine]);
    await collapse(owner);
  });

  keeps('a machine to spare is removed with all that was made for it; a stranger is not', async (control) => {
    const owner = doing.newOwner();
    const network = await buildNetwork(owner);
    const held = await doing.holdings(control);
    const machine = await build(requestFor(owner, network));
    const stranger = await control.addStranger({ networkId: doing.networkIdOf(network), name: 'bystander' });
    const spare = ({ id, name }: { id: string; name: string }): OwnedResource => ({
      kind: 'machine',
      id,
      name,
    });
    const remove = (resource: OwnedResource) =>
      settle(() => doing.cloud().removeSpare(resource, owner, doing.location));
    await failsWith('InvalidRequest', () => remove(spare(stranger)));
    expect(await remove(spare({ id: machine.providerId, name: machine.name }))).toBe('gone');
    expect(livingOf((await doing.see(owner)).machines)).toEqual([]);
    await control.strike(stranger.id, 'kill');
    await until(
      () => doing.holdings(control),
      (now) => now.join() === held.join(),
    );
    await collapse(owner);
  });

  keeps(
    'watching twenty clusters asks no more than watching one, as far as the lists allow',
    async (control) => {
      // Pages that a real cloud's limits would not make are not counted.
      await control.change({ pageSizeMax: 1000 });
      const owners = Array.from({ length: 20 }, doing.newOwner);
      const standing = owners.slice(0, 4);
      await Promise.all(standing.map(buildNetwork));
      const count = async (watched: readonly Owner[]): Promise<number> => {
        const total = async () => Object.values(await control.calls()).reduce((sum, calls) => sum + calls, 0);
        const before = await total();
        await doing.observer().observe(
          watched.map((owner) => ({ ...owner, expected: { network: specOf(owner), machines: [] } })),
          doing.location,
        );
        return (await total()) - before;
      };
      const one = await count(owners.slice(0, 1));
      // What a look takes of its account's calls is what it makes.
      const { name } = doing.cloud();
      expect(one).toBeLessThanOrEqual(callsPerLook(name, { clusters: 1, loadBalancers: 0 }));
      const size = { clusters: standing.length, loadBalancers: 0 };
      expect(await count(standing)).toBeLessThanOrEqual(callsPerLook(name, size));
      expect(await count(owners)).toBeLessThanOrEqual(one + (standing.length - 1) * doing.callsPerCluster);
      await control.change({ pageSizeMax: doing.pageSizeMax });
      await Promise.all(standing.map(collapse));
    },
  );
}
