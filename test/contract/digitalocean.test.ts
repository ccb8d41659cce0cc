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
  }),
);
