import { HistoryFull, StateFailure } from './failures.ts';
import { begin } from './begin.ts';
import { enteredDetails, payloadText, record, stateOf, type Live } from './live.ts';
import type { Strand } from './run.ts';
import { attempt } from './transitions.ts';

/** After so many steps without a pause a run is written down and the others get their turn. */
const stepsBetweenCheckpoints = 100;

/**
 * Does something to a run and then steps its strands until each waits for something from outside, or the run has ended.
 * Whatever goes wrong on the way is the end of the run, never of the platform.
 */
export async function advance(
  live: Live,
  work: () => Promise<void> | void,
  checkpoint: () => Promise<void>,
  log: (line: string) => void,
): Promise<void> {
  try {
    await work();
    for (let steps = 1; live.ending === undefined; steps += 1) {
      const strand = live.run.strands.find(({ activity }) => ['enter', 'begin'].includes(activity.kind));
      if (strand === undefined) return;
      await attempt(live, strand, () => step(live, strand));
      if (steps % stepsBetweenCheckpoints === 0) await checkpoint();
    }
  } catch (thrown) {
    live.ending = { status: 'FAILED', error: 'States.Runtime', cause: causeOf(live, thrown, log) };
  }
}

function causeOf(live: Live, thrown: unknown, log: (line: string) => void): string {
  if (thrown instanceof StateFailure) return thrown.message;
  if (thrown instanceof HistoryFull)
    return `The execution reached the maximum number of history events (${live.around.limits.historyEventsMax}).`;
  const cause = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  log(`states: ${live.run.execution.arn} failed by an error of the interpreter: ${cause}`);
  return cause;
}

async function step(live: Live, strand: Strand): Promise<void> {
  if (strand.activity.kind === 'enter') {
    strand.state.enteredAt = live.around.now();
    strand.activity = { kind: 'begin' };
    const text = payloadText(live, strand.state.input, 'input');
    const { Type } = stateOf(live, strand);
    record(live, strand, `${Type}StateEntered`, enteredDetails(strand.state.name, text));
  }
  await begin(live, strand);
}
