import type { Route53World } from './aws/index.ts';
import type { Front, ServedFront, World } from './clouds/world.ts';

const apiServerPort = 6443;

/**
 * The simulated world as Route 53 sees it: a load balancer answers at its listeners' ports while one of its members is healthy,
 * a control plane at 6443 while its API server is up, and nothing else does. Faults come from the AWS simulator's control
 * endpoint: `{ cloud: 'aws', operation: 'changeNames', effect: 'throttle' }`.
 *
 * @param options.leads whether an API server is up at a public address.
 */
export function seenFromOutside(options: {
  readonly world: World;
  readonly leads: (address: string) => boolean;
}): Route53World {
  const { world, leads } = options;
  const serves = async (front: Front): Promise<boolean> => {
    const [served]: readonly ServedFront[] = (await world.dataPath?.serve([front])) ?? [];
    return served?.members.some(({ isHealthy }) => isHealthy === true) ?? false;
  };
  return {
    async probe(address, port) {
      if (port === apiServerPort) return leads(address);
      const front = world.fronts().find((one) => one.address === address);
      return (
        front !== undefined &&
        front.isOpen &&
        front.listeners.some((listener) => listener.port === port) &&
        (await serves(front))
      );
    },
    async resolveAlias(dnsName) {
      const front = world.fronts().find(({ address }) => address.toLowerCase() === dnsName);
      if (front === undefined) return undefined;
      return {
        addresses: front.publicAddresses ?? [],
        isHealthy: front.isOpen && (await serves(front)),
      };
    },
    strike(operation) {
      world.countCall('aws', operation);
      const fault = world.takeFault('aws', operation, {
        effects: ['throttle', 'unavailable', 'credentials', 'cut', 'lose-reply'],
      });
      return fault?.effect as ReturnType<Route53World['strike']>;
    },
  };
}
