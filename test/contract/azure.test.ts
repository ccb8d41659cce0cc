import { createAzureSimulator } from '../../local/clouds/azure/index.ts';
import { createAzure } from '../../shared/clouds/azure/index.ts';
import { simulated } from './subject.ts';
import { describeContract } from './suite.ts';

const subscriptionId = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a01';

describeContract(
  simulated({
    cloud: 'azure',
    simulator: createAzureSimulator,
    driver: (endpoint) => createAzure({ subscriptionId, endpoint }),
    brokenDriver: (endpoint) => createAzure({ subscriptionId, clientId: 'revoked', endpoint }),
    networkIdOf: (network) => network.parts['virtualNetwork'] ?? '',
  }),
);
