import type * as z from 'zod/mini';
import { clusterRequested } from '../../events/cluster-requested.ts';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import type { ClusterRequest } from '../../shared/domain/cluster-request.ts';
import { isCloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { HostedZone } from '../../shared/domain/dns.ts';
import type { ClusterId, Instant } from '../../shared/domain/ids.ts';
import type { Market } from '../../shared/domain/offering.ts';
import { canonicalPolicies } from '../../shared/domain/policy-change.ts';
import { materialiseNode, planCluster } from '../../shared/planning/plan-cluster.ts';
import { validateCluster, vcpusIn } from '../../shared/planning/validate-cluster.ts';
import { validateVcpus } from '../../shared/planning/validate-policies.ts';
import { invalidFields, Problem } from '../../shared/runtime/people-http/problem.ts';
import { readListings, readMarket } from '../../shared/runtime/market.ts';
import type { Store } from '../../shared/runtime/table.ts';
import type { ApiDependencies, Caller } from './api.ts';
import type { clusterDocument } from './cluster-document.ts';
import { idSource } from './idempotency.ts';
import { namesView } from './names-view.ts';
import { clusterDetails, nodeView } from './views.ts';

type Document = z.output<typeof clusterDocument>;

/** What a cluster file asks for, checked. @throws Problem 422 with every field that is wrong. */
export async function readRequest(
  { store }: Pick<ApiDependencies, 'store'>,
  document: Document,
): Promise<ClusterRequest> {
  const { region, clouds } = document.spec;
  const known = clouds.flatMap(({ cloud }) => (isCloudName(cloud) ? [{ cloud }] : []));
  const [accounts, listings] = await Promise.all([
    store.accounts.list(),
    readListings(store, { region, clouds: known }),
  ]);
  const offerings = listings.flatMap((listing) => listing.offerings);
  const validated = validateCluster({ document, accounts, offerings });
  if (!validated.ok) throw invalidFields(422, validated.problems);
  return validated.value;
}

/**
 * Creates a cluster: REQUEST, NAME, CLUSTER with its plan, then the event. Each write may be the last before the process
 * dies; the same call again goes on from there, and the tick finds a cluster whose event was never said.
 *
 * @throws Problem 409 the name is taken; 422 the key was used for something else, or the cluster would begin with more
 *   vCPUs than its own limit.
 */
export async function createCluster(
  dependencies: ApiDependencies,
  input: { readonly caller: Caller; readonly request: ClusterRequest; readonly idempotencyKey?: string },
): Promise<{ readonly created: boolean; readonly details: ClusterDetails }> {
  const { store, bus, clock, log } = dependencies;
  const { caller, request, idempotencyKey } = input;
  const now = clock.now();
  const market = await readMarket(store, request, now);
  refuseTooLarge(request, market);
  const newId = await idSource(dependencies, caller, idempotencyKey, request);
  const given = newId();
  // A late repeat must not claim the name again: its cluster may have gone since, and the name with it.
  const earlier = idempotencyKey === undefined ? undefined : await store.clusters.get(given);
  const id = earlier === undefined ? await claimName(store, request.name, given) : earlier.id;
  const { cluster, warnings } = plan({ request, market, id, newId, now, caller });
  const created = earlier === undefined && (await store.clusters.create(cluster));
  // Two went on from the same cut try, or the one that seemed cut was only slow: the first has the name.
  if (!created && (id !== given || idempotencyKey === undefined)) throw nameTaken(request.name);
  const stored = created ? cluster : (earlier ?? (await store.clusters.get(id)) ?? cluster);
  if (created)
    log.info('cluster created', {
      clusterId: id,
      name: request.name,
      nodes: cluster.pendingPlan?.nodes.length,
    });
  if (stored.desired === 'present') await bus.say(clusterRequested, { clusterId: id });
  return { created, details: detailsOf(stored, { warnings, zone: dependencies.zone, now }) };
}

/** The cluster as it would be created: nothing is written. @throws Problem as `createCluster`, but for a name that is taken. */
export async function foreseeCluster(
  dependencies: ApiDependencies,
  { request, caller }: { readonly request: ClusterRequest; readonly caller: Caller },
): Promise<ClusterDetails> {
  const { store, clock, newId } = dependencies;
  const now = clock.now();
  const market = await readMarket(store, request, now);
  refuseTooLarge(request, market);
  const { cluster, warnings } = plan({ request, market, id: newId(), newId, now, caller });
  return detailsOf(cluster, { warnings, zone: dependencies.zone, now });
}

/** The cluster, with the nodes that it begins with. */
function plan(given: {
  readonly request: ClusterRequest;
  readonly market: Market;
  readonly id: ClusterId;
  readonly newId: () => string;
  readonly now: Instant;
  readonly caller: Caller;
}): { readonly cluster: Cluster; readonly warnings: readonly string[] } {
  const { request, market, id, newId, now, caller } = given;
  const { nodes, nextNumber, warnings } = planCluster({ request, market, newId });
  const cluster: Cluster = {
    id,
    name: request.name,
    region: request.region,
    clouds: request.clouds,
    configuration: request.configuration,
    ...(request.configuration === 'custom' && { groups: request.groups }),
    vpn: request.vpn,
    kubernetesVersion: request.kubernetesVersion,
    podRange: request.podRange,
    policies: canonicalPolicies(request.policies),
    ingress: request.ingress,
    status: 'creating',
    desired: 'present',
    generation: 1,
    provisionedGeneration: 0,
    nextNumber,
    pendingPlan: { id: newId(), nodes, reason: 'the cluster was created' },
    dueAt: now,
    createdAt: now,
    createdBy: caller.key.name,
  };
  return { cluster, warnings };
}

function detailsOf(
  cluster: Cluster,
  { warnings, zone, now }: { warnings: readonly string[]; zone: HostedZone | undefined; now: Instant },
): ClusterDetails {
  const nodes = (cluster.pendingPlan?.nodes ?? []).map((planned) =>
    nodeView(cluster, materialiseNode({ cluster, planned, now })),
  );
  return {
    ...clusterDetails(cluster, {
      nodes,
      parts: [],
      names: namesView(cluster, zone, undefined),
      findings: [],
    }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

/** @throws Problem 422 */
function refuseTooLarge({ policies, groups }: ClusterRequest, { offerings }: Market): void {
  const vcpus = vcpusIn(groups, offerings);
  const problems = validateVcpus({ policies, vcpus, verb: 'begins with', within: 'spec.policies.' });
  if (problems.length > 0) throw invalidFields(422, problems);
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
