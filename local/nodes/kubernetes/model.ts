/** An object as the Kubernetes API has it. What a kind adds is read where it is needed. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  /** Absent for what belongs to the cluster as a whole. */
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339, whole seconds, as Kubernetes writes them. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly unknown[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** A kind's place in the API by its plural: `pods`, `deployments`. Plurals are unique among the kinds that are served. */
export type Plural = string;

export interface ObjectChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly plural: Plural;
  readonly object: KubernetesObject;
  /** How it was before: a watch with a selector needs to know whether it fitted. */
  readonly before?: KubernetesObject;
}

/**
 * All objects of one cluster: what etcd is to a real one. Every write counts the resource version up, and is heard of by
 * every listener before the call returns. Objects that are given out are not to be changed in place.
 */
export interface ClusterObjects {
  get(plural: Plural, name: string, namespace?: string): KubernetesObject | undefined;
  /** In the order of namespace and name. */
  list(plural: Plural, namespace?: string): readonly KubernetesObject[];
  /** Gives it resourceVersion, creationTimestamp and, unless it has one already, a uid. @throws ApiError AlreadyExists */
  create(plural: Plural, object: KubernetesObject): KubernetesObject;
  /**
   * Replaces it whole. `generation` moves when anything but metadata and status changed. An object without finalizers that
   * is marked as deleted and whose grace is over is removed by `remove`, not here. Nothing changed: nothing is written.
   *
   * @throws ApiError NotFound; Conflict when its metadata.resourceVersion is not the stored one (absent: any).
   */
  update(plural: Plural, object: KubernetesObject): KubernetesObject;
  /** Reads, changes, writes. Undefined when it is not there. */
  change(
    plural: Plural,
    name: string,
    namespace: string | undefined,
    how: (object: KubernetesObject) => KubernetesObject,
  ): KubernetesObject | undefined;
  /** Takes it away at once, whatever its finalizers. False when it was not there. */
  remove(plural: Plural, name: string, namespace?: string): boolean;
  /** The last write's. */
  readonly resourceVersion: number;
  /** The next write has a version that is so much later. */
  skipVersions(count: number): void;
  /** Returns what stops it. Listeners are called synchronously and must not throw. */
  listen(listener: (change: ObjectChange) => void): () => void;
}

/** Time as the simulated cluster has it: as much faster as the clouds are. */
export interface ClusterClock {
  /** Epoch milliseconds of the real clock. */
  now(): number;
  /** Real milliseconds for unscaled seconds. */
  scaled(seconds: number): number;
}

/** What the API server asks of the cluster's other parts. */
export interface ClusterHooks {
  /** What `kubectl logs` prints; absent: a line that says that the container is simulated. */
  podLog?(pod: KubernetesObject, container: string): string;
  /** Whether its etcd answers; absent: it does. */
  hasQuorum?(): boolean;
}
