import { plusSeconds, secondsBetween, type Instant } from '../../domain/ids.ts';
import { nodeName, type Node } from '../../domain/node.ts';
import { isSameOffering, type Market } from '../../domain/offering.ts';
import { consolidate, mayHandOver } from '../consolidate/consolidate.ts';
import type { Consolidation, ConsolidationNode, ConsolidationOptions } from '../consolidate/consolidation.ts';
import { graceSeconds } from '../consolidate/may-go.ts';
import { offeringsToBuy, purchasesResumeAt } from '../purchases.ts';
import { isIdle, mayResize, type Action, type Strategy, type View } from './view.ts';

const hourSeconds = 3600;
/** A purchase that nothing could be handed over to is not repeated before: a node came for nothing, and went again. */
const vainPurchaseRestSeconds = 6 * hourSeconds;

/** What is bought for pods so soon after nodes were let go is bought because they were. */
const regretSeconds = 1800;
const regretHoursMax = 12;

export const consolidateNodes: Strategy = {
  name: 'consolidation',
  reason:
    'the same work on fewer or cheaper nodes: what is bought comes first, and only then goes what it stands for',
  onlyInQuiet: true,
  decide: (view) => {
    const { nodes, now } = view;
    const options = isSettled(view) ? optionsOf(view) : undefined;
    if (options === undefined) return [];
    const takingOver = nodes.find((node) => isTakingOverFrom(node, nodes, now).length > 0);
    // The purchase was made for this: whatever else would save something comes after it.
    if (takingOver !== undefined) return handOver(takingOver, options, view);
    const step = consolidate(options);
    return step === undefined ? [] : actionsFor(step, view);
  },
};

/** A purchase of consolidation that has just come up is empty until those go whose work is meant for it. */
export const isForTakingOver = ({ takesOverFrom, readyAt }: Node, now: Instant): boolean =>
  takesOverFrom !== undefined && readyAt !== undefined && secondsBetween(readyAt, now) < graceSeconds;

/** Whether a purchase of consolidation is there, and those that are to go for it are too. */
export const isTakingOver = (nodes: readonly Node[], now: Instant): boolean =>
  nodes.some((node) => isTakingOverFrom(node, nodes, now).length > 0);

const isTakingOverFrom = (node: Node, nodes: readonly Node[], now: Instant): readonly Node[] =>
  node.desired === 'present' && isForTakingOver(node, now)
    ? nodes.filter(({ id, desired }) => desired === 'present' && node.takesOverFrom?.includes(id) === true)
    : [];

/** Nothing comes, goes, is lost, unseen or being mended: only then what is seen is all that there is. */
const isSettled = (view: View): boolean => {
  const { cluster, nodes, findings, losses } = view;
  return (
    mayResize(view) &&
    cluster.status === 'ready' &&
    cluster.operation === undefined &&
    cluster.provisionedGeneration >= cluster.generation &&
    losses.losses.length === 0 &&
    // What nobody saw lately is a finding too. Strangers alone are let be.
    findings.every(({ kind }) => kind === 'stranger') &&
    nodes.every(
      (node) =>
        node.phase === 'deleted' ||
        (node.phase === 'ready' && isIdle(node, 'present') && node.interruption !== 'terminate'),
    )
  );
};

/** Undefined while the policy is off, or what it decides by is not known. */
function optionsOf(view: View): ConsolidationOptions | undefined {
  const { cluster, nodes, parts, workload, market, pods, now } = view;
  const budgets = workload?.workload?.budgets;
  if (cluster.policies.consolidation === undefined) return undefined;
  const rest = restUntil(nodes, now);
  if (rest !== undefined && rest > now) return undefined;
  // Budgets are asked for only since the policy is on: without them nobody knows what they forbid.
  if (pods === undefined || market === undefined || budgets === undefined) return undefined;
  const resumeAt = purchasesResumeAt(nodes);
  const mayBuy = (resumeAt === undefined || resumeAt <= now) && !boughtInVain(nodes, now);
  return {
    nodes: pods.standing.nodes.map((standing) => candidateOf(standing, view, market)),
    offerings: mayBuy ? offeringsToBuy({ cluster, parts, market }) : [],
    daemonSets: pods.options.daemonSets,
    waiting: pods.standing.waiting,
    budgets,
    removedWithinHour: nodes.filter(
      ({ consolidatedAt }) =>
        consolidatedAt !== undefined && secondsBetween(consolidatedAt, now) < hourSeconds,
    ).length,
    policies: cluster.policies,
    now,
  };
}

