import { conditionOf, isOver } from '../conditions.ts';
import { keyOf, placeOf } from '../cluster-index.ts';
import { ownerKey, type Controller, type ControllerContext } from '../controller.ts';
import { deleteObject } from '../deletion.ts';
import { controllerReference, nameWithSuffix } from '../new-pod.ts';
import { podOwners } from '../replica-sets.ts';
import type { Deployment, ReplicaSet } from '../shapes.ts';
import { progressOf } from './deployment-status.ts';
import {
  boundsOf,
  nextRollingStep,
  scaleProportionally,
  type Rollable,
  type Scaling,
} from './rolling-update.ts';
import { bareTemplate, canonical, sameTemplate, templateHash, templateHashLabel } from './template-hash.ts';

export const annotations = {
  revision: 'deployment.kubernetes.io/revision',
  desired: 'deployment.kubernetes.io/desired-replicas',
  max: 'deployment.kubernetes.io/max-replicas',
} as const;

/** kubectl's own memory of what it applied belongs to the deployment alone. */
const notCopied: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  ...Object.values(annotations),
]);
const defaults = { progressDeadlineSeconds: 600, revisionHistoryLimit: 10 } as const;
const collisionsMax = 20;

const revisionOf = (set: ReplicaSet): number => Number(set.metadata.annotations?.[annotations.revision] ?? 0);
const wantedOf = (set: ReplicaSet): number => set.spec.replicas ?? 1;
const rollable = (set: ReplicaSet): Rollable => ({
  name: set.metadata.name,
  wanted: wantedOf(set),
  replicas: set.status?.replicas ?? 0,
  available: set.status?.availableReplicas ?? 0,
});
const byAge = (a: ReplicaSet, b: ReplicaSet): number => revisionOf(a) - revisionOf(b);

/** Replica sets of one deployment: the one of its present template, and all others, the oldest first. */
interface Sets {
  readonly fresh: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

/** Rolls deployments out by replica sets, one bounded step after the other. */
export function createDeploymentController(context: ControllerContext): Controller {
  const { objects, clock, index } = context;
  const record = context.recorder('deployment-controller');
  /** What each deployment counted last, and since when, by uid. */
  const moved = new Map<string, { readonly counts: string; readonly atMs: number }>();

  const setsOf = ({ metadata: { uid = '' }, spec: { template } }: Deployment): Sets => {
    const all = (index.controlledBy(uid, 'replicasets') as ReplicaSet[]).sort(byAge);
    const fresh = all.find((set) => sameTemplate(set.spec.template, template));
    return { fresh, old: all.filter((set) => set !== fresh) };
  };

  const annotationsFor = (deployment: Deployment, revision: number): Record<string, string> => {
    const { replicas = 1, strategy } = deployment.spec;
    const surge = strategy?.type === 'Recreate' ? 0 : boundsOf(deployment).maxSurge;
    return {
      ...Object.fromEntries(
        Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !notCopied.has(key)),
      ),
      [annotations.revision]: String(revision),
      [annotations.desired]: String(replicas),
      [annotations.max]: String(replicas + surge),
    };
  };

  const change = (set: ReplicaSet, how: (set: ReplicaSet) => ReplicaSet): ReplicaSet =>
    (objects.change('replicasets', set.metadata.name, set.metadata.namespace, (object) =>
      how(object as ReplicaSet),
    ) ?? set) as ReplicaSet;

