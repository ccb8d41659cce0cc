import type { Cluster, Holder, KubernetesVersion } from '../domain/cluster.ts';
import type { Instruction } from '../domain/node-protocol.ts';
import type { Node } from '../domain/node.ts';
import type { Upgrade, UpgradeStep } from '../domain/upgrade.ts';

type Versioned = Pick<Cluster, 'kubernetesVersion' | 'upgrade'>;

/** Asked for and not finished; it may be paused or have stopped. */
export const isUpgrading = <T extends Pick<Cluster, 'upgrade'>>(
  cluster: T,
): cluster is T & { readonly upgrade: Upgrade } =>
  cluster.upgrade !== undefined && cluster.upgrade.finishedAt === undefined;

/** While some control planes are of the one minor and some of the other, nothing else is changed about the cluster. */
export const isBetweenMinors = (cluster: Pick<Cluster, 'upgrade'>): boolean =>
  isUpgrading(cluster) && cluster.upgrade.controlPlanesAt === undefined;

/** The minor that a node's machine is of, or its first one will be. */
export const versionOf = (
  { kubernetesVersion, attempt }: Pick<Node, 'kubernetesVersion' | 'attempt'>,
  cluster: Versioned,
): KubernetesVersion => {
  const before = attempt === 0 ? undefined : cluster.upgrade?.from;
  return kubernetesVersion ?? before ?? cluster.kubernetesVersion;
};

/**
 * The minor that a node's next machine is to have. No kubelet may be newer than any API server, so workers stay with the old
 * one until every control plane is of the new. A control plane joins a cluster of the minor of its own kubeadm: from the first
 * one's step on that is the new one.
 * Sources: Kubernetes, Version Skew Policy; kubeadm, Version skew policy.
 *
 * @param nodes every node of the cluster.
 */
export function versionOfNext(
  cluster: Versioned,
  { role }: Pick<Node, 'role'>,
  nodes: readonly Node[],
): KubernetesVersion {
  if (role === 'worker' || !isBetweenMinors(cluster) || !isUpgrading(cluster))
    return cluster.kubernetesVersion;
  const { upgrade } = cluster;
  const hasBegun =
    upgrade.step !== undefined ||
    nodes.some((node) => node.role === 'control-plane' && node.kubernetesVersion === upgrade.to);
  return hasBegun ? upgrade.to : upgrade.from;
}

/** The id carries the minor and the try: what was cut off or failed is another instruction when it is done again. */
export const upgradeInstruction = (
  { to, tries }: Upgrade,
  { number, attempt }: UpgradeStep,
): Instruction => ({
  id: `upgrade-${number}-${attempt}-${to}-${tries}`,
  kind: 'upgrade',
  reason: to,
});

/** Whether this machine, and not just its node, was told to upgrade itself. */
export const holdsUpgradeStep = <T extends Pick<Cluster, 'upgrade'>>(
  cluster: T,
  { number, attempt }: Holder,
): cluster is T & { readonly upgrade: Upgrade & { readonly step: UpgradeStep } } =>
  isUpgrading(cluster) && cluster.upgrade.step?.number === number && cluster.upgrade.step.attempt === attempt;
