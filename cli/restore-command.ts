import type { Command } from 'commander';
import type { Surroundings } from './commands.ts';
import { UsageError } from './context.ts';
import type { OutputFormat } from './output.ts';
import { age } from './table.ts';

interface RestoreOptions {
  readonly output: OutputFormat;
  readonly wait: boolean;
  readonly timeout: number;
  readonly snapshot?: string;
  readonly yes?: true;
}

/** @param waitUntilReady shows how far the cluster is meanwhile; false: it has failed, or time was up. */
export function addRestoreCommand(
  command: Command,
  surroundings: Surroundings,
  waitUntilReady: (nameOrId: string, options: RestoreOptions) => Promise<boolean>,
): void {
  const { api, stdout } = surroundings;
  command
    .option('--snapshot <id>', 'one of `overcast snapshot list`, instead of the newest')
    .option('--wait', 'wait until the cluster is ready again; as without it', true)
    .option('-y, --yes', 'ask nothing: what was changed after the snapshot is lost')
    .action(async (nameOrId: string, options: RestoreOptions) => {
      if (options.yes !== true && !(await isMeant(surroundings, nameOrId, options.snapshot))) {
        surroundings.stderr('nothing was changed\n');
        surroundings.fail(1);
        return;
      }
      const cluster = await api().restoreCluster(nameOrId, options.snapshot);
      const { restore, name } = cluster;
      if (options.output === 'table')
        stdout(
          `restore of ${name} from snapshot ${restore?.snapshot ?? ''} requested: control plane ${restore?.number ?? ''} is made for it\n`,
        );
      if (options.wait) {
        const isReady = await waitUntilReady(cluster.id, options);
        if (isReady && options.output === 'table')
          stdout(`Its API servers have other addresses now: overcast kubeconfig ${name} --merge\n`);
      } else if (options.output === 'json') stdout(`${JSON.stringify(cluster, undefined, 2)}\n`);
    });
}

/** @throws UsageError where nobody can be asked. */
async function isMeant(
  { api, confirm, now }: Surroundings,
  nameOrId: string,
  snapshot: string | undefined,
): Promise<boolean> {
  if (confirm === undefined)
    throw new UsageError('--yes: is needed here: what was changed after the snapshot is lost');
  const snapshots = await api().listSnapshots(nameOrId);
  const chosen = snapshot === undefined ? snapshots.at(-1) : snapshots.find(({ id }) => id === snapshot);
  // What there is not, the API refuses in its own words.
  if (chosen === undefined) return true;
  return confirm(
    `Restore ${nameOrId} from snapshot ${chosen.id}, taken ${age(chosen.takenAt, now())} ago? What was changed after it is lost, and the machines of all its control planes are deleted.`,
  );
}
