import { createAwsSimulator } from '../../local/clouds/aws/index.ts';
import { createAws } from '../../shared/clouds/aws/index.ts';
import { simulated } from './subject.ts';
import { describeContract } from './suite.ts';

describeContract(
  simulated({
    cloud: 'aws',
    simulator: createAwsSimulator,
    driver: (endpoint) => createAws({ accessKeyId: 'AKIACONTRACT', secretAccessKey: 'secret', endpoint }),
    brokenDriver: (endpoint) => createAws({ accessKeyId: 'revoked', secretAccessKey: 'secret', endpoint }),
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
