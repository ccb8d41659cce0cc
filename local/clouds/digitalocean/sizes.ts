import { instanceTypes } from '../catalogue.ts';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import type { World } from '../world.ts';
import { regions } from './account.ts';
import { notFound, page, queryOf } from './wire.ts';

/** As the API names its plans; the letters before the vCPUs tell them apart. */
const descriptions: Readonly<Record<string, string>> = {
  s: 'Basic',
  c: 'CPU-Optimized',
  c2: 'CPU-Optimized 2x SSD',
  g: 'General Purpose',
  gd: 'General Purpose — 2x SSD',
  m: 'Memory-Optimized',
};

/** Sizes of every account's list that nobody can have as a node: elsewhere, no longer, with a GPU, or before their price. */
const others = [
  { slug: 'so-2vcpu-16gb', vcpus: 2, memory: 16_384, price_hourly: 0.19494, regions: ['nyc3'] },
  { slug: 's-1vcpu-512mb', vcpus: 1, memory: 512, price_hourly: 0.00595, available: false },
  { slug: 'x-2vcpu-8gb', vcpus: 2, memory: 8192, price_hourly: 0 },
  {
    slug: 'gpu-h100x1-80gb',
    vcpus: 20,
    memory: 245_760,
    price_hourly: 3.39,
    gpu_info: { count: 1, model: 'nvidia_h100', vram: { amount: 80, unit: 'gib' } },
  },
];

/** `GET /v2/sizes`: https://docs.digitalocean.com/reference/api/reference/sizes/. A month is billed as at most 672 hours. */
export function sizes(world: World, request: SimulatedRequest): SimulatedResponse {
  if (request.method !== 'GET') throw notFound();
  queryOf(request, ['page', 'per_page']);
  const soldOut = world.settings.soldOut.digitalocean ?? [];
  const sold = instanceTypes('digitalocean').map((type) => ({
    slug: type.name,
    vcpus: type.vcpus,
    memory: type.memoryGib * 1024,
    price_hourly: world.prices.usdPerHour('digitalocean', type, 'on-demand') ?? 0,
    available: !soldOut.includes(type.name),
  }));
  return page(
    request,
    'sizes',
    [...sold, ...others].map((size) => ({
      available: true,
      regions,
      description: descriptions[size.slug.split('-')[0] ?? ''] ?? 'GPU Droplet',
      disk: size.vcpus * 25,
      transfer: size.vcpus,
      price_monthly: Math.round(size.price_hourly * 672),
      ...size,
    })),
    (asked, max) => world.pageSize(asked, max),
  );
}
