import { createHash } from 'node:crypto';
import { epochOf } from '../controllers/conditions.ts';
import type { Happening } from '../controllers/event-recorder.ts';
import type { Container, ContainerState, ContainerStatus, Pod } from '../controllers/shapes.ts';
import { timestamp } from '../objects.ts';
import { behaviourOf, type Behaviour } from './container-behaviour.ts';

/** Where one container stands; times are real epoch milliseconds. */
export type Stage =
  | { readonly at: 'waiting' }
  | { readonly at: 'pulling'; readonly sinceMs: number; readonly untilMs: number }
  | { readonly at: 'no-image'; readonly sinceMs: number }
  | { readonly at: 'running'; readonly sinceMs: number }
  | { readonly at: 'ended'; readonly sinceMs: number; readonly endedMs: number; readonly exitCode: number };

export interface ContainerRun {
  readonly container: Container;
  readonly place: 'init' | 'sidecar' | 'main';
  stage: Stage;
  restarts: number;
  /** How it ended the last time, while it is tried again. */
  last?: NonNullable<ContainerState['terminated']>;
}

/** What the kubelet remembers of a pod that it runs. */
export interface PodRun {
  readonly uid: string;
  readonly containers: readonly ContainerRun[];
}

/** What a run needs of its machine. */
export interface Machine {
  readonly nowMs: number;
  readonly scaled: (seconds: number) => number;
  hasImage(image: string): boolean;
  keepImage(image: string): void;
  readonly say: (happening: Happening) => void;
}

const pullSeconds = 3;
const backoffSeconds = { first: 10, max: 300 } as const;

export const containerId = (uid: string, name: string, restarts: number): string =>
  `containerd://${createHash('sha256').update(`${uid}/${name}/${restarts}`).digest('hex')}`;

export const imageId = (image: string): string =>
  `${image.replace(/(?:@.*|:[^/:]+)$/, '')}@sha256:${createHash('sha256').update(image).digest('hex')}`;

function stageOf({ state }: ContainerStatus): Stage {
  const { running, terminated } = state;
  if (running !== undefined) return { at: 'running', sinceMs: epochOf(running.startedAt) ?? 0 };
  if (terminated === undefined) return { at: 'waiting' };
  return {
    at: 'ended',
    sinceMs: epochOf(terminated.startedAt) ?? 0,
    endedMs: epochOf(terminated.finishedAt) ?? 0,
    exitCode: terminated.exitCode,
  };
}

/** A run as its stored status has it: a kubelet that starts again goes on from there. */
export function openRun(pod: Pod): PodRun {
  const { initContainers = [], containers } = pod.spec;
  const known = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const run = (container: Container, place: ContainerRun['place']): ContainerRun => {
    const status = known.find(({ name }) => name === container.name);
    const last = status?.lastState.terminated;
    return {
      container,
      place,
      stage: status === undefined ? { at: 'waiting' } : stageOf(status),
      restarts: status?.restartCount ?? 0,
      ...(last === undefined ? {} : { last }),
    };
  };
  return {
    uid: pod.metadata.uid ?? '',
    containers: [
      ...initContainers.map((each) => run(each, each.restartPolicy === 'Always' ? 'sidecar' : 'init')),
      ...containers.map((each) => run(each, 'main')),
    ],
  };
}

export const terminatedState = (
  uid: string,
  { container, restarts }: ContainerRun,
  { sinceMs, endedMs, exitCode }: Extract<Stage, { at: 'ended' }>,
): NonNullable<ContainerState['terminated']> => ({
  exitCode,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  startedAt: timestamp(sinceMs),
  finishedAt: timestamp(endedMs),
  containerID: containerId(uid, container.name, restarts),
});

/** Whether a container that has ended is begun again. */
export function restarts(pod: Pod, { place, stage }: ContainerRun): boolean {
  if (stage.at !== 'ended') return false;
  if (place === 'sidecar') return true;
  const { restartPolicy = 'Always' } = pod.spec;
  if (restartPolicy === 'Never') return false;
  return stage.exitCode !== 0 || (place === 'main' && restartPolicy === 'Always');
}

