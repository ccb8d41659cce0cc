import { afterAll, expect } from 'vitest';
import type {
  Cloud,
  ClusterObservation,
  Flaw,
  Machine,
  MachineRequest,
  OwnedResource,
  Progress,
} from '../../shared/clouds/contract.ts';
import type { CloudError, CloudErrorName } from '../../shared/clouds/errors.ts';
import type { Location, Owner } from '../../shared/domain/cloud.ts';
import type { LoadBalancer, LoadBalancerSpec, Member } from '../../shared/domain/load-balancer.ts';
import type { Network, NetworkSpec } from '../../shared/domain/network.ts';
import { callsPerLook } from '../../shared/planning/call-budget.ts';
import type { ControlClient, SeenBalancer } from './control-client.ts';

const damages = [
  'delete-balancer',
  'delete-listener',
  'add-listener',
  'change-health-check',
  'remove-balancer-tags',
] as const;

export const balancerRules = [
  'a load balancer is built, and building it again changes nothing',
  'a load balancer that was half built when a reply was lost is finished',
  'a load balancer whose create is throttled or cut off is built in the end',
  'a quota of load balancers is QuotaExceeded, and it is built when there is room',
  'a machine joins a load balancer and leaves it, however often that is said',
  'a machine that is gone has left its load balancer, and is no member that is missed',
  'a machine of another owner is put behind no load balancer',
  'where there is no load balancer nothing is joined and nothing is left',
  'a load balancer is compared only with what is expected of it',
  ...damages.map((kind) => `${kind} is a flaw until ensureLoadBalancer has mended it` as const),
  'remove-member is a flaw until ensureLoadBalancer has mended it',
  'what has the load balancer’s name and another owner’s tags is not changed',
  'one’s own load balancer is no stranger; another’s is, and stops a collapse',
  'a load balancer that nobody wants is spare, and is removed',
  'watching a load balancer costs no more calls than is said',
] as const;
export type BalancerRule = (typeof balancerRules)[number];

/** What these rules need of the suite. */
export interface Doing {
  readonly keeps: (name: BalancerRule, body: (control: ControlClient) => Promise<void>) => void;
  readonly cloud: () => Cloud;
  /** With credentials that may only look. */
  readonly observer: () => Cloud;
  readonly location: Location;
  readonly networkIdOf: (network: Network) => string;
  readonly settle: <T>(call: () => Promise<Progress<T>>, survive?: readonly CloudErrorName[]) => Promise<T>;
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
  readonly changesOf: (control: ControlClient) => Promise<Readonly<Record<string, number>>>;
}

