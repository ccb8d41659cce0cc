import { duplexPair, type Duplex } from 'node:stream';
import type { Collection, Disk } from '../../disk.ts';
import type { CertificatePair } from '../certificates.ts';
import { createClusterApi, type ClusterApi } from './api-server.ts';
import { startControllers, type Controllers } from './controllers/index.ts';
import { startKubelet, type Kubelet, type KubeletNode } from './kubelet/index.ts';
import type { ClusterClock, ClusterObjects, KubernetesObject } from './model.ts';
import { createClusterObjects } from './objects.ts';
import type { TakeConnection } from './proxy.ts';

/** A control plane machine whose API server runs. */
export interface ServingMachine {
  readonly machine: string;
  readonly overlayAddress: string;
  readonly publicAddress: string;
  readonly authority: CertificatePair;
  readonly serving: CertificatePair;
  /** Whether its WireGuard knows the way back to this overlay address. */
  readonly reaches: (overlayAddress: string) => boolean;
}

/** A machine whose etcd is, or was, one of a cluster's. */
export interface Member {
  readonly machine: string;
  readonly overlayAddress: string;
}

/** What etcd keeps: an object under each key. */
export type StoredObjects = readonly (readonly [key: string, object: KubernetesObject])[];

/** What the machines of all simulated clusters have together: each cluster's etcd, API servers, controllers and kubelets. */
export interface Clusters {
  /** A new etcd with this machine as its only member. Again by the same machine: the one it has. @throws for another's */
  found(clusterId: string, member: Member): ClusterObjects;
  /** A new etcd of this machine alone, with what an older one held. @throws while a disk of another one is there */
  restore(clusterId: string, member: Member, held: StoredObjects): ClusterObjects;
  /** Another control plane joins; false: etcd has no quorum that could take it in. */
  addMember(clusterId: string, member: Member): boolean;
  /** Strikes a machine off that may be long gone, never the last one; false: there is no quorum for it. */
  removeMember(clusterId: string, overlayAddress: string): boolean;
  objects(clusterId: string): ClusterObjects | undefined;
  /** All that its etcd holds, as it is kept on the disk. */
  dump(clusterId: string): StoredObjects;
  /** Starts the machine's API server; what it answers rests on the quorum. Returns what pulls its plug. */
  serve(clusterId: string, machine: ServingMachine): () => void;
  /** Starts a Node's kubelet. Returns what pulls its plug. */
  runKubelet(clusterId: string, node: KubeletNode): () => void;
  /** A new connection from a machine to the API server at an overlay address; undefined when nobody is reached there. */
  dial(clusterId: string, from: string, overlayAddress: string): Duplex | undefined;
  /** Who answers at a public address. */
  lead(publicAddress: string): TakeConnection | undefined;
  /** The machine's disk is gone, and with the last control plane's all that the cluster knew. Members do not go by that. */
  forget(machine: string): void;
  close(): Promise<void>;
}

interface RunningCluster {
  readonly objects: ClusterObjects;
  /** Nothing is written after this. */
  readonly seal: () => void;
  readonly api: ClusterApi;
  /** While there is a quorum. */
  controllers?: Controllers;
  readonly serving: Map<string, { readonly machine: ServingMachine; readonly sockets: Set<Duplex> }>;
}

/** One that runs says nothing while nobody could write it down. */
interface PluggedKubelet {
  readonly node: KubeletNode;
  running?: Kubelet;
}

interface StoredCluster {
  /** As etcd counts them: also machines that are no more. */
  readonly members: readonly Member[];
  /** Machines whose disks hold it. */
  readonly disks: readonly string[];
}

/** `etcdutl snapshot restore --bump-revision`: nobody has seen a later version than any that comes now. */
const versionJump = 1_000_000_000;

const folderOf = (clusterId: string): string => `objects/${clusterId}`;

/** What was under way when the power went (a certificate being signed) writes to no disk any more. */
function sealable(collection: Collection<KubernetesObject>): {
  collection: Collection<KubernetesObject>;
  seal: () => void;
} {
  let sealed = false;
  return {
    collection: {
      ...collection,
      get size() {
        return collection.size;
      },
      set: (key, value) => {
        if (!sealed) collection.set(key, value);
      },
      delete: (key) => !sealed && collection.delete(key),
    },
    seal: () => {
      sealed = true;
    },
  };
}

