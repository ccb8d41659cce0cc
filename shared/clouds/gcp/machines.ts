import type { Owner } from '../../domain/cloud.ts';
import type { Offering } from '../../domain/offering.ts';
import type { Machine, MachineRef, MachineRequest, Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { isForLater, isNotFound, isRefused, refusal } from './failures.ts';
import { found } from './lists.ts';
import { machineOf, stateOf, type IInstance } from './machine-view.ts';
import { isOwnedBy, labelKeys, ownerLabels, roleTags, type Labels } from './names.ts';
import { begun, machineOperations } from './operations.ts';

const retryAfterSeconds = 3;

const waiting = (waitingFor: string): Progress<never> => ({ done: false, retryAfterSeconds, waitingFor });

/**
 * Looks whether the machine is there; else what became of the insert that carried this request's token; and only if
 * there never was one, inserts.
 *
 * GCE gives a request's id back on its operation (`clientOperationId`) and keeps operations for 14 days, so that a
 * later, stateless call finds what was accepted and failed: the instance itself is gone by then, or never was. Between
 * two calls that both see nothing yet, the same request id makes GCE answer the second insert with the first's operation.
 */
export async function createMachine(clients: Clients, request: MachineRequest): Promise<Progress<Machine>> {
  const { project } = clients;
  const { zone } = request.offering;
  const instance = await found(clients.instances.get({ project, zone, instance: request.name }));
  if (instance !== undefined) return progressOf(instance, request);

  const earlier = await becameOf(clients, request);
  if (earlier !== undefined) return earlier;
  try {
    begun(
      await clients.instances.insert({
        project,
        zone,
        requestId: request.token,
        instanceResource: resourceOf(project, request),
      }),
    );
  } catch (error) {
    if (isForLater(error)) return waiting(`machine ${request.name} to be made`);
    // A call beside this one may have sent the attempt's insert with another user-data, as a new version of the platform
    // writes it: GCE takes a request's id only once, and the machine of the first is the attempt's.
    const other = isRefused(error) ? await becameOf(clients, request) : undefined;
    if (other === undefined) throw error;
    return other;
  }
  return waiting(`machine ${request.name} to be made`);
}

/** What became of the insert that carried this request's token, if there was one. @throws what it failed with */
async function becameOf(clients: Clients, request: MachineRequest): Promise<Progress<never> | undefined> {
  const operations = await machineOperations(clients, request.offering.zone, request.name);
  const ours = operations.find((one) => one.requestId === request.token && one.type === 'insert');
  if (ours?.failure !== undefined && ours.done) throw ours.failure;
  // Done and not to be seen: shown a moment later, or gone again. Whoever waits has a limit; a second one is never made.
  return ours === undefined ? undefined : waiting(`machine ${request.name} to appear`);
}

function progressOf(instance: IInstance, request: MachineRequest): Progress<Machine> {
  const labels = instance.labels ?? {};
  if (!isOwnedBy(labels, request.owner) || labels[labelKeys.nodeId] !== request.nodeId)
    throw refusal('alreadyExists', `machine ${request.name} is there and does not carry this node's labels`);
  const state = stateOf(instance);
  if (labels[labelKeys.request] !== request.token) {
    if (state === 'stopping') return waiting(`machine ${request.name} of an earlier attempt to go`);
    throw refusal('alreadyExists', `machine ${request.name} of an earlier attempt is still there`);
  }
  return state === 'running'
    ? { done: true, value: machineOf(instance) }
    : waiting(`machine ${request.name} to run; it is ${instance.status ?? 'unknown'}`);
}

function labelsOf(request: MachineRequest): Labels {
  return {
    ...ownerLabels(request.owner),
    [labelKeys.nodeId]: request.nodeId,
    [labelKeys.request]: request.token,
  };
}

/** From the fourth generation on, Google's machine series take Hyperdisk only: n4, c4, c4a, m4, … */
const diskTypeFor = (instanceType: string): string =>
  Number(/^[a-z]+(\d+)/.exec(instanceType)?.[1] ?? 0) >= 4 ? 'hyperdisk-balanced' : 'pd-balanced';

const schedulingFor = (lifecycle: Offering['lifecycle']): NonNullable<IInstance['scheduling']> =>
  lifecycle === 'spot'
    ? {
        provisioningModel: 'SPOT',
        // Taken back is gone, with its disk: nobody restarts a node.
        instanceTerminationAction: 'DELETE',
        onHostMaintenance: 'TERMINATE',
        automaticRestart: false,
      }
    : { provisioningModel: 'STANDARD', onHostMaintenance: 'MIGRATE', automaticRestart: true };

function resourceOf(project: string, request: MachineRequest): IInstance {
  const { offering, network, name } = request;
  const { network: networkPath, subnetwork } = network.parts;
  if (networkPath === undefined || subnetwork === undefined)
    throw refusal('invalid', 'the network was not made by this driver');
  const zone = `projects/${project}/zones/${offering.zone}`;
  const labels = labelsOf(request);
  return {
    name,
    machineType: `${zone}/machineTypes/${offering.instanceType}`,
    labels,
    tags: { items: [roleTags[request.role]] },
    scheduling: schedulingFor(offering.lifecycle),
    shieldedInstanceConfig: {
      enableSecureBoot: true,
      enableVtpm: true,
      enableIntegrityMonitoring: true,
    },
    // No service account: whatever runs on a node can ask Google for nothing in the owner's name.
    metadata: {
      items: [
        { key: 'user-data', value: request.userData },
        { key: 'block-project-ssh-keys', value: 'TRUE' },
        { key: 'serial-port-enable', value: 'FALSE' },
      ],
    },
    disks: [
      {
        boot: true,
        autoDelete: true,
        // Every disk is encrypted with Google's keys unless somebody brings their own.
        initializeParams: {
          diskName: name,
          diskSizeGb: request.diskGib,
          diskType: `${zone}/diskTypes/${diskTypeFor(offering.instanceType)}`,
          sourceImage: `projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-${offering.architecture}`,
          labels,
        },
      },
    ],
    networkInterfaces: [
      {
        network: networkPath,
        subnetwork,
        accessConfigs: [{ name: 'External NAT', type: 'ONE_TO_ONE_NAT', networkTier: 'PREMIUM' }],
      },
    ],
  };
}

/** A machine's name is the same for every attempt and may come back with a later node: the node's label decides. */
export async function deleteMachine(
  clients: Clients,
  ref: MachineRef,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const { project } = clients;
  const { zone } = ref.location;
  const name = ref.providerId ?? ref.name;
  const instance = await found(clients.instances.get({ project, zone, instance: name }));
  if (instance === undefined) return deleteRemains(clients, { zone, name, nodeId: ref.nodeId, owner });

  const labels = instance.labels ?? {};
  // Names are the project's: without an id nothing says that the one which has this name was ever ours.
  if (!isOwnedBy(labels, owner) && ref.providerId === undefined)
    return deleteRemains(clients, { zone, name, nodeId: ref.nodeId, owner });
  if (!isOwnedBy(labels, owner))
    throw refusal('notOwned', `machine ${name} does not carry the labels of cluster ${owner.clusterId}`);
  const nodeId = labels[labelKeys.nodeId] ?? '';
  if (nodeId !== '' && nodeId !== ref.nodeId) return { done: true, value: 'gone' };
  if (stateOf(instance) !== 'stopping')
    await ignoringGone(clients.instances.delete({ project, zone, instance: name }));
  return waiting(`machine ${name} to go`);
}

/** The instance is not there. Its insert may still be running, and its disk may have been told to stay. */
export async function deleteRemains(
  clients: Clients,
  /** Without `nodeId` it is any node's of the owner. */
  wanted: { zone: string; name: string; nodeId?: string; owner: Owner },
): Promise<Progress<'gone'>> {
  const { project } = clients;
  const { zone, name, nodeId, owner } = wanted;
  const [operations, disk] = await Promise.all([
    machineOperations(clients, zone, name),
    found(clients.disks.get({ project, zone, disk: name })),
  ]);
  if (operations.some((one) => !one.done && one.type === 'insert'))
    return waiting(`machine ${name} to appear, so that it can be deleted`);
  const ours =
    isOwnedBy(disk?.labels, owner) && (nodeId === undefined || disk?.labels?.[labelKeys.nodeId] === nodeId);
  if (disk === undefined || !ours) return { done: true, value: 'gone' };
  await ignoringGone(clients.disks.delete({ project, zone, disk: name }));
  return waiting(`disk ${name} to go`);
}

/** Begins a deletion; that it has been begun, or cannot be yet, is no failure. */
export async function ignoringGone(
  answer: Promise<[{ readonly latestResponse?: unknown }, ...unknown[]]>,
): Promise<void> {
  try {
    begun(await answer);
  } catch (error) {
    if (!isNotFound(error) && !isForLater(error)) throw error;
  }
}
