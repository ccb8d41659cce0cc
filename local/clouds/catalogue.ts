import { awsTypes } from './aws/catalogue.ts';
import { azureTypes } from './azure/catalogue.ts';
import type { SimulatedType } from './catalogue-type.ts';
import { digitalOceanTypes } from './digitalocean/catalogue.ts';
import { gcpTypes } from './gcp/catalogue.ts';
import type { SimulatedCloud } from './world.ts';

export type { SimulatedType } from './catalogue-type.ts';

/**
 * A part of each cloud's list in US East, up to 64 vCPUs, from their public size and price lists as of 2026-06 to 2026-08.
 * Spot prices move: AWS's are means of published ratios, Azure's an estimate (0.2 of on-demand) but for Dasv5 and Fsv2.
 * Other regions cost more or less; here they cost the same.
 */
const types: Record<SimulatedCloud, readonly SimulatedType[]> = {
  aws: awsTypes,
  gcp: gcpTypes,
  azure: azureTypes,
  digitalocean: digitalOceanTypes,
};

export const instanceType = (cloud: SimulatedCloud, name: string): SimulatedType | undefined =>
  types[cloud].find((type) => type.name === name);

export const instanceTypes = (cloud: SimulatedCloud): readonly SimulatedType[] => types[cloud];
