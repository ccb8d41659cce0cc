import { describe, expect, it } from 'vitest';
import { aMarket } from '../../test/builders/market.ts';
import { anOffering } from '../../test/builders/node.ts';
import { cloudNames, type CloudName } from '../domain/cloud.ts';
import { policyFields, policyPaths, policySections } from '../domain/policy-fields.ts';
import { policyGuide, sectionGuide } from '../domain/policy-guide.ts';
import type { Policies } from '../domain/policy.ts';
import { validatePolicies, validateVcpus } from './validate-policies.ts';

const problemsOf = (policies: Policies, clouds: readonly CloudName[] = cloudNames) =>
  validatePolicies({
    policies,
    clouds,
    offerings: aMarket({ clouds }).offerings,
    within: 'spec.policies.',
  });

const everything: Policies = {
  clusterLimits: { minVcpus: 8, maxVcpus: 64 },
  unschedulablePods: { headroom: { cpuPercent: 10, memoryPercent: 0 } },
  spot: { clouds: ['aws', 'gcp'], sharePercent: 50, fallbackToOnDemand: true, returnAfterSeconds: 600 },
  nodeDeletion: { emptyMinutes: 5 },
  consolidation: { minSavingPercent: 15, nodesPerHourMax: 2 },
  purchasing: {
    clouds: ['aws', 'gcp', 'azure'],
    families: ['c6i', 'c6a', 'n4-highcpu', 'Dalsv6'],
    excludedFamilies: ['t3'],
    architectures: ['amd64'],
  },
};

describe('policies may be', () => {
  it.each<[string, Policies, (readonly CloudName[])?]>([
    ['none', {}],
    ['everything at once', everything],
    ['sections that are on and say nothing more', { unschedulablePods: {}, spot: {}, purchasing: {} }],
    [
      'every number at its least',
      {
        unschedulablePods: { headroom: { cpuPercent: 0, memoryPercent: 0 } },
        spot: { sharePercent: 0, returnAfterSeconds: 60 },
        nodeDeletion: { emptyMinutes: 1 },
        consolidation: { minSavingPercent: 1, nodesPerHourMax: 1 },
        clusterLimits: { minVcpus: 1, maxVcpus: 1 },
      },
    ],
    [
      'every number at its most',
      {
        unschedulablePods: { headroom: { cpuPercent: 100, memoryPercent: 100 } },
        spot: { sharePercent: 100, returnAfterSeconds: 604_800 },
        nodeDeletion: { emptyMinutes: 1440 },
        consolidation: { minSavingPercent: 100, nodesPerHourMax: 256 },
        clusterLimits: { maxVcpus: 100_000 },
      },
    ],
    ['spot in a cluster of which one cloud has none', { spot: {} }, ['aws', 'digitalocean']],
    ['a lower limit alone', { clusterLimits: { minVcpus: 12 } }],
    ['spot without anything to stand in', { spot: { fallbackToOnDemand: false } }],
    [
      'families that one cloud excludes and another sells',
      { purchasing: { families: ['c6i', 'n4-highcpu'], excludedClouds: ['azure'] } },
    ],
    ['all but one cloud excluded', { purchasing: { excludedClouds: ['aws', 'gcp', 'azure'] } }],
  ])('%s', (_what, policies, clouds) => {
    expect(problemsOf(policies, clouds)).toEqual([]);
  });
});

