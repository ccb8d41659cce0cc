import type { ClusterClock, ClusterObjects, ObjectChange } from '../model.ts';
import type { ClusterIndex } from './cluster-index.ts';
import type { RecordEvent } from './event-recorder.ts';
import type { Work } from './work-loop.ts';

/** A cluster's certificate authority: whoever it signs for is who the certificate says. */
export interface CertificateAuthority {
  readonly certificatePem: string;
  /** PKCS #8 (or SEC 1) PEM. Only signs; it is never stored, logged or shown by a controller. */
  readonly privateKeyPem: string;
}

/** What the controllers cannot see in the objects. */
export interface ControllerHooks {
  /** Whether that node's kubelet still lives and can reach the API. Asked every 5 s of the cluster's time, at most once a second. */
  isNodeAlive(name: string): boolean;
  readonly authority: CertificateAuthority;
}

export interface ControllerContext {
  readonly objects: ClusterObjects;
  readonly clock: ClusterClock;
  readonly index: ClusterIndex;
  readonly hooks: ControllerHooks;
  readonly log: (line: string) => void;
  /** Says things in the name of a component, such as `deployment-controller`. */
  readonly recorder: (component: string) => RecordEvent;
}

/** Work that is woken by changes. Level-triggered: it looks at what is there, not at what has changed. */
export interface Controller extends Work {
  /** The keys to look at because of this. */
  wokenBy(change: ObjectChange): Iterable<string>;
  /** All keys, for a start over stored objects. */
  keys(): Iterable<string>;
}

/** The key of the object's controller when that is of this kind: what a change of a pod means to its owner. */
export function ownerKey(
  { metadata }: Pick<ObjectChange['object'], 'metadata'>,
  kind: string,
): readonly string[] {
  const owner = metadata.ownerReferences?.find((each) => each.controller === true && each.kind === kind);
  return owner === undefined ? [] : [`${metadata.namespace ?? ''}/${owner.name}`];
}
