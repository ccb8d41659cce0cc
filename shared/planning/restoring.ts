import type { Cluster, Holder, Restore } from '../domain/cluster.ts';
import type { Node } from '../domain/node.ts';

/** A restore is under way: asked for, and nobody serves yet what the snapshot held. */
export const isRestoring = <T extends Pick<Cluster, 'restore'>>(
  cluster: T,
): cluster is T & { readonly restore: Restore } =>
  cluster.restore !== undefined &&
  cluster.restore.restoredAt === undefined &&
  cluster.restore.failure === undefined;

/** Whether this machine, and not just its node, was let restore the cluster: every other etcd of it was gone by then. */
export const holdsRestoreClaim = (cluster: Pick<Cluster, 'restore'>, machine: Holder): boolean =>
  isRestoring(cluster) &&
  cluster.restore.number === machine.number &&
  cluster.restore.attempt === machine.attempt;

/**
 * Control planes whose machine may still be there, and with it an etcd of before. A node is `deleted` only when its cloud has
 * shown that its machine is no more.
 */
export const formerControlPlanes = (
  { number }: Pick<Restore, 'number'>,
  nodes: readonly Node[],
): readonly Node[] =>
  nodes.filter((node) => node.role === 'control-plane' && node.number !== number && node.phase !== 'deleted');

/** Why a restore has come to nothing; undefined while there is hope. */
export function whyNotRestored(
  cluster: Pick<Cluster, 'restore'>,
  nodes: readonly Node[],
): string | undefined {
  if (!isRestoring(cluster)) return undefined;
  const { restore } = cluster;
  const node = nodes.find(({ number }) => number === restore.number);
  if (node === undefined || (node.desired === 'present' && node.phase !== 'failed')) return undefined;
  const former = formerControlPlanes(restore, nodes);
  const reason = node.failure?.reason ?? 'it was taken away';
  return former.length === 0
    ? `control plane ${node.number}: ${reason}`
    : `the machine${former.length === 1 ? '' : 's'} of ${numbersOf(former)} could not be deleted, and control plane ${node.number} did not wait for ever: ${reason}`;
}

/** Everything that a restore began has come to its end: its control planes serve, or were given up. */
export const isRestoreOver = (
  { restore, pendingPlan }: Pick<Cluster, 'restore' | 'pendingPlan'>,
  nodes: readonly Node[],
): boolean =>
  restore?.restoredAt !== undefined &&
  restore.followers === undefined &&
  pendingPlan === undefined &&
  nodes
    .filter(({ role, desired }) => role === 'control-plane' && desired === 'present')
    .every(({ phase }) => phase === 'ready' || phase === 'failed');

/** How far a restore is, for people: `from snapshot 20261123T080000Z: control plane 4 is booting`. */
export function restoreProgress({ restore }: { readonly restore: Restore }, nodes: readonly Node[]): string {
  const present = nodes.filter(({ role, desired }) => role === 'control-plane' && desired === 'present');
  const first = present.find(({ number }) => number === restore.number);
  const coming = present.filter(({ phase }) => phase !== 'ready' && phase !== 'failed');
  const former = formerControlPlanes(restore, nodes);
  const step =
    restore.restoredAt !== undefined
      ? coming.length === 0
        ? 'it serves, and the other control planes are planned'
        : `it serves, and ${numbersOf(coming)} ${coming.length === 1 ? 'is' : 'are'} on the way`
      : restore.attempt !== undefined && restore.attempt === first?.attempt
        ? `control plane ${restore.number} restores it`
        : former.length > 0
          ? `${numbersOf(former)} must be gone first`
          : `control plane ${restore.number} is ${first?.phase ?? 'planned'}`;
  return `from snapshot ${restore.snapshot}: ${step}`;
}

/** `control plane 2`, `control planes 2 and 3` */
function numbersOf(nodes: readonly Node[]): string {
  const numbers = nodes.map(({ number }) => String(number));
  const last = numbers.at(-1) ?? '';
  return numbers.length < 2
    ? `control plane ${last}`
    : `control planes ${numbers.slice(0, -1).join(', ')} and ${last}`;
}
