import { createHash, randomUUID } from 'node:crypto';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { machineState, type WorldMachine } from '../world.ts';
import { following, notFound, pageOf, shown } from './answers.ts';
import { ArmError, bodyOf, reply, types, type Target } from './arm.ts';
import type { Body, VmProperties } from './bodies.ts';
import { groupOf, writableGroup } from './groups.ts';
import { checkMachine } from './machine-checks.ts';
import { attachments, makeDisk, type Made } from './machine-parts.ts';
import { checkShape, checkTagsPatch } from './shapes.ts';
import { idOf, provisioningState, type Resource, type Store } from './store.ts';

/** Unscaled seconds: what people see on Azure. */
const seconds = { failure: 15, deletion: 20, failedDeletion: 8 };
const hideSecondsDefault = 5;

type Named = Target & { name: string; group: string };
type StoredVm = VmProperties & {
  readonly vmId: string;
  readonly timeCreated: string;
  readonly requestHash: string;
};

const vmOf = (resource: Resource): StoredVm => resource.properties as StoredVm;

const hashOf = (body: Body<VmProperties>): string =>
  createHash('sha256')
    .update(JSON.stringify([body.properties, body.zones]))
    .digest('hex');

// ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────

const powers = {
  pending: ['PowerState/starting', 'VM starting'],
  running: ['PowerState/running', 'VM running'],
  stopping: ['PowerState/stopping', 'VM stopping'],
  stopped: ['PowerState/stopped', 'VM stopped'],
} as const;

function instanceView(store: Store, vm: Resource): unknown {
  const state = provisioningState(store, vm);
  const failure = state === 'Failed' ? vm.failure : undefined;
  const machine = vm.worldId === undefined ? undefined : store.world.machine('azure', vm.worldId);
  const life = machine === undefined ? 'gone' : machineState(machine, store.world.now());
  const [code, displayStatus] = life === 'gone' ? [] : powers[life];
  return {
    statuses: [
      failure === undefined
        ? {
            code: `ProvisioningState/${state.toLowerCase()}`,
            level: 'Info',
            displayStatus: state === 'Succeeded' ? 'Provisioning succeeded' : state,
          }
        : {
            code: `ProvisioningState/failed/${failure.code}`,
            level: 'Error',
            displayStatus: 'Provisioning failed',
            message: failure.message,
          },
      ...(code === undefined ? [] : [{ code, level: 'Info', displayStatus }]),
    ],
  };
}

/** Secrets that were sent are never shown again. */
function model(vm: Resource): Record<string, unknown> {
  const { requestHash: _hash, osProfile, ...rest } = vmOf(vm);
  const { customData: _data, adminPassword: _password, ...system } = osProfile ?? {};
  return { ...rest, ...(osProfile === undefined ? {} : { osProfile: system }) };
}

const shownVm = (store: Store, vm: Resource, withView = false) =>
  shown(store, vm, { ...model(vm), ...(withView ? { instanceView: instanceView(store, vm) } : {}) });

/** Lists spell the group in capitals, as Azure's do. */
const inCapitals = (vm: Resource): Resource => ({
  ...vm,
  id: vm.id.replace(
    /(\/resourceGroups\/)([^/]+)/i,
    (_, noun: string, group: string) => noun + group.toUpperCase(),
  ),
});

const shownStatus = (store: Store, vm: Resource) => {
  const { vmId, hardwareProfile, timeCreated } = vmOf(vm);
  return shown(store, inCapitals(vm), {
    vmId,
    hardwareProfile,
    timeCreated,
    instanceView: instanceView(store, vm),
  });
};

// ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

export function listMachines(store: Store, request: SimulatedRequest, target: Target): SimulatedResponse {
  if (request.method !== 'GET') throw new ArmError(405, 'MethodNotAllowed', 'Only GET is allowed here.');
  const { searchParams } = request.url;
  if (searchParams.has('$expand') && !searchParams.has('$filter'))
    throw new ArmError(
      400,
      'InvalidParameter',
      '$expand=instanceView can only be specified with a valid $filter.',
    );
  if (target.group !== undefined) groupOf(store, target);
  const statusOnly = searchParams.get('statusOnly') === 'true' && target.group === undefined;
  const { subscription, group } = target;
  const vms = store.all({ type: types.vm, subscription, ...(group === undefined ? {} : { group }) });
  return pageOf(store, request, vms, (vm) =>
    statusOnly ? shownStatus(store, vm) : shownVm(store, inCapitals(vm)),
  );
}

