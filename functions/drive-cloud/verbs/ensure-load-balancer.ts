import type { Cluster } from '../../../shared/domain/cluster.ts';
import type { Member } from '../../../shared/domain/load-balancer.ts';
import {
  loadBalancerMembers,
  planLoadBalancer,
  wantsLoadBalancer,
} from '../../../shared/planning/plan-load-balancer.ts';
import { isCloudError } from '../../../shared/runtime/cloud.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import { ownedCluster } from '../../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type ClusterRequest, type DriveParts } from '../parts.ts';

const messageCharactersMax = 900;

export interface LoadBalancerRequest extends ClusterRequest {
  /** Nobody asks again after this: what is still waited for becomes a failure that people and the reconciler see. */
  readonly isLastTry: boolean;
}

/** Builds or repairs one cloud's load balancer. A failure is kept where it is seen; the rest of the cluster goes on. */
export async function ensureLoadBalancer(
  parts: DriveParts,
  { clusterId, executionArn, isLastTry }: LoadBalancerRequest,
): Promise<{ done: true } | Pending> {
  const { store } = parts;
  const cluster = await ownedCluster(store, clusterId, executionArn);
  if (cluster.desired !== 'present') throw new Superseded(`cluster ${clusterId} is going`);
  const [stands, nodes] = await Promise.all([
    store.parts.get(clusterId, parts.cloud),
    store.nodes.list(clusterId),
  ]);
  if (!wantsLoadBalancer(cluster, nodes, parts.cloud)) {
    // What stands is spare from now on, and is swept.
    if (stands?.loadBalancer !== undefined || stands?.loadBalancerFailure !== undefined)
      await store.parts.forgetLoadBalancer(clusterId, parts.cloud);
    return { done: true };
  }
  // Without a network there is nothing to build it in, and that is said already.
  if (stands?.network === undefined) return { done: true };
  try {
    const { cloud } = await groundOf(parts, cluster);
    const spec = planLoadBalancer({
      cluster,
      cloud: parts.cloud,
      installation: parts.installationId,
      network: stands.network,
      nodes,
      known: stands.loadBalancer,
    });
    const progress = await cloud.ensureLoadBalancer(spec);
    if (!progress.done) {
      const { retryAfterSeconds, waitingFor } = progress;
      if (isLastTry) await fail(parts, clusterId, 'NotInTime', `still waiting for ${waitingFor}`);
      return pending(waitingFor, retryAfterSeconds);
    }
    await store.parts.recordLoadBalancer(clusterId, progress.value, parts.clock.now());
    return await changedMeanwhile(parts, cluster, spec.members);
  } catch (error) {
    // Throttled is no failure, only a wait.
    if (!isCloudError(error, 'Throttled'))
      await fail(
        parts,
        clusterId,
        error instanceof Error ? error.name : 'Error',
        error instanceof Error ? error.message : 'unknown',
      );
    throw error;
  }
}

/**
 * Whoever joined or left before the balancer was recorded found none and did nothing; after it they see to themselves. So
 * the nodes are read once more, after that write.
 */
async function changedMeanwhile(
  { store, cloud, log }: DriveParts,
  cluster: Cluster,
  members: readonly Member[],
): Promise<{ done: true } | Pending> {
  const now = loadBalancerMembers(cluster, await store.nodes.list(cluster.id), cloud);
  const names = (all: readonly Member[]): string =>
    all
      .map(({ providerId }) => providerId)
      .toSorted()
      .join();
  if (names(now) !== names(members)) return pending('nodes that came or went meanwhile', 1);
  log.info('load balancer stands', { clusterId: cluster.id, cloud, members: members.length });
  return { done: true };
}

const fail = ({ store, cloud, clock }: DriveParts, clusterId: string, error: string, message: string) =>
  store.parts.recordLoadBalancerFailure(clusterId, cloud, {
    error,
    message: message.slice(0, messageCharactersMax),
    at: clock.now(),
  });
