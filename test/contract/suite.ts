import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud, Machine, MachineRequest, Progress } from '../../shared/clouds/contract.ts';
import { CloudError, type CloudErrorName } from '../../shared/clouds/errors.ts';
import type { Location, Owner } from '../../shared/domain/cloud.ts';
import type { FirewallRule, Network, NetworkSpec } from '../../shared/domain/network.ts';
import type { Offering } from '../../shared/domain/offering.ts';
import type { ControlClient, ResourceRow } from './control-client.ts';
import { balancerRules, describeBalancers } from './balancer-rules.ts';
import { describeDrift, driftRules } from './drift-rules.ts';

/*
 * What every cloud driver must do, whichever cloud it is: one `it` per rule, named as the rule.
 *
 * How to register a driver: test/contract/<cloud>.test.ts is these few lines.
 *
 *   import { describeContract } from './suite.ts';
 *   import { simulated } from './subject.ts';
 *
 *   describeContract(
 *     simulated({
 *       cloud: 'aws',
 *       simulator: createAwsSimulator,                              // (world: World) => Simulator
 *       driver: (endpoint, accessKeyId) => createAws({ accessKeyId, …, endpoint }),
 *       networkIdOf: (network) => network.parts['vpcId'] ?? '',     // = WorldMachine.networkId of machines in it
 *     }),
 *   );
 *
 * What a simulator must do for it, besides its API:
 * - refuse the credential `revoked` (access key id, token, client id or whatever the fake requests carry) as its cloud
 *   refuses credentials it does not know, and `read-only` every change as its cloud refuses who lacks a permission;
 * - `world.placesStrangers(cloud, ({ networkId, name }) => …)` once: a machine without any tags in that network;
 * - `world.lists(() => rows)` once: *every* resource it holds, machines included, but not those that are gone: the suite compares the
 *   rows before and after;
 * - page with `world.pageSize(asked, apiMax)`: the suite sets `pageSizeMax` to 5 and makes 12 machines;
 * - `world.refusal(…)` on every create, and the fault `hide` where its cloud is eventually consistent;
 * - `world.balances(() => fronts)` once: every load balancer it has; the fault `quota` on `createBalancer`;
 * - `world.suffers(cloud, { 'delete-network': … })` once: what people can do to it in its console (control.ts says what each
 *   is); what its cloud does not have is left out, and the rule of it is named in `exceptions` with the reason;
 * - classify its calls exactly: `createBalancer|changeBalancer|deleteBalancer` are whatever changes load balancers and their
 *   parts, `createNetwork|changeNetwork|deleteNetwork` whatever changes networks, subnets, routes,
 *   firewalls and groups, and nothing else is: "changes nothing" is counted by it.
 *
 * A rule that a driver cannot keep is named in `exceptions` with the reason. `npm run test:contract -- --help` runs one
 * driver against any endpoint.
 */

