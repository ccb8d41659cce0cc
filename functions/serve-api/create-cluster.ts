import type * as z from 'zod/mini';
import { clusterRequested } from '../../events/cluster-requested.ts';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import type { ClusterRequest } from '../../shared/domain/cluster-request.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { ClusterId, Instant } from '../../shared/domain/ids.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import { materialiseNode, planCluster } from '../../shared/planning/plan-cluster.ts';
import { validateCluster } from '../../shared/planning/validate-cluster.ts';
import { invalidFields, Problem } from '../../shared/runtime/people-http/problem.ts';
import type { CoolOff, Store } from '../../shared/runtime/table.ts';
import type { ApiDependencies, Caller } from './api.ts';
import type { clusterDocument } from './cluster-document.ts';
import { idSource } from './idempotency.ts';
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
  const given = newId();
  // A late repeat must not claim the name again: its cluster may have gone since, and the name with it.
  const earlier = idempotencyKey === undefined ? undefined : await store.clusters.get(given);
  const id = earlier === undefined ? await claimName(store, request.name, given) : earlier.id;

  const coolOffs = await coolOffsOf(store, request, now);
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
  const created = earlier === undefined && (await store.clusters.create(cluster));
  // Two went on from the same cut try, or the one that seemed cut was only slow: the first has the name.
  if (!created && (id !== given || idempotencyKey === undefined)) throw nameTaken(request.name);
  const stored = created ? cluster : (earlier ?? (await store.clusters.get(id)) ?? cluster);
  if (created) log.info('cluster created', { clusterId: id, name: request.name, nodes: plan.nodes.length });
  if (stored.desired === 'present') await bus.say(clusterRequested, { clusterId: id });
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

const nameTaken = (name: string): Problem =>
  new Problem(409, `metadata.name: there is already a cluster ${name}`, [
    { field: 'metadata.name', message: `there is already a cluster ${name}` },
  ]);

/**
 * The id under which the cluster is created. A try that died between its name and its item left a name that leads nowhere:
 * this one goes on from there, under that id.
 */
async function claimName(
  store: Pick<Store, 'clusters' | 'names'>,
  name: string,
  id: ClusterId,
): Promise<ClusterId> {
  if (await store.names.claim(name, id)) return id;
  const holder = await store.names.lookUp(name);
  if (holder === undefined || (await store.clusters.get(holder)) !== undefined) throw nameTaken(name);
  return holder;
}

/** What cools off in the clouds of a cluster; offerings are named by the clouds' own regions. */
export const coolOffsOf = async (
  store: Pick<Store, 'coolOffs'>,
  { clouds, region }: Pick<Cluster, 'clouds' | 'region'>,
  now: Instant,
): Promise<readonly CoolOff[]> =>
  (
    await Promise.all(
      clouds.map(({ cloud }) => store.coolOffs.list(cloud, locationOf(region, cloud).region, now)),
    )
  ).flat();