export function handleMachine(store: Store, request: SimulatedRequest, target: Named): SimulatedResponse {
  groupOf(store, target);
  const vm = store.get(idOf({ ...target, type: types.vm }));
  const visible = vm === undefined || store.isHidden(vm) ? undefined : vm;
  if (target.child === 'instanceView') {
    if (visible === undefined || request.method !== 'GET') throw notFound(target);
    return reply(200, instanceView(store, visible));
  }
  switch (request.method) {
    case 'GET': {
      if (visible === undefined) throw notFound(target);
      const expand = request.url.searchParams.get('$expand');
      if (expand !== null && !['instanceview', 'userdata'].includes(expand.toLowerCase()))
        throw new ArmError(400, 'InvalidParameter', `The value of parameter $expand is invalid: ${expand}`);
      return reply(200, shownVm(store, visible, expand?.toLowerCase() === 'instanceview'));
    }
    case 'PUT':
      return putMachine(store, request, target, vm);
    case 'PATCH': {
      if (visible === undefined) throw notFound(target);
      writableGroup(store, target);
      const body = bodyOf(request);
      checkTagsPatch(types.vm, body);
      const { tags } = body as Body<never>;
      const changed = store.change(visible, tags === undefined ? {} : { tags });
      const operation = store.begin({ endsAt: store.world.now() });
      return reply(200, shownVm(store, changed), following(request, changed, operation));
    }
    case 'DELETE': {
      if (vm === undefined) return reply(204);
      const going = beginDeletion(store, vm, seconds.deletion);
      const operation = store.begin({ endsAt: going.goneAt ?? store.world.now() });
      return reply(202, undefined, following(request, going, operation, { location: true }));
    }
    default:
      throw new ArmError(405, 'MethodNotAllowed', `${request.method} is not allowed here.`);
  }
}

/** @param unscaled seconds until it is gone; a deletion that runs already goes on. */
export function beginDeletion(store: Store, vm: Resource, unscaled: number): Resource {
  if (vm.goneAt !== undefined) return vm;
  const lasting = vm.worldId === undefined ? Math.min(unscaled, seconds.failedDeletion) : unscaled;
  if (vm.worldId !== undefined) store.world.terminate('azure', vm.worldId, lasting);
  return store.change(vm, { goneAt: store.world.now() + store.world.scaled(lasting) });
}

function putMachine(
  store: Store,
  request: SimulatedRequest,
  target: Named,
  before: Resource | undefined,
): SimulatedResponse {
  writableGroup(store, target);
  const raw = bodyOf(request);
  checkShape(types.vm, raw);
  const body = raw as Body<VmProperties>;
  const type = checkMachine(body);
  if (before !== undefined) return repeatMachine(store, request, before, body);

  const { subscription, group, name } = target;
  const id = idOf({ subscription, group, type: types.vm, name });
  const location = body.location ?? '';
  const wanted = attachments(store, body.properties ?? {}, { id, location, subscription, group });
  const refusal = store.world.refusal('azure', type.name, type.vcpus);
  if (refusal === 'no-capacity')
    throw new ArmError(
      409,
      'SkuNotAvailable',
      `The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: ${type.name}' is currently not available in location '${location}'. Please try another size or deploy to a different location or different zone.`,
    );
  if (refusal === 'quota')
    throw new ArmError(
      409,
      'OperationNotAllowed',
      `Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: ${location}, Additional Required: ${type.vcpus}.`,
    );
  const hidden = store.world.takeFault('azure', 'createMachine', {
    effects: ['hide'],
    instanceType: type.name,
  });

  const { networkInterfaces, first } = wanted.make();
  const failure = refusal === undefined ? undefined : allocationFailure(body.zones);
  const diskId =
    failure === undefined ? makeDisk(store, { id, location, subscription, group, name, body }).id : undefined;
  const machine =
    failure === undefined
      ? store.world.launch({
          cloud: 'azure',
          id: worldIdFor(store, group, name),
          name,
          region: location,
          zone: body.zones?.[0] ?? '',
          instanceType: type.name,
          vcpus: type.vcpus,
          spot: body.properties?.priority === 'Spot',
          networkId: first.networkId,
          privateAddress: first.privateAddress,
          publicAddress: first.publicAddress,
          userData: Buffer.from(body.properties?.osProfile?.customData ?? '', 'base64').toString('utf8'),
        })
      : undefined;
  const vm = writeMachine(store, {
    target,
    body,
    machine,
    failure,
    diskId,
    networkInterfaces,
    hidden: hidden?.seconds ?? (hidden === undefined ? undefined : hideSecondsDefault),
  });
  const operation = store.begin({ endsAt: vm.settlesAt, ...(failure === undefined ? {} : { failure }) });
  return reply(201, shownVm(store, vm), following(request, vm, operation));
}

