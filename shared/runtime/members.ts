import type { Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import { mustBeForgotten } from '../planning/forget-member.ts';
import type { Store } from '../store/store.ts';

/**
 * Has a control plane that goes, or whose machine was given up, struck off etcd's members by those that serve. It says so
 * on the cluster's item, where every sync sees it; the agents' answers come with later syncs.
 *
 * @returns `busy` while another is being forgotten: one at a time.
 */
export async function forgetMember(
  store: Pick<Store, 'clusters' | 'nodes'>,
  node: Node,
  now: Instant,
): Promise<'forgotten' | 'asked' | 'busy'> {
  if (node.role !== 'control-plane') return 'forgotten';
  const cluster = await store.clusters.get(node.clusterId);
  const nodes = await store.nodes.list(node.clusterId);
  if (cluster === undefined || !mustBeForgotten({ cluster, node, nodes, now })) return 'forgotten';
  return (await store.clusters.askToForget(node.clusterId, node, now)) ? 'asked' : 'busy';
}
