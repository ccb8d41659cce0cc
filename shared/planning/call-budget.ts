import type { CallBudget } from '../domain/call-budget.ts';
import type { CloudName } from '../domain/cloud.ts';
import { plusSeconds, secondsBetween, type Instant } from '../domain/ids.ts';

/** So many calls at once, and as many again within this time. */
interface Window {
  readonly calls: number;
  readonly perSeconds: number;
}

/**
 * What the clouds allow for reads. EC2: a bucket of 100, refilled by 20 a second, per account and region. Azure Resource
 * Manager: 250, refilled by 25 a second, per subscription and principal. DigitalOcean: 250 a minute and 5,000 an hour per
 * token. Google counts per project, minute and group of methods; how much a project has is in its console, 1,500 a minute for
 * a group where its documentation named a number. 600 is a choice of ours below that, and no promise of Google's: a project
 * that has less says so with `rateLimitExceeded`, and looks pause.
 * Sources: EC2 API Reference, Request throttling; Azure Resource Manager throttling limits; DigitalOcean API, Rate limit;
 * Compute Engine rate quotas, https://cloud.google.com/compute/api-quota
 */
const windows: Readonly<Record<CloudName, readonly Window[]>> = {
  aws: [{ calls: 100, perSeconds: 5 }],
  gcp: [{ calls: 600, perSeconds: 60 }],
  azure: [{ calls: 250, perSeconds: 10 }],
  digitalocean: [
    { calls: 250, perSeconds: 60 },
    { calls: 5000, perSeconds: 3600 },
  ],
};

/** The rest is never lent to looks: whoever builds, repairs and deletes goes first. */
const lookShare = 0.6;

/** When a cloud does not say how long it wants to be left alone. */
export const pauseSecondsUsual = 30;

/** Whose limit it is: an account's in one region, or everywhere the same. */
export const budgetScope = (cloud: CloudName, region: string): string =>
  cloud === 'aws' || cloud === 'gcp' ? region : 'everywhere';

/** What a look is at. */
export interface LookSize {
  readonly clusters: number;
  /** Those that are held against what they should be: who is behind one, some clouds tell of one at a time. */
  readonly loadBalancers: number;
}

/**
 * How many calls one look makes at most while nothing is damaged and its lists fit on their pages. DigitalOcean's VPCs' members
 * have a list each; of a load balancer AWS lists the listeners and each of two ports' targets, Google Cloud the members. The
 * contract suite holds every driver to it.
 */
export const callsPerLook = (cloud: CloudName, { clusters, loadBalancers }: LookSize): number =>
  ({ aws: 12 + 3 * loadBalancers, gcp: 11 + loadBalancers, azure: 9, digitalocean: 4 + clusters })[cloud];

export type Taken =
  | { readonly isGranted: true; readonly budget: CallBudget }
  | { readonly isGranted: false; readonly afterSeconds: number };

/**
 * Takes a whole look's calls at once. A look that needs more than there can ever be is granted when all is there.
 *
 * @param known what is stored; undefined: nobody has looked yet, and everything is there.
 */
export function takeCalls(options: {
  cloud: CloudName;
  calls: number;
  known: CallBudget | undefined;
  now: Instant;
}): Taken {
  const { cloud, calls, known, now } = options;
  const paused = known?.pausedUntil === undefined ? 0 : secondsBetween(now, known.pausedUntil);
  if (paused > 0) return { isGranted: false, afterSeconds: Math.ceil(paused) };
  const shares = windows[cloud].map((window) => ({ ...window, calls: window.calls * lookShare }));
  const left = shares.map((share, index) => leftOf(share, known?.left[index], known?.at ?? now, now));
  const waits = shares.map((share, index) => {
    const missing = Math.min(calls, share.calls) - (left[index] ?? 0);
    return Math.ceil((missing * share.perSeconds) / share.calls);
  });
  const afterSeconds = Math.max(...waits);
  if (afterSeconds > 0) return { isGranted: false, afterSeconds };
  return {
    isGranted: true,
    budget: {
      version: (known?.version ?? 0) + 1,
      left: left.map((there) => Math.max(0, there - calls)),
      at: now,
    },
  };
}

/** Clocks of functions differ: one that is behind gains nothing, and loses nothing. */
const leftOf = ({ calls, perSeconds }: Window, left: number | undefined, at: Instant, now: Instant): number =>
  left === undefined
    ? calls
    : Math.min(calls, left + (Math.max(0, secondsBetween(at, now)) * calls) / perSeconds);

/** A cloud throttled somebody: looks wait until it has time again, so that those who change something find it first. */
export const pauseCalls = (options: {
  cloud: CloudName;
  known: CallBudget | undefined;
  retryAfterSeconds: number | undefined;
  now: Instant;
}): CallBudget => {
  const { cloud, known, retryAfterSeconds = pauseSecondsUsual, now } = options;
  const until = plusSeconds(now, Math.max(1, retryAfterSeconds));
  const isLonger = known?.pausedUntil !== undefined && known.pausedUntil > until;
  return {
    version: (known?.version ?? 0) + 1,
    left: windows[cloud].map(() => 0),
    at: now,
    pausedUntil: isLonger ? (known.pausedUntil ?? until) : until,
  };
};

/** A look that would have to wait longer is left to the next tick, which asks for another: messages never pile up. */
export const deferredSecondsMax = 120;
