import { endGrace, startOfDeletion } from '../controllers/deletion.ts';
import { createEventRecorder } from '../controllers/event-recorder.ts';
import { isOver } from '../controllers/conditions.ts';
import { keyOf, placeOf } from '../controllers/cluster-index.ts';
import type { Node, Pod } from '../controllers/shapes.ts';
import { createWorkLoop, type Work } from '../controllers/work-loop.ts';
import type { ClusterClock, ClusterObjects } from '../model.ts';
import { annotated, behaviourAnnotations } from './container-behaviour.ts';
import { isNodeReady, reportedStatus, type KubeletNode } from './node-object.ts';
import { openPodAddresses } from './pod-addresses.ts';
import { moveRun, openRun, type PodRun } from './pod-run.ts';
import { statusOf } from './pod-status.ts';
import { mirrorStaticPods } from './static-pods.ts';

export interface Kubelet {
  /** Does all that is due by the clock now before it returns: tests move time by hand. */
  settle(): void;
  /** The plug is pulled: nothing is ended or said. */
  stop(): void;
}

const leaseSeconds = { duration: 40, renew: 10 } as const;
const renewMsMin = 2_000;
const heartbeatSeconds = 300;
const heartbeatMsMin = 30_000;
/** A new machine's network needs a while: its images are pulled first. */
const networkSeconds = 10;

interface Running {
  readonly run: PodRun;
  podIp: string | undefined;
  /** When it was first seen to be leaving, in epoch milliseconds. */
  leavingSinceMs?: number;
}

/**
 * One node's kubelet: says how its Node is, and runs the pods that are bound to it, as far as a simulation runs anything.
 * It registers nothing: without its Node it waits for it. Started again it goes on from what is stored.
 */
