import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { projectFolder } from '../../infra/paths.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { policyFields, policyPaths, policySections } from '../../shared/domain/policy-fields.ts';
import { policyGuide, sectionGuide } from '../../shared/domain/policy-guide.ts';
import type { Policies } from '../../shared/domain/policy.ts';
import { aMarket } from '../builders/market.ts';
import { validatePolicies } from '../../shared/planning/validate-policies.ts';

const guide = readFileSync(join(projectFolder, 'docs', 'policies.md'), 'utf8');
const sectionOf = (name: string): string =>
  guide.split('\n### ').find((text) => text.startsWith(`${name}:`)) ?? '';

describe('docs/policies.md', () => {
  it.each(policySections)('introduces %s as the command line does', (section) => {
    expect(
      sectionGuide[section].startsWith(
        sectionOf(section)
          .split('\n')[0]
          ?.slice(section.length + 2) ?? '?',
      ),
    ).toBe(true);
  });

  it.each(policyPaths)('says of %s what holds', (path) => {
    const [section = '', ...rest] = path.split('.');
    const row = sectionOf(section)
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .find(([, field]) => field === `\`${rest.join('.')}\``);
    expect(row?.[3]).toBe(policyGuide[path].otherwise);
    expect(row?.[4]).toBe(policyGuide[path].meaning);
    const { value } = policyFields[path];
    if (value.type === 'whole number')
      expect(row?.[2]?.replaceAll(/\s+/g, ' ')).toBe(`${value.min}–${value.max} ${value.unit}`);
  });

  it('has examples that a cluster over four clouds may have', () => {
    const examples = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(
      ([, text = '']) => (load(text) as { policies: Policies }).policies,
    );
    expect(examples.length).toBeGreaterThan(2);
    const { offerings } = aMarket({ clouds: cloudNames });
    for (const policies of examples)
      expect(validatePolicies({ policies, clouds: cloudNames, offerings, within: '' })).toEqual([]);
  });
});
