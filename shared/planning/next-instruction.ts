import type { Cluster, Holder, Restore } from '../domain/cluster.ts';
import { plusSeconds, secondsBetween, type Instant } from '../domain/ids.ts';
import type { Mesh } from '../domain/mesh.ts';
import { apiServerPort } from '../domain/network.ts';
import type { Instruction, SyncRequest } from '../domain/node-protocol.ts';
import type { Node } from '../domain/node.ts';
import { planSnapshot, type SnapshotDecision } from './plan-snapshot.ts';
import { forgetInstruction, isForgettingOver, mayBeMember } from './forget-member.ts';
import { formerControlPlanes, isRestoring } from './restoring.ts';
import { holdsUpgradeStep, upgradeInstruction } from './upgrading.ts';

/** A control plane that was not heard of for longer need not acknowledge a newcomer: it may be dead. */
export const seenSecondsMax = 30;

/** A joiner that still waits says so anew in the second half of this time. */
const expectedSecondsMax = 600;

export const syncSeconds = { bootstrap: 3, controlPlane: 5, worker: 60 } as const;

/** What the platform does before it can say more: one conditional write, after which it decides again. */
export type Need =
  | { readonly write: 'claim-init' | 'lease-join'; readonly observedGone?: Holder }
  | { readonly write: 'drop-forgetting'; readonly forgetting: Holder }
  | { readonly write: 'claim-restore'; readonly restore: Restore }
  /** That somebody waits to join, so that the control planes say at short intervals that they serve. */
  | { readonly write: 'expect-joiner'; readonly until: Instant }
  | Extract<SnapshotDecision, { readonly need: unknown }>['need'];

export interface NextInstructionInput {
  readonly cluster: Cluster;
  readonly node: Node;
  /** Every node of the cluster, read after the cluster was; may be empty for a node that is ready, while nobody is forgotten. */
  readonly nodes: readonly Node[];
  readonly mesh: Mesh;
  readonly sync: SyncRequest;
  readonly now: Instant;
  /** Whether there is a bucket for etcd snapshots. */
  readonly takesSnapshots?: boolean;
}

export type Decision =
  | { readonly instruction: Instruction; readonly syncAfterSeconds: number }
  | { readonly need: Need };

const initHolder = ({ initNode: number, initAttempt: attempt = 0 }: Cluster): Holder | undefined =>
  number === undefined ? undefined : { number, attempt };
const joinHolder = ({ joinNode: number, joinAttempt: attempt = 0 }: Cluster): Holder | undefined =>
  number === undefined ? undefined : { number, attempt };
const isHeldBy = (holder: Holder | undefined, machine: Holder): boolean =>
  holder?.number === machine.number && holder.attempt === machine.attempt;

/** Whether this machine, and not just its node, may run kubeadm init while nothing is initialised. */
export const holdsInitClaim = (cluster: Cluster, machine: Holder): boolean =>
  isHeldBy(initHolder(cluster), machine);
/** Whether this machine, and not just its node, is the control plane that may join now. */
export const holdsJoinLease = (cluster: Cluster, machine: Holder): boolean =>
  isHeldBy(joinHolder(cluster), machine);

/**
 * The machine that holds something is no longer there, or was given up and is believed no more: what it held may pass on.
 * An attempt begins only when nothing is left of the one before, and whoever holds something was admitted: so a later
 * attempt, or a node in `creating`, has lost the machine that took it.
 */
const isGone = (holder: Holder, node: Node | undefined): boolean =>
  node === undefined ||
  node.attempt > holder.attempt ||
  // Of an earlier attempt than the holder's: what was read of the node is older than the claim, and proves nothing.
  (node.attempt === holder.attempt &&
    (node.phase === 'deleted' || node.phase === 'failed' || node.phase === 'creating'));

