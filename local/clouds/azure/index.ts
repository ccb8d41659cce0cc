import { readOnly, revoked } from '../credentials.ts';
import type { SimulatedRequest, SimulatedResponse, Simulator } from '../server.ts';
import type { GenericOperation, ResourceRow, World } from '../world.ts';
import { following, notFound, operationReply, pageOf, shown } from './answers.ts';
import {
  ArmError,
  bodyOf,
  checkApiVersion,
  errorReply,
  groupType,
  reply,
  skusType,
  targetOf,
  types,
  type Target,
} from './arm.ts';
import { balancerInUse, putBalancer, releaseFrontends, shownBalancer } from './balancers.ts';
import type { Body } from './bodies.ts';
import { damagesIn } from './damage.ts';
import { diskInUse, putDisk, shownDisk } from './disks.ts';
import { firewallInUse, handleSecurityRules, putFirewall, shownFirewall } from './firewalls.ts';
import { frontsOf } from './fronts.ts';
import {
  groupId,
  groupOf,
  groupOperationReply,
  handleGroup,
  subscriptionReply,
  writableGroup,
} from './groups.ts';
import { addressInUse, nicInUse, putAddress, putNic, releaseAddresses, shownNic } from './interfaces.ts';
import { disposeMachine } from './machine-parts.ts';
import { beginDeletion, handleMachine, listMachines } from './machines.ts';
import { handleSubnets, networkInUse, putNetwork, shownNetwork } from './networks.ts';
import { isRetailRequest, listRetailPrices } from './retail-prices.ts';
import { checkReader } from './roles.ts';
import { checkTagsPatch } from './shapes.ts';
import { listSkus } from './skus.ts';
import { placeStranger } from './stranger.ts';
import { idOf, provisioningState, Store, type Resource } from './store.ts';

/** What the six types that behave alike differ in. */
interface Kind {
  readonly put: (
    store: Store,
    request: SimulatedRequest,
    target: Target & { name: string; group: string },
    before: Resource | undefined,
  ) => SimulatedResponse;
  readonly show: (store: Store, resource: Resource) => unknown;
  readonly inUse: (store: Store, resource: Resource) => ArmError | undefined;
  /** Unscaled. */
  readonly deleteSeconds: number;
}

const kinds: Readonly<Record<string, Kind>> = {
  [types.network]: { put: putNetwork, show: shownNetwork, inUse: networkInUse, deleteSeconds: 3 },
  [types.firewall]: { put: putFirewall, show: shownFirewall, inUse: firewallInUse, deleteSeconds: 2 },
  [types.address]: {
    put: putAddress,
    show: (store, address) => shown(store, address),
    inUse: (_, address) => addressInUse(address),
    deleteSeconds: 2,
  },
  [types.nic]: { put: putNic, show: shownNic, inUse: (_, nic) => nicInUse(nic), deleteSeconds: 2 },
  [types.balancer]: {
    put: putBalancer,
    show: shownBalancer,
    inUse: balancerInUse,
    deleteSeconds: 3,
  },
  [types.disk]: { put: putDisk, show: shownDisk, inUse: (_, disk) => diskInUse(disk), deleteSeconds: 2 },
};

const rowKinds: Readonly<Record<string, string>> = {
  [groupType]: 'resource-group',
  [types.network]: 'virtual-network',
  [types.firewall]: 'network-security-group',
  [types.address]: 'public-ip-address',
  [types.nic]: 'network-interface',
  [types.balancer]: 'load-balancer',
  [types.disk]: 'disk',
  [types.vm]: 'machine',
};

/** What changes networks, firewalls and groups; interfaces and addresses belong to machines. */
const networkTypes: ReadonlySet<string> = new Set([groupType, types.network, types.firewall]);

/** Azure Resource Manager with the parts of Compute and Network that clusters are made of. */
export function createAzureSimulator(world: World): Simulator {
  const store = new Store(world);
  world.lists(() => {
    sweep(store);
    return store.all().map((resource) => row(store, resource));
  });
  world.balances(() => {
    sweep(store);
    return frontsOf(store);
  });
  world.placesStrangers('azure', (stranger) => {
    sweep(store);
    return placeStranger(store, stranger);
  });
  world.suffers(
    'azure',
    damagesIn(store, () => sweep(store)),
  );
  return {
    cloud: 'azure',
    classify: (request) => classify(store, request),
    handle: (request) => {
      sweep(store);
      try {
        // Asks nobody who he is.
        if (isRetailRequest(request)) return listRetailPrices(world, request);
        return route(store, request);
      } catch (error) {
        if (error instanceof ArmError) return errorReply(error);
        throw error;
      }
    },
    refuse: (why, _, retryAfterSeconds) => errorReply(refusal(why, retryAfterSeconds)),
  };
}

