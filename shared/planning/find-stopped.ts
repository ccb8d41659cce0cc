import type { Cluster } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { isUpgrading } from './upgrading.ts';

/** An upgrade that goes no further: the cluster serves, and people decide. */
export function findStopped(cluster: Pick<Cluster, 'id' | 'name' | 'upgrade'>): readonly Finding[] {
  if (!isUpgrading(cluster) || cluster.upgrade.stopped === undefined) return [];
  const { to, stopped } = cluster.upgrade;
  const { number, reason, at } = stopped;
  return [
    {
      clusterId: cluster.id,
      kind: 'upgrade-stopped',
      // Each time that it stops is another one.
      fingerprint: `upgrade-stopped:${at}`,
      subject: number === undefined ? 'upgrade' : `node ${number}`,
      ...(number !== undefined && { number }),
      message: `the upgrade to Kubernetes ${to} has stopped${number === undefined ? '' : ` at node ${number}`}: ${reason}`,
      remedy: `see to it, then: overcast cluster upgrade resume ${cluster.name}`,
      seenAt: at,
    },
  ];
}
