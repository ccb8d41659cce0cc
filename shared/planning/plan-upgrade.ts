import type { Cluster, Holder } from '../domain/cluster.ts';
import { plusSeconds, secondsBetween, type Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import { snapshotIdAt } from '../domain/snapshot.ts';
import type { Upgrade } from '../domain/upgrade.ts';
import type { Losses } from './find-losses.ts';
import { snapshotSeconds } from './plan-snapshot.ts';
import { isRestoring } from './restoring.ts';
import { isUpgrading, versionOf } from './upgrading.ts';

/** Packages, images and the restart of every static pod take minutes on a slow machine; an agent never takes longer. */
export const stepSecondsMax = 30 * 60;

/** What is next, and nothing but that: another look decides about what comes after it. */
export type UpgradeVerdict =
  /** `until`: nothing but time has to pass. */
  | { readonly verdict: 'wait'; readonly for: string; readonly until?: Instant }
  /** etcd's data are to be put away now: those of before the upgrade was asked for do not count. */
  | { readonly verdict: 'want-snapshot' }
  /** This control plane is to upgrade itself. */
  | { readonly verdict: 'step'; readonly holder: Holder }
  /** The step's machine is no more: its next one is of the new minor. */
  | { readonly verdict: 'drop-step'; readonly because: string }
  | { readonly verdict: 'stop'; readonly reason: string; readonly number: number }
  | { readonly verdict: 'control-planes-done' }
  /** Another worker is to come in this one's place. */
  | { readonly verdict: 'replace'; readonly number: number }
  /** Its successor serves; or it is one itself that came to nothing, and is tried once more. */
  | { readonly verdict: 'retire'; readonly number: number; readonly because: string }
  | { readonly verdict: 'finish' };

const wait = (what: string): Extract<UpgradeVerdict, { verdict: 'wait' }> => ({ verdict: 'wait', for: what });

/**
 * How a roll-out goes on: control planes one at a time, by instruction, each once the one before it serves again; then workers,
 * each by another one that comes first. It waits while anything of the cluster is in motion or lost, begins only once etcd's
 * data were put away after it was asked for, and stops at the first node that fails, with the cluster serving.
 *
 * @returns undefined when there is nothing to upgrade, or nobody wants it to go on.
 */
export function planUpgrade(view: {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  readonly losses: Losses;
  readonly now: Instant;
}): UpgradeVerdict | undefined {
  const { cluster } = view;
  if (!isUpgrading(cluster) || cluster.upgrade.stopped !== undefined) return undefined;
  const { upgrade } = cluster;
  // What has begun comes to its end also while nobody wants the next.
  if (upgrade.step !== undefined) return underWay(view, upgrade);
  const isPaused = upgrade.pausedAt !== undefined;
  return upgrade.controlPlanesAt === undefined
    ? nextControlPlane(view, upgrade, isPaused)
    : nextWorker(view, upgrade, isPaused);
}

type View = Parameters<typeof planUpgrade>[0];

function underWay({ nodes, now }: View, { step }: Upgrade): UpgradeVerdict | undefined {
  if (step === undefined) return undefined;
  const { number, attempt, since } = step;
  const node = nodes.find((each) => each.number === number);
  if (node === undefined || node.attempt !== attempt || node.desired === 'absent' || node.phase === 'deleted')
    return { verdict: 'drop-step', because: `control plane ${number} is no more` };
  if (secondsBetween(since, now) <= stepSecondsMax) return wait(`control plane ${number}`);
  return {
    verdict: 'stop',
    number,
    reason: `nothing was heard of it for ${Math.round(stepSecondsMax / 60)} minutes`,
  };
}

function nextControlPlane(view: View, upgrade: Upgrade, isPaused: boolean): UpgradeVerdict | undefined {
  const { cluster, nodes, losses, now } = view;
  const controlPlanes = nodes
    .filter(({ role, desired }) => role === 'control-plane' && desired === 'present')
    .toSorted((a, b) => a.number - b.number);
  const next = controlPlanes.find((node) => versionOf(node, cluster) !== upgrade.to);
  if (next === undefined) return { verdict: 'control-planes-done' };
  if (isPaused) return undefined;
  const { newestSnapshot = '', snapshotting, snapshotDueAt = now } = cluster;
  if (newestSnapshot < snapshotIdAt(upgrade.requestedAt)) {
    // One that was just being taken when it was asked for has put the next one off; one that failed is tried again by itself.
    const isPutOff = secondsBetween(now, snapshotDueAt) > snapshotSeconds.retry;
    return snapshotting === undefined && isPutOff ? { verdict: 'want-snapshot' } : wait('an etcd snapshot');
  }
  const inTheWay = whatMoves(view, controlPlanes);
  if (inTheWay !== undefined) return wait(inTheWay);
  const lost = losses.losses.find(({ node }) => node.role === 'control-plane');
  if (lost !== undefined) return wait(`control plane ${lost.node.number}, which looks lost`);
  const rest = restUntil(upgrade.steppedAt, upgrade);
  if (rest !== undefined && rest > now) return { ...wait(`the pause until ${rest}`), until: rest };
  return { verdict: 'step', holder: { number: next.number, attempt: next.attempt } };
}

/** Whatever a control plane's restart could meet half-way. */
function whatMoves({ cluster, nodes, losses }: View, controlPlanes: readonly Node[]): string | undefined {
  if (isRestoring(cluster) || losses.quorum.isLost) return 'the cluster to be restored';
  if (cluster.operation !== undefined) return `${cluster.operation.kind} to end`;
  if (cluster.pendingPlan !== undefined) return 'planned nodes to be asked for';
  if (cluster.forgetting !== undefined) return `control plane ${cluster.forgetting.number} to be forgotten`;
  if (cluster.joinNode !== undefined) return `control plane ${cluster.joinNode} to join`;
  const moving = controlPlanes.find(({ phase, operation }) => phase !== 'ready' || operation !== undefined);
  if (moving !== undefined) return `control plane ${moving.number} to be ready`;
  const going = nodes.find(
    ({ role, desired, phase }) => role === 'control-plane' && desired === 'absent' && phase !== 'deleted',
  );
  return going && `control plane ${going.number} to be gone`;
}

function nextWorker(view: View, upgrade: Upgrade, isPaused: boolean): UpgradeVerdict | undefined {
  const { cluster, nodes, now } = view;
  const isOld = (node: Node): boolean => versionOf(node, cluster) !== upgrade.to;
  const workers = nodes
    .filter(({ role, phase }) => role === 'worker' && phase !== 'deleted')
    .toSorted((a, b) => a.number - b.number);
  const old = workers.filter((node) => node.desired === 'present' && isOld(node) && node.phase !== 'planned');
  const going = workers.find((node) => node.desired === 'absent' && isOld(node));
  if (old.length === 0)
    return going === undefined ? { verdict: 'finish' } : wait(`node ${going.number} to be gone`);
  const { resumedAt = upgrade.requestedAt } = upgrade;
  for (const node of old) {
    const successors = nodes.filter(({ replaces }) => replaces === node.id);
    const failed = successors.find(
      (each) => each.failure !== undefined && each.createdAt > resumedAt && hasFailed(each),
    );
    if (failed !== undefined)
      return { verdict: 'stop', number: failed.number, reason: failed.failure?.reason ?? 'it failed' };
    const successor = successors.find(({ desired, phase }) => desired === 'present' && phase !== 'deleted');
    if (successor === undefined) continue;
    if (successor.phase === 'failed' && successor.operation === undefined)
      return {
        verdict: 'retire',
        number: successor.number,
        because: `node ${successor.number} came to nothing, and is tried once more`,
      };
    if (successor.phase !== 'ready') return wait(`node ${successor.number} to be ready`);
    return node.operation === undefined
      ? {
          verdict: 'retire',
          number: node.number,
          because: `node ${node.number} is of Kubernetes ${upgrade.from}, and node ${successor.number} is ready in its place`,
        }
      : wait(`${node.operation.kind} of node ${node.number}`);
  }
  if (going !== undefined) return wait(`node ${going.number} to be gone`);
  if (isPaused) return undefined;
  const inTheWay = whatMoves(view, []);
  if (inTheWay !== undefined) return wait(inTheWay);
  const rest = restUntil(lastReplacement(nodes, upgrade), upgrade);
  if (rest !== undefined && rest > now) return { ...wait(`the pause until ${rest}`), until: rest };
  const next = old.find(({ phase, operation }) => phase === 'ready' && operation === undefined);
  // What is neither ready nor failed was begun before the control planes were done, and is on its way.
  return next === undefined
    ? wait(`node ${old[0]?.number ?? ''} to be ready`)
    : { verdict: 'replace', number: next.number };
}

/** Given up; what a policy had bought is let go at once. */
const hasFailed = ({ phase, desired }: Node): boolean => phase === 'failed' || desired === 'absent';

/** When the last worker of before was gone. */
const lastReplacement = (nodes: readonly Node[], { controlPlanesAt, from }: Upgrade): Instant | undefined =>
  nodes
    .filter(({ role, kubernetesVersion = from }) => role === 'worker' && kubernetesVersion === from)
    .map(({ deletedAt }) => deletedAt)
    .filter((at) => at !== undefined)
    .reduce((last, at) => (last === undefined || at > last ? at : last), controlPlanesAt);

const restUntil = (last: Instant | undefined, { pauseSeconds }: Upgrade): Instant | undefined =>
  last === undefined || pauseSeconds === undefined ? undefined : plusSeconds(last, pauseSeconds);

/** Whether something is to happen soon; a pause is waited for as quietly as anything else. */
export function isUpgradeMoving(view: View): boolean {
  const verdict = planUpgrade(view);
  return verdict !== undefined && !(verdict.verdict === 'wait' && verdict.until !== undefined);
}
