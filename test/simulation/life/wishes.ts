import type { CloudName } from '../../../shared/domain/cloud.ts';
import type { Policies } from '../../../shared/domain/policy.ts';
import type { Random } from '../clock/random.ts';
import type { PodShape } from './workloads.ts';

/** What somebody lets the platform do to a cluster of these clouds by itself: any of it, all of it, or nothing but a limit. */
export function somePolicies(random: Random, clouds: readonly CloudName[]): Policies {
  const some = <Section>(probability: number, section: Section): Section | undefined =>
    random.chance(probability) ? section : undefined;
  const hasSpot = clouds.some((cloud) => cloud !== 'digitalocean');
  return {
    clusterLimits: some(0.7, {
      minVcpus: some(0.4, random.int(4, 20)),
      maxVcpus: some(0.7, random.int(24, 40)),
    }),
    unschedulablePods: some(0.85, {
      headroom: some(0.2, { cpuPercent: random.int(0, 50), memoryPercent: random.int(0, 50) }),
    }),
    spot: some(hasSpot ? 0.4 : 0, {
      sharePercent: some(0.5, random.int(0, 100)),
      returnAfterSeconds: random.int(60, 900),
    }),
    nodeDeletion: some(0.6, { emptyMinutes: random.int(1, 8) }),
    consolidation: some(0.5, {
      minSavingPercent: random.int(1, 40),
      nodesPerHourMax: random.int(4, 12),
    }),
  };
}

export const somePods = (random: Random): { readonly shape: PodShape; readonly count: number } => ({
  shape: { cpuMillis: random.pick([100, 250, 500, 1000, 1500, 3000]), mayBeOnSpot: random.chance(0.5) },
  count: random.int(1, 12),
});
