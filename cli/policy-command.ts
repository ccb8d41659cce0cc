import { Option, type Command } from 'commander';
import { dump } from 'js-yaml';
import type { PoliciesChange } from '../shared/domain/api-types.ts';
import { describePolicyChange, type PolicyChange } from '../shared/domain/policy-change.ts';
import {
  policyFields,
  policyPaths,
  policySections,
  type PolicyPath,
  type PolicyValue,
} from '../shared/domain/policy-fields.ts';
import { policyGuide, sectionGuide } from '../shared/domain/policy-guide.ts';
import type { Surroundings } from './commands.ts';
import { outputFormats, type OutputFormat } from './output.ts';
import { patchFrom, unsettingPatch } from './policy-arguments.ts';

interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly output: OutputFormat;
}

/** What a value may be: `1–1440 minutes`, `true or false`, `aws,gcp,…`. */
const allowedText = (value: PolicyValue): string => {
  if (value.type === 'whole number') return `${value.min}–${value.max} ${value.unit}`;
  if (value.type === 'true or false') return value.type;
  return {
    clouds: 'clouds of the cluster, with commas',
    families: 'families, with commas',
    architectures: 'amd64,arm64',
  }[value.of];
};

const fieldLines = (path: PolicyPath): readonly string[] => [
  `  ${path.padEnd(42)}${allowedText(policyFields[path].value)}`,
  `      ${policyGuide[path].meaning}`,
  policyFields[path].isRequired === true
    ? '      required'
    : `      when left out: ${policyGuide[path].otherwise}`,
];

/** Every field with its meaning, its range and what holds without it. */
export const policyDescription = (): string =>
  [
    'A section that is left out is off.',
    ...policySections.flatMap((section) => [
      '',
      `${section}: ${sectionGuide[section]}`,
      ...policyPaths.flatMap((path) => (path.startsWith(`${section}.`) ? fieldLines(path) : [])),
    ]),
  ].join('\n');

/** One line per change, for people. */
export const changeLines = (changes: readonly PolicyChange[]): readonly string[] =>
  changes.map((change) => `  ${describePolicyChange(change)}`);

const changeText = ({ cluster, change, changes }: PoliciesChange, isDryRun: boolean): string =>
  change === 'unchanged'
    ? `the policies of ${cluster} are like that already`
    : [`the policies of ${cluster} ${isDryRun ? 'would change' : 'changed'}:`, ...changeLines(changes)].join(
        '\n',
      );

export function addPolicyCommand(program: Command, { api, stdout, stderr }: Surroundings): void {
  const policies = program
    .command('policy')
    .description('what the platform may do to a cluster by itself: buy, replace and take away nodes')
    .addHelpText(
      'after',
      `
Examples:
  overcast policy describe                                      every field, its range and what holds without it
  overcast policy set starter clusterLimits.maxVcpus=32 unschedulablePods=on nodeDeletion.emptyMinutes=5
  overcast policy set starter spot.sharePercent=50 spot.clouds=aws,gcp
  overcast policy unset starter spot                            off again

A cluster file has the same fields under spec.policies; docs/policies.md says what each does, and in which order.`,
    );
  const changing = (command: Command): Command =>
    command
      .option('--dry-run', 'only print what would change')
      .addOption(
        new Option('-o, --output <format>', 'how to print').choices([...outputFormats]).default('table'),
      );
  const print = (said: PoliciesChange, { output, dryRun = false }: ChangeOptions): void =>
    stdout(`${output === 'json' ? JSON.stringify(said, undefined, 2) : changeText(said, dryRun)}\n`);

  policies
    .command('get <cluster>')
    .description('the policies of a cluster, as its file has them under spec.policies')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['yaml', 'json']).default('yaml'))
    .action(async (nameOrId: string, { output }: { readonly output: 'yaml' | 'json' }) => {
      const { policies: held } = await api().getPolicies(nameOrId);
      stdout(output === 'json' ? `${JSON.stringify(held, undefined, 2)}\n` : dump(held));
    });

  changing(
    policies
      .command('set <cluster> <field=value...>')
      .description('set fields, or turn sections on and off; what is not named stays as it is'),
  )
    .addHelpText(
      'after',
      `
Lists are written with commas: purchasing.families=c6i,n4-highcpu. A section is turned on by any of its fields or with
=on, and off with =off.`,
    )
    .action(async (nameOrId: string, assignments: readonly string[], options: ChangeOptions) => {
      const patch = patchFrom(assignments);
      print(await api().patchPolicies(nameOrId, patch, { dryRun: options.dryRun }), options);
    });

  changing(
    policies
      .command('unset <cluster> <field...>')
      .description('take fields or whole sections away: without its section a policy is off'),
  ).action(async (nameOrId: string, names: readonly string[], options: ChangeOptions) => {
    const { policies: held, version } = await api().getPolicies(nameOrId);
    const { patch, notSet } = unsettingPatch(names, held);
    for (const name of notSet) stderr(`${name} is not set\n`);
    print(await api().patchPolicies(nameOrId, patch, { dryRun: options.dryRun, version }), options);
  });

  policies
    .command('describe')
    .description('every field: its meaning, its range, and what holds without it')
    .action(() => stdout(`${policyDescription()}\n`));
}
