import { describe, expect, it } from 'vitest';
import { overcast } from '../test/builders/command-line.ts';
import { sizeText } from './snapshot-command.ts';

describe('snapshot list', () => {
  const answers = (items: readonly unknown[]) => ({
    'GET /v1/clusters/four-clouds/snapshots': [{ body: { items } }],
  });
  const items = [
    { id: '20261123T040000Z', takenAt: '2026-11-23T04:00:00.000Z', number: 1, sizeBytes: 13_002_342 },
    { id: '20261123T041500Z', takenAt: '2026-11-23T04:15:00.000Z', number: 12 },
  ];

  it('shows when and by whom each was taken, and how large it is', async () => {
    const { out } = await overcast(['snapshot', 'list', 'four-clouds'], answers(items));
    expect(out.split('\n').map((line) => line.replace(/ +\S+$/, ''))).toEqual([
      'ID                 TAKEN                      NODE   SIZE',
      '20261123T040000Z   2026-11-23T04:00:00.000Z   1      12.4 MiB',
      '20261123T041500Z   2026-11-23T04:15:00.000Z   12     -',
      '',
    ]);
  });

  it('prints them as JSON', async () => {
    const { out } = await overcast(['snapshot', 'ls', 'four-clouds', '-o', 'json'], answers(items));
    expect(JSON.parse(out)).toEqual(items);
  });

  it('says when the first one comes', async () => {
    const { out } = await overcast(['snapshot', 'list', 'four-clouds'], answers([]));
    expect(out).toBe('no snapshots yet: the first is taken once a control plane is ready\n');
  });

  it.each([
    [undefined, '-'],
    [512, '0.5 KiB'],
    [3 * 2 ** 30, '3.0 GiB'],
  ])('%s bytes are %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });
});
