import { createAzureSimulator } from '../../local/clouds/azure/index.ts';
import { createAzure } from '../../shared/clouds/azure/index.ts';
import { createAzureOfferings } from '../../shared/clouds/azure/offerings.ts';
import { describeOfferings } from './offering-suite.ts';
import { simulated, simulatedOfferings } from './subject.ts';
import { describeContract } from './suite.ts';

const subscriptionId = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a01';

describeContract(
  simulated({
    cloud: 'azure',
    simulator: createAzureSimulator,
    driver: (endpoint, clientId) => createAzure({ subscriptionId, clientId, endpoint }),
    networkIdOf: (network) => network.parts['virtualNetwork'] ?? '',
  }),
);

describeOfferings(
  simulatedOfferings({
    cloud: 'azure',
    simulator: createAzureSimulator,
    source: (endpoint, clientId) => createAzureOfferings({ subscriptionId, clientId, endpoint }),
    leftOut: {
      accelerators: 1,
      'first generation': 1,
      confidential: 1,
      'no trusted launch': 1,
      'not for this subscription': 2,
      'no on-demand price': 1,
      'no spot price': 1,
    },
    burstable: ['Standard_B2ls_v2', 'Standard_B4als_v2', 'Standard_B2pls_v2'],
    move: { family: 'Dasv5', lifecycle: 'spot', factor: 3, seenOn: 'Standard_D8as_v5' },
  }),
);
