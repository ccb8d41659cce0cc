import { plusSeconds, secondsBetween, type Instant } from '../../domain/ids.ts';
import { nodeName, type Node } from '../../domain/node.ts';
import type { SeenNode } from '../../domain/workload.ts';
import { packPods } from '../pack-pods/pack-pods.ts';
import type { PackingOptions } from '../pack-pods/packing.ts';
import { vcpusOf } from '../purchases.ts';
import { isForTakingOver } from './consolidate-nodes.ts';
import { isIdle, mayResize, type Action, type Strategy, type View } from './view.ts';

/** Each is a packing of the whole cluster; what is left over goes with the next look. */
const triesMax = 10;

/**
 * Every worker, whoever asked for it: policies are for the cluster's workers. The last one stays unless workers are bought for
 * pods that need one. Headroom, the lower limit and pods that wait keep what they need.
 */
export const retireEmpty: Strategy = {
  name: 'empty nodes',
  reason: 'a worker on which nothing runs costs money, unless it would be bought again',
  decide: (view) => {
    const { cluster, nodes, pods } = view;
    const { nodeDeletion, clusterLimits, unschedulablePods } = cluster.policies;
    if (nodeDeletion === undefined || pods === undefined || !mayResize(view) || isMoving(view)) return [];
    const candidates = nodes
      .filter((node) => isEmptyFor(node, nodeDeletion.emptyMinutes, view))
      // The dearest first: what is left may be needed.
      .toSorted((a, b) => b.offering.usdPerHour - a.offering.usdPerHour || b.number - a.number)
      .slice(0, triesMax);
    const actions: Action[] = [];
    let [staying, options] = [nodes, pods.options];
    for (const node of candidates) {
      const left = staying.filter(({ number }) => number !== node.number);
      const without = { ...options, nodes: options.nodes.filter(({ name }) => name !== nameOf(view, node)) };
      const isLast = !left.some(({ role, desired }) => role === 'worker' && desired === 'present');
      if (vcpusOf(left) < (clusterLimits?.minVcpus ?? 0)) continue;
      if (isLast && unschedulablePods === undefined) continue;
      if (isMissed(options, without)) continue;
      [staying, options] = [left, without];
      actions.push({
        kind: 'retire',
        number: node.number,
        because: `node ${node.number} has been empty for ${nodeDeletion.emptyMinutes} minutes`,
        isLost: false,
      });
    }
    return actions;
  },
};

/** When the next empty worker may go: to be looked at then, and not when a quiet cluster would be. */
export function nextEmptyAt(view: View): Instant | undefined {
  const { nodeDeletion } = view.cluster.policies;
  if (nodeDeletion === undefined || !mayResize(view)) return undefined;
  return view.nodes
    .filter((node) => isEmptyFor(node, 0, view))
    .map((node) => plusSeconds(seenAs(node, view)?.emptySince ?? view.now, nodeDeletion.emptyMinutes * 60))
    .filter((at) => at > view.now)
    .toSorted()[0];
}

const nameOf = ({ cluster }: View, { number }: Node): string => nodeName(cluster.name, number);

/** While nodes come, what is empty may be meant for what they were bought for. */
const isMoving = ({ cluster, nodes, pods }: View): boolean =>
  cluster.pendingPlan !== undefined ||
  (pods?.buy.length ?? 0) > 0 ||
  nodes.some(
    ({ desired, phase }) =>
      desired === 'present' && phase !== 'ready' && phase !== 'failed' && phase !== 'deleted',
  );

const seenAs = (node: Node, view: View): SeenNode | undefined =>
  view.workload?.workload?.nodes.find(({ name }) => name === nameOf(view, node));

function isEmptyFor(node: Node, minutes: number, view: View): boolean {
  const seen = seenAs(node, view);
  return (
    node.role === 'worker' &&
    node.phase === 'ready' &&
    isIdle(node, 'present') &&
    node.interruption !== 'terminate' &&
    !isForTakingOver(node, view.now) &&
    seen?.emptySince !== undefined &&
    seen.doNotDisrupt !== true &&
    secondsBetween(seen.emptySince, view.now) >= minutes * 60
  );
}

/** Whether without it something would be bought, wait, or lack headroom. */
function isMissed(before: PackingOptions, after: PackingOptions): boolean {
  const [had, has] = [packPods(before), packPods(after)];
  const count = ({ unplaced }: typeof had): number => unplaced.reduce((sum, each) => sum + each.count, 0);
  return (
    has.newNodes.length > had.newNodes.length ||
    count(has) > count(had) ||
    (has.headroomMissing !== undefined && had.headroomMissing === undefined)
  );
}