/** The first restart is at once, the next wait ever longer. */
const backoff = (count: number): number =>
  count === 0 ? 0 : Math.min(backoffSeconds.max, backoffSeconds.first * 2 ** (count - 1));

/** Whether those that come before it are done: init containers one after the other, then all others together. */
function mayBegin(all: readonly ContainerRun[], index: number): boolean {
  const own = all[index];
  return all
    .slice(0, index)
    .every(({ place, stage }) =>
      place === 'init'
        ? stage.at === 'ended' && stage.exitCode === 0
        : place === 'sidecar'
          ? stage.at === 'running'
          : own?.place === 'main',
    );
}

const part = ({ place, container }: ContainerRun): string =>
  `spec.${place === 'main' ? 'containers' : 'initContainers'}{${container.name}}`;

/** Moves one container as far as it comes by now. @returns when it moves next, in epoch milliseconds */
function moveContainer(
  pod: Pod,
  run: ContainerRun,
  behaviour: Behaviour,
  machine: Machine,
): number | undefined {
  const { nowMs, scaled } = machine;
  const { container } = run;
  const image = container.image ?? '';
  const say = (reason: string, message: string, type: Happening['type'] = 'Normal'): void =>
    machine.say({ type, reason, message, fieldPath: part(run) });
  const start = (): void => {
    say('Created', `Container created`);
    say('Started', `Container started`);
    run.stage = { at: 'running', sinceMs: nowMs };
  };

  if (run.stage.at === 'waiting') {
    if (behaviour.imageExists && machine.hasImage(image)) {
      say('Pulled', `Container image "${image}" already present on machine`);
      start();
    } else {
      say('Pulling', `Pulling image "${image}"`);
      run.stage = { at: 'pulling', sinceMs: nowMs, untilMs: nowMs + scaled(pullSeconds) };
    }
  }
  if (run.stage.at === 'pulling') {
    if (run.stage.untilMs > nowMs) return run.stage.untilMs;
    if (!behaviour.imageExists) {
      run.stage = { at: 'no-image', sinceMs: nowMs };
      say(
        'Failed',
        `Failed to pull image "${image}": rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": not found`,
        'Warning',
      );
      say('BackOff', `Back-off pulling image "${image}"`);
      return undefined;
    }
    machine.keepImage(image);
    say(
      'Pulled',
      `Successfully pulled image "${image}" in ${pullSeconds}s (${pullSeconds}s including waiting)`,
    );
    start();
  }
  if (run.stage.at === 'running') {
    const { sinceMs } = run.stage;
    const readyMs = sinceMs + scaled(behaviour.readyAfterSeconds);
    if (behaviour.runSeconds === undefined) return readyMs > nowMs ? readyMs : undefined;
    const endMs = sinceMs + scaled(behaviour.runSeconds);
    if (endMs > nowMs) return readyMs > nowMs ? Math.min(readyMs, endMs) : endMs;
    run.stage = { at: 'ended', sinceMs, endedMs: endMs, exitCode: behaviour.exitCode };
    if (restarts(pod, run) && run.restarts > 0) {
      say(
        'BackOff',
        `Back-off restarting failed container ${container.name} in pod ${pod.metadata.name}`,
        'Warning',
      );
    }
  }
  if (run.stage.at === 'ended' && restarts(pod, run)) {
    const againMs = run.stage.endedMs + scaled(backoff(run.restarts));
    if (againMs > nowMs) return againMs;
    run.last = terminatedState(pod.metadata.uid ?? '', run, run.stage);
    run.restarts += 1;
    run.stage = { at: 'waiting' };
    // In the next step: one that ends at once must not keep the kubelet from everything else.
    return nowMs + 1;
  }
  return undefined;
}

/** Moves a pod as far as it comes by now. @returns when something moves next by itself, in epoch milliseconds */
export function moveRun(pod: Pod, run: PodRun, machine: Machine): number | undefined {
  let nextMs: number | undefined;
  for (const [index, each] of run.containers.entries()) {
    if (each.stage.at === 'waiting' && !mayBegin(run.containers, index)) continue;
    const behaviour = behaviourOf(pod, each.container, each.place);
    const own = moveContainer(pod, each, behaviour, machine);
    if (own !== undefined) nextMs = Math.min(nextMs ?? own, own);
  }
  return nextMs;
}
