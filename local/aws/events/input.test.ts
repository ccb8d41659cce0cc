import { describe, expect, it } from 'vitest';
import { inputFor, type BusEvent, type InputSettings } from './input.ts';

const event: BusEvent = {
  version: '0',
  id: 'e-1',
  'detail-type': 'NodeJoined',
  source: 'overcast.test',
  account: '000000000000',
  time: '2025-01-01T00:00:00Z',
  region: 'us-east-1',
  resources: ['arn:one'],
  detail: { clusterId: 'c-1', number: 7, quoted: 'say "hi"', list: [{ id: 'x' }], deep: { er: true } },
};
const rule = { name: 'a-rule', arn: 'arn:rule', ingestedAt: '2025-01-01T00:00:01Z' };
const transformed = (InputPathsMap: Record<string, string>, InputTemplate: string): InputSettings => ({
  InputTransformer: { InputPathsMap, InputTemplate },
});

describe('a target gets', () => {
  it.each<[string, InputSettings, unknown]>([
    ['the whole event', {}, event],
    ['a constant', { Input: '{"constant":1}' }, { constant: 1 }],
    ['a part of it', { InputPath: '$.detail' }, event.detail],
    ['one value', { InputPath: '$.detail.list[0].id' }, 'x'],
    [
      'values of any type',
      transformed({ n: '$.detail.number', d: '$.detail.deep' }, '{"n":<n>,"d":<d>}'),
      { n: 7, d: { er: true } },
    ],
    [
      'text inside quotes, escaped',
      transformed({ q: '$.detail.quoted' }, '{"said":"they <q>"}'),
      { said: 'they say "hi"' },
    ],
    ['text as a JSON string', transformed({ q: '$.detail.quoted' }, '{"said":<q>}'), { said: 'say "hi"' }],
    [
      'null for what is absent',
      transformed({ a: '$.detail.absent' }, '{"a":<a>,"b":"<a>"}'),
      { a: null, b: '' },
    ],
    ['plain text', transformed({ c: '$.detail.clusterId' }, '"Cluster <c> is up"'), 'Cluster c-1 is up'],
    [
      'what EventBridge knows by itself',
      transformed({}, '{"rule":"<aws.events.rule-name>","event":<aws.events.event.json>}'),
      { rule: 'a-rule', event },
    ],
  ])('%s', (_, settings, input) => {
    expect(inputFor(event, settings, rule)).toEqual(input);
  });
});
