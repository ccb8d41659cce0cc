import type { Cloud } from '../contract.ts';
import { clientsFor } from './clients.ts';
import { collapse } from './collapse.ts';
import { azureCredentials, type AzureCredentials } from './credentials.ts';
import { speaking } from './failures.ts';
import { ensureLoadBalancer, joinLoadBalancer, leaveLoadBalancer } from './load-balancer.ts';
import { createMachine, deleteMachine } from './machines.ts';
import { ensureNetwork } from './network.ts';
import { observe } from './observe.ts';
import { repairMachine } from './repair.ts';
import { removeSpare } from './spares.ts';

export { azureCredentials, type AzureCredentials };

/**
 * Azure, in one subscription. A cluster is one resource group, `overcast-<cluster id>`, with one virtual network, one
 * network security group per role, machines whose interface, address and disk Azure makes and deletes with them, and where
 * it was asked for a Standard load balancer with its address.
 *
 * The credentials need, in the subscription: read on it, read/write/delete on resource groups, virtual machines, disks,
 * virtual networks, subnets, security groups, interfaces, public addresses and load balancers, and join on all of Network's.
 */
export function createAzure(credentials: AzureCredentials): Cloud {
  const clients = clientsFor(credentials);
  return {
    name: 'azure',
    ensureNetwork: (spec) => speaking(ensureNetwork(clients, spec)),
    createMachine: (request) => speaking(createMachine(clients, request)),
    deleteMachine: (ref, owner) => speaking(deleteMachine(clients, ref, owner)),
    ensureLoadBalancer: (spec) => speaking(ensureLoadBalancer(clients, spec)),
    joinLoadBalancer: (member, owner) => speaking(joinLoadBalancer(clients, member, owner)),
    leaveLoadBalancer: (member, owner) => speaking(leaveLoadBalancer(clients, member, owner)),
    observe: (owners) => speaking(observe(clients, owners)),
    collapse: (owner) => speaking(collapse(clients, owner)),
    repairMachine: (machine, network, owner) => speaking(repairMachine(clients, machine, network, owner)),
    removeSpare: (resource, owner) => speaking(removeSpare(clients, resource, owner)),
    verifyAccount: () => speaking(clients.subscription()),
  };
}
