import { cloudNames, type CloudName } from '../domain/cloud.ts';
import { familyOf } from '../domain/instance-family.ts';
import type { Architecture } from '../domain/offering.ts';
import { policyDefaults, type Policies } from '../domain/policy.ts';

/** What is looked at of an instance type or an offering. */
export interface Article {
  readonly cloud: CloudName;
  readonly instanceType: string;
  readonly architecture: Architecture;
}

/** The clouds in which policies may buy, in their fixed order. */
export const cloudsToBuyIn = (
  { purchasing }: Policies,
  clusterClouds: readonly CloudName[],
): readonly CloudName[] =>
  cloudNames.filter(
    (cloud) =>
      clusterClouds.includes(cloud) &&
      purchasing?.clouds?.includes(cloud) !== false &&
      purchasing?.excludedClouds?.includes(cloud) !== true,
  );

/** Whether policies may buy this. What people ask for by hand is not asked about. */
export function mayBeBought(
  { cloud, instanceType, architecture }: Article,
  policies: Policies,
  clusterClouds: readonly CloudName[],
): boolean {
  const {
    families,
    excludedFamilies,
    architectures = policyDefaults.purchasing.architectures,
  } = policies.purchasing ?? {};
  const family = familyOf(cloud, instanceType);
  return (
    cloudsToBuyIn(policies, clusterClouds).includes(cloud) &&
    families?.includes(family) !== false &&
    excludedFamilies?.includes(family) !== true &&
    architectures.includes(architecture)
  );
}
