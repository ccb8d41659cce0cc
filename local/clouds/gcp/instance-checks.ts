import type { SimulatedType } from '../catalogue.ts';
import { invalid, invalidField, missing } from './failure.ts';
import { regionOfZone } from './places.ts';
import type { Json } from './schema.ts';

const userDataBytesMax = 256 * 1024;

/** What the operation of an insert that cannot be says in the end. */
export function refused(
  why: 'no-capacity' | 'no-capacity-later' | 'quota',
  project: string,
  { zone, type }: { readonly zone: string; readonly type: SimulatedType },
): { code: string; message: string; httpStatus: number } {
  if (why === 'quota')
    return {
      code: 'QUOTA_EXCEEDED',
      message: `Quota 'CPUS' exceeded.  Limit: reached in region ${regionOfZone(zone)}.`,
      httpStatus: 403,
    };
  return {
    code: 'ZONE_RESOURCE_POOL_EXHAUSTED',
    message: `The zone 'projects/${project}/zones/${zone}' does not have enough resources available to fulfill the request for ${type.name}.  Try a different zone, or try again later.`,
    httpStatus: 503,
  };
}

export function checkScheduling(body: Json): { spot: boolean } {
  const scheduling = (body['scheduling'] ?? {}) as Json;
  const spot = scheduling['provisioningModel'] === 'SPOT';
  if (spot && (scheduling['automaticRestart'] !== false || scheduling['onHostMaintenance'] === 'MIGRATE'))
    throw invalid('Spot instances cannot restart automatically or migrate.');
  if (!spot && scheduling['instanceTerminationAction'] !== undefined)
    throw invalid('instanceTerminationAction needs provisioningModel SPOT.');
  return { spot };
}

export function userDataOf(body: Json): string {
  const items = ((body['metadata'] as Json | undefined)?.['items'] ?? []) as Json[];
  const values = new Map<string, string>();
  for (const { key, value } of items) {
    if (typeof key !== 'string' || !/^[a-zA-Z0-9_-]{1,128}$/.test(key))
      throw invalidField('resource.metadata.items.key', key, 'Letters, digits, _ and -, at most 128.');
    if (values.has(key)) throw invalidField('resource.metadata.items', key, 'Duplicate metadata key.');
    if (typeof value !== 'string') throw missing(`resource.metadata.items[${key}].value`);
    if (Buffer.byteLength(value) > userDataBytesMax)
      throw invalidField(`resource.metadata.items[${key}].value`, value.length, 'At most 262144 bytes.');
    values.set(key, value);
  }
  return values.get('user-data') ?? '';
}
