import { createAwsSimulator } from '../../local/clouds/aws/index.ts';
import { createAws } from '../../shared/clouds/aws/index.ts';
import { createAwsOfferings } from '../../shared/clouds/aws/offerings.ts';
import { describeOfferings } from './offering-suite.ts';
import { simulated, simulatedOfferings } from './subject.ts';
import { describeContract } from './suite.ts';

describeContract(
  simulated({
    cloud: 'aws',
    simulator: createAwsSimulator,
    driver: (endpoint, accessKeyId) => createAws({ accessKeyId, secretAccessKey: 'secret', endpoint }),
    networkIdOf: (network) => network.parts['vpcId'] ?? '',
    exceptions: [
      {
        rule: 'add-spare-address is spare, and is removed',
        reason:
          'the driver makes no elastic addresses: a machine has one from the subnet, which comes and goes with it',
      },
    ],
  }),
);

describeOfferings(
  simulatedOfferings({
    cloud: 'aws',
    simulator: createAwsSimulator,
    source: (endpoint, accessKeyId) =>
      createAwsOfferings({ accessKeyId, secretAccessKey: 'secret', endpoint }),
    leftOut: { 'bare metal': 1, accelerators: 1, 'no on-demand price': 1, 'no spot price': 1 },
    burstable: ['t3.medium', 't3a.large', 't4g.xlarge'],
    move: { family: 'c6a', zone: 'us-east-1a', lifecycle: 'spot', factor: 2.5, seenOn: 'c6a.xlarge' },
  }),
);
