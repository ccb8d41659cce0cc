import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { following, shown } from './answers.ts';
import { ArmError, bodyOf, reply, types, type Target } from './arm.ts';
import type {
  AddressProperties,
  BalancerProperties,
  Body,
  Item,
  NicProperties,
  ProbeProperties,
  RuleProperties,
} from './bodies.ts';
import { checkShape } from './shapes.ts';
import { idOf, mustBeProvisioned, provisioningState, type Resource, type Store } from './store.ts';

const putSeconds = 3;

const invalid = (code: string, message: string): ArmError => new ArmError(400, code, message);
const malformed = (message: string): ArmError => invalid('InvalidRequestFormat', message);
const same = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase();

/** What a load balancer consists of; each has a name that is its own among its like, and an id below the balancer's. */
const parts = [
  'frontendIPConfigurations',
  'backendAddressPools',
  'probes',
  'loadBalancingRules',
  'inboundNatRules',
  'outboundRules',
] as const;
type Part = (typeof parts)[number];

const partId = (balancerId: string, part: Part, name: string | undefined): string =>
  `${balancerId}/${part}/${name ?? ''}`;

export const balancerOf = (resource: Resource): BalancerProperties => resource.properties;

/** Interfaces of a pool, as `…/networkInterfaces/n/ipConfigurations/c`. */
export const nicsIn = (store: Store, poolId: string): readonly { nic: Resource; configuration: string }[] =>
  store
    .all({ type: types.nic })
    .flatMap((nic) =>
      (nic.properties as NicProperties).ipConfigurations
        .filter(({ properties }) =>
          properties.loadBalancerBackendAddressPools?.some(({ id }) => same(id, poolId)),
        )
        .map(({ name }) => ({ nic, configuration: `${nic.id}/ipConfigurations/${name}` })),
    );

export const shownBalancer = (store: Store, balancer: Resource): Record<string, unknown> => {
  const state = provisioningState(store, balancer);
  const children = Object.fromEntries(
    parts.map((part) => [
      part,
      (balancerOf(balancer)[part] ?? []).map(({ name, properties }) => {
        const id = partId(balancer.id, part, name);
        const members = part === 'backendAddressPools' ? nicsIn(store, id) : [];
        return {
          id,
          name,
          etag: `W/"${balancer.version}"`,
          type: `${types.balancer}/${part}`,
          properties: {
            ...properties,
            ...(members.length === 0
              ? {}
              : { backendIPConfigurations: members.map(({ configuration }) => ({ id: configuration })) }),
            provisioningState: state,
          },
        };
      }),
    ]),
  );
  return shown(store, balancer, children);
};

