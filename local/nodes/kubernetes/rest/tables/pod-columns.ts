import { listOf, numberOf, recordOf, textOf, type Json } from '../../json.ts';
import type { KubernetesObject } from '../../model.ts';
import { age, none, since, specOf, statusOf, type Column } from './column.ts';

const waitingReason = (status: Json): string =>
  textOf(recordOf(recordOf(status['state'])['waiting'])['reason']);

/** Why a container stands still: `CrashLoopBackOff`, `Error`, `Completed`, `ExitCode:3`. */
function stateOf(status: Json): string {
  const waiting = waitingReason(status);
  if (waiting !== '') return waiting;
  const ended = recordOf(status['state'])['terminated'];
  if (ended === undefined) return '';
  const { reason, signal, exitCode } = recordOf(ended);
  if (textOf(reason) !== '') return textOf(reason);
  return numberOf(signal) === 0 ? `ExitCode:${numberOf(exitCode)}` : `Signal:${numberOf(signal)}`;
}

/** What stands in the STATUS column, which is more than the phase. */
export function podState(pod: KubernetesObject): string {
  const status = statusOf(pod);
  const phase = textOf(status['phase']);
  const initial = listOf(status['initContainerStatuses']);
  const containers = listOf(status['containerStatuses']);
  let state = textOf(status['reason']) || phase;
  if (
    phase === 'Pending' &&
    listOf(status['conditions']).some(
      (each) => each['type'] === 'PodScheduled' && each['reason'] === 'SchedulingGated',
    )
  )
    state = 'SchedulingGated';
  const blocked = initial.findIndex((each) => {
    const ended = recordOf(each['state'])['terminated'];
    return !(ended !== undefined && numberOf(recordOf(ended)['exitCode']) === 0);
  });
  const total = listOf(specOf(pod)['initContainers']).length;
  if (blocked >= 0 && total > 0) {
    const why = stateOf(initial[blocked] ?? {});
    state = why !== '' && why !== 'PodInitializing' ? `Init:${why}` : `Init:${blocked}/${total}`;
  } else {
    state = containers.map(stateOf).find((each) => each !== '') ?? state;
    const ready = listOf(status['conditions']).some(
      (each) => each['type'] === 'Ready' && each['status'] === 'True',
    );
    const running = containers.some((each) => recordOf(each['state'])['running'] !== undefined);
    if (state === 'Completed' && running) state = ready ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp === undefined) return state;
  return textOf(status['reason']) === 'NodeLost' ? 'Unknown' : 'Terminating';
}

function restarts(pod: KubernetesObject, now: number): string | number {
  const statuses = [
    ...listOf(statusOf(pod)['initContainerStatuses']),
    ...listOf(statusOf(pod)['containerStatuses']),
  ];
  const count = statuses.reduce((sum, each) => sum + numberOf(each['restartCount']), 0);
  const ends = statuses
    .map((each) => textOf(recordOf(recordOf(each['lastState'])['terminated'])['finishedAt']))
    .filter((each) => each !== '')
    .sort();
  const last = ends.at(-1);
  return count === 0 || last === undefined ? String(count) : `${count} (${since(last, now)} ago)`;
}

export const podColumns: readonly Column[] = [
  {
    name: 'Ready',
    cell: (pod) =>
      `${listOf(statusOf(pod)['containerStatuses']).filter((each) => each['ready'] === true).length}/${
        listOf(specOf(pod)['containers']).length
      }`,
  },
  { name: 'Status', cell: podState },
  { name: 'Restarts', cell: restarts },
  { name: 'Age', cell: age },
  { name: 'IP', priority: 1, cell: (pod) => textOf(statusOf(pod)['podIP']) || none },
  { name: 'Node', priority: 1, cell: (pod) => textOf(specOf(pod)['nodeName']) || none },
  {
    name: 'Nominated Node',
    priority: 1,
    cell: (pod) => textOf(statusOf(pod)['nominatedNodeName']) || none,
  },
  {
    name: 'Readiness Gates',
    priority: 1,
    cell: (pod) => {
      const gates = listOf(specOf(pod)['readinessGates']);
      const open = gates.filter((gate) =>
        listOf(statusOf(pod)['conditions']).some(
          (each) => each['type'] === gate['conditionType'] && each['status'] === 'True',
        ),
      );
      return gates.length === 0 ? none : `${open.length}/${gates.length}`;
    },
  },
];
