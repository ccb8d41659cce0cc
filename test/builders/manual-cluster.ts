import { openDisk } from '../../local/disk.ts';
import { startControllers, type Controllers } from '../../local/nodes/kubernetes/controllers/index.ts';
import type { Condition, Node, Pod, PodSpec } from '../../local/nodes/kubernetes/controllers/shapes.ts';
import {
  nodeObject,
  startKubelet,
  type Kubelet,
  type KubeletNode,
} from '../../local/nodes/kubernetes/kubelet/index.ts';
import type { ClusterObjects, KubernetesObject, ObjectMeta } from '../../local/nodes/kubernetes/model.ts';
import { createClusterObjects } from '../../local/nodes/kubernetes/objects.ts';

/** An object without what the store adds. */
export interface Body {
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** A simulated cluster in which time stands still until the test moves it; seconds are not scaled. */
export interface ManualCluster {
  readonly objects: ClusterObjects;
  readonly clock: { now(): number; scaled(seconds: number): number };
  readonly log: readonly string[];
  /** Adds a Node with a living kubelet. */
  addNode(name: string, change?: Partial<KubeletNode>): void;
  /** Its kubelet says nothing more. */
  killNode(name: string): void;
  reviveNode(name: string): void;
  /** Everything that is due by now, and all that follows from it. */
  settle(): void;
  /** Moves time on, in steps of a second (or more), and settles after each. */
  pass(seconds: number, step?: number): void;
  restartControllers(): void;
  apply(plural: string, object: Body): KubernetesObject;
  pods(namespace?: string): readonly Pod[];
  pod(name: string): Pod;
  /** Of the events about an object of this name. */
  reasons(name: string): string[];
  close(): void;
}

export const kubeletNode = (name: string, change: Partial<KubeletNode> = {}): KubeletNode => ({
  name,
  labels: { 'topology.kubernetes.io/zone': 'a' },
  internalIp: '10.4.0.9',
  capacity: { cpu: 4, memoryKi: 16 * 2 ** 20, pods: 110 },
  kubeletVersion: 'v1.36.1',
  osImage: 'Ubuntu 24.04.3 LTS',
  kernelVersion: '6.8.0-79-generic',
  containerRuntime: 'containerd://2.1.3',
  ...change,
});

export const podSpec = (change: Partial<PodSpec> = {}): PodSpec => ({
  containers: [{ name: 'web', image: 'nginx:1.29' }],
  ...change,
});

/** What an unnamed deployment of the tests is. */
export const deploymentOf = (
  name: string,
  change: {
    replicas?: number;
    image?: string;
    strategy?: object;
    spec?: object;
    pod?: Partial<PodSpec>;
  } = {},
): Body => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas: change.replicas ?? 3,
    selector: { matchLabels: { app: name } },
    ...(change.strategy === undefined ? {} : { strategy: change.strategy }),
    template: {
      metadata: { labels: { app: name } },
      spec: podSpec({ containers: [{ name: 'web', image: change.image ?? 'nginx:1' }], ...change.pod }),
    },
    ...change.spec,
  },
});

export function openManualCluster(
  authority: { certificatePem: string; privateKeyPem: string } = { certificatePem: 'CA', privateKeyPem: '' },
): ManualCluster {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const clock = { now: () => nowMs, scaled: (seconds: number) => seconds * 1000 };
  const disk = openDisk({ name: 'cluster' });
  const objects = createClusterObjects({ collection: disk.collection('objects'), clock });
  const log: string[] = [];
  const say = (line: string): void => void log.push(line);
  const kubelets = new Map<string, Kubelet>();
  const machines = new Map<string, KubeletNode>();
  let controllers: Controllers | undefined;
  const start = (): void => {
    controllers?.stop();
    controllers = startControllers({
      objects,
      clock,
      hooks: { isNodeAlive: (name) => kubelets.has(name), authority },
      log: say,
    });
  };
  start();
  const settle = (): void => {
    // Each wakes the others: round and round until nothing is written any more.
    for (let version = -1; version !== objects.resourceVersion;) {
      version = objects.resourceVersion;
      controllers?.settle();
      for (const kubelet of kubelets.values()) kubelet.settle();
    }
  };
  const revive = (name: string): void => {
    const node = machines.get(name);
    if (node !== undefined) kubelets.set(name, startKubelet({ objects, clock, node, log: say }));
  };
  const cluster: ManualCluster = {
    objects,
    clock,
    log,
    addNode: (name, change) => {
      machines.set(name, kubeletNode(name, change));
      objects.create('nodes', nodeObject(kubeletNode(name, change)));
      revive(name);
    },
    killNode: (name) => {
      kubelets.get(name)?.stop();
      kubelets.delete(name);
    },
    reviveNode: revive,
    settle,
    pass: (seconds, step = 1) => {
      settle();
      for (let second = 0; second < seconds; second += step) {
        nowMs += step * 1000;
        settle();
      }
    },
    restartControllers: start,
    apply: (plural, object) => {
      const { name, namespace } = object.metadata;
      const whole = { apiVersion: '', kind: '', ...object };
      const before = objects.get(plural, name, namespace);
      return before === undefined
        ? objects.create(plural, whole)
        : objects.update(plural, {
            ...before,
            ...object,
            metadata: { ...before.metadata, ...object.metadata },
          });
    },
    pods: (namespace = 'default') => objects.list('pods', namespace) as readonly Pod[],
    pod: (name) => {
      const pod = objects.get('pods', name, 'default');
      if (pod === undefined) throw new Error(`no pod ${name}`);
      return pod as Pod;
    },
    reasons: (name) =>
      objects
        .list('events')
        .filter((event) => (event['involvedObject'] as { name: string }).name === name)
        .map((event) => String(event['reason'])),
    close: () => {
      controllers?.stop();
      for (const kubelet of kubelets.values()) kubelet.stop();
      disk.close();
    },
  };
  return cluster;
}

export const conditionsOf = (object: KubernetesObject | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ((object as { status?: Node['status'] } | undefined)?.status?.conditions ?? []).map((each: Condition) => [
      each.type,
      each.status,
    ]),
  );
