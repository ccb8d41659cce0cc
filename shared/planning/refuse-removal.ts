import type { Cluster } from '../domain/cluster.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import { isMember, silentSecondsMax } from './find-losses.ts';

/** Why these nodes may not be removed by hand, or what people should know when they are. */
export interface RemovalVerdict {
  readonly refusal?: string;
  readonly warning?: string;
}

/**
 * Whether nodes may be taken out of a cluster by hand. Workers may, down to the cluster's lower limit. Control planes go one
 * at a time, never the last one, and never where those that stay could not go on without it. What goes already is left out.
 *
 * @param options.numbers of nodes that are there.
 */
export function refuseRemoval(options: {
  readonly cluster: Pick<Cluster, 'initialisedAt' | 'forgetting' | 'policies'>;
  readonly nodes: readonly Node[];
  readonly numbers: readonly number[];
  readonly now: Instant;
}): RemovalVerdict {
  const { cluster, nodes, numbers } = options;
  const going = nodes.filter(({ number, desired }) => numbers.includes(number) && desired === 'present');
  const controlPlanes = going.filter(({ role }) => role === 'control-plane');
  const ofControlPlanes = controlPlanes.length === 0 ? {} : judge(controlPlanes, options);
  if (ofControlPlanes.refusal !== undefined) return ofControlPlanes;

  const { minVcpus } = cluster.policies.clusterLimits ?? {};
  // What was given up, or is being taken back, gives nobody a vCPU for long: it neither counts nor is missed.
  const counts = ({ desired, phase, interruption }: Node): boolean =>
    desired === 'present' && phase !== 'failed' && interruption !== 'terminate';
  const staying = nodes.filter((node) => counts(node) && !numbers.includes(node.number));
  const vcpus = staying.reduce((sum, { offering }) => sum + offering.vcpus, 0);
  if (minVcpus !== undefined && going.some(counts) && vcpus < minVcpus)
    return {
      refusal: `without ${named(going)} the cluster has ${vcpus} vCPUs, and its lower limit is ${minVcpus}`,
    };
  return ofControlPlanes;
}

function judge(
  controlPlanes: readonly Node[],
  { cluster, nodes, now }: Parameters<typeof refuseRemoval>[0],
): RemovalVerdict {
  const [first] = controlPlanes;
  const others = nodes.filter(
    (node) => node.role === 'control-plane' && node.phase !== 'deleted' && !controlPlanes.includes(node),
  );
  const present = others.filter(({ desired }) => desired === 'present');
  if (first === undefined) return {};
  if (present.length === 0)
    return {
      refusal: `${named(controlPlanes)} ${controlPlanes.length === 1 ? 'is the last control plane' : 'are all of its control planes'}: the cluster would be gone; delete it instead`,
    };
  if (controlPlanes.length > 1)
    return {
      refusal: `control planes go one at a time, and ${named(controlPlanes)} are ${controlPlanes.length}`,
    };
  if (cluster.initialisedAt === undefined)
    return { refusal: `node ${first.number} is a control plane, and the cluster is still being created` };
  const leaving = others.find(({ desired }) => desired === 'absent');
  if (leaving !== undefined || cluster.forgetting !== undefined)
    return { refusal: `control plane ${leaving?.number ?? cluster.forgetting?.number} is still leaving` };
  const joining = present.find((node) => !isMember(node) && node.phase !== 'failed');
  if (joining !== undefined) return { refusal: `control plane ${joining.number} is still joining` };

  const staying = present.filter(isMember);
  const answering = staying.filter(
    ({ phase, failure, lastSeenAt }) =>
      phase === 'ready' &&
      failure === undefined &&
      lastSeenAt !== undefined &&
      secondsBetween(lastSeenAt, now) <= silentSecondsMax,
  );
  const needed = Math.floor(staying.length / 2) + 1;
  if (answering.length < needed)
    return {
      refusal: `without node ${first.number} the quorum would be lost: of the ${staying.length} control planes that stay ${answering.length} answer, and ${needed} are needed`,
    };
  return staying.length % 2 === 0
    ? { warning: `${staying.length} control planes survive no more losses than ${staying.length - 1} would` }
    : {};
}

/** `node 5`, `nodes 5 and 6` */
const named = (nodes: readonly Node[]): string =>
  `${nodes.length === 1 ? 'node' : 'nodes'} ${nodes.map(({ number }) => number).join(' and ')}`;
