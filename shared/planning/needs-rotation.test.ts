import { describe, expect, it } from 'vitest';
import { plusSeconds } from '../domain/ids.ts';
import { needsRotation } from './needs-rotation.ts';

const now = '2026-11-23T04:00:00.000Z';

describe('the platform’s credential', () => {
  it.each([
    [0, 'no'],
    [15.9, 'no'],
    [16.1, 'soon'],
    [23.9, 'soon'],
    [24, 'now'],
    [48, 'now'],
  ] as const)('of the platform after %d hours: is it replaced? %s', (hours, answer) => {
    const credential = { notBefore: now, notAfter: plusSeconds(now, 24 * 3600) };
    expect(needsRotation(credential, plusSeconds(now, hours * 3600))).toBe(answer);
  });
});
