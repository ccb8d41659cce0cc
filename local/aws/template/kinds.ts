import * as z from 'zod/mini';
import { arnOf, digest } from '../addresses.ts';
import { generatedName, generatedUuid, kind, type Kind, type Naming } from './kind.ts';
import { s3Kinds } from './s3-kinds.ts';

const text = z.string();
const optionalText = z.optional(text);
const integer = z.union([z.int(), z.pipe(z.string().check(z.regex(/^\d+$/)), z.transform(Number))]);
const optionalInteger = z.optional(integer);
const anything = z.record(z.string(), z.unknown());
/** Accepted inside a property that is carried out, without effect. */
const ignored = z.optional(z.unknown());

const tags = 'tags select nothing here';
const encryptionAtRest = 'nothing is encrypted at rest on the own machine';
const cloudWatch = 'there is no CloudWatch here; logs go to the platform’s log';

const byUuid = (naming: Naming): { ref: string } => ({ ref: generatedUuid(naming) });

const named =
  (property: string, service: string, prefix: string, charactersMax = 64) =>
  (naming: Naming) => {
    const name = naming.text(property) ?? generatedName(naming, charactersMax);
    return { ref: name, attributes: { Arn: arnOf(service, `${prefix}${name}`) } };
  };

/** A type whose resources do nothing here at all; any of its properties is accepted. */
const inertKind = (
  reason: string,
  names: Kind['names'] = byUuid,
): Kind<typeof anything> & { reason: string } => ({
  carriedOut: anything,
  inert: {},
  names,
  reason,
});

const destination = z.strictObject({ Destination: text });
const keySchema = z.array(z.strictObject({ AttributeName: text, KeyType: z.enum(['HASH', 'RANGE']) }));
const projection = z.strictObject({
  ProjectionType: optionalText,
  NonKeyAttributes: z.optional(z.array(text)),
});
const iamRoleArn = (name: string): string => `arn:aws:iam::000000000000:role/${name}`;

/**
 * Every resource type that a template may hold, and every property of it. A type or property that is not here stops the
 * platform at start: a template that deploys to something else than what ran locally would be worse than no local platform.
 */
