import { createDigitalOceanSimulator } from '../../local/clouds/digitalocean/index.ts';
import { createDigitalOcean } from '../../shared/clouds/digitalocean/index.ts';
import { simulated } from './subject.ts';
import { describeContract } from './suite.ts';

describeContract(
  simulated({
    cloud: 'digitalocean',
    simulator: createDigitalOceanSimulator,
    driver: (endpoint) => createDigitalOcean({ token: 'contract', endpoint }),
    brokenDriver: (endpoint) => createDigitalOcean({ token: 'revoked', endpoint }),
    networkIdOf: (network) => network.parts['vpcId'] ?? '',
    // Who sits in a VPC beside droplets (databases, balancers) is listed of one VPC at a time.
    observeCallsPerCluster: 1,
    exceptions: [
      {
        rule: 'delete-subnet is a flaw until ensureNetwork has mended it',
        reason: 'a VPC is one range: there are no subnets',
      },
      {
        rule: 'remove-route is a flaw until ensureNetwork has mended it',
        reason: 'the way out of a VPC belongs to DigitalOcean: nobody can take it away',
      },
      {
        rule: 'add-spare-disk is spare, and is removed',
        reason: 'the driver makes no volumes: the disk is part of the droplet',
      },
      {
        rule: 'add-spare-interface is spare, and is removed',
        reason: 'there are no interfaces apart from droplets',
      },
      {
        rule: 'add-spare-address is spare, and is removed',
        reason: 'the driver reserves no addresses: a droplet’s own comes and goes with it',
      },
    ],
  }),
);
