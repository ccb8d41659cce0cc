import { needsRepair, planRepairs } from '../../../shared/planning/plan-repairs.ts';
import { expectedMachines } from '../../../shared/planning/expected-machines.ts';
import { expectedLoadBalancer } from '../../../shared/planning/plan-load-balancer.ts';
import { planNetwork } from '../../../shared/planning/plan-network.ts';
import { attemptToken } from '../../../shared/runtime/attempt-token.ts';
import { isCloudError, type Cloud, type Progress } from '../../../shared/runtime/cloud.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import { ownedCluster } from '../../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type ClusterRequest, type DriveParts } from '../parts.ts';

/** What one call mends, so that it ends within its function's time; the next call goes on. */
const repairsPerCallMax = 20;

/**
 * Puts machines right that differ from what is expected, and removes what was found left over long ago, once the network
 * is as it should be. Looks afresh: what the sweeps saw only says that there is something to look for.
 */
export async function repair(
  parts: DriveParts,
  { clusterId, executionArn }: ClusterRequest,
): Promise<{ done: true } | Pending> {
  const { store, clock, log } = parts;
  const cluster = await ownedCluster(store, clusterId, executionArn);
  if (cluster.desired !== 'present') throw new Superseded(`cluster ${clusterId} is going`);
  const findings = await store.observations.findings(clusterId);
  if (!needsRepair(findings, parts.cloud)) return { done: true };
  const stands = await store.parts.get(clusterId, parts.cloud);
  if (stands?.network === undefined) return { done: true };
  const { network } = stands;

  const { cloud, owner, location } = await groundOf(parts, cluster);
  const before = await store.nodes.list(clusterId);
  const expected = {
    network: planNetwork({
      cluster,
      cloud: parts.cloud,
      installation: parts.installationId,
      known: network,
    }),
    machines: expectedMachines(cluster, before, parts.cloud, attemptToken),
    ...expectedLoadBalancer({ cluster, nodes: before, stands, installation: parts.installationId }),
  };
  const [observation] = await cloud.observe([{ ...owner, expected }], location);
  if (observation === undefined) throw new Error(`${parts.cloud} did not say what it has of ${clusterId}`);
  // After the look: a machine that was recorded meanwhile is nobody's stray, and a cluster that goes is not repaired.
  const nodes = await store.nodes.list(clusterId);
  await ownedCluster(store, clusterId, executionArn);
  const now = clock.now();
  const planned = planRepairs({
    cluster,
    cloud: parts.cloud,
    nodes,
    observation,
    findings,
    tokenOf: attemptToken,
    now,
  });
  const steps = [
    ...planned.machines.map((machine) => ({
      what: `machine ${machine.name} to be put right`,
      take: () => cloud.repairMachine(machine, network, owner),
    })),
    ...planned.removals.map((resource) => ({
      what: `${resource.kind} ${resource.id} to be removed`,
      take: () => cloud.removeSpare(resource, owner, location),
    })),
  ];
  const taken = steps.slice(0, repairsPerCallMax);
  const outcomes = await Promise.all(taken.map((step) => attempt(parts, clusterId, step)));
  const waiting = outcomes.find((outcome) => outcome !== undefined && !outcome.done);
  if (waiting !== undefined && !waiting.done) return pending(waiting.waitingFor, waiting.retryAfterSeconds);
  if (taken.length < steps.length) return pending(`${steps.length - taken.length} more repairs`, 1);
  const isRefused = outcomes.includes(undefined);
  // What was refused is as it was: it stays found, and since when, until a look shows otherwise.
  if (!isRefused) await store.parts.recordMended(clusterId, parts.cloud, { from: now, at: clock.now() });
  log.info('repaired', { clusterId, cloud: parts.cloud, repairs: taken.map(({ what }) => what), isRefused });
  return { done: true };
}

/** One refusal keeps nothing else from being mended: it stays a finding, and is said again with its backoff. */
async function attempt(
  { log, cloud }: DriveParts,
  clusterId: string,
  {
    what,
    take,
  }: { readonly what: string; readonly take: () => ReturnType<Cloud['repairMachine' | 'removeSpare']> },
): Promise<Progress<unknown> | undefined> {
  try {
    return await take();
  } catch (error) {
    if (!isCloudError(error, 'InvalidRequest')) throw error;
    log.warn('a repair was refused', { clusterId, cloud, what, error });
    return undefined;
  }
}
