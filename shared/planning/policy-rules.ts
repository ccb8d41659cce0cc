import { cloudNames, type CloudName } from '../domain/cloud.ts';
import type { Problem } from '../domain/cluster-request.ts';
import { familyOf } from '../domain/instance-family.ts';
import type { Offering } from '../domain/offering.ts';
import type { Policies } from '../domain/policy.ts';
import { cloudsToBuyIn, mayBeBought } from './may-be-bought.ts';

/** One way in which policies that are right field by field contradict each other, the cluster's clouds, or what these sell. */
type Rule = (
  policies: Policies,
  clouds: readonly CloudName[],
  offerings: readonly Offering[],
) => readonly Problem[];

const limitsInOrder: Rule = ({ clusterLimits }) => {
  const { minVcpus = 0, maxVcpus = Number.POSITIVE_INFINITY } = clusterLimits ?? {};
  if (minVcpus <= maxVcpus) return [];
  const field = 'clusterLimits.minVcpus';
  return [{ field, message: `must not be more than maxVcpus, which is ${maxVcpus}` }];
};

const lowerLimitCanBeBought: Rule = (policies, clouds, offerings) => {
  if (policies.clusterLimits?.minVcpus === undefined || shelf(policies, clouds, offerings).length > 0)
    return [];
  const field = 'clusterLimits.minVcpus';
  return [{ field, message: 'cannot be kept: by purchasing nothing may be bought' }];
};

const spotCloudsSellSpot: Rule = (policies, clouds, offerings) => {
  const selling = cloudsWithSpot(clouds, offerings);
  const open = cloudsToBuyIn(policies, clouds);
  return (policies.spot?.clouds ?? []).flatMap((cloud, index): readonly Problem[] => {
    const field = `spot.clouds[${index}]`;
    if (!selling.includes(cloud)) return [{ field, message: `${cloud} has no spot`, allowed: selling }];
    if (open.includes(cloud)) return [];
    const allowed = selling.filter((each) => open.includes(each));
    return [{ field, message: `purchasing leaves ${cloud} out`, allowed }];
  });
};

const somethingIsSpot: Rule = (policies, clouds, offerings) => {
  const { spot } = policies;
  const onShelf = shelf(policies, clouds, offerings);
  if (spot === undefined || onShelf.length === 0) return [];
  const asked = spot.clouds ?? cloudsToBuyIn(policies, clouds);
  const inThem = onShelf.filter(({ cloud }) => asked.includes(cloud));
  if (inThem.some(isSpot)) return [];
  // Why each of them has none has been said.
  if (spot.clouds !== undefined && spotCloudsSellSpot(policies, clouds, offerings).length > 0) return [];
  const field = spot.clouds === undefined ? 'spot' : 'spot.clouds';
  return [{ field, message: `nothing that may be bought in ${asked.join(', ')} can be had as spot` }];
};

const returnNeedsFallback: Rule = ({ spot }) => {
  if (spot?.fallbackToOnDemand !== false || spot.returnAfterSeconds === undefined) return [];
  const field = 'spot.returnAfterSeconds';
  return [{ field, message: 'says nothing while fallbackToOnDemand is false: nothing stands in for spot' }];
};

const neverBothWays: Rule = ({ purchasing = {} }) => {
  const twice = (name: 'excludedClouds' | 'excludedFamilies', allowed: readonly string[] = []) =>
    (purchasing[name] ?? []).flatMap((member, index): readonly Problem[] =>
      allowed.includes(member)
        ? [{ field: `purchasing.${name}[${index}]`, message: `${member} is both allowed and excluded` }]
        : [],
    );
  return [...twice('excludedClouds', purchasing.clouds), ...twice('excludedFamilies', purchasing.families)];
};

const familiesAreSold: Rule = (policies, clouds, offerings) => {
  const open = cloudsToBuyIn(policies, clouds);
  // That no cloud is left is another rule's to say.
  if (open.length === 0) return [];
  const allowed = familiesIn(open, offerings);
  return (policies.purchasing?.families ?? []).flatMap((family, index): readonly Problem[] =>
    allowed.includes(family)
      ? []
      : [
          {
            field: `purchasing.families[${index}]`,
            message: `${family} is sold in none of the clouds that may be bought in (${open.join(', ')})`,
            allowed,
          },
        ],
  );
};

/** The field that took the last of it is named. */
const somethingIsLeft: Rule = (policies, clouds, offerings) => {
  const { purchasing } = policies;
  if (purchasing === undefined || shelf(policies, clouds, offerings).length > 0) return [];
  const open = cloudsToBuyIn(policies, clouds);
  if (open.length === 0)
    return [{ field: 'purchasing.excludedClouds', message: 'leaves no cloud of the cluster to buy in' }];
  if (familiesAreSold(policies, clouds, offerings).length > 0) return [];
  const without = (name: 'excludedFamilies' | 'architectures' | 'families'): boolean =>
    shelf({ ...policies, purchasing: { ...purchasing, [name]: undefined } }, clouds, offerings).length > 0;
  const where = open.join(', ');
  if (purchasing.excludedFamilies !== undefined && without('excludedFamilies'))
    return [{ field: 'purchasing.excludedFamilies', message: `leave nothing to buy in ${where}` }];
  if (purchasing.architectures !== undefined && without('architectures'))
    return [{ field: 'purchasing.architectures', message: `leave nothing to buy in ${where}` }];
  return [{ field: 'purchasing', message: `leaves nothing to buy in ${where}` }];
};

/** In the order of the sections. Each sees fields that are right for themselves. */
export const policyRules: readonly Rule[] = [
  limitsInOrder,
  lowerLimitCanBeBought,
  spotCloudsSellSpot,
  somethingIsSpot,
  returnNeedsFallback,
  neverBothWays,
  familiesAreSold,
  somethingIsLeft,
];

/** What may be bought by these policies, of all that is sold. */
const shelf = (
  policies: Policies,
  clouds: readonly CloudName[],
  offerings: readonly Offering[],
): readonly Offering[] => offerings.filter((offering) => mayBeBought(offering, policies, clouds));

const isSpot = ({ lifecycle }: Offering): boolean => lifecycle === 'spot';

const cloudsWithSpot = (clouds: readonly CloudName[], offerings: readonly Offering[]): readonly CloudName[] =>
  cloudNames.filter(
    (name) =>
      clouds.includes(name) && offerings.some((offering) => offering.cloud === name && isSpot(offering)),
  );

const familiesIn = (clouds: readonly CloudName[], offerings: readonly Offering[]): readonly string[] => [
  ...new Set(
    offerings
      .filter(({ cloud }) => clouds.includes(cloud))
      .map(({ cloud, instanceType }) => familyOf(cloud, instanceType)),
  ),
];
