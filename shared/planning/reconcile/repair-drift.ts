import type { CloudName } from '../../domain/cloud.ts';
import type { CloudParts, Cluster } from '../../domain/cluster.ts';
import type { Finding } from '../../domain/finding.ts';
import { secondsBetween } from '../../domain/ids.ts';
import type { Node } from '../../domain/node.ts';
import { generationFingerprint } from '../cluster-status.ts';
import { isDnsDue } from '../find-dns.ts';
import { isDueStray } from '../find-strays.ts';
import { wantsLoadBalancer } from '../plan-load-balancer.ts';
import { isRestoring } from '../restoring.ts';
import { eventGraceSeconds, isGoing, withBackoff, type Strategy, type View } from './view.ts';

export const repairDrift: Strategy = {
  name: 'drift',
  reason: 'create and repair are the same run, and it goes on until the cluster is as it was asked for',
  decide: (view) => {
    const { cluster, now } = view;
    if (isGoing(cluster) || cluster.operation !== undefined) return [];
    const isNew = cluster.generation === 1 && secondsBetween(cluster.createdAt, now) < eventGraceSeconds;
    if (isNew) return [];
    const drift = driftOf(view);
    return drift === undefined ? [] : withBackoff(cluster, now, { event: 'DriftFound', ...drift });
  },
};

/** What a run of ProvisionCluster mends by itself, whether or not it was seen in two sweeps. */
export const isMendable = ({ kind }: Finding): boolean =>
  kind === 'network-changed' ||
  kind === 'machine-changed' ||
  kind === 'surplus-machine' ||
  kind === 'load-balancer-changed' ||
  kind === 'dns-changed';

/** What a run of ProvisionCluster tries again, since it may have been somebody's passing fault. */
const isTriedAgain = ({ kind }: Finding): boolean => kind === 'load-balancer-failed' || kind === 'dns-failed';

/** What a run of ProvisionCluster would mend; undefined when there is nothing. */
function driftOf({
  cluster,
  nodes,
  findings,
  parts,
  dns,
  now,
}: View): { fingerprint: string; because: string } | undefined {
  // Nobody lets the platform in before the cluster is restored; what its new machines need is looked at all the same.
  if (cluster.provisionedGeneration < cluster.generation && !isRestoring(cluster)) {
    return {
      fingerprint: generationFingerprint(cluster),
      because: `generation ${cluster.generation} was asked for and ${cluster.provisionedGeneration} is there`,
    };
  }
  const lost = findings.find(({ kind }) => kind === 'network-missing' || kind === 'cloud-failed');
  if (lost !== undefined)
    return { fingerprint: `${lost.cloud ?? ''}:${lost.fingerprint}`, because: lost.message };
  const without = cluster.clouds.find(
    ({ cloud }) => !parts.some((part) => part.cloud === cloud && part.network !== undefined),
  );
  if (without !== undefined)
    return {
      fingerprint: `${without.cloud}:network-absent`,
      because: `${without.cloud}: no network stands`,
    };
  const mendable = findings.filter(
    (finding) => isMendable(finding) || isTriedAgain(finding) || isDueStray(finding, now),
  );
  if (mendable.length > 0) return together(mendable);
  const unbalanced = withoutLoadBalancer(cluster, nodes, parts);
  if (unbalanced !== undefined)
    return {
      fingerprint: `${unbalanced}:load-balancer-absent`,
      because: `${unbalanced}: no load balancer stands`,
    };
  if (isDnsDue({ cluster, nodes, parts, dns }))
    return {
      fingerprint: `dns-due:${dns?.published?.publishedAt ?? 'never'}`,
      because: 'its names do not lead where they should',
    };
  const due = findings.find(({ kind }) => kind === 'credential-due');
  return due && { fingerprint: due.fingerprint, because: due.message };
}

/** A cloud that is to have one and has none: its first worker came without a plan, from a cloud that was full. */
const withoutLoadBalancer = (
  cluster: Cluster,
  nodes: readonly Node[],
  parts: readonly CloudParts[],
): CloudName | undefined =>
  cluster.clouds.find(
    ({ cloud }) =>
      wantsLoadBalancer(cluster, nodes, cloud) &&
      parts.find((part) => part.cloud === cloud)?.loadBalancer === undefined,
  )?.cloud;

/**
 * One run mends them all. Together they have one name, so that one that cannot be mended does not make the next wait for
 * an hour: another difference is another name, and is said at once.
 */
function together(findings: readonly Finding[]): { fingerprint: string; because: string } {
  const names = findings.map(({ cloud, fingerprint }) => `${cloud ?? ''}:${fingerprint}`).toSorted();
  const [first] = findings;
  const more = findings.length - 1;
  return {
    fingerprint: names.length === 1 ? names.join() : `${names.length}-differences:${hash(names.join('\n'))}`,
    because: `${first?.message ?? ''}${more > 0 ? `, and ${more} more` : ''}`.slice(0, reasonCharactersMax),
  };
}

const reasonCharactersMax = 900;

/** FNV-1a: equal texts have equal names, and different ones all but always different ones. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}