/**
 * Who may init, join, run or must leave: decided here and nowhere else.
 *
 * - Leaving comes first: a node whose cloud takes it back hands over its work within seconds, all by itself. One that only
 *   is to go serves on until RetireNode has taken it out of its load balancer, and its work off it.
 * - init is given to the one machine that holds the claim. The claim moves only while nothing is initialised and its
 *   holder is gone, also to the next machine of the same node; after that nobody is ever told to init again.
 * - Control planes join one at a time (etcd takes one learner), workers any number, each once every control plane that was
 *   heard of lately, and at least one, has acknowledged the mesh version that added the newcomer.
 * - In a quiet cluster nobody's time is written often enough for that: who waits says so first.
 * - A control plane that goes is struck off etcd's members by those that serve, all of them told alike, since it is right
 *   when done again; until then none joins: a dead member counts against the quorum.
 * - The control plane whose turn it is upgrades itself; until it has, none joins.
 * - A cluster that lost its quorum is restored by the one new control plane that was planned for it, and by no machine while
 *   any other control plane's machine may be there: two etcds never serve side by side. Everybody else waits. It is not init.
 * - An instruction's id carries the attempt: the next machine of the same node begins anew, the same machine never does.
 */
export function nextInstruction(input: NextInstructionInput): Decision {
  const { cluster, node, nodes, sync } = input;
  const say = (kind: Instruction['kind'], rest: Partial<Instruction> = {}): Decision => ({
    instruction: { id: `${kind}-${node.number}-${node.attempt}`, kind, ...rest },
    syncAfterSeconds: sync.phase === 'ready' && kind === 'run' ? steadySeconds(node) : syncSeconds.bootstrap,
  });
  const wait = (reason: string): Decision => say('wait', { reason });

  const numbered = (number: number): Node | undefined => nodes.find((each) => each.number === number);

  const hasWork = sync.phase === 'joined' || sync.phase === 'ready' || sync.phase === 'leaving';
  if (sync.phase === 'left') return wait('the machine to be deleted');
  // Without a quorum a control plane has nothing that it could hand over, and nobody to ask.
  if (node.desired === 'absent' && node.role === 'control-plane' && isRestoring(cluster))
    return wait('the machine to be deleted');
  const isTakenBack = sync.interruption?.kind === 'terminate' || sync.phase === 'leaving';
  if (isTakenBack && hasWork) return say('leave');
  // Its work is taken off it by the platform, which minds disruption budgets; until then it serves like any other.
  if (node.desired === 'absent')
    return hasWork ? say('run', controlPlanesFor(input)) : wait('the machine to be deleted');
  if (sync.phase === 'failed' || node.failure !== undefined) return wait('the machine to be replaced');
  const { forgetting } = cluster;
  if (sync.phase === 'joined' || sync.phase === 'ready') {
    const isSettled = node.role === 'control-plane' && sync.phase === 'ready' && node.joinedAt !== undefined;
    if (node.role === 'worker' || forgetting === undefined || forgetting.number === node.number) {
      if (isSettled && holdsUpgradeStep(cluster, node))
        return {
          instruction: upgradeInstruction(cluster.upgrade, cluster.upgrade.step),
          syncAfterSeconds: syncSeconds.bootstrap,
        };
      const snapshot = input.takesSnapshots === true && isSettled ? planSnapshot(input) : undefined;
      return snapshot ?? say('run', controlPlanesFor(input));
    }
    return isForgettingOver(forgetting, nodes)
      ? { need: { write: 'drop-forgetting', forgetting } }
      : { instruction: forgetInstruction(forgetting), syncAfterSeconds: syncSeconds.bootstrap };
  }
  // A sync that arrives late: the machine is further by now, and must take no lease for it.
  if (node.joinedAt !== undefined) return wait('its next sync');
  if (cluster.vpn !== 'cloud-vpn' && !input.mesh.members.some((member) => member.number === node.number))
    return wait('its place in the mesh');

  if (isRestoring(cluster)) {
    const { restore } = cluster;
    if (node.number !== restore.number) return wait('the cluster to be restored');
    const [former] = formerControlPlanes(restore, nodes);
    if (former !== undefined) return wait(`the machine of control plane ${former.number} to be gone`);
    if (restore.attempt === node.attempt) return say('restore');
    // An attempt begins only when nothing is left of the one before: what an earlier one held passes on.
    return (restore.attempt ?? 0) < node.attempt
      ? { need: { write: 'claim-restore', restore } }
      : wait('the machine to be replaced');
  }
  if (cluster.initialisedAt === undefined) {
    if (node.role === 'worker') return wait('the first control plane');
    const claimant = initHolder(cluster);
    if (claimant === undefined) return { need: { write: 'claim-init' } };
    if (isHeldBy(claimant, node)) return say('init');
    return isGone(claimant, numbered(claimant.number))
      ? { need: { write: 'claim-init', observedGone: claimant } }
      : wait('the first control plane');
  }

  const acknowledged = acknowledgement(input);
  if (acknowledged.missing !== undefined) {
    const until = plusSeconds(input.now, expectedSecondsMax);
    const isExpected = secondsBetween(input.now, cluster.joinerUntil ?? input.now) > expectedSecondsMax / 2;
    return acknowledged.isNobodySeen === true && !isExpected
      ? { need: { write: 'expect-joiner', until } }
      : wait(acknowledged.missing);
  }
  const join = say('join', { endpoint: endpointsOf(acknowledged.serving) });
  if (node.role === 'worker') return join;
  const leaving = forgetting ?? nodes.find((each) => each.desired === 'absent' && isStillMember(each));
  if (leaving !== undefined) return wait(`control plane ${leaving.number} to be forgotten`);
  const upgraded = cluster.upgrade?.step;
  if (upgraded !== undefined) return wait(`control plane ${upgraded.number} to be upgraded`);
  const holder = joinHolder(cluster);
  if (holder === undefined) return { need: { write: 'lease-join' } };
  if (isHeldBy(holder, node)) return join;
  const holding = numbered(holder.number);
  // One that joined and died before it could let go holds up nobody.
  return isGone(holder, holding) || holding?.joinedAt !== undefined
    ? { need: { write: 'lease-join', observedGone: holder } }
    : wait(`control plane ${holder.number} to join`);
}

