import { describe, expect, it } from 'vitest';
import { policyFields, policyPaths } from '../shared/domain/policy-fields.ts';
import { problem, someDetails } from '../test/builders/api-server.ts';
import { overcast } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';
import { patchFrom, unsettingPatch } from './policy-arguments.ts';

const path = '/v1/clusters/four-clouds/policies';
const view = (policies: object, more: object = {}) => ({
  clusterId: someDetails().id,
  cluster: 'four-clouds',
  policies,
  version: '6f1b2c3d.3',
  ...more,
});
const changed = (changes: readonly object[]) => [{ body: view({}, { change: 'changed', changes }) }];

describe('assignments become a patch', () => {
  it.each<[string, readonly string[], object]>([
    ['a number', ['clusterLimits.maxVcpus=32'], { clusterLimits: { maxVcpus: 32 } }],
    [
      'fields of one section and of others',
      [
        'clusterLimits.maxVcpus=32',
        'spot.sharePercent=50',
        'clusterLimits.minVcpus=8',
        'nodeDeletion.emptyMinutes=5',
      ],
      {
        clusterLimits: { maxVcpus: 32, minVcpus: 8 },
        spot: { sharePercent: 50 },
        nodeDeletion: { emptyMinutes: 5 },
      },
    ],
    [
      'two deep',
      ['unschedulablePods.headroom.cpuPercent=10'],
      { unschedulablePods: { headroom: { cpuPercent: 10 } } },
    ],
    ['a word', ['spot.fallbackToOnDemand=false'], { spot: { fallbackToOnDemand: false } }],
    ['a list', ['purchasing.families=c6i, n4-highcpu'], { purchasing: { families: ['c6i', 'n4-highcpu'] } }],
    ['a section on', ['spot=on'], { spot: {} }],
    [
      'a section on, and one of its fields, in any order',
      ['spot.sharePercent=50', 'spot=on'],
      { spot: { sharePercent: 50 } },
    ],
    [
      'a section off',
      ['spot=off', 'clusterLimits.maxVcpus=8'],
      { spot: null, clusterLimits: { maxVcpus: 8 } },
    ],
    [
      'a number that only the API can judge',
      ['clusterLimits.maxVcpus=-1.5'],
      { clusterLimits: { maxVcpus: -1.5 } },
    ],
  ])('%s', (_what, assignments, patch) => {
    expect(patchFrom(assignments)).toEqual(patch);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['no value', ['clusterLimits.maxVcpus'], /^clusterLimits\.maxVcpus: must be <field>=<value>/],
    ['no field', ['=32'], /^=32: must be <field>=<value>/],
    ['a typing error', ['clusterLimits.maxVcpu=32'], /did you mean clusterLimits\.maxVcpus\?/],
    [
      'a typing error in the section',
      ['clutserLimits.maxVcpus=32'],
      /did you mean clusterLimits\.maxVcpus\?/,
    ],
    ['a field without its section', ['maxVcpus=32'], /did you mean clusterLimits\.maxVcpus\?/],
    ['a field of another section', ['spot.emptyMinutes=5'], /did you mean nodeDeletion\.emptyMinutes\?/],
    ['something else', ['colour=red'], /^colour: is not a known field \(`overcast policy describe`/],
    [
      'a word for a number',
      ['clusterLimits.maxVcpus=many'],
      /^clusterLimits\.maxVcpus: must be a number, not "many"/,
    ],
    ['nothing for a number', ['clusterLimits.maxVcpus='], /must be a number, not ""/],
    ['a hexadecimal number', ['clusterLimits.maxVcpus=0x20'], /must be a number/],
    ['a word for another', ['spot.fallbackToOnDemand=yes'], /must be true or false, not "yes"/],
    [
      'a section with a value',
      ['spot=50'],
      /^spot: is a section: on, off, or one of its fields, like spot\.clouds=…/,
    ],
    ['a field twice', ['spot.sharePercent=1', 'spot.sharePercent=2'], /^spot\.sharePercent: is said twice/],
    [
      'a section off with one of its fields',
      ['spot=off', 'spot.sharePercent=2'],
      /^spot\.sharePercent: spot is turned off in the same command/,
    ],
  ])('%s is refused', (_what, assignments, message) => {
    expect(() => patchFrom(assignments)).toThrow(message);
  });

  it('for every field there is', () => {
    const example = { 'whole number': '7', 'true or false': 'true', list: 'aws' };
    const patch = patchFrom(policyPaths.map((each) => `${each}=${example[policyFields[each].value.type]}`));
    const leaves = (value: unknown): number =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.values(value).reduce((sum: number, each) => sum + leaves(each), 0)
        : 1;
    expect(leaves(patch)).toBe(policyPaths.length);
  });
});

describe('names become a patch that takes them away', () => {
  const there = { spot: { sharePercent: 50 }, unschedulablePods: { headroom: { cpuPercent: 5 } } };
  it.each<[readonly string[], object, readonly string[]]>([
    [['spot'], { spot: null }, []],
    [['spot.sharePercent'], { spot: { sharePercent: null } }, []],
    [['spot.sharePercent', 'spot'], { spot: null }, []],
    [['unschedulablePods.headroom'], { unschedulablePods: { headroom: null } }, []],
    [['nodeDeletion', 'spot.clouds'], {}, ['nodeDeletion', 'spot.clouds']],
    [['nodeDeletion.emptyMinutes'], {}, ['nodeDeletion.emptyMinutes']],
  ])('%j', (names, patch, notSet) => {
    expect(unsettingPatch(names, there)).toEqual({ patch, notSet });
  });
  it('and none that nobody knows', () => {
    expect(() => unsettingPatch(['sopt'], there)).toThrow('did you mean spot?');
  });
});

describe('policy get', () => {
  const answers = { [`GET ${path}`]: [{ body: view({ clusterLimits: { maxVcpus: 32 }, spot: {} }) }] };
  it('prints what a cluster file has', async () => {
    const { out } = await overcast(['policy', 'get', 'four-clouds'], answers);
    expect(out).toBe('clusterLimits:\n  maxVcpus: 32\nspot: {}\n');
  });
  it('or JSON', async () => {
    const { out } = await overcast(['policy', 'get', 'four-clouds', '-o', 'json'], answers);
    expect(JSON.parse(out)).toEqual({ clusterLimits: { maxVcpus: 32 }, spot: {} });
  });
});

describe('policy set', () => {
  it('sends a merge patch and says what changed in words', async () => {
    const { out, calls } = await overcast(
      ['policy', 'set', 'four-clouds', 'clusterLimits.maxVcpus=32', 'spot=on'],
      {
        [`PATCH ${path}`]: changed([
          { field: 'clusterLimits.maxVcpus', from: 16, to: 32 },
          { field: 'spot', to: {} },
        ]),
      },
    );
    expect(calls).toMatchObject([
      {
        what: `PATCH ${path}`,
        body: '{"spot":{},"clusterLimits":{"maxVcpus":32}}',
        headers: { 'content-type': 'application/merge-patch+json' },
      },
    ]);
    expect(out).toBe(
      'the policies of four-clouds changed:\n  clusterLimits.maxVcpus is 32 instead of 16\n  spot is on\n',
    );
  });

  it('only asks with --dry-run', async () => {
    const { out, calls } = await overcast(['policy', 'set', 'four-clouds', 'spot=off', '--dry-run'], {
      [`PATCH ${path}`]: changed([{ field: 'spot', from: {} }]),
    });
    expect(calls.map(({ what }) => what)).toEqual([`PATCH ${path}?dryRun=true`]);
    expect(out).toBe('the policies of four-clouds would change:\n  spot is off\n');
  });

  it('says when nothing is different', async () => {
    const { out } = await overcast(['policy', 'set', 'four-clouds', 'spot=on'], {
      [`PATCH ${path}`]: [{ body: view({}, { change: 'unchanged', changes: [] }) }],
    });
    expect(out).toBe('the policies of four-clouds are like that already\n');
  });

  it('shows what the API refuses, by field', async () => {
    const errors = [{ field: 'clusterLimits.maxVcpus', message: 'the cluster has 24 vCPUs, which is more' }];
    const { err, exitCode } = await overcast(['policy', 'set', 'four-clouds', 'clusterLimits.maxVcpus=8'], {
      [`PATCH ${path}`]: [
        {
          status: 422,
          body: problem({
            status: 422,
            detail: 'clusterLimits.maxVcpus: the cluster has 24 vCPUs, which is more',
            errors,
          }),
        },
      ],
    });
    expect(err).toContain('  clusterLimits.maxVcpus: the cluster has 24 vCPUs, which is more\n');
    expect(exitCode).toBe(exitCodes.refused);
  });

  it('sends nothing when a field is not known', async () => {
    const { err, exitCode, calls } = await overcast(['policy', 'set', 'four-clouds', 'spot.share=50']);
    expect(err).toMatch(/^error: spot\.share: is not a known field/);
    expect([exitCode, calls]).toEqual([exitCodes.usage, []]);
  });
});

describe('policy unset', () => {
  it('takes away what is there, from the policies that were read, and says what was not', async () => {
    const { out, err, calls } = await overcast(['policy', 'unset', 'four-clouds', 'spot', 'nodeDeletion'], {
      [`GET ${path}`]: [{ body: view({ spot: {} }) }],
      [`PATCH ${path}`]: changed([{ field: 'spot', from: {} }]),
    });
    expect(calls.map(({ what, body }) => [what, body])).toEqual([
      [`GET ${path}`, ''],
      [`PATCH ${path}`, '{"spot":null}'],
    ]);
    expect(calls[1]?.headers['if-match']).toBe('"6f1b2c3d.3"');
    expect(err).toBe('nodeDeletion is not set\n');
    expect(out).toBe('the policies of four-clouds changed:\n  spot is off\n');
  });
});

it('policy describe names every field with its range', async () => {
  const { out } = await overcast(['policy', 'describe']);
  for (const each of policyPaths) expect(out).toContain(`  ${each} `);
  expect(out).toMatch(/nodeDeletion\.emptyMinutes +1–1440 minutes\n.*\n +required\n/);
  expect(out).toMatch(/spot\.returnAfterSeconds +60–604800 seconds\n.*\n +when left out: 3600\n/);
});

it('policy --help has examples', async () => {
  const { out } = await overcast(['policy', '--help']);
  expect(out).toContain('overcast policy set starter clusterLimits.maxVcpus=32');
});

describe('applying a file to a cluster that is there', () => {
  const files = { 'cluster.yaml': 'kind: Cluster\nmetadata: { name: four-clouds }\n' };
  const apply = (body: object, ...more: string[]) =>
    overcast(
      ['apply', '-f', 'cluster.yaml', '--no-wait', ...more],
      { 'PUT /v1/clusters/four-clouds': [{ body: { ...someDetails({ status: 'ready' }), ...body } }] },
      { files },
    );
  const changes = [{ field: 'clusterLimits.maxVcpus', to: 32 }];

  it.each<[string, object, string[], string]>([
    [
      'lists what changed',
      { change: 'changed', changes },
      [],
      'cluster four-clouds changed\n  clusterLimits.maxVcpus is 32\n',
    ],
    [
      'lists what would change',
      { change: 'changed', changes },
      ['--dry-run'],
      'cluster four-clouds would change\n  clusterLimits.maxVcpus is 32\n',
    ],
    [
      'says that nothing changed',
      { change: 'unchanged', changes: [] },
      [],
      'cluster four-clouds unchanged\n',
    ],
    [
      'says that nothing would',
      { change: 'unchanged', changes: [] },
      ['--dry-run'],
      'cluster four-clouds unchanged\n',
    ],
  ])('%s', async (_what, body, more, said) => {
    const { out, calls } = await apply(body, ...more);
    expect(out).toBe(said);
    expect(calls.map(({ what }) => what)).toEqual([
      `PUT /v1/clusters/four-clouds${more.length > 0 ? '?dryRun=true' : ''}`,
    ]);
  });

  it('a dry run waits for nothing and shows what would be created', async () => {
    const { out, calls } = await overcast(
      ['apply', '-f', 'cluster.yaml', '--dry-run'],
      {
        'PUT /v1/clusters/four-clouds': [
          {
            body: {
              ...someDetails(),
              nodes: [
                {
                  number: 1,
                  role: 'control-plane',
                  cloud: 'aws',
                  instanceType: 'c6a.xlarge',
                  lifecycle: 'on-demand',
                },
              ],
              change: 'created',
              changes: [],
            },
          },
        ],
      },
      { files },
    );
    expect(out).toBe(
      'cluster four-clouds would be created\n  node 1: control-plane, aws, c6a.xlarge, on-demand\n',
    );
    expect(calls).toHaveLength(1);
  });
});
