import type { CloudName } from '../domain/cloud.ts';
import type { NodeRole } from '../domain/network.ts';
import {
  isSameOffering,
  shapes,
  type Lifecycle,
  type Market,
  type Offering,
  type OfferingName,
  type Shape,
} from '../domain/offering.ts';

/** What a node is asked for by: exactly one of the three is given. */
export interface Wanted {
  readonly role: NodeRole;
  readonly shape?: Shape;
  /** As a policy chose it: of its size and architecture. */
  readonly like?: Offering;
  readonly instanceType?: string;
  readonly lifecycle: Lifecycle;
}

/**
 * Every offering of one cloud that would do, cheapest first. A shape is exactly its vCPUs and at least its memory, on
 * amd64, which every image knows. Control planes get no burstable type unless it was named.
 */
export function suitableOfferings(options: {
  cloud: CloudName;
  wanted: Wanted;
  offerings: readonly Offering[];
}): readonly Offering[] {
  const { cloud, wanted, offerings } = options;
  return offerings
    .filter((offering) => offering.cloud === cloud && offering.lifecycle === wanted.lifecycle)
    .filter((offering) =>
      wanted.like !== undefined
        ? isLike(offering, wanted.like)
        : wanted.instanceType === undefined
          ? hasShape(offering, wanted.shape) && (wanted.role === 'worker' || offering.burstable !== true)
          : offering.instanceType === wanted.instanceType,
    )
    .toSorted((a, b) => a.usdPerHour - b.usdPerHour || (a.instanceType < b.instanceType ? -1 : 1));
}

const hasShape = ({ vcpus, memoryGib, architecture }: Offering, shape: Shape | undefined): boolean =>
  shape !== undefined &&
  vcpus === shapes[shape].vcpus &&
  memoryGib >= shapes[shape].memoryGib &&
  architecture === 'amd64';

/** Shares of vCPUs are no vCPUs, unless it was one of those. */
const isLike = (offering: Offering, { vcpus, memoryGib, architecture, burstable }: Offering): boolean =>
  offering.vcpus === vcpus &&
  offering.memoryGib >= memoryGib &&
  offering.architecture === architecture &&
  (offering.burstable !== true || burstable === true);

export const isCoolingOff = (offering: Offering, coolOffs: readonly OfferingName[]): boolean =>
  coolOffs.some((coolOff) => isSameOffering(coolOff, offering));

/**
 * The cheapest suitable offering that is not cooling off; when all of them are, the cheapest of all, because trying
 * is better than refusing. Undefined when the cloud has nothing suitable.
 */
export function chooseOffering(options: {
  cloud: CloudName;
  wanted: Wanted;
  market: Market;
}): Offering | undefined {
  const { cloud, wanted, market } = options;
  const suitable = suitableOfferings({ cloud, wanted, offerings: market.offerings });
  return suitable.find((offering) => !isCoolingOff(offering, market.coolOffs)) ?? suitable[0];
}
