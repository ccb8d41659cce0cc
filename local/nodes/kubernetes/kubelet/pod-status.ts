import { withCondition } from '../controllers/conditions.ts';
import type {
  Condition,
  ContainerState,
  ContainerStatus,
  Pod,
  PodPhase,
  PodStatus,
} from '../controllers/shapes.ts';
import { timestamp } from '../objects.ts';
import { behaviourOf } from './container-behaviour.ts';
import {
  containerId,
  imageId,
  restarts,
  terminatedState,
  type ContainerRun,
  type PodRun,
} from './pod-run.ts';

interface Surroundings {
  readonly nowMs: number;
  readonly scaled: (seconds: number) => number;
  readonly hostIp: string;
  readonly podIp: string | undefined;
}

/** A container that is to be restarted, or was never begun, waits; so does one whose image is not there. */
function stateOf(pod: Pod, run: ContainerRun, starting: boolean): ContainerState {
  const { stage, container } = run;
  switch (stage.at) {
    case 'running':
      return { running: { startedAt: timestamp(stage.sinceMs) } };
    case 'ended':
      return restarts(pod, run) && run.restarts > 0
        ? {
            waiting: {
              reason: 'CrashLoopBackOff',
              message: `back-off restarting failed container=${container.name} pod=${pod.metadata.name}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid ?? ''})`,
            },
          }
        : { terminated: terminatedState(pod.metadata.uid ?? '', run, stage) };
    case 'no-image':
      return {
        waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${container.image ?? ''}"` },
      };
    default:
      return { waiting: { reason: starting ? 'PodInitializing' : 'ContainerCreating' } };
  }
}

function containerStatus(
  pod: Pod,
  run: ContainerRun,
  { nowMs, scaled }: Surroundings,
  starting: boolean,
): ContainerStatus {
  const { container, stage } = run;
  const { readyAfterSeconds } = behaviourOf(pod, container, run.place);
  const image = container.image ?? '';
  const state = stateOf(pod, run, starting);
  const begun = stage.at === 'running' || stage.at === 'ended';
  const last =
    state.waiting !== undefined && stage.at === 'ended'
      ? terminatedState(pod.metadata.uid ?? '', run, stage)
      : run.last;
  return {
    name: container.name,
    image,
    imageID: begun ? imageId(image) : '',
    ...(begun ? { containerID: containerId(pod.metadata.uid ?? '', container.name, run.restarts) } : {}),
    ready:
      run.place === 'init'
        ? stage.at === 'ended' && stage.exitCode === 0
        : stage.at === 'running' &&
          pod.metadata.deletionTimestamp === undefined &&
          stage.sinceMs + scaled(readyAfterSeconds) <= nowMs,
    started: stage.at === 'running',
    restartCount: run.restarts,
    state,
    lastState: last === undefined ? {} : { terminated: last },
  };
}

function phaseOf(pod: Pod, run: PodRun): PodPhase {
  const inits = run.containers.filter(({ place }) => place === 'init');
  const mains = run.containers.filter(({ place }) => place === 'main');
  const failedInit = inits.some(
    (each) => each.stage.at === 'ended' && each.stage.exitCode !== 0 && !restarts(pod, each),
  );
  if (failedInit) return 'Failed';
  if (inits.some(({ stage }) => stage.at !== 'ended' || stage.exitCode !== 0)) return 'Pending';
  if (mains.every((each) => each.stage.at === 'ended' && !restarts(pod, each))) {
    return mains.every(({ stage }) => stage.at === 'ended' && stage.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  return mains.some(
    ({ stage, restarts: count }) => stage.at === 'running' || stage.at === 'ended' || count > 0,
  )
    ? 'Running'
    : 'Pending';
}

const truth = (value: boolean): Condition['status'] => (value ? 'True' : 'False');

const lacking = (which: string, names: readonly string[]): string =>
  `containers with ${which} status: [${names.join(' ')}]`;

/** The pod's status as its kubelet reports it. Pure. */
export function statusOf(pod: Pod, run: PodRun, surroundings: Surroundings): PodStatus {
  const { nowMs, hostIp, podIp } = surroundings;
  const inits = run.containers.filter(({ place }) => place !== 'main');
  const mains = run.containers.filter(({ place }) => place === 'main');
  const unfinished = inits.filter(({ place, stage }) =>
    place === 'init' ? stage.at !== 'ended' || stage.exitCode !== 0 : stage.at !== 'running',
  );
  const phase = phaseOf(pod, run);
  const over = phase === 'Succeeded' || phase === 'Failed';
  const starting = unfinished.length > 0;
  const statuses = mains.map((each) => containerStatus(pod, each, surroundings, starting));
  const initStatuses = inits.map((each) => containerStatus(pod, each, surroundings, false));
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  const ready = unready.length === 0 && !starting;
  const why: Partial<Condition> = ready
    ? {}
    : phase === 'Succeeded'
      ? { reason: 'PodCompleted' }
      : { reason: over ? 'PodFailed' : 'ContainersNotReady', message: lacking('unready', unready) };
  const wanted: readonly Condition[] = [
    { type: 'PodReadyToStartContainers', status: truth(podIp !== undefined && !over) },
    starting
      ? {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: lacking(
            'incomplete',
            unfinished.map(({ container }) => container.name),
          ),
        }
      : { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) },
    { type: 'Ready', status: truth(ready), ...why },
    { type: 'ContainersReady', status: truth(ready), ...why },
    // One that was bound by hand was never placed by the scheduler.
    { type: 'PodScheduled', status: 'True' },
  ];
  let conditions: readonly Condition[] = pod.status?.conditions ?? [];
  for (const condition of wanted) conditions = withCondition(conditions, condition, nowMs);
  return {
    ...pod.status,
    phase,
    conditions,
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: pod.status?.startTime ?? timestamp(nowMs),
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
  };
}
