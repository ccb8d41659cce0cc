import type { MemoryMachine, MemoryWorld } from '../../../shared/clouds/memory/index.ts';
import type { CloudName } from '../../../shared/domain/cloud.ts';
import type {
  AdmitReply,
  AgentPhase,
  FilesReply,
  Instruction,
  SyncReply,
  SyncRequest,
} from '../../../shared/domain/node-protocol.ts';
import type { NodeRole } from '../../../shared/domain/network.ts';
import { keys } from '../../../shared/store/keys.ts';
import { bucketUrl } from '../platform/container.ts';
import type { Lambda } from '../platform/lambda.ts';
import type { Outside } from '../platform/outside.ts';
import { sessionSecretPrefix } from '../platform/secrets.ts';
import type { MemoryTable } from '../table/memory-table.ts';

/** What a machine tells those who watch over the world. */
export interface MachineWatch {
  beginsInit(machine: SimulatedMachine): void;
  beginsJoin(machine: SimulatedMachine): void;
  beginsRestore(machine: SimulatedMachine): void;
  /** It has become a member of the cluster's etcd. */
  joined(machine: SimulatedMachine): void;
  /** @returns whether the member at this overlay address is one no more. */
  forgets(machine: SimulatedMachine, address: string): boolean;
  /** Whether a control plane of the cluster serves its API. */
  apiAnswers(clusterId: string): boolean;
}

export interface MachineParts {
  readonly outside: Outside;
  readonly lambda: Lambda;
  readonly table: MemoryTable;
  readonly watch: MachineWatch;
  /** The keys in the bucket of etcd snapshots; absent: none are taken. */
  readonly bucket?: Set<string>;
}

const never = new Promise<never>(() => {});
const callSecondsMax = 30;
/** How long a sync that would change nothing is not sent. */
const quietSecondsMax = { moving: 10, quiet: 60, waiting: 15 } as const;
const movingSeconds = 660;

/**
 * A machine with the agent on it, as local/nodes/simulated-machine.ts has one, on virtual time. Its disk outlives reboots;
 * when its cloud no longer runs it, it does nothing more.
 */
export class SimulatedMachine {
  readonly cloud: CloudName;
  readonly providerId: string;
  readonly clusterId: string;
  readonly number: number;
  readonly attempt: number;
  readonly role: NodeRole;
  phase: AgentPhase = 'booting';
  interruption: SyncRequest['interruption'];
  readonly #parts: MachineParts;
  readonly #world: MemoryWorld;
  readonly #token: string;
  readonly #secret: string;
  readonly #publicKey: string;
  readonly #done = new Set<string>();
  readonly #failsAt: Instruction['kind'] | undefined;
  readonly #hangsAt: Instruction['kind'] | undefined;
  #isAdmitted = false;
  #meshVersion = 0;
  #failure: SyncRequest['failure'];
  /** Moves with each boot: what an earlier one still waits for is not heard. */
  #life = 0;
  #last: { readonly at: number; readonly kind: string; readonly seen: readonly unknown[] } | undefined;

