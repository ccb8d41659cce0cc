import { nodeRetirementRequested } from '../../events/node-retirement-requested.ts';
import type { RemovedNodes } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { nodesPerPlanMax, type Node } from '../../shared/domain/node.ts';
import { refuseRemoval, type RemovalVerdict } from '../../shared/planning/refuse-removal.ts';
import { mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ApiDependencies } from './api.ts';
import { nodeView } from './views.ts';

/**
 * Asks for nodes to go: all of them, or none where one may not. Each is one conditional write, then the event; what goes
 * already is only asked again, which also says anew that it need not be drained.
 *
 * @throws Problem 400 too many; 404 a number that nobody has; 409 why one may not go.
 */
export async function removeNodes(
  { store, bus, clock, log }: Pick<ApiDependencies, 'store' | 'bus' | 'clock' | 'log'>,
  {
    cluster,
    numbers,
    drain,
  }: { readonly cluster: Cluster; readonly numbers: readonly number[]; readonly drain: boolean },
): Promise<RemovedNodes> {
  mustLive(cluster);
  if (numbers.length === 0 || numbers.length > nodesPerPlanMax)
    throw new Problem(400, `number: 1 to ${nodesPerPlanMax} nodes at once`);
  const nodes = await store.nodes.list(cluster.id);
  const chosen = numbers.map((number) => nodes.find((node) => node.number === number));
  const unknown = numbers.filter((_, index) => chosen[index] === undefined);
  if (unknown.length > 0)
    throw new Problem(404, `the cluster ${cluster.name} has no node ${unknown.join(' and no node ')}`);
  const verdict = (read: readonly Node[]): RemovalVerdict => {
    const given = refuseRemoval({ cluster, nodes: read, numbers, now: clock.now() });
    if (given.refusal !== undefined) throw new Problem(409, given.refusal);
    return given;
  };
  let { warning } = verdict(nodes);
  const controlPlane = chosen.find((node) => node?.role === 'control-plane' && node.desired === 'present');
  if (controlPlane !== undefined) {
    // Two that remove one each would both see the other's stay: whoever has the lease looks once more, and then writes.
    const { number } = controlPlane;
    if (!(await store.clusters.leaseRemoval(cluster.id, { number, now: clock.now() })))
      throw new Problem(409, 'another control plane is being removed just now: try again in a minute');
    ({ warning } = verdict(await store.nodes.list(cluster.id)));
  }

  for (const number of numbers)
    await (drain
      ? store.nodes.retire(cluster.id, number)
      : store.nodes.retireWithoutDrain(cluster.id, number));
  const after = await store.nodes.list(cluster.id);
  const removed = after.filter(({ number }) => numbers.includes(number));
  await bus.sayAll(
    nodeRetirementRequested,
    removed
      .filter(({ phase }) => phase !== 'deleted')
      .map(({ number }) => ({ clusterId: cluster.id, number })),
  );
  log.info('node retirement requested', { clusterId: cluster.id, numbers, drain });
  return {
    items: removed.map((node) => nodeView(cluster, node)),
    ...(warning !== undefined && { warnings: [warning] }),
  };
}
