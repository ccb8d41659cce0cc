import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { aNodeView, someDetails } from '../test/builders/api-server.ts';
import { createProgress, progressPicture } from './progress.ts';

const building = someDetails({
  statusReason: 'gcp: CredentialsRejected: a long story '.repeat(5),
  nodes: [aNodeView({ phase: 'booting' }), aNodeView({ number: 2, phase: 'ready' })],
});

describe('the picture of a cluster on its way', () => {
  it('has its clouds side by side where they fit', () => {
    const lines = stripVTControlCharacters(progressPicture(building, 7)).split('\n');
    expect(lines[0]).toMatch(/^four-clouds {2}creating {2}7s: gcp: CredentialsRejected/);
    expect(lines[1]).toMatch(/^AWS +Google Cloud/);
  });

  it('has one cloud a line where the terminal is narrow', () => {
    const lines = stripVTControlCharacters(progressPicture(building, 7, 30)).split('\n');
    expect(lines.slice(1)).toEqual([
      'AWS          network …, 1 control plane booting, 2 control plane ready',
      'Google Cloud network …',
      '',
    ]);
  });

  it('covers the last one exactly, however long its lines are', () => {
    let written = '';
    const progress = createProgress({
      write: (text) => (written += text),
      isTerminal: true,
      columns: () => 30,
    });
    progress.show(building, 1);
    progress.show(building, 2);
    const [first, second] = written.split('\u001B[3A\u001B[0J');
    // Wrapping is off while a picture is written, and on again after it.
    for (const picture of [first, second]) {
      expect(picture?.startsWith('\u001B[?7l')).toBe(true);
      expect(picture?.endsWith('\u001B[?7h')).toBe(true);
    }
  });
});
