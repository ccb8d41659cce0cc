import type { MemoryMachine } from '../../../shared/clouds/memory/index.ts';
import { cloudNames, type CloudName } from '../../../shared/domain/cloud.ts';
import type { Cluster } from '../../../shared/domain/cluster.ts';
import type { Finding } from '../../../shared/domain/finding.ts';
import { phaseRank, type Node } from '../../../shared/domain/node.ts';
import { strayGraceSeconds, strayPatienceSeconds } from '../../../shared/planning/find-strays.ts';
import type { VirtualTime } from '../clock/virtual-time.ts';
import type { Clouds } from '../life/clouds.ts';
import { Etcd } from '../life/etcd.ts';
import type { SimulatedMachine } from '../life/machine.ts';
import { installationId } from '../platform/functions.ts';
import type { MemoryTable, Written } from '../table/memory-table.ts';

export interface Violation {
  readonly invariant: string;
  readonly detail: string;
}

/** Two machines of one node may be there for a moment, not for long. */
const twinSecondsMax = 300;
/**
 * How long something may be owned that the store does not know of: what a create left behind that was cut off is removed when
 * it is older than the grace time, and was then found in two sweeps; and the repair takes its time.
 */
const unknownSecondsMax = strayGraceSeconds + 2 * strayPatienceSeconds + 300;

/** What must be true at every moment, whatever went wrong. Looked at with each write and each change in a cloud. */
export class Invariants {
  checks = 0;
  violation: Violation | undefined;
  readonly #time: VirtualTime;
  readonly #table: MemoryTable;
  #clouds: Clouds | undefined;
  readonly #machines: readonly SimulatedMachine[];
  /** What belongs to others, as it was when it came. */
  readonly #strangers = new Map<string, { readonly cloud: CloudName; readonly machine: MemoryMachine }>();
  readonly #foreignNetworks = new Map<
    string,
    { readonly cloud: CloudName; readonly networkId: string; readonly text: string }
  >();
  readonly #numbers = new Map<string, string>();
  readonly etcd = new Etcd();
  readonly #inits = new Map<string, SimulatedMachine[]>();
  /** On whose disk an etcd is, and which one: each init and each restore begins another. */
  readonly #etcds = new Map<SimulatedMachine, number>();
  #etcdsBegun = 0;
  readonly #twinsSince = new Map<string, number>();
  readonly #unknownSince = new Map<string, number>();

  constructor(parts: { time: VirtualTime; table: MemoryTable; machines: readonly SimulatedMachine[] }) {
    this.#time = parts.time;
    this.#table = parts.table;
    this.#machines = parts.machines;
  }

  watch(clouds: Clouds): void {
    this.#clouds = clouds;
  }

  broken(invariant: string, detail: string): void {
    this.violation ??= { invariant, detail };
  }

  must(holds: boolean, invariant: string, detail: () => string): void {
    this.checks += 1;
    if (!holds) this.broken(invariant, detail());
  }

  // ── With each write ──────────────────────────────────────────────────────────────────────────────────────────

  onWrite({ key, before, after }: Written): void {
    if (key.sk === 'CLUSTER') this.#onCluster(before as Cluster | undefined, after as Cluster | undefined);
    else if (key.sk.startsWith('NODE#')) this.#onNode(before as Node | undefined, after as Node | undefined);
  }