/** How the third part of the contract is kept: what is in front of a cluster's workers. */
export function describeBalancers(doing: Doing): void {
  const { keeps, settle, until, newOwner, buildNetwork, requestFor, build, collapse, failsWith } = doing;

  const specOf = (
    owner: Owner,
    network: Network,
    members: readonly Member[] = [],
    known?: LoadBalancer,
  ): LoadBalancerSpec => ({
    owner,
    clusterName: 'contract',
    location: doing.location,
    network,
    listeners: [
      { port: 80, targetPort: 80 },
      { port: 443, targetPort: 443 },
    ],
    healthCheck: {
      port: 8081,
      path: '/nginx-ready',
      intervalSeconds: 10,
      timeoutSeconds: 5,
      unhealthyAfter: 2,
      healthyAfter: 2,
    },
    members,
    ...(known === undefined ? {} : { known: known.parts }),
  });

  const ensure = (spec: LoadBalancerSpec, survive?: readonly CloudErrorName[]): Promise<LoadBalancer> =>
    settle(() => doing.cloud().ensureLoadBalancer(spec), survive);
  const join = (member: Member, owner: Owner) => settle(() => doing.cloud().joinLoadBalancer(member, owner));
  const leave = (member: Member, owner: Owner) =>
    settle(() => doing.cloud().leaveLoadBalancer(member, owner));

  const worker = async (owner: Owner, network: Network, number = 2): Promise<Member> => {
    const request = requestFor(owner, network, number);
    const { providerId } = await build(request);
    const { region, zone } = request.offering;
    return { providerId, nodeId: request.nodeId, name: request.name, location: { region, zone } };
  };

  /** A cluster with a worker, and a load balancer in front of it. */
  const scene = async () => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    const member = await worker(owner, network);
    const balancer = await ensure(specOf(owner, network, [member]));
    return { owner, network, member, balancer, spec: specOf(owner, network, [member], balancer) };
  };

  /** One for all damage that is mended: what is right again is as good as new. */
  let stage: ReturnType<typeof scene> | undefined;
  afterAll(async () => {
    if (stage !== undefined) await collapse((await stage).owner);
  });
  const damaged = (): ReturnType<typeof scene> => (stage ??= scene());

  const watch = async (
    owner: Owner,
    loadBalancer?: LoadBalancerSpec | 'none',
  ): Promise<ClusterObservation> => {
    const expected = {
      network: doing.specOf(owner),
      machines: [],
      ...(loadBalancer === undefined ? {} : { loadBalancer }),
    };
    const [seen] = await doing.observer().observe([{ ...owner, expected }], doing.location);
    if (seen === undefined) throw new Error('an owner without an entry');
    for (const { subject, message, providerId } of seen.flaws.filter(({ of }) => of === 'load-balancer')) {
      expect(subject).toMatch(/^\S+$/);
      expect(message).not.toBe('');
      expect(providerId).toBeUndefined();
    }
    const subjects = seen.flaws.map((flaw) => flaw.subject);
    expect(new Set(subjects).size).toBe(subjects.length);
    return seen;
  };
  const flawsOf = async (spec: LoadBalancerSpec): Promise<readonly Flaw[]> =>
    (await watch(spec.owner, spec)).flaws;
  const seeFlaws = (spec: LoadBalancerSpec): Promise<readonly Flaw[]> =>
    until(
      () => flawsOf(spec),
      (flaws) => flaws.some(({ of }) => of === 'load-balancer'),
    );

  const frontsOf = async (control: ControlClient, network: Network): Promise<readonly SeenBalancer[]> =>
    (await control.balancers()).filter((front) => front.networkId === doing.networkIdOf(network));
  /** The one load balancer in front of a network. */
  const frontOf = async (control: ControlClient, network: Network): Promise<SeenBalancer> => {
    const [front, ...others] = await frontsOf(control, network);
    expect(others).toEqual([]);
    if (front === undefined) throw new Error('there is no load balancer');
    return front;
  };
  const membersOf = async (control: ControlClient, network: Network): Promise<readonly string[]> =>
    (await frontOf(control, network)).members.map(({ id }) => id).toSorted();

  const expectRight = (front: SeenBalancer, members: readonly Member[]): void => {
    expect(front.isOpen).toBe(true);
    expect(front.listeners.map(({ port, targetPort }) => ({ port, targetPort }))).toEqual([
      { port: 80, targetPort: 80 },
      { port: 443, targetPort: 443 },
    ]);
    expect(front.healthCheck).toMatchObject({ port: 8081, path: '/nginx-ready', intervalSeconds: 10 });
    expect(front.members.map(({ id }) => id).toSorted()).toEqual(
      members.map(({ providerId }) => providerId).toSorted(),
    );
  };

  const kinds = async (owner: Owner): Promise<readonly string[]> =>
    (await doing.see(owner)).resources.map(({ kind }) => kind).sort();

  keeps('a load balancer is built, and building it again changes nothing', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    const members = await Promise.all([2, 3].map((number) => worker(owner, network, number)));
    const spec = specOf(owner, network, members);
    const balancer = await ensure(spec);
    const front = await frontOf(control, network);
    expectRight(front, members);
    expect(balancer.cloud).toBe(doing.cloud().name);
    expect([balancer.dnsName, ...balancer.addresses]).toContain(front.address);
    expect(balancer.addresses.length).toBe(balancer.dnsName === undefined ? 1 : 0);
    expect(await watch(owner, spec)).toMatchObject({ strangers: [], flaws: [] });
    const [before, changes] = [await doing.holdings(control), await doing.changesOf(control)];
    expect(await ensure(spec)).toEqual(balancer);
    expect(await ensure(specOf(owner, network, members, balancer))).toEqual(balancer);
    expect(await doing.holdings(control)).toEqual(before);
    expect(await doing.changesOf(control)).toEqual(changes);
    await collapse(owner);
    expect(await frontsOf(control, network)).toEqual([]);
  });

  keeps('a load balancer that was half built when a reply was lost is finished', async (control) => {
    const [half, whole] = await Promise.all(
      [newOwner(), newOwner()].map(async (owner) => ({ owner, network: await buildNetwork(owner) })),
    );
    if (half === undefined || whole === undefined) throw new Error('two were asked for');
    const member = await worker(half.owner, half.network);
    await control.addFault({ operation: 'createBalancer', effect: 'lose-reply', times: 2 });
    await ensure(specOf(half.owner, half.network, [member]), ['CloudUnavailable']);
    await control.clearFaults();
    expectRight(await frontOf(control, half.network), [member]);
    await ensure(specOf(whole.owner, whole.network));
    const [one, other] = await Promise.all([kinds(half.owner), kinds(whole.owner)]);
    // One has a machine's disk and interface besides.
    const isOfMachine = (kind: string): boolean => /disk|volume|interface|^address$/.test(kind);
    expect(one.filter((kind) => !isOfMachine(kind))).toEqual(other.filter((kind) => !isOfMachine(kind)));
    await Promise.all([collapse(half.owner), collapse(whole.owner)]);
  });

  keeps('a load balancer whose create is throttled or cut off is built in the end', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    await control.addFault({ operation: 'createBalancer', effect: 'throttle', seconds: 1 });
    await control.addFault({ operation: 'createBalancer', effect: 'cut' });
    await ensure(specOf(owner, network), ['CloudUnavailable', 'Throttled']);
    expectRight(await frontOf(control, network), []);
    await collapse(owner);
  });

  keeps('a quota of load balancers is QuotaExceeded, and it is built when there is room', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    await control.addFault({ operation: 'createBalancer', effect: 'quota', times: 20 });
    await failsWith('QuotaExceeded', () => ensure(specOf(owner, network)));
    await control.clearFaults();
    await ensure(specOf(owner, network));
    expectRight(await frontOf(control, network), []);
    await collapse(owner);
  });

  keeps('a machine joins a load balancer and leaves it, however often that is said', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    const members = await Promise.all([2, 3].map((number) => worker(owner, network, number)));
    const [one, other] = members as [Member, Member];
    await ensure(specOf(owner, network, [one]));
    expect(await join(other, owner)).toBe('joined');
    expect(await join(other, owner)).toBe('joined');
    expect(await membersOf(control, network)).toEqual([one.providerId, other.providerId].toSorted());
    expect(await flawsOf(specOf(owner, network, members))).toEqual([]);
    expect(await leave(one, owner)).toBe('left');
    expect(await leave(one, owner)).toBe('left');
    expect(await membersOf(control, network)).toEqual([other.providerId]);
    expect(await flawsOf(specOf(owner, network, [other]))).toEqual([]);
    // Who left and is still wanted is missed, and who is not wanted is too many.
    const spec = specOf(owner, network, [one]);
    expect((await flawsOf(spec)).length).toBeGreaterThanOrEqual(2);
    await ensure(spec);
    expect(await membersOf(control, network)).toEqual([one.providerId]);
    expect(await flawsOf(spec)).toEqual([]);
    await collapse(owner);
  });

  keeps(
    'a machine that is gone has left its load balancer, and is no member that is missed',
    async (control) => {
      const { owner, network, member, balancer, spec } = await scene();
      await control.strike(member.providerId, 'kill');
      await until(
        async () => (await doing.see(owner)).machines,
        (machines) => machines.every(({ state }) => state !== 'running'),
      );
      expect(await leave(member, owner)).toBe('left');
      expect(
        await until(
          () => flawsOf(spec),
          (flaws) => flaws.length === 0,
        ),
      ).toEqual([]);
      expect(await ensure(spec)).toEqual(balancer);
      expect(await membersOf(control, network)).toEqual([]);
      await collapse(owner);
    },
  );

  keeps('a machine of another owner is put behind no load balancer', async (control) => {
    const { owner, network, member } = await scene();
    const neighbour: Owner = { ...owner, installation: 'neighbour' };
    const theirs = await worker(neighbour, network, 4);
    await failsWith('InvalidRequest', () => join(theirs, owner));
    await ensure(specOf(owner, network, [member, theirs]));
    expect(await membersOf(control, network)).toEqual([member.providerId]);
    expect(await flawsOf(specOf(owner, network, [member, theirs]))).toEqual([]);
    await settle(() => doing.cloud().deleteMachine(theirs, neighbour));
    await collapse(owner);
  });

  keeps('where there is no load balancer nothing is joined and nothing is left', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    const member = await worker(owner, network);
    const before = await doing.holdings(control);
    expect(await join(member, owner)).toBe('joined');
    expect(await leave(member, owner)).toBe('left');
    expect(await doing.holdings(control)).toEqual(before);
    expect(await frontsOf(control, network)).toEqual([]);
    await collapse(owner);
  });

  keeps('a load balancer is compared only with what is expected of it', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    const spec = specOf(owner, network);
    expect((await flawsOf(spec)).map(({ of, subject }) => `${of} ${subject}`)).toEqual([
      'load-balancer load-balancer:missing',
    ]);
    expect((await watch(owner)).flaws).toEqual([]);
    await ensure(spec);
    expect(await flawsOf(spec)).toEqual([]);
    await control.damage('add-listener', { networkId: doing.networkIdOf(network) });
    await seeFlaws(spec);
    expect((await watch(owner)).flaws).toEqual([]);
    expect((await doing.see(owner)).flaws).toEqual([]);
    await collapse(owner);
  });

  for (const kind of damages)
    keeps(`${kind} is a flaw until ensureLoadBalancer has mended it`, async (control) => {
      const { owner, network, member, spec } = await damaged();
      const before = await kinds(owner);
      await control.damage(kind, { networkId: doing.networkIdOf(network) });
      const flaws = await seeFlaws(spec);
      // The same difference has the same name in every sweep.
      expect(await flawsOf(spec)).toEqual(flaws);
      await ensure(spec);
      expect(await flawsOf(spec)).toEqual([]);
      expect(await kinds(owner)).toEqual(before);
      expectRight(await frontOf(control, network), [member]);
    });

  keeps('remove-member is a flaw until ensureLoadBalancer has mended it', async (control) => {
    const { network, member, spec } = await damaged();
    await control.damage('remove-member', { machineId: member.providerId });
    expect(await membersOf(control, network)).toEqual([]);
    const flaws = await seeFlaws(spec);
    for (const { subject } of flaws) expect(subject.endsWith(`:${member.providerId}`)).toBe(true);
    expect(flaws.map(({ message }) => message).join()).toMatch(
      new RegExp(`${member.providerId}|${member.name}`),
    );
    await ensure(spec);
    expectRight(await frontOf(control, network), [member]);
    expect(await flawsOf(spec)).toEqual([]);
  });

  keeps('what has the load balancer’s name and another owner’s tags is not changed', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    await ensure(specOf({ ...owner, installation: 'neighbour' }, network));
    const [before, changes] = [await doing.holdings(control), await doing.changesOf(control)];
    await failsWith('InvalidRequest', () => ensure(specOf(owner, network)));
    expect((await flawsOf(specOf(owner, network))).map(({ of }) => of)).toContain('load-balancer');
    expect(await doing.holdings(control)).toEqual(before);
    expect(await doing.changesOf(control)).toEqual(changes);
    await control.damage('delete-balancer', { networkId: doing.networkIdOf(network) });
    await collapse(owner);
    // What the console leaves of it (target groups, addresses) goes with its owner's end.
    await collapse({ ...owner, installation: 'neighbour' });
  });

  keeps('one’s own load balancer is no stranger; another’s is, and stops a collapse', async (control) => {
    const { owner, network } = await scene();
    expect((await doing.see(owner)).strangers).toEqual([]);
    await control.damage('add-foreign-balancer', { networkId: doing.networkIdOf(network) });
    const { strangers } = await until(
      () => doing.see(owner),
      (seen) => seen.strangers.length > 0,
    );
    for (const { inside } of strangers) expect(inside).not.toBe('');
    const blocked = await until(
      () => doing.cloud().collapse(owner, doing.location),
      (progress) => progress.done || (progress.blockedBy ?? []).length > 0,
    );
    expect(blocked.done).toBe(false);
    // It is the only one that is left, where the owner's goes part by part after some more calls.
    await until(
      async () => {
        await doing.cloud().collapse(owner, doing.location);
        return frontsOf(control, network);
      },
      (fronts) => fronts.length <= 1,
    );
    await control.damage('delete-balancer', { networkId: doing.networkIdOf(network) });
    await collapse(owner);
  });

  keeps('a load balancer that nobody wants is spare, and is removed', async (control) => {
    const owner = newOwner();
    const network = await buildNetwork(owner);
    const member = await worker(owner, network);
    const [held, before] = [await doing.holdings(control), await kinds(owner)];
    const spec = specOf(owner, network, [member]);
    await ensure(spec);
    const sparesIn = ({ resources }: ClusterObservation): readonly OwnedResource[] =>
      resources.filter(({ isSpare }) => isSpare);
    expect(sparesIn(await watch(owner, spec))).toEqual([]);
    expect(sparesIn(await watch(owner))).toEqual([]);
    const seen = await watch(owner, 'none');
    expect(seen.flaws).toEqual([]);
    const spares = sparesIn(seen);
    expect(spares.length).toBeGreaterThan(0);
    expect(
      seen.resources
        .filter(({ isSpare }) => isSpare !== true)
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(before);
    const remove = (spare: OwnedResource, by: Owner) =>
      settle(() => doing.cloud().removeSpare(spare, by, doing.location));
    for (const spare of spares)
      await failsWith('InvalidRequest', () => remove(spare, { ...owner, installation: 'neighbour' }));
    for (const spare of spares) expect(await remove(spare, owner)).toBe('gone');
    for (const spare of spares) expect(await remove(spare, owner)).toBe('gone');
    await until(
      () => doing.holdings(control),
      (now) => now.join() === held.join(),
    );
    expect((await watch(owner, 'none')).strangers).toEqual([]);
    await collapse(owner);
  });

  keeps('watching a load balancer costs no more calls than is said', async (control) => {
    const { owner, spec } = await damaged();
    const total = async () => Object.values(await control.calls()).reduce((sum, calls) => sum + calls, 0);
    const count = async (look: () => Promise<unknown>): Promise<number> => {
      const before = await total();
      await look();
      return (await total()) - before;
    };
    const without = await count(() => watch(owner));
    const { name } = doing.cloud();
    const said = (loadBalancers: number): number => callsPerLook(name, { clusters: 1, loadBalancers });
    expect(await count(() => watch(owner, spec))).toBeLessThanOrEqual(without + said(1) - said(0));
  });
}