  constructor(cloud: CloudName, world: MemoryWorld, machine: MemoryMachine, parts: MachineParts) {
    const { random, faults } = parts.outside;
    this.cloud = cloud;
    this.providerId = machine.providerId;
    this.#world = world;
    this.#parts = parts;
    const settings = new Map(
      [...machine.userData.matchAll(/OVERCAST_(\w+)='([^']*)'/g)].map(([, name = '', value = '']) => [
        name,
        value,
      ]),
    );
    this.clusterId = settings.get('CLUSTER') ?? '';
    this.number = Number(settings.get('NODE'));
    this.attempt = Number(settings.get('ATTEMPT'));
    this.role = settings.get('ROLE') as NodeRole;
    this.#token = settings.get('TOKEN') ?? '';
    this.#secret = `${sessionSecretPrefix}${random.hex(64 - sessionSecretPrefix.length)}`;
    this.#publicKey = Buffer.from(random.hex(64), 'hex').toString('base64');
    const work = this.role === 'control-plane' ? random.pick(['init', 'join', 'restore'] as const) : 'join';
    this.#failsAt = faults.strikes('kubeadmFails') ? work : undefined;
    this.#hangsAt = faults.strikes('machineHangs') ? work : undefined;
  }

  get name(): string {
    return `${this.cloud}/${this.providerId}`;
  }

  /** It exists in its cloud, running or stopped. */
  get exists(): boolean {
    const machine = this.#world.machine(this.providerId);
    return machine !== undefined && machine.stoppingAt === undefined;
  }

  get runs(): boolean {
    const machine = this.#world.machine(this.providerId);
    return machine !== undefined && this.#world.state(machine) === 'running';
  }

  /** Starts the agent, `seconds` from now at the earliest: the cloud has to run it first. */
  boot(): void {
    this.#life += 1;
    const life = this.#life;
    this.#last = undefined;
    this.#live(life).catch((error: unknown) => {
      this.#parts.outside.history.note('machine', this.name, 'breaks', String(error));
      throw error;
    });
  }

  async #sleep(seconds: number, life: number): Promise<void> {
    await this.#parts.outside.time.sleep(seconds);
    if (this.#life !== life || !this.runs) await never;
  }

  async #live(life: number): Promise<void> {
    const { outside } = this.#parts;
    const { time, random, history } = outside;
    // Until it runs; a machine that never does is not asked for ever.
    for (let looks = 0; !this.runs; looks += 1) {
      if (!this.exists || looks > 200 || this.#life !== life) return;
      await time.sleep(5);
    }
    if (this.#life !== life) return;
    if (!this.#isAdmitted) await this.#sleep(random.between(10, 60), life);
    for (let tries = 0; !this.#isAdmitted; tries += 1) {
      const reply = await this.#call<AdmitReply>('admit-node', this.#token, {
        sessionSecret: this.#secret,
        attempt: this.attempt,
      });
      if (this.#life !== life) return;
      if (reply !== undefined) {
        this.#isAdmitted = true;
        await this.#sleep(reply.syncAfterSeconds, life);
      } else await this.#sleep(Math.min(60, 3 * 2 ** tries), life);
    }
    let result: SyncRequest['result'];
    for (;;) {
      const isQuiet = result === undefined && this.#isNothingNew();
      if (isQuiet) {
        await this.#sleep(5, life);
        continue;
      }
      const reply = await this.#call<SyncReply>('answer-node-sync', this.#secret, this.#sync(result));
      if (this.#life !== life) return;
      if (reply === undefined) {
        await this.#sleep(5, life);
        continue;
      }
      result = undefined;
      if (reply.peers !== undefined) this.#meshVersion = reply.meshVersion;
      const { instruction } = reply;
      this.#last = { at: time.nowMs, kind: instruction.kind, seen: this.#sees(instruction.kind) };
      if (this.#hangsAt === instruction.kind && !this.#done.has(instruction.id)) {
        // kubeadm is begun once in a machine's life: after a reboot it is not begun again.
        this.#done.add(instruction.id);
        history.note('machine', this.name, 'hangs at', instruction.id);
        this.#begins(instruction.kind);
        return;
      }
      if (instruction.kind === 'forget-member' && !this.#done.has(instruction.id)) {
        this.#done.add(instruction.id);
        const ok = this.#parts.watch.forgets(this, instruction.endpoint ?? '');
        result = { instructionId: instruction.id, ok };
        continue;
      }
      if (instruction.kind === 'snapshot' && !this.#done.has(instruction.id)) {
        await this.#sleep(random.between(1, 20), life);
        this.#done.add(instruction.id);
        this.#parts.bucket?.add((instruction.endpoint ?? '').replace(bucketUrl, ''));
        result = { instructionId: instruction.id, ok: true };
        continue;
      }
      if (isWork(instruction) && !this.#done.has(instruction.id)) {
        result = await this.#carryOut(instruction, life);
        continue;
      }
      if (this.phase === 'joined') {
        await this.#sleep(random.between(5, 30), life);
        this.#enter('ready');
        continue;
      }
      await this.#sleep(reply.syncAfterSeconds, life);
    }
  }

  async #carryOut(instruction: Instruction, life: number): Promise<SyncRequest['result']> {
    const { outside, watch, bucket } = this.#parts;
    const { random } = outside;
    const { id, kind } = instruction;
    let snapshot: string | undefined;
    if (kind !== 'leave') {
      const body = { attempt: this.attempt, kubernetes: 'v1.36.4' };
      const files = await this.#call<FilesReply>('issue-node-files', this.#secret, body);
      if (files === undefined) {
        // Asked again after the next sync, if it still says so.
        await this.#sleep(5, life);
        return undefined;
      }
      if (this.#life !== life || !this.runs) return never;
      snapshot = files.files[0]?.content.replace(bucketUrl, '');
    }
    outside.history.note('machine', this.name, `node ${this.number}.${this.attempt}`, 'begins', id);
    // On the disk before it begins: kubeadm runs once in a machine's life.
    this.#done.add(id);
    if (kind === 'leave') {
      this.#enter('leaving');
      await this.#sleep(random.between(2, 20), life);
      this.#enter('left');
      return { instructionId: id, ok: true };
    }
    this.#enter('joining');
    this.#begins(kind);
    await this.#sleep(random.between(20, 90), life);
    const hasFailed =
      this.#failsAt === kind ||
      (kind === 'join' && !watch.apiAnswers(this.clusterId)) ||
      (kind === 'restore' && bucket?.has(snapshot ?? '') !== true);
    if (hasFailed) {
      this.#failure = { reason: `kubeadm ${kind} failed`, log: 'simulated' };
      this.#enter('failed');
      return { instructionId: id, ok: false };
    }
    if (kind === 'join' && this.role === 'control-plane') watch.joined(this);
    this.#enter('joined');
    return { instructionId: id, ok: true };
  }

  #begins(kind: Instruction['kind']): void {
    const { watch } = this.#parts;
    if (kind === 'init') watch.beginsInit(this);
    else if (kind === 'restore') watch.beginsRestore(this);
    else if (kind === 'join') watch.beginsJoin(this);
  }

  #enter(phase: AgentPhase): void {
    this.phase = phase;
    this.#last = undefined;
    this.#parts.outside.history.note(
      'machine',
      this.name,
      `node ${this.number}.${this.attempt}`,
      'is',
      phase,
    );
  }

  /** Its cloud says that it will be taken back. */
  interrupt(): void {
    this.interruption = { kind: 'terminate' };
    this.#last = undefined;
  }

  #sync(result: SyncRequest['result']): SyncRequest {
    const machine = this.#world.machine(this.providerId);
    return {
      phase: this.phase,
      addresses: { public: machine?.publicAddress ?? '', private: machine?.privateAddress ?? '' },
      wireguardPublicKey: this.#publicKey,
      meshVersion: this.#meshVersion,
      ...(result === undefined ? {} : { result }),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      ...(this.interruption === undefined ? {} : { interruption: this.interruption }),
    };
  }

  /** What the answer to a sync depends on; stored items are frozen, so the same one says the same. */
  #sees(kind: string): readonly unknown[] {
    const { table } = this.#parts;
    const cluster = table.read(keys.cluster(this.clusterId));
    return [
      table.read(keys.node(this.clusterId, this.number)),
      table.read(keys.mesh(this.clusterId)),
      cluster?.['initNode'],
      cluster?.['joinNode'],
      cluster?.['initialisedAt'],
      kind === 'run' ? undefined : table.revisions.get(keys.cluster(this.clusterId).pk),
    ];
  }

  /**
   * The sync that is due would say what the last one said and be answered the same: it is not sent. Nine in ten are of
   * this kind, and they are most of what a world costs.
   */
  #isNothingNew(): boolean {
    const last = this.#last;
    if (last === undefined || (last.kind !== 'run' && last.kind !== 'wait')) return false;
    const { nowMs } = this.#parts.outside.time;
    const sees = this.#sees(last.kind);
    const changedAt = (sees[1] as { changedAt?: string } | undefined)?.changedAt ?? '1970';
    const secondsMax =
      last.kind === 'wait'
        ? quietSecondsMax.waiting
        : nowMs - Date.parse(changedAt) < movingSeconds * 1000
          ? quietSecondsMax.moving
          : quietSecondsMax.quiet;
    return nowMs - last.at < secondsMax * 1000 && sees.every((part, index) => part === last.seen[index]);
  }

  /** Undefined: refused, lost, or nobody there. */
  async #call<Reply>(functionName: string, bearer: string, body: unknown): Promise<Reply | undefined> {
    const { outside, lambda } = this.#parts;
    const { time, faults, random, history } = outside;
    if (faults.strikes('agentRequestLost')) {
      await time.sleep(random.between(1, callSecondsMax));
      return undefined;
    }
    const call = { clusterId: this.clusterId, number: this.number, bearer, body };
    const answered = lambda.invoke(functionName, call).catch((error: unknown) => {
      history.note('machine', this.name, functionName, 'is not answered:', String(error));
      return undefined;
    });
    const reply = (await Promise.race([answered, time.sleep(callSecondsMax)])) as Reply | undefined;
    return faults.strikes('agentReplyLost') ? undefined : reply;
  }
}

const isWork = ({ kind }: Instruction): boolean => ['init', 'join', 'restore', 'leave'].includes(kind);
