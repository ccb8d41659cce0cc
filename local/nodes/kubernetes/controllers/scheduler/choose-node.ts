import { tolerates } from '../selectors.ts';
import type { Pod } from '../shapes.ts';
import { askAbout, objectionTo, type Objection, type Question } from './filters.ts';
import { nodePreference } from './node-affinity.ts';
import type { Room, SchedulingState } from './scheduling-state.ts';

export type Choice = { readonly nodeName: string } | { readonly message: string };

/** A pod that asks for nothing still takes something: what the real scheduler takes it for. */
const assumed: Readonly<Record<string, number>> = { cpu: 100, memory: 200 * 2 ** 20 };

/** How much of the node would be left, 0 to 100. */
function leftOver({ allocatable, requested, pods }: Room, { requests }: Question): number {
  const shares = ['cpu', 'memory'].map((resource) => {
    const all = allocatable[resource] ?? 0;
    if (all === 0) return 0;
    const asks = requests[resource] ?? assumed[resource] ?? 0;
    const taken = Math.max(requested[resource] ?? 0, pods.length * (assumed[resource] ?? 0));
    return Math.max(0, (100 * (all - taken - asks)) / all);
  });
  return shares.reduce((sum, each) => sum + each, 0) / shares.length;
}

const softTaints = ({ node }: Room, { pod }: Question): number =>
  (node.spec?.taints ?? []).filter(
    (taint) =>
      taint.effect === 'PreferNoSchedule' &&
      !(pod.spec.tolerations ?? []).some((each) => tolerates(each, taint)),
  ).length;

/** To 0 … 100 over the nodes in question. */
function spreadOut(values: readonly number[], best: 'most' | 'least'): readonly number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (high === low) return values.map(() => 0);
  return values.map((value) => (100 * (best === 'most' ? value - low : high - value)) / (high - low));
}

interface Score {
  readonly weight: number;
  readonly of: (rooms: readonly Room[], question: Question) => readonly number[];
}

/** The default weights of kube-scheduler. */
const scores: readonly Score[] = [
  {
    weight: 3,
    of: (rooms, question) =>
      spreadOut(
        rooms.map((room) => softTaints(room, question)),
        'least',
      ),
  },
  {
    weight: 2,
    of: (rooms, { pod }) =>
      spreadOut(
        rooms.map(({ node }) => nodePreference(pod, node)),
        'most',
      ),
  },
  {
    weight: 2,
    of: (rooms, { spread }) =>
      spreadOut(
        rooms.map(({ node }) => spread.crowd(node)),
        'least',
      ),
  },
  {
    weight: 2,
    of: (rooms, { affinity }) =>
      spreadOut(
        rooms.map(({ node }) => affinity.score(node)),
        'most',
      ),
  },
  { weight: 1, of: (rooms, question) => rooms.map((room) => leftOver(room, question)) },
];

function best(rooms: readonly Room[], question: Question): Room | undefined {
  if (rooms.length < 2) return rooms[0];
  const totals = rooms.map(() => 0);
  for (const { weight, of } of scores) {
    for (const [index, score] of of(rooms, question).entries()) {
      totals[index] = (totals[index] ?? 0) + weight * score;
    }
  }
  let chosen = 0;
  for (const [index, total] of totals.entries()) if (total > (totals[chosen] ?? 0)) chosen = index;
  return rooms[chosen];
}

const counted = (reasons: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
};

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`, as the real one says it. */
export function unavailable(objections: readonly Objection[]): string {
  if (objections.length === 0) return 'no nodes available to schedule pods';
  const none = `0/${objections.length} nodes are available`;
  const victims = objections.map(({ curable }) =>
    curable ? 'No preemption victims found for incoming pod' : 'Preemption is not helpful for scheduling',
  );
  return `${none}: ${counted(objections.flatMap(({ reasons }) => reasons))}. preemption: ${none}: ${counted(victims)}.`;
}

/** Where the pod goes, or why it cannot go anywhere. Pure. */
export function chooseNode(pod: Pod, state: SchedulingState): Choice {
  const rooms = [...state.rooms.values()];
  if (rooms.length > 0 && (pod.spec.volumes ?? []).some((each) => each.persistentVolumeClaim !== undefined)) {
    // There is no storage to be claimed.
    const none = `0/${rooms.length} nodes are available`;
    return {
      message: `${none}: pod has unbound immediate PersistentVolumeClaims. preemption: ${none}: ${rooms.length} Preemption is not helpful for scheduling.`,
    };
  }
  const question = askAbout(state, pod);
  const objections: Objection[] = [];
  const possible = rooms.filter((room) => {
    const objection = objectionTo(room, question);
    if (objection !== undefined) objections.push(objection);
    return objection === undefined;
  });
  const chosen = best(possible, question);
  return chosen === undefined
    ? { message: unavailable(objections) }
    : { nodeName: chosen.node.metadata.name };
}
