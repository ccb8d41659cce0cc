import { nodesPerPlanMax, type Node } from '../../domain/node.ts';
import { findInterrupted } from '../find-interrupted.ts';
import { isRestoring } from '../restoring.ts';
import { isGoing, type Action, type Strategy } from './view.ts';

export const replaceInterrupted: Strategy = {
  name: 'interrupted nodes',
  reason: 'what a cloud takes back is to be there again before it is gone, also where no event said so',
  decide: ({ cluster, nodes, losses }) => {
    if (isGoing(cluster) || losses.quorum.isLost || isRestoring(cluster)) return [];
    const { unplanned, released } = findInterrupted(cluster, nodes);
    const toPlan = cluster.pendingPlan === undefined ? unplanned.slice(0, nodesPerPlanMax) : [];
    return [
      ...released
        .filter(({ operation }) => operation === undefined)
        .map((node): Action => ({
          kind: 'retire',
          number: node.number,
          because: `${sentence(node)}, and another has begun in its place`,
          isLost: false,
        })),
      ...(toPlan.length === 0
        ? []
        : [
            {
              kind: 'replace' as const,
              numbers: toPlan.map(({ number }) => number),
              because: toPlan.map(sentence).join('; '),
              letGo: false,
            },
          ]),
    ];
  },
};

const sentence = ({ number, cloud }: Node): string => `node ${number} is being taken back by ${cloud}`;
