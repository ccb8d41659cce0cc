import { instanceTypes } from '../../domain/catalogue.ts';
import { assortmentOf } from '../assortment.ts';
import type { OfferingSource } from '../contract.ts';
import type { MemoryWorld } from './world.ts';

/** The built-in table as a cloud's, at the prices that the world has moved them to. */
export function createMemoryOfferings(
  world: MemoryWorld,
  options: { readonly revoked?: boolean } = {},
): OfferingSource {
  return {
    name: world.name,
    offerings: async (location) => {
      if (options.revoked === true)
        throw world.error('CredentialsRejected', 'unauthorized', 'these credentials are not known');
      return world.perform('readOfferings', () => {
        const assortment = assortmentOf(world.name, location);
        for (const type of instanceTypes.filter(({ cloud }) => cloud === world.name)) {
          const { name, usdPerHour, usdPerHourSpot } = type;
          const factor = (lifecycle: string): number => world.priceFactors.get(`${name} ${lifecycle}`) ?? 1;
          assortment.sell(
            { ...type, isBurstable: type.burstable },
            {
              'on-demand': usdPerHour * factor('on-demand'),
              ...(usdPerHourSpot !== undefined && { spot: usdPerHourSpot * factor('spot') }),
            },
          );
        }
        return assortment.result();
      });
    },
  };
}
