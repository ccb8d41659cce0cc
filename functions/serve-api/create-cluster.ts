import type * as z from 'zod/mini';
import { clusterRequested } from '../../events/cluster-requested.ts';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { ClusterRequest } from '../../shared/domain/cluster-request.ts';
import { materialiseNode, planCluster } from '../../shared/planning/plan-cluster.ts';
import { validateCluster } from '../../shared/planning/validate-cluster.ts';
import type { ApiDependencies, Caller } from './api.ts';
import type { clusterDocument } from './cluster-document.ts';
import { idSource } from './idempotency.ts';
import { invalidFields, Problem } from './problem.ts';
import { clusterDetails, nodeView } from './views.ts';

type Document = z.output<typeof clusterDocument>;

/** What a cluster file asks for, checked. @throws Problem 422 with every field that is wrong. */
export async function readRequest(
  { store }: Pick<ApiDependencies, 'store'>,
  document: Document,
): Promise<ClusterRequest> {
  const validated = validateCluster({ document, accounts: await store.accounts.list() });
  if (!validated.ok) throw invalidFields(422, validated.problems);
  return validated.value;
}

/**
 * Creates a cluster: REQUEST, NAME, CLUSTER with its plan, then the event. Each write may be the last before the process
 * dies; the same call again goes on from there, and the tick finds a cluster whose event was never said.
 *
 * @throws Problem 409 the name is taken; 422 the key was used for something else.
 */
export async function createCluster(
  dependencies: ApiDependencies,
  input: { readonly caller: Caller; readonly request: ClusterRequest; readonly idempotencyKey?: string },
): Promise<{ readonly created: boolean; readonly details: ClusterDetails }> {
  const { store, bus, clock, log } = dependencies;
  const { caller, request, idempotencyKey } = input;
  const now = clock.now();
  const newId = await idSource(dependencies, caller, idempotencyKey, request);
  const id = newId();

  if (!(await store.names.claim(request.name, id)))
    throw new Problem(409, `metadata.name: there is already a cluster ${request.name}`, [
      { field: 'metadata.name', message: `there is already a cluster ${request.name}` },
    ]);

  const coolOffs = (
    await Promise.all(request.clouds.map(({ cloud }) => store.coolOffs.list(cloud, request.region, now)))
  ).flat();
  const plan = planCluster({ request, coolOffs, newId });
  const cluster: Cluster = {
    id,
    name: request.name,
    region: request.region,
    clouds: request.clouds,
    configuration: request.configuration,
    vpn: request.vpn,
    kubernetesVersion: request.kubernetesVersion,
    podRange: request.podRange,
    policies: request.policies,
    status: 'creating',
    desired: 'present',
    generation: 1,
    provisionedGeneration: 0,
    nextNumber: plan.nextNumber,
    pendingPlan: { id: newId(), nodes: plan.nodes, reason: 'the cluster was created' },
    dueAt: now,
    createdAt: now,
    createdBy: caller.key.name,
  };
  const created = await store.clusters.create(cluster);
  const stored = created ? cluster : ((await store.clusters.get(id)) ?? cluster);
  if (created) log.info('cluster created', { clusterId: id, name: request.name, nodes: plan.nodes.length });
  await bus.say(clusterRequested, { clusterId: id });
  const nodes = (stored.pendingPlan?.nodes ?? []).map((planned) =>
    nodeView(stored, materialiseNode({ cluster: stored, planned, now })),
  );
  return {
    created,
    details: {
      ...clusterDetails(stored, { nodes, parts: [], findings: [] }),
      ...(plan.warnings.length === 0 ? {} : { warnings: plan.warnings }),
    },
  };
}
