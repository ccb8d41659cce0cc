import { timestamp } from '../objects.ts';
import { conditionOf, epochOf, isActive, isLeaving, isReady, withCondition } from './conditions.ts';
import { keyOf, placeOf } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { deleteObject } from './deletion.ts';
import { createPod, randomSuffix } from './new-pod.ts';
import { podOwners } from './replica-sets.ts';
import type { Condition, Job, Pod } from './shapes.ts';

const indexKey = 'batch.kubernetes.io/job-completion-index';
const backoffSeconds = { first: 10, max: 600 } as const;
const burstPods = 100;

export const isFinished = (job: Job): boolean =>
  conditionOf(job, 'Complete')?.status === 'True' || conditionOf(job, 'Failed')?.status === 'True';

const indexOf = (pod: Pod): number => Number(pod.metadata.annotations?.[indexKey] ?? -1);

/** What is known of a job's pods. Those that were deleted before they ended count for nothing. */
interface Tally {
  readonly active: readonly Pod[];
  readonly succeeded: readonly Pod[];
  readonly failed: readonly Pod[];
}

const tallyOf = (pods: readonly Pod[]): Tally => ({
  active: pods.filter(isActive),
  succeeded: pods.filter((pod) => pod.status?.phase === 'Succeeded'),
  failed: pods.filter((pod) => pod.status?.phase === 'Failed'),
});

/** Restarts within a pod count as failures too. */
const restartsOf = (pods: readonly Pod[]): number =>
  pods
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);

/** How many pods a job is to have at once. Pure. */
export function wantedActive(job: Job, succeeded: number): number {
  const { parallelism = 1, completions, suspend = false } = job.spec;
  if (suspend) return 0;
  // Without a number of completions it is a work queue: the first success ends it.
  if (completions === undefined) return succeeded > 0 ? 0 : parallelism;
  return Math.min(parallelism, Math.max(0, completions - succeeded));
}

