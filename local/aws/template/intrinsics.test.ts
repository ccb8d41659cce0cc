import { describe, expect, it } from 'vitest';
import { createResolver } from './intrinsics.ts';

const resolver = createResolver({
  stackName: 'Test',
  template: {
    Parameters: { Size: { Type: 'String', Default: 'small' }, Bare: { Type: 'String' } },
    Mappings: { Sizes: { small: { cores: 2 } } },
    Conditions: {
      IsSmall: { 'Fn::Equals': [{ Ref: 'Size' }, 'small'] },
      IsElsewhere: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] }] },
      Both: { 'Fn::And': [{ Condition: 'IsSmall' }, { Condition: 'IsElsewhere' }] },
      Either: { 'Fn::Or': [{ Condition: 'IsSmall' }, { Condition: 'IsElsewhere' }] },
    },
    Resources: {},
  },
  ref: (logicalId) => {
    if (logicalId !== 'Bucket') throw new Error(`there is no resource or parameter ${logicalId}`);
    return 'bucket-1';
  },
  getAtt: (logicalId, attribute) => `${logicalId}/${attribute}`,
});

describe('CloudFormation’s functions', () => {
  it.each<[unknown, unknown]>([
    [{ Ref: 'Bucket' }, 'bucket-1'],
    [{ Ref: 'Size' }, 'small'],
    [{ Ref: 'AWS::Region' }, 'us-east-1'],
    [{ 'Fn::GetAtt': ['Bucket', 'Arn'] }, 'Bucket/Arn'],
    [{ 'Fn::GetAtt': 'Bucket.Nested.Arn' }, 'Bucket/Nested.Arn'],
    [{ 'Fn::Join': ['-', ['a', { Ref: 'Size' }, 1]] }, 'a-small-1'],
    [{ 'Fn::Join': [',', { 'Fn::Split': ['/', 'a/b'] }] }, 'a,b'],
    [{ 'Fn::Select': [1, { 'Fn::Split': ['/', 'a/b'] }] }, 'b'],
    [
      { 'Fn::Sub': '${Size} ${Bucket.Arn} ${!Size} ${AWS::AccountId}' },
      'small Bucket/Arn ${Size} 000000000000',
    ],
    [{ 'Fn::Sub': ['${Mine} ${Size}', { Mine: { Ref: 'Bucket' } }] }, 'bucket-1 small'],
    [{ 'Fn::FindInMap': ['Sizes', { Ref: 'Size' }, 'cores'] }, 2],
    [{ 'Fn::Base64': 'hi' }, 'aGk='],
    [{ 'Fn::If': ['IsSmall', 1, 2] }, 1],
    [{ 'Fn::If': ['Both', 1, 2] }, 2],
    [{ 'Fn::If': ['Either', 1, 2] }, 1],
    [
      { a: { 'Fn::If': ['IsElsewhere', 1, { Ref: 'AWS::NoValue' }] }, b: [{ Ref: 'AWS::NoValue' }, 2] },
      { b: [2] },
    ],
    [{ Condition: { StringEquals: { a: 'b' } } }, { Condition: { StringEquals: { a: 'b' } } }],
  ])('%j is %j', (template, value) => {
    expect(resolver.value(template)).toEqual(value);
  });

  it.each<[unknown, RegExp]>([
    [{ Ref: 'Absent' }, /no resource or parameter Absent/],
    [{ Ref: 'Bare' }, /parameter Bare has no default/],
    [{ 'Fn::ImportValue': 'x' }, /Fn::ImportValue is not supported/],
    [{ 'Fn::Join': ['-', 'text'] }, /Fn::Join wants a list/],
    ['{{resolve:ssm:/a}}', /dynamic references are not supported/],
  ])('%j is an error', (template, message) => {
    expect(() => resolver.value(template)).toThrow(message);
  });
});
