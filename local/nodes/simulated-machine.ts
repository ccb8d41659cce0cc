import { setTimeout as delay } from 'node:timers/promises';
import type {
  AdmitReply,
  FilesReply,
  FilesRequest,
  Instruction,
  SyncReply,
  SyncRequest,
} from '../../shared/domain/node-protocol.ts';
import { agentSettings } from './agent-settings.ts';
import { runKubeadm, type NodeOnDisk } from './kubeadm.ts';
import { downloadSnapshot, uploadSnapshot } from './etcd-snapshot.ts';
import { KubeadmFailed } from './kubeadm-failed.ts';
import { upgradeNode } from './kubeadm-upgrade.ts';
import type { Clusters } from './kubernetes/clusters.ts';
import type { KubernetesObject } from './kubernetes/model.ts';
import { leave } from './leave.ts';
import { addressesOf, meshOf, newDisk, type MachineDisk } from './machine-disk.ts';
import { openMachineNode, type Hardware } from './machine-node.ts';
import { post, type Answer } from './platform-calls.ts';

/** What the machine finds around it. */
export interface MachineSurroundings {
  /** Unique in the world, also among machines that were. */
  readonly key: string;
  readonly userData: string;
  readonly hardware: Hardware;
  /** What its cloud's metadata service says of its place. */
  readonly place: FilesRequest['place'];
  readonly clusters: Clusters;
  addresses(): { readonly public: string; readonly private: string };
  /** What its cloud says of its future. */
  interruption(): SyncRequest['interruption'] | undefined;
  loadDisk(): Partial<MachineDisk> | undefined;
  saveDisk(disk: MachineDisk): void;
  /** Real milliseconds for unscaled seconds: kubeadm takes its time, as much faster as the clouds are. */
  readonly scaled: (seconds: number) => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** What a person can make a machine do, for tests: fail at an instruction, or hang and say nothing more. */
export interface Misbehaviour {
  readonly failAt?: Instruction['kind'];
  readonly hangAt?: Instruction['kind'];
  /** Only the first so many that boot under the name; absent: all. */
  readonly machines?: number;
}

const snapshotUrlPath = '/etc/overcast/snapshot.url';
/** Unscaled seconds. */
const installSeconds = 30;
/** How soon a watcher sees what the cloud says of the machine's future. */
const noticeSeconds = 2;
/** How often a control plane looks which pods fit nowhere, and how many it counts. */
const unschedulableSeconds = 15;
const unschedulablePodsMax = 500;
const backoffSeconds = { first: 5, max: 60 } as const;

/**
 * A machine with the agent on it, as the protocol sees one: makes its secret and key and keeps them before its first call,
 * is admitted once, then does what each sync says, never the same instruction twice. What the agent starts on a real
 * machine is simulated by what checks as strictly: kubeadm, an API server, a kubelet.
 */
export async function runSimulatedMachine(
  surroundings: MachineSurroundings,
  misbehaviour: () => Misbehaviour,
): Promise<void> {
  const { signal, log, clusters } = surroundings;
  const settings = agentSettings(surroundings.userData);
  const { clusterId, overlayAddress } = settings;
  let disk: MachineDisk = { ...newDisk(), ...surroundings.loadDisk() };
  const keep = (change: Partial<MachineDisk>): void => {
    disk = { ...disk, ...change };
    surroundings.saveDisk(disk);
  };
  keep({});
  const sleep = (seconds: number): Promise<void> =>
    delay(surroundings.scaled(seconds), undefined, { signal });
  const call = (path: string, bearer: string, body: unknown): Promise<Answer> =>
    post(`${settings.api}/v1/clusters/${clusterId}/nodes/${settings.number}/${path}`, bearer, body, signal);
  const node = openMachineNode({
    clusters,
    clusterId,
    overlayAddress,
    key: surroundings.key,
    publicAddress: () => surroundings.addresses().public,
    hardware: surroundings.hardware,
    peers: () => disk.peers,
    endpoints: () => disk.endpoints,
  });

  /** What is kept on the disk is what the next step goes on from, whenever this one was cut off. */
  const makeNode = async (verb: 'init' | 'join' | 'restore', instruction: Instruction): Promise<Outcome> => {
    if (disk.meshVersion === 0) return 'later';
    if (disk.node === undefined) {
      const answer = await call('files', disk.sessionSecret, {
        attempt: settings.attempt,
        kubernetes: settings.kubernetes,
        ...(surroundings.place === undefined ? {} : { place: surroundings.place }),
      } satisfies FilesRequest);
      // The instruction comes again with the next sync; by then it may be another one.
      if (answer.status !== 200) {
        log(`files: ${answer.status} ${JSON.stringify(answer.body)}`);
        return 'later';
      }
      keep({ files: { ...disk.files, ...filesIn(answer.body as FilesReply) } });
    }
    keep({
      phase: 'joining',
      endpoints: verb === 'join' ? addressesOf(instruction.endpoint ?? '') : [overlayAddress],
    });
    await runKubeadm(verb, {
      machine: { ...settings, files: disk.files, now: Date.now() },
      key: surroundings.key,
      clusters,
      resumed: disk.node,
      connect: node.connect,
      sleep,
      become: (made) => {
        keep({ node: made });
        node.start(made);
      },
      nodeObject: node.nodeObject,
      snapshot: () => downloadSnapshot(disk.files[snapshotUrlPath] ?? '', signal),
    });
    return {
      phase: 'joined',
      ...(settings.role === 'worker' ? {} : { endpoints: [overlayAddress] }),
    };
  };

  const handOver = async (): Promise<Outcome> => {
    keep({ phase: 'leaving' });
    if (disk.node !== undefined) {
      const api = node.connect(disk.node.caCertificatePem, disk.node.kubelet);
      await leave(disk.node.registration.name, api, { scaled: surroundings.scaled, sleep, log });
      api.close();
    }
    return { phase: 'left' };
  };

  /** The plugs are pulled and put back: API server and kubelet start anew. */
  const upgrade = async (
    { reason = '' }: Instruction,
    before: NodeOnDisk,
  ): Promise<{ readonly ok: boolean; readonly output?: string }> => {
    try {
      if (misbehaviour().failAt === 'upgrade') throw new KubeadmFailed('simulated: upgrade was made to fail');
      const upgraded = await upgradeNode({
        wanted: reason,
        node: before,
        objects: () => clusters.objects(clusterId),
        sleep,
      });
      keep({ node: upgraded });
      node.start(upgraded);
      return { ok: true };
    } catch (error) {
      if (!(error instanceof KubeadmFailed)) throw error;
      log(`upgrade: ${error.message}`);
      return { ok: false, output: error.message };
    }
  };

  const live = async (): Promise<void> => {
    if (disk.node !== undefined) node.start(disk.node);
    if (!disk.admitted) await sleep(installSeconds);
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

    let heardOf: string | undefined;
    let isKnown = true;
    /** Ends early when the cloud has said something new. */
    const pause = async (seconds: number): Promise<void> => {
      for (let left = seconds; left > 0; left -= noticeSeconds) {
        if (surroundings.interruption()?.kind !== heardOf) return;
        await sleep(Math.min(left, noticeSeconds));
      }
    };
    let unschedulable: Pick<SyncRequest, 'unschedulablePods'> = {};
    let lookedAt = -Infinity;
    const look = (): void => {
      if (settings.role === 'worker' || disk.phase !== 'ready') return;
      if (Date.now() - lookedAt < surroundings.scaled(unschedulableSeconds)) return;
      lookedAt = Date.now();
      const pods = clusters.objects(clusterId)?.list('pods').filter(isUnschedulable) ?? [];
      unschedulable = { unschedulablePods: Math.min(pods.length, unschedulablePodsMax) };
    };

    let result: SyncRequest['result'] | undefined;
    let backoff: number = backoffSeconds.first;
    const later = async (): Promise<void> => {
      await sleep(backoff);
      backoff = Math.min(backoff * 2, backoffSeconds.max);
    };
    while (!signal.aborted) {
      if (disk.phase === 'joined' && disk.node !== undefined && (await node.isReady(disk.node)))
        keep({ phase: 'ready' });
      const interruption = surroundings.interruption();
      look();
      const answer = await call('sync', disk.sessionSecret, {
        phase: disk.phase,
        addresses: surroundings.addresses(),
        wireguardPublicKey: disk.wireguardPublicKey,
        meshVersion: disk.meshVersion,
        ...(result === undefined ? {} : { result }),
        ...(disk.failure === undefined ? {} : { failure: disk.failure }),
        ...(interruption === undefined ? {} : { interruption }),
        ...unschedulable,
      } satisfies SyncRequest);
      if (answer.status !== 200) {
        log(`sync: ${answer.status} ${JSON.stringify(answer.body)}`);
        await later();
        continue;
      }
      result = undefined;
      heardOf = interruption?.kind;
      const reply = answer.body as SyncReply;
      const { instruction } = reply;
      const mesh = meshOf(reply);
      if (Object.keys(mesh).length > 0) keep(mesh);
      const { kind, id, endpoint } = instruction;
      if (kind === 'run' && endpoint !== undefined && settings.role === 'worker') {
        keep({ endpoints: addressesOf(endpoint) });
        // Behind new control planes may be a cluster from before this node joined.
        isKnown = false;
      }
      if (!isKnown && disk.phase === 'ready' && disk.node !== undefined)
        isKnown = await node.registerAgain(disk.node);
      if (misbehaviour().hangAt === kind) return;
      try {
        // An upgrade that fails is told, and leaves the machine as it is.
        if (misbehaviour().failAt === kind && disk.failure === undefined && kind !== 'upgrade')
          throw new KubeadmFailed(`simulated: ${kind} was made to fail`);
        if (kind === 'forget-member' && !disk.done.includes(id)) {
          keep({ done: [...disk.done, id] });
          const ok = clusters.removeMember(clusterId, endpoint ?? '');
          result = { instructionId: id, ok, ...(!ok && { output: 'etcdserver: request timed out' }) };
          continue;
        }
        if (kind === 'snapshot' && !disk.done.includes(id)) {
          const objects = clusters.dump(clusterId);
          result = { instructionId: id, ...(await uploadSnapshot(endpoint ?? '', objects, signal)) };
          keep({ done: [...disk.done, id] });
          continue;
        }
        if (kind === 'upgrade' && !disk.done.includes(id) && disk.node !== undefined) {
          result = { instructionId: id, ...(await upgrade(instruction, disk.node)) };
          keep({ done: [...disk.done, id] });
          continue;
        }
        if (!isWork(kind) || disk.done.includes(id) || disk.phase === 'failed') {
          backoff = backoffSeconds.first;
          // What is about to change is looked at soon.
          await pause(disk.phase === 'joined' ? Math.min(5, reply.syncAfterSeconds) : reply.syncAfterSeconds);
          continue;
        }
        const outcome = await (kind === 'leave' ? handOver() : makeNode(kind, instruction));
        if (outcome === 'later') {
          await later();
          continue;
        }
        keep({ ...outcome, done: [...disk.done, id] });
        result = { instructionId: id, ok: true };
      } catch (error) {
        if (!(error instanceof KubeadmFailed)) throw error;
        log(`kubeadm ${kind}: ${error.message}`);
        keep({ phase: 'failed', failure: { reason: `kubeadm ${kind} failed`, log: error.message } });
      }
    }
  };

  try {
    await live();
  } finally {
    node.stop();
  }
}

/** What changes on the disk with an instruction that was carried out. */
type Outcome = 'later' | Partial<MachineDisk>;

/** As the scheduler writes it. */
const isUnschedulable = (pod: KubernetesObject): boolean =>
  (
    pod['status'] as { readonly conditions?: readonly { readonly reason?: string }[] } | undefined
  )?.conditions?.some(({ reason }) => reason === 'Unschedulable') === true;

const isWork = (kind: Instruction['kind']): kind is 'init' | 'join' | 'restore' | 'leave' =>
  kind === 'init' || kind === 'join' || kind === 'restore' || kind === 'leave';

/** @throws KubeadmFailed for a file where the agent would not write one. */
const filesIn = ({ files }: FilesReply): Readonly<Record<string, string>> =>
  Object.fromEntries(
    files.map(({ path, mode, content }) => {
      if (!/^\/(?:etc\/kubernetes|etc\/overcast|var\/lib\/kubelet)\/[^.]/.test(path) || path.includes('/../'))
        throw new KubeadmFailed(`a file has no place at ${path}`);
      if (!/^0[0-7]{3}$/.test(mode)) throw new KubeadmFailed(`${path}: mode ${mode}`);
      return [path, content];
    }),
  );
