import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { allEvents } from '../../events/all.ts';
import { functionSpecs } from '../../infra/functions.ts';
import { localHostedZone } from '../../infra/hosted-zone.ts';
import { projectFolder } from '../../infra/paths.ts';
import { readRoles, type Roles } from '../../local/aws/iam/roles.ts';
import { startLocalAws } from '../../local/aws/index.ts';
import { readAssembly } from '../../local/aws/template/assembly.ts';
import { loadStack, type Stack } from '../../local/aws/template/stack.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';

const assemblyFolder = process.env['CDK_OUTDIR'] ?? join(projectFolder, 'cdk.out');
const arn = (service: string, resource: string): string =>
  `arn:aws:${service}:us-east-1:000000000000:${resource}`;

let stack: Stack;
let roles: Roles;
const pascalCase = (name: string): string =>
  name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
/** Role ARN by function. */
const roleOf = new Map<string, string>();
beforeAll(() => {
  stack = loadStack(readAssembly(assemblyFolder), 'http://127.0.0.1:1');
  roles = readRoles(stack);
  for (const { logicalId, properties } of stack.all('AWS::Lambda::Function')) {
    const spec = functionSpecs.find(({ name }) => logicalId.startsWith(`${pascalCase(name)}Function`));
    if (spec !== undefined) roleOf.set(spec.name, properties.Role);
  }
});

const may = (name: string, action: string, resource: string, context = {}): boolean =>
  roles.check(roleOf.get(name) ?? '', { action, resources: [resource], context }) === 'allowed';
const whoMay = (action: string, resource: string, context = {}): readonly string[] =>
  functionSpecs.map(({ name }) => name).filter((name) => may(name, action, resource, context));

/** The ARN of the key with this logical id. */
const keyArnOf = (id: string): string =>
  stack
    .all('AWS::KMS::Key')
    .find(({ logicalId }) => logicalId.startsWith(id))
    ?.attribute('Arn') ?? '';