  const scale = (deployment: Deployment, set: ReplicaSet, replicas: number): void => {
    const before = wantedOf(set);
    change(set, (object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        annotations: {
          ...object.metadata.annotations,
          ...annotationsFor(deployment, revisionOf(object)),
        },
      },
      spec: { ...object.spec, replicas },
    }));
    if (replicas === before) return;
    record(deployment, {
      reason: 'ScalingReplicaSet',
      message: `Scaled ${replicas > before ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${replicas}`,
    });
  };

  const scaleAll = (deployment: Deployment, sets: readonly ReplicaSet[], scaling: Scaling): boolean => {
    for (const [name, replicas] of scaling) {
      const set = sets.find(({ metadata }) => metadata.name === name);
      if (set !== undefined) scale(deployment, set, replicas);
    }
    return scaling.size > 0;
  };

  /** The replica set of the present template, made when there is none; an older one that is wanted again becomes the newest. */
  const freshSet = (deployment: Deployment, { fresh, old }: Sets): ReplicaSet | undefined => {
    const newest = Math.max(0, ...old.map(revisionOf));
    const revision = fresh === undefined || revisionOf(fresh) <= newest ? newest + 1 : revisionOf(fresh);
    const wanted = annotationsFor(deployment, revision);
    const set =
      fresh === undefined
        ? createSet(deployment, wanted, old)
        : change(fresh, (object) => ({
            ...object,
            metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...wanted } },
            spec: { ...object.spec, minReadySeconds: deployment.spec.minReadySeconds ?? 0 },
          }));
    if (set !== undefined) {
      objects.change('deployments', deployment.metadata.name, deployment.metadata.namespace, (object) => ({
        ...object,
        metadata: {
          ...object.metadata,
          annotations: { ...object.metadata.annotations, [annotations.revision]: String(revision) },
        },
      }));
    }
    return set;
  };

  const createSet = (
    deployment: Deployment,
    wanted: Record<string, string>,
    old: readonly ReplicaSet[],
  ): ReplicaSet | undefined => {
    const { name, namespace = 'default' } = deployment.metadata;
    const { selector, minReadySeconds = 0, replicas = 1, strategy } = deployment.spec;
    const template = bareTemplate(deployment.spec.template);
    if (objects.get('namespaces', namespace)?.metadata.deletionTimestamp !== undefined) return undefined;
    for (
      let collisions = deployment.status?.collisionCount ?? 0;
      collisions < collisionsMax;
      collisions += 1
    ) {
      const hash = templateHash(template, collisions);
      const setName = nameWithSuffix(name, hash);
      // Another template has that name, or another's replica set.
      if (objects.get('replicasets', setName, namespace) !== undefined) continue;
      const room =
        strategy?.type === 'Recreate'
          ? replicas
          : Math.max(
              0,
              replicas + boundsOf(deployment).maxSurge - old.reduce((sum, set) => sum + wantedOf(set), 0),
            );
      const first = Math.min(replicas, room);
      const labels = { ...template.metadata?.labels, [templateHashLabel]: hash };
      const set = objects.create('replicasets', {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: {
          name: setName,
          namespace,
          labels,
          annotations: wanted,
          ownerReferences: [controllerReference(deployment)],
        },
        spec: {
          replicas: first,
          minReadySeconds,
          selector: { ...selector, matchLabels: { ...selector.matchLabels, [templateHashLabel]: hash } },
          template: { ...template, metadata: { ...template.metadata, labels } },
        },
        status: { replicas: 0 },
      }) as ReplicaSet;
      if (first > 0) {
        record(deployment, {
          reason: 'ScalingReplicaSet',
          message: `Scaled up replica set ${setName} from 0 to ${first}`,
        });
      }
      return set;
    }
    throw new Error(`no free name for a replica set of ${keyOf(deployment)}`);
  };

  /** The wanted number changed since the sets were last told of it. @returns whether that is all for now */
  const followScale = (deployment: Deployment, { fresh, old }: Sets): boolean => {
    const all = fresh === undefined ? old : [...old, fresh];
    const active = all.filter((set) => wantedOf(set) > 0);
    const { replicas = 1, strategy } = deployment.spec;
    const told = active.find(
      (set) => Number(set.metadata.annotations?.[annotations.desired] ?? replicas) !== replicas,
    );
    if (told === undefined && deployment.spec.paused !== true) return false;
    const [only = fresh] = active;
    if (active.length <= 1) {
      if (only !== undefined && (told !== undefined || wantedOf(only) !== replicas))
        scale(deployment, only, replicas);
      return true;
    }
    if (told === undefined || strategy?.type === 'Recreate') return true;
    const surge = boundsOf(deployment).maxSurge;
    const before = Number(told.metadata.annotations?.[annotations.max] ?? replicas);
    scaleAll(
      deployment,
      active,
      scaleProportionally(active.map(rollable), before, replicas === 0 ? 0 : replicas + surge),
    );
    // All of them have heard of the number, also those whose part did not change.
    for (const set of active) {
      change(set, (object) => ({
        ...object,
        metadata: {
          ...object.metadata,
          annotations: { ...object.metadata.annotations, ...annotationsFor(deployment, revisionOf(object)) },
        },
      }));
    }
    return true;
  };

  const recreate = (deployment: Deployment, sets: Sets): void => {
    const running = sets.old.filter((set) => wantedOf(set) > 0);
    for (const set of running) scale(deployment, set, 0);
    // The old ones have to be gone before the new begin.
    const left = sets.old.some((set) => index.podsOf(set.metadata.uid ?? '').some((pod) => !isOver(pod)));
    if (running.length > 0 || left) return;
    const fresh = freshSet(deployment, sets);
    const { replicas = 1 } = deployment.spec;
    if (fresh !== undefined && wantedOf(fresh) !== replicas) scale(deployment, fresh, replicas);
  };

  const roll = (deployment: Deployment, sets: Sets): void => {
    const fresh = freshSet(deployment, sets);
    if (fresh === undefined) return;
    const { replicas = 1 } = deployment.spec;
    const scaling = nextRollingStep({
      replicas,
      bounds: boundsOf(deployment),
      fresh: rollable(fresh),
      old: sets.old.map(rollable),
    });
    scaleAll(deployment, [fresh, ...sets.old], scaling);
  };

  /** Old replica sets are kept for going back, but not all of them. */
  const forgetOld = (deployment: Deployment, { old }: Sets): void => {
    const keep = deployment.spec.revisionHistoryLimit ?? defaults.revisionHistoryLimit;
    const idle = old.filter((set) => wantedOf(set) === 0 && (set.status?.replicas ?? 0) === 0);
    for (const set of idle.slice(0, Math.max(0, idle.length - keep))) {
      deleteObject(context, 'replicasets', set.metadata);
    }
  };

  const report = (deployment: Deployment): number | undefined => {
    const { uid = '', name, namespace } = deployment.metadata;
    const { fresh, old } = setsOf(deployment);
    const counts = canonical([
      fresh?.metadata.uid,
      [...old, fresh].map((set) => [set?.spec.replicas, set?.status]),
    ]);
    const nowMs = clock.now();
    if (moved.get(uid)?.counts !== counts) moved.set(uid, { counts, atMs: nowMs });
    const lastMovedMs = moved.get(uid)?.atMs ?? nowMs;
    const deadlineSeconds = deployment.spec.progressDeadlineSeconds ?? defaults.progressDeadlineSeconds;
    const deadlineMs = clock.scaled(deadlineSeconds);
    const collisions = deployment.status?.collisionCount ?? 0;
    const { status, waitingSinceMs } = progressOf({
      deployment,
      fresh,
      old,
      collisions,
      lastMovedMs,
      deadlineMs,
      nowMs,
    });
    objects.change('deployments', name, namespace, (object) => ({ ...object, status }));
    return waitingSinceMs === undefined ? undefined : Math.max(nowMs + 1, waitingSinceMs + deadlineMs);
  };

  return {
    name: 'deployments',
    keys: () => objects.list('deployments').map(keyOf),
    wokenBy: (change) => {
      if (change.plural === 'deployments') {
        if (change.type !== 'DELETED') return [keyOf(change.object)];
        moved.delete(change.object.metadata.uid ?? '');
        return [];
      }
      if (change.plural === 'replicasets') return ownerKey(change.object, 'Deployment');
      // Recreate waits for the last old pod to be gone.
      if (change.plural !== 'pods' || change.type !== 'DELETED') return [];
      return podOwners(change, 'ReplicaSet').flatMap((key) => {
        const { namespace, name } = placeOf(key);
        const set = objects.get('replicasets', name, namespace);
        return set === undefined ? [] : ownerKey(set, 'Deployment');
      });
    },
    reconcile: (key) => {
      const { namespace, name } = placeOf(key);
      const deployment = objects.get('deployments', name, namespace) as Deployment | undefined;
      if (deployment === undefined) return undefined;
      if (deployment.metadata.deletionTimestamp === undefined) {
        const sets = setsOf(deployment);
        const settled = followScale(deployment, sets);
        if (!settled && deployment.spec.strategy?.type === 'Recreate') recreate(deployment, sets);
        else if (!settled) roll(deployment, sets);
        const complete = conditionOf(deployment, 'Progressing')?.reason === 'NewReplicaSetAvailable';
        if (complete) forgetOld(deployment, setsOf(deployment));
      }
      const now = objects.get('deployments', name, namespace) as Deployment | undefined;
      return now === undefined ? undefined : report(now);
    },
  };
}
