import { etcdSnapshotFailed } from '../../events/etcd-snapshot-failed.ts';
import { etcdSnapshotTaken } from '../../events/etcd-snapshot-taken.ts';
import type { Cluster, Snapshotting } from '../../shared/domain/cluster.ts';
import type { Instant } from '../../shared/domain/ids.ts';
import type { Instruction, SyncRequest } from '../../shared/domain/node-protocol.ts';
import type { Node } from '../../shared/domain/node.ts';
import { snapshotIdAt, snapshotKey } from '../../shared/domain/snapshot.ts';
import { nextSnapshotAt, snapshotInstruction, snapshotSeconds } from '../../shared/planning/plan-snapshot.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { PresignUrl } from '../../shared/runtime/presigned-url.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { endOf } from './output.ts';

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'snapshots'>;
  readonly bus: Bus;
  readonly log: Log;
}

/**
 * What the holder says of its upload: taken, or to be tried again in a while. The item comes first, so that a snapshot is
 * never forgotten that nobody takes again.
 */
export async function recordSnapshot(
  { store, bus, log }: Parts,
  given: {
    readonly cluster: Cluster;
    readonly node: Node;
    readonly sync: SyncRequest;
    readonly now: Instant;
  },
): Promise<Cluster> {
  const { cluster, node, sync, now } = given;
  const { snapshotting: lease } = cluster;
  const { clusterId, number, attempt } = node;
  if (lease === undefined || lease.number !== number || lease.attempt !== attempt) return cluster;
  if (sync.result?.instructionId !== snapshotInstruction(lease).id) return cluster;
  const { ok, output } = sync.result;
  const snapshot = snapshotIdAt(lease.since);
  if (ok) await store.snapshots.record({ clusterId, id: snapshot, takenAt: lease.since, number, attempt });
  if (
    await store.clusters.settleSnapshot(
      clusterId,
      lease,
      nextSnapshotAt(lease, ok, now),
      ok ? snapshot : undefined,
    )
  ) {
    log[ok ? 'info' : 'warn']('etcd snapshot', { clusterId, number, snapshot, ok });
    if (ok) await bus.say(etcdSnapshotTaken, { clusterId, number, snapshot });
    else await bus.say(etcdSnapshotFailed, { clusterId, number, snapshot, reason: endOf(output) });
  }
  return (await store.clusters.get(clusterId)) ?? cluster;
}

/** Won or lost, the cluster is read again: whoever won stands there. */
export async function leaseSnapshot(
  { store, bus, log }: Parts,
  clusterId: string,
  { lease, over }: { readonly lease: Snapshotting; readonly over?: Snapshotting },
): Promise<void> {
  const isMine = await store.clusters.leaseSnapshot(clusterId, lease, over);
  if (!isMine || over === undefined) return;
  log.warn('nothing was heard of an etcd snapshot', { clusterId, number: over.number });
  await bus.say(etcdSnapshotFailed, {
    clusterId,
    number: over.number,
    snapshot: snapshotIdAt(over.since),
    reason: 'nothing more was heard of it',
  });
}

/** The instruction with the place to upload to. The URL is a secret: it stands in the reply and nowhere else. */
export async function withUploadUrl(
  presign: PresignUrl,
  { id, snapshotting }: Cluster,
  instruction: Instruction,
): Promise<Instruction> {
  if (snapshotting === undefined) throw new Error('a snapshot is instructed that nobody holds');
  const key = snapshotKey(id, snapshotIdAt(snapshotting.since));
  return {
    ...instruction,
    endpoint: await presign({ method: 'PUT', key, secondsMax: snapshotSeconds.urlMax }),
  };
}
