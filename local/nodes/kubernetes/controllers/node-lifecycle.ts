import { timestamp } from '../objects.ts';
import { conditionOf, isReady, withCondition } from './conditions.ts';
import type { Controller, ControllerContext } from './controller.ts';
import type { Condition, Node, Pod, Taint } from './shapes.ts';

/** After so long without a sign of life a node counts as lost: kube-controller-manager's --node-monitor-grace-period. */
const graceSeconds = 40;
/** How often each node's life is asked about; never more than once a second of real time. */
const lookSeconds = 5;
const lookMsMin = 1_000;

const taintKeys = {
  notReady: 'node.kubernetes.io/not-ready',
  unreachable: 'node.kubernetes.io/unreachable',
  unschedulable: 'node.kubernetes.io/unschedulable',
} as const;

/** The taints that a node's condition asks for, beside those that others put there. Pure. */
export function conditionTaints(node: Node): readonly Taint[] {
  const ready = conditionOf(node, 'Ready')?.status;
  const both = (key: string): readonly Taint[] => [
    { key, effect: 'NoSchedule' },
    { key, effect: 'NoExecute' },
  ];
  return [
    ...(node.spec?.unschedulable === true ? [{ key: taintKeys.unschedulable, effect: 'NoSchedule' }] : []),
    // A node that never was ready keeps new pods away, but there is nobody to drive out.
    ...(ready === undefined ? [{ key: taintKeys.notReady, effect: 'NoSchedule' }] : []),
    ...(ready === 'False' ? both(taintKeys.notReady) : []),
    ...(ready === 'Unknown' ? both(taintKeys.unreachable) : []),
  ];
}

/** Says of nodes whose kubelets are silent that they are lost, and keeps the taints that follow from a node's state. */
export function createNodeLifecycle({
  objects,
  clock,
  index,
  hooks,
  recorder,
}: ControllerContext): Controller {
  const record = recorder('node-controller');
  /** Since when each node is silent, in epoch milliseconds. */
  const silentSince = new Map<string, number>();

  const change = (name: string, how: (node: Node) => Node): void => {
    objects.change('nodes', name, undefined, (object) => how(object));
  };

  const declareLost = (name: string): void => {
    const now = clock.now();
    change(name, (node) => {
      const lost = (condition: Condition): Condition => ({
        ...condition,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
      });
      const never: Condition = {
        type: 'Ready',
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
      };
      let conditions: readonly Condition[] = node.status?.conditions ?? [];
      for (const condition of conditions) conditions = withCondition(conditions, lost(condition), now);
      if (conditionOf(node, 'Ready') === undefined) conditions = withCondition(conditions, never, now);
      return { ...node, status: { ...node.status, conditions } };
    });
    const node = objects.get('nodes', name);
    if (node !== undefined) {
      record(node, { reason: 'NodeNotReady', message: `Node ${name} status is now: NodeNotReady` });
    }
    for (const pod of index.podsOn(name)) if (isReady(pod)) doubt(pod);
  };

  /** Nobody can say that it still serves. */
  const doubt = (pod: Pod): void => {
    const { name, namespace } = pod.metadata;
    objects.change('pods', name, namespace, (object) => {
      const { status } = object as Pod;
      const conditions = withCondition(status?.conditions, { type: 'Ready', status: 'False' }, clock.now());
      return { ...object, status: { ...status, conditions } };
    });
    record(pod, { type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' });
  };

  const keepTaints = (name: string): void => {
    change(name, (node) => {
      const wanted = conditionTaints(node);
      const ours: readonly string[] = Object.values(taintKeys);
      const present = node.spec?.taints ?? [];
      const others = present.filter(({ key }) => !ours.includes(key));
      const added = wanted.map(
        (taint) =>
          present.find(({ key, effect }) => key === taint.key && effect === taint.effect) ?? {
            ...taint,
            timeAdded: timestamp(clock.now()),
          },
      );
      const taints = [...others, ...added];
      const { taints: _taints, ...spec } = node.spec ?? {};
      return { ...node, spec: taints.length === 0 ? spec : { ...spec, taints } };
    });
  };

  return {
    name: 'node-lifecycle',
    keys: () => objects.list('nodes').map(({ metadata }) => metadata.name),
    wokenBy: ({ type, plural, object }) => {
      if (plural !== 'nodes') return [];
      const { name } = object.metadata;
      if (type === 'ADDED') {
        record(object, {
          reason: 'RegisteredNode',
          message: `Node ${name} event: Registered Node ${name} in Controller`,
        });
      }
      if (type !== 'DELETED') return [name];
      silentSince.delete(name);
      return [];
    },
    reconcile: (name) => {
      const node: Node | undefined = objects.get('nodes', name);
      if (node === undefined) return undefined;
      const now = clock.now();
      let lookMs = now + Math.max(lookMsMin, clock.scaled(lookSeconds));
      if (hooks.isNodeAlive(name)) {
        silentSince.delete(name);
      } else {
        const since = silentSince.get(name) ?? now;
        silentSince.set(name, since);
        const lostMs = since + clock.scaled(graceSeconds);
        if (lostMs > now) lookMs = Math.min(lookMs, lostMs);
        else if (conditionOf(node, 'Ready')?.status !== 'Unknown') declareLost(name);
      }
      keepTaints(name);
      return lookMs;
    },
  };
}
