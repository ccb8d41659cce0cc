import type { CloudParts } from '../domain/cluster.ts';
import { keys, prefixes } from './keys.ts';
import type { CloudPartsStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

/** The run that owns the cluster is the only writer, so these writes have no condition. */
const always = { when: 'attribute_exists(#pk) OR attribute_not_exists(#pk)' };

export const partsStore = (table: Table): CloudPartsStore => ({
  async get(clusterId, cloud) {
    const item = await table.get(keys.parts(clusterId, cloud));
    return item === undefined ? undefined : entityOf<CloudParts>(item);
  },

  list: async (clusterId) =>
    (await table.children(keys.cluster(clusterId).pk, prefixes.cloud)).map((item) =>
      entityOf<CloudParts>(item),
    ),

  async recordNetwork(clusterId, network) {
    await table.update(
      keys.parts(clusterId, network.cloud),
      { set: { clusterId, cloud: network.cloud, network }, remove: ['failure'] },
      always,
    );
  },

  async recordFailure(clusterId, cloud, failure) {
    await table.update(keys.parts(clusterId, cloud), { set: { clusterId, cloud, failure } }, always);
  },

  async recordLoadBalancer(clusterId, loadBalancer, at) {
    const { cloud } = loadBalancer;
    await table.update(
      keys.parts(clusterId, cloud),
      { set: { clusterId, cloud, loadBalancer, mendedAt: at }, remove: ['loadBalancerFailure'] },
      always,
    );
  },

  async recordLoadBalancerFailure(clusterId, cloud, failure) {
    await table.update(
      keys.parts(clusterId, cloud),
      { set: { clusterId, cloud, loadBalancerFailure: failure } },
      always,
    );
  },

  async forgetLoadBalancer(clusterId, cloud) {
    await table.update(
      keys.parts(clusterId, cloud),
      { set: { clusterId, cloud }, remove: ['loadBalancer', 'loadBalancerFailure'] },
      always,
    );
  },

  async recordMended(clusterId, cloud, { from, at }) {
    await table.update(
      keys.parts(clusterId, cloud),
      { set: { clusterId, cloud, mendedFrom: from, mendedAt: at } },
      always,
    );
  },

  async clearFailure(clusterId, cloud) {
    await table.update(
      keys.parts(clusterId, cloud),
      { remove: ['failure'] },
      { when: 'attribute_exists(#failure)' },
    );
  },

  async forget(clusterId, cloud) {
    await table.remove(keys.parts(clusterId, cloud));
  },
});