/** Runs pods until enough have succeeded. */
export function createJobController(context: ControllerContext): Controller {
  const { objects, clock, index } = context;
  const record = context.recorder('job-controller');

  const write = (job: Job, how: (job: Job) => Job): void => {
    objects.change('jobs', job.metadata.name, job.metadata.namespace, (object) => how(object as Job));
  };

  /** What the API server adds to a new job: its own selector, and the labels by which its pods are found. */
  const label = (job: Job): boolean => {
    if (job.spec.selector !== undefined) return false;
    const { uid = '', name } = job.metadata;
    const labels = {
      'batch.kubernetes.io/controller-uid': uid,
      'batch.kubernetes.io/job-name': name,
      'controller-uid': uid,
      'job-name': name,
    };
    write(job, (object) => ({
      ...object,
      spec: {
        ...object.spec,
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
        template: {
          ...object.spec.template,
          metadata: {
            ...object.spec.template.metadata,
            labels: { ...object.spec.template.metadata?.labels, ...labels },
          },
        },
      },
    }));
    return true;
  };

  const podsOf = (job: Job): readonly Pod[] => index.podsOf(job.metadata.uid ?? '');

  const finish = (job: Job, type: 'Complete' | 'Failed', reason: string, message: string): void => {
    const now = clock.now();
    const condition = (each: string): Condition => ({
      type: each,
      status: 'True',
      reason,
      message,
      lastProbeTime: timestamp(now),
    });
    for (const pod of tallyOf(podsOf(job)).active) deleteObject(context, 'pods', pod.metadata);
    const { succeeded, failed } = tallyOf(podsOf(job));
    write(job, (object) => {
      const first = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
      const conditions = withCondition(object.status?.conditions, condition(first), now);
      return {
        ...object,
        status: {
          ...(object.status?.startTime === undefined ? {} : { startTime: object.status.startTime }),
          conditions: withCondition(conditions, condition(type), now),
          ...(type === 'Complete' ? { completionTime: timestamp(now) } : {}),
          ...(succeeded.length === 0 ? {} : { succeeded: succeeded.length }),
          ...(failed.length === 0 ? {} : { failed: failed.length }),
          ready: 0,
          terminating: 0,
        },
      };
    });
    if (type === 'Complete') record(job, { reason: 'Completed', message: 'Job completed' });
    else record(job, { type: 'Warning', reason, message });
  };

  /** When a finished job is to go, in epoch milliseconds. */
  const expire = (job: Job): number | undefined => {
    const { ttlSecondsAfterFinished: ttl } = job.spec;
    if (ttl === undefined) return undefined;
    const ended = conditionOf(job, 'Complete') ?? conditionOf(job, 'Failed');
    const dueMs = (epochOf(ended?.lastTransitionTime) ?? clock.now()) + clock.scaled(ttl);
    if (dueMs > clock.now()) return dueMs;
    deleteObject(context, 'jobs', job.metadata);
    return undefined;
  };

  /** The next index that has neither succeeded nor is being worked on. */
  const freeIndexes = (job: Job, { active, succeeded }: Tally): number[] => {
    const taken = new Set([...active, ...succeeded].map(indexOf));
    return Array.from({ length: job.spec.completions ?? 0 }, (_, each) => each).filter(
      (each) => !taken.has(each),
    );
  };

  const start = (job: Job, count: number, tally: Tally): void => {
    const indexed = job.spec.completionMode === 'Indexed';
    const free = indexed ? freeIndexes(job, tally) : [];
    for (let made = 0; made < Math.min(count, burstPods); made += 1) {
      const own = free[made];
      if (indexed && own === undefined) return;
      const pod = createPod(
        objects,
        job,
        job.spec.template,
        own === undefined
          ? {}
          : {
              suffix: `${own}-${randomSuffix()}`,
              annotations: { [indexKey]: String(own) },
              labels: { [indexKey]: String(own) },
            },
      );
      if (pod === undefined) return;
      record(job, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` });
    }
  };

  /** After a failure the next try waits, ever longer; in epoch milliseconds. */
  const nextTry = (failed: readonly Pod[]): number => {
    if (failed.length === 0) return 0;
    const ends = failed.flatMap((pod) =>
      (pod.status?.containerStatuses ?? []).map(({ state }) => epochOf(state.terminated?.finishedAt) ?? 0),
    );
    const seconds = Math.min(backoffSeconds.max, backoffSeconds.first * 2 ** Math.min(20, failed.length - 1));
    return Math.max(0, ...ends) + clock.scaled(seconds);
  };

  const work = (job: Job): number | undefined => {
    const now = clock.now();
    if (isFinished(job)) return expire(job);
    const started = job.status?.startTime;
    const suspended = job.spec.suspend === true;
    if (started === undefined && !suspended) {
      write(job, (object) => ({ ...object, status: { ...object.status, startTime: timestamp(now) } }));
      return now;
    }
    const tally = tallyOf(podsOf(job));
    const { completions, backoffLimit = 6, activeDeadlineSeconds } = job.spec;
    const succeeded = tally.succeeded.length;
    if (tally.failed.length + restartsOf(tally.active) > backoffLimit) {
      finish(job, 'Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
      return now;
    }
    const deadlineMs =
      activeDeadlineSeconds === undefined || started === undefined
        ? undefined
        : (epochOf(started) ?? now) + clock.scaled(activeDeadlineSeconds);
    if (deadlineMs !== undefined && deadlineMs <= now) {
      finish(job, 'Failed', 'DeadlineExceeded', 'Job was active longer than specified deadline');
      return now;
    }
    const done =
      completions === undefined ? succeeded > 0 && tally.active.length === 0 : succeeded >= completions;
    if (done && !suspended) {
      finish(job, 'Complete', 'CompletionsReached', 'Reached expected number of succeeded pods');
      return now;
    }
    const wanted = wantedActive(job, succeeded);
    const missing = wanted - tally.active.length;
    const tryMs = nextTry(tally.failed);
    if (missing > 0 && tryMs <= now) start(job, missing, tally);
    for (const pod of tally.active.slice(
      0,
      completions === undefined && succeeded > 0 ? 0 : Math.max(0, -missing),
    )) {
      deleteObject(context, 'pods', pod.metadata);
      record(job, { reason: 'SuccessfulDelete', message: `Deleted pod: ${pod.metadata.name}` });
    }
    count(job, suspended);
    const later = [missing > 0 ? tryMs : undefined, deadlineMs].filter(
      (each) => each !== undefined && each > now,
    );
    return later.length === 0 ? undefined : Math.min(...later.map(Number));
  };

  const count = (job: Job, suspended: boolean): void => {
    const pods = podsOf(job);
    const { active, succeeded, failed } = tallyOf(pods);
    write(job, (object) => {
      const { active: _active, ...status } = object.status ?? {};
      const had = conditionOf(object, 'Suspended');
      const conditions =
        suspended || had !== undefined
          ? withCondition(
              object.status?.conditions,
              suspended
                ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
                : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' },
              clock.now(),
            )
          : undefined;
      return {
        ...object,
        status: {
          ...status,
          ...(conditions === undefined ? {} : { conditions }),
          ...(active.length === 0 ? {} : { active: active.length }),
          ready: active.filter(isReady).length,
          terminating: pods.filter(isLeaving).length,
          ...(succeeded.length === 0 ? {} : { succeeded: succeeded.length }),
          ...(failed.length === 0 ? {} : { failed: failed.length }),
        },
      };
    });
  };

  return {
    name: 'jobs',
    keys: () => objects.list('jobs').map(keyOf),
    wokenBy: (change) => {
      if (change.plural === 'jobs') return change.type === 'DELETED' ? [] : [keyOf(change.object)];
      return change.plural === 'pods' ? podOwners(change, 'Job') : [];
    },
    reconcile: (key) => {
      const { namespace, name } = placeOf(key);
      const job = objects.get('jobs', name, namespace) as Job | undefined;
      if (job === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
      return label(job) ? clock.now() : work(job);
    },
  };
}