/** A pool that the interface's configuration names. @throws ArmError where there is none, or it is still changing */
export function checkPool(
  store: Store,
  poolId: string | undefined,
  by: { readonly id: string; readonly location: string; readonly networkId: string },
): void {
  const [, balancerId = '', name] = /^(.+)\/backendAddressPools\/([^/]+)$/i.exec(poolId ?? '') ?? [];
  const balancer = store.get(balancerId);
  const pool = (balancer === undefined ? [] : (balancerOf(balancer).backendAddressPools ?? [])).find((one) =>
    same(one.name, name),
  );
  if (balancer === undefined || pool === undefined || balancer.location !== by.location)
    throw invalid(
      'InvalidResourceReference',
      `Resource ${poolId ?? '(none)'} referenced by resource ${by.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
    );
  mustBeProvisioned(store, balancer, by.id);
  const other = nicsIn(store, poolId ?? '').find(
    ({ nic }) => !same(nic.id, by.id) && !same(networkOf(nic), by.networkId),
  );
  if (other !== undefined)
    throw invalid(
      'NetworkInterfacesInBackendAddressPoolInDifferentVirtualNetworks',
      `Network interfaces ${by.id} and ${other.nic.id} of one backend address pool are in different virtual networks.`,
    );
}

export const networkOf = (nic: Resource): string =>
  (nic.properties as NicProperties).ipConfigurations[0]?.properties.subnet?.id?.replace(
    /\/subnets\/[^/]+$/i,
    '',
  ) ?? '';

export function putBalancer(
  store: Store,
  request: SimulatedRequest,
  target: Target & { name: string; group: string },
  before: Resource | undefined,
): SimulatedResponse {
  const body = bodyOf(request);
  checkShape(types.balancer, body);
  const { location = '', tags, sku, properties = {} } = body as Body<BalancerProperties>;
  if (before === undefined && store.world.takeFault('azure', 'createBalancer', { effects: ['quota'] }))
    throw invalid(
      'LoadBalancerCountLimitReached',
      `Cannot create more than 1000 load balancers in ${location}.`,
    );
  if (sku?.['name'] !== 'Standard')
    throw invalid('BasicSkuLoadBalancerNotAllowed', 'Basic load balancers can no longer be created.');
  const { subscription, group, name } = target;
  const id = before?.id ?? idOf({ subscription, group, type: types.balancer, name });
  for (const part of parts) checkNames(part, properties[part] ?? []);
  const frontends = properties.frontendIPConfigurations ?? [];
  if (frontends.length === 0) throw malformed(`Load balancer ${id} has no frontend IP configuration.`);
  for (const probe of properties.probes ?? []) checkProbe(probe);
  checkRules(id, properties);
  checkPoolsThatGo(store, before, properties);
  for (const frontend of frontends)
    checkAddress(store, frontend.properties?.publicIPAddress?.id, {
      id: partId(id, 'frontendIPConfigurations', frontend.name),
      location,
    });
  if (before !== undefined) releaseFrontends(store, before);
  for (const frontend of frontends) {
    const address = store.referenced(frontend.properties?.publicIPAddress?.id, id);
    const ipConfiguration = { id: partId(id, 'frontendIPConfigurations', frontend.name) };
    store.change(address, { properties: { ...address.properties, ipConfiguration } });
  }
  const balancer = store.put({
    id,
    subscription,
    group: before?.group ?? group,
    name: before?.name ?? name,
    type: types.balancer,
    location,
    sku,
    properties: Object.fromEntries(
      parts.map((part) => [
        part,
        (properties[part] ?? []).map((one) => ({ name: one.name, properties: one.properties ?? {} })),
      ]),
    ),
    seconds: putSeconds,
    ...(tags === undefined ? {} : { tags }),
  });
  const operation = store.begin({ endsAt: balancer.settlesAt });
  return reply(
    before === undefined ? 201 : 200,
    shownBalancer(store, balancer),
    following(request, balancer, operation),
  );
}

function checkNames(part: Part, items: readonly Item<unknown>[]): void {
  const names = items.map(({ name = '' }) => name.toLowerCase());
  if (names.includes('')) throw malformed(`Required property 'name' of ${part} is missing.`);
  if (new Set(names).size < names.length) throw malformed(`Several ${part} have the same name.`);
}

function checkProbe({ name = '', properties = {} }: Item<ProbeProperties>): void {
  const { protocol, port = 0, intervalInSeconds = 15, requestPath, probeThreshold = 1 } = properties;
  if (protocol === undefined) throw malformed(`Required property 'protocol' of probe ${name} is missing.`);
  if (port < 1 || port > 65_535) throw malformed(`Probe ${name} has invalid port ${port}.`);
  if (intervalInSeconds < 5) throw malformed(`Probe ${name} has an interval of less than 5 seconds.`);
  if (probeThreshold < 1 || probeThreshold > 100) throw malformed(`Probe ${name} has an invalid threshold.`);
  if ((protocol.toLowerCase() === 'tcp') === (requestPath !== undefined))
    throw malformed(`A request path is required for HTTP and not allowed for TCP: probe ${name}.`);
}

function checkRules(id: string, balancer: BalancerProperties): void {
  const has = (part: Part, reference: { readonly id?: string } | undefined): boolean =>
    (balancer[part] ?? []).some(({ name }) => same(partId(id, part, name), reference?.id));
  const taken = new Set<string>();
  for (const { name = '', properties: rule = {} } of balancer.loadBalancingRules ?? []) {
    const where = partId(id, 'loadBalancingRules', name);
    for (const [part, reference] of referencesOf(rule))
      if (!has(part, reference))
        throw invalid(
          'InvalidResourceReference',
          `Resource ${reference?.id ?? '(none)'} referenced by resource ${where} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
        );
    for (const member of ['frontendPort', 'backendPort'] as const) {
      const port = rule[member] ?? 0;
      if (port < 1 || port > 65_534) throw malformed(`${member} ${port} of rule ${name} is out of range.`);
    }
    if (rule.protocol === undefined)
      throw malformed(`Required property 'protocol' of rule ${name} is missing.`);
    const place =
      `${rule.frontendIPConfiguration?.id ?? ''} ${rule.protocol} ${rule.frontendPort ?? 0}`.toLowerCase();
    if (taken.has(place))
      throw invalid(
        'RulesUseSameFrontendPortProtocolAndFrontendIPConfig',
        `Load balancing rule ${where} uses a frontend port and protocol that another rule uses.`,
      );
    taken.add(place);
  }
}