export function startKubelet(options: {
  readonly objects: ClusterObjects;
  readonly clock: ClusterClock;
  readonly node: KubeletNode;
  readonly log: (line: string) => void;
}): Kubelet {
  const { objects, clock, node, log } = options;
  const loop = createWorkLoop({ clock, log: (line) => log(`kubelet ${node.name}: ${line}`) });
  const record = createEventRecorder({ objects, clock, component: 'kubelet', host: node.name });
  const scaled = (seconds: number): number => clock.scaled(seconds);
  const own = (): Node | undefined => objects.get('nodes', node.name);
  const isOurs = (object: unknown): boolean => (object as Pod | undefined)?.spec.nodeName === node.name;
  const images = new Set<string>();
  const running = new Map<string, Running>();
  const addresses = openPodAddresses(() => own()?.spec?.podCIDR);
  const startedMs = clock.now();
  let heartbeatMs = startedMs;
  let renewedMs = 0;

  const nodeWork: Work = {
    name: 'node',
    reconcile: () => {
      const stored = own();
      if (stored === undefined) return undefined;
      const now = clock.now();
      if (now - heartbeatMs >= Math.max(heartbeatMsMin, scaled(heartbeatSeconds))) heartbeatMs = now;
      const known =
        stored.status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'False') ??
        false;
      const networkMs = startedMs + (known ? 0 : scaled(networkSeconds));
      const networkReady = networkMs <= now && stored.spec?.podCIDR !== undefined;
      const wasReady = isNodeReady(stored);
      objects.change('nodes', node.name, undefined, (object) => ({
        ...object,
        status: reportedStatus(node, object, { nowMs: now, heartbeatMs, networkReady }),
      }));
      if (networkReady && !wasReady) {
        record(stored, { reason: 'NodeReady', message: `Node ${node.name} status is now: NodeReady` });
        for (const key of running.keys()) loop.add(podWork, key);
      }
      mirrorStaticPods(objects, node, stored);
      const renewAfterMs = Math.max(renewMsMin, scaled(leaseSeconds.renew));
      if (now - renewedMs >= renewAfterMs) renewLease(stored, now);
      const next = renewedMs + renewAfterMs;
      return networkMs > now ? Math.min(networkMs, next) : next;
    },
  };

  const renewLease = (stored: Node, now: number): void => {
    renewedMs = now;
    const namespace = 'kube-node-lease';
    const spec = {
      holderIdentity: node.name,
      leaseDurationSeconds: leaseSeconds.duration,
      renewTime: new Date(now).toISOString().replace('Z', '000Z'),
    };
    if (objects.change('leases', node.name, namespace, (lease) => ({ ...lease, spec })) !== undefined) return;
    if (objects.get('namespaces', namespace) === undefined) return;
    objects.create('leases', {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: node.name,
        namespace,
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Node', name: node.name, uid: stored.metadata.uid ?? '' },
        ],
      },
      spec,
    });
  };

  const forget = (key: string): void => {
    running.delete(key);
    addresses.release(key);
  };

  /** What is known of this pod; another of the same name is another pod. */
  const runningOf = (key: string, pod: Pod): Running => {
    const before = running.get(key);
    if (before?.run.uid === (pod.metadata.uid ?? '')) return before;
    forget(key);
    const { podIP } = pod.status ?? {};
    if (podIP !== undefined) addresses.keep(key, podIP);
    for (const { image, imageID } of pod.status?.containerStatuses ?? [])
      if (imageID !== '') images.add(image);
    const entry: Running = { run: openRun(pod), podIp: podIP };
    running.set(key, entry);
    return entry;
  };

  const report = (pod: Pod, { run, podIp }: Running): void => {
    const { name, namespace } = pod.metadata;
    objects.change('pods', name, namespace, (object) => ({
      ...object,
      status: statusOf(object as Pod, run, { nowMs: clock.now(), scaled, hostIp: node.internalIp, podIp }),
    }));
  };

  /** @returns when its grace is over */
  const end = (pod: Pod, entry: Running): number | undefined => {
    const now = clock.now();
    const grace = pod.metadata.deletionGracePeriodSeconds ?? 0;
    const needed = Math.min(grace, annotated(pod, behaviourAnnotations.stopSeconds) ?? grace);
    if (entry.leavingSinceMs === undefined) {
      // Stored times are whole seconds: what was asked for just now was asked for now.
      const askedMs = startOfDeletion(pod.metadata, now);
      entry.leavingSinceMs = now - askedMs < 1000 ? now : askedMs;
      for (const { container, stage } of entry.run.containers) {
        if (stage.at !== 'running') continue;
        record(pod, {
          reason: 'Killing',
          message: `Stopping container ${container.name}`,
          fieldPath: `spec.containers{${container.name}}`,
        });
      }
      report(pod, entry);
    }
    const running = entry.run.containers.some(({ stage }) => stage.at === 'running');
    const goneMs = running ? entry.leavingSinceMs + scaled(needed) : now;
    if (goneMs > now) return goneMs;
    for (const each of entry.run.containers) {
      if (each.stage.at !== 'running') continue;
      // Killed, for it did not end by itself.
      each.stage = { at: 'ended', sinceMs: each.stage.sinceMs, endedMs: now, exitCode: 137 };
    }
    endGrace(objects, pod);
    return undefined;
  };

  const podWork: Work = {
    name: 'pod',
    reconcile: (key) => {
      const { namespace, name } = placeOf(key);
      const pod = objects.get('pods', name, namespace) as Pod | undefined;
      if (pod === undefined || !isOurs(pod)) {
        forget(key);
        return undefined;
      }
      const entry = runningOf(key, pod);
      if (pod.metadata.deletionTimestamp !== undefined) return end(pod, entry);
      if (isOver(pod)) {
        addresses.release(key);
        return undefined;
      }
      if (entry.podIp === undefined) {
        const network = pod.spec.hostNetwork === true || isReadyNow();
        if (network) entry.podIp = pod.spec.hostNetwork === true ? node.internalIp : addresses.take(key);
      }
      const nowMs = clock.now();
      const nextMs =
        entry.podIp === undefined
          ? undefined
          : moveRun(pod, entry.run, {
              nowMs,
              scaled,
              hasImage: (image) => images.has(image),
              keepImage: (image) => void images.add(image),
              say: (happening) => record(pod, happening),
            });
      report(pod, entry);
      return nextMs;
    },
  };

  const isReadyNow = (): boolean => {
    const stored = own();
    return stored !== undefined && isNodeReady(stored);
  };

  const stopListening = objects.listen(({ plural, object, before }) => {
    if (plural === 'nodes' && object.metadata.name === node.name) loop.add(nodeWork, node.name);
    else if (plural === 'pods' && (isOurs(object) || isOurs(before))) loop.add(podWork, keyOf(object));
  });
  loop.add(nodeWork, node.name);
  for (const pod of objects.list('pods')) if (isOurs(pod)) loop.add(podWork, keyOf(pod));

  return {
    settle: () => loop.settle(),
    stop: () => {
      stopListening();
      loop.close();
    },
  };
}
