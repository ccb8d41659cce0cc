import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import type { ClusterDetails, NodeView } from '../shared/domain/api-types.ts';
import { colourOf, formatTable } from './table.ts';

/** Where progress goes: a terminal is redrawn in place, anything else gets a line for each change. */
export interface ProgressOutput {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  /** How wide the terminal is now; unknown is wide enough. */
  readonly columns?: () => number | undefined;
}

export interface Progress {
  show(cluster: ClusterDetails, elapsedSeconds: number): void;
  end(): void;
}

const cloudTitles = {
  aws: 'AWS',
  gcp: 'Google Cloud',
  azure: 'Azure',
  digitalocean: 'DigitalOcean',
} as const;

const titleWidth = Math.max(...Object.values(cloudTitles).map(({ length }) => length));

/** One cloud's column: its network, then its nodes, each with its phase. */
function cloudColumn(cluster: ClusterDetails, cloud: keyof typeof cloudTitles): readonly [string, string][] {
  const parts = cluster.cloudParts.find((each) => each.cloud === cloud);
  const network: [string, string] =
    parts?.failure !== undefined
      ? [`network: ${parts.failure.error}`, 'failed']
      : parts?.network === undefined
        ? ['network …', 'creating']
        : [`network ${parts.network}`, 'ready'];
  return [
    network,
    ...cluster.nodes
      .filter((node) => node.cloud === cloud && node.phase !== 'deleted')
      .map((node): [string, string] => [`${node.number} ${shortRole(node)} ${node.phase}`, node.phase]),
  ];
}

const shortRole = (node: NodeView): string => (node.role === 'control-plane' ? 'control plane' : 'worker');

/**
 * The picture of a cluster on its way: clouds side by side, the phase of each node under its cloud; one cloud a line
 * where the terminal is too narrow for that.
 */
export function progressPicture(
  cluster: ClusterDetails,
  elapsedSeconds: number,
  columns = Number.POSITIVE_INFINITY,
): string {
  const clouds = cluster.clouds.map(({ cloud }) => ({ cloud, cells: cloudColumn(cluster, cloud) }));
  const rows = Math.max(0, ...clouds.map(({ cells }) => cells.length));
  const table = formatTable(
    clouds.map(({ cloud, cells }) => ({
      title: cloudTitles[cloud],
      value: (row: number) => cells[row]?.[0] ?? '',
      colour: (row: number) => colourOf(cells[row]?.[1] ?? ''),
    })),
    Array.from({ length: rows }, (_, row) => row),
  );
  const fits = table.split('\n').every((line) => stripVTControlCharacters(line).length <= columns);
  const lines = clouds.map(
    ({ cloud, cells }) =>
      `${cloudTitles[cloud].padEnd(titleWidth)} ${cells.map(([text, phase]) => colourOf(phase)(text)).join(', ')}`,
  );
  const reason = cluster.statusReason === undefined ? '' : `: ${cluster.statusReason}`;
  return `${pc.bold(cluster.name)}  ${colourOf(cluster.status)(cluster.status)}  ${elapsedSeconds.toFixed(0)}s${reason}\n${fits ? table : lines.join('\n')}\n`;
}

/** Plain lines: only what changed since the last look. */
function changes(before: ClusterDetails | undefined, cluster: ClusterDetails): string[] {
  const lines: string[] = [];
  for (const part of cluster.cloudParts) {
    const was = before?.cloudParts.find((each) => each.cloud === part.cloud);
    if (part.network !== undefined && was?.network === undefined)
      lines.push(`${part.cloud}: network ${part.network} stands`);
    if (part.failure !== undefined && was?.failure?.at !== part.failure.at)
      lines.push(`${part.cloud}: ${part.failure.error}: ${part.failure.message}`);
  }
  const { upgrade } = cluster;
  if (upgrade?.at !== undefined && before?.upgrade?.at !== upgrade.at)
    lines.push(`control plane ${upgrade.at} is being upgraded to Kubernetes ${upgrade.to}`);
  for (const node of cluster.nodes) {
    const was = before?.nodes.find((each) => each.number === node.number);
    if (was?.phase !== node.phase)
      lines.push(
        `node ${node.number} (${node.cloud}, ${shortRole(node)}, ${node.instanceType}): ${node.phase}`,
      );
  }
  if (before?.status !== cluster.status)
    lines.push(
      `cluster ${cluster.name}: ${cluster.status}${cluster.statusReason === undefined ? '' : `: ${cluster.statusReason}`}`,
    );
  return lines;
}

export function createProgress(output: ProgressOutput): Progress {
  let shown: ClusterDetails | undefined;
  let lines = 0;
  return {
    show(cluster, elapsedSeconds) {
      if (output.isTerminal) {
        const picture = progressPicture(cluster, elapsedSeconds, output.columns?.());
        // Without wrapping, a line is a line, however long: else the next picture would not cover this one.
        output.write(`${lines === 0 ? '' : `\u001B[${lines}A\u001B[0J`}\u001B[?7l${picture}\u001B[?7h`);
        lines = picture.split('\n').length - 1;
      } else {
        for (const line of changes(shown, cluster))
          output.write(`${elapsedSeconds.toFixed(1).padStart(6)}s  ${line}\n`);
      }
      shown = cluster;
    },
    end() {
      lines = 0;
    },
  };
}
