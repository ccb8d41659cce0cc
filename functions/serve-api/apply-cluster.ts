import type { FieldError } from '../../shared/domain/api-types.ts';
import type { ClusterRequest } from '../../shared/domain/cluster-request.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';

/**
 * Holds a file against the cluster that is there. What cannot be changed by a file is refused by name, with the command
 * that changes it where there is one; nothing is changed silently and nothing is ignored. Policies and ingress can be
 * changed, and are not looked at here.
 *
 * @param says the file's own words, where a default must not be taken for them.
 * @throws Problem 409 with every field that differs.
 */
export function refuseChanges(
  cluster: Cluster,
  request: ClusterRequest,
  says: { readonly kubernetesVersion?: string | undefined },
): void {
  const errors: FieldError[] = [];
  const compare = (field: string, is: unknown, asked: unknown, instead: string): void => {
    if (JSON.stringify(is) === JSON.stringify(asked)) return;
    errors.push({
      field,
      message: `is ${JSON.stringify(is)} and cannot become ${JSON.stringify(asked)}: ${instead}`,
    });
  };
  const never = 'it never changes after creation; create another cluster';
  const notYet = 'changing it is not built yet';
  const byHand =
    'add and remove nodes with `overcast node add` and `overcast node remove`, or have them come and go by policies';
  compare('spec.region', cluster.region, request.region, never);
  compare('spec.podRange', cluster.podRange, request.podRange, never);
  compare('spec.vpn', cluster.vpn, request.vpn, notYet);
  compare('spec.clouds', byCloud(cluster.clouds), byCloud(request.clouds), notYet);
  // A file that is silent about it leaves it to whoever upgraded the cluster.
  if (says.kubernetesVersion !== undefined)
    compare(
      'spec.kubernetesVersion',
      cluster.kubernetesVersion,
      request.kubernetesVersion,
      'go one minor up with `overcast cluster upgrade`, never down',
    );
  compare('spec.configuration', cluster.configuration, request.configuration, byHand);
  // What its nodes are by now says nothing of what a file once asked for: the same list is no change, another one is.
  if (
    cluster.configuration === 'custom' &&
    request.configuration === 'custom' &&
    cluster.groups !== undefined
  )
    compare('spec.nodes', cluster.groups.map(inOrder), request.groups.map(inOrder), byHand);
  if (errors.length > 0)
    throw new Problem(409, `the cluster ${cluster.name} cannot be changed to this by a file`, errors);
}

const byCloud = (clouds: Cluster['clouds']): Cluster['clouds'] =>
  clouds
    .toSorted((a, b) => (a.cloud < b.cloud ? -1 : 1))
    .map(({ cloud, accountId }) => ({ cloud, accountId }));

/** A table gives fields back in any order. */
const inOrder = (group: object): object =>
  Object.fromEntries(Object.entries(group).toSorted(([a], [b]) => (a < b ? -1 : 1)));