const isStillMember = (node: Node): boolean => mayBeMember(node) && node.phase !== 'deleted';

/** `10.4.0.1:6443,10.4.0.2:6443` */
const endpointsOf = (controlPlanes: readonly { readonly overlayAddress: string }[]): string =>
  controlPlanes.map(({ overlayAddress }) => `${overlayAddress}:${apiServerPort}`).join(',');

/**
 * Where a worker finds API servers from now on, whenever its peers are news to it, and once after it joined by those that
 * served just then. A control plane asks its own.
 */
function controlPlanesFor({ node, mesh, sync }: NextInstructionInput): Pick<Instruction, 'endpoint'> {
  const isNews = sync.meshVersion !== mesh.version || sync.phase === 'joined';
  const controlPlanes = mesh.members.filter(({ role }) => role === 'control-plane');
  return node.role === 'worker' && isNews && controlPlanes.length > 0
    ? { endpoint: endpointsOf(controlPlanes) }
    : {};
}

const steadySeconds = (node: Node): number =>
  node.role === 'control-plane' ? syncSeconds.controlPlane : syncSeconds.worker;

/** The control planes to join at, once all that count know the way to the newcomer; else what is missing. */
function acknowledgement(
  input: NextInstructionInput,
):
  | { readonly missing: string; readonly isNobodySeen?: true; readonly serving?: never }
  | { readonly missing?: never; readonly serving: readonly Node[] } {
  const { mesh, node, nodes, sync, now } = input;
  const since = mesh.members.find((member) => member.number === node.number)?.sinceVersion ?? 0;
  const serving = nodes
    .filter(
      (each) => each.role === 'control-plane' && each.desired === 'present' && each.number !== node.number,
    )
    .filter((each) => each.joinedAt !== undefined && each.failure === undefined)
    .filter((each) => each.lastSeenAt !== undefined && secondsBetween(each.lastSeenAt, now) <= seenSecondsMax)
    .toSorted((a, b) => a.number - b.number);
  if (serving.length === 0) return { missing: 'a control plane that answers', isNobodySeen: true };
  const behind = serving.find((each) => (each.meshVersion ?? 0) < since);
  if (behind !== undefined) return { missing: `control plane ${behind.number} to learn the way here` };
  if (sync.meshVersion < since) return { missing: 'its own peers' };
  return { serving };
}
