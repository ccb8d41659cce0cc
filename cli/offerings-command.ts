import { InvalidArgumentError, Option, type Command } from 'commander';
import type { OfferingView } from '../shared/domain/api-types.ts';
import { gibLikeVcpu } from '../shared/domain/offering.ts';
import type { Surroundings } from './commands.ts';
import { outputFormats, type OutputFormat } from './output.ts';
import { formatTable } from './table.ts';

interface Options {
  readonly region: string;
  readonly cloud?: string;
  readonly spot?: true;
  readonly limit: number;
  readonly output: OutputFormat;
}

const limitMax = 10_000;
const limit = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > limitMax)
    throw new InvalidArgumentError(`a whole number from 1 to ${limitMax}`);
  return value;
};

const gib = (mib: number): string => (mib / 1024).toFixed(1);

const offeringTable = (offerings: readonly OfferingView[]): string =>
  formatTable<OfferingView>(
    [
      { title: 'CLOUD', value: ({ cloud }) => cloud },
      {
        title: 'TYPE',
        value: ({ instanceType, burstable }) => `${instanceType}${burstable ? ' (burstable)' : ''}`,
      },
      { title: 'ARCH', value: ({ architecture }) => architecture },
      { title: 'LIFECYCLE', value: ({ lifecycle }) => lifecycle },
      { title: 'VCPUS', value: ({ vcpus }) => String(vcpus) },
      { title: 'GIB', value: ({ memoryGib }) => String(memoryGib) },
      {
        title: 'FOR PODS',
        value: ({ allocatable }) => `${allocatable.cpuMillis}m ${gib(allocatable.memoryMib)}Gi`,
      },
      { title: 'USD/H', value: ({ usdPerHour }) => usdPerHour.toFixed(4) },
      { title: 'USD/UNIT/H', value: ({ usdPerUnitHour }) => usdPerUnitHour.toFixed(5) },
      { title: 'COOLING OFF UNTIL', value: ({ coolingOffUntil }) => coolingOffUntil ?? '-' },
    ],
    offerings,
  );

export function addOfferingsCommand(
  program: Command,
  { api, stdout, stderr }: Pick<Surroundings, 'api' | 'stdout' | 'stderr'>,
): void {
  program
    .command('offerings')
    .description('what can be bought in a region, the cheapest per vCPU and memory first')
    .requiredOption('--region <region>', 'for example us-east')
    .option('--cloud <cloud>', 'only one cloud')
    .option('--spot', 'machines that their cloud may take back, instead of on-demand')
    .option('--limit <n>', 'at most so many', limit, 50)
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices([...outputFormats]).default('table'),
    )
    .addHelpText(
      'after',
      `
USD/UNIT/H is the price per hour, divided by (vCPUs + GiB / ${gibLikeVcpu}): a vCPU is taken for as much as ${gibLikeVcpu} GiB of
memory. That is how Google Cloud prices the two apart for its N2 machines: 0.035605 and 0.004771 US dollars per hour in
us-east4 (Cloud Billing Catalog, August 2026). The other clouds price a machine as a whole.

FOR PODS is what is left of a machine once the kubelet and the system have their share.`,
    )
    .action(async ({ region, cloud, spot, limit: count, output }: Options) => {
      const asked = {
        region,
        lifecycle: spot === true ? 'spot' : 'on-demand',
        ...(cloud !== undefined && { cloud }),
      };
      const { items: found, prices } = await api().listOfferings(asked, count);
      if (output === 'json') {
        stdout(`${JSON.stringify(found, undefined, 2)}\n`);
        return;
      }
      stdout(`${found.length === 0 ? 'nothing is sold there so' : offeringTable(found)}\n`);
      for (const { cloud: of, at } of prices)
        if (at === undefined)
          stderr(
            `${of}: nobody has read its prices in ${region} lately; these are built in, from mid-2026 and US East\n`,
          );
    });
}
