import { timestamp } from '../objects.ts';
import type { ClusterClock, ClusterObjects, KubernetesObject } from '../model.ts';
import { epochOf, isActive, isLeaving, isReady, share, withCondition } from './conditions.ts';
import { keyOf, placeOf } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { selects } from './selectors.ts';
import type { Deployment, DisruptionBudget, Pod } from './shapes.ts';

/** A pod whose eviction was let pass and that is still there after this long was not evicted after all. */
const disruptionSecondsMax = 120;

export interface Health {
  readonly expectedPods: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly disruptionsAllowed: number;
}

/** How many of the pods may be taken away now. Pure. @param expected how many their controllers want */
export function healthOf(
  { minAvailable, maxUnavailable }: DisruptionBudget['spec'],
  {
    healthy,
    expected,
    present,
  }: { readonly healthy: number; readonly expected: number; readonly present: number },
): Health {
  let expectedPods = expected;
  let desiredHealthy = 0;
  if (maxUnavailable !== undefined) {
    desiredHealthy = Math.max(0, expected - share(maxUnavailable, expected, 'up'));
  } else if (typeof minAvailable === 'number') {
    desiredHealthy = minAvailable;
    expectedPods = present;
  } else if (minAvailable !== undefined) {
    desiredHealthy = share(minAvailable, expected, 'up');
  }
  return {
    expectedPods,
    currentHealthy: healthy,
    desiredHealthy,
    disruptionsAllowed: expectedPods === 0 ? 0 : Math.max(0, healthy - desiredHealthy),
  };
}

/** What the pod's controller wants to have, all its pods together; undefined: nobody controls it. */
function scaleOf(
  objects: ClusterObjects,
  pod: Pod,
): { readonly uid: string; readonly replicas: number } | undefined {
  const controllerOf = ({ metadata }: KubernetesObject) =>
    metadata.ownerReferences?.find(({ controller }) => controller === true);
  const owner = controllerOf(pod);
  if (owner === undefined) return undefined;
  const { namespace } = pod.metadata;
  if (owner.kind === 'ReplicaSet') {
    const set = objects.get('replicasets', owner.name, namespace);
    const above = set === undefined ? undefined : controllerOf(set);
    const deployment =
      above?.kind === 'Deployment'
        ? (objects.get('deployments', above.name, namespace) as Deployment | undefined)
        : undefined;
    const scaled = deployment ?? (set as Deployment | undefined);
    return scaled === undefined
      ? undefined
      : { uid: scaled.metadata.uid ?? '', replicas: scaled.spec.replicas ?? 1 };
  }
  if (owner.kind === 'DaemonSet') {
    const { status } = (objects.get('daemonsets', owner.name, namespace) ?? {}) as {
      status?: { desiredNumberScheduled?: number };
    };
    return { uid: owner.uid, replicas: status?.desiredNumberScheduled ?? 1 };
  }
  return undefined;
}

