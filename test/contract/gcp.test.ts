import { createGcpSimulator } from '../../local/clouds/gcp/index.ts';
import { createGcp } from '../../shared/clouds/gcp/index.ts';
import { createGcpOfferings } from '../../shared/clouds/gcp/offerings.ts';
import { describeOfferings } from './offering-suite.ts';
import { simulated, simulatedOfferings } from './subject.ts';
import { describeContract } from './suite.ts';

describeContract(
  simulated({
    cloud: 'gcp',
    simulator: createGcpSimulator,
    driver: (endpoint, token) => createGcp({ projectId: 'overcast-contract', token, endpoint }),
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

describeOfferings(
  simulatedOfferings({
    cloud: 'gcp',
    simulator: createGcpSimulator,
    source: (endpoint, token) => createGcpOfferings({ projectId: 'overcast-contract', token, endpoint }),
    leftOut: {
      accelerators: 1,
      'local disks': 1,
      'unknown price': 1,
      'no on-demand price': 1,
      'no spot price': 1,
    },
    burstable: ['e2-small', 'e2-medium'],
    move: { family: 'n2', lifecycle: 'spot', factor: 4, seenOn: 'n2-standard-8' },
  }),
);
