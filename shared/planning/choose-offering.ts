import { findInstanceType, offeringOf, typesOfShape } from '../domain/catalogue.ts';
import type { CloudName } from '../domain/cloud.ts';
import type { NodeRole } from '../domain/network.ts';
import {
  isSameOffering,
  type Lifecycle,
  type Offering,
  type OfferingName,
  type Shape,
} from '../domain/offering.ts';
import { findRegion } from '../domain/regions.ts';

/** What a node is asked for by: exactly one of the two is given. */
export interface Wanted {
  readonly role: NodeRole;
  readonly shape?: Shape;
  readonly instanceType?: string;
  readonly lifecycle: Lifecycle;
}

/** Every offering of one cloud that would do, cheapest first. Control planes get no burstable type unless it was named. */
export function suitableOfferings(options: {
  cloud: CloudName;
  region: string;
  wanted: Wanted;
}): readonly Offering[] {
  const { cloud, region, wanted } = options;
  const location = findRegion(region)?.locations[cloud];
  if (location === undefined) return [];
  const named = wanted.instanceType === undefined ? undefined : findInstanceType(cloud, wanted.instanceType);
  const types =
    wanted.instanceType !== undefined
      ? named === undefined
        ? []
        : [named]
      : wanted.shape === undefined
        ? []
        : typesOfShape(cloud, wanted.shape).filter((type) => wanted.role === 'worker' || !type.burstable);
  return types
    .map((type) => offeringOf({ type, location, lifecycle: wanted.lifecycle }))
    .filter((offering) => offering !== undefined)
    .sort((a, b) => a.usdPerHour - b.usdPerHour || (a.instanceType < b.instanceType ? -1 : 1));
}

export const isCoolingOff = (offering: Offering, coolOffs: readonly OfferingName[]): boolean =>
  coolOffs.some((coolOff) => isSameOffering(coolOff, offering));

/**
 * The cheapest suitable offering that is not cooling off; when all of them are, the cheapest of all, because trying
 * is better than refusing. Undefined when the cloud has nothing suitable.
 */
export function chooseOffering(options: {
  cloud: CloudName;
  region: string;
  wanted: Wanted;
  coolOffs: readonly OfferingName[];
}): Offering | undefined {
  const suitable = suitableOfferings(options);
  return suitable.find((offering) => !isCoolingOff(offering, options.coolOffs)) ?? suitable[0];
}
