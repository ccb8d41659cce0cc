import type { Cloud } from '../contract.ts';
import { clientsFor } from './clients.ts';
import { collapse } from './collapse.ts';
import { gcpCredentials, type GcpCredentials } from './credentials.ts';
import { speaking } from './failures.ts';
import { ensureLoadBalancer, joinLoadBalancer, leaveLoadBalancer } from './load-balancer.ts';
import { createMachine, deleteMachine } from './machines.ts';
import { ensureNetwork } from './network.ts';
import { observe } from './observe.ts';
import { removeSpare, repairMachine } from './repair.ts';

export { gcpCredentials, type GcpCredentials };

/**
 * Google Cloud, in one project. A cluster is one custom-mode network, `overcast-<cluster id>`, with one subnet and up to
 * four firewalls, machines named as their nodes, which take their disks and addresses along when they go, and where it was
 * asked for a regional external passthrough Network Load Balancer, whose parts have the network's name too.
 *
 * `parts` of its networks: `network` and `subnetwork`, each a path below `compute/v1/`.
 */
export function createGcp(credentials: GcpCredentials, options: { readonly now?: () => number } = {}): Cloud {
  const clients = clientsFor(credentials, options.now ?? Date.now);
  return {
    name: 'gcp',
    ensureNetwork: (spec) => speaking(ensureNetwork(clients, spec)),
    createMachine: (request) => speaking(createMachine(clients, request)),
    deleteMachine: (ref, owner) => speaking(deleteMachine(clients, ref, owner)),
    ensureLoadBalancer: (spec) => speaking(ensureLoadBalancer(clients, spec)),
    joinLoadBalancer: (member, owner) => speaking(joinLoadBalancer(clients, member, owner)),
    leaveLoadBalancer: (member, owner) => speaking(leaveLoadBalancer(clients, member, owner)),
    observe: (owners, location) => speaking(observe(clients, owners, location)),
    collapse: (owner, location) => speaking(collapse(clients, owner, location)),
    repairMachine: (machine, network, owner) => speaking(repairMachine(clients, machine, { network, owner })),
    removeSpare: (resource, owner, location) => speaking(removeSpare(clients, resource, { owner, location })),
    verifyAccount: () =>
      speaking(
        (async () => {
          const [project] = await clients.projects.get({ project: clients.project });
          return { id: clients.project, name: project.name ?? clients.project };
        })(),
      ),
  };
}
