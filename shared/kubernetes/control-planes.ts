import type { Cluster } from '../domain/cluster.ts';
import { nodeName, type Node } from '../domain/node.ts';

export interface ControlPlane {
  /** Of the Node object and the machine: `four-clouds-1`. */
  readonly name: string;
  /** Public. */
  readonly address: string;
}

/**
 * The control planes whose API servers may answer from outside: joined, to stay, and with a public address. Ready ones first,
 * then by number, so that everybody tries the same one first.
 */
export const controlPlanesOf = (
  cluster: Pick<Cluster, 'name' | 'initialisedAt' | 'initNode'>,
  nodes: readonly Node[],
): readonly ControlPlane[] =>
  nodes
    .filter(
      ({ role, desired, phase }) => role === 'control-plane' && desired === 'present' && phase !== 'failed',
    )
    // The first one serves from the moment it is initialised, a little before it reports that it joined.
    .filter(
      ({ number, joinedAt }) =>
        joinedAt !== undefined || (cluster.initialisedAt !== undefined && number === cluster.initNode),
    )
    .toSorted((a, b) => Number(b.phase === 'ready') - Number(a.phase === 'ready') || a.number - b.number)
    .flatMap(({ number, publicAddress }) =>
      publicAddress === undefined ? [] : [{ name: nodeName(cluster.name, number), address: publicAddress }],
    );
