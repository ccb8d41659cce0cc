import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFolder } from '../infra/paths.ts';

interface Pain {
  readonly number: number;
  readonly shownBy: string;
}

const pains: readonly Pain[] = readFileSync(join(projectFolder, 'docs', 'pains.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, number = '', , , shownBy = ''] = line.split('|').map((cell) => cell.trim());
    return /^\d+$/.test(number) ? [{ number: Number(number), shownBy }] : [];
  });

describe('what users suffer from elsewhere', () => {
  it('is fifteen things, each with what shows that it does not happen here', () => {
    expect(pains.map(({ number }) => number)).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
  });

  it.each(pains)('row $number names tests that are there', ({ shownBy }) => {
    const named = shownBy.split(';').map((each) => /^`([^`]+)` › (.+)$/.exec(each.trim()));
    expect(named.length).toBeGreaterThan(0);
    for (const [whole, file = '', title = ''] of named.map((each) => each ?? [shownBy])) {
      expect(existsSync(join(projectFolder, file)), whole).toBe(true);
      expect(readFileSync(join(projectFolder, file), 'utf8'), whole).toContain(title);
    }
  });
});
