import { createGcpSimulator } from '../../local/clouds/gcp/index.ts';
import { createGcp } from '../../shared/clouds/gcp/index.ts';
import { simulated } from './subject.ts';
import { describeContract } from './suite.ts';

describeContract(
  simulated({
    cloud: 'gcp',
    simulator: createGcpSimulator,
    driver: (endpoint) => createGcp({ projectId: 'overcast-contract', token: 'contract', endpoint }),
    brokenDriver: (endpoint) => createGcp({ projectId: 'overcast-contract', token: 'revoked', endpoint }),
    networkIdOf: (network) => network.parts['network'] ?? '',
    exceptions: [
      {
        rule: 'add-spare-interface is spare, and is removed',
        reason: 'Google Cloud has no interfaces apart from machines',
      },
      {
        rule: 'add-spare-address is spare, and is removed',
        reason: 'machines have ephemeral addresses, which go with them',
      },
    ],
  }),
);
