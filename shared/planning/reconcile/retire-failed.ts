import { isGoing, isIdle, type Strategy } from './view.ts';

export const retireFailed: Strategy = {
  name: 'failed purchases',
  reason:
    'what a policy bought and did not get is no loss of anybody’s: it is planned anew with what is known by then',
  decide: ({ cluster, nodes }) =>
    isGoing(cluster)
      ? []
      : nodes
          .filter(
            (node) => node.boughtFor !== undefined && node.phase === 'failed' && isIdle(node, 'present'),
          )
          .map(({ number, failure }) => ({
            kind: 'retire' as const,
            number,
            because: `node ${number} came to nothing: ${failure?.reason ?? 'no reason given'}`,
            isLost: false,
          })),
};
