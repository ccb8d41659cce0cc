import type { Cloud } from '../contract.ts';
import { createClient, invalid } from './client.ts';
import { collapse } from './collapse.ts';
import type { DigitalOceanCredentials } from './credentials.ts';
import { ensureLoadBalancer, joinLoadBalancer, leaveLoadBalancer } from './load-balancer.ts';
import { createMachine, deleteMachine } from './machines.ts';
import { ensureNetwork } from './network.ts';
import { observe } from './observe.ts';
import { said } from './refused.ts';
import { removeSpare, repairMachine } from './repair.ts';
import * as wire from './wire.ts';

export { digitalOceanCredentials, type DigitalOceanCredentials } from './credentials.ts';

/**
 * DigitalOcean as a `Cloud`. It has no zones, no spot machines (`InvalidRequest`), no subnets (a VPC is one), no client
 * tokens (see machines.ts), and its disks come with the droplet's size.
 */
export function createDigitalOcean(credentials: DigitalOceanCredentials): Cloud {
  const client = createClient(credentials);

  return {
    name: 'digitalocean',
    ensureNetwork: (spec) => said(ensureNetwork(client, spec)),
    createMachine: (request) => said(createMachine(client, request)),
    deleteMachine: (ref, owner) => said(deleteMachine(client, ref, owner)),
    ensureLoadBalancer: (spec) => said(ensureLoadBalancer(client, spec)),
    joinLoadBalancer: (member, owner) => said(joinLoadBalancer(client, member, owner)),
    leaveLoadBalancer: (member, owner) => said(leaveLoadBalancer(client, member, owner)),
    observe: (owners) => said(observe(client, owners)),
    collapse: (owner) => said(collapse(client, owner)),
    repairMachine: (machine, network, owner) => said(repairMachine(client, machine, { network, owner })),
    removeSpare: (resource, owner) => said(removeSpare(client, resource, owner)),
    verifyAccount: async () => {
      const found = await said(client.find('account', wire.account));
      if (found === undefined) throw invalid('the API knows no account: is the endpoint right?');
      const { uuid, email, team } = found.account;
      return { id: team?.uuid ?? uuid, name: team?.name ?? email };
    },
  };
}
