import { readFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { CORE_SCHEMA, load, YAMLException } from 'js-yaml';
import type { ClusterDetails, ClusterView } from '../shared/domain/api-types.ts';
import type { ApiClient } from './api-client.ts';
import { wholeNumber } from './arguments.ts';
import { UsageError } from './context.ts';
import { addExplainCommand } from './explain-command.ts';
import { addKubeconfigCommand } from './kubeconfig-command.ts';
import {
  appliedText,
  clusterTable,
  clusterText,
  eventTable,
  outputFormats,
  planText,
  upgradeText,
  type OutputFormat,
} from './output.ts';
import { addNodeCommand } from './node-command.ts';
import { addOfferingsCommand } from './offerings-command.ts';
import { addPolicyCommand } from './policy-command.ts';
import { addRestoreCommand } from './restore-command.ts';
import { addSnapshotCommand } from './snapshot-command.ts';
import { addUpgradeCommand } from './upgrade-command.ts';
import { waitForCluster, type Goal } from './wait-for-cluster.ts';

/** What the commands work with; tests bring their own. */
export interface Surroundings {
  readonly api: () => ApiClient;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Whether people see what goes to standard error, and what goes to standard output. */
  readonly isTerminal: boolean;
  readonly isOutputTerminal: boolean;
  readonly columns?: () => number | undefined;
  readonly now: () => number;
  readonly readFile: (path: string) => string;
  /** The user's own kubeconfig. */
  readonly kubeconfigPath: () => string;
  readonly fail: (exitCode: number) => void;
  /** Asks whoever sits there for a yes; absent where nobody does. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

interface OutputOptions {
  readonly output: OutputFormat;
}
interface WaitingOptions extends OutputOptions {
  readonly wait: boolean;
  readonly timeout: number;
}

/** Exit codes, as `--help` says them. */
export const exitCodes = { refused: 1, usage: 2, notReached: 3 } as const;

const followMilliseconds = 1000;

const outputOption = (): Option =>
  new Option('-o, --output <format>', 'how to print').choices([...outputFormats]).default('table');

const waiting = (command: Command, what: string): Command =>
  command
    .option('--no-wait', `return at once instead of waiting until ${what}`)
    .option('--timeout <seconds>', 'how long to wait', wholeNumber(1, 86_400), 1800)
    .addOption(outputOption());

const print = (surroundings: Surroundings, format: OutputFormat, value: unknown, text: () => string): void =>
  surroundings.stdout(`${format === 'json' ? JSON.stringify(value, undefined, 2) : text()}\n`);

export const readInput = (path: string): string => {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** The cluster's name in its file; what else is wrong with it the API says better. */
function nameIn(path: string, text: string): string {
  let document: unknown;
  try {
    document = load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new UsageError(
      `${path}:${(error.mark?.line ?? 0) + 1}:${(error.mark?.column ?? 0) + 1}: not YAML: ${error.reason}`,
    );
  }
  const name = (document as { metadata?: { name?: unknown } } | undefined)?.metadata?.name;
  if (typeof name !== 'string') throw new UsageError(`${path}: metadata.name: a cluster needs a name`);
  return name;
}

async function waitUntil(
  surroundings: Surroundings,
  nameOrId: string,
  until: Goal,
  options: WaitingOptions,
): Promise<boolean> {
  const { reached, cluster, seconds } = await waitForCluster({
    api: surroundings.api(),
    nameOrId,
    until,
    timeoutSeconds: options.timeout,
    now: surroundings.now,
    // Progress never mixes with what a program reads.
    output: {
      write: surroundings.stderr,
      isTerminal: surroundings.isTerminal,
      ...(surroundings.columns === undefined ? {} : { columns: surroundings.columns }),
    },
  });
  if (options.output === 'json') print(surroundings, 'json', cluster, () => '');
  if (reached) {
    if (options.output === 'table')
      surroundings.stdout(`${cluster.name} is ${until} after ${seconds.toFixed(0)}s\n`);
    return true;
  }
  const reason = {
    ready: () => cluster.statusReason,
    deleted: () => cluster.deletionRefused?.reason ?? blockedReason(cluster),
    upgraded: () => cluster.upgrade && upgradeText(cluster.upgrade),
  }[until]();
  const why = reason === undefined ? '' : `: ${reason}`;
  surroundings.stderr(
    `${cluster.name} is ${cluster.status} and not ${until} after ${seconds.toFixed(0)}s${why}\n`,
  );
  surroundings.fail(exitCodes.notReached);
  return false;
}

/** What a deletion that has begun is waiting for. */
const blockedReason = ({ statusReason, cloudParts }: ClusterDetails): string | undefined =>
  cloudParts.find(({ failure }) => failure !== undefined)?.failure?.message ?? statusReason;

export function addCommands(program: Command, surroundings: Surroundings): void {
  const { api, stdout, now } = surroundings;

  waiting(
    program
      .command('apply')
      .description(
        'create the cluster that a file describes, or change its policies and ingress to what the file says',
      )
      .requiredOption('-f, --filename <file>', 'the cluster file, - for standard input')
      .option('--dry-run', 'only print what would be created or changed'),
    'the cluster is ready',
  ).action(async (options: WaitingOptions & { filename: string; dryRun?: boolean }) => {
    const text = surroundings.readFile(options.filename);
    const name = nameIn(options.filename, text);
    const dryRun = options.dryRun === true;
    const cluster = await api().applyCluster(name, text, { dryRun });
    for (const warning of cluster.warnings ?? []) surroundings.stderr(`warning: ${warning}\n`);
    if (options.output === 'table') stdout(`${appliedText(cluster, dryRun)}\n`);
    if (options.wait && !dryRun) await waitUntil(surroundings, cluster.id, 'ready', options);
    else if (options.output === 'json') print(surroundings, 'json', cluster, () => '');
  });

  const clusters = program.command('cluster').description('clusters');
  clusters
    .command('list')
    .alias('ls')
    .description('all clusters')
    .addOption(outputOption())
    .action(async (options: OutputOptions) => {
      const found: ClusterView[] = [];
      for await (const cluster of api().listClusters()) found.push(cluster);
      print(surroundings, options.output, found, () =>
        found.length === 0
          ? 'no clusters yet: `overcast apply -f <file>` creates one'
          : clusterTable(found, now()),
      );
    });
  clusters
    .command('get <cluster>')
    .description('one cluster in full, by name or id')
    .addOption(outputOption())
    .action(async (nameOrId: string, options: OutputOptions) => {
      const cluster = await api().getCluster(nameOrId);
      print(surroundings, options.output, cluster, () => clusterText(cluster, now()));
    });
  clusters
    .command('reconcile <cluster>')
    .description('have a cluster looked at and put right with the next tick, within a minute')
    .option('--dry-run', 'only print what is found and what would be done')
    .option(
      '--replace-lost',
      'you have looked: what looks lost is lost, and is replaced however much of a cloud it is',
    )
    .addOption(outputOption())
    .action(
      async (nameOrId: string, options: OutputOptions & { dryRun?: boolean; replaceLost?: boolean }) => {
        if (options.dryRun === true) {
          const plan = await api().planReconciliation(nameOrId, options);
          print(surroundings, options.output, plan, () => planText(plan, now()));
          return;
        }
        const cluster = await api().reconcileCluster(nameOrId, options);
        print(
          surroundings,
          options.output,
          cluster,
          () => `${cluster.name} will be looked at within a minute`,
        );
      },
    );
  waiting(
    clusters
      .command('delete <cluster>')
      .description(
        'delete a cluster and everything that carries its id; refused while anything else sits in its networks',
      ),
    'nothing of it is left',
  ).action(async (nameOrId: string, options: WaitingOptions) => {
    const cluster = await api().deleteCluster(nameOrId);
    if (options.output === 'table') stdout(`deletion of ${cluster.name} requested\n`);
    if (options.wait) await waitUntil(surroundings, cluster.id, 'deleted', options);
    else if (options.output === 'json') print(surroundings, 'json', cluster, () => '');
  });

  addRestoreCommand(
    waiting(
      clusters
        .command('restore <cluster>')
        .description(
          'make a cluster that lost its quorum anew from what its etcd held, on new control planes',
        ),
      'the cluster is ready again',
    ),
    surroundings,
    (nameOrId, options) => waitUntil(surroundings, nameOrId, 'ready', options),
  );

  addUpgradeCommand(clusters, surroundings, {
    waiting,
    withOutput: (command) => command.addOption(outputOption()),
    waitUntilUpgraded: (nameOrId, options) => waitUntil(surroundings, nameOrId, 'upgraded', options),
  });
  addNodeCommand(program, surroundings);
  addOfferingsCommand(program, surroundings);
  addPolicyCommand(program, surroundings);
  addExplainCommand(program, surroundings);
  addSnapshotCommand(program, surroundings);
  addKubeconfigCommand(program, surroundings);

  program
    .command('events <cluster>')
    .description('what happened to a cluster')
    .option('-f, --follow', 'go on showing what happens until interrupted or the cluster is deleted')
    .addOption(outputOption())
    .action(async (nameOrId: string, options: OutputOptions & { follow?: boolean }) => {
      let after: string | undefined;
      let isTitled = false;
      for (;;) {
        const page = await api().listEvents(nameOrId, after);
        after = page.cursor ?? after;
        for (const event of page.items) if (options.output === 'json') stdout(`${JSON.stringify(event)}\n`);
        if (options.output === 'table' && page.items.length > 0) {
          const lines = eventTable(page.items).split('\n');
          // However many pages, the titles stand once.
          stdout(`${(isTitled ? lines.slice(1) : lines).join('\n')}\n`);
          isTitled = true;
        }
        if (page.items.some(({ event }) => event === 'ClusterDeleted')) return;
        if (page.items.length > 0 && page.cursor !== undefined) continue;
        if (options.follow !== true) return;
        await new Promise((resolve) => setTimeout(resolve, followMilliseconds));
      }
    });
}
