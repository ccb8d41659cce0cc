import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFolder } from '../../infra/paths.ts';
import { mutants, mutate } from './mutants.ts';

const read = (file: string): string => readFileSync(join(projectFolder, file), 'utf8');
const readme = read('test/simulation/README.md');

describe('mutants', () => {
  it.each(mutants)('$name applies to the product as it is, and is listed', (mutant) => {
    const text = read(mutant.file);
    expect(mutate(mutant, text)).not.toBe(text);
    expect(readme).toContain(`| \`${mutant.name}\``);
    expect(readme).toContain(mutant.caughtBy.file);
  });

  it('have names of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });

  it('that no longer apply are an error', () => {
    const [mutant] = mutants;
    expect(() => mutate(mutant!, 'another file')).toThrow('the mutant guard-removed no longer applies');
    expect(() => mutate(mutant!, mutant!.find.repeat(2))).toThrow('has 2 times');
  });
});
