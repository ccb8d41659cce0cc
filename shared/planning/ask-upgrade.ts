import type { Cluster } from '../domain/cluster.ts';
import type { Problem } from '../domain/cluster-request.ts';
import type { Instant } from '../domain/ids.ts';
import { nextMinor, upgradePauseSecondsMax, type Upgrade, type UpgradeWish } from '../domain/upgrade.ts';
import { isRestoring } from './restoring.ts';
import { isUpgrading } from './upgrading.ts';

export type AskVerdict =
  /** To be written. */
  | { readonly upgrade: Upgrade }
  /** It was asked for before. */
  | { readonly already: Upgrade }
  /** `conflict`: the cluster is not so that it can be; else the request itself is wrong. */
  | { readonly refused: 'conflict' | 'invalid'; readonly problem: Problem };

/**
 * Whether a cluster may move to another Kubernetes minor now: to the next one alone, from a cluster that serves. A cluster that
 * goes is not asked about.
 *
 * @param id the upgrade's, should it begin.
 */
export function askUpgrade(options: {
  readonly cluster: Cluster;
  readonly wish: UpgradeWish;
  readonly id: string;
  readonly by: string;
  readonly now: Instant;
}): AskVerdict {
  const { cluster, wish, id, by, now } = options;
  const { name, kubernetesVersion: from, status, upgrade: last } = cluster;
  const { pauseSeconds } = wish;
  if (
    pauseSeconds !== undefined &&
    (!Number.isInteger(pauseSeconds) || pauseSeconds < 0 || pauseSeconds > upgradePauseSecondsMax)
  )
    return invalid('pauseSeconds', `must be a whole number from 0 to ${upgradePauseSecondsMax}`);
  if (last?.to === wish.to) return { already: last };
  if (isUpgrading(cluster))
    return conflict('to', `${name} is being upgraded to Kubernetes ${cluster.upgrade.to} already`);
  const next = nextMinor(from);
  if (wish.to !== next)
    return next === undefined
      ? conflict('to', `${name} is of Kubernetes ${from}, and nothing newer is offered`)
      : {
          refused: 'invalid',
          problem: {
            field: 'to',
            message: `${name} is of Kubernetes ${from}, and goes one minor at a time`,
            allowed: [next],
          },
        };
  if (isRestoring(cluster) || (status !== 'ready' && status !== 'degraded'))
    return conflict('cluster', `${name} is ${status}: it is upgraded once it is ready`);
  return {
    upgrade: {
      id,
      revision: 1,
      from,
      to: next,
      requestedAt: now,
      requestedBy: by,
      ...(pauseSeconds !== undefined && pauseSeconds > 0 && { pauseSeconds }),
      tries: 0,
    },
  };
}

/**
 * No further step for now, or on from where it was paused or had stopped; asked for again, it is as it was.
 *
 * @returns the upgrade as it is to be, `already` when it is so.
 */
export function turnUpgrade(cluster: Cluster, turn: 'pause' | 'resume', now: Instant): AskVerdict {
  if (!isUpgrading(cluster)) return conflict('cluster', `no upgrade of ${cluster.name} is under way`);
  const { upgrade } = cluster;
  const revision = upgrade.revision + 1;
  if (turn === 'pause')
    return upgrade.pausedAt === undefined
      ? { upgrade: { ...upgrade, revision, pausedAt: now } }
      : { already: upgrade };
  const { pausedAt, stopped, ...rest } = upgrade;
  if (pausedAt === undefined && stopped === undefined) return { already: upgrade };
  return {
    upgrade: {
      ...rest,
      revision,
      // What stopped it is tried once more; what merely waited goes on as it is.
      ...(stopped !== undefined && { tries: rest.tries + 1, resumedAt: now }),
    },
  };
}

const conflict = (field: string, message: string): AskVerdict => ({
  refused: 'conflict',
  problem: { field, message },
});
const invalid = (field: string, message: string): AskVerdict => ({
  refused: 'invalid',
  problem: { field, message },
});
