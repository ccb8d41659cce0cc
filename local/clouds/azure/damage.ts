import { DamageRefused, type Damage, type DamageKind, type WorldMachine } from '../world.ts';
import { freePrivateAddress, freePublicAddress } from './addresses.ts';
import { ArmError, types } from './arm.ts';
import type { NicProperties, VmProperties } from './bodies.ts';
import { rewriteRules, rulesOf, usersOf } from './firewalls.ts';
import { balancerDamages } from './fronts.ts';
import { networkInUse, prefixOf, rewriteSubnets, subnetId, subnetsOf } from './networks.ts';
import type { Resource, Store } from './store.ts';

const priorityFirst = 100;
const spareDiskGib = 30;

/**
 * What people do to a cluster in Azure's portal. Azure routes by itself: the way out is lost when a route table is put
 * on the subnet, here one that another team keeps in its own group.
 */
export function damagesIn(store: Store, sweep: () => void): Partial<Record<DamageKind, Damage>> {
  type Strike = (network: Resource) => string | undefined;
  type StrikeMachine = (vm: Resource, machine: WorldMachine) => string | undefined;
  const refusing = (strike: () => string | undefined): string | undefined => {
    sweep();
    try {
      return strike();
    } catch (error) {
      throw error instanceof ArmError ? new DamageRefused(error.message) : error;
    }
  };
  const ofNetwork =
    (strike: Strike): Damage =>
    ({ networkId }) =>
      refusing(() => {
        const network = store.get(networkId);
        return network === undefined || network.goneAt !== undefined ? undefined : strike(network);
      });
  const ofFirewall = (strike: (firewall: Resource) => string | undefined): Damage =>
    ofNetwork(({ subscription, group }) => {
      const firewall = store
        .all({ type: types.firewall, subscription, group })
        .find(({ name, goneAt }) => goneAt === undefined && /worker/i.test(name));
      return firewall === undefined ? undefined : strike(firewall);
    });
  const ofMachine =
    (strike: StrikeMachine): Damage =>
    ({ machine }) =>
      refusing(() => {
        const vm = store
          .all({ type: types.vm })
          .find(({ worldId, goneAt }) => worldId === machine?.id && goneAt === undefined);
        return vm === undefined || machine === undefined ? undefined : strike(vm, machine);
      });
  return {
    ...balancerDamages(store, sweep),
    'delete-network': ofNetwork((network) => {
      const inUse = networkInUse(store, network);
      if (inUse !== undefined) throw inUse;
      store.remove(network.id);
      return network.id;
    }),
    'delete-subnet': ofNetwork((network) => {
      const [subnet, ...others] = subnetsOf(network);
      if (subnet === undefined) return undefined;
      rewriteSubnets(store, network, others);
      return subnetId(network, subnet.name ?? '');
    }),
    'remove-route': ofNetwork((network) => {
      const [subnet, ...others] = subnetsOf(network);
      if (subnet === undefined) return undefined;
      const id = `/subscriptions/${network.subscription}/resourceGroups/network-team/providers/Microsoft.Network/routeTables/nowhere`;
      rewriteSubnets(store, network, [
        { ...subnet, properties: { ...subnet.properties, routeTable: { id } } },
        ...others,
      ]);
      return id;
    }),
    'remove-firewall-rule': ofFirewall((firewall) => {
      const [first] = rulesOf(firewall)
        .filter(({ properties }) => properties?.direction === 'Inbound')
        .toSorted((a, b) => (a.properties?.priority ?? 0) - (b.properties?.priority ?? 0));
      if (first === undefined) return undefined;
      rewriteRules(
        store,
        firewall,
        rulesOf(firewall).filter((rule) => rule !== first),
      );
      return `${firewall.id}/securityRules/${first.name ?? ''}`;
    }),
    'add-firewall-rule': ofFirewall((firewall) => {
      const others = rulesOf(firewall).filter(({ name }) => name !== 'ssh');
      const taken = new Set(others.map(({ properties }) => properties?.priority));
      let priority = priorityFirst;
      while (taken.has(priority)) priority += 1;
      const properties = {
        protocol: 'Tcp',
        access: 'Allow',
        direction: 'Inbound',
        priority,
        sourcePortRange: '*',
        destinationPortRange: '22',
        sourceAddressPrefix: '*',
        destinationAddressPrefix: '*',
      };
      rewriteRules(store, firewall, [...others, { name: 'ssh', properties }]);
      return `${firewall.id}/securityRules/ssh`;
    }),
    'delete-firewall': ofFirewall((firewall) => {
      for (const { id } of usersOf(store, firewall)) takeOutOfFirewall(store, store.get(id));
      store.remove(firewall.id);
      return firewall.id;
    }),
    'remove-tags': ofMachine((vm) => {
      store.change(vm, { tags: {} });
      return vm.id;
    }),
    'move-firewall': ofMachine((vm) => {
      const nic = nicOf(store, vm);
      return takeOutOfFirewall(store, nic) ? nic?.id : undefined;
    }),
    'add-spare-disk': ofMachine(
      (vm, { name }) =>
        store.put({
          ...besides(vm, name),
          type: types.disk,
          sku: { name: 'StandardSSD_LRS', tier: 'Standard' },
          properties: { diskSizeGB: spareDiskGib, creationData: { createOption: 'Empty' } },
        }).id,
    ),
    'add-spare-interface': ofMachine((vm, { name }) => {
      const at = (nicOf(store, vm)?.properties as NicProperties | undefined)?.ipConfigurations[0]?.properties
        .subnet?.id;
      const network = store.get(at?.replace(/\/subnets\/[^/]+$/i, '') ?? '');
      const subnet =
        network === undefined
          ? undefined
          : subnetsOf(network).find((one) => subnetId(network, one.name ?? '') === at);
      if (at === undefined || subnet === undefined) return undefined;
      const privateIPAddress = freePrivateAddress(store, at, prefixOf(subnet));
      return store.put({
        ...besides(vm, name),
        type: types.nic,
        properties: {
          ipConfigurations: [
            { name: 'primary', properties: { primary: true, subnet: { id: at }, privateIPAddress } },
          ],
        },
      }).id;
    }),
    'add-spare-address': ofMachine(
      (vm, { name }) =>
        store.put({
          ...besides(vm, name),
          type: types.address,
          sku: { name: 'Standard', tier: 'Regional' },
          properties: {
            publicIPAddressVersion: 'IPv4',
            publicIPAllocationMethod: 'Static',
            ipAddress: freePublicAddress(store),
          },
        }).id,
    ),
  };
}

const besides = ({ subscription, group, location, tags }: Resource, name: string) => ({
  subscription,
  group,
  location,
  name: `${name}-spare`,
  seconds: 0,
  ...(tags === undefined ? {} : { tags }),
});

const nicOf = (store: Store, vm: Resource): Resource | undefined =>
  store.get((vm.properties as VmProperties).networkProfile?.networkInterfaces?.[0]?.id ?? '');

/** @returns whether the interface was in one. */
function takeOutOfFirewall(store: Store, nic: Resource | undefined): boolean {
  if (nic === undefined) return false;
  const { networkSecurityGroup, ...rest } = nic.properties as NicProperties;
  if (networkSecurityGroup === undefined) return false;
  store.change(nic, { properties: rest });
  return true;
}
