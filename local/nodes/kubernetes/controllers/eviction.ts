import { ApiError, notFound, tooManyRequests } from '../errors.ts';
import type { ClusterClock, ClusterObjects } from '../model.ts';
import { isLeaving, isOver, isReady } from './conditions.ts';
import { deleteObject } from './deletion.ts';
import { reckonBudget, spendBudget } from './disruption-budgets.ts';
import { selects } from './selectors.ts';
import type { DisruptionBudget, Pod } from './shapes.ts';

export interface Eviction {
  readonly namespace: string;
  readonly name: string;
  readonly graceSeconds?: number;
  /** Only asks whether it might. */
  readonly dryRun?: boolean;
}

/**
 * What the eviction subresource does: deletes the pod with its grace, unless a budget forbids it. Synchronous, and counted
 * against the budget before it returns: of two evictions in one moment the second sees the first.
 *
 * @throws ApiError NotFound; TooManyRequests (429) when the budget is spent, with how many pods it needs;
 *   InternalError when several budgets cover the pod, which Kubernetes refuses to decide.
 */
export function evictPod(
  context: { readonly objects: ClusterObjects; readonly clock: ClusterClock },
  { namespace, name, graceSeconds, dryRun = false }: Eviction,
): void {
  const { objects } = context;
  const pod = objects.get('pods', name, namespace) as Pod | undefined;
  if (pod === undefined) throw notFound({ group: '', plural: 'pods' }, name);
  // What does not serve, or is on its way out anyway, costs no budget.
  const free = isOver(pod) || isLeaving(pod) || (pod.status?.phase ?? 'Pending') === 'Pending';
  if (!free) chargeBudget(context, pod, dryRun);
  if (dryRun) return;
  deleteObject(context, 'pods', { name, namespace }, graceSeconds === undefined ? {} : { graceSeconds });
}

function chargeBudget(
  context: { readonly objects: ClusterObjects; readonly clock: ClusterClock },
  pod: Pod,
  dryRun: boolean,
): void {
  const budgets = (
    context.objects.list('poddisruptionbudgets', pod.metadata.namespace) as readonly DisruptionBudget[]
  ).filter(({ spec }) => selects(spec.selector, pod.metadata.labels));
  const [first, second] = budgets;
  if (first === undefined) return;
  if (second !== undefined) {
    throw new ApiError(
      500,
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const budget = reckonBudget(context, first);
  const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  if (!isReady(pod)) {
    const policy = budget.spec.unhealthyPodEvictionPolicy ?? 'IfHealthyBudget';
    if (policy === 'AlwaysAllow' || (currentHealthy >= desiredHealthy && desiredHealthy > 0)) return;
  }
  if (disruptionsAllowed <= 0) {
    throw tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0, [
      {
        reason: 'DisruptionBudget',
        message: `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
      },
    ]);
  }
  if (!dryRun) spendBudget(context, budget, pod);
}
