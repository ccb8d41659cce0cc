import { describe, expect, it } from 'vitest';
import { compilePattern } from './pattern.ts';

/** The cases of AWS's documentation: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
const event = {
  version: '0',
  id: '7bf73129-1428-4cd3-a780-95db273d1602',
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  time: '2015-11-11T21:29:54Z',
  region: 'us-west-2',
  resources: ['arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111', 'arn:aws:ec2:other'],
  detail: {
    state: 'Running',
    'source-ip': '10.0.0.17',
    'c-count': 5,
    'd-count': 9,
    price: 3.018e2,
    empty: '',
    nothing: null,
    yes: true,
    file: 'dir/data.PNG',
    path: 'a*b',
    list: ['a', 'b'],
    items: [
      { name: 'one', size: 1 },
      { name: 'two', size: 2 },
    ],
    deep: { er: { value: 'x' } },
  },
};

const detail = (pattern: Record<string, unknown>): Record<string, unknown> => ({ detail: pattern });

describe('a pattern', () => {
  it.each<[string, Record<string, unknown>, boolean]>([
    ['names a value', { source: ['aws.ec2'] }, true],
    ['names several, of which one is enough', { source: ['aws.s3', 'aws.ec2'] }, true],
    ['must fit with all its fields', { source: ['aws.ec2'], region: ['eu-west-1'] }, false],
    ['compares text with its case', detail({ state: ['running'] }), false],
    ['looks into lists of the event', { resources: ['arn:aws:ec2:other'] }, true],
    ['finds null', detail({ nothing: [null] }), true],
    ['does not take empty text for null', detail({ empty: [null] }), false],
    ['finds empty text', detail({ empty: [''] }), true],
    ['finds true', detail({ yes: [true] }), true],
    ['does not take "true" for true', detail({ yes: ['true'] }), false],
    ['takes numbers as numbers', detail({ price: [301.8] }), true],
    ['does not take text for a number', detail({ 'c-count': ['5'] }), false],
    ['goes down', detail({ deep: { er: { value: ['x'] } } }), true],
    ['does not match an object', detail({ deep: [{ exists: true }] }), false],
    ['needs the field', detail({ other: ['x'] }), false],

    ['prefix', { time: [{ prefix: '2015-11-' }] }, true],
    ['prefix of something else', { time: [{ prefix: '2016' }] }, false],
    ['prefix whatever the case', { source: [{ prefix: { 'equals-ignore-case': 'AWS.' } }] }, true],
    ['suffix', detail({ file: [{ suffix: '.PNG' }] }), true],
    ['suffix whatever the case', detail({ file: [{ suffix: { 'equals-ignore-case': '.png' } }] }), true],
    ['prefix of a number never fits', detail({ 'c-count': [{ prefix: '5' }] }), false],
    [
      'equals-ignore-case',
      { 'detail-type': [{ 'equals-ignore-case': 'ec2 instance state-change notification' }] },
      true,
    ],

    ['anything-but', detail({ state: [{ 'anything-but': 'initializing' }] }), true],
    ['anything-but the value itself', detail({ state: [{ 'anything-but': 'Running' }] }), false],
    ['anything-but a list', detail({ state: [{ 'anything-but': ['stopped', 'overloaded'] }] }), true],
    [
      'anything-but a list with the value',
      detail({ state: [{ 'anything-but': ['stopped', 'Running'] }] }),
      false,
    ],
    ['anything-but a number', detail({ 'c-count': [{ 'anything-but': 123 }] }), true],
    ['anything-but numbers with the value', detail({ 'c-count': [{ 'anything-but': [4, 5] }] }), false],
    ['anything-but needs the field', detail({ other: [{ 'anything-but': 'x' }] }), false],
    ['anything-but prefix', detail({ state: [{ 'anything-but': { prefix: 'init' } }] }), true],
    ['anything-but the value’s prefix', detail({ state: [{ 'anything-but': { prefix: 'Run' } }] }), false],
    ['anything-but prefixes', detail({ state: [{ 'anything-but': { prefix: ['x', 'Run'] } }] }), false],
    ['anything-but suffix', detail({ file: [{ 'anything-but': { suffix: '.txt' } }] }), true],
    ['anything-but suffixes', detail({ file: [{ 'anything-but': { suffix: ['.txt', '.PNG'] } }] }), false],
    [
      'anything-but equals-ignore-case',
      detail({ state: [{ 'anything-but': { 'equals-ignore-case': 'RUNNING' } }] }),
      false,
    ],
    [
      'anything-but a list of equals-ignore-case',
      detail({ state: [{ 'anything-but': { 'equals-ignore-case': ['stopped', 'gone'] } }] }),
      true,
    ],
    ['anything-but wildcard', detail({ file: [{ 'anything-but': { wildcard: '*/lib/*' } }] }), true],
    [
      'anything-but the value’s wildcard',
      detail({ file: [{ 'anything-but': { wildcard: ['*/lib/*', 'dir/*'] } }] }),
      false,
    ],

    ['numeric range', detail({ 'c-count': [{ numeric: ['>', 0, '<=', 5] }] }), true],
    ['numeric beyond the range', detail({ 'd-count': [{ numeric: ['<', 9] }] }), false],
    ['numeric equality', detail({ price: [{ numeric: ['=', 301.8] }] }), true],
    ['numeric on text', detail({ state: [{ numeric: ['>', 0] }] }), false],

    ['cidr', detail({ 'source-ip': [{ cidr: '10.0.0.0/24' }] }), true],
    ['cidr of another network', detail({ 'source-ip': [{ cidr: '10.0.1.0/24' }] }), false],
    ['cidr on what is no address', detail({ state: [{ cidr: '10.0.0.0/24' }] }), false],

    ['exists', detail({ 'c-count': [{ exists: true }] }), true],
    ['exists also when null', detail({ nothing: [{ exists: true }] }), true],
    ['exists not', detail({ other: [{ exists: false }] }), true],
    ['exists not, below what is absent', detail({ other: { more: [{ exists: false }] } }), true],
    ['exists not, but it does', detail({ state: [{ exists: false }] }), false],
    ['exists not, or another value', detail({ state: [{ exists: false }, { prefix: 'Run' }] }), true],

    ['wildcard', detail({ file: [{ wildcard: 'dir/*.PNG' }] }), true],
    ['wildcards', detail({ file: [{ wildcard: '*/*.P*G' }] }), true],
    ['wildcard that is escaped', detail({ path: [{ wildcard: String.raw`a\*b` }] }), true],
    [
      'wildcard that is escaped stands for itself',
      detail({ file: [{ wildcard: String.raw`dir/\*` }] }),
      false,
    ],

    [
      '$or',
      detail({ $or: [{ 'c-count': [{ numeric: ['>', 10] }] }, { 'd-count': [{ numeric: ['<', 10] }] }] }),
      true,
    ],
    ['$or beside other fields', detail({ state: ['stopped'], $or: [{ 'c-count': [5] }] }), false],
    ['$or at the top', { $or: [{ source: ['aws.s3'] }, { region: ['us-west-2'] }] }, true],

    ['one of an event’s list', detail({ list: [{ prefix: 'b' }] }), true],
    ['anything-but on a list: one other is enough', detail({ list: [{ 'anything-but': 'a' }] }), true],
    ['fields of one object in a list', detail({ items: { name: ['two'], size: [2] } }), true],
    ['not of two objects in a list', detail({ items: { name: ['one'], size: [2] } }), false],
  ])('%s', (_, pattern, matches) => {
    expect(compilePattern(pattern)(event)).toBe(matches);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a value outside a list', { source: 'aws.ec2' }],
    ['an empty list', { source: [] }],
    ['an empty pattern', {}],
    ['an unknown operator', { source: [{ regex: '.*' }] }],
    ['two operators in one expression', { source: [{ prefix: 'a', suffix: 'b' }] }],
    ['half a numeric pair', { source: [{ numeric: ['>'] }] }],
    ['an unknown comparison', { source: [{ numeric: ['!=', 1] }] }],
    ['exists with something else', { source: [{ exists: 'yes' }] }],
    ['consecutive wildcards', { source: [{ wildcard: 'a**b' }] }],
    ['a network that is none', { source: [{ cidr: '10.0.0.300/24' }] }],
    ['anything-but with an unknown operator', { source: [{ 'anything-but': { exists: true } }] }],
  ])('is refused for %s', (_, pattern) => {
    expect(() => compilePattern(pattern)).toThrow(
      expect.objectContaining({ name: 'InvalidEventPatternException' }),
    );
  });
});
