import { Option, type Command } from 'commander';
import type { NodeView, RemovedNodes } from '../shared/domain/api-types.ts';
import { nearest } from '../shared/domain/nearest.ts';
import { wholeNumber } from './arguments.ts';
import type { Surroundings } from './commands.ts';
import { UsageError } from './context.ts';
import { outputFormats, type OutputFormat } from './output.ts';
import { nodeTable, wideNodeTable } from './node-table.ts';

const print = ({ stdout }: Surroundings, format: string, value: unknown, text: () => string): void =>
  stdout(`${format === 'json' ? JSON.stringify(value, undefined, 2) : text()}\n`);
const outputOption = (formats: readonly string[] = outputFormats): Option =>
  new Option('-o, --output <format>', 'how to print').choices(formats).default('table');

export function addNodeCommand(program: Command, surroundings: Surroundings): void {
  const nodes = program.command('node').description('the nodes of a cluster');
  addList(nodes, surroundings);
  addAdd(nodes, surroundings);
  addRemove(nodes, surroundings);
}

function addList(nodes: Command, surroundings: Surroundings): void {
  nodes
    .command('list <cluster>')
    .alias('ls')
    .description('its nodes; `-o wide` with zones, sizes and prices')
    .option('--all', 'also those that were deleted in the last day')
    .addOption(outputOption([...outputFormats, 'wide']))
    .action(async (nameOrId: string, options: { output: OutputFormat | 'wide'; all?: boolean }) => {
      const every = await surroundings.api().listNodes(nameOrId);
      const found = options.all === true ? every : every.filter(({ phase }) => phase !== 'deleted');
      const now = surroundings.now();
      print(surroundings, options.output, found, () =>
        [
          options.output === 'wide' ? wideNodeTable(found, now) : nodeTable(found, now),
          ...heldUpLines(found),
        ].join('\n'),
      );
    });
}

/** Who cannot go, and which pods are in the way. */
const heldUpLines = (nodes: readonly NodeView[]): readonly string[] =>
  nodes.flatMap(({ number, drainHeldUp }) =>
    drainHeldUp === undefined ? [] : [`node ${number} cannot be drained: ${drainHeldUp.because}`],
  );

interface AddOptions {
  readonly output: OutputFormat;
  readonly cloud: string;
  readonly role: string;
  readonly shape?: string;
  readonly instanceType?: string;
  readonly spot?: boolean;
  readonly count: number;
}

function addAdd(nodes: Command, surroundings: Surroundings): void {
  nodes
    .command('add <cluster>')
    .description('add nodes, 1 to 20 at once')
    .requiredOption('--cloud <cloud>', 'one of the cluster’s clouds')
    .option('--shape <shape>', 'a size that every cloud has: small, medium, large, xlarge')
    .option('--instance-type <type>', 'an exact instance type instead of a shape')
    .option(
      '--spot',
      'on spare capacity, which the cloud may take back; only pods that tolerate scheduling.overcast.dev/spot run there',
    )
    .option('--count <n>', 'how many', wholeNumber(1, 20), 1)
    .addOption(
      new Option('--role <role>', 'what they do').choices(['worker', 'control-plane']).default('worker'),
    )
    .addOption(outputOption())
    .action(async (nameOrId: string, options: AddOptions) => {
      const added = await surroundings.api().addNodes(nameOrId, {
        cloud: options.cloud,
        ...(options.role === 'worker' ? {} : { role: options.role }),
        ...(options.shape === undefined ? {} : { shape: options.shape }),
        ...(options.instanceType === undefined ? {} : { instanceType: options.instanceType }),
        ...(options.spot === true ? { lifecycle: 'spot' } : {}),
        count: options.count,
      });
      print(surroundings, options.output, added, () =>
        added
          .map(
            ({ number, cloud, instanceType, lifecycle }) =>
              `node ${number} (${cloud}, ${instanceType}${lifecycle === 'spot' ? ', spot' : ''}) planned`,
          )
          .join('\n'),
      );
    });
}

interface RemoveOptions {
  readonly output: OutputFormat;
  readonly drain: boolean;
  readonly yes?: true;
}

function addRemove(nodes: Command, surroundings: Surroundings): void {
  nodes
    .command('remove')
    .alias('rm')
    .description('drain nodes and delete their machines: all of them, or none where one may not go')
    .argument('<cluster>')
    .argument('<node...>', 'their numbers or names')
    .option(
      '--no-drain',
      'delete the machines with the work that is on them, whatever disruption budgets say',
    )
    .option('-y, --yes', 'ask nothing')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
A node is cordoned and its pods are evicted, as PodDisruptionBudgets allow; while they do not, it goes on working and is
asked again. \`overcast node list\` says which pods hold it up; removing it once more with --no-drain ends the waiting.
On a terminal you are asked first.`,
    )
    .action(async (nameOrId: string, given: readonly string[], options: RemoveOptions) => {
      const numbers = await numbersOf(surroundings, nameOrId, given);
      if (options.yes !== true && surroundings.confirm !== undefined) {
        const what = `${numbers.length === 1 ? 'node' : 'nodes'} ${numbers.join(', ')} of ${nameOrId}`;
        const how = options.drain ? '' : ' without draining, with the work that is on them';
        if (!(await surroundings.confirm(`Remove ${what}${how}?`))) {
          surroundings.stderr('nothing was changed\n');
          surroundings.fail(1);
          return;
        }
      }
      const removed = await surroundings.api().removeNodes(nameOrId, numbers, { drain: options.drain });
      for (const warning of removed.warnings ?? []) surroundings.stderr(`warning: ${warning}\n`);
      print(surroundings, options.output, removed.items, () => removedText(removed, options.drain));
    });
}

const removedText = ({ items }: RemovedNodes, drain: boolean): string =>
  items
    .map(({ number, phase }) =>
      phase === 'deleted'
        ? `node ${number} is gone already`
        : `node ${number} will be ${drain ? 'drained and deleted' : 'deleted without being drained'}`,
    )
    .join('\n');

/** By number, or by the name that kubectl shows: `four-clouds-7`. @throws UsageError for what is neither. */
async function numbersOf(
  { api }: Surroundings,
  nameOrId: string,
  given: readonly string[],
): Promise<readonly number[]> {
  const isNumber = (text: string): boolean => /^[1-9]\d{0,4}$/.test(text);
  const known = given.every(isNumber) ? [] : await api().listNodes(nameOrId);
  const numbers = given.map((text) => {
    if (isNumber(text)) return Number(text);
    const node = known.find(({ name }) => name === text);
    if (node !== undefined) return node.number;
    const meant = nearest(
      text,
      known.map(({ name }) => name),
    );
    throw new UsageError(
      `${text}: is no node of ${nameOrId}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
  });
  return [...new Set(numbers)];
}
