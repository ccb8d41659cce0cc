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

/** What the machines of all simulated clusters have together: each cluster's etcd, API servers, controllers and kubelets. */
export interface Clusters {
  /** A new etcd with this machine as its only member. Again by the same machine: the one it has. @throws for another's */
  found(clusterId: string, machine: string): ClusterObjects;
  /** Another control plane joins. @throws when there is nothing to join. */
  addMember(clusterId: string, machine: string): void;
  objects(clusterId: string): ClusterObjects | undefined;
  /** All that its etcd holds, as it is kept on the disk. */
  dump(clusterId: string): readonly (readonly [key: string, object: KubernetesObject])[];
  /** Starts the machine's API server; with a cluster's first come its controllers. Returns what pulls its plug. */
  serve(clusterId: string, machine: ServingMachine): () => void;
  /** Starts a Node's kubelet. Returns what pulls its plug. */
  runKubelet(clusterId: string, node: KubeletNode): () => void;
  /** A new connection from a machine to the API server at an overlay address; undefined when nobody is reached there. */
  dial(clusterId: string, from: string, overlayAddress: string): Duplex | undefined;
  /** Who answers at a public address. */
  lead(publicAddress: string): TakeConnection | undefined;
  /** The machine's disk is gone, and with the last control plane's all that the cluster knew. */
  forget(machine: string): void;
  close(): Promise<void>;
}

interface RunningCluster {
  readonly objects: ClusterObjects;
  /** Nothing is written after this. */
  readonly seal: () => void;
  readonly api: ClusterApi;
  controllers?: Controllers;
  readonly serving: Map<string, { readonly machine: ServingMachine; readonly sockets: Set<Duplex> }>;
  readonly kubelets: Map<string, Kubelet>;
}

interface StoredCluster {
  /** Machines whose disks hold its etcd. */
  readonly members: readonly string[];
}

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
  const closing = new Set<Promise<void>>();

  const open = (clusterId: string): RunningCluster | undefined => {
    const known = running.get(clusterId);
    if (known !== undefined || stored.get(clusterId) === undefined) return known;
    const log = (line: string): void => options.log(`${clusterId.slice(0, 8)} ${line}`);
    const { collection, seal } = sealable(disk.collection<KubernetesObject>(folderOf(clusterId)));
    const objects = createClusterObjects({ collection, clock });
    const opened: RunningCluster = {
      objects,
      seal,
      api: createClusterApi({ clusterId, objects, clock, hooks: {}, log }),
      serving: new Map(),
      kubelets: new Map(),
    };
    running.set(clusterId, opened);
    return opened;
  };

  const shut = async (clusterId: string): Promise<void> => {
    const cluster = running.get(clusterId);
    if (cluster === undefined) return;
    running.delete(clusterId);
    for (const kubelet of cluster.kubelets.values()) kubelet.stop();
    cluster.controllers?.stop();
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

  const take = (clusterId: string, machine: string, socket: Duplex): void => {
    const cluster = running.get(clusterId);
    const server = cluster?.serving.get(machine);
    if (cluster === undefined || server === undefined) {
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
    found(clusterId, machine) {
      const members = stored.get(clusterId)?.members ?? [];
      if (members.some((member) => member !== machine))
        throw new Error(`kubeadm init on ${machine}, though the cluster lives on ${members.join(', ')}`);
      stored.set(clusterId, { members: [machine] });
      const cluster = open(clusterId);
      if (cluster === undefined) throw new Error(`cluster ${clusterId} was not kept`);
      return cluster.objects;
    },
    addMember(clusterId, machine) {
      const known = stored.get(clusterId);
      if (known === undefined) throw new Error(`cluster ${clusterId} has no etcd`);
      if (!known.members.includes(machine)) stored.set(clusterId, { members: [...known.members, machine] });
    },
    objects: (clusterId) => open(clusterId)?.objects,
    dump: (clusterId) => disk.collection<KubernetesObject>(folderOf(clusterId)).entries(),
    serve(clusterId, machine) {
      const cluster = open(clusterId);
      if (cluster === undefined) return () => {};
      const sockets = new Set<Duplex>();
      cluster.serving.set(machine.machine, { machine, sockets });
      cluster.controllers ??= startControllers({
        objects: cluster.objects,
        clock,
        hooks: {
          isNodeAlive: (name) => cluster.kubelets.has(name),
          authority: machine.authority,
        },
        log: options.log,
      });
      return () => {
        cluster.serving.delete(machine.machine);
        for (const socket of sockets) socket.destroy();
        // Without any control plane nothing decides: pods run on where they are.
        if (cluster.serving.size > 0) return;
        cluster.controllers?.stop();
        delete cluster.controllers;
      };
    },
    runKubelet(clusterId, node) {
      const cluster = open(clusterId);
      if (cluster === undefined) return () => {};
      const { name } = node;
      cluster.kubelets.get(name)?.stop();
      const kubelet = startKubelet({ objects: cluster.objects, clock, node, log: options.log });
      cluster.kubelets.set(name, kubelet);
      return () => {
        kubelet.stop();
        // The node's next machine has another.
        if (cluster.kubelets.get(name) === kubelet) cluster.kubelets.delete(name);
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
      for (const [clusterId, { members }] of stored.entries()) {
        if (!members.includes(machine)) continue;
        const left = members.filter((member) => member !== machine);
        if (left.length === 0) remove(clusterId);
        else stored.set(clusterId, { members: left });
      }
    },
    async close() {
      await Promise.all([...closing, ...Array.from(running.keys(), shut)]);
    },
  };
}
