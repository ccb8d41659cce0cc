import { DamageRefused, type Damage, type DamageKind } from '../world.ts';
import type { Account, DropletRecord, Firewall } from './account.ts';
import { shownDroplets } from './droplets.ts';

/**
 * What people can do in the control panel to a VPC, the firewalls beside it, and its droplets. A VPC is one range: it has no
 * subnets, and its way out cannot be taken away. Volumes and reserved addresses are not simulated, and there are no
 * interfaces apart from droplets.
 */
export function damages(account: Account): Partial<Record<DamageKind, Damage>> {
  /** Nothing ties a firewall to a VPC but its name. */
  const workers = (networkId: string): Firewall | undefined => {
    const vpc = account.vpcs.get(networkId);
    return account.firewalls.values().find(({ name }) => vpc !== undefined && name === `${vpc.name}-worker`);
  };
  const change = (firewall: Firewall, parts: Partial<Firewall>): string => {
    account.firewalls.set(firewall.id, { ...firewall, ...parts });
    return firewall.id;
  };
  const dropletOf = (id: string | undefined): DropletRecord | undefined =>
    id === undefined ? undefined : account.droplets.get(id);

  return {
    'delete-network': ({ networkId }) => {
      const vpc = account.vpcs.get(networkId);
      if (vpc === undefined) return undefined;
      if (vpc.default) throw new DamageRefused('Can not delete default VPCs');
      if (
        shownDroplets(account).some(({ record }) => record.vpcId === networkId) ||
        account.balancers.values().some(({ vpcId }) => vpcId === networkId)
      )
        throw new DamageRefused('Can not delete VPC with members');
      account.vpcs.delete(networkId);
      return networkId;
    },

    'remove-firewall-rule': ({ networkId }) => {
      const firewall = workers(networkId);
      if (firewall === undefined || firewall.inbound_rules.length === 0) return undefined;
      return change(firewall, { inbound_rules: firewall.inbound_rules.slice(1) });
    },

    'add-firewall-rule': ({ networkId }) => {
      const firewall = workers(networkId);
      const ssh = { protocol: 'tcp', ports: '22', sources: { addresses: ['0.0.0.0/0'] } };
      return firewall && change(firewall, { inbound_rules: [...firewall.inbound_rules, ssh] });
    },

    'delete-firewall': ({ networkId }) => {
      const firewall = workers(networkId);
      if (firewall !== undefined) account.firewalls.delete(firewall.id);
      return firewall?.id;
    },

    'remove-tags': ({ machine }) => {
      const droplet = dropletOf(machine?.id);
      if (droplet === undefined) return undefined;
      account.setTags(droplet, []);
      return String(droplet.id);
    },

    'move-firewall': ({ machine }) => {
      const droplet = dropletOf(machine?.id);
      const aimed = new Set(account.firewalls.values().flatMap(({ tags }) => tags));
      if (droplet === undefined || !droplet.tags.some((tag) => aimed.has(tag))) return undefined;
      account.setTags(
        droplet,
        droplet.tags.filter((tag) => !aimed.has(tag)),
      );
      return String(droplet.id);
    },
  };
}
