import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  AdmitReply,
  AgentPhase,
  Instruction,
  SyncReply,
  SyncRequest,
} from '../../shared/domain/node-protocol.ts';
import { agentSettings } from './agent-settings.ts';

/** What a machine keeps on its disk: it survives a reboot, and the local platform's restart. */
export interface MachineDisk {
  readonly sessionSecret: string;
  readonly wireguardPublicKey: string;
  readonly admitted: boolean;
  readonly phase: AgentPhase;
  readonly meshVersion: number;
  /** Instructions that were carried out: none is carried out twice. */
  readonly done: readonly string[];
}

/** What the machine finds around it. */
export interface MachineSurroundings {
  readonly userData: string;
  addresses(): { readonly public: string; readonly private: string };
  /** What its cloud says of its future. */
  interruption(): SyncRequest['interruption'] | undefined;
  loadDisk(): MachineDisk | undefined;
  saveDisk(disk: MachineDisk): void;
  /** Real milliseconds for unscaled seconds: kubeadm takes its time, as much faster as the clouds are. */
  scaled(seconds: number): number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** What a person can make a machine do, for tests: fail at an instruction, or hang and say nothing more. */
export interface Misbehaviour {
  readonly failAt?: Instruction['kind'];
  readonly hangAt?: Instruction['kind'];
}

/** Unscaled seconds that the real thing takes, about. */
const workSeconds = { installPackages: 30, init: 40, join: 25, becomeReady: 15, leave: 10 } as const;
const callSecondsMax = 30;

/**
 * A machine with the agent on it, as the protocol sees one: makes its secret and key and keeps them before its first call,
 * is admitted once, then does what each sync says, never the same instruction twice.
 */
export async function runSimulatedMachine(
  surroundings: MachineSurroundings,
  misbehaviour: () => Misbehaviour,
): Promise<void> {
  const { signal, log } = surroundings;
  const settings = agentSettings(surroundings.userData);
  let disk = surroundings.loadDisk() ?? newDisk();
  const keep = (change: Partial<MachineDisk>): void => {
    disk = { ...disk, ...change };
    surroundings.saveDisk(disk);
  };
  keep({});
  const sleep = (seconds: number): Promise<void> =>
    delay(surroundings.scaled(seconds), undefined, { signal });
  const call = (path: string, bearer: string, body: unknown): Promise<Answer> =>
    post(
      `${settings.api}/v1/clusters/${settings.clusterId}/nodes/${settings.number}/${path}`,
      bearer,
      body,
      signal,
    );

  if (!disk.admitted) await sleep(workSeconds.installPackages);
  for (let tries = 0; !disk.admitted; tries += 1) {
    const answer = await call('admit', settings.token, {
      sessionSecret: disk.sessionSecret,
      attempt: settings.attempt,
    });
    if (answer.status === 200) {
      keep({ admitted: true });
      await sleep((answer.body as AdmitReply).syncAfterSeconds);
    } else {
      log(`admit: ${answer.status} ${JSON.stringify(answer.body)}`);
      await sleep(Math.min(60, 3 * 2 ** tries));
    }
  }

  let result: SyncRequest['result'] | undefined;
  let failure: SyncRequest['failure'] | undefined;
  while (!signal.aborted) {
    const interruption = surroundings.interruption();
    const sync: SyncRequest = {
      phase: disk.phase,
      addresses: surroundings.addresses(),
      wireguardPublicKey: disk.wireguardPublicKey,
      meshVersion: disk.meshVersion,
      ...(result === undefined ? {} : { result }),
      ...(failure === undefined ? {} : { failure }),
      ...(interruption === undefined ? {} : { interruption }),
    };
    const answer = await call('sync', disk.sessionSecret, sync);
    if (answer.status !== 200) {
      log(`sync: ${answer.status} ${JSON.stringify(answer.body)}`);
      await sleep(5);
      continue;
    }
    result = undefined;
    const reply = answer.body as SyncReply;
    if (reply.peers !== undefined) keep({ meshVersion: reply.meshVersion });
    const { instruction } = reply;
    if (misbehaviour().hangAt === instruction.kind) return;
    if (misbehaviour().failAt === instruction.kind && failure === undefined) {
      failure = {
        reason: `kubeadm ${instruction.kind} failed`,
        log: `simulated: ${instruction.kind} was made to fail`,
      };
      keep({ phase: 'failed' });
      continue;
    }
    if (isWork(instruction) && !disk.done.includes(instruction.id)) {
      keep(await carryOut(instruction, disk, { sleep, keep }));
      result = { instructionId: instruction.id, ok: true };
      continue;
    }
    if (disk.phase === 'joined') {
      await sleep(workSeconds.becomeReady);
      keep({ phase: 'ready' });
      continue;
    }
    await sleep(reply.syncAfterSeconds);
  }
}

const isWork = ({ kind }: Instruction): boolean => kind === 'init' || kind === 'join' || kind === 'leave';

async function carryOut(
  instruction: Instruction,
  disk: MachineDisk,
  {
    sleep,
    keep,
  }: { sleep: (seconds: number) => Promise<void>; keep: (change: Partial<MachineDisk>) => void },
): Promise<Partial<MachineDisk>> {
  const done = [...disk.done, instruction.id];
  if (instruction.kind === 'leave') {
    keep({ phase: 'leaving' });
    await sleep(workSeconds.leave);
    return { phase: 'left', done };
  }
  keep({ phase: 'joining' });
  await sleep(instruction.kind === 'init' ? workSeconds.init : workSeconds.join);
  return { phase: 'joined', done };
}

/** X25519 is what WireGuard's keys are; the last 32 bytes of the key's SPKI form are the key itself. */
const newDisk = (): MachineDisk => ({
  sessionSecret: randomBytes(32).toString('hex'),
  wireguardPublicKey: generateKeyPairSync('x25519')
    .publicKey.export({ type: 'spki', format: 'der' })
    .subarray(-32)
    .toString('base64'),
  admitted: false,
  phase: 'booting',
  meshVersion: 0,
  done: [],
});

interface Answer {
  /** 0: nobody answered. */
  readonly status: number;
  readonly body: unknown;
}

async function post(url: string, bearer: string, body: unknown, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(callSecondsMax * 1000)]),
    });
    const text = await response.text();
    try {
      return { status: response.status, body: JSON.parse(text) as unknown };
    } catch {
      return { status: response.status === 200 ? 502 : response.status, body: text.slice(0, 200) };
    }
  } catch (error) {
    if (signal.aborted) throw error;
    // The platform is not there: an agent goes on asking for as long as its machine lives.
    return { status: 0, body: error instanceof Error ? error.message : String(error) };
  }
}
