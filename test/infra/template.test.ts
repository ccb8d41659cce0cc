import { describe, expect, it } from 'vitest';
import { pascalCase } from '../../infra/constructs/platform-function.ts';
import { localHostedZone } from '../../infra/hosted-zone.ts';
import { functionSpecs } from '../../infra/functions.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { operationKinds } from '../../shared/domain/operation.ts';
import { tableDefinition } from '../../shared/store/definition.ts';
import {
  allResources,
  environmentOf,
  functionNamed,
  idOf,
  queuePoliciesOf,
  resourcesOf,
  rightsOf,
  roles,
  textOf,
  deletionPolicyOf,
  type Json,
  type Resource,
  type Statement,
} from './synthesized.ts';

const names = functionSpecs.map(({ name }) => name);
const rightsOfFunction = (name: string): readonly Statement[] => rightsOf(functionNamed(name).role);
const grants = (statements: readonly Statement[], service: string): readonly Statement[] =>
  statements.filter(({ actions }) => actions.some((action) => action.startsWith(`${service}:`)));
const actionsOf = (statements: readonly Statement[]): string[] =>
  statements.flatMap(({ actions }) => [...actions]).sort();

function onlyOne(type: string): Resource {
  const [found, ...others] = resourcesOf(type);
  if (found === undefined || others.length > 0) throw new Error(`not one ${type}`);
  return found;
}
const count = (type: string): number => resourcesOf(type).length;
const redriveOf = ({
  RedrivePolicy = {},
}: Json): { readonly deadLetterTargetArn?: unknown; readonly maxReceiveCount?: number } =>
  RedrivePolicy as object;
const holdersOf = (action: string): string[] =>
  names.filter((name) => actionsOf(rightsOfFunction(name)).includes(action));