/** Reckons a budget anew from the pods that it covers and writes it down. @returns it as it then stands */
export function reckonBudget(
  { objects, clock }: { readonly objects: ClusterObjects; readonly clock: ClusterClock },
  budget: DisruptionBudget,
  podsIn: (namespace: string) => Iterable<Pod> = (namespace) =>
    objects.list('pods', namespace) as readonly Pod[],
): DisruptionBudget {
  const { name, namespace = '' } = budget.metadata;
  const pods = [...podsIn(namespace)].filter(
    (pod) => isActive(pod) && selects(budget.spec.selector, pod.metadata.labels),
  );
  const scales = new Map<string, number>();
  let alone = 0;
  for (const pod of pods) {
    const scale = scaleOf(objects, pod);
    if (scale === undefined) alone += 1;
    else scales.set(scale.uid, scale.replicas);
  }
  const expected = [...scales.values()].reduce((sum, each) => sum + each, alone);
  const now = clock.now();
  const disrupted = Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([pod, since]) =>
        (epochOf(since) ?? 0) + clock.scaled(disruptionSecondsMax) > now &&
        pods.some(({ metadata }) => metadata.name === pod),
    ),
  );
  const healthy = pods.filter((pod) => isReady(pod) && disrupted[pod.metadata.name] === undefined).length;
  const health = healthOf(budget.spec, { healthy, expected, present: pods.length });
  const allowed = health.disruptionsAllowed > 0;
  return (objects.change('poddisruptionbudgets', name, namespace, (object) => {
    const { disruptedPods: _had, ...status } = (object as DisruptionBudget).status ?? {};
    return {
      ...object,
      status: {
        ...status,
        ...health,
        ...(Object.keys(disrupted).length === 0 ? {} : { disruptedPods: disrupted }),
        observedGeneration: object.metadata.generation ?? 1,
        conditions: withCondition(
          status.conditions,
          {
            type: 'DisruptionAllowed',
            status: allowed ? 'True' : 'False',
            reason: allowed ? 'SufficientPods' : 'InsufficientPods',
            message: '',
            observedGeneration: object.metadata.generation ?? 1,
          },
          now,
        ),
      },
    };
  }) ?? budget) as DisruptionBudget;
}

/** Counts one eviction against a budget at once, so that another in the same moment sees it. */
export function spendBudget(
  { objects, clock }: { readonly objects: ClusterObjects; readonly clock: ClusterClock },
  budget: DisruptionBudget,
  pod: Pod,
): void {
  const { name, namespace } = budget.metadata;
  objects.change('poddisruptionbudgets', name, namespace, (object) => {
    const { status } = object as DisruptionBudget;
    return {
      ...object,
      status: {
        ...status,
        disruptionsAllowed: Math.max(0, (status?.disruptionsAllowed ?? 0) - 1),
        disruptedPods: { ...status?.disruptedPods, [pod.metadata.name]: timestamp(clock.now()) },
      },
    };
  });
}

/** Keeps the budgets' numbers up with their pods. */
export function createDisruptionBudgetController(context: ControllerContext): Controller {
  const { objects, clock, index } = context;
  const budgetsIn = (namespace: string | undefined): readonly DisruptionBudget[] =>
    objects.list('poddisruptionbudgets', namespace) as readonly DisruptionBudget[];
  return {
    name: 'disruption-budgets',
    keys: () => budgetsIn(undefined).map(keyOf),
    wokenBy: ({ type, plural, object, before }) => {
      if (plural === 'poddisruptionbudgets') return type === 'DELETED' ? [] : [keyOf(object)];
      if (plural === 'deployments' || plural === 'replicasets') {
        return budgetsIn(object.metadata.namespace).map(keyOf);
      }
      if (plural !== 'pods') return [];
      const [pod, had] = [object as Pod, before as Pod | undefined];
      const same =
        type === 'MODIFIED' &&
        had !== undefined &&
        isReady(had) === isReady(pod) &&
        isActive(had) === isActive(pod) &&
        isLeaving(had) === isLeaving(pod) &&
        had.metadata.labels === pod.metadata.labels;
      if (same) return [];
      return budgetsIn(pod.metadata.namespace)
        .filter(({ spec }) =>
          [pod, had].some((each) => each !== undefined && selects(spec.selector, each.metadata.labels)),
        )
        .map(keyOf);
    },
    reconcile: (key) => {
      const { namespace, name } = placeOf(key);
      const budget = objects.get('poddisruptionbudgets', name, namespace) as DisruptionBudget | undefined;
      if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return undefined;
      const { status } = reckonBudget(context, budget, (each) => index.podsIn(each));
      const passed = Object.values(status?.disruptedPods ?? {}).map(
        (since) => (epochOf(since) ?? 0) + clock.scaled(disruptionSecondsMax),
      );
      return passed.length === 0 ? undefined : Math.max(clock.now() + 1, Math.min(...passed));
    },
  };
}
