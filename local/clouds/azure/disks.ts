import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { following, shown } from './answers.ts';
import { ArmError, bodyOf, reply, types, type Target } from './arm.ts';
import type { Body, DiskProperties } from './bodies.ts';
import { checkShape } from './shapes.ts';
import { type Resource, type Store } from './store.ts';

const putSeconds = 2;

export const shownDisk = (store: Store, disk: Resource) =>
  shown(store, disk, {
    ...disk.properties,
    timeCreated: new Date(disk.createdAt).toISOString(),
    diskState: disk.managedBy === undefined ? 'Unattached' : 'Attached',
  });

/** An empty disk of somebody's; the disks of machines are made with them. */
export function putDisk(
  store: Store,
  request: SimulatedRequest,
  target: Target & { name: string; group: string },
  before: Resource | undefined,
): SimulatedResponse {
  const body = bodyOf(request);
  checkShape(types.disk, body);
  const { location = '', tags, zones, sku, properties = {} } = body as Body<DiskProperties>;
  if (properties['creationData'] === undefined)
    throw new ArmError(400, 'InvalidParameter', 'Required parameter creationData is missing (null).');
  const { subscription, group, name } = target;
  const disk = store.put({
    subscription,
    group: before?.group ?? group,
    name: before?.name ?? name,
    type: types.disk,
    location,
    sku: sku ?? { name: 'Standard_LRS', tier: 'Standard' },
    properties,
    seconds: putSeconds,
    ...(tags === undefined ? {} : { tags }),
    ...(zones === undefined ? {} : { zones }),
    ...(before?.managedBy === undefined ? {} : { managedBy: before.managedBy }),
  });
  const operation = store.begin({ endsAt: disk.settlesAt });
  return reply(202, shownDisk(store, disk), following(request, disk, operation, { location: true }));
}

export const diskInUse = (disk: Resource): ArmError | undefined =>
  disk.managedBy === undefined
    ? undefined
    : new ArmError(409, 'OperationNotAllowed', `Disk ${disk.name} is attached to VM ${disk.managedBy}.`);
