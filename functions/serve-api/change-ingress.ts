import { ingressChanged } from '../../events/ingress-changed.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { ingressDefault, type Ingress } from '../../shared/domain/load-balancer.ts';
import type { PolicyChange } from '../../shared/domain/policy-change.ts';
import { mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ApiDependencies } from './api.ts';

/** Two that change at once: one wins, the other reads again. */
const triesMax = 8;

/**
 * Changes how a cluster is reached, which is asked for as a new generation of it: the run that builds it opens the workers'
 * firewalls and builds load balancers, or closes and forgets them; what stands then is spare, and swept. Where nothing
 * differs nothing is written, so that a repeated change is made once.
 *
 * @throws Problem 409 the cluster is going, or changes all the time.
 */
export async function changeIngress(
  { store, bus, clock, log }: Pick<ApiDependencies, 'store' | 'bus' | 'clock' | 'log'>,
  asked: { readonly cluster: Cluster; readonly ingress: Ingress; readonly dryRun: boolean },
): Promise<{ readonly cluster: Cluster; readonly changes: readonly PolicyChange[] }> {
  const { ingress, dryRun } = asked;
  let { cluster } = asked;
  for (let tries = 1; tries <= triesMax; tries += 1) {
    mustLive(cluster);
    const { loadBalancers: from } = cluster.ingress ?? ingressDefault;
    const { loadBalancers: to } = ingress;
    if (from === to) return { cluster, changes: [] };
    const changes = [{ field: 'ingress.loadBalancers', from, to }];
    if (dryRun) return { cluster: { ...cluster, ingress }, changes };
    const generationRead = cluster.generation;
    const now = clock.now();
    if (await store.clusters.changeIngress(cluster.id, { ingress, generationRead, now })) {
      log.info('ingress changed', { clusterId: cluster.id, loadBalancers: to });
      await bus.say(ingressChanged, { clusterId: cluster.id, loadBalancers: to });
      return { cluster: { ...cluster, ingress, generation: generationRead + 1 }, changes };
    }
    cluster = (await store.clusters.get(cluster.id)) ?? cluster;
  }
  throw new Problem(409, `${cluster.name} is being changed by others all the time: try again in a minute`);
}
