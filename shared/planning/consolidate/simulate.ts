import type { Pod } from '../../domain/pod.ts';
import { policyDefaults } from '../../domain/policy.ts';
import { allocatableOf } from '../allocatable.ts';
import type { NewNode, Packing, PackingOptions, StandingNode } from '../pack-pods/packing.ts';
import { packPods } from '../pack-pods/pack-pods.ts';
import { onItsWay } from '../standing-nodes.ts';
import type { ConsolidationNode, ConsolidationOptions, View } from './consolidation.ts';
import { isWithinBudgets, movableOn } from './may-go.ts';

export interface Saving {
  /** None, or one. */
  readonly buy: readonly NewNode[];
  readonly usdPerHour: number;
}

/** Less is noise of floating point, not a saving. */
const savingMin = 1e-9;
const newNodesMax = 1;

/**
 * What is saved when these nodes go, by packing their pods anew on the others and at most one new node. Undefined when it is not
 * worth it, or may not be: some pod would have no place, what would be left is not what the policies keep, or a disruption
 * budget forbids it.
 */
export function savingOf(nodes: readonly ConsolidationNode[], view: View): Saving | undefined {
  const { options, minSavingShare, nodesMax } = view;
  const pods = nodes.flatMap(movableOn);
  if (nodes.length === 0 || nodes.length > nodesMax || !isWithinBudgets(pods, options.budgets))
    return undefined;
  const staying = options.nodes.filter((node) => !nodes.includes(node));
  const packing = packPods({
    ...options,
    pods,
    nodes: staying,
    policies: { ...options.policies, clusterLimits: limitsWhile(nodes, options) },
    newNodesMax: Math.min(newNodesMax, options.newNodesMax ?? newNodesMax),
  });
  if (!isComplete(packing)) return undefined;
  if (!mayBeLeft([...staying, ...packing.newNodes.map(asWorker)], options)) return undefined;
  const before = nodes.reduce((sum, { offering }) => sum + offering.usdPerHour, 0);
  const usdPerHour = before - packing.usdPerHour;
  if (usdPerHour < Math.max(savingMin, before * minSavingShare - savingMin)) return undefined;
  if (!fitsOnceThere(pods, staying, packing.newNodes, options)) return undefined;
  return { buy: packing.newNodes, usdPerHour };
}

const isComplete = ({ unplaced, headroomMissing }: Packing): boolean =>
  unplaced.length === 0 && headroomMissing === undefined;

/**
 * Whether the pods still find their places once what is bought stands beside the others. Packing goes by other ways then, and
 * what it does not find again would have been bought for nothing.
 */
function fitsOnceThere(
  pods: readonly Pod[],
  staying: readonly ConsolidationNode[],
  bought: readonly NewNode[],
  options: ConsolidationOptions,
): boolean {
  if (bought.length === 0) return true;
  const arrived = bought.map(({ offering }, index): StandingNode => ({
    ...onItsWay(`bought-${index}`, 'worker', offering),
    allocatable: (options.allocatableOf ?? allocatableOf)(offering),
    pods: [],
  }));
  return isComplete(packPods({ ...options, pods, nodes: [...staying, ...arrived], newNodesMax: 0 }));
}

type Machine = Pick<StandingNode, 'role' | 'offering'>;
const asWorker = ({ offering }: NewNode): Machine => ({ role: 'worker', offering });
const vcpusOf = (machines: readonly Machine[]): number =>
  machines.reduce((sum, { offering }) => sum + offering.vcpus, 0);

/** What is bought comes before what goes: for a while both are there, and the limit holds for both. */
function limitsWhile(
  going: readonly Machine[],
  { policies }: ConsolidationOptions,
): PackingOptions['policies']['clusterLimits'] {
  const { maxVcpus } = policies.clusterLimits ?? {};
  return maxVcpus === undefined ? policies.clusterLimits : { maxVcpus: maxVcpus - vcpusOf(going) };
}

/** The lower limit, spot's share, and a worker where none would be bought again are kept. */
function mayBeLeft(left: readonly Machine[], { nodes, policies }: ConsolidationOptions): boolean {
  const { clusterLimits, spot, unschedulablePods } = policies;
  if (vcpusOf(left) < (clusterLimits?.minVcpus ?? 0)) return false;
  if (unschedulablePods === undefined && !left.some(({ role }) => role === 'worker')) return false;
  const { sharePercent = policyDefaults.spot.sharePercent } = spot ?? {};
  const share = spotShareOf(left);
  return share * 100 <= sharePercent || share <= spotShareOf(nodes);
}

/** 0–1, of the workers' vCPUs. */
function spotShareOf(machines: readonly Machine[]): number {
  const workers = machines.filter(({ role }) => role === 'worker');
  const onSpot = workers.filter(({ offering }) => offering.lifecycle === 'spot');
  return vcpusOf(onSpot) / Math.max(1, vcpusOf(workers));
}
