import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { STSClient } from '@aws-sdk/client-sts';
import type { AwsCredentials } from './credentials.ts';

/** One region's clients. */
export interface Ec2 {
  /** Tries three times: for reads, and for changes that can be repeated without harm. */
  readonly patient: EC2Client;
  /**
   * Tries once. A VPC or a gateway has no client token: repeating its create after a lost reply would make two. And EC2
   * says "no capacity" with a 500, which the SDK would ask three times for, while the next offering waits.
   */
  readonly once: EC2Client;
  /** Elastic Load Balancing. It tries three times at everything: what it makes has a name, of which there is one. */
  readonly elb: ElasticLoadBalancingV2Client;
}

export interface AwsClients {
  ec2(region: string): Ec2;
  readonly sts: STSClient;
}

const attemptsMax = 3;
const connectMillisecondsMax = 5_000;
const requestMillisecondsMax = 30_000;
/** STS answers for all regions; this is the one whose endpoint every account has. */
const stsRegion = 'us-east-1';

/** What every client of AWS's is made with, besides its region. */
export const sharedOptions = ({ endpoint, accessKeyId, secretAccessKey, sessionToken }: AwsCredentials) => ({
  credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  ...(endpoint === undefined ? {} : { endpoint }),
  maxAttempts: attemptsMax,
  requestHandler: {
    connectionTimeout: connectMillisecondsMax,
    requestTimeout: requestMillisecondsMax,
    throwOnRequestTimeout: true,
  },
});

export function clientsFor(credentials: AwsCredentials): AwsClients {
  const shared = sharedOptions(credentials);
  const byRegion = new Map<string, Ec2>();
  return {
    ec2: (region) => {
      const known = byRegion.get(region);
      if (known !== undefined) return known;
      const patient = new EC2Client({ ...shared, region });
      const once = new EC2Client({
        ...shared,
        region,
        maxAttempts: 1,
        // The same connections.
        requestHandler: patient.config.requestHandler,
      });
      const elb = new ElasticLoadBalancingV2Client({ ...shared, region });
      const made = { patient, once, elb };
      byRegion.set(region, made);
      return made;
    },
    sts: new STSClient({ ...shared, region: stsRegion }),
  };
}