const allocationFailure = (zones: readonly string[] | undefined) => ({
  code: zones === undefined || zones.length === 0 ? 'AllocationFailed' : 'ZonalAllocationFailed',
  message:
    'Allocation failed. We do not have sufficient capacity for the requested VM size in this zone. Read more about improving likelihood of allocation success at https://aka.ms/allocation-guidance',
});

/** The same request again is no change; nearly everything about a machine can be set only at its creation. */
function repeatMachine(
  store: Store,
  request: SimulatedRequest,
  vm: Resource,
  body: Body<VmProperties>,
): SimulatedResponse {
  if (vm.goneAt !== undefined)
    throw new ArmError(
      409,
      'Conflict',
      `The request failed due to conflict with a concurrent request: virtual machine ${vm.name} is being deleted.`,
    );
  if (body.location !== vm.location)
    throw new ArmError(
      409,
      'InvalidResourceLocation',
      `The resource '${vm.name}' already exists in location '${vm.location}'. A resource with the same name cannot be created in location '${body.location ?? ''}'.`,
    );
  if (hashOf(body) !== vmOf(vm).requestHash)
    throw new ArmError(
      409,
      'PropertyChangeNotAllowed',
      `Changing the properties of virtual machine '${vm.name}' that can be set only at its creation is not allowed.`,
    );
  const changed = store.change(vm, body.tags === undefined ? {} : { tags: body.tags });
  const operation = store.begin({
    endsAt: changed.settlesAt,
    ...(changed.failure === undefined ? {} : { failure: changed.failure }),
  });
  return reply(200, shownVm(store, changed), following(request, changed, operation));
}

/** The machine's name, unless another living machine of the world has it. */
export const worldIdFor = (store: Store, group: string, name: string): string => {
  const other = store.world.machine('azure', name);
  return other === undefined || store.world.state(other) === 'gone' ? name : `${group}/${name}`;
};

export function writeMachine(
  store: Store,
  made: {
    target: Named;
    body: Body<VmProperties>;
    machine: WorldMachine | undefined;
    failure: Resource['failure'];
    diskId: string | undefined;
    networkInterfaces: Made['networkInterfaces'];
    hidden: number | undefined;
  },
): Resource {
  const { target, body, machine, failure, diskId, networkInterfaces } = made;
  const { storageProfile, networkProfile: _asked, ...rest } = body.properties ?? {};
  const now = store.world.now();
  const properties: StoredVm = {
    ...rest,
    storageProfile: {
      ...storageProfile,
      osDisk: {
        ...storageProfile?.osDisk,
        managedDisk: {
          ...storageProfile?.osDisk?.managedDisk,
          ...(diskId === undefined ? {} : { id: diskId }),
        },
      },
    },
    networkProfile: { networkInterfaces },
    vmId: randomUUID(),
    timeCreated: new Date(now).toISOString(),
    requestHash: hashOf(body),
  };
  const vm = store.put({
    subscription: target.subscription,
    group: target.group,
    name: target.name,
    type: types.vm,
    location: body.location ?? '',
    properties,
    seconds: seconds.failure,
    ...(body.tags === undefined ? {} : { tags: body.tags }),
    ...(body.zones === undefined ? {} : { zones: body.zones }),
    ...(failure === undefined ? {} : { failure }),
    ...(machine === undefined ? {} : { worldId: machine.id }),
    ...(made.hidden === undefined ? {} : { hiddenUntil: now + store.world.scaled(made.hidden) }),
  });
  return machine === undefined ? vm : store.change({ ...vm, version: 0 }, { settlesAt: machine.runningAt });
}
