import { describe, expect, it } from 'vitest';
import { failedIds } from './event-source.ts';

describe('of a batch', () => {
  it.each<[string, unknown, 'all' | string[]]>([
    ['nothing failed when the answer is empty', {}, []],
    ['nothing failed when there is no answer', null, []],
    ['nothing failed when the list is empty', { batchItemFailures: [] }, []],
    [
      'the named ones failed',
      { batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'b' }] },
      ['a', 'b'],
    ],
    [
      'all failed when one has no id',
      { batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: '' }] },
      'all',
    ],
    ['all failed when the answer is no list', { batchItemFailures: 'a' }, 'all'],
    ['all failed when the answer is text', 'fine', 'all'],
  ])('%s', (_, answer, failed) => {
    const found = failedIds({ ok: true, payload: JSON.stringify(answer) }, true);
    expect(found === 'all' ? found : [...found]).toEqual(failed);
  });
  it('all failed when the function did', () => {
    expect(failedIds({ ok: false, failure: { errorType: 'Error', errorMessage: '' } }, true)).toBe('all');
  });
  it('none failed when the mapping does not ask', () => {
    expect(failedIds({ ok: true, payload: '"x"' }, false)).toEqual(new Set());
  });
});
