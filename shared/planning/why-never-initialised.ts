import type { Cluster } from '../domain/cluster.ts';
import type { Node } from '../domain/node.ts';

/**
 * Why a cluster that waits for its first control plane waits in vain: each that is wanted was given up, and no other is
 * planned. Undefined while one may still begin.
 */
export function whyNeverInitialised(
  { initialisedAt, pendingPlan }: Pick<Cluster, 'initialisedAt' | 'pendingPlan'>,
  nodes: readonly Node[],
): string | undefined {
  if (initialisedAt !== undefined || pendingPlan !== undefined) return undefined;
  const wanted = nodes.filter(({ role, desired }) => role === 'control-plane' && desired === 'present');
  if (wanted.length === 0 || wanted.some(({ phase }) => phase !== 'failed')) return undefined;
  return wanted
    .map(({ number, failure }) => `control plane ${number}: ${failure?.reason ?? 'it was given up'}`)
    .join('; ');
}
