import type { Cluster, ClusterStatus, CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import type { Node } from '../domain/node.ts';
import { isRestoreOver, isRestoring, restoreProgress, whyNotRestored } from './restoring.ts';

export interface StatusVerdict {
  readonly status: ClusterStatus;
  readonly reason?: string;
}

/** Runs of repair without success after which a cluster that was never ready has failed; it is still tried, each hour. */
export const repairAttemptsMax = 6;
/** Names the drift of a cluster whose plan is not carried out yet. */
export const generationFingerprint = ({ generation }: Pick<Cluster, 'generation'>): string =>
  `generation:${generation}`;

const reasonCharactersMax = 1024;

/**
 * A cluster's status from what is known of it, whatever it was before.
 *
 * `creating` until its plan is carried out and every node that is wanted is ready; from then on `ready`, or `degraded`
 * while something that was asked for is lost (a node on its way is not lost). `failed` when it never was ready and the
 * platform gave up, or when so many control planes are lost that only a snapshot helps; `restoring` from when that is asked
 * for until there are as many control planes as before.
 */
export function clusterStatus(options: {
  cluster: Cluster;
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  findings: readonly Finding[];
}): StatusVerdict {
  const { cluster, nodes, parts, findings } = options;
  if (cluster.status === 'deleted') return { status: 'deleted' };
  if (cluster.desired === 'absent') return { status: 'deleting' };

  const lastly = cluster.restore?.failure?.reason ?? whyNotRestored(cluster, nodes);
  if (lastly !== undefined)
    return {
      status: 'failed',
      ...because([`the restore from snapshot ${cluster.restore?.snapshot ?? ''} failed: ${lastly}`]),
    };
  if (isRestoring(cluster)) return { status: 'restoring', ...because([restoreProgress(cluster, nodes)]) };

  // Whatever else is wrong, nothing of it can be mended before this is.
  const quorum = findings.find(({ kind }) => kind === 'quorum-lost');
  if (quorum !== undefined) return { status: 'failed', ...because([quorum.message]) };

  const { restore } = cluster;
  if (restore !== undefined && restore.finishedAt === undefined && !isRestoreOver(cluster, nodes))
    return { status: 'restoring', ...because([restoreProgress({ restore }, nodes)]) };

  const wanted = nodes.filter((node) => node.desired === 'present');
  const failures = wanted
    .filter(({ phase }) => phase === 'failed')
    .map((node) => `node ${node.number}: ${node.failure?.reason ?? 'failed'}`);

  if (cluster.readyAt === undefined) {
    if (failures.length > 0) return { status: 'failed', ...because(failures) };
    const blocked = parts.flatMap(({ cloud, failure }) =>
      failure === undefined ? [] : [`${cloud}: ${failure.error}: ${failure.message}`],
    );
    const provisioned =
      cluster.provisionedGeneration >= cluster.generation && cluster.pendingPlan === undefined;
    if (provisioned && wanted.length > 0 && wanted.every(({ phase }) => phase === 'ready')) {
      return { status: 'ready' };
    }
    const gaveUp =
      !provisioned &&
      cluster.repairFingerprint === generationFingerprint(cluster) &&
      (cluster.repairAttempts ?? 0) >= repairAttemptsMax;
    // Nodes that joined and are lost: without them it never becomes ready.
    const lost = findings
      .filter(({ kind }) => kind === 'machine-missing' || kind === 'node-unresponsive')
      .map(({ message }) => message);
    return { status: gaveUp ? 'failed' : 'creating', ...because([...blocked, ...lost]) };
  }

  const lost = findings.filter(({ kind }) => !disturbsNobody.has(kind)).map(({ message }) => message);
  const reasons = [...failures, ...lost];
  if (reasons.length > 0) return { status: 'degraded', ...because(reasons) };
  return { status: 'ready' };
}

/**
 * What is stray or somebody else's, on its way out, a look that is due, the platform's own to renew; everything else is lost to
 * the cluster's users.
 */
const disturbsNobody: ReadonlySet<Finding['kind']> = new Set([
  'stray-machine',
  'surplus-machine',
  'stray-resource',
  'stranger',
  'cloud-unseen',
  'drain-held-up',
  'upgrade-stopped',
  'credential-due',
  'pods-unknown',
  'pods-waiting',
]);

const because = (reasons: readonly string[]): { reason?: string } =>
  reasons.length === 0 ? {} : { reason: reasons.join('; ').slice(0, reasonCharactersMax) };