function refusal(why: 'throttle' | 'unavailable' | 'credentials', retryAfterSeconds: number): ArmError {
  if (why === 'throttle')
    return new ArmError(
      429,
      'SubscriptionRequestsThrottled',
      `Number of requests for subscription exceeded the limit. Please try again after '${retryAfterSeconds}' seconds.`,
      { 'retry-after': String(retryAfterSeconds), 'x-ms-ratelimit-remaining-subscription-reads': '0' },
    );
  if (why === 'unavailable')
    return new ArmError(503, 'ServiceUnavailable', 'The service is temporarily unavailable.');
  return new ArmError(401, 'InvalidAuthenticationToken', 'The access token is invalid.', {
    'www-authenticate':
      'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"',
  });
}

const row = (store: Store, resource: Resource): ResourceRow => ({
  cloud: 'azure',
  kind: rowKinds[resource.type] ?? resource.type,
  id: resource.worldId ?? resource.id,
  name: resource.name,
  state: provisioningState(store, resource),
  tags: Object.entries(resource.tags ?? {}).map(([key, value]) => `${key}=${value}`),
  ...(resource.type === groupType ? {} : { inside: resource.group }),
});

/** Lets what has become due happen: deletions end, and machines that died take what was made for them along. */
function sweep(store: Store): void {
  const now = store.world.now();
  for (const resource of store.all()) {
    const { type, goneAt, worldId } = resource;
    if (type === types.vm) {
      const machine = worldId === undefined ? undefined : store.world.machine('azure', worldId);
      const isDead =
        goneAt === undefined &&
        worldId !== undefined &&
        (machine === undefined || store.world.state(machine) === 'gone');
      if (isDead || (goneAt !== undefined && now >= goneAt)) disposeMachine(store, resource);
      continue;
    }
    if (goneAt === undefined || now < goneAt || store.get(resource.id) === undefined) continue;
    store.remove(resource.id);
    if (type === types.nic) releaseAddresses(store, resource);
    if (type === types.balancer) releaseFrontends(store, resource);
  }
}

function classify(store: Store, request: SimulatedRequest): GenericOperation {
  if (isRetailRequest(request)) return 'readOfferings';
  let target: Target;
  try {
    target = targetOf(request);
  } catch {
    return 'other';
  }
  const { type, child, name } = target;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (type === 'Microsoft.Resources/subscriptions') return 'verifyAccount';
  if (child === 'resources') return 'listMachines';
  if (type === skusType) return 'readOfferings';
  if (type === types.vm) {
    if (isRead) return name === undefined ? 'listMachines' : 'readMachine';
    return request.method === 'PUT'
      ? 'createMachine'
      : request.method === 'DELETE'
        ? 'deleteMachine'
        : 'other';
  }
  const isNew = (): boolean =>
    request.method === 'PUT' &&
    store.get(
      type === groupType
        ? groupId(target)
        : idOf({ ...target, type, group: target.group ?? '', name: name ?? '' }),
    ) === undefined;
  if (type === types.balancer) {
    if (isRead) return 'readBalancer';
    if (request.method === 'DELETE') return 'deleteBalancer';
    return isNew() ? 'createBalancer' : 'changeBalancer';
  }
  // Machines' addresses are made with them: one that is asked for by itself is for a load balancer.
  if (type === types.address && isNew()) return 'createBalancer';
  if (!networkTypes.has(type)) return 'other';
  if (isRead) return 'readNetwork';
  if (request.method === 'DELETE') return 'deleteNetwork';
  return isNew() ? 'createNetwork' : 'changeNetwork';
}

