import { dump, load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { checkSkew, upgradeNode } from './kubeadm-upgrade.ts';
import type { NodeOnDisk } from './kubeadm.ts';
import type { ClusterObjects } from './kubernetes/model.ts';

const node = { version: 'v1.36.4', registration: { name: 'one-1' } } as NodeOnDisk;

/** As much of a cluster as kubeadm asks of one. */
function clusterOf(version: string) {
  let map = { data: { ClusterConfiguration: dump({ clusterName: 'one', kubernetesVersion: version }) } };
  const objects = {
    get: () => map,
    change: (_plural: string, _name: string, _namespace: string, how: (object: typeof map) => typeof map) => {
      map = how(map);
      return map;
    },
  } as unknown as ClusterObjects;
  const upgrade = (wanted: string, there: ClusterObjects | undefined = objects) =>
    upgradeNode({ wanted, node, objects: () => there, sleep: async () => {} });
  return {
    upgrade,
    without: () => upgradeNode({ wanted: '1.37', node, objects: () => undefined, sleep: async () => {} }),
    configuration: () => load(map.data.ClusterConfiguration),
  };
}

describe('a simulated control plane that is upgraded', () => {
  it('moves the cluster’s configuration as the first, and follows it as the next', async () => {
    const first = clusterOf('v1.36.4');
    expect((await first.upgrade('1.37')).version).toBe('v1.37.4');
    expect(first.configuration()).toEqual({ clusterName: 'one', kubernetesVersion: 'v1.37.4' });
    const next = clusterOf('v1.37.1');
    expect((await next.upgrade('1.37')).version).toBe('v1.37.4');
    expect(next.configuration()).toMatchObject({ kubernetesVersion: 'v1.37.1' });
  });

  it.each([
    ['1.38', /at least one minor release ahead/],
    ['1.35', /is lower than the cluster version/],
    ['newest', /not a version: newest/],
  ])('refuses %s', async (wanted, why) => {
    const { upgrade, configuration } = clusterOf('v1.36.4');
    await expect(upgrade(wanted)).rejects.toThrow(why);
    expect(configuration()).toMatchObject({ kubernetesVersion: 'v1.36.4' });
  });

  it('fails without a cluster that answers', async () => {
    await expect(clusterOf('v1.36.4').without()).rejects.toThrow(/could not fetch kubeadm-config/);
  });
});

describe('the skew of a joining machine', () => {
  it.each<['control-plane' | 'worker', string, string, boolean]>([
    ['control-plane', 'v1.37.0', 'v1.37.4', true],
    ['control-plane', 'v1.36.4', 'v1.37.4', false],
    ['control-plane', 'v1.37.4', 'v1.36.4', false],
    ['worker', 'v1.36.4', 'v1.37.4', true],
    ['worker', 'v1.34.4', 'v1.37.4', true],
    ['worker', 'v1.33.4', 'v1.37.4', false],
    ['worker', 'v1.37.0', 'v1.36.4', false],
  ])('a %s of %s in a cluster of %s: %s', (role, machine, cluster, isAllowed) => {
    const check = () => checkSkew(role, machine, cluster);
    if (isAllowed) expect(check()).toBeUndefined();
    else expect(check).toThrow('[ERROR KubeletVersion]');
  });
});
