import { instanceTypes as catalogueOf } from '../../local/clouds/catalogue.ts';
import { readOnly, revoked } from '../../local/clouds/credentials.ts';
import { serveSimulator, type Simulator } from '../../local/clouds/server.ts';
import { World } from '../../local/clouds/world.ts';
import type { Cloud, OfferingSource } from '../../shared/clouds/contract.ts';
import type { CloudName, Location } from '../../shared/domain/cloud.ts';
import { ranges, type Network, type NetworkSpec } from '../../shared/domain/network.ts';
import { lifecycles, type Offering } from '../../shared/domain/offering.ts';
import { findRegion, locationOf } from '../../shared/domain/regions.ts';
import { controlAt } from './control-client.ts';
import type { OfferingSubject } from './offering-suite.ts';
import { pageSizeMax, type Ground, type Subject } from './suite.ts';

/** Set by run.ts: run this cloud's driver against this endpoint instead of a simulator of our own. */
export const endpointVariable = 'OVERCAST_CONTRACT_ENDPOINT';

/** Machines boot in milliseconds. */
const timeScale = 1000;

const subnetOf = (network: string) => ({ network, subnet: network.replace(/\.0\.0\/16$/, '.1.0/24') });

const candidates: Record<CloudName, NetworkSpec['candidates']> = {
  aws: [subnetOf(ranges.aws)],
  gcp: [subnetOf(ranges.gcp)],
  azure: [subnetOf(ranges.azure)],
  digitalocean: Array.from({ length: 90 }, (_, i) => ({
    network: `10.${100 + i}.0.0/20`,
    subnet: `10.${100 + i}.0.0/20`,
  })),
};

const instanceTypes: Record<CloudName, string> = {
  aws: 'c7i.xlarge',
  gcp: 'n4-highcpu-4',
  azure: 'Standard_D4als_v6',
  digitalocean: 's-4vcpu-8gb',
};

/** Where the suite's machines stand and what they are: a medium machine in US East. */
export function placeIn(cloud: CloudName): {
  location: Location;
  offering: Offering;
  candidates: NetworkSpec['candidates'];
} {
  const location = findRegion('us-east')?.locations[cloud];
  if (location === undefined) throw new Error(`us-east has no place in ${cloud}`);
  const offering: Offering = {
    cloud,
    ...location,
    instanceType: instanceTypes[cloud],
    architecture: 'amd64',
    lifecycle: 'on-demand',
    vcpus: 4,
    memoryGib: 8,
    usdPerHour: 0.1,
  };
  return { location, offering, candidates: candidates[cloud] };
}

/**
 * A driver over the wire against its simulator, in a fresh world; or against the endpoint that run.ts was given.
 *
 * @param driver with a credential of this id: an access key's, a token, a client's.
 */
export function simulated(options: {
  readonly cloud: CloudName;
  readonly simulator: (world: World) => Simulator;
  readonly driver: (endpoint: string, credential: string) => Cloud;
  readonly networkIdOf: (network: Network) => string;
  readonly exceptions?: Subject['exceptions'];
  readonly observeCallsPerCluster?: number;
}): Subject {
  const { cloud } = options;
  return {
    name: cloud,
    ...placeIn(cloud),
    networkIdOf: options.networkIdOf,
    ...(options.exceptions === undefined ? {} : { exceptions: options.exceptions }),
    ...(options.observeCallsPerCluster === undefined
      ? {}
      : { observeCallsPerCluster: options.observeCallsPerCluster }),
    create: async () => {
      const given = process.env[endpointVariable];
      const own = given === undefined ? await startWorld(options.simulator) : undefined;
      const endpoint = given ?? own?.url ?? '';
      const control = await controlAt(endpoint, cloud);
      await control?.change({ pageSizeMax });
      const ground: Ground = {
        cloud: options.driver(endpoint, 'contract'),
        observer: options.driver(endpoint, readOnly),
        brokenCloud: options.driver(endpoint, revoked),
        endpoint,
        ...(control === undefined ? {} : { control }),
        timeScale: (await control?.settings())?.timeScale ?? 1,
        close: async () => {
          await own?.close();
        },
      };
      return ground;
    },
  };
}

/** A source over the wire against its simulator; what is sold the simulator's own catalogue says. */
export function simulatedOfferings(options: {
  readonly cloud: CloudName;
  readonly simulator: (world: World) => Simulator;
  readonly source: (endpoint: string, credential: string) => OfferingSource;
  readonly leftOut: OfferingSubject['leftOut'];
  readonly burstable: OfferingSubject['burstable'];
  readonly move: OfferingSubject['move'];
}): OfferingSubject {
  const { cloud } = options;
  return {
    name: cloud,
    location: locationOf('us-east', cloud),
    elsewhere: locationOf('eu-central', cloud),
    leftOut: options.leftOut,
    burstable: options.burstable,
    move: options.move,
    create: async () => {
      const given = process.env[endpointVariable];
      const own = given === undefined ? await startWorld(options.simulator) : undefined;
      const endpoint = given ?? own?.url ?? '';
      const control = await controlAt(endpoint, cloud);
      return {
        // Who reads prices has the credentials of who observes.
        source: () => options.source(endpoint, readOnly),
        brokenSource: options.source(endpoint, revoked),
        ...(control === undefined ? {} : { control }),
        ...(own === undefined ? {} : { sold: (location: Location) => soldIn(own.world, cloud, location) }),
        close: async () => {
          await own?.close();
        },
      };
    },
  };
}

function soldIn(world: World, cloud: CloudName, location: Location): readonly Offering[] {
  return catalogueOf(cloud).flatMap((type) =>
    lifecycles.flatMap((lifecycle): Offering[] => {
      const usdPerHour = world.prices.usdPerHour(cloud, type, lifecycle, location.zone);
      if (usdPerHour === undefined) return [];
      const { name, architecture, vcpus, memoryGib, burstable } = type;
      return [
        {
          cloud,
          ...location,
          instanceType: name,
          architecture,
          lifecycle,
          vcpus,
          memoryGib,
          usdPerHour,
          ...(burstable && { burstable: true as const }),
        },
      ];
    }),
  );
}

/** A fresh world with one cloud in it, on loopback. Drivers' own tests use it too. */
export async function startWorld(
  simulator: (world: World) => Simulator,
  options: { timeScale?: number } = {},
): Promise<{ url: string; world: World; close: () => Promise<void> }> {
  const world = new World({ timeScale: options.timeScale ?? timeScale });
  const served = await serveSimulator(world, simulator(world));
  return {
    url: served.url,
    world,
    close: async () => {
      await served.close();
      world.close();
    },
  };
}
