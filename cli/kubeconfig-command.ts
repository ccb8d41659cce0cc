import type { Command } from 'commander';
import type { Surroundings } from './commands.ts';
import { UsageError } from './context.ts';
import { changeKubeconfig } from './kubeconfig-file.ts';
import {
  contextsOf,
  holdsOthers,
  KubeconfigNameTaken,
  KubeconfigUnreadable,
  mergeKubeconfig,
} from './merge-kubeconfig.ts';

interface KubeconfigOptions {
  readonly merge?: boolean;
  readonly use?: boolean;
  readonly outputFile?: string;
}

export function addKubeconfigCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('kubeconfig <cluster>')
    .description('let kubectl into a cluster for a day, as the one whose API key this is')
    .option('--merge', 'put it into your kubeconfig ($KUBECONFIG or ~/.kube/config) instead of printing it')
    .option('--use', 'with --merge: make it the current context')
    .option('--output-file <file>', 'write it to this file; with --merge, put it into this one')
    .addHelpText(
      'after',
      `
It holds a private key: whoever has the file is an administrator of the cluster until it expires.

  overcast kubeconfig four-clouds --merge --use
  kubectl get nodes -o wide`,
    )
    .action(async (nameOrId: string, options: KubeconfigOptions) => {
      const { merge = false, use = false, outputFile } = options;
      if (use && !merge)
        throw new UsageError('--use goes with --merge: a file of its own has but one cluster');
      const { kubeconfig, expiresAt, user } = await surroundings.api().issueKubeconfig(nameOrId);
      const validity = `for ${user}, valid until ${expiresAt}`;
      if (!merge && outputFile === undefined) {
        surroundings.stdout(kubeconfig);
        if (surroundings.isOutputTerminal)
          surroundings.stderr(
            `\nThis is a secret ${validity}. \`overcast kubeconfig ${nameOrId} --merge\` puts it where kubectl looks.\n`,
          );
        return;
      }
      const path = outputFile ?? surroundings.kubeconfigPath();
      const file = await changeKubeconfig(path, (existing) =>
        inWordsOf(path, () => {
          if (merge) return mergeKubeconfig(existing, kubeconfig, { use });
          if (holdsOthers(existing))
            throw new UsageError(`${path} has more than Overcast's clusters: --merge keeps what is there`);
          return kubeconfig;
        }),
      );
      surroundings.stdout(`${file} lets kubectl into ${contextsOf(kubeconfig).join(', ')} (${validity})\n`);
    });
}

/** What is wrong with the user's file is theirs to mend, and they may have several. */
function inWordsOf(path: string, act: () => string): string {
  try {
    return act();
  } catch (error) {
    if (error instanceof KubeconfigUnreadable || error instanceof KubeconfigNameTaken)
      throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}
