import { ownedNode } from '../../../shared/runtime/ownership.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import { pending, type Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type DriveParts, type NodeRequest } from '../parts.ts';
import { machineRef, takeDown } from '../take-down.ts';

/** A node that is to go loses its machine. */
export async function deleteMachine(
  parts: DriveParts,
  { clusterId, number, executionArn }: NodeRequest,
): Promise<{ done: true } | Pending> {
  const { clusters, nodes } = parts.store;
  const node = await ownedNode(parts.store, { clusterId, number }, executionArn);
  if (node.desired !== 'absent') throw new Superseded(`node ${number} is to stay`);
  if (!(await nodes.enterPhase(clusterId, number, { executionArn, phase: 'deleting' })))
    throw new Superseded(`node ${number} has changed hands`);
  const cluster = await clusters.get(clusterId);
  if (cluster === undefined) throw new Superseded(`there is no cluster ${clusterId}`);
  // No attempt was ever begun: nothing was asked of the cloud.
  if (node.attempt === 0) return { done: true };
  const { cloud, owner } = await groundOf(parts, cluster);
  const gone = await takeDown(cloud, owner, machineRef(cluster, node));
  if (!gone.done) return pending(gone.waitingFor, gone.retryAfterSeconds);
  parts.log.info('machine deleted', { clusterId, number, providerId: node.providerId });
  return { done: true };
}
