import type { Cluster, Snapshotting } from '../domain/cluster.ts';
import { plusSeconds, secondsBetween, type Instant } from '../domain/ids.ts';
import type { Mesh } from '../domain/mesh.ts';
import type { Instruction } from '../domain/node-protocol.ts';
import type { Node } from '../domain/node.ts';
import { snapshotIdAt } from '../domain/snapshot.ts';
import { isRestoring } from './restoring.ts';

export const snapshotSeconds = {
  /** From one that was taken to the next. */
  every: 15 * 60,
  /** After one that failed. */
  retry: 5 * 60,
  /** One that nothing was heard of for so long is given up. */
  leaseMax: 10 * 60,
  /** How long the URL is good for. */
  urlMax: 15 * 60,
  /** Each control plane waits so much longer than the one before it. */
  precedence: 60,
} as const;

export type SnapshotDecision =
  | {
      readonly need: {
        readonly write: 'lease-snapshot';
        readonly lease: Snapshotting;
        readonly over?: Snapshotting;
      };
    }
  /** Its endpoint is missing: who signs the URL puts it in. */
  | { readonly instruction: Instruction; readonly syncAfterSeconds: number };

/** The id carries the time: each snapshot is a new instruction. */
export const snapshotInstruction = ({ number, attempt, since }: Snapshotting): Instruction => ({
  id: `snapshot-${number}-${attempt}-${snapshotIdAt(since)}`,
  kind: 'snapshot',
});

/** When the next one is due, once this one has come to its end. */
export const nextSnapshotAt = (lease: Snapshotting, ok: boolean, now: Instant): Instant =>
  ok ? plusSeconds(lease.since, snapshotSeconds.every) : plusSeconds(now, snapshotSeconds.retry);

/**
 * Whether the control plane that just called is to upload what etcd holds: one at a time, every 15 minutes, while the
 * cluster serves and is to stay.
 *
 * Who calls and is ready is healthy, and nobody else has to be looked at: of several the lowest number that still calls
 * takes it, since each waits a minute longer than the one before it. So a steady call needs nothing but the cluster and
 * the mesh, which it reads anyway.
 *
 * @param node a control plane that is ready and stays.
 */
export function planSnapshot(input: {
  readonly cluster: Cluster;
  readonly node: Pick<Node, 'number' | 'attempt'>;
  readonly mesh: Mesh;
  readonly now: Instant;
}): SnapshotDecision | undefined {
  const { cluster, node, mesh, now } = input;
  const { snapshotting: current, initialisedAt, status } = cluster;
  if (initialisedAt === undefined || cluster.desired === 'absent') return undefined;
  if (cluster.deletionRequestedAt !== undefined) return undefined;
  const isServing = status === 'creating' || status === 'ready' || status === 'degraded';
  // What is left of an etcd that lost its quorum is no later state of the cluster than its last snapshot.
  if (!isServing && (status !== 'restoring' || isRestoring(cluster))) return undefined;

  const isPast = (since: Instant, seconds: number): boolean => secondsBetween(since, now) >= seconds;
  const controlPlanes = mesh.members
    .filter(({ role }) => role === 'control-plane')
    .map(({ number }) => number)
    .toSorted((a, b) => a - b);
  if (current !== undefined) {
    const isMine = current.number === node.number && current.attempt === node.attempt;
    const isOver = isPast(current.since, snapshotSeconds.leaseMax);
    if (isMine && !isOver)
      return { instruction: snapshotInstruction(current), syncAfterSeconds: holderSyncSeconds };
    // The machine is no more: the node left the mesh, or its next machine calls.
    const isDead = current.number === node.number || !controlPlanes.includes(current.number);
    if (!isOver && !isDead) return undefined;
  } else {
    const place = Math.max(0, controlPlanes.indexOf(node.number));
    if (!isPast(cluster.snapshotDueAt ?? initialisedAt, place * snapshotSeconds.precedence)) return undefined;
  }
  return {
    need: {
      write: 'lease-snapshot',
      lease: { number: node.number, attempt: node.attempt, since: now },
      ...(current !== undefined && { over: current }),
    },
  };
}

/** Soon: the result is waited for. */
const holderSyncSeconds = 3;
