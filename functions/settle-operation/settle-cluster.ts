import { Superseded } from '../../shared/runtime/errors.ts';
import type { SettleParts, SettleRequest } from './settlement.ts';

/** @returns true when the cluster's generation moved while the run was under way: it keeps the cluster and goes once more. */
export async function settleCluster(
  { store, clock }: SettleParts,
  { clusterId, executionArn, outcome, generation }: SettleRequest,
): Promise<boolean> {
  const { clusters } = store;
  const isFinished =
    outcome === 'succeeded' &&
    generation !== undefined &&
    (await clusters.finishProvisioning(clusterId, executionArn, generation));
  if (outcome === 'succeeded' && !isFinished) {
    const cluster = await clusters.get(clusterId);
    if (cluster?.operation?.executionArn === executionArn) return true;
    // A repeat after the release: all is written, only the event may be missing.
    if (cluster?.operation === undefined && cluster?.provisionedGeneration === generation) return false;
    throw new Superseded(`cluster ${clusterId} has changed hands`);
  }
  if (await clusters.release(clusterId, executionArn, clock.now())) return false;
  const owner = (await clusters.get(clusterId))?.operation;
  if (owner !== undefined) throw new Superseded(`cluster ${clusterId} is owned by ${owner.executionArn}`);
  return false;
}
