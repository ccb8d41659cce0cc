import type { Cluster } from '../../../shared/domain/cluster.ts';
import type { Finding } from '../../../shared/domain/finding.ts';
import type { Node } from '../../../shared/domain/node.ts';
import { isRestoring } from '../../../shared/planning/restoring.ts';
import { joinSecondsMax } from '../../../shared/planning/standing-nodes.ts';
import type { VirtualTime } from '../clock/virtual-time.ts';
import type { Workloads } from '../life/workloads.ts';

interface Parts {
  readonly time: VirtualTime;
  readonly workloads: Workloads;
  readonly clusterOf: (clusterId: string) => Cluster | undefined;
  readonly nodesOf: (clusterId: string) => readonly Node[];
  readonly findingsOf: (clusterId: string) => readonly Finding[];
  readonly must: (holds: boolean, invariant: string, detail: () => string) => void;
}

/** What was seen two minutes ago may be decided by, on a clock that is a minute wrong, by a function that takes its time. */
const decidedBySecondsMax = 400;
/** A function's clock may say that a node is late before it is. */
const clockSecondsMax = 120;
/** Two who let nodes go at the same time do not see each other. */
const sameTimeSeconds = 180;
/** Longer than whatever policies wait for: a node is left alone for ten minutes, an empty one for eight. */
const quietSeconds = 20 * 60;

