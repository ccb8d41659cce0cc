import { clusterNamePattern, type Cluster } from '../../domain/cluster.ts';
import { isUuid } from '../../domain/ids.ts';
import type { Store } from '../table.ts';
import { Problem } from './problem.ts';

const shownMax = 64;

/** A cluster by name or id. A name is looked up each time, since it may have passed to another cluster. @throws Problem 404 */
export async function findCluster(
  store: Pick<Store, 'clusters' | 'names'>,
  nameOrId: string,
): Promise<Cluster> {
  // What cannot be a name is not looked for: it may be longer than a key can be.
  const name = clusterNamePattern.test(nameOrId) ? nameOrId : undefined;
  const id = isUuid(nameOrId) ? nameOrId : name && (await store.names.lookUp(name));
  const cluster = id === undefined ? undefined : await store.clusters.get(id);
  if (cluster === undefined) throw new Problem(404, `there is no cluster ${nameOrId.slice(0, shownMax)}`);
  return cluster;
}

/** @throws Problem 409 when the cluster is going, or gone. */
export function mustLive(cluster: Cluster): void {
  if (cluster.desired === 'absent' || cluster.deletionRequestedAt !== undefined)
    throw new Problem(409, `the cluster ${cluster.name} is being deleted`);
}