describe('the table', () => {
  const table = onlyOne('AWS::DynamoDB::Table');
  interface KeyPart {
    readonly AttributeName: string;
    readonly KeyType: string;
  }
  const keyOf = (schema: unknown): { partitionKey?: string; sortKey?: string } =>
    Object.fromEntries(
      (schema as readonly KeyPart[]).map(({ AttributeName, KeyType }) => [
        KeyType === 'HASH' ? 'partitionKey' : 'sortKey',
        AttributeName,
      ]),
    );

  it('is the one that the store expects', () => {
    const indexes = table.properties['GlobalSecondaryIndexes'] as readonly Json[];
    const { AttributeName, Enabled } = table.properties['TimeToLiveSpecification'] as Json;
    expect({
      ...keyOf(table.properties['KeySchema']),
      timeToLiveAttribute: AttributeName,
      indexes: indexes.map(({ IndexName, KeySchema }) => ({ name: IndexName, ...keyOf(KeySchema) })),
    }).toEqual(tableDefinition);
    expect(Enabled).toBe(true);
    expect(indexes.map(({ Projection }) => Projection)).toEqual(
      indexes.map(() => ({ ProjectionType: 'ALL' })),
    );
  });

  it('has keys of strings only', () => {
    const definitions = table.properties['AttributeDefinitions'] as readonly Json[];
    expect(definitions.filter(({ AttributeType }) => AttributeType !== 'S')).toEqual([]);
  });

  it('is encrypted, can be restored to any second, and costs nothing when nothing happens', () => {
    expect(table.properties).toMatchObject({
      SSESpecification: { SSEEnabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      BillingMode: 'PAY_PER_REQUEST',
    });
  });
});

describe('the bucket of etcd snapshots', () => {
  const bucket = onlyOne('AWS::S3::Bucket');

  it('is private, encrypted, keeps no versions, and nothing for longer than 30 days', () => {
    const { properties } = bucket;
    expect(properties['PublicAccessBlockConfiguration']).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    expect(JSON.stringify(properties['BucketEncryption'])).toContain('AES256');
    expect(properties['VersioningConfiguration']).toBeUndefined();
    expect(properties['LifecycleConfiguration']).toMatchObject({
      Rules: [{ ExpirationInDays: 30, Status: 'Enabled' }],
    });
  });

  it('takes no plain HTTP, from nobody', () => {
    const policy = onlyOne('AWS::S3::BucketPolicy').properties;
    expect(idOf(policy['Bucket'])).toBe(bucket.id);
    expect(policy['PolicyDocument']).toMatchObject({
      Statement: [
        {
          Effect: 'Deny',
          Action: 's3:*',
          Principal: { AWS: '*' },
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    });
  });

  it('who signs uploads may do nothing else there, and who hands out authorities alone lets a snapshot be read', () => {
    for (const [name, action] of [
      ['answer-node-sync', 's3:PutObject'],
      ['issue-node-files', 's3:GetObject'],
    ] as const) {
      expect(grants(rightsOfFunction(name), 's3')).toEqual([
        { actions: [action], resources: [`${bucket.id}/clusters/*`], conditions: {} },
      ]);
      expect(holdersOf(action)).toEqual([name]);
    }
    expect(holdersOf('s3:DeleteObject')).toEqual(['settle-operation', 'prune-snapshots']);
    expect(holdersOf('s3:ListBucket')).toEqual(['settle-operation', 'prune-snapshots']);
  });
});

describe('rules', () => {
  interface Target {
    readonly Arn: unknown;
    readonly RetryPolicy?: { readonly MaximumEventAgeInSeconds?: number };
    readonly DeadLetterConfig?: { readonly Arn: unknown };
  }
  const rules = resourcesOf('AWS::Events::Rule').map(({ id, properties }) => ({
    id,
    properties,
    targets: properties['Targets'] as readonly Target[],
  }));

  it.each(rules.map((rule) => [rule.id, rule] as const))(
    '%s gives an event up after an hour, and keeps it for a person',
    (_id, { id, targets }) => {
      expect(targets.length).toBeGreaterThan(0);
      for (const { RetryPolicy, DeadLetterConfig } of targets) {
        expect(RetryPolicy?.MaximumEventAgeInSeconds).toBe(3600);
        const dead = idOf(DeadLetterConfig?.Arn);
        expect(resourcesOf('AWS::SQS::Queue').map((queue) => queue.id)).toContain(dead);
        // EventBridge may only put what this very rule could not deliver.
        const allowed = queuePoliciesOf(dead).filter(({ conditions }) =>
          JSON.stringify(conditions).includes(`"${id}"`),
        );
        expect(actionsOf(allowed)).toContain('sqs:SendMessage');
      }
    },
  );

  it.each(operationKinds)('%s is started with the event’s detail alone', (kind) => {
    const targets = rules
      .flatMap((rule) => rule.targets)
      .filter(({ Arn }) => idOf(Arn).startsWith(`StateMachines${kind}`));
    expect(targets).toMatchObject([{ InputPath: '$.detail' }]);
  });

  it('every cloud’s prices are read every hour, and for a cluster where nobody knows them', () => {
    const readers = cloudNames.map((cloud) => pascalCase(`refresh-offerings-${cloud}`));
    const called = (rule: (typeof rules)[number]) =>
      readers.filter((reader) => rule.targets.some(({ Arn }) => idOf(Arn).startsWith(`${reader}Function`)));
    const hourly = rules.filter(({ properties }) => properties['ScheduleExpression'] === 'rate(1 hour)');
    expect(hourly.map(called)).toEqual([readers]);
    const onCluster = rules.filter(({ properties }) =>
      JSON.stringify(properties['EventPattern'] ?? {}).includes('"ClusterRequested"'),
    );
    expect(onCluster.flatMap(called).toSorted()).toEqual(readers.toSorted());
  });

  it('none is made while the platform runs: there are as many as the template says', () => {
    const making = /^(?:events:Put(?:Rule|Targets)|scheduler:|iam:)/;
    expect(
      roles.flatMap(({ id }) => actionsOf(rightsOf(id))).filter((action) => making.test(action)),
    ).toEqual([]);
    // A bus may have 300.
    expect(rules.length).toBeLessThan(40);
  });

  it('nothing is per cluster: no schedule, secret, parameter or queue but the platform’s own', () => {
    expect(count('AWS::Scheduler::Schedule')).toBe(0);
    expect(count('AWS::SecretsManager::Secret')).toBe(0);
    expect(count('AWS::SSM::Parameter')).toBe(0);
    // One for reconciling, one for pods and one per cloud, each with its dead letters, and the undelivered events.
    expect(count('AWS::SQS::Queue')).toBe(2 * (2 + cloudNames.length) + 1);
    const perCluster = /^(?:secretsmanager:(?:Create|Put|Delete)|ssm:|sqs:CreateQueue|scheduler:)/;
    expect(
      roles.flatMap(({ id }) => actionsOf(rightsOf(id))).filter((action) => perCluster.test(action)),
    ).toEqual([]);
  });
});

const alarmed = resourcesOf('AWS::CloudWatch::Alarm').map(({ properties }) => ({
  on: idOf((properties['Dimensions'] as readonly Json[])[0]?.['Value']),
  properties,
}));

describe('alarms', () => {
  it('all call the one topic that people subscribe to', () => {
    const [topic] = resourcesOf('AWS::SNS::Topic');
    expect(alarmed.length).toBeGreaterThan(0);
    for (const { properties } of alarmed)
      expect((properties['AlarmActions'] as readonly unknown[]).map(idOf)).toEqual([topic?.id]);
  });

  it.each(cloudNames)('one calls when the prices of %s could not be read for three hours', (cloud) => {
    const { id } = functionNamed(`refresh-offerings-${cloud}`);
    expect(alarmed.filter(({ on }) => on === id).map(({ properties }) => properties)).toMatchObject([
      {
        Namespace: 'AWS/Lambda',
        MetricName: 'Errors',
        Statistic: 'Sum',
        Period: 3600,
        Threshold: 1,
        EvaluationPeriods: 3,
        DatapointsToAlarm: 3,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'notBreaching',
      },
    ]);
  });
});

describe('queues', () => {
  const queues = resourcesOf('AWS::SQS::Queue');
  const ruleTargets = resourcesOf('AWS::Events::Rule').flatMap(
    ({ properties }) => properties['Targets'] as readonly Json[],
  );
  const deadLetters = new Set([
    ...queues
      .map(({ properties }) => redriveOf(properties).deadLetterTargetArn)
      .filter((arn) => arn !== undefined)
      .map(idOf),
    ...ruleTargets.map(({ DeadLetterConfig }) => idOf((DeadLetterConfig as Json)['Arn'])),
  ]);

  it.each(queues.map(({ id, properties }) => [id, properties] as const))(
    '%s is encrypted and takes no plain HTTP',
    (id, properties) => {
      expect(properties['SqsManagedSseEnabled']).toBe(true);
      expect(queuePoliciesOf(id).map(({ conditions }) => conditions)).toContainEqual({
        Bool: { 'aws:SecureTransport': 'false' },
      });
    },
  );

  it.each(queues.map(({ id, properties }) => [id, properties] as const))(
    '%s keeps what could not be worked off, and an alarm calls for it',
    (id, properties) => {
      const { deadLetterTargetArn, maxReceiveCount } = redriveOf(properties);
      const dead = deadLetters.has(id) ? id : idOf(deadLetterTargetArn);
      expect([...deadLetters]).toContain(dead);
      if (!deadLetters.has(id)) expect(maxReceiveCount).toBe(5);
      expect(alarmed.filter(({ on }) => on === dead)).toMatchObject([
        { properties: { MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 1 } },
      ]);
    },
  );

  it('are read by functions that have six times their timeout, and report what failed of a batch', () => {
    const mappings = resourcesOf('AWS::Lambda::EventSourceMapping');
    expect(mappings).toHaveLength(2 + cloudNames.length);
    for (const { properties } of mappings) {
      const queue = queues.find(({ id }) => id === idOf(properties['EventSourceArn']));
      const reader = resourcesOf('AWS::Lambda::Function').find(
        ({ id }) => id === idOf(properties['FunctionName']),
      );
      expect(properties['FunctionResponseTypes']).toEqual(['ReportBatchItemFailures']);
      expect(queue?.properties['VisibilityTimeout']).toBe(6 * Number(reader?.properties['Timeout']));
    }
  });
});

describe('functions', () => {
  it('are exactly those of functions.ts', () => {
    expect(resourcesOf('AWS::Lambda::Function')).toHaveLength(names.length);
  });

  it.each(names)('%s runs on Node 24 on arm64, with a log of its own that is not kept for ever', (name) => {
    const { properties } = functionNamed(name);
    expect(properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
    });
    const group = idOf((properties['LoggingConfig'] as Json)['LogGroup']);
    const log = resourcesOf('AWS::Logs::LogGroup').find(({ id }) => id === group);
    expect(log?.properties['RetentionInDays']).toBe(30);
    expect(grants(rightsOfFunction(name), 'logs')).toMatchObject([
      { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [group] },
    ]);
    const sharing = names.filter(
      (each) => idOf((functionNamed(each).properties['LoggingConfig'] as Json)['LogGroup']) === group,
    );
    expect(sharing).toEqual([name]);
  });

  it('have a role each', () => {
    expect(new Set(names.map((name) => functionNamed(name).role)).size).toBe(names.length);
  });

  it.each(names)('no secret stands in the environment of %s', (name) => {
    expect(Object.keys(environmentOf(name)).filter((key) => /SECRET|PASSWORD|API_KEY/.test(key))).toEqual([]);
  });
});

describe('rights', () => {
  it.each(functionSpecs.map((spec) => [spec.name, spec] as const))(
    '%s says its own events in its own name, and nothing else',
    (name, { says = [] }) => {
      const events = grants(rightsOfFunction(name), 'events');
      if (says.length === 0) {
        expect(events).toEqual([]);
        return;
      }
      expect(events).toHaveLength(1);
      expect(events[0]?.actions).toEqual(['events:PutEvents']);
      expect(events[0]?.conditions).toEqual({
        StringEquals: { 'events:source': `overcast.${name}` },
        'ForAllValues:StringEquals': { 'events:detail-type': says.map((event) => event.name) },
      });
      expect(events[0]?.resources.map((id) => id.slice(0, 3))).toEqual(['Bus']);
    },
  );

  it.each(names)('%s reaches the secrets of its own cloud and access, if it has any', (name) => {
    const [, verb, cloud] = /^(drive-cloud|observe-cloud|refresh-offerings)-(.+)$/.exec(name) ?? [];
    const folder = verb === 'drive-cloud' ? 'accounts' : 'observers';
    const secrets = grants(rightsOfFunction(name), 'secretsmanager');
    expect(secrets.map(({ actions, resources }) => ({ actions, resources }))).toEqual(
      cloud === undefined
        ? []
        : [
            {
              actions: ['secretsmanager:GetSecretValue'],
              resources: [
                `arn:Partition:secretsmanager:Region:AccountId:secret:overcast/${folder}/${cloud}/*`,
              ],
            },
          ],
    );
  });

  it('nobody but the functions reaches a secret', () => {
    const ofFunctions = new Set(names.map((name) => functionNamed(name).role));
    const others = roles.filter(({ id }) => !ofFunctions.has(id));
    expect(others.flatMap(({ id }) => grants(rightsOf(id), 'secretsmanager'))).toEqual([]);
    expect(others.flatMap(({ id }) => grants(rightsOf(id), 'kms'))).toEqual([]);
    expect(others.flatMap(({ id }) => grants(rightsOf(id), 'dynamodb'))).toEqual([]);
  });

  it('answer-node-sync, which every machine calls, has neither keys nor secrets', () => {
    const statements = rightsOfFunction('answer-node-sync');
    expect([...grants(statements, 'kms'), ...grants(statements, 'secretsmanager')]).toEqual([]);
    expect(Object.keys(environmentOf('answer-node-sync'))).not.toContain('TOKEN_KEY_ID');
  });

  it('only drive-cloud makes bootstrap tokens, only admit-node checks them', () => {
    expect(holdersOf('kms:GenerateMac')).toEqual(cloudNames.map((cloud) => `drive-cloud-${cloud}`));
    expect(holdersOf('kms:VerifyMac')).toEqual(['admit-node']);
  });

  it('only publish-dns changes names: addresses below the one zone, and nothing else of it', () => {
    const zone = `arn:Partition:route53:::hostedzone/${localHostedZone.id}`;
    for (const action of ['ChangeResourceRecordSets', 'CreateHealthCheck', 'DeleteHealthCheck'])
      expect(holdersOf(`route53:${action}`)).toEqual(['publish-dns']);
    const changes = grants(rightsOfFunction('publish-dns'), 'route53').filter(({ actions }) =>
      actions.includes('route53:ChangeResourceRecordSets'),
    );
    expect(changes).toEqual([
      {
        actions: ['route53:ChangeResourceRecordSets'],
        resources: [zone],
        conditions: {
          'ForAllValues:StringEquals': { 'route53:ChangeResourceRecordSetsRecordTypes': ['A'] },
          'ForAllValues:StringLike': {
            'route53:ChangeResourceRecordSetsNormalizedRecordNames': [`*.${localHostedZone.name}`],
          },
        },
      },
    ]);
  });

  it('every use of the key that seals authorities is bound to a purpose', () => {
    const key = resourcesOf('AWS::KMS::Key').find(({ id }) => id.startsWith('PkiKey'));
    for (const { name, pkiKey = [] } of functionSpecs) {
      const uses = grants(rightsOfFunction(name), 'kms').filter(({ resources }) =>
        resources.includes(key?.id ?? ''),
      );
      expect(uses).toEqual(
        pkiKey.map(({ action, purpose }) => ({
          actions: [`kms:${action}`],
          resources: [key?.id],
          conditions: { StringEquals: { 'kms:EncryptionContext:overcast:purpose': purpose } },
        })),
      );
    }
  });

  it('the key that seals authorities turns every year and outlives the stack, as the table does', () => {
    const key = allResources.find(({ id }) => id.startsWith('PkiKey'));
    expect(key?.properties['EnableKeyRotation']).toBe(true);
    const retained = deletionPolicyOf(/^(?:PkiKey|Table|SnapshotsBucket)/);
    expect(new Set(retained)).toEqual(new Set(['Retain']));
    // The bucket with its policy.
    expect(retained).toHaveLength(4);
  });

  it.each(names)('%s touches no table but ours, and no index but ours', (name) => {
    const { id } = onlyOne('AWS::DynamoDB::Table');
    const known = new Set([id, `${id}/index/due`, `${id}/index/provider`]);
    for (const { actions, resources } of grants(rightsOfFunction(name), 'dynamodb')) {
      expect(resources.filter((resource) => !known.has(resource))).toEqual([]);
      expect(actions.filter((action) => /Table|Scan|Stream|Import|Export/.test(action))).toEqual([]);
    }
  });

  it.each(roles.map(({ id }) => id))('%s has no wildcard but those that are acknowledged', (role) => {
    const acknowledgedResources = [
      /^arn:Partition:states:Region:AccountId:execution:overcast-\w+:\*$/,
      /^arn:Partition:secretsmanager:Region:AccountId:secret:overcast\/(?:accounts|observers)\/\w+\/\*$/,
      /^SnapshotsBucket\w+\/clusters\/\*$/,
      /^arn:Partition:route53:::healthcheck\/\*$/,
    ];
    for (const { actions, resources } of rightsOf(role)) {
      expect(actions.filter((action) => action.includes('*'))).toEqual([]);
      const wild = resources.filter(
        (resource) =>
          resource.includes('*') && !acknowledgedResources.some((pattern) => pattern.test(resource)),
      );
      if (wild.length === 0) continue;
      // Step Functions' log delivery and tracing know no resources; nor do lists of health checks, and those to come.
      const known = /^StateMachines\w+Role[0-9A-F]{8}$/.test(role)
        ? /^(?:logs|xray):/
        : /^route53:(?:List|Create)HealthChecks?$/;
      expect(actions.filter((action) => !known.test(action))).toEqual([]);
    }
  });

  it('no role has a managed policy', () => {
    expect(roles.filter(({ properties }) => properties['ManagedPolicyArns'] !== undefined)).toEqual([]);
  });
});

describe('state machines', () => {
  const machines = resourcesOf('AWS::StepFunctions::StateMachine');

  it.each(operationKinds)('%s is traced and logged, without what goes through it', (kind) => {
    const machine = machines.find(({ id }) => id.startsWith(`StateMachines${kind}`));
    expect(machine?.properties).toMatchObject({
      StateMachineName: `overcast-${kind}`,
      StateMachineType: 'STANDARD',
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
      TracingConfiguration: { Enabled: true },
    });
  });

  it.each(operationKinds)('%s may call the functions that it names, and no others', (kind) => {
    const machine = machines.find(({ id }) => id.startsWith(`StateMachines${kind}`));
    const text = textOf(machine?.properties['DefinitionString']);
    const named = resourcesOf('AWS::Lambda::Function')
      .map(({ id }) => id)
      .filter((id) => text.includes(id));
    const invoked = rightsOf(idOf(machine?.properties['RoleArn']))
      .filter(({ actions }) => actions.includes('lambda:InvokeFunction'))
      .flatMap(({ resources }) => [...resources]);
    expect(invoked.sort()).toEqual(named.sort());
    expect(named.length).toBeGreaterThan(2);
  });

  it('are at most as long as CloudFormation and Step Functions take', () => {
    for (const { properties } of machines)
      expect(textOf(properties['DefinitionString']).length).toBeLessThan(1024 * 1024);
    expect(allResources.length).toBeLessThan(500);
  });
});

describe('the HTTP API', () => {
  it('sends machines to their three functions, who wants a kubeconfig or a cluster looked at to theirs, everybody else to serve-api', () => {
    const integrations = new Map(
      resourcesOf('AWS::ApiGatewayV2::Integration').map(({ id, properties }) => [
        id,
        idOf(properties['IntegrationUri']).replace(/Function[0-9A-F]{8}$/, ''),
      ]),
    );
    const routes = resourcesOf('AWS::ApiGatewayV2::Route').map(({ properties }) => [
      properties['RouteKey'],
      integrations.get(textOf(properties['Target']).replace(/^integrations\//, '')),
    ]);
    expect(Object.fromEntries(routes)).toEqual({
      'POST /v1/clusters/{clusterId}/nodes/{number}/admit': 'AdmitNode',
      'POST /v1/clusters/{clusterId}/nodes/{number}/sync': 'AnswerNodeSync',
      'GET /v1/clusters/{clusterId}/pods/{namespace}/{name}/explanation': 'RequestReconcile',
      'POST /v1/clusters/{clusterId}/nodes/{number}/files': 'IssueNodeFiles',
      'POST /v1/clusters/{clusterId}/kubeconfig': 'IssueKubeconfig',
      'POST /v1/clusters/{clusterId}/reconcile': 'RequestReconcile',
      'POST /v1/clusters/{clusterId}/upgrade': 'UpgradeCluster',
      'POST /v1/clusters/{clusterId}/upgrade/{turn}': 'UpgradeCluster',
      'GET /v1/{proxy+}': 'ServeApi',
      'POST /v1/{proxy+}': 'ServeApi',
      'PUT /v1/{proxy+}': 'ServeApi',
      'PATCH /v1/{proxy+}': 'ServeApi',
      'DELETE /v1/{proxy+}': 'ServeApi',
    });
  });

  it('is throttled and keeps a log of who called', () => {
    const stage = onlyOne('AWS::ApiGatewayV2::Stage');
    const settings = stage.properties['DefaultRouteSettings'] as Json;
    expect(settings['ThrottlingRateLimit']).toBeGreaterThan(0);
    expect(settings['ThrottlingBurstLimit']).toBeGreaterThan(0);
    const log = idOf((stage.properties['AccessLogSettings'] as Json)['DestinationArn']);
    expect(resourcesOf('AWS::Logs::LogGroup').map(({ id }) => id)).toContain(log);
  });

  it('writes no header and no query into that log', () => {
    const stage = onlyOne('AWS::ApiGatewayV2::Stage');
    const format = String((stage.properties['AccessLogSettings'] as Json)['Format']);
    expect(format).not.toMatch(/header|query|apiKey|authorizer/i);
  });
});

describe('logs', () => {
  it('are all deleted one day', () => {
    expect(
      resourcesOf('AWS::Logs::LogGroup').filter(
        ({ properties }) => properties['RetentionInDays'] === undefined,
      ),
    ).toEqual([]);
  });
});
