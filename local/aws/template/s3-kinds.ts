import * as z from 'zod/mini';
import { generatedName, generatedUuid, kind, type Kind } from './kind.ts';

/** Buckets: private ones with S3's own encryption and without versions. */
export const s3Kinds = {
  'AWS::S3::Bucket': kind({
    carriedOut: z.strictObject({
      BucketName: z.optional(z.string()),
      // Nobody without a right gets anything here: a bucket that is open to the world is not supported.
      PublicAccessBlockConfiguration: z.strictObject({
        BlockPublicAcls: z.literal(true),
        BlockPublicPolicy: z.literal(true),
        IgnorePublicAcls: z.literal(true),
        RestrictPublicBuckets: z.literal(true),
      }),
      // With a KMS key every call would need rights on that key too, which nobody here would check.
      BucketEncryption: z.strictObject({
        ServerSideEncryptionConfiguration: z.array(
          z.strictObject({
            ServerSideEncryptionByDefault: z.strictObject({ SSEAlgorithm: z.literal('AES256') }),
          }),
        ),
      }),
      LifecycleConfiguration: z.optional(
        z.strictObject({
          Rules: z.array(
            z.strictObject({
              Id: z.optional(z.unknown()),
              Status: z.literal('Enabled'),
              ExpirationInDays: z.optional(z.int()),
              AbortIncompleteMultipartUpload: z.optional(z.unknown()),
            }),
          ),
        }),
      ),
      OwnershipControls: z.optional(
        z.strictObject({
          Rules: z.array(z.strictObject({ ObjectOwnership: z.literal('BucketOwnerEnforced') })),
        }),
      ),
    }),
    inert: { Tags: 'tags select nothing here' },
    names: (naming) => {
      const name = naming.text('BucketName') ?? generatedName(naming, 63).toLowerCase();
      return { ref: name, attributes: { Arn: `arn:aws:s3:::${name}` } };
    },
  }),
  'AWS::S3::BucketPolicy': kind({
    carriedOut: z.strictObject({ Bucket: z.string(), PolicyDocument: z.record(z.string(), z.unknown()) }),
    inert: {},
    names: (naming) => ({ ref: generatedUuid(naming) }),
  }),
} as const satisfies Record<string, Kind>;
