import { createAwsSimulator } from '../../../local/clouds/aws/index.ts';
import { createAzureSimulator } from '../../../local/clouds/azure/index.ts';
import { createDigitalOceanSimulator } from '../../../local/clouds/digitalocean/index.ts';
import { createGcpSimulator } from '../../../local/clouds/gcp/index.ts';
import type { Simulator } from '../../../local/clouds/server.ts';
import type { World } from '../../../local/clouds/world.ts';
import { createAws } from '../../../shared/clouds/aws/index.ts';
import { createAzure } from '../../../shared/clouds/azure/index.ts';
import type { Cloud } from '../../../shared/clouds/contract.ts';
import { createDigitalOcean } from '../../../shared/clouds/digitalocean/index.ts';
import { createGcp } from '../../../shared/clouds/gcp/index.ts';
import type { CloudName } from '../../../shared/domain/cloud.ts';
import type { Network } from '../../../shared/domain/network.ts';

/** One cloud's driver with its official SDK, and the simulator of that cloud's API that it talks to. */
export interface WireSubject {
  readonly simulator: (world: World) => Simulator;
  readonly driver: (endpoint: string, now: () => number) => Cloud;
  /** What the simulator calls the network that machines are in. */
  readonly networkIdOf: (network: Network) => string;
  readonly instanceType: string;
}

const subscriptionId = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a01';

export const wireSubjects: Readonly<Record<CloudName, WireSubject>> = {
  aws: {
    simulator: createAwsSimulator,
    driver: (endpoint) => createAws({ accessKeyId: 'AKIACRASHES', secretAccessKey: 'secret', endpoint }),
    networkIdOf: ({ parts }) => parts['vpcId'] ?? '',
    instanceType: 'c7i.xlarge',
  },
  gcp: {
    simulator: createGcpSimulator,
    driver: (endpoint, now) =>
      createGcp({ projectId: 'overcast-crashes', token: 'crashes', endpoint }, { now }),
    networkIdOf: ({ parts }) => parts['network'] ?? '',
    instanceType: 'n4-highcpu-4',
  },
  azure: {
    simulator: createAzureSimulator,
    driver: (endpoint) => createAzure({ subscriptionId, endpoint }),
    networkIdOf: ({ parts }) => parts['virtualNetwork'] ?? '',
    instanceType: 'Standard_D4als_v6',
  },
  digitalocean: {
    simulator: createDigitalOceanSimulator,
    driver: (endpoint) => createDigitalOcean({ token: 'crashes', endpoint }),
    networkIdOf: ({ parts }) => parts['vpcId'] ?? '',
    instanceType: 's-4vcpu-8gb',
  },
};
