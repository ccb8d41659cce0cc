import type { ClusterDetails, ClusterView, NodeView } from '../shared/domain/api-types.ts';
import type { TimelineEntry } from '../shared/domain/timeline.ts';
import { age, colourOf, formatTable } from './table.ts';

export const outputFormats = ['table', 'json'] as const;
export type OutputFormat = (typeof outputFormats)[number];

const clouds = (cluster: ClusterView): string => cluster.clouds.map(({ cloud }) => cloud).join(',');

export const clusterTable = (clusters: readonly ClusterView[], now: number): string =>
  formatTable<ClusterView>(
    [
      { title: 'NAME', value: ({ name }) => name },
      { title: 'STATUS', value: ({ status }) => status, colour: ({ status }) => colourOf(status) },
      { title: 'REGION', value: ({ region }) => region },
      { title: 'CLOUDS', value: clouds },
      { title: 'VERSION', value: ({ kubernetesVersion }) => kubernetesVersion },
      { title: 'AGE', value: ({ createdAt }) => age(createdAt, now) },
    ],
    clusters,
  );

export const nodeTable = (nodes: readonly NodeView[], now: number): string =>
  formatTable<NodeView>(
    [
      { title: 'NUMBER', value: ({ number }) => String(number) },
      { title: 'ROLE', value: ({ role }) => role },
      { title: 'CLOUD', value: ({ cloud }) => cloud },
      { title: 'TYPE', value: ({ instanceType }) => instanceType },
      { title: 'LIFECYCLE', value: ({ lifecycle }) => lifecycle },
      { title: 'PHASE', value: ({ phase }) => phase, colour: ({ phase }) => colourOf(phase) },
      { title: 'OVERLAY', value: ({ overlayAddress }) => overlayAddress },
      { title: 'PUBLIC', value: ({ publicAddress }) => publicAddress ?? '-' },
      { title: 'AGE', value: ({ createdAt }) => age(createdAt, now) },
    ],
    nodes,
  );

export const eventTable = (events: readonly TimelineEntry[]): string =>
  formatTable<TimelineEntry>(
    [
      { title: 'TIME', value: ({ at }) => at },
      { title: 'EVENT', value: ({ event }) => event },
      { title: 'NODE', value: ({ nodeNumber }) => (nodeNumber === undefined ? '-' : String(nodeNumber)) },
      { title: 'WHO', value: ({ who }) => who },
      { title: 'WHAT', value: ({ message }) => message },
    ],
    events,
  );

/** One cluster in full, for people. */
export function clusterText(cluster: ClusterDetails, now: number): string {
  const facts: [string, string | undefined][] = [
    ['Name', cluster.name],
    ['Id', cluster.id],
    ['Status', `${cluster.status}${cluster.statusReason === undefined ? '' : `: ${cluster.statusReason}`}`],
    ['Region', cluster.region],
    ['Configuration', cluster.configuration],
    ['Kubernetes', cluster.kubernetesVersion],
    ['VPN', cluster.vpn],
    ['Pod range', cluster.podRange],
    ['Created', `${cluster.createdAt} by ${cluster.createdBy}`],
    ['Ready', cluster.readyAt],
    ['Deletion asked', cluster.deletionRequestedAt],
    [
      'Working on',
      cluster.operation === undefined
        ? undefined
        : `${cluster.operation.kind} since ${cluster.operation.startedAt}`,
    ],
  ];
  const networks = cluster.cloudParts.map(
    ({ cloud, network, failure }) =>
      `  ${cloud.padEnd(13)} ${failure === undefined ? (network ?? 'no network yet') : `${failure.error}: ${failure.message}`}`,
  );
  const findings = cluster.findings.map(
    ({ cloud = '', message, remedy }) => `  ${cloud.padEnd(13)} ${message}: ${remedy}`,
  );
  return [
    ...facts
      .filter(([, value]) => value !== undefined)
      .map(([title, value]) => `${`${title}:`.padEnd(16)}${value}`),
    'Networks:',
    ...networks,
    ...(findings.length === 0 ? [] : ['Findings:', ...findings]),
    'Nodes:',
    nodeTable(
      cluster.nodes.filter(({ phase }) => phase !== 'deleted'),
      now,
    ),
  ].join('\n');
}