const referencesOf = (
  rule: RuleProperties,
): readonly (readonly [Part, { readonly id?: string } | undefined])[] => [
  ['frontendIPConfigurations', rule.frontendIPConfiguration],
  ['backendAddressPools', rule.backendAddressPool],
  ...(rule.probe === undefined ? [] : ([['probes', rule.probe]] as const)),
];

function checkPoolsThatGo(store: Store, before: Resource | undefined, after: BalancerProperties): void {
  if (before === undefined) return;
  for (const { name } of balancerOf(before).backendAddressPools ?? []) {
    const id = partId(before.id, 'backendAddressPools', name);
    const stays = (after.backendAddressPools ?? []).some((pool) => same(pool.name, name));
    if (!stays && nicsIn(store, id).length > 0)
      throw poolInUse(id, nicsIn(store, id)[0]?.configuration ?? '');
  }
}

const poolInUse = (poolId: string, by: string): ArmError =>
  invalid(
    'InUseSubResourceCannotBeDeleted',
    `Backend address pool ${poolId} is in use by ${by} and cannot be deleted.`,
  );

function checkAddress(
  store: Store,
  addressId: string | undefined,
  by: { readonly id: string; readonly location: string },
): void {
  const address = store.referenced(addressId, by.id);
  mustBeProvisioned(store, address, by.id);
  if (address.location !== by.location || address.sku?.['name'] !== 'Standard')
    throw invalid(
      'LoadBalancerAndPublicIPAddressSkuMismatch',
      `Load balancer and public IP address ${address.id} must have the same sku and location.`,
    );
  const user = (address.properties as AddressProperties).ipConfiguration?.id;
  if (user !== undefined && !same(user, by.id))
    throw invalid(
      'PublicIPAddressInUse',
      `Resource ${by.id} is referencing public IP address ${address.id} that is already allocated to resource ${user}.`,
    );
}

/** Its addresses are free again. */
export function releaseFrontends(store: Store, balancer: Resource): void {
  for (const { properties } of balancerOf(balancer).frontendIPConfigurations ?? []) {
    const address = store.get(properties?.publicIPAddress?.id ?? '');
    if (address === undefined) continue;
    const { ipConfiguration: _user, ...rest } = address.properties as AddressProperties;
    store.change(address, { properties: rest });
  }
}

/** Interfaces are taken out of its pools first. */
export function balancerInUse(store: Store, balancer: Resource): ArmError | undefined {
  for (const { name } of balancerOf(balancer).backendAddressPools ?? []) {
    const id = partId(balancer.id, 'backendAddressPools', name);
    const [user] = nicsIn(store, id);
    if (user !== undefined) return poolInUse(id, user.configuration);
  }
  return undefined;
}
