import { budgetScope, pauseCalls } from '../../shared/planning/call-budget.ts';
import type { DriveParts } from './parts.ts';

/**
 * A cloud throttled a change: looks in its account wait until it has time again, so that changes go first. When another's word
 * comes first, that is as good.
 */
export async function pauseLooks(
  { cloud, store, clock }: DriveParts,
  clusterId: string,
  retryAfterSeconds: number | undefined,
): Promise<void> {
  const cluster = await store.clusters.get(clusterId);
  const entry = cluster?.clouds.find((each) => each.cloud === cloud);
  if (cluster === undefined || entry === undefined) return;
  const key = { cloud, accountId: entry.accountId, scope: budgetScope(cloud, cluster.region) };
  const known = await store.callBudgets.get(key);
  await store.callBudgets.replace(key, pauseCalls({ cloud, known, retryAfterSeconds, now: clock.now() }));
}
