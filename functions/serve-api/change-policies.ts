import { policyChanged } from '../../events/policy-changed.ts';
import type { PoliciesView } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import {
  canonicalPolicies,
  describePolicyChange,
  policyChanges,
  type PolicyChange,
} from '../../shared/domain/policy-change.ts';
import type { Policies } from '../../shared/domain/policy.ts';
import { validatePolicies, validateVcpus } from '../../shared/planning/validate-policies.ts';
import { mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { readListings } from '../../shared/runtime/market.ts';
import { invalidFields, Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ApiDependencies } from './api.ts';

/** Two that change at once: one wins, the other reads again. */
const triesMax = 8;
/** An event's detail is for a line of the timeline. */
const changesCharactersMax = 1000;

export interface PolicyEdit {
  readonly cluster: Cluster;
  /** What the policies shall be, from what they are: made again when somebody else's change was first. */
  readonly next: (policies: Policies) => Policies;
  /** What the fields' names begin with in refusals: `spec.policies.` in a cluster file, else nothing. */
  readonly within: string;
  /** The header, where it was given: the change is made to this version and no other. */
  readonly ifMatch?: string | undefined;
  readonly dryRun: boolean;
}

export interface PolicyEditResult {
  /** As it is afterwards; with `dryRun` as it would be. */
  readonly cluster: Cluster;
  readonly changes: readonly PolicyChange[];
}

/** The ETag's text. A name may pass to another cluster, so the version alone would not do. */
export const versionOf = ({ id, policiesVersion = 0 }: Cluster): string =>
  `${id.slice(0, 8)}.${policiesVersion}`;

export const policiesView = (cluster: Cluster): PoliciesView => ({
  clusterId: cluster.id,
  cluster: cluster.name,
  policies: canonicalPolicies(cluster.policies),
  version: versionOf(cluster),
});

/**
 * Changes a cluster's policies: read, check, one conditional write, then the event that has it looked at at once. Where
 * nothing differs nothing is written, so that a repeated change is made once.
 *
 * @throws Problem 409 the cluster is going, or changes all the time; 412 `ifMatch` is not what is there; 422 with every
 *   field that is wrong.
 */
export async function changePolicies(
  { store, bus, clock, log }: Pick<ApiDependencies, 'store' | 'bus' | 'clock' | 'log'>,
  edit: PolicyEdit,
): Promise<PolicyEditResult> {
  let { cluster } = edit;
  for (let tries = 1; tries <= triesMax; tries += 1) {
    mustLive(cluster);
    const policies = canonicalPolicies(edit.next(cluster.policies));
    const changes = policyChanges(cluster.policies, policies);
    // Also where the version has moved: the answer to the first try may have been lost (RFC 9110, 13.1.1).
    if (changes.length === 0) return { cluster, changes };
    refuseOtherVersion(cluster, edit.ifMatch);
    await refuseInvalid(store, cluster, policies, edit.within);
    const versionRead = cluster.policiesVersion ?? 0;
    if (edit.dryRun) return { cluster: { ...cluster, policies }, changes };
    const isWritten = await store.clusters.changePolicies(cluster.id, {
      policies,
      versionRead,
      generationRead: cluster.generation,
      now: clock.now(),
    });
    if (isWritten) {
      const words = changes.map(describePolicyChange).join('; ');
      log.info('policies changed', { clusterId: cluster.id, changes: words });
      await bus.say(policyChanged, { clusterId: cluster.id, changes: words.slice(0, changesCharactersMax) });
      return { cluster: { ...cluster, policies, policiesVersion: versionRead + 1 }, changes };
    }
    cluster = (await store.clusters.get(cluster.id)) ?? cluster;
  }
  throw new Problem(409, `${cluster.name} is being changed by others all the time: try again in a minute`);
}

/** What the audit log keeps of it, besides who and from where; undefined where nothing was changed. */
export const auditOf = (
  changes: readonly PolicyChange[],
): Readonly<Record<'changed' | 'before' | 'after', string>> | undefined => {
  if (changes.length === 0) return undefined;
  const values = (of: 'from' | 'to'): string =>
    JSON.stringify(Object.fromEntries(changes.map((change) => [change.field, change[of] ?? null])));
  return {
    changed: changes.map(({ field }) => field).join(', '),
    before: values('from'),
    after: values('to'),
  };
};

/** @throws Problem 412 */
function refuseOtherVersion(cluster: Cluster, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const given = ifMatch.split(',').map((tag) => tag.trim());
  if (given.includes(`"${versionOf(cluster)}"`)) return;
  throw new Problem(
    412,
    `If-Match: the policies of ${cluster.name} are at version "${versionOf(cluster)}": read them again, then change them`,
  );
}

/** @throws Problem 422 */
async function refuseInvalid(
  store: Pick<ApiDependencies['store'], 'nodes' | 'offerings'>,
  cluster: Cluster,
  policies: Policies,
  within: string,
): Promise<void> {
  const clouds = cluster.clouds.map(({ cloud }) => cloud);
  const offerings = (await readListings(store, cluster)).flatMap((listing) => listing.offerings);
  const problems = validatePolicies({ policies, clouds, offerings, within });
  if (problems.length > 0) throw invalidFields(422, problems);
  // A cluster that is for a while above a limit that was set before must not stand in the way of other changes.
  if (policies.clusterLimits?.maxVcpus === cluster.policies.clusterLimits?.maxVcpus) return;
  const nodes = await store.nodes.list(cluster.id);
  const known = new Set(nodes.map(({ id }) => id));
  const vcpus = [
    ...nodes.filter(({ desired }) => desired === 'present'),
    ...(cluster.pendingPlan?.nodes ?? []).filter(({ id }) => !known.has(id)),
  ].reduce((sum, { offering }) => sum + offering.vcpus, 0);
  const tooMany = validateVcpus({ policies, vcpus, verb: 'has', within });
  if (tooMany.length > 0) throw invalidFields(422, tooMany);
}