describe('a field is refused', () => {
  it.each<[string, Policies, string, string?]>([
    ['no vCPU', { clusterLimits: { minVcpus: 0 } }, 'clusterLimits.minVcpus'],
    ['half a vCPU', { clusterLimits: { maxVcpus: 0.5 } }, 'clusterLimits.maxVcpus'],
    [
      'more vCPUs than a cluster could have',
      { clusterLimits: { maxVcpus: 100_001 } },
      'clusterLimits.maxVcpus',
    ],
    ['no number', { clusterLimits: { maxVcpus: Number.NaN } }, 'clusterLimits.maxVcpus'],
    [
      'headroom below nothing',
      { unschedulablePods: { headroom: { cpuPercent: -1 } } },
      'unschedulablePods.headroom.cpuPercent',
    ],
    [
      'headroom above all',
      { unschedulablePods: { headroom: { memoryPercent: 101 } } },
      'unschedulablePods.headroom.memoryPercent',
    ],
    ['a share above all', { spot: { sharePercent: 101 } }, 'spot.sharePercent'],
    ['a return within a minute', { spot: { returnAfterSeconds: 59 } }, 'spot.returnAfterSeconds'],
    ['a return after more than a week', { spot: { returnAfterSeconds: 604_801 } }, 'spot.returnAfterSeconds'],
    ['spot in no cloud', { spot: { clouds: [] } }, 'spot.clouds'],
    ['spot in a cloud twice', { spot: { clouds: ['aws', 'aws'] } }, 'spot.clouds[1]'],
    ['deletion at once', { nodeDeletion: { emptyMinutes: 0 } }, 'nodeDeletion.emptyMinutes'],
    ['deletion after more than a day', { nodeDeletion: { emptyMinutes: 1441 } }, 'nodeDeletion.emptyMinutes'],
    [
      'consolidation for nothing',
      { consolidation: { minSavingPercent: 0, nodesPerHourMax: 1 } },
      'consolidation.minSavingPercent',
    ],
    [
      'consolidation that may take no node',
      { consolidation: { minSavingPercent: 10, nodesPerHourMax: 0 } },
      'consolidation.nodesPerHourMax',
    ],
    [
      'deletion without its minutes',
      { nodeDeletion: {} as { emptyMinutes: number } },
      'nodeDeletion.emptyMinutes',
    ],
    [
      'consolidation without its budget',
      { consolidation: { minSavingPercent: 10 } as { minSavingPercent: number; nodesPerHourMax: number } },
      'consolidation.nodesPerHourMax',
    ],
    ['no family', { purchasing: { families: [] } }, 'purchasing.families'],
    [
      'a family that nobody knows',
      { purchasing: { families: ['c6i', 'c6x'] } },
      'purchasing.families[1]',
      'c6a',
    ],
    [
      'a size for a family',
      { purchasing: { excludedFamilies: ['c6i.xlarge'] } },
      'purchasing.excludedFamilies[0]',
      'c6i',
    ],
    [
      'an architecture that nobody knows',
      { purchasing: { architectures: ['x86' as 'amd64'] } },
      'purchasing.architectures[0]',
      'amd64',
    ],
    [
      'a cloud that nobody knows',
      { purchasing: { clouds: ['oracle' as 'aws'] } },
      'purchasing.clouds[0]',
      'aws',
    ],
  ])('%s', (_what, policies, field, allowed) => {
    const problems = problemsOf(policies);
    expect(problems.map((problem) => problem.field)).toEqual([`spec.policies.${field}`]);
    if (allowed !== undefined) expect(problems[0]?.allowed).toContain(allowed);
  });

  it('with every other one that is wrong', () => {
    expect(problemsOf({ spot: { sharePercent: 101, returnAfterSeconds: 1 } })).toHaveLength(2);
  });

  it('by its name alone where the policies are all that is sent', () => {
    const [problem] = validatePolicies({
      policies: { spot: { sharePercent: 101 } },
      clouds: ['aws'],
      offerings: aMarket({ clouds: ['aws'] }).offerings,
      within: '',
    });
    expect(problem).toEqual({
      field: 'spot.sharePercent',
      message: 'must be a whole number from 0 to 100 (%)',
    });
  });
});

describe('what was read of a cloud', () => {
  it('may be bought by policy, whoever has heard of it', () => {
    const purchasing = { families: ['x99g'], architectures: ['arm64'] } as const;
    const offerings = [
      anOffering({ instanceType: 'x99g.large', architecture: 'arm64' }),
      anOffering({ instanceType: 'x99g.large', architecture: 'arm64', lifecycle: 'spot' }),
    ];
    const problems = (sold: typeof offerings) =>
      validatePolicies({ policies: { purchasing, spot: {} }, clouds: ['aws'], offerings: sold, within: '' });
    expect(problems(offerings)).toEqual([]);
    expect(problems(offerings.slice(0, 1)).map(({ field }) => field)).toEqual(['spot']);
    expect(problems([]).map(({ field }) => field)).toEqual(['purchasing.families[0]']);
  });
});

