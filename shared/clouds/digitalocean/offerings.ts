import * as z from 'zod/mini';
import { assortmentOf } from '../assortment.ts';
import type { OfferingSource } from '../contract.ts';
import { createClient } from './client.ts';
import type { DigitalOceanCredentials } from './credentials.ts';
import { said } from './refused.ts';

export { digitalOceanCredentials } from './credentials.ts';

/** Of a size in `GET /v2/sizes`; memory is in MiB, the price for the whole droplet. */
const size = z.object({
  slug: z.string(),
  memory: z.int(),
  vcpus: z.int(),
  price_hourly: z.nullish(z.number()),
  /** False: nowhere at the moment. */
  available: z.boolean(),
  regions: z.array(z.string()),
  gpu_info: z.optional(z.unknown()),
});

/** Basic droplets have shares of a vCPU; the plan's letter is the only place where the API says so. */
const isBasic = (slug: string): boolean => slug.startsWith('s-');

/** DigitalOcean's sizes: one list for all regions, with one price. No spot but for GPUs, no Arm. */
export function createDigitalOceanOfferings(credentials: DigitalOceanCredentials): OfferingSource {
  const client = createClient(credentials);
  return {
    name: 'digitalocean',
    offerings: async (location) => {
      const assortment = assortmentOf('digitalocean', location);
      for (const each of await said(client.list('sizes', 'sizes', size))) {
        if (each.gpu_info !== undefined) assortment.leaveOut('accelerators');
        else if (!each.available || !each.regions.includes(location.region))
          assortment.leaveOut('not sold here');
        else
          assortment.sell(
            {
              name: each.slug,
              architecture: 'amd64',
              vcpus: each.vcpus,
              memoryGib: each.memory / 1024,
              isBurstable: isBasic(each.slug),
            },
            { 'on-demand': each.price_hourly ?? undefined },
          );
      }
      return assortment.result();
    },
  };
}
