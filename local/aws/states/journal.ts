import type { Collection, Disk } from '../../disk.ts';
import type { MachineDefinition } from './definition.ts';
import { definitionHash } from './definition.ts';
import type { HistoryEvent } from './live.ts';
import type { Execution, Run } from './run.ts';

/** How much is kept of what is over; AWS keeps it for 90 days. */
export interface Retention {
  readonly finishedMax: number;
  readonly eventsPerFinishedMax: number;
  readonly eventsOfFinishedMax: number;
}

export const localRetention: Retention = {
  finishedMax: 10_000,
  eventsPerFinishedMax: 1_000,
  eventsOfFinishedMax: 100_000,
};

/** What lists and look-ups need of an execution, without its payloads. */
export type Entry = Pick<
  Execution,
  'arn' | 'name' | 'machineArn' | 'status' | 'startedAt' | 'stoppedAt' | 'firstEventId' | 'lastEventId'
>;

/**
 * What is on disk. Each write is one row and true by itself: a run's row is written after its events, and an end's row
 * before the run's row goes. Whatever a kill leaves between two writes is put right when the journal is opened.
 */
export interface Journal {
  /** Keeps a definition, once. @returns its hash */
  keepDefinition(definition: MachineDefinition): string;
  definition(hash: string): MachineDefinition | undefined;
  /** Forgets definitions that neither a run nor one of these hashes needs. */
  tidyDefinitions(hashes: ReadonlySet<string>): void;
  /** When a machine was first seen under this ARN. */
  machineCreatedAt(arn: string, now: number): number;
  runs(): Run[];
  saveRun(run: Run, events: readonly HistoryEvent[]): void;
  saveEnd(run: Run, events: readonly HistoryEvent[]): void;
  /** Finished executions whose status event may not have been said. */
  unsaid(): Execution[];
  said(arn: string): void;
  finished(arn: string): Execution | undefined;
  entries(): Iterable<Entry>;
  event(arn: string, id: number): HistoryEvent | undefined;
}

const eventKey = (arn: string, id: number): string => `${arn}#${id}`;

const entryOf = (execution: Execution): Entry => ({
  arn: execution.arn,
  name: execution.name,
  machineArn: execution.machineArn,
  status: execution.status,
  startedAt: execution.startedAt,
  ...(execution.stoppedAt === undefined ? {} : { stoppedAt: execution.stoppedAt }),
  firstEventId: execution.firstEventId,
  lastEventId: execution.lastEventId,
});

const eventCount = (entry: Entry): number => entry.lastEventId - entry.firstEventId + 1;

export function openJournal(disk: Disk, retention: Retention = localRetention): Journal {
  const definitions = disk.collection<MachineDefinition>('states-definition');
  const machines = disk.collection<{ createdAt: number }>('states-machine');
  const running = disk.collection<Run>('states-running');
  const finished = disk.collection<Execution>('states-finished');
  const events = disk.collection<HistoryEvent>('states-event');

  /** Finished executions, the longest finished first. */
  const index = new Map<string, Entry>();
  let eventsOfFinished = 0;
  const add = (execution: Execution): void => {
    index.set(execution.arn, entryOf(execution));
    eventsOfFinished += eventCount(execution);
  };
  repair(running, finished, events);
  for (const execution of finished.values().sort((a, b) => (a.stoppedAt ?? 0) - (b.stoppedAt ?? 0)))
    add(execution);

  const forgetEvents = (entry: Entry, before: number): Entry => {
    for (let id = entry.firstEventId; id < before; id += 1) events.delete(eventKey(entry.arn, id));
    return { ...entry, firstEventId: Math.max(entry.firstEventId, before) };
  };
  const shrink = (): void => {
    for (const entry of index.values()) {
      const tooMany = index.size > retention.finishedMax;
      if (!tooMany && eventsOfFinished <= retention.eventsOfFinishedMax) return;
      const count = eventCount(entry);
      if (!tooMany && count === 0) continue;
      eventsOfFinished -= count;
      const rest = forgetEvents(entry, entry.lastEventId + 1);
      const execution = finished.get(entry.arn);
      if (tooMany || execution === undefined) {
        finished.delete(entry.arn);
        index.delete(entry.arn);
      } else {
        finished.set(entry.arn, { ...execution, firstEventId: rest.firstEventId });
        index.set(entry.arn, rest);
      }
    }
  };
  const saveEvents = (arn: string, fresh: readonly HistoryEvent[]): void => {
    for (const event of fresh) events.set(eventKey(arn, event.id), event);
  };

  return {
    keepDefinition: (definition) => {
      const hash = definitionHash(JSON.stringify(definition));
      if (definitions.get(hash) === undefined) definitions.set(hash, definition);
      return hash;
    },
    definition: (hash) => definitions.get(hash),
    tidyDefinitions: (hashes) => {
      const needed = new Set([...hashes, ...running.values().map((run) => run.definitionHash)]);
      for (const [hash] of definitions.entries()) if (!needed.has(hash)) definitions.delete(hash);
    },
    machineCreatedAt: (arn, now) => {
      const known = machines.get(arn);
      if (known === undefined) machines.set(arn, { createdAt: now });
      return known?.createdAt ?? now;
    },
    runs: () => running.values(),
    saveRun: (run, fresh) => {
      saveEvents(run.execution.arn, fresh);
      running.set(run.execution.arn, run);
    },
    saveEnd: (run, fresh) => {
      const { execution } = run;
      saveEvents(execution.arn, fresh);
      const first = execution.lastEventId - retention.eventsPerFinishedMax + 1;
      const trimmed = Math.max(execution.firstEventId, first);
      const entry = forgetEvents(entryOf(execution), trimmed);
      execution.firstEventId = entry.firstEventId;
      finished.set(execution.arn, execution);
      running.delete(execution.arn);
      add(execution);
      shrink();
    },
    unsaid: () => finished.values().filter((execution) => execution.statusEventPending === true),
    said: (arn) => {
      const execution = finished.get(arn);
      if (execution === undefined) return;
      const { statusEventPending: _, ...rest } = execution;
      finished.set(arn, rest);
    },
    finished: (arn) => finished.get(arn),
    entries: () => index.values(),
    event: (arn, id) => events.get(eventKey(arn, id)),
  };
}

/** Puts right what a kill in the middle of several writes has left. */
function repair(
  running: Collection<Run>,
  finished: Collection<Execution>,
  events: Collection<HistoryEvent>,
): void {
  for (const { execution } of running.values()) {
    const { arn, lastEventId } = execution;
    if (finished.get(arn) !== undefined) {
      running.delete(arn);
      continue;
    }
    // Events of a step that was not written down: the step will be taken again.
    for (let id = lastEventId + 1; events.delete(eventKey(arn, id));) id += 1;
  }
}
