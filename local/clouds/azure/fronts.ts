import type { Damage, DamageKind, Front } from '../world.ts';
import { freePublicAddress, rangeOf, within } from './addresses.ts';
import { types } from './arm.ts';
import { balancerOf, networkOf, nicsIn, releaseFrontends } from './balancers.ts';
import type { NicProperties, SecurityRuleProperties } from './bodies.ts';
import { inboundRules } from './firewalls.ts';
import { idOf, type Resource, type Store } from './store.ts';

/** Where Azure asks from how a load balancer's members are. */
const probeSource = '168.63.129.16/32';

const poolIds = (balancer: Resource): readonly string[] =>
  (balancerOf(balancer).backendAddressPools ?? []).map(
    ({ name = '' }) => `${balancer.id}/backendAddressPools/${name}`,
  );

const membersOf = (store: Store, balancer: Resource): readonly Resource[] =>
  poolIds(balancer).flatMap((id) => nicsIn(store, id).map(({ nic }) => nic));

/** The machine's id in the world. */
const machineOf = (store: Store, nic: Resource): string | undefined =>
  store.get((nic.properties as NicProperties).virtualMachine?.id ?? '')?.worldId;

/** Clients keep their own addresses: nothing narrower than everybody lets them all in. */
function isFor(rule: SecurityRuleProperties, port: number, from: 'client' | 'probe'): boolean {
  const sources = [
    ...(rule.sourceAddressPrefix === undefined ? [] : [rule.sourceAddressPrefix]),
    ...(rule.sourceAddressPrefixes ?? []),
  ];
  const ports = [
    ...(rule.destinationPortRange === undefined ? [] : [rule.destinationPortRange]),
    ...(rule.destinationPortRanges ?? []),
  ];
  const asked = rangeOf(from === 'client' ? '0.0.0.0/0' : probeSource);
  const isSource = sources.some((source) => {
    if (source === '*') return true;
    if (/^Internet$/i.test(source)) return from === 'client';
    if (/^AzureLoadBalancer$/i.test(source)) return from === 'probe';
    const range = rangeOf(source.includes('/') ? source : `${source}/32`);
    return range !== undefined && asked !== undefined && within(asked, range);
  });
  return (
    isSource &&
    ['*', 'tcp'].includes((rule.protocol ?? '').toLowerCase()) &&
    ports.some((text) => {
      if (text === '*') return true;
      const [first = 0, last = first] = text.split('-').map(Number);
      return first <= port && port <= last;
    })
  );
}

/** The first rule by priority decides. What is behind a Standard load balancer and in no security group is closed. */
function admits(store: Store, nic: Resource | undefined, port: number, from: 'client' | 'probe'): boolean {
  const firewall = store.get((nic?.properties as NicProperties | undefined)?.networkSecurityGroup?.id ?? '');
  if (firewall === undefined) return false;
  return inboundRules(firewall).find((rule) => isFor(rule, port, from))?.access === 'Allow';
}

const standing = (store: Store): readonly Resource[] =>
  store.all({ type: types.balancer }).filter(({ goneAt }) => goneAt === undefined);

/** Its members' network, or before it has any the one that is in its group. */
const networkIn = (store: Store, balancer: Resource): string => {
  const [first] = membersOf(store, balancer);
  const { subscription, group } = balancer;
  return first === undefined
    ? (store.all({ type: types.network, subscription, group })[0]?.id ?? '')
    : (store.get(networkOf(first))?.id ?? '');
};

export const frontsOf = (store: Store): Front[] =>
  standing(store).map((balancer): Front => {
    const { frontendIPConfigurations = [], loadBalancingRules = [], probes = [] } = balancerOf(balancer);
    const address = store.get(frontendIPConfigurations[0]?.properties?.publicIPAddress?.id ?? '');
    const probe = probes[0]?.properties;
    const nics = membersOf(store, balancer);
    return {
      cloud: 'azure',
      id: balancer.id,
      name: balancer.name,
      networkId: networkIn(store, balancer),
      address: (address?.properties as { ipAddress?: string } | undefined)?.ipAddress ?? '',
      isOpen: store.isSettled(balancer),
      listeners: loadBalancingRules
        .map(({ properties }) => ({
          port: properties?.frontendPort ?? 0,
          targetPort: properties?.backendPort ?? 0,
        }))
        .toSorted((a, b) => a.port - b.port),
      ...(probe === undefined
        ? {}
        : {
            healthCheck: {
              port: probe.port ?? 0,
              path: probe.requestPath ?? '/',
              intervalSeconds: probe.intervalInSeconds ?? 15,
            },
          }),
      members: nics.flatMap((nic) => machineOf(store, nic) ?? []),
      admits: (member, port, from) =>
        admits(
          store,
          nics.find((nic) => machineOf(store, nic) === member),
          port,
          from,
        ),
    };
  });