  #onCluster(before: Cluster | undefined, after: Cluster | undefined): void {
    this.must(after !== undefined || before === undefined, 'a cluster’s item stays', () => before?.id ?? '');
    if (before === undefined || after === undefined) return;
    const title = `cluster ${after.name}`;
    this.must(
      before.status !== 'deleted' || after.status === 'deleted',
      'a deleted cluster stays deleted',
      () => `${title} is ${after.status}`,
    );
    this.must(
      before.desired === 'present' || after.desired === 'absent',
      'a cluster that is to go is never wanted again',
      () => title,
    );
    this.must(
      before.initialisedAt === undefined ||
        (before.initialisedAt === after.initialisedAt && before.initNode === after.initNode),
      'what is initialised stays so',
      () =>
        `${title}: ${before.initialisedAt} by ${before.initNode}, now ${after.initialisedAt} by ${after.initNode}`,
    );
    this.must(after.generation >= before.generation, 'generations only grow', () => title);
    if (after.desired === 'absent' && before.desired === 'present') this.#guardPassed(after);
    if (after.status === 'deleted' && before.status !== 'deleted') this.#nothingLeft(after);
    if (after.pendingPlan !== undefined && before.pendingPlan === undefined) {
      this.#withinLimit(after);
      this.onPlan(after);
    }
  }

  #onNode(before: Node | undefined, after: Node | undefined): void {
    if (after === undefined) {
      this.must(
        before === undefined,
        'a node’s item stays until its number has rested',
        () => before?.id ?? '',
      );
      return;
    }
    const number = `${after.clusterId} ${after.number}`;
    const holder = this.#numbers.get(number) ?? after.id;
    this.#numbers.set(number, after.id);
    this.must(holder === after.id, 'a number is not used again within a day', () => `node ${after.number}`);
    if (before === undefined) return;
    const title = `node ${after.number}`;
    this.must(
      before.phase !== 'deleted' || after.phase === 'deleted',
      'a deleted node stays deleted',
      () => `${title} is ${after.phase}`,
    );
    this.must(
      before.desired === 'present' || after.desired === 'absent',
      'a node that is to go is never wanted again',
      () => title,
    );
    this.must(
      after.attempt - before.attempt <= 1 && after.attempt >= before.attempt,
      'attempts count up one by one',
      () => title,
    );
    const isNewMachine = after.attempt !== before.attempt || after.createRequest === undefined;
    this.must(
      isNewMachine || phaseRank(after.phase) >= phaseRank(before.phase) || before.phase === 'failed',
      'within an attempt phases only go forward',
      () => `${title}: ${before.phase} to ${after.phase}`,
    );
    this.must(
      isNewMachine || before.providerId === undefined || before.providerId === after.providerId,
      'an attempt has one machine',
      () => `${title}: ${before.providerId}, ${after.providerId}`,
    );
    this.must(
      isNewMachine || before.sessionHash === undefined || before.sessionHash === after.sessionHash,
      'a session is bound once',
      () => title,
    );
    if (before.desired === 'present' && after.desired === 'absent') this.onLetGo(after);
    else if (before.phase !== after.phase || before.interruption !== after.interruption) this.onNode(after);
  }

  /** Nothing of a cluster changes for its deletion while somebody stands in its networks whom the guard could see. */
  #guardPassed(cluster: Cluster): void {
    const begunAt = this.executionBegan(cluster.operation?.executionArn ?? '') ?? '';
    const seen = cloudNames.flatMap((cloud) =>
      (this.#clouds?.worlds[cloud].networks() ?? [])
        .filter(({ owner }) => owner.installation === installationId && owner.clusterId === cluster.id)
        .flatMap(({ id }) => this.strangersIn(cloud, id))
        .filter(({ createdAt }) => createdAt < begunAt),
    );
    this.must(
      seen.length === 0,
      'a deletion is refused before its first change',
      () =>
        `${seen.map(({ providerId }) => providerId).join(', ')} stood in ${cluster.name} when it was fenced`,
    );
  }

  /** What resizing has to say. */
  onPlan: (cluster: Cluster) => void = () => {};
  onLetGo: (node: Node) => void = () => {};
  onNode: (node: Node) => void = () => {};

  /** When an execution was started. */
  executionBegan: (arn: string) => string | undefined = () => undefined;

  /** Right when it is buried: the clean-up has looked twice. */
  #nothingLeft(cluster: Cluster): void {
    const left = this.ownedBy(cluster.id);
    this.must(
      left.length === 0,
      'a deleted cluster has left nothing',
      () => `${cluster.name}: ${left.join(', ')}`,
    );
  }

  /**
   * A plan may go beyond the limit by one node: the lost one whose place it takes still counts until it is retired. What a
   * cloud is taking back does not count: it is gone within the minutes of its notice.
   */
  #withinLimit(cluster: Cluster): void {
    const maxVcpus = cluster.policies.clusterLimits?.maxVcpus;
    if (maxVcpus === undefined) return;
    const planned = (cluster.pendingPlan?.nodes ?? []).map(({ offering }) => offering.vcpus);
    const standing = this.nodesOf(cluster.id)
      .filter(
        (node) => node.desired === 'present' && node.interruption !== 'terminate' && !this.#isLost(node),
      )
      .map(({ offering }) => offering.vcpus);
    const sum = [...planned, ...standing].reduce((total, vcpus) => total + vcpus, 0);
    const most = maxVcpus + Math.max(0, ...planned, ...standing);
    this.must(
      sum <= most,
      'vCPUs stay within the policy, and one node',
      () => `${cluster.name}: ${sum} of ${maxVcpus}`,
    );
  }

  #isLost({ cloud, providerId }: Node): boolean {
    const world = this.#clouds?.worlds[cloud];
    if (world === undefined || providerId === undefined) return false;
    const machine = world.machine(providerId);
    return machine === undefined || world.state(machine) !== 'running';
  }

  // ── With each change in a cloud ──────────────────────────────────────────────────────────────────────────────

  addStranger(cloud: CloudName, machine: MemoryMachine): void {
    this.#strangers.set(`${cloud}/${machine.providerId}`, { cloud, machine });
  }

  /** Its owner took it away: nobody misses it. */
  forgetStranger(cloud: CloudName, providerId: string): void {
    this.#strangers.delete(`${cloud}/${providerId}`);
  }

  addForeignNetwork(cloud: CloudName, networkId: string): void {
    this.#foreignNetworks.set(`${cloud}/${networkId}`, {
      cloud,
      networkId,
      text: this.#textOf(cloud, networkId),
    });
  }

  strangersIn(cloud: CloudName, networkId: string): readonly MemoryMachine[] {
    return [...this.#strangers.values()]
      .filter((each) => each.cloud === cloud && each.machine.networkId === networkId)
      .map(({ machine }) => machine);
  }

  onCloudChange(): void {
    const worlds = this.#clouds?.worlds;
    if (worlds === undefined) return;
    for (const { cloud, machine } of this.#strangers.values())
      this.must(
        worlds[cloud].machine(machine.providerId) === machine,
        'what does not carry our tags is never touched',
        () => `${cloud}/${machine.providerId}`,
      );
    for (const [id, { cloud, networkId, text }] of this.#foreignNetworks)
      this.must(
        this.#textOf(cloud, networkId) === text,
        'what does not carry our tags is never touched',
        () => id,
      );
  }

  #textOf(cloud: CloudName, networkId: string): string {
    return JSON.stringify(this.#clouds?.worlds[cloud].networks().find(({ id }) => id === networkId));
  }

  // ── What machines do ─────────────────────────────────────────────────────────────────────────────────────────

  beginsInit(machine: SimulatedMachine): void {
    const { clusterId } = machine;
    const earlier = this.#inits.get(clusterId) ?? [];
    this.#inits.set(clusterId, [...earlier, machine]);
    this.#beginsEtcd(machine);
    const cluster = this.clusterOf(clusterId);
    this.must(
      cluster?.initialisedAt === undefined,
      'init happens once',
      () => `${machine.name} begins init of a cluster that is initialised`,
    );
    const rival = earlier.find((each) => each.exists);
    this.must(
      rival === undefined,
      'init happens once',
      () => `${machine.name} begins init while ${rival?.name} still exists`,
    );
  }

  /** Whatever was there before must be gone: of two etcds nobody knows which one holds the truth. */
  beginsRestore(machine: SimulatedMachine): void {
    const { clusterId } = machine;
    const restore = this.clusterOf(clusterId)?.restore;
    this.must(
      restore?.number === machine.number && restore.attempt === machine.attempt,
      'who restores was let',
      () => `${machine.name} begins, and ${restore?.number}.${restore?.attempt} was let`,
    );
    this.#beginsEtcd(machine);
  }

  #beginsEtcd(machine: SimulatedMachine): void {
    const [rival] = this.#etcdsBeside(machine);
    this.must(
      rival === undefined,
      'two etcds never stand side by side',
      () => `${machine.name} begins another while ${rival?.name} still exists`,
    );
    this.#etcdsBegun += 1;
    this.etcd.begins(machine);
    this.#etcds.set(machine, this.#etcdsBegun);
  }

  /** Other machines of the cluster that exist and have an etcd on their disks. */
  #etcdsBeside(machine: SimulatedMachine): readonly SimulatedMachine[] {
    return [...this.#etcds.keys()].filter(
      (each) => each !== machine && each.clusterId === machine.clusterId && each.exists,
    );
  }

  beginsJoin(machine: SimulatedMachine): void {
    if (machine.role !== 'control-plane') return;
    const beside = new Set(this.#etcdsBeside(machine).map((each) => this.#etcds.get(each)));
    this.must(
      beside.size <= 1,
      'two etcds never stand side by side',
      () => `${machine.name} joins one of ${beside.size}`,
    );
    this.#etcds.set(machine, Math.max(0, ...[...beside].map((etcd) => etcd ?? 0)));
    const other = this.#machines.find(
      (each) =>
        each !== machine &&
        each.clusterId === machine.clusterId &&
        each.role === 'control-plane' &&
        each.phase === 'joining' &&
        each.exists &&
        !this.#inits.get(each.clusterId)?.includes(each),
    );
    this.must(
      other === undefined,
      'control planes join one at a time',
      () => `${machine.name} begins while ${other?.name} is joining`,
    );
  }

  // ── Each minute ──────────────────────────────────────────────────────────────────────────────────────────────

  everyMinute(): void {
    const counted = new Map<string, number>();
    const unknown = new Set<string>();
    for (const { cloud, machine } of this.#clouds?.machines() ?? []) {
      const { tags, stoppingAt } = machine;
      if (tags?.owner.installation !== installationId || stoppingAt !== undefined) continue;
      counted.set(tags.nodeId, (counted.get(tags.nodeId) ?? 0) + 1);
      const node = this.nodesOf(tags.owner.clusterId).find(({ id }) => id === tags.nodeId);
      const cluster = this.clusterOf(tags.owner.clusterId);
      const isReachable =
        cluster !== undefined &&
        cluster.status !== 'deleted' &&
        (cluster.desired === 'absent' || (node !== undefined && node.phase !== 'deleted'));
      if (!isReachable) unknown.add(`${cloud}/${machine.providerId}`);
    }
    this.#lasting(
      this.#twinsSince,
      new Set([...counted].filter(([, count]) => count > 1).map(([id]) => id)),
      twinSecondsMax,
      'at most one machine per node',
    );
    this.#lasting(this.#unknownSince, unknown, unknownSecondsMax, 'what is owned is known');
    for (const cloud of cloudNames)
      for (const { id, owner } of [
        ...(this.#clouds?.worlds[cloud].networks() ?? []),
        ...(this.#clouds?.worlds[cloud].balancers() ?? []),
      ])
        if (owner?.installation === installationId) {
          const cluster = this.clusterOf(owner.clusterId);
          this.must(
            cluster !== undefined && cluster.status !== 'deleted',
            'what is owned is known',
            () => `${cloud}/${id}`,
          );
        }
  }

  #lasting(
    since: Map<string, number>,
    now: ReadonlySet<string>,
    secondsMax: number,
    invariant: string,
  ): void {
    const { nowMs } = this.#time;
    for (const id of since.keys()) if (!now.has(id)) since.delete(id);
    for (const id of now) if (!since.has(id)) since.set(id, nowMs);
    for (const [id, from] of since)
      this.must(nowMs - from <= secondsMax * 1000, invariant, () => `${id} for ${(nowMs - from) / 1000} s`);
  }

  // ── Looking things up ────────────────────────────────────────────────────────────────────────────────────────

  clusterOf(clusterId: string): Cluster | undefined {
    return this.#table.read({ pk: `C#${clusterId}`, sk: 'CLUSTER' }) as unknown as Cluster | undefined;
  }

  idOf(name: string): string | undefined {
    const id = this.#table.read({ pk: `NAME#${name}`, sk: 'NAME' })?.['clusterId'];
    return typeof id === 'string' ? id : undefined;
  }

  nodesOf(clusterId: string): readonly Node[] {
    return this.#table.partition(`C#${clusterId}`, 'NODE#') as unknown as readonly Node[];
  }

  findingsOf(clusterId: string): readonly Finding[] {
    return this.#table.partition(`C#${clusterId}`, 'FINDING#') as unknown as readonly Finding[];
  }

  /** Nothing is replaced in one of its clouds before people have looked. */
  waitsForPeople(clusterId: string): boolean {
    return this.findingsOf(clusterId).some(({ kind }) => kind === 'replacement-paused');
  }

  ownedBy(clusterId: string): readonly string[] {
    return cloudNames.flatMap((cloud) => {
      const world = this.#clouds?.worlds[cloud];
      const isOwned = (owner: { installation: string; clusterId: string } | undefined): boolean =>
        owner?.installation === installationId && owner.clusterId === clusterId;
      return [
        ...(world?.machines() ?? [])
          .filter(({ tags }) => isOwned(tags?.owner))
          .map(({ providerId, name }) => `machine ${cloud}/${providerId} (${name})`),
        ...(world?.networks() ?? [])
          .filter(({ owner }) => isOwned(owner))
          .map(({ id }) => `network ${cloud}/${id}`),
        ...(world?.balancers() ?? [])
          .filter(({ owner }) => isOwned(owner))
          .map(({ id }) => `load balancer ${cloud}/${id}`),
      ];
    });
  }

  /** A control plane that has come up serves the API for as long as its etcd has a quorum. */
  apiAnswers(clusterId: string): boolean {
    return this.etcd.serves(clusterId);
  }
}
