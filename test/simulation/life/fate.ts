import { damage, memoryDamages, type MemoryMachine } from '../../../shared/clouds/memory/index.ts';
import { cloudNames, type CloudName } from '../../../shared/domain/cloud.ts';
import type { Invariants } from '../checks/invariants.ts';
import { installationId } from '../platform/functions.ts';
import type { Outside } from '../platform/outside.ts';
import type { StepFunctions } from '../states/step-functions.ts';
import type { Clouds } from './clouds.ts';
import type { SimulatedMachine } from './machine.ts';
import type { SimulatedZone } from './zone.ts';
import type { People, WantedCluster } from './people.ts';

interface Parts {
  readonly outside: Outside;
  readonly clouds: Clouds;
  readonly zone: SimulatedZone | undefined;
  readonly stepFunctions: StepFunctions;
  readonly people: People;
  readonly machines: readonly SimulatedMachine[];
  readonly invariants: Invariants;
}

/** When people and fate stop meddling: everything planned before happens, and then the world is left alone. */
export const meddlingSeconds = 45 * 60;
/** Clusters are built in the first minutes: trouble comes then more often than later. */
const buildingSeconds = 8 * 60;
const noticeSeconds = 120;

/** Strangers come by a way of their own, and leave by it. */
const tamperings = memoryDamages.filter((kind) => kind !== 'add-foreign-balancer');