function route(store: Store, request: SimulatedRequest): SimulatedResponse {
  const bearer = /^Bearer (.+)$/.exec(request.headers['authorization'] ?? '')?.[1];
  if (bearer === undefined)
    throw new ArmError(
      401,
      'AuthenticationFailed',
      "Authentication failed. The 'Authorization' header is missing.",
    );
  if (bearer === revoked) throw refusal('credentials', 0);
  const target = targetOf(request);
  checkApiVersion(request, target);
  if (bearer === readOnly) checkReader(request, target);
  const { type, name, group } = target;
  if (type === 'Microsoft.Resources/subscriptions') return subscriptionReply(target);
  if (type === 'Microsoft.Resources/operationresults') return groupOperationReply(store, request, target);
  if (type.endsWith('/locations')) return operationReply(store, request, target);
  if (type === skusType) return listSkus(store, request);
  if (type === groupType)
    return handleGroup(store, request, target, (standing, goneAt) => deleteContents(store, standing, goneAt));
  if (type === types.vm)
    return name === undefined || group === undefined
      ? listMachines(store, request, target)
      : handleMachine(store, request, { ...target, name, group });
  const kind = kinds[type];
  if (kind === undefined) throw notFound(target);
  return handleKind(store, request, target, kind);
}

/** A group takes everything along; the machines' own deletion is part of it. */
function deleteContents(store: Store, group: Resource, goneAt: number): void {
  const unscaled = ((goneAt - store.world.now()) * store.world.settings.timeScale) / 1000;
  for (const resource of store.all({ subscription: group.subscription, group: group.name })) {
    if (resource.type === types.vm) beginDeletion(store, resource, Math.max(0, unscaled));
    else if (resource.type !== groupType && resource.goneAt === undefined) store.change(resource, { goneAt });
  }
}

function handleKind(store: Store, request: SimulatedRequest, target: Target, kind: Kind): SimulatedResponse {
  const { subscription, group, type, name } = target;
  if (group !== undefined) groupOf(store, target);
  if (name === undefined || group === undefined) {
    if (request.method !== 'GET') throw new ArmError(405, 'MethodNotAllowed', 'Only GET is allowed here.');
    const resources = store.all({ type, subscription, ...(group === undefined ? {} : { group }) });
    return pageOf(store, request, resources, (resource) => kind.show(store, resource));
  }
  const named = { ...target, name, group };
  const resource = store.get(idOf(named));
  if (target.child === 'subnets') return handleSubnets(store, request, named, resource);
  if (target.child !== undefined) return handleSecurityRules(store, request, named, resource);
  switch (request.method) {
    case 'GET':
      if (resource === undefined) throw notFound(target);
      return reply(200, kind.show(store, resource));
    case 'PUT': {
      writableGroup(store, target);
      checkPut(resource, bodyOf(request), target);
      checkMatch(resource, request, target);
      return kind.put(store, request, named, resource);
    }
    case 'PATCH': {
      if (resource === undefined) throw notFound(target);
      writableGroup(store, target);
      const body = bodyOf(request);
      checkTagsPatch(type, body);
      const { tags } = body as Body<never>;
      const changed = store.change(resource, tags === undefined ? {} : { tags });
      return reply(200, kind.show(store, changed));
    }
    case 'DELETE': {
      if (resource === undefined) return reply(204);
      const inUse = kind.inUse(store, resource);
      if (inUse !== undefined) throw inUse;
      const goneAt = resource.goneAt ?? store.world.now() + store.world.scaled(kind.deleteSeconds);
      const going = store.change(resource, { goneAt });
      const operation = store.begin({ endsAt: goneAt });
      return reply(202, undefined, following(request, going, operation, { location: true }));
    }
    default:
      throw new ArmError(405, 'MethodNotAllowed', `${request.method} is not allowed here.`);
  }
}

/** @throws ArmError when the caller says what it read, and it is not so any more. */
function checkMatch(before: Resource | undefined, { headers }: SimulatedRequest, target: Target): void {
  const wanted = headers['if-match'];
  if (wanted === undefined || wanted === '*' || wanted === `W/"${before?.version ?? 0}"`) return;
  throw new ArmError(
    412,
    'PreconditionFailed',
    `Precondition failed: '${target.name ?? ''}' is not as ${wanted} any more.`,
  );
}

/** What holds for a PUT of any type. */
function checkPut(before: Resource | undefined, { location }: Body<unknown>, target: Target): void {
  if (location === undefined || location === '')
    throw new ArmError(400, 'LocationRequired', 'The location property is required for this definition.');
  if (before !== undefined && before.location !== location)
    throw new ArmError(
      409,
      'InvalidResourceLocation',
      `The resource '${target.name ?? ''}' already exists in location '${before.location}'. A resource with the same name cannot be created in location '${location}'.`,
    );
  if (before?.goneAt !== undefined)
    throw new ArmError(
      409,
      'AnotherOperationInProgress',
      `Another operation on this or dependent resource '${target.name ?? ''}' is in progress.`,
    );
}
