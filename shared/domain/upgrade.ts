import type { Holder, KubernetesVersion } from './cluster.ts';
import { kubernetesVersions } from './cluster.ts';
import type { Instant } from './ids.ts';

/** The control plane that was told to upgrade itself. */
export interface UpgradeStep extends Holder {
  readonly since: Instant;
}

/** The roll-out goes no further until somebody resumes it. */
export interface UpgradeStop {
  readonly at: Instant;
  readonly reason: string;
  /** The node that could not be upgraded. */
  readonly number?: number;
}

/**
 * A cluster that moves to the next Kubernetes minor, one node after another: all that people asked for and what has become of
 * it. One at a time, and the last one stays for people to read.
 */
export interface Upgrade {
  readonly id: string;
  /** Moves with each write: whoever writes has read the one before. */
  readonly revision: number;
  readonly from: KubernetesVersion;
  readonly to: KubernetesVersion;
  readonly requestedAt: Instant;
  readonly requestedBy: string;
  /** Seconds from the end of one step to the next one's begin; absent is none. */
  readonly pauseSeconds?: number;
  /** Moves with every resumption: an agent carries out no instruction twice. */
  readonly tries: number;
  /** What failed before it was last resumed counts no more. */
  readonly resumedAt?: Instant;
  readonly step?: UpgradeStep;
  /** When the last control plane was done. */
  readonly steppedAt?: Instant;
  /** Somebody wants no further step for now. */
  readonly pausedAt?: Instant;
  readonly stopped?: UpgradeStop;
  /** From when every control plane is of the new minor: what is made now is so too. */
  readonly controlPlanesAt?: Instant;
  readonly finishedAt?: Instant;
}

/** What people ask for. */
export interface UpgradeWish {
  /** `1.37` */
  readonly to: string;
  readonly pauseSeconds?: number | undefined;
}

/** A day: who wants more of it pauses. */
export const upgradePauseSecondsMax = 24 * 60 * 60;

/** The one that comes after it; undefined where nothing newer is offered. */
export const nextMinor = (version: KubernetesVersion): KubernetesVersion | undefined =>
  kubernetesVersions[kubernetesVersions.indexOf(version) + 1];
