import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { SeenCluster, SeenMachine, SeenResource } from '../domain/observation.ts';
import type { CloudName } from '../domain/cloud.ts';

/** Machines in flight must never be taken for stray. */
export const strayGraceSeconds = 600;
/** No cluster goes for longer without a look: what was found so long ago was seen in two sweeps at least. */
export const strayPatienceSeconds = 300;

export const strayMachineFingerprint = (providerId: string): string => `stray-machine:${providerId}`;
export const surplusMachineFingerprint = (providerId: string): string => `surplus-machine:${providerId}`;
export const strayResourceFingerprint = ({ kind, id }: Pick<SeenResource, 'kind' | 'id'>): string =>
  `stray-resource:${kind}:${id}`;

/** Where a machine was seen, and the nodes that may account for it. */
interface Known {
  readonly cloud: CloudName;
  readonly nodes: readonly Node[];
}

/** With the cluster's tags, and of no live node. */
export function isStrayMachine(machine: SeenMachine, { now, ...known }: Known & { now: Instant }): boolean {
  if (machine.state === 'stopping' || secondsBetween(machine.createdAt, now) <= strayGraceSeconds)
    return false;
  return !isRecorded(machine, known) && liveNodeOf(machine, known) === undefined;
}

/**
 * Beside the one that its node has, or of a node that was given up: a create that was carried out only after its attempt
 * had ended. It needs no grace when the nodes were read after the look. An attempt's machine is recorded, and forgotten
 * when the attempt ends: so as long as another is recorded, none that was seen before can still become the node's.
 */
export function isSurplusMachine(machine: SeenMachine, known: Known): boolean {
  const node = liveNodeOf(machine, known);
  // Without a recorded machine a node that is being built may be about to record this one.
  const isSettled = node?.providerId !== undefined || node?.phase === 'failed';
  return isSettled && machine.state !== 'stopping' && !isRecorded(machine, known);
}

const isRecorded = ({ providerId }: SeenMachine, { cloud, nodes }: Known): boolean =>
  nodes.some((node) => node.cloud === cloud && node.providerId === providerId && node.phase !== 'deleted');

const liveNodeOf = ({ nodeId }: SeenMachine, { nodes }: Known): Node | undefined =>
  nodes.find(({ id, phase }) => id === nodeId && phase !== 'deleted');

/** Left over: unless somebody is just making or taking down a machine there, of which it may be a part. */
export const strayResources = (
  observation: SeenCluster,
  cloud: CloudName,
  nodes: readonly Node[],
): readonly SeenResource[] =>
  nodes.some((node) => node.cloud === cloud && isInMotion(node))
    ? []
    : observation.resources.filter(({ isSpare }) => isSpare);

/** Something is being made or taken down for it. */
export const isInMotion = ({ phase, operation, createRequest, providerId }: Node): boolean =>
  phase !== 'deleted' &&
  (operation !== undefined ||
    phase === 'creating' ||
    phase === 'deleting' ||
    (createRequest !== undefined && providerId === undefined));

/** Found long enough ago to be removed: a machine's age was looked at already, a disk's or address's is not known. */
export const isDueStray = ({ kind, seenAt }: Finding, now: Instant): boolean =>
  (kind === 'stray-machine' && secondsBetween(seenAt, now) >= strayPatienceSeconds) ||
  (kind === 'stray-resource' && secondsBetween(seenAt, now) >= strayGraceSeconds);
