import type { Pod, Resources } from '../../domain/pod.ts';
import type { Headroom } from '../../domain/policy.ts';
import type { Demand } from './demands.ts';

/** Headroom is kept in pieces of no more than this, so that it may be had where there is room and yet is of use to a pod. */
const pieceMax: Resources = { cpuMillis: 500, memoryBytes: 2 ** 30 };

export const isHeadroom = ({ pods }: Demand): boolean => pods.length === 0;

/**
 * Headroom as pods that nobody made: below every priority, so that they are the first to go without, and with nothing that
 * they ask for but room. Undefined: none is wanted.
 */
export function headroomDemand(headroom: Headroom | undefined, pods: Iterable<Pod>): Demand | undefined {
  const { cpuPercent = 0, memoryPercent = 0 } = headroom ?? {};
  const asked = { cpuMillis: 0, memoryBytes: 0 };
  for (const { requests } of pods) {
    asked.cpuMillis += requests.cpuMillis;
    asked.memoryBytes += requests.memoryBytes;
  }
  const wanted = {
    cpuMillis: (asked.cpuMillis * cpuPercent) / 100,
    memoryBytes: (asked.memoryBytes * memoryPercent) / 100,
  };
  const count = Math.ceil(
    Math.max(wanted.cpuMillis / pieceMax.cpuMillis, wanted.memoryBytes / pieceMax.memoryBytes),
  );
  if (count === 0) return undefined;
  const requests = {
    cpuMillis: Math.ceil(wanted.cpuMillis / count),
    memoryBytes: Math.ceil(wanted.memoryBytes / count),
  };
  return {
    spec: { namespace: '', requests },
    pods: [],
    count,
    ...requests,
    priority: -Infinity,
    rules: {},
    ties: { owns: [], selectedBy: [] },
  };
}