export interface Ground {
  readonly cloud: Cloud;
  /** The same driver with credentials that may only look: whatever the suite observes it observes with these. */
  readonly observer: Cloud;
  /** The same driver with credentials that the cloud does not know. */
  readonly brokenCloud: Cloud;
  /** Undefined: in memory. */
  readonly endpoint: string | undefined;
  /** Undefined: the endpoint is not one of our simulators, and rules that need fate's hand are skipped. */
  readonly control?: ControlClient;
  /** Answers `retryAfterSeconds` are waited for this many times faster. */
  readonly timeScale: number;
  close(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  readonly location: Location;
  readonly candidates: NetworkSpec['candidates'];
  readonly offering: Offering;
  readonly networkIdOf: (network: Network) => string;
  readonly create: () => Promise<Ground>;
  readonly exceptions?: readonly { readonly rule: Rule; readonly reason: string }[];
  /** How many calls `observe` makes for each cluster that stands, beside its lists; absent: none. Say why. */
  readonly observeCallsPerCluster?: number;
}

/** Small enough that a dozen machines are several pages. */
export const pageSizeMax = 5;

export const rules = [
  'the account is verified',
  'credentials that are refused are CredentialsRejected',
  'read-only credentials see what all others see, and change nothing',
  'a cloud that is unavailable is CloudUnavailable',
  'a single throttle is survived',
  'throttling that does not end is Throttled with retryAfterSeconds',
  'a network is built, and building it again changes nothing',
  'a network that was half built when a reply was lost is finished',
  'two networks of one account do not get in each other’s way',
  'a machine is created, is pending, then runs with its addresses and its tags',
  'a byte-identical request makes one machine, repeated or sent concurrently',
  'a create whose reply is lost makes one machine',
  'a create that is throttled or cut off makes one machine in the end',
  'a node’s next attempt gets a machine of its own',
  'no capacity at once is CapacityUnavailable and leaves nothing',
  'no capacity after accepting is CapacityUnavailable and leaves nothing',
  'a quota is QuotaExceeded and leaves nothing',
  'observing an unknown cluster is an empty entry',
  'observing goes through all pages and tells clusters apart',
  'observing finds strangers in owned networks',
  'a machine of another installation is a stranger',
  'a machine that died behind our back is not observed as running',
  'a deletion can be repeated',
  'a deletion whose provider id is unknown finds the machine by its node',
  'deleting a machine that does not carry our tags is InvalidRequest, and it lives',
  'collapsing removes everything and can be repeated',
  'collapsing stops before a stranger: the network stays and blockedBy names it',
  'collapsing leaves other clusters alone',
  ...driftRules,
  ...balancerRules,
] as const;
export type Rule = (typeof rules)[number];

/** Unscaled seconds that any one thing may take, several minutes being normal for some. */
const patienceSeconds = 900;
/** Real milliseconds that any one thing may take on a simulator. */
const patienceMilliseconds = 25_000;

/** For a whole rule: a real cloud takes its time. */
const ruleMilliseconds = process.env['OVERCAST_CONTRACT_ENDPOINT'] === undefined ? 120_000 : 3_600_000;

const firewall: NetworkSpec['firewall'] = {
  'control-plane': [
    rule('tcp', 6443, 6443, 'anywhere', 'Kubernetes API'),
    rule('udp', 51820, 51820, 'anywhere', 'WireGuard'),
  ],
  worker: [
    rule('udp', 51820, 51820, 'anywhere', 'WireGuard'),
    rule('tcp', 30000, 32767, 'anywhere', 'NodePorts'),
    rule('udp', 30000, 32767, 'anywhere', 'NodePorts'),
    rule('udp', 4789, 4789, 'network', 'pods between nodes of one network'),
    {
      protocol: 'tcp',
      fromPort: 8081,
      toPort: 8081,
      source: { kind: 'probes', ranges: ['35.191.0.0/16', '209.85.152.0/22'] },
      purpose: 'is the ingress ready',
    },
  ],
};

function rule(
  protocol: FirewallRule['protocol'],
  fromPort: number,
  toPort: number,
  kind: 'anywhere' | 'network',
  purpose: string,
): FirewallRule {
  return { protocol, fromPort, toPort, source: { kind }, purpose };
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

const newOwner = (): Owner => ({ installation: 'contract', clusterId: randomUUID() });

/** What the whole cloud holds, as text, so that before and after can be compared. */
const holdings = async (control: ControlClient | undefined): Promise<string[]> =>
  ((await control?.resources()) ?? [])
    .filter((row: ResourceRow) => !['gone', 'terminated', 'deleted'].includes(row.state))
    .map((row) => `${row.kind} ${row.name} ${row.id}`)
    .sort();

const changesOf = async (control: ControlClient | undefined): Promise<Record<string, number>> =>
  Object.fromEntries(
    Object.entries((await control?.calls()) ?? {}).filter(([key]) => /\/(create|change|delete)/.test(key)),
  );

export function describeContract(subject: Subject): void {
  const reasons = new Map<string, string>(subject.exceptions?.map(({ rule, reason }) => [rule, reason]));
  const held = new Set<string>();
  let ground: Ground;

  /* oxlint-disable vitest/valid-title, vitest/expect-expect, vitest/no-disabled-tests, vitest/no-conditional-tests -- one place registers every rule, by name */
  /** Registers one rule; those that need fate's hand are skipped, with the reason, where there is none. */
  const keeps = (
    name: Rule,
    body: (control: ControlClient) => Promise<void>,
    options: { control?: false } = {},
  ): void => {
    held.add(name);
    const reason = reasons.get(name);
    if (reason !== undefined) {
      it.skip(`${name} (exception: ${reason})`);
      return;
    }
    it(name, { timeout: ruleMilliseconds }, async ({ skip }) => {
      if (ground.control === undefined && options.control !== false)
        skip(`${ground.endpoint ?? subject.name} has no /_control: nobody can make this happen`);
      await body(ground.control as ControlClient);
    });
  };

  /* oxlint-enable */

  // ── Doing ────────────────────────────────────────────────────────────────────────────────────────────────────

  const deadline = (): number =>
    Date.now() + (ground.timeScale > 20 ? patienceMilliseconds : (patienceSeconds * 1000) / ground.timeScale);

  /** Repeats a call until it says done, as a state machine would; a reply that was lost is just another repeat. */
  const settle = async <T>(
    call: () => Promise<Progress<T>>,
    survive: readonly CloudErrorName[] = [],
  ): Promise<T> => {
    const end = deadline();
    let waitingFor = 'a first answer';
    while (Date.now() < end) {
      let seconds = 1;
      try {
        const progress = await call();
        if (progress.done) return progress.value;
        expect(progress.retryAfterSeconds).toBeGreaterThan(0);
        expect(progress.waitingFor).not.toBe('');
        ({ waitingFor, retryAfterSeconds: seconds } = progress);
      } catch (error) {
        if (!(error instanceof CloudError) || !survive.includes(error.name)) throw error;
        waitingFor = error.message;
      }
      await pause(Math.max(5, Math.min(1000, (seconds * 1000) / ground.timeScale)));
    }
    throw new Error(`still waiting for ${waitingFor}`);
  };

  const until = async <T>(look: () => Promise<T>, good: (seen: T) => boolean): Promise<T> => {
    const end = deadline();
    for (;;) {
      const seen = await look();
      if (good(seen)) return seen;
      if (Date.now() > end) throw new Error(`never came true; last seen: ${JSON.stringify(seen)}`);
      await pause(10);
    }
  };

  const specOf = (owner: Owner): NetworkSpec => ({
    owner,
    clusterName: 'contract',
    location: subject.location,
    candidates: subject.candidates,
    firewall,
  });

  const buildNetwork = (owner: Owner): Promise<Network> =>
    settle(() => ground.cloud.ensureNetwork(specOf(owner)));

  const requestFor = (
    owner: Owner,
    network: Network,
    number = 1,
    change: Partial<MachineRequest> = {},
  ): MachineRequest => ({
    owner,
    nodeId: randomUUID(),
    token: randomUUID(),
    name: `contract-${owner.clusterId.slice(0, 8)}-${number}`,
    role: number === 1 ? 'control-plane' : 'worker',
    offering: subject.offering,
    network,
    diskGib: 50,
    userData: '#cloud-config\nhostname: contract\n',
    ...change,
  });

  const build = (request: MachineRequest): Promise<Machine> =>
    settle(() => ground.cloud.createMachine(request));

  const collapse = (owner: Owner): Promise<'nothing left'> =>
    settle(() => ground.cloud.collapse(owner, subject.location));

  const see = async (owner: Owner) => {
    const seen = await ground.observer.observe([owner], subject.location);
    expect(seen).toHaveLength(1);
    const entry = seen[0]!;
    expect(entry.clusterId).toBe(owner.clusterId);
    return entry;
  };

  const machinesOf = async (owner: Owner, nodeId?: string): Promise<readonly Machine[]> =>
    (await see(owner)).machines.filter((m) => nodeId === undefined || m.nodeId === nodeId);

  const refOf = (request: MachineRequest, providerId?: string) => ({
    nodeId: request.nodeId,
    name: request.name,
    location: subject.location,
    ...(providerId === undefined ? {} : { providerId }),
  });

  const kindsOf = async (owner: Owner): Promise<string[]> =>
    (await see(owner)).resources.map(({ kind }) => kind).sort();

  const removeStranger = async (control: ControlClient, id: string): Promise<void> => {
    await control.strike(id, 'kill');
    await until(
      () => control.machines(),
      (machines) => machines.every((m) => m.id !== id || m.state === 'gone'),
    );
  };

  const failsWith = async (name: CloudErrorName, call: () => Promise<unknown>): Promise<CloudError> => {
    const outcome = await call().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (!('error' in outcome))
      throw new Error(`expected ${name}, but it answered ${JSON.stringify(outcome.value)}`);
    if (!(outcome.error instanceof CloudError)) throw outcome.error;
    expect({ name: outcome.error.name, message: outcome.error.message }).toMatchObject({ name });
    expect(outcome.error.cloud).toBe(ground.cloud.name);
    expect(outcome.error.code).not.toBe('');
    return outcome.error;
  };

  // ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────────

  describe(`${subject.name} keeps the cloud contract`, () => {
    beforeAll(async () => {
      ground = await subject.create();
      return () => ground.close();
    });
    beforeEach(async () => {
      await ground.control?.clearFaults();
    });

    keeps(
      'the account is verified',
      async () => {
        const identity = await ground.cloud.verifyAccount();
        expect(identity.id).not.toBe('');
      },
      { control: false },
    );

    keeps(
      'credentials that are refused are CredentialsRejected',
      async () => {
        const owner = newOwner();
        await failsWith('CredentialsRejected', () => ground.brokenCloud.verifyAccount());
        await failsWith('CredentialsRejected', () => ground.brokenCloud.observe([owner], subject.location));
        await failsWith('CredentialsRejected', () => ground.brokenCloud.ensureNetwork(specOf(owner)));
      },
      { control: false },
    );

    keeps('read-only credentials see what all others see, and change nothing', async (control) => {
      const [owner, nobody] = [newOwner(), newOwner()];
      const network = await buildNetwork(owner);
      const request = requestFor(owner, network, 2);
      const machine = await build(request);
      const watched = [{ ...owner, expected: { network: specOf(owner), machines: [] } }];
      const [seen] = await ground.observer.observe(watched, subject.location);
      expect(seen?.machines).toEqual([machine]);
      expect([seen]).toEqual(await ground.cloud.observe(watched, subject.location));
      expect(await ground.observer.verifyAccount()).toEqual(
        expect.objectContaining({ id: (await ground.cloud.verifyAccount()).id }),
      );

      const before = await holdings(control);
      const resource = { kind: 'machine', id: machine.providerId, name: machine.name };
      const changes: readonly (() => Promise<unknown>)[] = [
        () => ground.observer.ensureNetwork(specOf(nobody)),
        () => ground.observer.createMachine(requestFor(owner, network, 3)),
        () => ground.observer.deleteMachine(refOf(request, machine.providerId), owner),
        () => ground.observer.removeSpare(resource, owner, subject.location),
        () => ground.observer.collapse(owner, subject.location),
      ];
      for (const change of changes) await failsWith('CredentialsRejected', change);
      expect(await holdings(control)).toEqual(before);
      expect(await machinesOf(owner)).toEqual([machine]);
      await collapse(owner);
    });

    keeps('a cloud that is unavailable is CloudUnavailable', async (control) => {
      await control.addFault({ effect: 'unavailable', times: 100 });
      await failsWith('CloudUnavailable', () => ground.cloud.verifyAccount());
      await control.clearFaults();
      await control.addFault({ effect: 'cut', times: 100 });
      await failsWith('CloudUnavailable', () => ground.cloud.verifyAccount());
    });

    keeps('a single throttle is survived', async (control) => {
      await control.addFault({ effect: 'throttle', seconds: 1 });
      const entry = await see(newOwner());
      expect(entry.machines).toEqual([]);
    });

    keeps('throttling that does not end is Throttled with retryAfterSeconds', async (control) => {
      await control.addFault({ effect: 'throttle', seconds: 1, times: 100 });
      // At the same time: a driver waits as long as it is told to before it gives up.
      const errors = await Promise.all([
        failsWith('Throttled', () => ground.cloud.verifyAccount()),
        failsWith('Throttled', () => ground.cloud.ensureNetwork(specOf(newOwner()))),
      ]);
      for (const { retryAfterSeconds } of errors) expect(retryAfterSeconds).toBeGreaterThan(0);
    });

    keeps(
      'a network is built, and building it again changes nothing',
      async () => {
        const { control } = ground;
        const owner = newOwner();
        const network = await buildNetwork(owner);
        expect(network.cloud).toBe(ground.cloud.name);
        expect(network.location).toEqual(subject.location);
        expect(subject.candidates).toContainEqual({
          network: network.range,
          subnet: network.subnetRange,
        });
        expect((await see(owner)).resources.length).toBeGreaterThan(0);
        const [before, changes] = [await holdings(control), await changesOf(control)];
        const again = await buildNetwork(owner);
        expect(again).toEqual(network);
        expect(await holdings(control)).toEqual(before);
        expect(await changesOf(control)).toEqual(changes);
        await collapse(owner);
      },
      { control: false },
    );

    keeps('a network that was half built when a reply was lost is finished', async (control) => {
      const owner = newOwner();
      const reference = newOwner();
      await control.addFault({ operation: 'createNetwork', effect: 'lose-reply', times: 2 });
      await settle(() => ground.cloud.ensureNetwork(specOf(owner)), ['CloudUnavailable']);
      await control.clearFaults();
      await buildNetwork(reference);
      expect(await kindsOf(owner)).toEqual(await kindsOf(reference));
      await Promise.all([collapse(owner), collapse(reference)]);
    });

    keeps(
      'two networks of one account do not get in each other’s way',
      async () => {
        const [one, other] = [newOwner(), newOwner()];
        const networks = await Promise.all([buildNetwork(one), buildNetwork(other)]);
        expect(subject.networkIdOf(networks[0])).not.toBe(subject.networkIdOf(networks[1]));
        expect(await buildNetwork(one)).toEqual(networks[0]);
        await Promise.all([collapse(one), collapse(other)]);
      },
      { control: false },
    );

    keeps(
      'a machine is created, is pending, then runs with its addresses and its tags',
      async () => {
        const { control } = ground;
        const owner = newOwner();
        const network = await buildNetwork(owner);
        const request = requestFor(owner, network);
        const timeScale = (await control?.settings())?.timeScale ?? 1;
        // Slow enough that a create cannot answer with a machine that already runs.
        await control?.change({ timeScale: Math.min(timeScale, 50) });
        const first = await ground.cloud.createMachine(request);
        await control?.change({ timeScale });
        // An endpoint that nobody can slow down may have a machine running at once.
        expect(first.done).toBe(control === undefined && first.done);
        const machine = await build(request);
        expect(machine).toMatchObject({
          name: request.name,
          nodeId: request.nodeId,
          state: 'running',
          instanceType: subject.offering.instanceType,
          lifecycle: 'on-demand',
          zone: subject.location.zone,
        });
        expect(machine.providerId).not.toBe('');
        expect(machine.publicAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
        expect(machine.privateAddress).toMatch(/^10\.\d+\.\d+\.\d+$/);
        expect(new Date(machine.createdAt).toISOString()).toBe(machine.createdAt);
        const entry = await see(owner);
        expect(entry.machines).toEqual([machine]);
        expect(entry.strangers).toEqual([]);
        await collapse(owner);
      },
      { control: false },
    );

    keeps(
      'a byte-identical request makes one machine, repeated or sent concurrently',
      async () => {
        const owner = newOwner();
        const request = requestFor(owner, await buildNetwork(owner));
        await Promise.allSettled([1, 2, 3].map(() => ground.cloud.createMachine(request)));
        const machine = await build(request);
        expect((await build(request)).providerId).toBe(machine.providerId);
        const seen = await until(
          async () => (await machinesOf(owner)).filter((m) => m.state !== 'stopping'),
          (machines) => machines.length === 1,
        );
        expect(seen[0]?.providerId).toBe(machine.providerId);
        expect(await build(request)).toEqual(machine);
        await collapse(owner);
      },
      { control: false },
    );

    keeps('a create whose reply is lost makes one machine', async (control) => {
      const owner = newOwner();
      const network = await buildNetwork(owner);
      const machines = async () =>
        (await control.machines()).filter((m) => m.networkId === subject.networkIdOf(network)).length;
      const request = requestFor(owner, network);
      await control.addFault({ operation: 'createMachine', effect: 'lose-reply' });
      await settle(() => ground.cloud.createMachine(request), ['CloudUnavailable']);
      expect(await until(machines, (count) => count === 1)).toBe(1);
      expect(await machinesOf(owner)).toHaveLength(1);
      await collapse(owner);
    });

    keeps('a create that is throttled or cut off makes one machine in the end', async (control) => {
      const owner = newOwner();
      const request = requestFor(owner, await buildNetwork(owner));
      await control.addFault({ operation: 'createMachine', effect: 'throttle', seconds: 1 });
      await control.addFault({ operation: 'createMachine', effect: 'cut' });
      await settle(() => ground.cloud.createMachine(request), ['CloudUnavailable', 'Throttled']);
      expect(await machinesOf(owner)).toHaveLength(1);
      await collapse(owner);
    });

    keeps(
      'a node’s next attempt gets a machine of its own',
      async () => {
        const owner = newOwner();
        const network = await buildNetwork(owner);
        const request = requestFor(owner, network);
        const first = await build(request);
        await settle(() => ground.cloud.deleteMachine(refOf(request, first.providerId), owner));
        const second = await build({ ...request, token: randomUUID(), userData: '#cloud-config\n{}\n' });
        expect(second.createdAt >= first.createdAt).toBe(true);
        expect(second.state).toBe('running');
        expect(await machinesOf(owner, request.nodeId)).toEqual([second]);
        await collapse(owner);
      },
      { control: false },
    );

    for (const [name, effect, error] of [
      ['no capacity at once is CapacityUnavailable and leaves nothing', 'no-capacity', 'CapacityUnavailable'],
      [
        'no capacity after accepting is CapacityUnavailable and leaves nothing',
        'no-capacity-later',
        'CapacityUnavailable',
      ],
      ['a quota is QuotaExceeded and leaves nothing', 'quota', 'QuotaExceeded'],
    ] as const) {
      keeps(name, async (control) => {
        const owner = newOwner();
        const network = await buildNetwork(owner);
        const before = await holdings(control);
        const request = requestFor(owner, network);
        // As often as the driver's own retries may ask: the type is sold out, not unlucky.
        await control.addFault({ operation: 'createMachine', effect, times: 20 });
        await failsWith(error, () => settle(() => ground.cloud.createMachine(request)));
        await control.clearFaults();
        await until(
          () => holdings(control),
          (now) => now.join() === before.join(),
        );
        expect(await machinesOf(owner)).toEqual([]);
        // The same node may still be had elsewhere: another attempt, another offering.
        expect((await build({ ...request, token: randomUUID() })).state).toBe('running');
        await collapse(owner);
      });
    }

    keeps(
      'observing an unknown cluster is an empty entry',
      async () => {
        const [one, other] = [newOwner(), newOwner()];
        expect(await ground.observer.observe([one, other], subject.location)).toEqual(
          [one, other].map(({ clusterId }) => ({
            clusterId,
            machines: [],
            resources: [],
            strangers: [],
            flaws: [],
          })),
        );
        expect(await ground.observer.observe([], subject.location)).toEqual([]);
      },
      { control: false },
    );

    keeps(
      'observing goes through all pages and tells clusters apart',
      async () => {
        const owners = [newOwner(), newOwner()];
        const networks = await Promise.all(owners.map(buildNetwork));
        const requests = owners.flatMap((owner, i) =>
          [1, 2, 3, 4, 5, 6].map((number) => requestFor(owner, networks[i]!, number)),
        );
        await Promise.all(requests.map(build));
        const seen = await ground.observer.observe(owners, subject.location);
        expect(seen.map((entry) => entry.clusterId)).toEqual(owners.map((owner) => owner.clusterId));
        for (const [i, owner] of owners.entries()) {
          const wanted = requests.filter((request) => request.owner === owner);
          expect(seen[i]?.machines.map((m) => m.nodeId).sort()).toEqual(wanted.map((r) => r.nodeId).sort());
          expect(seen[i]?.strangers).toEqual([]);
        }
        await Promise.all(owners.map(collapse));
      },
      { control: false },
    );

    keeps('observing finds strangers in owned networks', async (control) => {
      const owner = newOwner();
      const network = await buildNetwork(owner);
      const machine = await build(requestFor(owner, network));
      const stranger = await control.addStranger({
        networkId: subject.networkIdOf(network),
        name: 'bystander',
      });
      const entry = await see(owner);
      expect(entry.machines).toEqual([machine]);
      expect(entry.strangers.filter((s) => s.kind === 'machine')).toMatchObject([
        { id: stranger.id, name: 'bystander' },
      ]);
      expect(entry.strangers[0]?.inside).not.toBe('');
      await removeStranger(control, stranger.id);
      await collapse(owner);
    });

    keeps(
      'a machine of another installation is a stranger',
      async () => {
        const owner = newOwner();
        const neighbour: Owner = { ...owner, installation: 'neighbour' };
        const network = await buildNetwork(owner);
        const request = requestFor(neighbour, network);
        const machine = await build(request);
        const entry = await see(owner);
        expect(entry.machines).toEqual([]);
        expect(entry.strangers.filter((s) => s.kind === 'machine')).toMatchObject([
          { id: machine.providerId, name: request.name },
        ]);
        await failsWith('InvalidRequest', () =>
          ground.cloud.deleteMachine(refOf(request, machine.providerId), owner),
        );
        expect(await machinesOf(neighbour)).toEqual([machine]);
        await settle(() => ground.cloud.deleteMachine(refOf(request, machine.providerId), neighbour));
        await collapse(owner);
      },
      { control: false },
    );

    keeps('a machine that died behind our back is not observed as running', async (control) => {
      const owner = newOwner();
      const machine = await build(requestFor(owner, await buildNetwork(owner)));
      await control.strike(machine.providerId, 'kill');
      await until(
        () => machinesOf(owner),
        (machines) => machines.every((m) => m.state === 'stopping' || m.state === 'stopped'),
      );
      await collapse(owner);
    });

    keeps(
      'a deletion can be repeated',
      async () => {
        const owner = newOwner();
        const request = requestFor(owner, await buildNetwork(owner));
        const machine = await build(request);
        const ref = refOf(request, machine.providerId);
        await Promise.allSettled([1, 2].map(() => ground.cloud.deleteMachine(ref, owner)));
        await settle(() => ground.cloud.deleteMachine(ref, owner));
        expect(await settle(() => ground.cloud.deleteMachine(ref, owner))).toBe('gone');
        expect((await machinesOf(owner)).filter((m) => m.state !== 'stopping')).toEqual([]);
        await collapse(owner);
      },
      { control: false },
    );

    keeps(
      'a deletion whose provider id is unknown finds the machine by its node',
      async () => {
        const owner = newOwner();
        const network = await buildNetwork(owner);
        const [request, bystander] = [requestFor(owner, network), requestFor(owner, network, 2)];
        const [, kept] = await Promise.all([build(request), build(bystander)]);
        await settle(() => ground.cloud.deleteMachine(refOf(request), owner));
        expect((await machinesOf(owner)).filter((m) => m.state !== 'stopping')).toEqual([kept]);
        await collapse(owner);
      },
      { control: false },
    );

    keeps(
      'deleting a machine that does not carry our tags is InvalidRequest, and it lives',
      async (control) => {
        const owner = newOwner();
        const network = await buildNetwork(owner);
        const networkId = subject.networkIdOf(network);
        const stranger = await control.addStranger({ networkId, name: 'bystander' });
        await failsWith('InvalidRequest', () =>
          ground.cloud.deleteMachine(
            {
              nodeId: randomUUID(),
              name: stranger.name,
              location: subject.location,
              providerId: stranger.id,
            },
            owner,
          ),
        );
        const living = (await control.machines()).find((m) => m.id === stranger.id);
        expect(['pending', 'running']).toContain(living?.state);
        await removeStranger(control, stranger.id);
        await collapse(owner);
      },
    );

    keeps(
      'collapsing removes everything and can be repeated',
      async () => {
        const { control } = ground;
        const before = await holdings(control);
        const owner = newOwner();
        const network = await buildNetwork(owner);
        // One of them is not even running yet.
        await Promise.all([build(requestFor(owner, network)), build(requestFor(owner, network, 2))]);
        await ground.cloud.createMachine(requestFor(owner, network, 3));
        expect(await collapse(owner)).toBe('nothing left');
        expect(await holdings(control)).toEqual(before);
        const entry = await see(owner);
        expect(entry.resources).toEqual([]);
        expect(entry.machines.filter((m) => m.state !== 'stopping')).toEqual([]);
        expect(await collapse(owner)).toBe('nothing left');
        expect(await collapse(newOwner())).toBe('nothing left');
      },
      { control: false },
    );

    keeps('collapsing stops before a stranger: the network stays and blockedBy names it', async (control) => {
      const owner = newOwner();
      const network = await buildNetwork(owner);
      await build(requestFor(owner, network));
      const networkId = subject.networkIdOf(network);
      const stranger = await control.addStranger({ networkId, name: 'bystander' });
      const blocked = await until(
        () => ground.cloud.collapse(owner, subject.location),
        (progress) => progress.done || progress.blockedBy !== undefined,
      );
      if (blocked.done) throw new Error('collapsed a network with a stranger in it');
      expect(blocked.blockedBy).toContainEqual(
        expect.objectContaining({ kind: 'machine', id: stranger.id, name: 'bystander' }),
      );
      const living = (await control.machines()).find((m) => m.id === stranger.id);
      expect(['pending', 'running']).toContain(living?.state);
      expect((await see(owner)).resources.length).toBeGreaterThan(0);
      expect((await see(owner)).strangers).toContainEqual(expect.objectContaining({ id: stranger.id }));
      await removeStranger(control, stranger.id);
      expect(await collapse(owner)).toBe('nothing left');
    });

    keeps(
      'collapsing leaves other clusters alone',
      async () => {
        const [one, other] = [newOwner(), newOwner()];
        const networks = await Promise.all([buildNetwork(one), buildNetwork(other)]);
        const [, kept] = await Promise.all([
          build(requestFor(one, networks[0])),
          build(requestFor(other, networks[1])),
        ]);
        const before = await see(other);
        await collapse(one);
        expect(await see(other)).toEqual(before);
        expect(before.machines).toEqual([kept]);
        expect(await buildNetwork(other)).toEqual(networks[1]);
        await collapse(other);
      },
      { control: false },
    );

    describe('finds and mends drift', () => {
      describeDrift({
        keeps,
        cloud: () => ground.cloud,
        observer: () => ground.observer,
        location: subject.location,
        networkIdOf: subject.networkIdOf,
        callsPerCluster: subject.observeCallsPerCluster ?? 0,
        settle,
        until,
        newOwner,
        specOf,
        buildNetwork,
        requestFor,
        build,
        see,
        collapse,
        failsWith,
        holdings,
        pageSizeMax,
      });
    });

    describe('keeps a load balancer', () => {
      describeBalancers({
        keeps,
        cloud: () => ground.cloud,
        observer: () => ground.observer,
        location: subject.location,
        networkIdOf: subject.networkIdOf,
        settle,
        until,
        newOwner,
        specOf,
        buildNetwork,
        requestFor,
        build,
        see,
        collapse,
        failsWith,
        holdings,
        changesOf,
      });
      if (held.size !== rules.length || [...reasons.keys()].some((name) => !held.has(name)))
        throw new Error('the rules, their tests and the exceptions do not name the same things');
    });
  });
}
