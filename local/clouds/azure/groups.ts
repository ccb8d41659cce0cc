import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { notFound, page, pageOf } from './answers.ts';
import { ArmError, bodyOf, groupType, reply, types, type Target } from './arm.ts';
import type { Body } from './bodies.ts';
import { checkShape, checkTagsPatch } from './shapes.ts';
import { provisioningState, type Resource, type Store } from './store.ts';

const groupDeleteSeconds = 30;
const resourcesPageMax = 1000;

export const groupId = (target: { subscription: string; group?: string }): string =>
  `/subscriptions/${target.subscription}/resourceGroups/${target.group ?? ''}`;

/** @throws ArmError as ARM does when a resource is asked for in a group that is not there. */
export function groupOf(store: Store, target: Target): Resource {
  const group = store.get(groupId(target));
  if (group === undefined)
    throw new ArmError(
      404,
      'ResourceGroupNotFound',
      `Resource group '${target.group ?? ''}' could not be found.`,
    );
  return group;
}

/** A group that goes takes no more writes. */
export function writableGroup(store: Store, target: Target): Resource {
  const group = groupOf(store, target);
  if (group.goneAt !== undefined)
    throw new ArmError(
      409,
      'ResourceGroupBeingDeleted',
      `The resource group '${group.name}' is in deprovisioning state and cannot perform this operation.`,
    );
  return group;
}

const shownGroup = (store: Store, group: Resource) => ({
  id: group.id,
  name: group.name,
  type: groupType,
  location: group.location,
  ...(group.tags === undefined ? {} : { tags: group.tags }),
  properties: { provisioningState: provisioningState(store, group) },
});

export function subscriptionReply(target: Target): SimulatedResponse {
  return reply(200, {
    id: `/subscriptions/${target.subscription}`,
    subscriptionId: target.subscription,
    displayName: 'Simulated subscription',
    state: 'Enabled',
    tenantId: '00000000-0000-0000-0000-000000000000',
  });
}

export function handleGroup(
  store: Store,
  request: SimulatedRequest,
  target: Target,
  deleteAll: (group: Resource, goneAt: number) => void,
): SimulatedResponse {
  if (target.child === 'resources') return listResources(store, request, target);
  if (target.name === undefined) {
    const groups = store.all({ type: groupType, subscription: target.subscription });
    const wanted = filtered(request, groups);
    return pageOf(store, request, wanted, (group) => shownGroup(store, group), resourcesPageMax);
  }
  switch (request.method) {
    case 'HEAD':
      return reply(store.get(groupId(target)) === undefined ? 404 : 204);
    case 'GET':
      return reply(200, shownGroup(store, groupOf(store, target)));
    case 'PUT':
      return putGroup(store, request, target);
    case 'PATCH': {
      const body = bodyOf(request);
      checkTagsPatch(groupType, body);
      const { tags } = body as Body<never>;
      const changed = store.change(writableGroup(store, target), tags === undefined ? {} : { tags });
      return reply(200, shownGroup(store, changed));
    }
    case 'DELETE': {
      const group = groupOf(store, target);
      const goneAt = group.goneAt ?? store.world.now() + store.world.scaled(groupDeleteSeconds);
      deleteAll(group, goneAt);
      store.change(group, { goneAt });
      const operation = store.begin({ endsAt: goneAt });
      const version = request.url.searchParams.get('api-version') ?? '';
      return reply(202, undefined, {
        location: `${request.url.origin}/subscriptions/${target.subscription}/operationresults/${operation.id}?api-version=${version}`,
        'retry-after': '15',
      });
    }
    default:
      throw new ArmError(405, 'MethodNotAllowed', `${request.method} is not allowed here.`);
  }
}

const groupName = /^[-\w().]{0,89}[-\w()]$/;

