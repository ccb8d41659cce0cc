import { describe, expect, it } from 'vitest';
import { problem } from '../test/builders/api-server.ts';
import { overcast } from '../test/builders/command-line.ts';
import { exitCodes } from './commands.ts';

const offering = (change: object = {}) => ({
  cloud: 'digitalocean',
  region: 'nyc1',
  zone: '',
  instanceType: 'c-4',
  architecture: 'amd64',
  lifecycle: 'on-demand',
  vcpus: 4,
  memoryGib: 8,
  usdPerHour: 0.125,
  burstable: false,
  usdPerUnitHour: 0.024643,
  allocatable: { cpuMillis: 3920, memoryMib: 5633, pods: 110 },
  ...change,
});
const queryOf = ({ what }: { readonly what: string }) =>
  Object.fromEntries(new URLSearchParams(what.split('?')[1]));
const burstable = offering({ instanceType: 's-4vcpu-8gb', usdPerHour: 0.07143, burstable: true });
const path = 'GET /v1/offerings';
const prices = [{ cloud: 'digitalocean', at: '2026-11-23T06:00:00.000Z' }, { cloud: 'aws' }];

describe('offerings', () => {
  it('are shown by price, on-demand unless spot is asked for', async () => {
    const { out, err, calls } = await overcast(['offerings', '--region', 'us-east'], {
      [path]: [{ body: { items: [burstable, offering()], prices } }],
    });
    expect(out.split('\n').map((line) => line.trimEnd())).toEqual([
      'CLOUD          TYPE                      ARCH    LIFECYCLE   VCPUS   GIB   FOR PODS      USD/H    USD/UNIT/H   COOLING OFF UNTIL',
      'digitalocean   s-4vcpu-8gb (burstable)   amd64   on-demand   4       8     3920m 5.5Gi   0.0714   0.02464      -',
      'digitalocean   c-4                       amd64   on-demand   4       8     3920m 5.5Gi   0.1250   0.02464      -',
      '',
    ]);
    expect(err).toBe(
      'aws: nobody has read its prices in us-east lately; these are built in, from mid-2026 and US East\n',
    );
    expect(calls.map(queryOf)).toEqual([{ region: 'us-east', lifecycle: 'on-demand', limit: '50' }]);
  });

  it('are asked for page by page until there are enough', async () => {
    const page = (count: number) => Array.from({ length: count }, () => offering({ lifecycle: 'spot' }));
    const { out, calls } = await overcast(
      ['offerings', '--region', 'us-east', '--cloud', 'aws', '--spot', '--limit', '250', '-o', 'json'],
      {
        [path]: [
          { body: { items: page(200), prices, cursor: 'next' } },
          { body: { items: page(50), prices, cursor: 'more' } },
        ],
      },
    );
    expect(JSON.parse(out)).toHaveLength(250);
    expect(calls.map(queryOf)).toEqual([
      { region: 'us-east', cloud: 'aws', lifecycle: 'spot', limit: '200' },
      { region: 'us-east', cloud: 'aws', lifecycle: 'spot', limit: '50', cursor: 'next' },
    ]);
  });

  it('say where their formula comes from', async () => {
    const { out } = await overcast(['offerings', '--help']);
    expect(out).toContain('divided by (vCPUs + GiB / 7.46)');
    expect(out).toContain('Cloud Billing Catalog');
  });

  it('need a region, and one that is known', async () => {
    const missing = await overcast(['offerings']);
    expect(missing.exitCode).toBe(exitCodes.usage);
    const unknown = await overcast(['offerings', '--region', 'mars'], {
      [path]: [
        {
          status: 400,
          body: problem({
            errors: [{ field: 'region', message: '"mars" is not known', allowed: ['us-east', 'eu-west'] }],
          }),
        },
      ],
    });
    expect(unknown.exitCode).toBe(exitCodes.refused);
    expect(unknown.err).toContain('region: "mars" is not known (allowed: us-east, eu-west)');
  });
});
