import type { Offering } from '../../domain/offering.ts';
import { mayBeBought } from '../may-be-bought.ts';
import type { PackingOptions } from './packing.ts';

/** Which policy keeps this from being bought, whoever wants it. Without a spot policy there is no spot. */
export function policyAgainst(
  offering: Offering,
  policies: PackingOptions['policies'],
): 'purchasing' | 'spotPolicy' | undefined {
  if (!mayBeBought(offering, policies, [offering.cloud])) return 'purchasing';
  if (offering.lifecycle !== 'spot') return undefined;
  const { spot } = policies;
  return spot === undefined || spot.clouds?.includes(offering.cloud) === false ? 'spotPolicy' : undefined;
}