export function createClusters(options: {
  readonly disk: Disk;
  readonly clock: ClusterClock;
  readonly log: (line: string) => void;
}): Clusters {
  const { disk, clock } = options;
  const stored: Collection<StoredCluster> = disk.collection('clusters');
  const running = new Map<string, RunningCluster>();
  const kubelets = new Map<string, Map<string, PluggedKubelet>>();
  const closing = new Set<Promise<void>>();

  const membersOf = (clusterId: string): readonly Member[] => stored.get(clusterId)?.members ?? [];
  const isMember = (clusterId: string, machine: string): boolean =>
    membersOf(clusterId).some((member) => member.machine === machine);
  /** More than half of etcd's members run. */
  const hasQuorum = (clusterId: string): boolean => {
    const members = membersOf(clusterId);
    const serving = running.get(clusterId)?.serving;
    return members.filter(({ machine }) => serving?.has(machine)).length * 2 > members.length;
  };

  const open = (clusterId: string): RunningCluster | undefined => {
    const known = running.get(clusterId);
    if (known !== undefined || stored.get(clusterId) === undefined) return known;
    const log = (line: string): void => options.log(`${clusterId.slice(0, 8)} ${line}`);
    const { collection, seal } = sealable(disk.collection<KubernetesObject>(folderOf(clusterId)));
    const objects = createClusterObjects({ collection, clock });
    const hooks = { hasQuorum: () => hasQuorum(clusterId) };
    const opened: RunningCluster = {
      objects,
      seal,
      api: createClusterApi({ clusterId, objects, clock, hooks, log }),
      serving: new Map(),
    };
    running.set(clusterId, opened);
    return opened;
  };

  const pluggedIn = (clusterId: string): Map<string, PluggedKubelet> => {
    const known = kubelets.get(clusterId) ?? new Map<string, PluggedKubelet>();
    kubelets.set(clusterId, known);
    return known;
  };
  const fallSilent = (clusterId: string, cluster: RunningCluster): void => {
    cluster.controllers?.stop();
    delete cluster.controllers;
    for (const plugged of pluggedIn(clusterId).values()) {
      plugged.running?.stop();
      delete plugged.running;
    }
  };

  /** Controllers decide and kubelets report while there is a quorum; without one pods run on where they are. */
  const settle = (clusterId: string): void => {
    const cluster = running.get(clusterId);
    if (cluster === undefined) return;
    const [first] = cluster.serving.values();
    if (first === undefined || !hasQuorum(clusterId)) return fallSilent(clusterId, cluster);
    const { objects } = cluster;
    for (const plugged of pluggedIn(clusterId).values())
      plugged.running ??= startKubelet({ objects, clock, node: plugged.node, log: options.log });
    cluster.controllers ??= startControllers({
      objects,
      clock,
      hooks: {
        isNodeAlive: (name) => pluggedIn(clusterId).has(name),
        authority: first.machine.authority,
      },
      log: options.log,
    });
  };

  const shut = async (clusterId: string): Promise<void> => {
    const cluster = running.get(clusterId);
    if (cluster === undefined) return;
    running.delete(clusterId);
    fallSilent(clusterId, cluster);
    for (const { sockets } of cluster.serving.values()) for (const socket of sockets) socket.destroy();
    cluster.seal();
    await cluster.api.close();
  };

  const remove = (clusterId: string): void => {
    const shutting = shut(clusterId).finally(() => closing.delete(shutting));
    closing.add(shutting);
    const objects = disk.collection<KubernetesObject>(folderOf(clusterId));
    for (const [key] of objects.entries()) objects.delete(key);
    stored.delete(clusterId);
  };

  const begin = (clusterId: string, member: Member): ClusterObjects => {
    stored.set(clusterId, { members: [member], disks: [member.machine] });
    const cluster = open(clusterId);
    if (cluster === undefined) throw new Error(`cluster ${clusterId} was not kept`);
    return cluster.objects;
  };
  /** @throws when its data lies on other machines as well. */
  const mustBeAlone = (clusterId: string, { machine }: Member, what: string): void => {
    const others = (stored.get(clusterId)?.disks ?? []).filter((each) => each !== machine);
    if (others.length > 0)
      throw new Error(`${what} on ${machine}, though the cluster lives on ${others.join(', ')}`);
  };

  const take = (clusterId: string, machine: string, socket: Duplex): void => {
    const cluster = running.get(clusterId);
    const server = cluster?.serving.get(machine);
    // An API server does not start beside an etcd that was struck off.
    if (cluster === undefined || server === undefined || !isMember(clusterId, machine)) {
      socket.destroy();
      return;
    }
    server.sockets.add(socket);
    socket.once('close', () => server.sockets.delete(socket));
    const { authority, serving } = server.machine;
    cluster.api.accept(socket, {
      caCertificatePem: authority.certificatePem,
      certificatePem: serving.certificatePem,
      privateKeyPem: serving.privateKeyPem,
    });
  };

  return {
    found(clusterId, member) {
      mustBeAlone(clusterId, member, 'kubeadm init');
      return begin(clusterId, member);
    },
    restore(clusterId, member, held) {
      mustBeAlone(clusterId, member, 'etcd is restored');
      remove(clusterId);
      const collection = disk.collection<KubernetesObject>(folderOf(clusterId));
      for (const [key, object] of held) collection.set(key, object);
      const objects = begin(clusterId, member);
      objects.skipVersions(versionJump);
      return objects;
    },
    addMember(clusterId, member) {
      const known = stored.get(clusterId);
      if (known === undefined || !hasQuorum(clusterId)) return false;
      // It counts from when it runs: until then it only learns.
      if (!isMember(clusterId, member.machine))
        stored.set(clusterId, {
          members: [...known.members, member],
          disks: [...known.disks, member.machine],
        });
      return true;
    },
    removeMember(clusterId, overlayAddress) {
      const known = stored.get(clusterId);
      if (known === undefined || !hasQuorum(clusterId)) return false;
      const members = known.members.filter((member) => member.overlayAddress !== overlayAddress);
      if (members.length > 0) stored.set(clusterId, { ...known, members });
      settle(clusterId);
      return true;
    },
    objects: (clusterId) => open(clusterId)?.objects,
    dump: (clusterId) => disk.collection<KubernetesObject>(folderOf(clusterId)).entries(),
    serve(clusterId, machine) {
      const cluster = open(clusterId);
      if (cluster === undefined) return () => {};
      const sockets = new Set<Duplex>();
      cluster.serving.set(machine.machine, { machine, sockets });
      settle(clusterId);
      return () => {
        cluster.serving.delete(machine.machine);
        for (const socket of sockets) socket.destroy();
        settle(clusterId);
      };
    },
    runKubelet(clusterId, node) {
      const all = pluggedIn(clusterId);
      all.get(node.name)?.running?.stop();
      const plugged: PluggedKubelet = { node };
      all.set(node.name, plugged);
      settle(clusterId);
      return () => {
        plugged.running?.stop();
        // The node's next machine has another.
        if (all.get(node.name) === plugged) all.delete(node.name);
      };
    },
    dial(clusterId, from, overlayAddress) {
      const servers = [...(running.get(clusterId)?.serving.values() ?? [])];
      const server = servers.find(({ machine }) => machine.overlayAddress === overlayAddress);
      if (server === undefined || !server.machine.reaches(from)) return undefined;
      const [near, far] = duplexPair();
      take(clusterId, server.machine.machine, far);
      return near;
    },
    lead(publicAddress) {
      for (const [clusterId, { serving }] of running)
        for (const { machine } of serving.values())
          if (machine.publicAddress === publicAddress)
            return (socket) => take(clusterId, machine.machine, socket);
      return undefined;
    },
    forget(machine) {
      for (const [clusterId, { members, disks }] of stored.entries()) {
        if (!disks.includes(machine)) continue;
        const left = disks.filter((each) => each !== machine);
        if (left.length === 0) remove(clusterId);
        else stored.set(clusterId, { members, disks: left });
      }
    },
    async close() {
      await Promise.all([...closing, ...Array.from(running.keys(), shut)]);
    },
  };
}