describe('by the roles of the template', () => {
  it('every function has a role of its own', () => {
    expect(new Set(roleOf.values()).size).toBe(functionSpecs.length);
  });

  it.each(cloudNames)('%s’s credentials are read by its driver, the read-only ones by who looks', (cloud) => {
    const whoReads = (folder: string): readonly string[] =>
      whoMay(
        'secretsmanager:GetSecretValue',
        arn('secretsmanager', `secret:overcast/${folder}/${cloud}/main-AbCdEf`),
      );
    expect(whoReads('accounts')).toEqual([`drive-cloud-${cloud}`]);
    expect(whoReads('observers')).toEqual([`observe-cloud-${cloud}`, `refresh-offerings-${cloud}`]);
  });

  it.each(['PutSecretValue', 'CreateSecret', 'DeleteSecret', 'ListSecrets'])('nobody calls %s', (action) => {
    expect(
      whoMay(`secretsmanager:${action}`, arn('secretsmanager', 'secret:overcast/accounts/aws/main-AbCdEf')),
    ).toEqual([]);
  });

  it('names are changed by one function: addresses below the zone, and nothing else in it or elsewhere', () => {
    const zone = (id: string): string => `arn:aws:route53:::hostedzone/${id}`;
    const change = (names: readonly string[], types: readonly string[] = ['A']) => ({
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': names,
      'route53:ChangeResourceRecordSetsRecordTypes': types,
      'route53:ChangeResourceRecordSetsActions': ['CREATE'],
    });
    const { id, name } = localHostedZone;
    const who = (context: object, zoneId: string = id): readonly string[] =>
      whoMay('route53:ChangeResourceRecordSets', zone(zoneId), context);
    expect(who(change([`api.demo.${name}`, String.raw`\052.demo.${name}`]))).toEqual(['publish-dns']);
    expect(who(change([name]))).toEqual([]);
    expect(who(change([`demo.${name}`, name]))).toEqual([]);
    expect(who(change([`demo.${name}`], ['A', 'TXT']))).toEqual([]);
    expect(who(change([`demo.${name}`]), 'Z0ANOTHER')).toEqual([]);
    expect(whoMay('route53:ListResourceRecordSets', zone(id))).toEqual(['publish-dns', 'observe-dns']);
    for (const action of ['DeleteHostedZone', 'CreateHostedZone', 'UpdateHealthCheck'])
      expect(whoMay(`route53:${action}`, zone(id))).toEqual([]);
  });

  it('tokens are signed by those who make machines, and checked by admission', () => {
    const keyArn = keyArnOf('TokenKey');
    expect(whoMay('kms:GenerateMac', keyArn)).toEqual(cloudNames.map((cloud) => `drive-cloud-${cloud}`));
    expect(whoMay('kms:VerifyMac', keyArn)).toEqual(['admit-node']);
    for (const action of ['kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion', 'kms:Decrypt', 'kms:CreateGrant'])
      expect(whoMay(action, keyArn)).toEqual([]);
  });

  /** With the context that the code gives, for this purpose. */
  const sealing = (purpose: string) => ({
    'kms:EncryptionContext:overcast:purpose': [purpose],
    'kms:EncryptionContext:overcast:cluster-id': ['0b54ee6a-3f0c-4f6e-9a27-0f3a2a9d1c11'],
  });
  /** Those of functions.ts: a function that is not there yet may nothing. */
  const deployed = (...given: readonly string[]): readonly string[] =>
    functionSpecs.map(({ name }) => name).filter((name) => given.includes(name));

  it('authorities are made by whoever hands them out, and opened by whoever signs with them', () => {
    const keyArn = keyArnOf('PkiKey');
    expect(whoMay('kms:GenerateDataKey', keyArn, sealing('pki'))).toEqual(['issue-node-files']);
    expect(whoMay('kms:Decrypt', keyArn, sealing('pki'))).toEqual(
      deployed('issue-node-files', 'configure-cluster', 'issue-kubeconfig'),
    );
    const others = ['answer-node-sync', 'admit-node', 'serve-api', 'reconcile-cluster', 'settle-operation'];
    for (const name of others)
      for (const action of ['kms:Decrypt', 'kms:GenerateDataKey'])
        for (const purpose of ['pki', 'platform-credential'])
          expect(may(name, action, keyArn, sealing(purpose)), `${name} ${action} ${purpose}`).toBe(false);
  });

  it('nobody opens anything without saying what for, or for a purpose that there is not', () => {
    const keyArn = keyArnOf('PkiKey');
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKey'])
      for (const context of [{}, sealing('anything'), sealing('')])
        expect(whoMay(action, keyArn, context)).toEqual([]);
    for (const action of [
      'Encrypt',
      'ReEncryptFrom',
      'CreateGrant',
      'PutKeyPolicy',
      'ScheduleKeyDeletion',
      'DisableKey',
    ])
      expect(whoMay(`kms:${action}`, keyArn, sealing('pki'))).toEqual([]);
  });

  it('an event is said only by a function that says it, in its own name', () => {
    const [bus] = stack.all('AWS::Events::EventBus');
    const busArn = bus?.attribute('Arn') ?? '';
    for (const { name, says = [] } of functionSpecs) {
      const own = `overcast.${name.replace(/^(drive|observe)-cloud-.*/, '$1-cloud')}`;
      for (const event of allEvents) {
        const saying = (source: string): boolean =>
          may(name, 'events:PutEvents', busArn, {
            'events:source': [source],
            'events:detail-type': [event.name],
          });
        expect(saying(own), `${name} says ${event.name}`).toBe(says.some((said) => said.name === event.name));
        for (const source of event.sources.filter((each) => each !== own)) expect(saying(source)).toBe(false);
      }
    }
  });

  it.each(['PutItem', 'UpdateItem', 'DeleteItem'])('nobody writes an API key with %s', (action) => {
    const [table] = stack.all('AWS::DynamoDB::Table');
    const context = { 'dynamodb:LeadingKeys': ['KEY#0123'] };
    expect(whoMay(`dynamodb:${action}`, table?.attribute('Arn') ?? '', context)).toEqual([]);
  });

  it.each(['Scan', 'BatchWriteItem', 'TransactWriteItems', 'PartiQLUpdate', 'DeleteTable', 'UpdateTable'])(
    'nobody calls %s',
    (action) => {
      const [table] = stack.all('AWS::DynamoDB::Table');
      expect(whoMay(`dynamodb:${action}`, table?.attribute('Arn') ?? '')).toEqual([]);
    },
  );

  it('executions are stopped by claim-operation, and started by rules alone', () => {
    const machine = arn('states', 'stateMachine:overcast-CleanupCluster');
    const execution = arn('states', 'execution:overcast-CleanupCluster:one');
    expect(whoMay('states:StopExecution', execution)).toEqual(['claim-operation']);
    expect(whoMay('states:StartExecution', machine)).toEqual([]);
    expect(whoMay('states:StopExecution', arn('states', 'execution:other-Machine:one'))).toEqual([]);
  });

  it('functions call no functions', () => {
    for (const { attribute } of stack.all('AWS::Lambda::Function'))
      expect(whoMay('lambda:InvokeFunction', attribute('Arn'))).toEqual([]);
  });
});

