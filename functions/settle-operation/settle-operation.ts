import { operationSettled, type OperationSettled } from '../../events/operation-settled.ts';
import { settleCleanup } from './settle-cleanup.ts';
import { settleCluster } from './settle-cluster.ts';
import { settleNode } from './settle-node.ts';
import { settleRetirement } from './settle-retirement.ts';
import { reasonOf, type SettleParts, type SettleRequest, type Settled } from './settlement.ts';

/**
 * The last writes of a run. Each is conditional on owning what it writes, and after a cut the repeat goes through all of
 * them again: what is written stays written, and events may be said twice.
 *
 * @throws Superseded when another execution owns it.
 */
export const settleOperation =
  (parts: SettleParts) =>
  async (request: SettleRequest): Promise<Settled> => {
    const { kind, clusterId, number, outcome } = request;
    const again = await lastWrites(parts, request);
    if (again) return { again };
    const settled: OperationSettled = {
      clusterId,
      kind,
      outcome,
      ...(number !== undefined && { number }),
      // What was blocked says why in an event of its own.
      ...(outcome !== 'succeeded' && outcome !== 'blocked' && { reason: reasonOf(request) }),
    };
    // A retirement that is put off said so itself, and is tried again and again.
    if (kind !== 'RetireNode' || outcome !== 'blocked') await parts.bus.say(operationSettled, settled);
    parts.log.info('settled', { ...settled, executionArn: request.executionArn });
    return { again: false };
  };

async function lastWrites(parts: SettleParts, request: SettleRequest): Promise<boolean> {
  if (request.kind === 'ProvisionCluster') return settleCluster(parts, request);
  if (request.kind === 'ProvisionNode') await settleNode(parts, request);
  if (request.kind === 'RetireNode') await settleRetirement(parts, request);
  if (request.kind === 'CleanupCluster') await settleCleanup(parts, request);
  return false;
}
