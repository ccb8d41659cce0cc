import { Option, type Command } from 'commander';
import type { SnapshotView } from '../shared/domain/api-types.ts';
import type { Surroundings } from './commands.ts';
import { outputFormats, type OutputFormat } from './output.ts';
import { age, formatTable } from './table.ts';

/** `12.4 MiB`; `-` before it was seen in the bucket. */
export const sizeText = (bytes: number | undefined): string => {
  if (bytes === undefined) return '-';
  const [unit, divisor] =
    bytes >= 2 ** 30 ? ['GiB', 2 ** 30] : bytes >= 2 ** 20 ? ['MiB', 2 ** 20] : ['KiB', 2 ** 10];
  return `${(bytes / divisor).toFixed(1)} ${unit}`;
};

const snapshotTable = (snapshots: readonly SnapshotView[], now: number): string =>
  formatTable<SnapshotView>(
    [
      { title: 'ID', value: ({ id }) => id },
      { title: 'TAKEN', value: ({ takenAt }) => takenAt },
      { title: 'NODE', value: ({ number }) => String(number) },
      { title: 'SIZE', value: ({ sizeBytes }) => sizeText(sizeBytes) },
      { title: 'AGE', value: ({ takenAt }) => age(takenAt, now) },
    ],
    snapshots,
  );

export function addSnapshotCommand(
  program: Command,
  { api, stdout, now }: Pick<Surroundings, 'api' | 'stdout' | 'now'>,
): void {
  program
    .command('snapshot')
    .description('what a cluster’s etcd held, taken every 15 minutes')
    .command('list <cluster>')
    .alias('ls')
    .description('its snapshots, the oldest first')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices([...outputFormats]).default('table'),
    )
    .action(async (nameOrId: string, { output }: { readonly output: OutputFormat }) => {
      const found = await api().listSnapshots(nameOrId);
      const text =
        output === 'json'
          ? JSON.stringify(found, undefined, 2)
          : found.length === 0
            ? 'no snapshots yet: the first is taken once a control plane is ready'
            : snapshotTable(found, now());
      stdout(`${text}\n`);
    });
}