export const kinds = {
  'AWS::CDK::Metadata': inertKind('CDK’s own statistics'),
  'AWS::CloudWatch::Alarm': inertKind('there are no metrics here to alarm on', (naming) => {
    const name = naming.text('AlarmName') ?? generatedName(naming, 255);
    return { ref: name, attributes: { Arn: arnOf('cloudwatch', `alarm:${name}`) } };
  }),
  'AWS::CloudWatch::CompositeAlarm': inertKind('there are no metrics here to alarm on'),
  'AWS::CloudWatch::Dashboard': inertKind('there are no metrics here to show'),
  'AWS::Logs::LogGroup': inertKind(cloudWatch, (naming) => {
    const name = naming.text('LogGroupName') ?? generatedName(naming, 512);
    return { ref: name, attributes: { Arn: arnOf('logs', `log-group:${name}:*`) } };
  }),
  'AWS::Logs::ResourcePolicy': inertKind(cloudWatch),
  'AWS::Logs::MetricFilter': inertKind(cloudWatch),
  'AWS::SNS::Topic': inertKind('only alarms publish to it, and alarms are inert here', (naming) => {
    const name = naming.text('TopicName') ?? generatedName(naming, 256);
    return { ref: arnOf('sns', name), attributes: { TopicArn: arnOf('sns', name), TopicName: name } };
  }),
  'AWS::SNS::Subscription': inertKind('its topic is inert here'),
  'AWS::SNS::TopicPolicy': inertKind('its topic is inert here'),

  'AWS::IAM::Role': kind({
    carriedOut: z.strictObject({
      AssumeRolePolicyDocument: anything,
      Policies: z.optional(z.array(z.strictObject({ PolicyName: text, PolicyDocument: anything }))),
      ManagedPolicyArns: z.optional(z.array(text)),
    }),
    inert: {
      RoleName: 'used in its ARN only',
      Path: 'nothing matches on it here',
      Description: 'for people',
      MaxSessionDuration: 'credentials do not expire here',
      Tags: tags,
    },
    names: (naming) => {
      const name = naming.text('RoleName') ?? generatedName(naming);
      return { ref: name, attributes: { Arn: iamRoleArn(name), RoleId: digest(name, 21).toUpperCase() } };
    },
  }),
  'AWS::IAM::Policy': kind({
    carriedOut: z.strictObject({ PolicyDocument: anything, Roles: z.array(text) }),
    inert: { PolicyName: 'for people' },
    names: byUuid,
  }),
  'AWS::IAM::ManagedPolicy': kind({
    carriedOut: z.strictObject({ PolicyDocument: anything, Roles: z.optional(z.array(text)) }),
    inert: {
      ManagedPolicyName: 'used in its ARN only',
      Description: 'for people',
      Path: 'nothing matches on it here',
    },
    names: (naming) => ({
      ref: `arn:aws:iam::000000000000:policy/${naming.text('ManagedPolicyName') ?? generatedName(naming)}`,
    }),
  }),

  'AWS::Lambda::Function': kind({
    carriedOut: z.strictObject({
      Code: z.strictObject({ S3Bucket: ignored, S3Key: text }),
      Handler: text,
      Role: text,
      Runtime: z.string().check(z.regex(/^nodejs\d+\.x$/)),
      Timeout: optionalInteger,
      MemorySize: optionalInteger,
      ReservedConcurrentExecutions: optionalInteger,
      Environment: z.optional(
        z.strictObject({ Variables: z.record(text, z.union([text, z.number(), z.boolean()])) }),
      ),
      DeadLetterConfig: z.optional(z.strictObject({ TargetArn: text })),
    }),
    inert: {
      FunctionName: 'used in its ARN only',
      Description: 'for people',
      Architectures: 'functions run on this machine’s own processor',
      LoggingConfig: cloudWatch,
      TracingConfig: 'there is no X-Ray here',
      EphemeralStorage: 'functions share this machine’s /tmp',
      KmsKeyArn: encryptionAtRest,
      RecursiveLoop: 'loops show in the log',
      Tags: tags,
    },
    names: (naming) => {
      const name = naming.text('FunctionName') ?? generatedName(naming);
      return { ref: name, attributes: { Arn: arnOf('lambda', `function:${name}`) } };
    },
  }),
  'AWS::Lambda::Permission': kind({
    carriedOut: z.strictObject({
      Action: text,
      FunctionName: text,
      Principal: text,
      SourceArn: optionalText,
      SourceAccount: optionalText,
    }),
    inert: {},
    names: byUuid,
  }),
  'AWS::Lambda::EventInvokeConfig': kind({
    carriedOut: z.strictObject({
      FunctionName: text,
      Qualifier: z.optional(z.literal('$LATEST')),
      MaximumRetryAttempts: optionalInteger,
      MaximumEventAgeInSeconds: optionalInteger,
      DestinationConfig: z.optional(
        z.strictObject({ OnFailure: z.optional(destination), OnSuccess: z.optional(destination) }),
      ),
    }),
    inert: {},
    names: byUuid,
  }),
  'AWS::Lambda::EventSourceMapping': kind({
    carriedOut: z.strictObject({
      EventSourceArn: text,
      FunctionName: text,
      BatchSize: optionalInteger,
      MaximumBatchingWindowInSeconds: optionalInteger,
      FunctionResponseTypes: z.optional(z.array(z.literal('ReportBatchItemFailures'))),
      ScalingConfig: z.optional(z.strictObject({ MaximumConcurrency: optionalInteger })),
      Enabled: z.optional(z.boolean()),
    }),
    inert: { Tags: tags },
    names: byUuid,
  }),

  'AWS::DynamoDB::Table': kind({
    carriedOut: z.strictObject({
      AttributeDefinitions: z.array(
        z.strictObject({ AttributeName: text, AttributeType: z.enum(['S', 'N', 'B']) }),
      ),
      KeySchema: keySchema,
      BillingMode: z.literal('PAY_PER_REQUEST'),
      GlobalSecondaryIndexes: z.optional(
        z.array(
          z.strictObject({
            IndexName: text,
            KeySchema: keySchema,
            Projection: projection,
            OnDemandThroughput: ignored,
            ContributorInsightsSpecification: ignored,
          }),
        ),
      ),
    }),
    inert: {
      TableName: 'used as its name only',
      TimeToLiveSpecification: 'dynalite expires nothing; readers check the attribute themselves',
      PointInTimeRecoverySpecification: 'there are no backups here',
      SSESpecification: encryptionAtRest,
      DeletionProtectionEnabled: 'nothing deletes the table here',
      ContributorInsightsSpecification: cloudWatch,
      OnDemandThroughput: 'nothing limits throughput here',
      TableClass: 'a matter of price',
      Tags: tags,
    },
    names: named('TableName', 'dynamodb', 'table/', 255),
  }),

  'AWS::Events::EventBus': kind({
    carriedOut: z.strictObject({ Name: text }),
    inert: {
      Description: 'for people',
      KmsKeyIdentifier: encryptionAtRest,
      LogConfig: cloudWatch,
      Tags: tags,
    },
    names: (naming) => {
      const name = naming.text('Name') ?? generatedName(naming);
      return { ref: name, attributes: { Arn: arnOf('events', `event-bus/${name}`), Name: name } };
    },
  }),
  'AWS::Events::Rule': kind({
    carriedOut: z.strictObject({
      EventBusName: optionalText,
      EventPattern: z.optional(anything),
      ScheduleExpression: optionalText,
      State: z.optional(z.enum(['ENABLED', 'DISABLED'])),
      Targets: z.optional(
        z.array(
          z.strictObject({
            Id: text,
            Arn: text,
            RoleArn: optionalText,
            Input: optionalText,
            InputPath: optionalText,
            InputTransformer: z.optional(
              z.strictObject({ InputPathsMap: z.optional(z.record(text, text)), InputTemplate: text }),
            ),
            RetryPolicy: z.optional(
              z.strictObject({
                MaximumEventAgeInSeconds: optionalInteger,
                MaximumRetryAttempts: optionalInteger,
              }),
            ),
            DeadLetterConfig: z.optional(z.strictObject({ Arn: text })),
            SqsParameters: z.optional(z.strictObject({ MessageGroupId: text })),
          }),
        ),
      ),
    }),
    inert: { Name: 'used in its ARN only', Description: 'for people', Tags: tags },
    names: (naming) => {
      const name = naming.text('Name') ?? generatedName(naming);
      const bus = naming.text('EventBusName');
      const path =
        bus === undefined || bus === 'default' ? name : `${bus.replace(/^.*event-bus\//, '')}/${name}`;
      return { ref: path.replace('/', '|'), attributes: { Arn: arnOf('events', `rule/${path}`) } };
    },
  }),

  'AWS::SQS::Queue': kind({
    carriedOut: z.strictObject({
      VisibilityTimeout: optionalInteger,
      MessageRetentionPeriod: optionalInteger,
      DelaySeconds: optionalInteger,
      ReceiveMessageWaitTimeSeconds: optionalInteger,
      MaximumMessageSize: optionalInteger,
      FifoQueue: z.optional(z.boolean()),
      ContentBasedDeduplication: z.optional(z.boolean()),
      RedrivePolicy: z.optional(z.strictObject({ deadLetterTargetArn: text, maxReceiveCount: integer })),
    }),
    inert: {
      QueueName: 'used as its name only',
      SqsManagedSseEnabled: encryptionAtRest,
      KmsMasterKeyId: encryptionAtRest,
      KmsDataKeyReusePeriodSeconds: encryptionAtRest,
      RedriveAllowPolicy: 'nothing else sends dead letters here',
      Tags: tags,
    },
    names: (naming) => {
      const fifo = naming.text('FifoQueue') === 'true' ? '.fifo' : '';
      const name = naming.text('QueueName') ?? `${generatedName(naming, 75)}${fifo}`;
      const url = `${naming.baseUrl}/000000000000/${name}`;
      return { ref: url, attributes: { Arn: arnOf('sqs', name), QueueName: name, QueueUrl: url } };
    },
  }),
  'AWS::SQS::QueuePolicy': kind({
    carriedOut: z.strictObject({ PolicyDocument: anything, Queues: z.array(text) }),
    inert: {},
    names: byUuid,
  }),

  'AWS::KMS::Key': kind({
    carriedOut: z.strictObject({
      KeySpec: z.optional(z.enum(['HMAC_256', 'SYMMETRIC_DEFAULT'])),
      KeyUsage: z.optional(z.enum(['GENERATE_VERIFY_MAC', 'ENCRYPT_DECRYPT'])),
      KeyPolicy: anything,
      Enabled: z.optional(z.literal(true)),
    }),
    inert: {
      Description: 'for people',
      EnableKeyRotation: 'a key’s material never changes here',
      PendingWindowInDays: 'nothing deletes keys here',
      RotationPeriodInDays: 'a key’s material never changes here',
      Tags: tags,
    },
    names: (naming) => {
      const id = generatedUuid(naming);
      return { ref: id, attributes: { Arn: arnOf('kms', `key/${id}`), KeyId: id } };
    },
  }),
  'AWS::KMS::Alias': kind({
    carriedOut: z.strictObject({ AliasName: text, TargetKeyId: text }),
    inert: {},
    names: (naming) => ({ ref: naming.text('AliasName') ?? generatedName(naming) }),
  }),
  ...s3Kinds,

  'AWS::SecretsManager::Secret': kind({
    carriedOut: z.strictObject({
      Name: optionalText,
      SecretString: optionalText,
      GenerateSecretString: z.optional(
        z.strictObject({
          PasswordLength: optionalInteger,
          ExcludeCharacters: optionalText,
          ExcludePunctuation: z.optional(z.boolean()),
          GenerateStringKey: optionalText,
          SecretStringTemplate: optionalText,
        }),
      ),
    }),
    inert: { Description: 'for people', KmsKeyId: encryptionAtRest, Tags: tags },
    names: (naming) => {
      const name = naming.text('Name') ?? generatedName(naming);
      const arn = secretArn(name);
      return { ref: arn, attributes: { Id: arn } };
    },
  }),

  'AWS::StepFunctions::StateMachine': kind({
    carriedOut: z.strictObject({
      DefinitionString: optionalText,
      Definition: z.optional(anything),
      DefinitionSubstitutions: z.optional(anything),
      RoleArn: text,
      StateMachineType: z.optional(z.literal('STANDARD')),
    }),
    inert: {
      StateMachineName: 'used in its ARN only',
      LoggingConfiguration: cloudWatch,
      TracingConfiguration: 'there is no X-Ray here',
      EncryptionConfiguration: encryptionAtRest,
      Tags: tags,
    },
    names: (naming) => {
      const name = naming.text('StateMachineName') ?? generatedName(naming, 80);
      const arn = arnOf('states', `stateMachine:${name}`);
      return { ref: arn, attributes: { Arn: arn, Name: name } };
    },
  }),

  'AWS::ApiGatewayV2::Api': kind({
    carriedOut: z.strictObject({
      ProtocolType: z.literal('HTTP'),
      CorsConfiguration: z.optional(
        z.strictObject({
          AllowOrigins: z.optional(z.array(text)),
          AllowMethods: z.optional(z.array(text)),
          AllowHeaders: z.optional(z.array(text)),
          ExposeHeaders: z.optional(z.array(text)),
          AllowCredentials: z.optional(z.boolean()),
          MaxAge: optionalInteger,
        }),
      ),
    }),
    inert: {
      Name: 'for people',
      Description: 'for people',
      DisableExecuteApiEndpoint: 'there is no other endpoint here',
      Tags: tags,
    },
    names: (naming) => {
      const id = digest(`${naming.stackName}/${naming.logicalId}`, 10);
      return { ref: id, attributes: { ApiId: id, ApiEndpoint: naming.baseUrl } };
    },
  }),
  'AWS::ApiGatewayV2::Integration': kind({
    carriedOut: z.strictObject({
      ApiId: text,
      IntegrationType: z.literal('AWS_PROXY'),
      IntegrationUri: text,
      PayloadFormatVersion: z.literal('2.0'),
      TimeoutInMillis: optionalInteger,
    }),
    inert: { Description: 'for people', IntegrationMethod: 'Lambda is always called with POST' },
    names: byUuid,
  }),
  'AWS::ApiGatewayV2::Route': kind({
    carriedOut: z.strictObject({
      ApiId: text,
      RouteKey: text,
      Target: text,
      AuthorizationType: z.optional(z.literal('NONE')),
    }),
    inert: { OperationName: 'for people' },
    names: byUuid,
  }),
  'AWS::ApiGatewayV2::Stage': kind({
    carriedOut: z.strictObject({ ApiId: text, StageName: z.literal('$default') }),
    inert: {
      AutoDeploy: 'the template as it is now is what is deployed',
      AccessLogSettings: cloudWatch,
      DefaultRouteSettings: 'nothing throttles the API here',
      Description: 'for people',
      Tags: tags,
    },
    names: () => ({ ref: '$default' }),
  }),
} as const satisfies Record<string, Kind>;

/** AWS puts six characters of its own behind a secret's name; here they follow from the name. */
export function secretArn(name: string): string {
  return arnOf('secretsmanager', `secret:${name}-${digest(`secret/${name}`, 6)}`);
}

export type Type = keyof typeof kinds;
