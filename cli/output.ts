import type {
  AppliedCluster,
  CloudView,
  ClusterDetails,
  ClusterView,
  ReconcilePlan,
  RestoreView,
  UpgradeView,
} from '../shared/domain/api-types.ts';
import type { CloudName } from '../shared/domain/cloud.ts';
import { describePolicyChange, policyChanges } from '../shared/domain/policy-change.ts';
import type { TimelineEntry } from '../shared/domain/timeline.ts';
import { nodeTable } from './node-table.ts';
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

/** What applying a file came to, or would come to. */
export function appliedText({ name, change, changes, nodes }: AppliedCluster, isDryRun: boolean): string {
  const lines = changes.map((each) => `  ${describePolicyChange(each)}`);
  if (!isDryRun || change === 'unchanged') return [`cluster ${name} ${change}`, ...lines].join('\n');
  if (change === 'changed') return [`cluster ${name} would change`, ...lines].join('\n');
  return [
    `cluster ${name} would be created`,
    ...nodes.map(
      ({ number, role, cloud, instanceType, lifecycle }) =>
        `  node ${number}: ${role}, ${cloud}, ${instanceType}, ${lifecycle}`,
    ),
  ].join('\n');
}

/** What is not as it should be, since when, and what is done about it. */
const findingLines = (findings: ClusterDetails['findings'], now: number): readonly string[] =>
  findings.length === 0
    ? []
    : [
        'Findings:',
        ...findings.map(
          ({ cloud = '', message, remedy, seenAt, unconfirmedSince }) =>
            `  ${cloud.padEnd(13)} ${message} (${age(seenAt, now)}${
              unconfirmedSince === undefined ? '' : `, not seen again for ${age(unconfirmedSince, now)}`
            }): ${remedy}`,
        ),
      ];

/** What would be done for a cluster, for people. */
export function planText(plan: ReconcilePlan, now: number): string {
  const looks = plan.seen.map(({ cloud, at }) => `${cloud} ${age(at, now)} ago`).join(', ');
  const actions =
    plan.actions.length === 0
      ? ['Nothing to do.']
      : ['Would:', ...plan.actions.map(({ action, because }) => `  ${action}: ${because}`)];
  return [
    `${plan.cluster.name} is ${plan.cluster.status}${looks === '' ? '' : `, seen in ${looks}`}`,
    ...findingLines(plan.findings, now),
    ...actions,
    ...(plan.repairNotBefore === undefined
      ? []
      : [`The next repair is not begun before ${plan.repairNotBefore}.`]),
  ].join('\n');
}

/** `clusterLimits.maxVcpus is 32; spot is on`. */
const policiesText = (policies: ClusterView['policies'] = {}): string =>
  policyChanges({}, policies).map(describePolicyChange).join('; ') || 'none';

/** `from snapshot 20261123T080000Z, asked for at … by ada: restored at …` */
function restoreText(restore: RestoreView): string {
  const { snapshot, requestedAt, requestedBy, restoredAt, finishedAt, failure } = restore;
  const became =
    failure !== undefined
      ? `failed at ${failure.at}: ${failure.reason}`
      : finishedAt !== undefined
        ? `done at ${finishedAt}`
        : restoredAt !== undefined
          ? `serves since ${restoredAt}, and is not complete yet`
          : 'under way';
  return `from snapshot ${snapshot}, asked for at ${requestedAt} by ${requestedBy}: ${became}`;
}

/** `to 1.37 from 1.36, asked for at … by ada: stopped at node 2: no space left on device`. */
export function upgradeText(upgrade: UpgradeView): string {
  const { from, to, requestedAt, requestedBy, at, controlPlanesAt, pausedAt, stopped, finishedAt } = upgrade;
  const phase =
    at !== undefined
      ? `control plane ${at} is being upgraded`
      : controlPlanesAt === undefined
        ? 'control planes first'
        : 'control planes are done, workers follow';
  const became =
    finishedAt !== undefined
      ? `done at ${finishedAt}`
      : stopped !== undefined
        ? `stopped${stopped.number === undefined ? '' : ` at node ${stopped.number}`}: ${stopped.reason}`
        : pausedAt !== undefined
          ? `paused since ${pausedAt}: ${phase}`
          : phase;
  return `to ${to} from ${from}, asked for at ${requestedAt} by ${requestedBy}: ${became}`;
}

/** Where what runs in it is reached from outside. */
function loadBalancerLines({ ingress, cloudParts, nodes }: ClusterDetails): readonly string[] {
  if (!ingress.loadBalancers) return [];
  const hasWorkers = (cloud: CloudName): boolean =>
    nodes.some((node) => node.cloud === cloud && node.role === 'worker' && node.desired === 'present');
  const state = ({ cloud, loadBalancer, loadBalancerFailure: failure }: CloudView): string => {
    if (failure !== undefined) return `${failure.error}: ${failure.message}`;
    if (loadBalancer !== undefined) return loadBalancer.dnsName ?? loadBalancer.addresses.join(', ');
    return hasWorkers(cloud) ? 'none yet' : 'none, since there are no workers';
  };
  return ['Load balancers:', ...cloudParts.map((part) => `  ${part.cloud.padEnd(13)} ${state(part)}`)];
}

/** At which names it is reached, and why there is none. */
function nameLines({ names }: ClusterDetails): readonly string[] {
  const line = (what: string, text: string): string => `  ${what.padEnd(13)} ${text}`;
  return [
    'Names:',
    ...(names.api === undefined ? [] : [line('API', names.api)]),
    ...(names.ingress === undefined ? [] : [line('ingress', `${names.ingress}, *.${names.ingress}`)]),
    ...names.missing.map((why) => line('missing', why)),
    ...(names.failure === undefined
      ? []
      : [line('failed', `${names.failure.error}: ${names.failure.message}`)]),
  ];
}

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
    ['Policies', policiesText(cluster.policies)],
    ['Created', `${cluster.createdAt} by ${cluster.createdBy}`],
    ['Ready', cluster.readyAt],
    ['Deletion asked', cluster.deletionRequestedAt],
    ['Restore', cluster.restore && restoreText(cluster.restore)],
    ['Upgrade', cluster.upgrade && upgradeText(cluster.upgrade)],
    [
      'Not deleted',
      cluster.deletionRefused && `${cluster.deletionRefused.reason} (${cluster.deletionRefused.at})`,
    ],
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
  return [
    ...facts
      .filter(([, value]) => value !== undefined)
      .map(([title, value]) => `${`${title}:`.padEnd(16)}${value}`),
    'Networks:',
    ...networks,
    ...loadBalancerLines(cluster),
    ...nameLines(cluster),
    ...findingLines(cluster.findings, now),
    'Nodes:',
    nodeTable(
      cluster.nodes.filter(({ phase }) => phase !== 'deleted'),
      now,
    ),
  ].join('\n');
}