/** What happens to a world from outside: what people ask for, and what befalls their machines and networks. */
export class Fate {
  operations = 0;
  readonly #parts: Parts;
  readonly #strangers: { readonly cloud: CloudName; readonly providerId: string }[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Plans the whole of a world's troubles. */
  begin(): void {
    const { outside, people } = this.#parts;
    const { random } = outside;
    this.#settleNeighbours();
    for (const name of random.chance(0.25) ? ['one', 'two'] : ['one']) {
      this.#at(random.between(0, 60), `create ${name}`, async () => people.create(name));
      if (random.chance(0.6)) this.#at(this.#moment(20), `delete ${name}`, () => this.#remove(name));
    }
    const busy = random.int(0, 10);
    for (let count = 0; count < busy; count += 1) {
      const [what, how] = random.pick(this.#troubles());
      this.#at(this.#moment(60), what, how);
    }
    this.#resize();
    const scarce = random.int(0, 2);
    for (let count = 0; count < scarce; count += 1)
      this.#at(random.between(0, meddlingSeconds), 'scarcity', async () => this.#scarcity());
  }

  /** In clusters that are left to policies pods come and go, and now and then somebody thinks otherwise. */
  #resize(): void {
    const { outside, people } = this.#parts;
    const { random } = outside;
    const each = (act: (cluster: WantedCluster) => void | Promise<void>) => async (): Promise<void> => {
      for (const cluster of people.clusters)
        if (cluster.wanted === 'present' && cluster.isResizing === true) await act(cluster);
    };
    for (let count = random.int(1, 4); count > 0; count -= 1)
      this.#at(
        random.between(buildingSeconds, meddlingSeconds),
        'pods come',
        each((cluster) => people.deploy(cluster)),
      );
    for (let count = random.int(0, 3); count > 0; count -= 1)
      this.#at(
        random.between(buildingSeconds, meddlingSeconds),
        'pods go',
        each((cluster) => people.scaleDown(cluster)),
      );
    if (random.chance(0.3))
      this.#at(
        random.between(buildingSeconds, meddlingSeconds),
        'policies change',
        each((cluster) => people.changePolicies(cluster)),
      );
  }

  #moment(afterSeconds: number): number {
    const { random } = this.#parts.outside;
    return random.between(afterSeconds, random.chance(0.4) ? buildingSeconds : meddlingSeconds);
  }

  #at(seconds: number, what: string, how: () => Promise<void>): void {
    const { outside } = this.#parts;
    outside.time.after(seconds, () => {
      this.operations += 1;
      outside.history.note('fate', what);
      how().catch((error: unknown) => {
        this.#parts.invariants.broken(
          'the simulation works',
          error instanceof Error ? (error.stack ?? '') : String(error),
        );
      });
    });
  }

  #troubles(): readonly (readonly [string, () => Promise<void>])[] {
    const { people } = this.#parts;
    const some = (act: (cluster: WantedCluster) => Promise<void>) => async (): Promise<void> => {
      const living = people.clusters.filter(({ wanted }) => wanted === 'present');
      if (living.length > 0) await act(this.#parts.outside.random.pick(living));
    };
    const one = (act: (machine: SimulatedMachine) => void) => async (): Promise<void> => {
      const running = this.#parts.machines.filter(({ runs }) => runs);
      if (running.length > 0) act(this.#parts.outside.random.pick(running));
    };
    return [
      ['add nodes', some((cluster) => people.addNodes(cluster))],
      ['add nodes', some((cluster) => people.addNodes(cluster))],
      ['remove a node', some((cluster) => people.removeNode(cluster))],
      ['remove a node', some((cluster) => people.removeNode(cluster))],
      ['say that what looks lost is lost', some((cluster) => people.replaceLost(cluster))],
      ['restore', some((cluster) => people.restore(cluster))],
      ['restore', some((cluster) => people.restore(cluster))],
      ['a spot notice', one((machine) => this.#notice(machine))],
      ['a machine is taken', one((machine) => this.#kill(machine))],
      ['a machine is stopped', one((machine) => this.#stop(machine))],
      ['a machine reboots', one((machine) => this.#reboot(machine))],
      ['somebody tampers', async () => this.#tamper()],
      ['somebody tampers', async () => this.#tamper()],
      ['somebody tampers', async () => this.#tamper()],
      ...this.#changesOfNames(),
      ['a stranger comes', async () => this.#stranger()],
      ['delete twice', async () => this.#removeTwice()],
    ];
  }

  async #remove(name: string): Promise<void> {
    const { people } = this.#parts;
    const cluster = people.clusters.find((each) => each.name === name);
    if (cluster !== undefined) await people.remove(cluster);
  }

  async #removeTwice(): Promise<void> {
    const { people, outside } = this.#parts;
    const cluster = people.clusters.find(({ wanted }) => wanted === 'absent');
    if (cluster === undefined || people.stored(cluster) === undefined) return;
    await Promise.all([people.remove(cluster), people.remove(cluster)]);
    await outside.time.sleep(outside.random.between(1, 60));
    await people.remove(cluster);
  }

  #changesOfNames(): readonly (readonly [string, () => Promise<void>])[] {
    const { outside, zone } = this.#parts;
    if (zone === undefined) return [];
    const change = async (): Promise<void> =>
      outside.history.note('fate', zone.tamper(outside.random.int(0, 60)));
    return [['somebody changes names', change]];
  }

  /** What people do by hand in a cloud's console. */
  #tamper(): void {
    const { clouds, outside } = this.#parts;
    const kind = outside.random.pick(tamperings);
    const ours = this.#ourNetworks();
    if (ours.length === 0) return;
    const { cloud, network } = outside.random.pick(ours);
    const world = clouds.worlds[cloud];
    const inside = world
      .machines()
      .filter(
        ({ networkId, tags }) => networkId === network.id && tags?.owner.installation === installationId,
      );
    const at =
      inside.length === 0 ? { networkId: network.id } : { machineId: outside.random.pick(inside).providerId };
    outside.history.note('fate', cloud, network.id, kind, damage(world, kind, at) ?? 'strikes nothing');
  }

  /** The networks that are this installation's. */
  #ourNetworks() {
    const { worlds } = this.#parts.clouds;
    return cloudNames.flatMap((cloud) =>
      worlds[cloud]
        .networks()
        .filter(({ owner }) => owner.installation === installationId)
        .map((network) => ({ cloud, network })),
    );
  }

  #notice(machine: SimulatedMachine): void {
    machine.interrupt();
    this.#parts.outside.time.after(noticeSeconds, () => this.#kill(machine));
  }

  #kill(machine: SimulatedMachine): void {
    this.#parts.outside.history.note('fate', machine.name, `node ${machine.number}`, 'is gone');
    this.#parts.clouds.worlds[machine.cloud].kill(machine.providerId);
  }

  #stop(machine: SimulatedMachine): void {
    this.#parts.outside.history.note('fate', machine.name, `node ${machine.number}`, 'is stopped');
    this.#parts.clouds.worlds[machine.cloud].stop(machine.providerId);
  }

  #reboot(machine: SimulatedMachine): void {
    const { time, random, history } = this.#parts.outside;
    this.#stop(machine);
    time.after(random.between(20, 120), () => {
      if (!machine.exists) return;
      const address = `198.19.${random.int(0, 255)}.${random.int(1, 254)}`;
      history.note('fate', machine.name, 'is back under', address);
      this.#parts.clouds.worlds[machine.cloud].restart(machine.providerId, address);
      machine.boot();
    });
  }

  /** What befalls a machine of itself: drawn when it is made. */
  onMachine(machine: SimulatedMachine): boolean {
    const { faults, time, random, history } = this.#parts.outside;
    if (faults.strikes('machineDies'))
      time.after(random.between(1, 2400), () => machine.runs && !faults.isCalm && this.#kill(machine));
    if (faults.strikes('machineReboots'))
      time.after(random.between(1, 3000), () => machine.runs && !faults.isCalm && this.#reboot(machine));
    if (!faults.strikes('machineNeverCalls')) return true;
    history.note('fate', machine.name, 'will never call');
    return false;
  }

  /** Somebody else's networks and machines in the same accounts. */
  #settleNeighbours(): void {
    const { clouds, invariants } = this.#parts;
    for (const cloud of cloudNames) {
      const world = clouds.worlds[cloud];
      const owner = { installation: 'another', clusterId: '00000000-0000-4000-8000-000000000000' };
      const location = { region: 'elsewhere', zone: 'a' };
      const network = world.putNetwork(
        {
          owner,
          clusterName: 'theirs',
          location,
          candidates: [],
          firewall: { 'control-plane': [], worker: [] },
        },
        { network: '10.200.0.0/16', subnet: '10.200.0.0/24' },
      );
      invariants.addForeignNetwork(cloud, network.id);
      invariants.addStranger(cloud, this.#launch(cloud, network.id, 'theirs', owner));
    }
  }

  #launch(
    cloud: CloudName,
    networkId: string,
    name: string,
    owner?: NonNullable<MemoryMachine['tags']>['owner'],
  ): MemoryMachine {
    return this.#parts.clouds.worlds[cloud].launch({
      name,
      networkId,
      location: { region: 'elsewhere', zone: 'a' },
      ...(owner === undefined ? {} : { tags: { owner, nodeId: 'theirs', role: 'worker' } }),
      userData: '',
      diskGib: 8,
      offering: { instanceType: 'someone-elses', lifecycle: 'on-demand', vcpus: 2 },
    });
  }

  #stranger(): void {
    const { outside, invariants } = this.#parts;
    const { random, time, history } = outside;
    const ours = this.#ourNetworks();
    if (ours.length === 0) return;
    const { cloud, network } = random.pick(ours);
    // Without tags, or with our cluster's id and another installation's.
    const owner = random.chance(0.5)
      ? undefined
      : { installation: 'another', clusterId: network.owner.clusterId };
    const machine = this.#launch(cloud, network.id, 'a-stranger', owner);
    history.note('fate', `${cloud}/${machine.providerId}`, 'comes into', network.id);
    const { providerId } = machine;
    invariants.addStranger(cloud, machine);
    this.#strangers.push({ cloud, providerId });
    if (random.chance(0.5)) time.after(random.between(60, 1800), () => this.#takeAway(cloud, providerId));
  }

  #takeAway(cloud: CloudName, providerId: string): void {
    const { clouds, invariants, outside } = this.#parts;
    outside.history.note('fate', `${cloud}/${providerId}`, 'leaves');
    invariants.forgetStranger(cloud, providerId);
    clouds.worlds[cloud].kill(providerId);
  }

  takeStrangersAway(): void {
    for (const { cloud, providerId } of this.#strangers) this.#takeAway(cloud, providerId);
  }

  /** For a while one cloud has no machines of some type, or no room for more. */
  #scarcity(): void {
    const { clouds, machines, outside } = this.#parts;
    const { random, time, history } = outside;
    const cloud = random.pick(cloudNames);
    const world = clouds.worlds[cloud];
    const types = world.machines().map(({ offering }) => offering.instanceType);
    if (random.chance(0.3) || types.length === 0) world.vcpuQuota = random.int(0, 12);
    else world.soldOut.add(random.pick(types));
    history.note('fate', cloud, 'is scarce', `${machines.length} machines were made`);
    time.after(random.between(300, 3000), () => this.#plenty(cloud));
  }

  #plenty(cloud: CloudName): void {
    const world = this.#parts.clouds.worlds[cloud];
    world.soldOut.clear();
    world.vcpuQuota = undefined;
  }

  /** Nothing befalls anybody any more. */
  calm(): void {
    for (const cloud of cloudNames) this.#plenty(cloud);
  }

  /** What befalls an execution of itself. */
  onExecution(arn: string): void {
    const { faults, time, random } = this.#parts.outside;
    const { stepFunctions } = this.#parts;
    const later = (act: () => void): void => {
      time.after(random.between(0.1, 400), () => {
        if (!faults.isCalm) act();
      });
    };
    if (faults.strikes('executionVanishes'))
      later(() => {
        const execution = stepFunctions.executions.get(arn);
        if (execution !== undefined) stepFunctions.vanish(execution);
      });
    else if (faults.strikes('executionAborts'))
      later(() => stepFunctions.stop(arn, 'somebody stopped it by hand'));
  }
}
