import type { Cluster } from '../domain/cluster.ts';
import type { Node } from '../domain/node.ts';

/** Workers that their clouds are taking back, and what became of their places. */
export interface Interrupted {
  /** Nobody is planned in their place yet. */
  readonly unplanned: readonly Node[];
  /** Another has begun, or has failed, in their place: they may go. */
  readonly released: readonly Node[];
}

/**
 * A warning that a machine may be taken back changes nothing: many of those live on for days. Control planes are no spot
 * machines, and go one at a time; one that is taken all the same is replaced when it is lost.
 */
export function findInterrupted(
  { pendingPlan }: Pick<Cluster, 'pendingPlan'>,
  nodes: readonly Node[],
): Interrupted {
  const planned = new Set(pendingPlan?.nodes.map(({ replaces }) => replaces));
  const interrupted = nodes.filter(
    ({ role, desired, phase, interruption }) =>
      role === 'worker' && desired === 'present' && phase !== 'failed' && interruption === 'terminate',
  );
  const successorOf = ({ id }: Node): Node | undefined => nodes.find(({ replaces }) => replaces === id);
  return {
    unplanned: interrupted.filter((node) => successorOf(node) === undefined && !planned.has(node.id)),
    released: interrupted.filter((node) => {
      const successor = successorOf(node);
      // From its first attempt on its create has been stored, and is on its way.
      return successor !== undefined && (successor.attempt > 0 || successor.phase === 'failed');
    }),
  };
}