function putGroup(store: Store, request: SimulatedRequest, target: Target): SimulatedResponse {
  const body = bodyOf(request);
  checkShape(groupType, body);
  const { location, tags } = body as Body<never>;
  const name = target.name ?? '';
  if (!groupName.test(name))
    throw new ArmError(
      400,
      'InvalidResourceGroup',
      `The provided resource group name '${name}' is not valid.`,
    );
  if (location === undefined || location === '')
    throw new ArmError(400, 'LocationRequired', 'The location property is required for this definition.');
  const before = store.get(groupId(target));
  if (before !== undefined) {
    writableGroup(store, target);
    if (before.location !== location)
      throw new ArmError(
        409,
        'InvalidResourceGroupLocation',
        `Invalid resource group location '${location}'. The Resource group already exists in location '${before.location}'.`,
      );
  }
  const { subscription } = target;
  const group = store.put({
    subscription,
    group: name,
    name: before?.name ?? name,
    type: groupType,
    location,
    properties: {},
    seconds: 0,
    ...(tags === undefined ? {} : { tags }),
  });
  return reply(before === undefined ? 201 : 200, shownGroup(store, group));
}

/** A group's deletion is followed here: 202 while it runs. */
export function groupOperationReply(
  store: Store,
  request: SimulatedRequest,
  target: Target,
): SimulatedResponse {
  const operation = store.operation(target.name ?? '');
  if (operation === undefined) throw notFound(target);
  return store.world.now() < operation.endsAt
    ? reply(202, undefined, { location: request.url.href, 'retry-after': '15' })
    : reply(200);
}

const quoted = "'([^']*)'";
const tagFilter = new RegExp(`^tagName eq ${quoted}(?: and tagValue eq ${quoted})?$`, 'i');
const termFilter = new RegExp(`^(resourceType|resourceGroup|name|location) eq ${quoted}$`, 'i');

/** The tag filter stands alone; others may be joined with `and`. */
function filtered(request: SimulatedRequest, resources: readonly Resource[]): readonly Resource[] {
  const filter = request.url.searchParams.get('$filter')?.trim() ?? '';
  if (filter === '') return resources;
  const tag = tagFilter.exec(filter);
  if (tag !== null) {
    const [, name = '', value] = tag;
    return resources.filter(({ tags }) => {
      const entry = Object.entries(tags ?? {}).find(([key]) => key.toLowerCase() === name.toLowerCase());
      return entry !== undefined && (value === undefined || entry[1] === value);
    });
  }
  const terms = filter.split(/ and /i).map((term) => termFilter.exec(term.trim()));
  if (terms.includes(null))
    throw new ArmError(
      400,
      'InvalidFilterInQueryString',
      `Invalid $filter '${filter}' specified in the query string.`,
    );
  return resources.filter((r) =>
    terms.every((term) => {
      const fields: Record<string, string> = {
        resourcetype: r.type,
        resourcegroup: r.group,
        name: r.name,
        location: r.location,
      };
      return fields[term?.[1]?.toLowerCase() ?? '']?.toLowerCase() === term?.[2]?.toLowerCase();
    }),
  );
}

function listResources(store: Store, request: SimulatedRequest, target: Target): SimulatedResponse {
  if (request.method !== 'GET') throw new ArmError(405, 'MethodNotAllowed', 'Only GET is allowed here.');
  if (target.group !== undefined) groupOf(store, target);
  const { subscription, group } = target;
  const everything = store
    .all({ subscription, ...(group === undefined ? {} : { group }) })
    .filter(({ type }) => type !== groupType);
  const items = filtered(request, everything)
    .filter((resource) => !store.isHidden(resource))
    .map((r) => ({
      key: r.id.toLowerCase(),
      item: {
        id: r.id,
        name: r.name,
        type: r.type,
        location: r.location,
        ...(r.tags === undefined ? {} : { tags: r.tags }),
        ...(r.zones === undefined ? {} : { zones: r.zones }),
        ...(r.sku === undefined ? {} : { sku: r.sku }),
        ...(r.type === types.disk && r.managedBy !== undefined ? { managedBy: r.managedBy } : {}),
      },
    }));
  return page(store, request, items, resourcesPageMax);
}