it('every queue refuses what is not encrypted on its way, and takes events from our own rules only', () => {
  const text = JSON.stringify(stack.all('AWS::SQS::QueuePolicy').map(({ properties }) => properties));
  const documents = stack.all('AWS::SQS::QueuePolicy').map(({ properties }) => properties);
  const guarded = new Set(documents.flatMap(({ Queues }) => Queues));
  expect(stack.all('AWS::SQS::Queue').filter(({ ref }) => !guarded.has(ref))).toEqual([]);
  expect(text.match(/aws:SecureTransport/g)?.length).toBeGreaterThanOrEqual(documents.length);
  for (const { PolicyDocument } of documents)
    for (const statement of PolicyDocument['Statement'] as Record<string, unknown>[])
      if (statement['Effect'] === 'Allow')
        expect(JSON.stringify(statement['Condition'])).toContain('aws:SourceArn');
});

it('a right that is taken away is missing here too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-rights-'));
  const file = 'Overcast.template.json';
  for (const name of readdirSync(assemblyFolder))
    if (name !== file) symlinkSync(join(assemblyFolder, name), join(folder, name));
  const event = {
    id: 'e-1',
    source: 'overcast.answer-node-sync',
    time: '2026-11-23T04:00:00Z',
    'detail-type': 'NodeJoined',
    detail: { clusterId: '0b54ee6a-3f0c-4f6e-9a27-0f3a2a9d1c11', number: 7, attempt: 1 },
  };
  const template = JSON.parse(readFileSync(join(assemblyFolder, file), 'utf8')) as {
    Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
  };
  const [timelineId] =
    Object.entries(template.Resources).find(
      ([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.startsWith('RecordTimeline'),
    ) ?? [];
  const call = async (): Promise<unknown> => {
    writeFileSync(join(folder, file), JSON.stringify(template));
    const aws = await startLocalAws({ assemblyFolder: folder, port: 0, waitScale: 100, log: () => {} });
    try {
      return await aws.invoke(timelineId ?? '', event);
    } finally {
      await aws.close();
    }
  };
  try {
    await expect(call()).resolves.toBeNull();
    for (const [id, { Type, Properties }] of Object.entries(template.Resources))
      if (Type === 'AWS::IAM::Policy' && id.startsWith('RecordTimeline')) {
        const document = Properties['PolicyDocument'] as { Statement: { Action: unknown; Effect: string }[] };
        document.Statement = document.Statement.filter(
          ({ Action, Effect }) => Effect === 'Deny' || !JSON.stringify(Action).includes('dynamodb:PutItem'),
        );
      }
    await expect(call()).rejects.toThrow(/not authorized to perform: dynamodb:PutItem/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
