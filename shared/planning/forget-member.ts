import type { Cluster, Forgetting } from '../domain/cluster.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Instruction } from '../domain/node-protocol.ts';
import { overlayAddress, type Node } from '../domain/node.ts';
import { isMember } from './find-losses.ts';
import { isRestoring } from './restoring.ts';

/** A control plane's last-seen time is written every 5 minutes at least. */
const heardOfSecondsMax = 7 * 60;

/** Whoever was admitted may have been told to join, and may have got as far as etcd. */
export const mayBeMember = (node: Node): boolean =>
  node.role === 'control-plane' &&
  node.memberForgottenAt === undefined &&
  (node.sessionHash !== undefined || node.joinedAt !== undefined);

/**
 * Whether the other control planes have to strike this one off etcd's members: a dead member counts against the quorum, and
 * its next machine would be taken for it. Never the last one, and nobody is asked who does not answer.
 *
 * @param node one that goes, or whose machine was given up.
 */
export function mustBeForgotten(options: {
  cluster: Pick<Cluster, 'initialisedAt' | 'desired' | 'restore'>;
  node: Node;
  nodes: readonly Node[];
  now: Instant;
}): boolean {
  const { cluster, node, nodes, now } = options;
  if (cluster.initialisedAt === undefined || cluster.desired === 'absent' || !mayBeMember(node)) return false;
  // The new etcd never knew it, and the old one could not be asked.
  if (isRestoring(cluster)) return false;
  return nodes.some(
    (other) =>
      other.number !== node.number &&
      isMember(other) &&
      other.desired === 'present' &&
      other.failure === undefined &&
      other.lastSeenAt !== undefined &&
      secondsBetween(other.lastSeenAt, now) <= heardOfSecondsMax,
  );
}

/**
 * What a control plane that serves is told. Another try is another instruction, since none is carried out twice, and so is
 * another asking: somebody with an older view asks for what was done already, and waits for an answer all the same.
 */
export const forgetInstruction = ({ number, attempt, tries, since }: Forgetting): Instruction => ({
  id: `forget-member-${number}-${attempt}-${tries}-${Date.parse(since)}`,
  kind: 'forget-member',
  endpoint: overlayAddress(number),
});

/**
 * Who asked was too late. Either the node's next machine serves at the same overlay address by now, and the one that would
 * be struck off is the wrong one; or it was struck off while somebody with an older view of it asked once more, and no agent
 * carries out the same instruction twice.
 */
export const isForgettingOver = (forgetting: Forgetting, nodes: readonly Node[]): boolean =>
  nodes.some(
    ({ number, attempt, joinedAt, memberForgottenAt }) =>
      number === forgetting.number &&
      (attempt === forgetting.attempt
        ? memberForgottenAt !== undefined
        : attempt > forgetting.attempt && joinedAt !== undefined),
  );