/** At today's price: what a node cost when it was bought is no longer what it costs, and is not what others cost now. */
function candidateOf(
  standing: ConsolidationNode,
  { cluster, nodes, workload }: View,
  market: Market,
): ConsolidationNode {
  const node = nodes.find(({ number }) => nodeName(cluster.name, number) === standing.name);
  const seen = workload?.workload?.nodes.find(({ name }) => name === standing.name);
  const sold = market.offerings.find((offering) => isSameOffering(offering, standing.offering));
  return {
    ...standing,
    offering: { ...standing.offering, usdPerHour: sold?.usdPerHour ?? standing.offering.usdPerHour },
    ...(node?.readyAt !== undefined && { readySince: node.readyAt }),
    ...(seen?.doNotDisrupt !== undefined && { doNotDisrupt: seen.doNotDisrupt }),
    ...(seen?.hasUnknownPods !== undefined && { hasUnknownPods: seen.hasUnknownPods }),
    ...(seen?.emptySince !== undefined && { emptySince: seen.emptySince }),
  };
}

/** Whether a node was bought lately, came up, and none of those went that were to go for it. */
const boughtInVain = (nodes: readonly Node[], now: Instant): boolean =>
  nodes.some(
    ({ takesOverFrom, readyAt }) =>
      takesOverFrom !== undefined &&
      readyAt !== undefined &&
      secondsBetween(readyAt, now) >= graceSeconds &&
      secondsBetween(readyAt, now) < vainPurchaseRestSeconds &&
      !nodes.some(({ id, consolidatedAt }) => consolidatedAt !== undefined && takesOverFrom.includes(id)),
  );

/**
 * Nothing more is let go for a while once something had to be bought in place of what was: a scheduler places pods otherwise
 * than a packing does, and what did for the one is too little for the other. An hour after the first time in a day, and twice
 * as long after each that follows.
 */
function restUntil(nodes: readonly Node[], now: Instant): Instant | undefined {
  const letGo = nodes.flatMap(({ consolidatedAt }) => consolidatedAt ?? []);
  const regrets = nodes
    .filter(({ boughtFor }) => boughtFor === 'unschedulable-pods')
    .map(({ createdAt }) => createdAt)
    .filter((at) => secondsBetween(at, now) < 24 * hourSeconds)
    .filter((at) => letGo.some((gone) => gone <= at && secondsBetween(gone, at) <= regretSeconds))
    .toSorted();
  const last = regrets.at(-1);
  const hours = Math.min(regretHoursMax, 2 ** (regrets.length - 1));
  return last === undefined ? undefined : plusSeconds(last, hours * hourSeconds);
}

function handOver(to: Node, options: ConsolidationOptions, view: View): readonly Action[] {
  const { cluster, nodes, now } = view;
  const from = isTakingOverFrom(to, nodes, now);
  const names = from.map(({ number }) => nodeName(cluster.name, number));
  if (!mayHandOver(names, options)) return [];
  return from.map(({ number }) =>
    retirement(number, `node ${to.number} was bought in its place, and is ready to take its work`),
  );
}

function actionsFor({ remove, buy, because }: Consolidation, { cluster, nodes }: View): readonly Action[] {
  const going = nodes.filter(({ number }) => remove.includes(nodeName(cluster.name, number)));
  if (buy.length === 0) return going.map(({ number }) => retirement(number, because));
  return [
    {
      kind: 'plan',
      nodes: buy.map(({ offering }) => ({
        role: 'worker',
        offering,
        boughtFor: 'consolidation',
        takesOverFrom: going.map(({ id }) => id),
      })),
      because,
    },
  ];
}

const retirement = (number: number, because: string): Action => ({
  kind: 'retire',
  number,
  because,
  isLost: false,
  isConsolidated: true,
});
