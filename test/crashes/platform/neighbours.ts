import type { MemoryMachine } from '../../../shared/clouds/memory/index.ts';
import { cloudNames, type CloudName } from '../../../shared/domain/cloud.ts';
import type { Invariants } from '../../simulation/checks/invariants.ts';
import type { Clouds } from '../../simulation/life/clouds.ts';
import { clusterName } from './person.ts';

const location = { region: 'elsewhere', zone: 'a' };
const firewall = { 'control-plane': [], worker: [] };
const theirs = { installation: 'another', clusterId: '00000000-0000-4000-8000-000000000001' };
const nobodys = { installation: 'none', clusterId: '00000000-0000-4000-8000-000000000002' };

/**
 * Who else lives in each account: another installation's cluster, of the same name, with a machine of its own, and a
 * network that has nothing to do with anybody, with a machine without tags in it.
 */
export function settleNeighbours(clouds: Clouds, invariants: Invariants): void {
  for (const cloud of cloudNames)
    for (const [owner, tags] of [
      [theirs, { owner: theirs, nodeId: 'theirs', role: 'control-plane' }],
      [nobodys, undefined],
    ] as const) {
      const network = clouds.worlds[cloud].putNetwork(
        { owner, clusterName, location, candidates: [], firewall },
        { network: '10.200.0.0/16', subnet: '10.200.0.0/24' },
      );
      invariants.addForeignNetwork(cloud, network.id);
      invariants.addStranger(cloud, launch(clouds, cloud, network.id, tags));
    }
}

const launch = (
  clouds: Clouds,
  cloud: CloudName,
  networkId: string,
  tags: MemoryMachine['tags'],
): MemoryMachine =>
  clouds.worlds[cloud].launch({
    name: `${clusterName}-1`,
    networkId,
    location,
    ...(tags === undefined ? {} : { tags }),
    userData: '',
    diskGib: 8,
    offering: { instanceType: 'someone-elses', lifecycle: 'on-demand', vcpus: 2 },
  });
