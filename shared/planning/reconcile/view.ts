import type { Cluster, CloudParts, KubernetesVersion, Restore } from '../../domain/cluster.ts';
import type { Finding } from '../../domain/finding.ts';
import { plusSeconds, secondsBetween, type Instant } from '../../domain/ids.ts';
import type { Mesh, MeshMember } from '../../domain/mesh.ts';
import type { Node } from '../../domain/node.ts';
import type { Market } from '../../domain/offering.ts';
import type { Upgrade } from '../../domain/upgrade.ts';
import type { WorkloadSighting } from '../../domain/workload.ts';
import type { DnsView } from '../find-dns.ts';
import type { Losses } from '../find-losses.ts';
import type { PodsPlan } from '../plan-for-pods.ts';
import type { WantedNode } from '../purchases.ts';
import { isBetweenMinors } from '../upgrading.ts';

/** Each is one thing for reconcile-cluster to do, in order, and why. */
export type Action =
  | {
      readonly kind: 'say';
      readonly event: 'NodesPlanned';
      readonly because: string;
    }
  | {
      readonly kind: 'say';
      readonly event: 'NodeRequested' | 'NodeRetirementRequested';
      readonly number: number;
      readonly because: string;
    }
  | {
      /** To be said only when `clusters.sayDrift` with these values wins. */
      readonly kind: 'say-with-backoff';
      readonly event: 'DriftFound' | 'ClusterDeletionRequested';
      readonly fingerprint: string;
      readonly attempts: number;
      readonly notBefore: Instant;
      readonly because: string;
    }
  | {
      /**
       * Plan a node in place of each of these, in one write with the generation that was read. Lost ones are then let go:
       * cut short in between, the plan says whom it replaces.
       */
      readonly kind: 'replace';
      readonly numbers: readonly number[];
      readonly because: string;
      readonly letGo: boolean;
    }
  | {
      /** Let a node go whose successor is planned already. One that is lost has nothing to hand over. */
      readonly kind: 'retire';
      readonly number: number;
      readonly because: string;
      readonly isLost: boolean;
      /** It counts towards what consolidation may take away within an hour. */
      readonly isConsolidated?: true;
    }
  | {
      /** Plan these nodes, in one write with the generation that was read. */
      readonly kind: 'plan';
      readonly nodes: readonly WantedNode[];
      readonly because: string;
    }
  | {
      /** Plan the control planes that are missing in a cluster that was restored, in one write with the generation that was read. */
      readonly kind: 'plan-followers';
      readonly restore: Restore;
      readonly because: string;
    }
  | {
      /** Write down how a restore ended: with a failure that people are to know, or with nothing more to do. */
      readonly kind: 'end-restore';
      readonly restore: Restore;
      readonly failure?: string;
      readonly because: string;
    }
  | {
      /** Write down how far an upgrade is, in one write with what was read of it, and then say so. */
      readonly kind: 'upgrade';
      readonly read: Upgrade;
      readonly next: Upgrade;
      /** What new machines get from now on. */
      readonly kubernetesVersion?: KubernetesVersion;
      readonly snapshotDueAt?: Instant;
      readonly says?:
        | { readonly event: 'NodeUpgradeBegun'; readonly number: number }
        | { readonly event: 'UpgradeFinished' };
      readonly because: string;
    }
  | {
      /** The mesh as the nodes are, in one write with the version that was read. */
      readonly kind: 'mend-mesh';
      readonly members: readonly MeshMember[];
      readonly versionRead: number;
      readonly because: string;
    }
  | {
      /** Look whether this execution still runs; a dead one's ownership is released. Without a number: the cluster's. */
      readonly kind: 'check-operation';
      readonly executionArn: string;
      readonly number?: number;
      readonly because: string;
    };

/** All that a strategy decides by. */
export interface View {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  readonly parts: readonly CloudParts[];
  /** What the last looks showed, without what nobody could see again. */
  readonly findings: readonly Finding[];
  readonly losses: Losses;
  /** Undefined when nobody looked. */
  readonly mesh?: Mesh | undefined;
  /** Undefined where the installation has no hosted zone. */
  readonly dns?: DnsView | undefined;
  /** What its API last showed, where a policy needs it and somebody looked. */
  readonly workload?: WorkloadSighting | undefined;
  /** What can be bought, where a policy may buy. */
  readonly market?: Market | undefined;
  /** What pods need that wait; undefined when nothing is known of them. */
  readonly pods?: PodsPlan | undefined;
  readonly now: Instant;
}

export interface Strategy {
  readonly name: string;
  readonly reason: string;
  /** It is not asked while one before it has something to do. */
  readonly onlyInQuiet?: true;
  readonly decide: (view: View) => readonly Action[];
}

/** Events are said before the tick looks: within this time an event may still be on its way. */
export const eventGraceSeconds = 60;

/** Asked to go, or going: its clean-up alone decides about its nodes. */
export const isGoing = (cluster: Cluster): boolean =>
  cluster.desired === 'absent' || cluster.deletionRequestedAt !== undefined;

/** Policies change a cluster that was ready once and can take nodes, one plan at a time. */
export const mayResize = ({ cluster, losses }: Pick<View, 'cluster' | 'losses'>): boolean =>
  !isGoing(cluster) &&
  cluster.readyAt !== undefined &&
  (cluster.restore === undefined || cluster.restore.finishedAt !== undefined) &&
  cluster.pendingPlan === undefined &&
  !isBetweenMinors(cluster) &&
  !losses.quorum.isLost;

export const isIdle = (node: Node, desired: Node['desired']): boolean =>
  node.desired === desired && node.operation === undefined;

const backoffMinutesMax = 60;

/** The same thing again waits twice as long each time, 1 to 60 minutes; something else, or after a long quiet, starts anew. */
export function withBackoff(
  cluster: Cluster,
  now: Instant,
  said: { event: 'DriftFound' | 'ClusterDeletionRequested'; fingerprint: string; because: string },
): readonly Action[] {
  const isSame = cluster.repairFingerprint === said.fingerprint;
  const sinceOver =
    cluster.repairNotBefore === undefined ? Infinity : secondsBetween(cluster.repairNotBefore, now);
  if (isSame && sinceOver < 0) return [];
  const isRepeat = isSame && sinceOver < backoffMinutesMax * 60;
  const attempts = isRepeat ? (cluster.repairAttempts ?? 0) + 1 : 1;
  const minutes = Math.min(backoffMinutesMax, 2 ** (attempts - 1));
  return [{ kind: 'say-with-backoff', ...said, attempts, notBefore: plusSeconds(now, minutes * 60) }];
}
