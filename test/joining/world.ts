import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { answerSync } from '../../functions/answer-node-sync/answer.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { attemptsMax, overlayAddress, type Node } from '../../shared/domain/node.ts';
import type { AgentPhase, SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import { withoutMember } from '../../shared/planning/wireguard-peers.ts';
import { aCluster, exampleTime } from '../builders/cluster.ts';
import { aNode, anOffering } from '../builders/node.ts';
import { recordingBus, silentLog } from '../builders/platform.ts';
import { memoryStore, type Items } from './memory-store.ts';

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One machine, as its agent is: it keeps what it did, carries an instruction out once, and is believed by its session. */
interface Machine {
  readonly number: number;
  readonly attempt: number;
  readonly role: Node['role'];
  readonly secret: string;
  readonly key: string;
  isAlive: boolean;
  address: number;
  phase: AgentPhase;
  meshVersion: number;
  kubeadm?: 'init' | 'join';
  sent: SyncRequest[];
}

/** The function was cut off: its caller hears nothing. */
class Cut extends Error {
  override readonly name = 'Cut';
}

/**
 * Machines that begin together, with the real answer-node-sync between them and a table in memory. Whoever walks through it
 * decides what happens next; whatever must never be so is checked at every step.
 */
export class JoiningWorld {
  readonly #random: () => number;
  readonly #items: Items;
  readonly #machines: Machine[] = [];
  readonly #waiting: { go: () => void; cut: () => void }[] = [];
  readonly #bus = recordingBus('overcast.answer-node-sync');
  #now = exampleTime;
  #nextNumber = 1;
  #addresses = 0;
  #initialised: string | undefined;
  #broken: unknown;
  /** What happened, for whoever reads a failure. */
  readonly story: string[] = [];

  constructor(options: { random: () => number; controlPlanes: number; workers: number }) {
    this.#random = options.random;
    const cluster = aCluster({ id: '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d' });
    this.#items = {
      cluster,
      nodes: new Map(),
      mesh: { clusterId: cluster.id, version: 0, members: [] },
      turn: () =>
        new Promise((go, reject) => {
          this.#waiting.push({ go, cut: () => reject(new Cut('cut off')) });
        }),
    };
    for (let index = 0; index < options.controlPlanes; index += 1) this.#plan('control-plane');
    for (let index = 0; index < options.workers; index += 1) this.#plan('worker');
  }

  /** One thing that may happen at any time. */
  async anything(): Promise<void> {
    const dice = this.#random();
    if (this.#waiting.length > 0 && dice < 0.6) return this.#letOneGo();
    if (dice < 0.8) this.#sync(this.#pick(this.#living()));
    else if (dice < 0.83) this.#repeat(this.#pick(this.#machines));
    else if (dice < 0.89) this.#endKubeadm(this.#pick(this.#living()), this.#random() < 0.85);
    else if (dice < 0.93) this.#platform(this.#pick([...this.#items.nodes.values()]));
    else if (dice < 0.945) this.#kill(this.#pick(this.#living()));
    else if (dice < 0.955) this.#giveUp(this.#pick(this.#living()));
    else if (dice < 0.965) this.#reboot(this.#pick(this.#living()));
    else this.#pass(dice < 0.998 ? 1 + this.#random() * 10 : 700);
    await setImmediate();
  }

  /** Nothing goes wrong any more: replies arrive, what runs succeeds, dead machines are replaced. */
  async goesWell(roundsMax: number): Promise<boolean> {
    for (let round = 0; round < roundsMax; round += 1) {
      for (const machine of this.#living()) {
        this.#sync(machine, true);
        while (this.#waiting.length > 0) await this.#letOneGo(true);
      }
      for (const machine of this.#living()) this.#endKubeadm(machine, true);
      for (const node of this.#items.nodes.values()) this.#platform(node);
      this.#pass(3);
      if (this.missing().length === 0) return true;
    }
    return false;
  }

  /** Nodes that are wanted and not there. */
  missing(): readonly string[] {
    return [...this.#items.nodes.values()]
      .filter(({ phase, desired }) => phase !== 'deleted' && desired === 'present')
      .filter(({ joinedAt, failure }) => joinedAt === undefined || failure !== undefined)
      .map(({ number, attempt, phase }) => `${number}/${attempt} ${phase}`);
  }

  /** Initialised, and no control plane is left that ever joined: nothing but a snapshot helps. */
  isLost(): boolean {
    return this.#items.cluster.initialisedAt !== undefined && this.#serving().length === 0;
  }

  describe(): string {
    const { initNode, initAttempt, initialisedAt, joinNode, joinAttempt } = this.#items.cluster;
    return JSON.stringify({
      claim: { initNode, initAttempt, initialisedAt, joinNode, joinAttempt },
      mesh: this.#items.mesh.version,
      missing: this.missing(),
      machines: this.#living().map(({ number, attempt, phase }) => `${number}/${attempt} ${phase}`),
      story: this.story.slice(-40),
    });
  }

  #plan(role: Node['role']): void {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const { id } = this.#items.cluster;
    this.#items.nodes.set(number, aNode({ clusterId: id, number, role, phase: 'creating' }));
    this.#boot(number);
  }

  /** ProvisionNode's next attempt: a new machine, admitted with a session of its own. */
  #boot(number: number): void {
    const { id, clusterId, role } = this.#node(number);
    const attempt = this.#node(number).attempt + 1;
    const secret = createHash('sha256').update(`${number}-${attempt}`).digest('hex');
    this.#items.nodes.set(
      number,
      aNode({
        id,
        clusterId,
        number,
        role,
        attempt,
        phase: 'booting',
        createRequest: {
          attempt,
          offering: anOffering(),
          kubernetesVersion: '1.36',
          tokenExpiresAt: 0,
          requestedAt: this.#now,
        },
        sessionHash: createHash('sha256').update(secret).digest('hex'),
        lastSeenAt: this.#now,
      }),
    );
    this.#machines.push({
      number,
      attempt,
      role,
      secret,
      key: createHash('sha256').update(secret).digest('base64'),
      isAlive: true,
      address: this.#newAddress(),
      phase: 'booting',
      meshVersion: 0,
      sent: [],
    });
    this.story.push(`${number}/${attempt} boots`);
  }

  #sync(machine: Machine | undefined, arrives = this.#random() < 0.85): void {
    if (machine === undefined) return;
    const body: SyncRequest = {
      phase: machine.phase,
      addresses: {
        public: `198.51.${machine.address >> 8}.${machine.address & 255}`,
        private: `10.10.0.${machine.number}`,
      },
      wireguardPublicKey: machine.key,
      meshVersion: machine.meshVersion,
      ...(machine.phase === 'failed' && { failure: { reason: 'kubeadm failed' } }),
    };
    machine.sent.push(body);
    void this.#call(machine, body, arrives);
  }

  /** A request that the network kept back, or sent twice; nobody waits for its answer. */
  #repeat(machine: Machine | undefined): void {
    const body = machine === undefined ? undefined : this.#pick(machine.sent);
    if (machine !== undefined && body !== undefined) void this.#call(machine, body, false);
  }

  async #call(machine: Machine, body: SyncRequest, arrives: boolean): Promise<void> {
    const answer = answerSync({
      store: memoryStore(this.#items),
      bus: this.#bus,
      clock: { now: () => this.#now },
      log: silentLog,
    });
    const { number, secret } = machine;
    try {
      const reply = await answer({ clusterId: this.#items.cluster.id, number, bearer: secret, body });
      if (arrives && machine.isAlive) this.#follow(machine, reply);
    } catch (error) {
      const isExpected = error instanceof Error && ['Cut', 'NodeCallRefused'].includes(error.name);
      if (!isExpected) this.#broken = error;
    }
  }

  #follow(machine: Machine, { instruction, meshVersion, peers }: SyncReply): void {
    if (peers !== undefined) machine.meshVersion = meshVersion;
    const { kind } = instruction;
    if ((kind !== 'init' && kind !== 'join') || machine.kubeadm !== undefined) return;
    machine.kubeadm = kind;
    machine.phase = 'joining';
    this.story.push(`${machine.number}/${machine.attempt} begins to ${kind}`);
  }

  #endKubeadm(machine: Machine | undefined, isGood: boolean): void {
    if (machine === undefined) return;
    if (machine.phase === 'joined') machine.phase = 'ready';
    if (machine.phase !== 'joining') return;
    machine.phase = isGood ? 'joined' : 'failed';
    this.story.push(`${machine.number}/${machine.attempt} is ${machine.phase}`);
  }

  #kill(machine: Machine | undefined): void {
    if (machine === undefined || this.#isLast(machine)) return;
    machine.isAlive = false;
    this.story.push(`${machine.number}/${machine.attempt} dies`);
  }

  /** ProvisionNode has waited long enough for a machine that may do well all the same. */
  #giveUp(machine: Machine | undefined): void {
    const node = machine === undefined ? undefined : this.#node(machine.number);
    if (node === undefined || node.attempt !== machine?.attempt || node.joinedAt !== undefined) return;
    this.#items.nodes.set(node.number, { ...node, failure: { reason: 'took too long' } });
    this.story.push(`${node.number}/${node.attempt} is given up`);
  }

  /** It comes back with another public address. */
  #reboot(machine: Machine | undefined): void {
    if (machine !== undefined) machine.address = this.#newAddress();
  }

  /** What ProvisionNode and RetireNode do next about a node whose machine failed or is gone: one write at a time. */
  #platform(node: Node | undefined): void {
    if (node === undefined || node.phase === 'deleted') return;
    const { number, attempt, phase, createRequest, desired, joinedAt, failure } = node;
    const machine = this.#machines.find((each) => each.number === number && each.attempt === attempt);
    if (desired === 'absent' || phase === 'failed') {
      if (machine !== undefined) machine.isAlive = false;
      this.#items.nodes.set(number, { ...node, desired: 'absent', phase: 'deleted' });
      const members = withoutMember(this.#items.mesh, number);
      if (members !== undefined)
        this.#items.mesh = { ...this.#items.mesh, version: this.#items.mesh.version + 1, members };
      this.story.push(`${number}/${attempt} is deleted`);
      this.#plan(node.role);
    } else if (createRequest === undefined) {
      if (attempt < attemptsMax) this.#boot(number);
      else this.#items.nodes.set(number, { ...node, phase: 'failed' });
    } else if (joinedAt !== undefined) {
      if (machine?.isAlive === false) this.#items.nodes.set(number, { ...node, desired: 'absent' });
    } else if (failure !== undefined && machine !== undefined) {
      // The attempt ends: nothing of its machine is left, and nothing that it brought.
      machine.isAlive = false;
      const { id, clusterId, role } = node;
      this.#items.nodes.set(
        number,
        aNode({ id, clusterId, number, role, attempt, phase: 'creating', failure }),
      );
      this.story.push(`${number}/${attempt} ends`);
    } else if (machine?.isAlive === false)
      this.#items.nodes.set(number, { ...node, failure: { reason: 'was not heard of' } });
  }

  async #letOneGo(isFair = false): Promise<void> {
    const index = Math.floor(this.#random() * this.#waiting.length);
    const [call] = this.#waiting.splice(index, 1);
    if (!isFair && this.#random() < 0.01) call?.cut();
    else call?.go();
    // Whoever goes on asks for its next turn, or ends, before anything else happens.
    await setImmediate();
    this.#check();
  }

  /** What must never be so. */
  #check(): void {
    const { initialisedAt } = this.#items.cluster;
    if (this.#initialised !== undefined && initialisedAt !== this.#initialised)
      throw new Error('initialised twice');
    this.#initialised = initialisedAt;
    const trusted = this.#living().filter((machine) => this.#isTrusted(machine));
    const initialising = trusted.filter(({ kubeadm }) => kubeadm === 'init');
    if (initialising.length > 1) throw new Error('two machines were told to init');
    if (
      initialisedAt !== undefined &&
      initialising.some((machine) => this.#node(machine.number).joinedAt === undefined)
    )
      throw new Error('a machine was told to init after the cluster was initialised');
    const joining = trusted.filter(
      ({ role, kubeadm, number }) =>
        role === 'control-plane' && kubeadm === 'join' && this.#node(number).joinedAt === undefined,
    );
    if (joining.length > 1) throw new Error('two control planes join at once');
    if (this.#broken !== undefined) throw new Error('a sync broke', { cause: this.#broken });
  }

  /** The platform still counts on it: it is its node's machine and was not given up. */
  #isTrusted({ number, attempt }: Machine): boolean {
    const node = this.#node(number);
    return node.attempt === attempt && node.failure === undefined && node.phase !== 'deleted';
  }

  #serving(): readonly Machine[] {
    return this.#living().filter((machine) => {
      const node = this.#node(machine.number);
      return (
        machine.role === 'control-plane' &&
        this.#isTrusted(machine) &&
        node.joinedAt !== undefined &&
        node.desired === 'present'
      );
    });
  }

  #isLast(machine: Machine): boolean {
    const serving = this.#serving();
    return serving.length === 1 && serving[0] === machine;
  }

  #living(): readonly Machine[] {
    return this.#machines.filter(({ isAlive }) => isAlive);
  }

  #node(number: number): Node {
    const node = this.#items.nodes.get(number);
    if (node === undefined) throw new Error(`no node ${number} at ${overlayAddress(number)}`);
    return node;
  }

  #newAddress(): number {
    this.#addresses += 1;
    return this.#addresses;
  }

  #pass(seconds: number): void {
    this.#now = plusSeconds(this.#now, seconds);
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}
