import { Duration, RemovalPolicy, Stack, type CfnElement } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

/**
 * The clusters' etcd snapshots. S3 encrypts them with its own keys: a KMS key would have to be opened to whoever signs the
 * upload URLs, and that is the hot answer-node-sync, which has no KMS right. The Secrets in a snapshot are encrypted once
 * more, with the cluster's own key. It outlives the stack, as the table does.
 */
export class SnapshotBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      // A version that nobody sees would outlive its cluster.
      versioned: false,
      // The outer limit, whatever was not pruned, nor deleted with its cluster.
      lifecycleRules: [
        { expiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.bucket.policy?.applyRemovalPolicy(RemovalPolicy.RETAIN);
  }

  /** Its name in the template, by which findings are acknowledged. */
  get logicalId(): string {
    return Stack.of(this).getLogicalId(this.bucket.node.defaultChild as CfnElement);
  }
}
