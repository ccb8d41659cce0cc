import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { ArmError, reply, type Target } from './arm.ts';
import { provisioningState, type Operation, type Resource, type Store } from './store.ts';

/** A resource as its provider shows it. */
export const shown = (
  store: Store,
  resource: Resource,
  properties: Readonly<Record<string, unknown>> = resource.properties,
): Record<string, unknown> => ({
  id: resource.id,
  name: resource.name,
  type: resource.type,
  location: resource.location,
  ...(resource.type.startsWith('Microsoft.Network') ? { etag: `W/"${resource.version}"` } : {}),
  ...(resource.tags === undefined ? {} : { tags: resource.tags }),
  ...(resource.zones === undefined ? {} : { zones: resource.zones }),
  ...(resource.sku === undefined ? {} : { sku: resource.sku }),
  ...(resource.managedBy === undefined ? {} : { managedBy: resource.managedBy }),
  properties: { ...properties, provisioningState: provisioningState(store, resource) },
});

export const notFound = (target: Target, name: string | undefined = target.name): ArmError =>
  new ArmError(
    404,
    'ResourceNotFound',
    `The Resource '${target.type}/${name ?? ''}' under resource group '${target.group ?? ''}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  );

const statusUrl = (
  request: SimulatedRequest,
  where: { subscription: string; type: string; location: string },
  operation: Operation,
  noun: 'operations' | 'operationResults',
): string => {
  const namespace = where.type.split('/')[0] ?? '';
  const version = request.url.searchParams.get('api-version') ?? '';
  return `${request.url.origin}/subscriptions/${where.subscription}/providers/${namespace}/locations/${where.location}/${noun}/${operation.id}?api-version=${version}`;
};

/** How long Azure asks pollers to wait between looks, in unscaled seconds. */
const pollSeconds = '10';

/** The headers by which a change that goes on is followed. */
export function following(
  request: SimulatedRequest,
  resource: Resource,
  operation: Operation,
  options: { location?: boolean } = {},
): Record<string, string> {
  return {
    'azure-asyncoperation': statusUrl(request, resource, operation, 'operations'),
    'retry-after': pollSeconds,
    ...(options.location === true
      ? { location: statusUrl(request, resource, operation, 'operationResults') }
      : {}),
  };
}

/** GET of an operation's status, or of its result. */
export function operationReply(store: Store, request: SimulatedRequest, target: Target): SimulatedResponse {
  const operation = target.childName === undefined ? undefined : store.operation(target.childName);
  if (operation === undefined)
    throw new ArmError(404, 'OperationNotFound', `No operation ${target.childName ?? ''}.`);
  const runs = store.world.now() < operation.endsAt;
  if (target.child === 'operationResults')
    return runs
      ? reply(202, undefined, { location: request.url.href, 'retry-after': pollSeconds })
      : reply(204);
  return reply(200, {
    name: operation.id,
    startTime: new Date(operation.startedAt).toISOString(),
    ...(runs ? {} : { endTime: new Date(operation.endsAt).toISOString() }),
    status: runs ? 'InProgress' : operation.failure === undefined ? 'Succeeded' : 'Failed',
    ...(runs || operation.failure === undefined ? {} : { error: operation.failure }),
  });
}

/** One page, with an absolute link to the next; entries are resumed behind the last one's key. */
export function page(
  store: Store,
  request: SimulatedRequest,
  items: readonly { readonly key: string; readonly item: unknown }[],
  pageMax: number,
): SimulatedResponse {
  const { searchParams } = request.url;
  const after = searchParams.get('$skiptoken');
  const from = after === null ? '' : Buffer.from(after, 'base64url').toString();
  const rest = items.filter(({ key }) => key > from);
  const size = store.world.pageSize(Number(searchParams.get('$top') ?? pageMax), pageMax);
  const entries = rest.slice(0, size);
  const last = entries.at(-1);
  if (rest.length === entries.length || last === undefined)
    return reply(200, { value: entries.map(({ item }) => item) });
  const next = new URL(request.url);
  next.searchParams.set('$skiptoken', Buffer.from(last.key).toString('base64url'));
  return reply(200, { value: entries.map(({ item }) => item), nextLink: next.href });
}

export const pageOf = (
  store: Store,
  request: SimulatedRequest,
  resources: readonly Resource[],
  show: (resource: Resource) => unknown,
  pageMax = 500,
): SimulatedResponse =>
  page(
    store,
    request,
    resources
      .filter((resource) => !store.isHidden(resource))
      .map((resource) => ({ key: resource.id.toLowerCase(), item: show(resource) })),
    pageMax,
  );
