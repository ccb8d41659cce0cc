import { InvalidArgumentError, Option, type Command } from 'commander';
import type { PodExplanation } from '../shared/domain/api-types.ts';
import type { Surroundings } from './commands.ts';
import { outputFormats, type OutputFormat } from './output.ts';
import { age } from './table.ts';

/** `web-1` is `default/web-1`, as kubectl has it. */
function podName(text: string): string {
  const [namespace, name, ...more] = text.includes('/') ? text.split('/') : ['default', text];
  if (namespace === undefined || namespace === '' || name === undefined || name === '' || more.length > 0)
    throw new InvalidArgumentError('<namespace>/<name>, or a name alone for the namespace default');
  return `${namespace}/${name}`;
}

const textOf = ({ pod, state, node, because, seenAt }: PodExplanation, now: number): string =>
  [
    `${pod} is ${state}${node === undefined ? '' : ` on ${node}`}, as seen ${age(seenAt, now)} ago`,
    ...because.map((line) => `  ${line}`),
  ].join('\n');

export function addExplainCommand(
  program: Command,
  { api, stdout, now }: Pick<Surroundings, 'api' | 'stdout' | 'now'>,
): void {
  program
    .command('explain')
    .description('why a pod is where it is, or cannot be placed')
    .argument('<cluster>')
    .argument('<pod>', 'namespace/name', podName)
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices([...outputFormats]).default('table'),
    )
    .action(async (nameOrId: string, pod: string, { output }: { readonly output: OutputFormat }) => {
      const explanation = await api().explainPod(nameOrId, pod);
      const text = output === 'json' ? JSON.stringify(explanation, undefined, 2) : textOf(explanation, now());
      stdout(`${text}\n`);
    });
}