/** What must hold of clusters that are left to policies. Looked at with each plan, and each node that is let go. */
export class Resizing {
  purchases = 0;
  consolidated = 0;
  readonly #parts: Parts;
  /** When pods last waited that had no room on what is there or on its way. */
  readonly #misfitAt = new Map<string, number>();
  /** When that was of the pods that were last bought for. */
  readonly #boughtBy = new Map<string, number>();
  readonly #letGoAt = new Map<string, number>();
  readonly #movedAt = new Map<string, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  onPlan(cluster: Cluster): void {
    const { id, name, policies, pendingPlan } = cluster;
    const { must, time, nodesOf } = this.#parts;
    const bought = (pendingPlan?.nodes ?? []).filter((node) => node.boughtFor !== undefined);
    // What takes the place of one that is lost, or gives it back to spot, is for a while there beside it.
    const more = bought.filter(({ replaces }) => replaces === undefined);
    if (more.length > 0) {
      this.purchases += more.length;
      const { maxVcpus = Infinity } = policies.clusterLimits ?? {};
      const vcpus = vcpusOf(more) + vcpusOf(nodesOf(id).filter(isStaying));
      must(vcpus <= maxVcpus, 'nothing is bought beyond the limit', () => `${name}: ${vcpus} of ${maxVcpus}`);
    }
    if (bought.length > 0) this.#movedAt.set(id, time.nowMs);
    if (!more.some(({ boughtFor }) => boughtFor === 'unschedulable-pods')) return;
    const misfitAt = this.#misfitAt.get(id) ?? -Infinity;
    const isForHeadroom = policies.unschedulablePods?.headroom !== undefined;
    must(
      isForHeadroom || time.nowMs - misfitAt <= decidedBySecondsMax * 1000,
      'nothing is bought for pods that have room, or for which it was bought already',
      () => `${name}: ${more.map(({ offering }) => offering.instanceType).join(', ')}`,
    );
    // These pods are seen to now, unless it comes to nothing.
    this.#boughtBy.set(id, misfitAt);
    this.#misfitAt.delete(id);
    this.look(id);
  }

  /** What was counted on gives no room any more: whoever looked before may buy anew for what he saw. */
  onLost(clusterId: string): void {
    const boughtBy = this.#boughtBy.get(clusterId);
    if (boughtBy !== undefined) this.#misfitAt.set(clusterId, boughtBy);
    this.look(clusterId);
  }

  /** Whether pods wait without room: when the platform looks, and each minute. */
  look(clusterId: string): void {
    const { time, workloads } = this.#parts;
    if (!workloads.wouldFit(clusterId, this.#coming(clusterId))) this.#misfitAt.set(clusterId, time.nowMs);
  }

  /** Workers that are asked for and that pods may count on. */
  #coming(clusterId: string) {
    const { time, nodesOf, clusterOf } = this.#parts;
    const nodes = nodesOf(clusterId);
    const ids = new Set(nodes.map(({ id }) => id));
    const isLate = ({ createRequest, createdAt }: Node): boolean =>
      time.nowMs - Date.parse(createRequest?.requestedAt ?? createdAt) >
      (joinSecondsMax - clockSecondsMax) * 1000;
    return [
      ...nodes.filter(
        (node) =>
          isStaying(node) &&
          ['planned', 'creating', 'booting', 'joining'].includes(node.phase) &&
          !isLate(node),
      ),
      ...(clusterOf(clusterId)?.pendingPlan?.nodes ?? []).filter(({ id }) => !ids.has(id)),
    ].filter(({ role }) => role === 'worker');
  }

  onLetGo(node: Node): void {
    const { must, time, clusterOf, nodesOf } = this.#parts;
    const cluster = clusterOf(node.clusterId);
    if (cluster === undefined || cluster.deletionRequestedAt !== undefined) return;
    const { id, name, policies, pendingPlan } = cluster;
    const { nowMs } = time;
    const before = this.#letGoAt.get(id) ?? -Infinity;
    this.#letGoAt.set(id, nowMs);
    this.onLost(id);
    this.#movedAt.set(id, nowMs);
    if (node.consolidatedAt !== undefined) this.consolidated += 1;
    // What is lost, given up or taken back is nobody's choice.
    if (node.lostAt !== undefined || node.phase === 'failed' || node.interruption !== undefined) return;
    // Two etcds must never serve one cluster: what is left of the old one goes, whatever the limit.
    if (node.role === 'control-plane' && isRestoring(cluster)) return;
    if (nowMs - before < sameTimeSeconds * 1000 && node.consolidatedAt === undefined) return;
    const { minVcpus = 0 } = policies.clusterLimits ?? {};
    const left = vcpusOf([...nodesOf(id).filter(isStaying), ...(pendingPlan?.nodes ?? [])]);
    must(
      left >= minVcpus || left + node.offering.vcpus < minVcpus,
      'no node is let go below the lower limit',
      () => `${name}: node ${node.number} leaves ${left} of ${minVcpus}`,
    );
  }

  /** Why a cluster that is well is not yet as its policies say. */
  whatIsLeftToDo(cluster: Cluster): string | undefined {
    const { time, workloads, nodesOf, findingsOf } = this.#parts;
    const { id, policies } = cluster;
    const movedAt = this.#movedAt.get(id) ?? -Infinity;
    if (Object.keys(policies).length === 0) return undefined;
    if (time.nowMs - movedAt < quietSeconds * 1000)
      return `it was resized at ${new Date(movedAt).toISOString()}`;
    const vcpus = vcpusOf(nodesOf(id).filter(isStaying));
    if (vcpus < (policies.clusterLimits?.minVcpus ?? 0)) return `it has ${vcpus} vCPUs, and is to have more`;
    const waiting = workloads.waiting(id).length;
    const isSaid = findingsOf(id).some(({ kind }) => kind === 'pods-waiting');
    return waiting > 0 && policies.unschedulablePods !== undefined && !isSaid
      ? `${waiting} pods wait, and nobody says why`
      : undefined;
  }
}

const isStaying = ({ desired, phase, interruption }: Node): boolean =>
  desired === 'present' && phase !== 'failed' && phase !== 'deleted' && interruption !== 'terminate';
const vcpusOf = (nodes: readonly Pick<Node, 'offering'>[]): number =>
  nodes.reduce((sum, { offering }) => sum + offering.vcpus, 0);
