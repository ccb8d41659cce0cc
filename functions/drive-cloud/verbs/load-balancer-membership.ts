import type { Member } from '../../../shared/domain/load-balancer.ts';
import type { Node } from '../../../shared/domain/node.ts';
import type { Cloud, Progress } from '../../../shared/runtime/cloud.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import { ownedNode } from '../../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../../shared/runtime/progress.ts';
import type { Owner } from '../../../shared/domain/cloud.ts';
import { groundOf, type DriveParts, type NodeRequest } from '../parts.ts';
import { machineRef } from '../take-down.ts';

/** A worker that has joined its cluster is put behind its cloud's load balancer, where there is one. */
export const joinLoadBalancer = (
  parts: DriveParts,
  request: NodeRequest,
): Promise<{ done: true } | Pending> =>
  change(parts, request, {
    desired: 'present',
    call: (cloud, member, owner) => cloud.joinLoadBalancer(member, owner),
  });

/** A worker that goes is sent nothing new any more, before it hands over its work. */
export const leaveLoadBalancer = (
  parts: DriveParts,
  request: NodeRequest,
): Promise<{ done: true } | Pending> =>
  change(parts, request, {
    desired: 'absent',
    call: (cloud, member, owner) => cloud.leaveLoadBalancer(member, owner),
  });

async function change(
  parts: DriveParts,
  { clusterId, number, executionArn }: NodeRequest,
  how: {
    readonly desired: Node['desired'];
    readonly call: (cloud: Cloud, member: Member, owner: Owner) => Promise<Progress<unknown>>;
  },
): Promise<{ done: true } | Pending> {
  const { store } = parts;
  const node = await ownedNode(store, { clusterId, number }, executionArn);
  if (node.desired !== how.desired) throw new Superseded(`node ${number} is to be ${node.desired}`);
  if (node.role !== 'worker') return { done: true };
  const [cluster, stands] = await Promise.all([
    store.clusters.get(clusterId),
    store.parts.get(clusterId, parts.cloud),
  ]);
  if (cluster === undefined) throw new Superseded(`there is no cluster ${clusterId}`);
  const { providerId, ...ref } = machineRef(cluster, node);
  // One that is still built puts everybody in who is there when it is recorded.
  if (stands?.loadBalancer === undefined || providerId === undefined) return { done: true };
  const { cloud, owner } = await groundOf(parts, cluster);
  const progress = await how.call(cloud, { ...ref, providerId }, owner);
  return progress.done ? { done: true } : pending(progress.waitingFor, progress.retryAfterSeconds);
}
