import { InvalidArgumentError, type Command } from 'commander';
import type { ClusterView } from '../shared/domain/api-types.ts';
import type { Surroundings } from './commands.ts';
import { UsageError } from './context.ts';
import { upgradeText, type OutputFormat } from './output.ts';

interface UpgradeOptions {
  readonly output: OutputFormat;
  readonly wait: boolean;
  readonly timeout: number;
  /** Not mandatory in commander’s sense: that would hold for `pause` and `resume` too. */
  readonly to?: string;
  readonly pauseBetween?: number;
  readonly dryRun?: true;
}

const secondsPer = { s: 1, m: 60, h: 3600 } as const;

/** `90s`, `5m`, `1h`. @returns seconds. @throws InvalidArgumentError with what is understood. */
export function duration(text: string): number {
  const [, digits, unit] = /^(\d{1,5})([smh])$/.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError('a time such as 90s, 5m or 1h');
  return Number(digits) * secondsPer[unit as keyof typeof secondsPer];
}

/**
 * `cluster upgrade <cluster> --to 1.37`, `cluster upgrade pause <cluster>` and `cluster upgrade resume <cluster>`.
 *
 * @param helpers `waiting` gives a command the options of one that waits, `withOutput` its `--output`.
 */
export function addUpgradeCommand(
  clusters: Command,
  surroundings: Surroundings,
  helpers: {
    readonly waiting: (command: Command, until: string) => Command;
    readonly withOutput: (command: Command) => Command;
    /** Shows how far it is meanwhile. */
    readonly waitUntilUpgraded: (nameOrId: string, options: UpgradeOptions) => Promise<boolean>;
  },
): void {
  const { api, stdout } = surroundings;
  const show = ({ output }: { readonly output: OutputFormat }, cluster: ClusterView, text: string): void =>
    stdout(output === 'json' ? `${JSON.stringify(cluster, undefined, 2)}\n` : `${text}\n`);

  const command = helpers.waiting(
    clusters
      .command('upgrade')
      .argument('<cluster>')
      .description(
        'move a cluster to the next Kubernetes minor: control planes one at a time, then each worker by a new one that comes first',
      )
      .option('--to <minor>', 'the next one: 1.37')
      .option('--pause-between <time>', 'wait so long from one node to the next: 90s, 5m, 1h', duration)
      .option('--dry-run', 'only say whether it could begin'),
    'every node is upgraded, or one could not be',
  );
  command.action(async (nameOrId: string, options: UpgradeOptions) => {
    const { to } = options;
    if (to === undefined) throw new UsageError('--to <minor>: is needed, as in --to 1.37');
    const cluster = await api().upgradeCluster(nameOrId, {
      to,
      ...(options.pauseBetween !== undefined && { pauseSeconds: options.pauseBetween }),
      dryRun: options.dryRun,
    });
    if (options.dryRun === true) {
      show(options, cluster, `${cluster.name} can be upgraded to Kubernetes ${to}; nothing was changed`);
      return;
    }
    if (options.output === 'table') stdout(`upgrade of ${cluster.name} to Kubernetes ${to} requested\n`);
    if (options.wait) await helpers.waitUntilUpgraded(cluster.id, options);
    else if (options.output === 'json') show(options, cluster, '');
  });
  for (const turn of ['pause', 'resume'] as const)
    helpers
      .withOutput(
        command
          .command(`${turn} <cluster>`)
          .description(
            turn === 'pause'
              ? 'begin with no further node for now; one that has begun comes to its end'
              : 'go on where it was paused, and try what stopped it once more',
          ),
      )
      .action(async (nameOrId: string, _: unknown, self: Command) => {
        const cluster = await api().turnUpgrade(nameOrId, turn);
        // `upgrade` has the option too, and commander reads it there first.
        const options = self.optsWithGlobals<{ output: OutputFormat }>();
        show(options, cluster, cluster.upgrade === undefined ? '' : upgradeText(cluster.upgrade));
      });
}
