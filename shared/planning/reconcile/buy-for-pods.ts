import { mayResize, type Strategy } from './view.ts';

export const buyForPods: Strategy = {
  name: 'unschedulable pods',
  reason: 'pods that fit on no node get the nodes that they need, at the lowest price over all clouds',
  decide: (view) => {
    const { pods } = view;
    if (pods === undefined || pods.buy.length === 0 || !mayResize(view)) return [];
    const count = pods.standing.waiting.length;
    const because =
      count === 0
        ? 'there is less headroom than the policy wants'
        : `${count === 1 ? '1 pod waits' : `${count} pods wait`} for room`;
    return [{ kind: 'plan', nodes: pods.buy, because }];
  },
};
