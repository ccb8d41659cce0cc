import type { Counts, WorldReport } from './world.ts';

/** Adds up what several worlds did. */
export function addCounts(sum: Counts | undefined, more: Counts): Counts {
  if (sum === undefined) return { ...more };
  return Object.fromEntries(
    Object.entries(sum).map(([name, value]: [string, number]) => [name, value + more[name as keyof Counts]]),
  ) as unknown as Counts;
}

export const shortHistoryLines = 40;
/** What a short history leaves out: everything that only says that somebody looked. */
const humdrum = / (?:table|state|info observe-cloud-\w+|info tick-clusters) /;

/** What a person needs of a world that went wrong: its seed, what is wrong, and how it came to that. */
export function describeFailure({ seed, violation, faults, history, hasZone }: WorldReport): string {
  const lines = history.lines().filter((line) => !humdrum.test(line));
  return [
    `seed ${seed}: ${violation?.invariant ?? 'nothing is wrong'}`,
    `  ${violation?.detail ?? ''}`,
    `  faults: ${faults}`,
    ...lines.slice(-shortHistoryLines).map((line) => `  ${shorten(line)}`),
    `  replay: npm run test:simulation -- --seeds 1 --from ${seed}${hasZone ? ' --zone' : ''} --verbose`,
  ].join('\n');
}

const lineCharactersMax = 300;
const shorten = (line: string): string => {
  const text = line
    .replaceAll('arn:aws:states:us-east-1:000000000000:execution:overcast-', '')
    .replaceAll(/([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '$1…');
  return text.length > lineCharactersMax ? `${text.slice(0, lineCharactersMax)}…` : text;
};
