import { describe, expect, it } from 'vitest';
import { evaluate, evaluateForPrincipal, readPolicy, type Permission, type Verdict } from './policy.ts';

const table = 'arn:aws:dynamodb:us-east-1:000000000000:table/overcast';
const bus = 'arn:aws:events:us-east-1:000000000000:event-bus/overcast';
const get: Permission = { action: 'dynamodb:GetItem', resources: [table] };
const say = (source: string, detailType: string): Permission => ({
  action: 'events:PutEvents',
  resources: [bus],
  context: { 'events:source': [source], 'events:detail-type': [detailType] },
});
const allow = (more: Record<string, unknown>): Record<string, unknown> => ({ Effect: 'Allow', ...more });
const deny = (more: Record<string, unknown>): Record<string, unknown> => ({ Effect: 'Deny', ...more });
const ownEvents = allow({
  Action: 'events:PutEvents',
  Resource: bus,
  Condition: {
    StringEquals: { 'events:source': 'overcast.api' },
    'ForAllValues:StringEquals': { 'events:detail-type': ['NodesPlanned', 'ClusterRequested'] },
  },
});

const yes: Verdict = 'allowed';
const silent: Verdict = 'not allowed by any statement';
const no: Verdict = 'denied by a statement';

describe('a role', () => {
  it.each<[string, unknown[], Permission, Verdict]>([
    ['that says nothing', [], get, silent],
    ['that names action and resource', [allow({ Action: 'dynamodb:GetItem', Resource: table })], get, yes],
    [
      'that names them in lists',
      [allow({ Action: ['dynamodb:PutItem', 'dynamodb:GetItem'], Resource: ['x', table] })],
      get,
      yes,
    ],
    ['that names another action', [allow({ Action: 'dynamodb:PutItem', Resource: table })], get, silent],
    [
      'that names another resource',
      [allow({ Action: 'dynamodb:GetItem', Resource: `${table}2` })],
      get,
      silent,
    ],
    [
      'with a table does not reach its indexes',
      [allow({ Action: '*', Resource: table })],
      { ...get, resources: [`${table}/index/due`] },
      silent,
    ],
    [
      'with wildcards',
      [allow({ Action: 'dynamodb:Get*', Resource: 'arn:aws:dynamodb:*:*:table/over?ast' })],
      get,
      yes,
    ],
    [
      'whose action is written in another case',
      [allow({ Action: 'DynamoDB:getitem', Resource: '*' })],
      get,
      yes,
    ],
    [
      'whose wildcard is a dot for a fool',
      [allow({ Action: 'dynamodb.GetItem', Resource: '*' })],
      get,
      silent,
    ],
    [
      'that is denied it',
      [allow({ Action: '*', Resource: '*' }), deny({ Action: 'dynamodb:*', Resource: table })],
      get,
      no,
    ],
    [
      'that is allowed all but something else',
      [allow({ NotAction: 'dynamodb:DeleteItem', Resource: '*' })],
      get,
      yes,
    ],
    ['that is allowed all but this', [allow({ NotAction: 'dynamodb:Get*', Resource: '*' })], get, silent],
    [
      'that is allowed everything but this resource',
      [allow({ Action: '*', NotResource: table })],
      get,
      silent,
    ],
    ['that says its own events', [ownEvents], say('overcast.api', 'NodesPlanned'), yes],
    ['that says others’ events', [ownEvents], say('overcast.api', 'NodeJoined'), silent],
    ['that speaks in another name', [ownEvents], say('overcast.nodes', 'NodesPlanned'), silent],
  ])('%s', (_, statements, permission, verdict) => {
    expect(evaluate(readPolicy({ Statement: statements }), permission)).toBe(verdict);
  });
});

describe('a condition', () => {
  const context = { 'aws:SourceArn': ['arn:aws:events:us-east-1:1:rule/bus/one'], 'events:source': ['a.b'] };
  it.each<[Record<string, unknown>, boolean]>([
    [{ StringEquals: { 'events:source': 'a.b' } }, true],
    [{ StringEquals: { 'EVENTS:Source': 'a.b' } }, true],
    [{ StringEquals: { 'events:source': ['x', 'a.b'] } }, true],
    [{ StringEquals: { 'events:detail-type': 'x' } }, false],
    [{ StringEqualsIfExists: { 'events:detail-type': 'x' } }, true],
    [{ StringNotEquals: { 'events:source': 'a.b' } }, false],
    [{ StringNotEquals: { 'events:detail-type': 'x' } }, true],
    [{ StringLike: { 'events:source': 'a.*' } }, true],
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:events:*:*:rule/bus/*' } }, true],
    [{ ArnEquals: { 'aws:SourceArn': 'arn:aws:events:us-east-1:1:rule/bus/two' } }, false],
    [{ 'ForAllValues:StringEquals': { 'events:detail-type': ['x'] } }, true],
    [{ 'ForAnyValue:StringEquals': { 'events:detail-type': ['x'] } }, false],
    [{ Null: { 'events:detail-type': 'true' } }, true],
    [{ Null: { 'events:source': 'true' } }, false],
    [{ StringEquals: { 'events:source': 'a.b' }, Null: { 'events:source': 'true' } }, false],
  ])('%j holds: %s', (Condition, holds) => {
    const statements = readPolicy({ Statement: [allow({ Action: '*', Resource: '*', Condition })] });
    expect(evaluate(statements, { ...get, context })).toBe(holds ? yes : silent);
  });

  it.each([{ NumericLessThan: { 'events:source': 1 } }, { StringEquals: { 'aws:RequestedRegion': 'x' } }])(
    'that would not be checked is an error: %j',
    (Condition) => {
      expect(() => readPolicy({ Statement: [allow({ Action: '*', Resource: '*', Condition })] })).toThrow(
        /not supported/,
      );
    },
  );
});

const send = (secure: string): Permission => ({
  action: 'sqs:SendMessage',
  resources: ['arn:queue'],
  context: { 'aws:SecureTransport': [secure] },
});

describe('a resource’s own policy', () => {
  const statements = readPolicy({
    Statement: [
      allow({ Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: '*' }),
      deny({
        Principal: '*',
        Action: 'sqs:*',
        Resource: '*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    ],
  });
  it.each<[string, string, Verdict]>([
    ['service:events.amazonaws.com', 'true', yes],
    ['service:events.amazonaws.com', 'false', no],
    ['service:sns.amazonaws.com', 'true', silent],
    ['aws:arn:aws:iam::000000000000:role/x', 'true', silent],
  ])('to %s with secure transport %s: %s', (caller, secure, verdict) => {
    expect(evaluateForPrincipal(statements, [caller], send(secure))).toBe(verdict);
  });
});
