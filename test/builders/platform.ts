import * as z from 'zod/mini';
import { plusSeconds, type Instant } from '../../shared/domain/ids.ts';
import type { AnyEvent, Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Queue } from '../../shared/runtime/queue.ts';
import type { States } from '../../shared/runtime/states.ts';
import { exampleTime } from './cluster.ts';

/** What was said, in order; each detail is checked as the real bus checks it. */
export interface RecordingBus extends Bus {
  readonly said: { event: string; detail: unknown }[];
  /** The names alone. */
  names(): readonly string[];
  clear(): void;
}

export function recordingBus(source: `overcast.${string}`): RecordingBus {
  const said: { event: string; detail: unknown }[] = [];
  const put = (definition: AnyEvent, detail: unknown): void => {
    if (!definition.sources.includes(source)) throw new Error(`${source} may not say ${definition.name}`);
    said.push({ event: definition.name, detail: z.parse(definition.schema, detail) });
  };
  return {
    said,
    async say(definition, detail) {
      put(definition, detail);
    },
    async sayAll(definition, details) {
      for (const detail of details) put(definition, detail);
    },
    names: () => said.map(({ event }) => event),
    clear: () => {
      said.length = 0;
    },
  };
}

export interface TestClock extends Clock {
  advance(seconds: number): void;
}

/** Stands still until it is told otherwise. */
export function testClock(from: Instant = exampleTime): TestClock {
  let now = from;
  return {
    now: () => now,
    advance: (seconds) => {
      now = plusSeconds(now, seconds);
    },
  };
}

export interface TestStates extends States {
  /** Executions that run; everything else is dead. */
  readonly running: Set<string>;
  readonly stopped: string[];
  readonly answers: { taskToken: string; output: unknown }[];
}

export function testStates(running: readonly string[] = []): TestStates {
  const states: TestStates = {
    running: new Set(running),
    stopped: [],
    answers: [],
    liveness: async (executionArn) => (states.running.has(executionArn) ? 'running' : 'dead'),
    stop: async (executionArn) => {
      states.stopped.push(executionArn);
      states.running.delete(executionArn);
    },
    answer: async (taskToken, output) => {
      if (states.answers.some((answer) => answer.taskToken === taskToken)) return 'nobody waits';
      states.answers.push({ taskToken, output });
      return 'answered';
    },
  };
  return states;
}

export interface RecordingQueue extends Queue {
  readonly sent: unknown[];
}

export function recordingQueue(): RecordingQueue {
  const sent: unknown[] = [];
  return {
    sent,
    send: async (bodies) => {
      sent.push(...bodies);
    },
  };
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };
