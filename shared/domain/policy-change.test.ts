import { describe, expect, it } from 'vitest';
import type { Policies } from './policy.ts';
import { canonicalPolicies, describePolicyChange, mergePolicies, policyChanges } from './policy-change.ts';

const words = (before: Policies, after: Policies): readonly string[] =>
  policyChanges(before, after).map(describePolicyChange);

describe('a change of policies, in words', () => {
  it.each<[string, Policies, Policies, readonly string[]]>([
    ['nothing', {}, {}, []],
    ['a limit is set', {}, { clusterLimits: { maxVcpus: 32 } }, ['clusterLimits.maxVcpus is 32']],
    [
      'a limit is changed',
      { clusterLimits: { maxVcpus: 16 } },
      { clusterLimits: { maxVcpus: 32 } },
      ['clusterLimits.maxVcpus is 32 instead of 16'],
    ],
    [
      'the last limit goes',
      { clusterLimits: { maxVcpus: 16 } },
      {},
      ['clusterLimits.maxVcpus is no longer set (it was 16)'],
    ],
    ['a section with defaults alone is on', {}, { spot: {} }, ['spot is on']],
    [
      'a section is on',
      {},
      { spot: { sharePercent: 50, clouds: ['gcp', 'aws'] } },
      ['spot is on (clouds aws and gcp, sharePercent 50)'],
    ],
    [
      'a section is on, two deep',
      {},
      { unschedulablePods: { headroom: { cpuPercent: 10 } } },
      ['unschedulablePods is on (headroom.cpuPercent 10)'],
    ],
    ['a section is off', { nodeDeletion: { emptyMinutes: 5 } }, {}, ['nodeDeletion is off']],
    [
      'a section stays on with less said',
      { spot: { sharePercent: 50 } },
      { spot: {} },
      ['spot.sharePercent is no longer set (it was 50)'],
    ],
    [
      'two deep',
      { unschedulablePods: {} },
      { unschedulablePods: { headroom: { cpuPercent: 10 } } },
      ['unschedulablePods.headroom.cpuPercent is 10'],
    ],
    [
      'several, in their order',
      { nodeDeletion: { emptyMinutes: 5 }, clusterLimits: { minVcpus: 8 } },
      {
        purchasing: { excludedClouds: ['azure'] },
        nodeDeletion: { emptyMinutes: 9 },
        clusterLimits: { maxVcpus: 8 },
      },
      [
        'clusterLimits.minVcpus is no longer set (it was 8)',
        'clusterLimits.maxVcpus is 8',
        'nodeDeletion.emptyMinutes is 9 instead of 5',
        'purchasing.excludedClouds is azure',
      ],
    ],
    [
      'a word',
      { spot: { fallbackToOnDemand: true } },
      { spot: { fallbackToOnDemand: false } },
      ['spot.fallbackToOnDemand is false instead of true'],
    ],
  ])('%s', (_what, before, after, said) => {
    expect(words(before, after)).toEqual(said);
  });

  it.each<[string, Policies, Policies]>([
    [
      'fields in another order',
      { spot: { sharePercent: 5, clouds: ['aws'] }, clusterLimits: { minVcpus: 1 } },
      { clusterLimits: { minVcpus: 1 }, spot: { clouds: ['aws'], sharePercent: 5 } },
    ],
    [
      'a list in another order',
      { purchasing: { families: ['c6i', 'c6a'] } },
      { purchasing: { families: ['c6a', 'c6i'] } },
    ],
    ['a section that says nothing', { clusterLimits: {}, purchasing: {} }, {}],
    ['headroom that says nothing', { unschedulablePods: { headroom: {} } }, { unschedulablePods: {} }],
    ['a field that is undefined', { spot: { sharePercent: undefined } }, { spot: {} }],
  ])('%s makes no difference', (_what, before, after) => {
    expect(policyChanges(before, after)).toEqual([]);
    expect(JSON.stringify(canonicalPolicies(before))).toBe(JSON.stringify(canonicalPolicies(after)));
  });

  it('but a section that is on by being there does', () => {
    expect(policyChanges({}, { unschedulablePods: {} })).toEqual([{ field: 'unschedulablePods', to: {} }]);
    expect(policyChanges({ spot: {} }, {})).toEqual([{ field: 'spot', from: {} }]);
  });
});

describe('a merge patch', () => {
  const there: Policies = { clusterLimits: { minVcpus: 4, maxVcpus: 16 }, spot: { sharePercent: 50 } };
  it.each<[string, Parameters<typeof mergePolicies>[1], Policies]>([
    ['that is empty changes nothing', {}, there],
    [
      'sets a field and leaves its neighbours',
      { clusterLimits: { maxVcpus: 32 } },
      { ...there, clusterLimits: { minVcpus: 4, maxVcpus: 32 } },
    ],
    [
      'takes a field away with null',
      { clusterLimits: { minVcpus: null } },
      { ...there, clusterLimits: { maxVcpus: 16 } },
    ],
    ['takes a section away with null', { spot: null }, { clusterLimits: there.clusterLimits }],
    ['takes away what is not there', { nodeDeletion: null }, there],
    [
      'makes a section',
      { nodeDeletion: { emptyMinutes: 5 } },
      { ...there, nodeDeletion: { emptyMinutes: 5 } },
    ],
    [
      'puts a list in place of another',
      { purchasing: { clouds: ['aws'] } },
      { ...there, purchasing: { clouds: ['aws'] } },
    ],
    ['keeps no null of what it makes', { purchasing: { clouds: null } }, { ...there, purchasing: {} }],
  ])('%s', (_what, patch, result) => {
    expect(mergePolicies(there, patch)).toEqual(result);
  });
});
