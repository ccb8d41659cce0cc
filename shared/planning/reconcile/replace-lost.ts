import { nodesPerPlanMax, type Node } from '../../domain/node.ts';
import { isMember, type Loss } from '../find-losses.ts';
import { isRestoring } from '../restoring.ts';
import { isGoing, type Action, type Strategy, type View } from './view.ts';

export const replaceLost: Strategy = {
  name: 'lost nodes',
  reason: 'what was asked for is to be there again, without anybody’s doing',
  decide: (view) => {
    const { cluster, losses } = view;
    // Without a quorum nobody can join: then only a snapshot helps.
    if (isGoing(cluster) || cluster.operation !== undefined || losses.quorum.isLost) return [];
    if (isRestoring(cluster)) return [];
    const lost = losses.losses.filter((loss) => mayBeReplaced(loss, view));
    const standIn = lost.filter(({ node }) => hasSuccessor(node, view));
    const unplanned = lost.filter(({ node }) => !hasSuccessor(node, view));
    return [
      ...standIn.map(({ node, why }): Action => ({
        kind: 'retire',
        number: node.number,
        because: `node ${node.number}: ${why}, and another is planned in its place`,
        isLost: true,
      })),
      ...replace(cluster.pendingPlan === undefined ? next(unplanned, view) : []),
    ];
  },
};

const mayBeReplaced = ({ node, isConfirmed }: Loss, { losses, parts }: View): boolean =>
  isConfirmed &&
  node.desired === 'present' &&
  node.operation === undefined &&
  !losses.paused.some(({ cloud }) => cloud === node.cloud) &&
  // What a cloud shows that fails otherwise is not to be relied upon, nor would it give a machine.
  !parts.some(({ cloud, failure }) => cloud === node.cloud && failure !== undefined);

const hasSuccessor = ({ id }: Node, { cluster, nodes }: View): boolean =>
  [...nodes, ...(cluster.pendingPlan?.nodes ?? [])].some(({ replaces }) => replaces === id);

/** Every worker at once; of the control planes one, and only while none other comes or goes. */
function next(lost: readonly Loss[], { cluster, nodes }: View): readonly Loss[] {
  const workers = lost.filter(({ node }) => node.role === 'worker');
  const first = lost.find(({ node }) => node.role === 'control-plane');
  const isMoving =
    cluster.forgetting !== undefined ||
    nodes.some(
      (node) => node.role === 'control-plane' && node.number !== first?.node.number && isComingOrGoing(node),
    );
  return [...(first === undefined || isMoving ? [] : [first]), ...workers].slice(0, nodesPerPlanMax);
}

const isComingOrGoing = (node: Node): boolean =>
  node.desired === 'absent'
    ? node.phase !== 'deleted'
    : !isMember(node) && node.phase !== 'failed' && node.phase !== 'deleted';

const replace = (lost: readonly Loss[]): readonly Action[] =>
  lost.length === 0
    ? []
    : [
        {
          kind: 'replace',
          numbers: lost.map(({ node }) => node.number),
          because: lost.map(({ node, why }) => `node ${node.number}: ${why}`).join('; '),
          letGo: true,
        },
      ];
