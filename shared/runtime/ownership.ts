import type { Cluster } from '../domain/cluster.ts';
import type { ClusterId } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { Store } from '../store/store.ts';
import { Superseded } from './errors.ts';

/** The cluster, read strongly. @throws Superseded when this execution does not own it. */
export async function ownedCluster(
  store: Pick<Store, 'clusters'>,
  id: ClusterId,
  executionArn: string,
): Promise<Cluster> {
  const cluster = await store.clusters.get(id);
  if (cluster === undefined) throw new Superseded(`there is no cluster ${id}`);
  if (cluster.operation?.executionArn !== executionArn)
    throw new Superseded(`cluster ${id} is owned by ${cluster.operation?.executionArn ?? 'nobody'}`);
  return cluster;
}

/** The node, read strongly. @throws Superseded when this execution does not own it. */
export async function ownedNode(
  store: Pick<Store, 'nodes'>,
  of: { readonly clusterId: ClusterId; readonly number: number },
  executionArn: string,
): Promise<Node> {
  const node = await store.nodes.get(of.clusterId, of.number);
  if (node === undefined) throw new Superseded(`there is no node ${of.number}`);
  if (node.operation?.executionArn !== executionArn)
    throw new Superseded(`node ${of.number} is owned by ${node.operation?.executionArn ?? 'nobody'}`);
  return node;
}
