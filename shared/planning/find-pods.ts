import type { Cluster } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { WorkloadSighting } from '../domain/workload.ts';
import { sightingSecondsMax } from './find-drift.ts';
import type { PodsPlan } from './plan-for-pods.ts';
import { workloadNeeded } from './watch-workload.ts';

/** What policies cannot do for a cluster's pods, and why: neither disturbs what runs. */
export function findPods(options: {
  readonly cluster: Cluster;
  readonly workload?: WorkloadSighting | undefined;
  readonly pods: PodsPlan | undefined;
  readonly known?: readonly Finding[];
  readonly now: Instant;
}): readonly Finding[] {
  const { cluster, workload, pods, known = [], now } = options;
  const found = (
    kind: Finding['kind'],
    fingerprint: string,
    words: Pick<Finding, 'message' | 'remedy'>,
  ): Finding => ({
    clusterId: cluster.id,
    kind,
    fingerprint,
    subject: 'pods',
    ...words,
    seenAt: known.find((each) => each.fingerprint === fingerprint)?.seenAt ?? now,
  });
  if (workloadNeeded(cluster) === undefined) return [];
  const unknown = whyUnknown(cluster, workload, now);
  if (unknown !== undefined)
    return [
      found('pods-unknown', 'pods-unknown', {
        message: `its pods are not known: ${unknown}`,
        remedy: 'policies that need to know them do nothing until they are',
      }),
    ];
  // Between two looks it is as it was: a finding that comes and goes would be told each time.
  if (pods === undefined) return known.filter(({ kind }) => kind === 'pods-waiting');
  const { blocked } = pods;
  return blocked === undefined
    ? []
    : [
        found('pods-waiting', `pods-waiting:${blocked.fingerprint}`, {
          message: blocked.reason,
          remedy: 'it is tried again with every look',
        }),
      ];
}

function whyUnknown(
  { readyAt = '' }: Cluster,
  workload: WorkloadSighting | undefined,
  now: Instant,
): string | undefined {
  if (workload?.failure !== undefined) return workload.failure;
  // A policy that was just turned on is looked after within a sweep.
  const since = workload?.at ?? readyAt;
  return workload !== undefined && secondsBetween(since, now) > sightingSecondsMax
    ? `they were last seen at ${since}`
    : undefined;
}
