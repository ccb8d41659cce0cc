import type { ClusterId, Instant } from './ids.ts';

/** What a cluster's etcd held at one time, as it lies in the installation's bucket. */
export interface Snapshot {
  readonly clusterId: ClusterId;
  /** When it was asked for, as names have it: `20261123T080000Z`. */
  readonly id: string;
  readonly takenAt: Instant;
  /** The control plane that took it, and which of that node's machines. */
  readonly number: number;
  readonly attempt: number;
  /** From when it was seen in the bucket. */
  readonly sizeBytes?: number;
}

/** As the bucket's list has it. */
export interface SnapshotObject {
  readonly key: string;
  readonly sizeBytes: number;
}

/** All of the bucket that anybody has a right to. */
export const snapshotsFolder = 'clusters/';

export const snapshotIdAt = (at: Instant): string =>
  `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

export const snapshotFolder = (clusterId: ClusterId): string => `${snapshotsFolder}${clusterId}/snapshots/`;

/** `clusters/<cluster id>/snapshots/20261123T080000Z.db` */
export const snapshotKey = (clusterId: ClusterId, id: string): string =>
  `${snapshotFolder(clusterId)}${id}.db`;

/** Undefined for a key of another form. */
export const snapshotIdOf = (key: string): string | undefined => /\/(\d{8}T\d{6}Z)\.db$/.exec(key)?.[1];

/** The time that an id names. */
export const snapshotTime = (id: string): Instant =>
  new Date(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z')).toISOString();
