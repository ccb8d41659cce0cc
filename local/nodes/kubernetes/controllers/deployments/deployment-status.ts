import { conditionOf, withCondition } from '../conditions.ts';
import type { Condition, Deployment, ReplicaSet } from '../shapes.ts';
import { boundsOf } from './rolling-update.ts';

export interface Progress {
  readonly status: NonNullable<Deployment['status']>;
  /** Since when nothing has moved, in epoch milliseconds; undefined: it is complete, paused, or has no deadline. */
  readonly waitingSinceMs: number | undefined;
}

const numberOf = (set: ReplicaSet, field: 'replicas' | 'readyReplicas' | 'availableReplicas'): number =>
  set.status?.[field] ?? 0;

/**
 * What `kubectl get` and `kubectl rollout status` read. Pure.
 *
 * @param lastMovedMs when its counts last changed, in epoch milliseconds
 */
export function progressOf(options: {
  readonly deployment: Deployment;
  readonly fresh: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  readonly collisions: number;
  readonly lastMovedMs: number;
  readonly deadlineMs: number;
  readonly nowMs: number;
}): Progress {
  const { deployment, fresh, old, nowMs } = options;
  const { replicas: wanted = 1, strategy, paused = false } = deployment.spec;
  const all = fresh === undefined ? old : [fresh, ...old];
  const sum = (field: 'replicas' | 'readyReplicas' | 'availableReplicas'): number =>
    all.reduce((total, set) => total + numberOf(set, field), 0);
  const [replicas, ready, available] = [sum('replicas'), sum('readyReplicas'), sum('availableReplicas')];
  const updated = fresh === undefined ? 0 : numberOf(fresh, 'replicas');
  const asked = all.reduce((total, set) => total + (set.spec.replicas ?? 1), 0);
  const unavailable = Math.max(0, asked - available);
  const minAvailable = wanted - (strategy?.type === 'Recreate' ? 0 : boundsOf(deployment).maxUnavailable);
  const complete = updated === wanted && replicas === wanted && available === wanted;

  let conditions = withCondition(
    deployment.status?.conditions,
    available >= minAvailable
      ? said('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs)
      : said(
          'Available',
          'False',
          'MinimumReplicasUnavailable',
          'Deployment does not have minimum availability.',
          nowMs,
        ),
    nowMs,
  );
  const before = conditionOf(deployment, 'Progressing');
  const late = nowMs - options.lastMovedMs >= options.deadlineMs;
  let progressing: Condition | undefined;
  const subject = fresh === undefined ? '' : `ReplicaSet "${fresh.metadata.name}"`;
  if (paused) {
    progressing = said('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', nowMs);
  } else if (fresh !== undefined && complete) {
    progressing = said(
      'Progressing',
      'True',
      'NewReplicaSetAvailable',
      `${subject} has successfully progressed.`,
      nowMs,
    );
  } else if (fresh !== undefined && late && before?.reason !== 'NewReplicaSetAvailable') {
    progressing = said(
      'Progressing',
      'False',
      'ProgressDeadlineExceeded',
      `${subject} has timed out progressing.`,
      nowMs,
    );
  } else if (fresh !== undefined) {
    progressing = said('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, nowMs);
  }
  if (progressing !== undefined) conditions = withCondition(conditions, progressing, nowMs);

  const { conditions: had = [] } = deployment.status ?? {};
  return {
    status: {
      observedGeneration: deployment.metadata.generation ?? 1,
      ...(replicas === 0 ? {} : { replicas }),
      ...(updated === 0 ? {} : { updatedReplicas: updated }),
      ...(ready === 0 ? {} : { readyReplicas: ready }),
      ...(available === 0 ? {} : { availableReplicas: available }),
      ...(unavailable === 0 ? {} : { unavailableReplicas: unavailable }),
      ...(options.collisions === 0 ? {} : { collisionCount: options.collisions }),
      conditions: conditions.map((each) => {
        const same = had.find(
          (old) =>
            old.type === each.type &&
            old.status === each.status &&
            old.reason === each.reason &&
            old.message === each.message,
        );
        // Only what is news gets a new time.
        return same ?? each;
      }),
    },
    waitingSinceMs: paused || complete || late ? undefined : options.lastMovedMs,
  };
}

const said = (
  type: string,
  status: Condition['status'],
  reason: string,
  message: string,
  nowMs: number,
): Condition => ({
  type,
  status,
  reason,
  message,
  lastUpdateTime: new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z'),
});