describe('fields that contradict each other, or the cluster’s clouds, are refused', () => {
  const here: readonly CloudName[] = ['aws', 'gcp', 'digitalocean'];
  it.each<[string, Policies, readonly string[], string]>([
    [
      'a lower limit above the upper',
      { clusterLimits: { minVcpus: 9, maxVcpus: 8 } },
      ['clusterLimits.minVcpus'],
      'must not be more than maxVcpus, which is 8',
    ],
    [
      'a cloud of another cluster',
      { purchasing: { clouds: ['azure'] } },
      ['purchasing.clouds[0]'],
      "azure is none of the cluster's clouds",
    ],
    [
      'spot in a cloud of another cluster',
      { spot: { clouds: ['azure'] } },
      ['spot.clouds[0]'],
      "azure is none of the cluster's clouds",
    ],
    [
      'spot where there is none',
      { spot: { clouds: ['aws', 'digitalocean'] } },
      ['spot.clouds[1]'],
      'digitalocean has no spot',
    ],
    [
      'spot in a cloud that is excluded',
      { spot: { clouds: ['gcp'] }, purchasing: { excludedClouds: ['gcp'] } },
      ['spot.clouds[0]'],
      'purchasing leaves gcp out',
    ],
    [
      'spot in a cloud that is not among the allowed',
      { spot: { clouds: ['aws'] }, purchasing: { clouds: ['gcp'] } },
      ['spot.clouds[0]'],
      'purchasing leaves aws out',
    ],
    [
      'spot where only a cloud without it may be bought in',
      { spot: {}, purchasing: { clouds: ['digitalocean'] } },
      ['spot'],
      'nothing that may be bought in digitalocean can be had as spot',
    ],
    [
      'spot of families that have none',
      { spot: { clouds: ['gcp'] }, purchasing: { families: ['s', 'c6i'] } },
      ['spot.clouds'],
      'nothing that may be bought in gcp can be had as spot',
    ],
    [
      'a return to spot from nothing',
      { spot: { fallbackToOnDemand: false, returnAfterSeconds: 600 } },
      ['spot.returnAfterSeconds'],
      'says nothing while fallbackToOnDemand is false: nothing stands in for spot',
    ],
    [
      'a cloud both ways',
      { purchasing: { clouds: ['aws', 'gcp'], excludedClouds: ['gcp'] } },
      ['purchasing.excludedClouds[0]'],
      'gcp is both allowed and excluded',
    ],
    [
      'a family both ways',
      { purchasing: { families: ['c6i', 'c6a'], excludedFamilies: ['c6a'] } },
      ['purchasing.excludedFamilies[0]'],
      'c6a is both allowed and excluded',
    ],
    [
      'every cloud excluded',
      { purchasing: { excludedClouds: ['aws', 'gcp', 'digitalocean'] } },
      ['purchasing.excludedClouds'],
      'leaves no cloud of the cluster to buy in',
    ],
    [
      'a family that no allowed cloud sells',
      { purchasing: { clouds: ['gcp'], families: ['n4-highcpu', 'c6i'] } },
      ['purchasing.families[1]'],
      'c6i is sold in none of the clouds that may be bought in (gcp)',
    ],
    [
      'a family of a cloud of another cluster',
      { purchasing: { families: ['Dalsv6'] } },
      ['purchasing.families[0]'],
      'Dalsv6 is sold in none of the clouds that may be bought in (aws, gcp, digitalocean)',
    ],
    [
      'every family excluded',
      { purchasing: { clouds: ['digitalocean'], excludedFamilies: ['c', 'g', 's', 's-amd'] } },
      ['purchasing.excludedFamilies'],
      'leave nothing to buy in digitalocean',
    ],
    [
      'an architecture that is not sold',
      { purchasing: { clouds: ['digitalocean'], architectures: ['arm64'] } },
      ['purchasing.architectures'],
      'leave nothing to buy in digitalocean',
    ],
    [
      'a lower limit while nothing may be bought',
      { clusterLimits: { minVcpus: 8 }, purchasing: { clouds: ['digitalocean'], architectures: ['arm64'] } },
      ['clusterLimits.minVcpus', 'purchasing.architectures'],
      'cannot be kept: by purchasing nothing may be bought',
    ],
  ])('%s', (_what, policies, fields, message) => {
    const problems = problemsOf(policies, here);
    expect(problems.map((problem) => problem.field)).toEqual(fields.map((field) => `spec.policies.${field}`));
    expect(problems[0]?.message).toBe(message);
  });

  it('and spot in a cluster of DigitalOcean alone', () => {
    expect(problemsOf({ spot: {} }, ['digitalocean']).map(({ field }) => field)).toEqual([
      'spec.policies.spot',
    ]);
  });
});

it.each([
  [12, undefined, []],
  [12, 12, []],
  [12, 11, ['the cluster has 12 vCPUs, which is more']],
])('a cluster of %i vCPUs and an upper limit of %s: %j', (vcpus, maxVcpus, messages) => {
  const policies = { clusterLimits: { maxVcpus } };
  const problems = validateVcpus({ policies, vcpus, verb: 'has', within: '' });
  expect(problems.map(({ message }) => message)).toEqual(messages);
});

describe('every field', () => {
  it('is in a section and explained', () => {
    expect(Object.keys(sectionGuide)).toEqual([...policySections]);
    expect(Object.keys(policyGuide)).toEqual(policyPaths);
    for (const path of policyPaths) expect(policySections).toContain(path.split('.')[0]);
  });
  it('has its default in the guide where a section can be without it', () => {
    for (const path of policyPaths)
      expect([path, policyGuide[path].otherwise === 'is required']).toEqual([
        path,
        policyFields[path].isRequired === true,
      ]);
  });
});