/** What people do to a load balancer in the portal. Whoever deletes one deletes its address too. */
export function balancerDamages(store: Store, sweep: () => void): Partial<Record<DamageKind, Damage>> {
  const ofBalancer =
    (strike: (balancer: Resource) => string | undefined): Damage =>
    ({ networkId }) => {
      sweep();
      const network = store.get(networkId);
      const balancer = standing(store).find((one) => networkIn(store, one) === network?.id);
      return balancer === undefined ? undefined : strike(balancer);
    };
  const rewrite = (balancer: Resource, properties: Resource['properties']): string =>
    store.change(balancer, { properties: { ...balancer.properties, ...properties } }).id;
  const takeOut = (nic: Resource): void => {
    const { ipConfigurations, ...rest } = nic.properties as NicProperties;
    const without = ipConfigurations.map(({ name, properties }) => {
      const { loadBalancerBackendAddressPools: _pools, ...kept } = properties;
      return { name, properties: kept };
    });
    store.change(nic, { properties: { ...rest, ipConfigurations: without } });
  };
  return {
    'delete-balancer': ofBalancer((balancer) => {
      for (const nic of membersOf(store, balancer)) takeOut(nic);
      releaseFrontends(store, balancer);
      store.remove(balancer.id);
      for (const { properties } of balancerOf(balancer).frontendIPConfigurations ?? [])
        store.remove(properties?.publicIPAddress?.id ?? '');
      return balancer.id;
    }),
    'delete-listener': ofBalancer((balancer) => {
      const [first, ...others] = (balancerOf(balancer).loadBalancingRules ?? []).toSorted(
        (a, b) => (a.properties?.frontendPort ?? 0) - (b.properties?.frontendPort ?? 0),
      );
      return first && rewrite(balancer, { loadBalancingRules: others });
    }),
    'add-listener': ofBalancer((balancer) => {
      const { loadBalancingRules = [] } = balancerOf(balancer);
      const properties = { ...loadBalancingRules[0]?.properties, frontendPort: 8080, backendPort: 8080 };
      return rewrite(balancer, {
        loadBalancingRules: [...loadBalancingRules, { name: 'by-hand', properties }],
      });
    }),
    'change-health-check': ofBalancer((balancer) =>
      rewrite(balancer, {
        probes: (balancerOf(balancer).probes ?? []).map(({ name, properties }) => ({
          name,
          properties: { ...properties, requestPath: '/' },
        })),
      }),
    ),
    'remove-balancer-tags': ofBalancer((balancer) => store.change(balancer, { tags: {} }).id),
    'add-foreign-balancer': ({ networkId }) => {
      const network = store.get(networkId);
      if (network === undefined) return undefined;
      const { subscription, group, location } = network;
      const place = { subscription, group, location, name: 'bystander', seconds: 0 };
      const id = idOf({ ...place, type: types.balancer });
      const address = store.put({
        ...place,
        type: types.address,
        sku: { name: 'Standard', tier: 'Regional' },
        properties: {
          publicIPAllocationMethod: 'Static',
          ipAddress: freePublicAddress(store),
          ipConfiguration: { id: `${id}/frontendIPConfigurations/public` },
        },
      });
      return store.put({
        ...place,
        type: types.balancer,
        sku: { name: 'Standard', tier: 'Regional' },
        properties: {
          frontendIPConfigurations: [{ name: 'public', properties: { publicIPAddress: { id: address.id } } }],
        },
      }).id;
    },
    'remove-member': ({ machine }) => {
      sweep();
      const nic = standing(store)
        .flatMap((balancer) => membersOf(store, balancer))
        .find((one) => machineOf(store, one) === machine?.id);
      if (nic === undefined) return undefined;
      takeOut(nic);
      return machine?.id;
    },
  };
}
