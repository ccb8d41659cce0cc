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
export const strayResourceFingerprint = ({ kind, id }: Pick<SeenResource, 'kind' | 'id'>): string =>
  `stray-resource:${kind}:${id}`;

/** With the cluster's tags, and no live node accounts for it. */
export function isStrayMachine(machine: SeenMachine, nodes: readonly Node[], now: Instant): boolean {
  if (machine.state === 'stopping' || secondsBetween(machine.createdAt, now) <= strayGraceSeconds)
    return false;
  if (nodes.some(({ providerId, phase }) => providerId === machine.providerId && phase !== 'deleted'))
    return false;
  const node = nodes.find(({ id }) => id === machine.nodeId);
  if (node === undefined || node.phase === 'deleted') return true;
  // Without a recorded machine the node may be about to record this one.
  return node.providerId !== undefined;
}

/** Left over: unless somebody is just making or taking down a machine there, of which it may be a part. */
export const strayResources = (
  observation: SeenCluster,
  cloud: CloudName,
  nodes: readonly Node[],
): readonly SeenResource[] =>
  nodes.some((node) => node.cloud === cloud && isInMotion(node))
    ? []
    : observation.resources.filter(({ isSpare }) => isSpare);

const isInMotion = ({ phase, operation, createRequest, providerId }: Node): boolean =>
  phase !== 'deleted' &&
  (operation !== undefined ||
    phase === 'creating' ||
    phase === 'deleting' ||
    (createRequest !== undefined && providerId === undefined));

/** Found long enough ago to be removed: a machine's age was looked at already, a disk's or address's is not known. */
export const isDueStray = ({ kind, seenAt }: Finding, now: Instant): boolean =>
  (kind === 'stray-machine' && secondsBetween(seenAt, now) >= strayPatienceSeconds) ||
  (kind === 'stray-resource' && secondsBetween(seenAt, now) >= strayGraceSeconds);
