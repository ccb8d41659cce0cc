import { cloudNames, type CloudName } from '../domain/cloud.ts';
import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { Sighting } from '../domain/observation.ts';

/** A machine that was just made may be hidden from lists for a while. */
const missingGraceSeconds = 120;
/** Ten minutes without a word: an agent syncs at least every 60 s, and its time is written at least every 5 min. */
export const silentSecondsMax = 900;
/** A node that joined is ready within a minute or two, once its network plugin runs. */
const unreadySecondsMax = 600;
/** A list may be wrong once; what is gone is gone in the next look too. */
const goneSecondsMin = 30;
/** Whoever initialised a cluster says within a sync or two that it has joined it. */
const initialisedSecondsMin = 900;
/** Somebody who stops a machine may start it again. */
const stoppedSecondsMin = 600;

/**
 * So many of a cloud's nodes, and more than a third of them, lost at once is no loss of machines but something larger: people
 * are to look first. What they accepted as lost is no longer counted.
 */
const pausedFrom = 3;

/** A node whose machine no longer does its work. */
export interface Loss {
  readonly node: Node;
  readonly kind: 'gone' | 'stopped' | 'silent' | 'unready';
  /** `its machine is gone` */
  readonly why: string;
  /** Seen for long enough, and not by somebody who sees nobody: a reason to act. */
  readonly isConfirmed: boolean;
  /** People looked and said so. */
  readonly isAccepted: boolean;
}

export interface Losses {
  readonly losses: readonly Loss[];
  /** Where nothing is replaced. */
  readonly paused: readonly { readonly cloud: CloudName; readonly lost: number; readonly of: number }[];
  readonly quorum: { readonly members: number; readonly lost: number; readonly isLost: boolean };
}

export const lossFingerprint = ({ node, kind }: Pick<Loss, 'node' | 'kind'>): string =>
  `${kind === 'gone' || kind === 'stopped' ? 'machine-missing' : 'node-unresponsive'}:${node.number}:${node.attempt}`;

/**
 * Which nodes are lost, and what that means for their cloud and for the cluster. What nobody looked at lately is unknown,
 * and unknown is never lost.
 *
 * @param known the findings of the last sweep: they say since when something has been so.
 * @param acceptedAt what was found until then is lost, people say.
 * @param fresh what was seen lately.
 * @param initialisedAt since when the cluster has an etcd.
 */
export function findLosses(options: {
  nodes: readonly Node[];
  fresh: readonly Sighting[];
  known: readonly Finding[];
  acceptedAt?: Instant | undefined;
  initialisedAt?: Instant | undefined;
  now: Instant;
}): Losses {
  const { nodes, fresh, known, acceptedAt, initialisedAt, now } = options;
  const isHeardOf = ({ lastSeenAt }: Node): boolean =>
    lastSeenAt !== undefined && secondsBetween(lastSeenAt, now) <= silentSecondsMax;
  const isServedBy = nodes.some(
    (node) =>
      node.role === 'control-plane' &&
      node.desired === 'present' &&
      node.phase === 'ready' &&
      isHeardOf(node),
  );
  const losses = nodes.flatMap((node): readonly Loss[] => {
    const found = lossOf(node, fresh, now, isServedBy);
    if (found === undefined) return [];
    const since = known.find(
      ({ fingerprint }) => fingerprint === lossFingerprint({ node, ...found }),
    )?.seenAt;
    const seconds = since === undefined ? 0 : secondsBetween(since, now);
    const isAccepted = since !== undefined && acceptedAt !== undefined && since <= acceptedAt;
    const isConfirmed = {
      gone: seconds >= goneSecondsMin,
      stopped: seconds >= stoppedSecondsMin,
      // When nobody at all is heard of, it is more likely that we hear nothing.
      silent: nodes.some((other) => other.number !== node.number && isHeardOf(other)),
      unready: true,
    }[found.kind];
    return [{ node, ...found, isConfirmed, isAccepted }];
  });

  const paused = cloudNames.flatMap((cloud) => {
    const here = nodes.filter(
      (node) => node.cloud === cloud && node.desired === 'present' && servingSince(node) !== undefined,
    );
    const lost = losses.filter(
      ({ node, isAccepted }) => node.cloud === cloud && node.desired === 'present' && !isAccepted,
    ).length;
    return lost >= pausedFrom && lost * 3 > here.length ? [{ cloud, lost, of: here.length }] : [];
  });
  const hasEtcd = initialisedAt !== undefined && secondsBetween(initialisedAt, now) > initialisedSecondsMin;
  return { losses, paused, quorum: quorumOf(nodes, losses, hasEtcd) };
}

/** From when on a node is missed; one that joined and was never ready has nobody else who waits for it. */
const servingSince = ({ phase, readyAt, joinedAt }: Node): Instant | undefined =>
  phase === 'ready' || phase === 'draining'
    ? (readyAt ?? joinedAt)
    : phase === 'booting' || phase === 'joining'
      ? joinedAt
      : undefined;

/** Only a node that serves is missed, only by an observation that is fresh and younger than its readiness. */
function lossOf(
  node: Node,
  fresh: readonly Sighting[],
  now: Instant,
  isServedBy: boolean,
): Pick<Loss, 'kind' | 'why'> | undefined {
  const since = servingSince(node);
  if (since === undefined) return undefined;
  const sighting = fresh.find(({ cloud }) => cloud === node.cloud);
  if (
    sighting !== undefined &&
    node.providerId !== undefined &&
    secondsBetween(since, sighting.at) >= missingGraceSeconds
  ) {
    const machine = sighting.observation.machines.find(({ providerId }) => providerId === node.providerId);
    if (machine === undefined) return { kind: 'gone', why: 'its machine is gone' };
    if (machine.state === 'stopped' || machine.state === 'stopping')
      return { kind: 'stopped', why: `its machine is ${machine.state}` };
  }
  if (node.lastSeenAt !== undefined && secondsBetween(node.lastSeenAt, now) > silentSecondsMax)
    return { kind: 'silent', why: `it was last heard of at ${node.lastSeenAt}` };
  // Without an API server that answers nobody becomes ready, and no new machine would.
  const isUnready =
    node.phase !== 'ready' &&
    node.desired === 'present' &&
    isServedBy &&
    secondsBetween(since, now) > unreadySecondsMax;
  return isUnready ? { kind: 'unready', why: `it joined at ${since} and has not become ready` } : undefined;
}

/** Whether a control plane's etcd is counted as a member: from its joining until the others have forgotten it. */
export const isMember = (node: Node): boolean =>
  node.role === 'control-plane' &&
  node.joinedAt !== undefined &&
  node.phase !== 'deleted' &&
  node.memberForgottenAt === undefined;

/** Where there was an etcd and none of its members is left, nobody can join what is made anew, and nothing will ever serve. */
function quorumOf(nodes: readonly Node[], losses: readonly Loss[], hasEtcd: boolean): Losses['quorum'] {
  const members = nodes.filter(isMember);
  const lost = members.filter(
    (member) =>
      member.phase === 'deleting' ||
      losses.some(({ node, isConfirmed }) => isConfirmed && node.number === member.number),
  ).length;
  const majority = Math.floor(members.length / 2) + 1;
  const isWanted = nodes.some(({ role, desired }) => role === 'control-plane' && desired === 'present');
  const isLost = members.length === 0 ? hasEtcd && isWanted : members.length - lost < majority;
  return { members: members.length, lost, isLost };
}
