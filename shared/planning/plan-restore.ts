import type { Cluster, CloudParts, Plan, Restore } from '../domain/cluster.ts';
import type { Problem } from '../domain/cluster-request.ts';
import type { Finding } from '../domain/finding.ts';
import type { Instant, NodeId } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { Market } from '../domain/offering.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { takeNumbers } from './plan-cluster.ts';
import { planReplacement } from './plan-replacement.ts';
import { isRestoring } from './restoring.ts';

export type RestoreVerdict =
  /** To be written as one. */
  | {
      readonly restore: Restore;
      readonly plan: Plan;
      readonly nextNumber: number;
    }
  /** This very restore was asked for before. */
  | { readonly already: Restore }
  /** `conflict`: the cluster is not so that it can be; else the request itself is wrong. */
  | { readonly refused: 'conflict' | 'invalid'; readonly problem: Problem };

const snapshotsShownMax = 20;

/**
 * Whether a cluster may be restored now, and what is planned for it: one new control plane, like one of those that were lost;
 * the others follow once it serves. A cluster that goes is not asked about.
 *
 * @param wanted the snapshot that was asked for; the newest when absent.
 * @param id the request's, the same when it is repeated.
 */
export function planRestore(options: {
  cluster: Cluster;
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  findings: readonly Finding[];
  snapshots: readonly Pick<Snapshot, 'id'>[];
  wanted: string | undefined;
  market: Market;
  id: string;
  by: string;
  now: Instant;
  newId: () => NodeId;
}): RestoreVerdict {
  const { cluster, nodes, parts, findings, wanted, id, by, now, newId } = options;
  const { restore: last, name } = cluster;
  if (last?.id === id) return { already: last };

  const known = options.snapshots.map((each) => each.id).toSorted();
  const snapshot = wanted ?? known.at(-1);
  if (isRestoring(cluster))
    return snapshot === cluster.restore.snapshot
      ? { already: cluster.restore }
      : conflict('snapshot', `${name} is being restored from snapshot ${cluster.restore.snapshot} already`);
  const isLost = findings.some(({ kind }) => kind === 'quorum-lost') || last?.failure !== undefined;
  if (cluster.status !== 'failed' || !isLost)
    return conflict(
      'cluster',
      `${name} has not lost its quorum: it is ${cluster.status}${cluster.statusReason === undefined ? '' : ` (${cluster.statusReason})`}`,
    );
  if (snapshot === undefined)
    return conflict('snapshot', `${name} has no snapshot: it can only be deleted and created again`);
  if (!known.includes(snapshot))
    return {
      refused: 'invalid',
      problem: {
        field: 'snapshot',
        message: `${name} has no snapshot "${snapshot}"`,
        allowed: known.toReversed().slice(0, snapshotsShownMax),
      },
    };

  const lost = nodes.filter(
    ({ role, desired, phase }) => role === 'control-plane' && desired === 'present' && phase !== 'deleted',
  );
  const isTroubled = ({ cloud }: Node): boolean =>
    parts.find((each) => each.cloud === cloud)?.failure !== undefined;
  const [model, ...rest] = lost.toSorted(
    (a, b) => Number(isTroubled(a)) - Number(isTroubled(b)) || a.number - b.number,
  );
  if (model === undefined) return conflict('cluster', `${name} has no control plane that is wanted`);
  const standing = parts.filter(({ network }) => network !== undefined).map(({ cloud }) => cloud);
  const like = (numbers: readonly number[]) =>
    planReplacement({ cluster, nodes, numbers, standing, market: options.market, newId });
  const first = like([model.number]);
  const [node] = first.nodes;
  if (node === undefined) throw new Error(`node ${model.number} is not among the nodes`);
  const followers = [
    ...like(rest.map(({ number }) => number)).nodes.map(({ offering, shape }) => ({
      offering,
      ...(shape !== undefined && { shape }),
    })),
    // Planned by nobody before the cluster was lost once more.
    ...(last?.followers ?? []),
  ];
  return {
    restore: {
      id,
      snapshot,
      requestedAt: now,
      requestedBy: by,
      number: node.number,
      ...(followers.length > 0 && { followers }),
    },
    plan: {
      id: newId(),
      nodes: first.nodes,
      reason: `${by} asked to restore the cluster from snapshot ${snapshot}`,
    },
    nextNumber: first.nextNumber,
  };
}

const conflict = (field: string, message: string): RestoreVerdict => ({
  refused: 'conflict',
  problem: { field, message },
});

/** The control planes that are missing once a restored cluster serves again: ordinary nodes, which join one after the other. */
export function planFollowers(options: {
  cluster: Pick<Cluster, 'nextNumber'> & { readonly restore: Restore };
  nodes: readonly Node[];
  newId: () => NodeId;
}): { readonly plan: Plan; readonly nextNumber: number } {
  const { cluster, nodes, newId } = options;
  const { followers = [], snapshot } = cluster.restore;
  const { numbers, nextNumber } = takeNumbers({
    from: cluster.nextNumber,
    taken: nodes.map(({ number }) => number),
    count: followers.length,
  });
  return {
    nextNumber,
    plan: {
      id: newId(),
      nodes: followers.flatMap((follower, index) => {
        const number = numbers[index];
        return number === undefined
          ? []
          : [{ ...follower, id: newId(), number, role: 'control-plane' as const }];
      }),
      reason: `the control planes that are missing since the cluster was restored from snapshot ${snapshot}`,
    },
  };
}
