import { differences, type Outcome } from '../case.ts';
import { forms, phases, type Form, type Phase, type PlatformCut, type RecordedCall } from './cuts.ts';
import { runPlatform, type PlatformReport, type Through } from './world.ts';

/** The second cut, at the same call's next try, is made for every so many calls. */
const twiceEvery = 7;
const differencesShownMax = 12;
const linesShownMax = 60;
/** What a short history leaves out: everything that only says that somebody looked. */
const humdrum = / (?:table|state|info observe-cloud-\w+|info tick-clusters) /;

const idOf = ({ phase, call, form, twice }: PlatformCut): string =>
  `platform-${phase}-${call}-${form}${twice === true ? '-twice' : ''}`;

/** @throws on an id that is none of these cases' */
function cutOf(id: string): PlatformCut {
  const [, phase, call, form, twice] = /^platform-(\w+)-(\d+)-(\w+?)(-twice)?$/.exec(id) ?? [];
  if (!phases.includes(phase as Phase) || !forms.includes(form as Form)) throw new Error(`${id}: not a case`);
  return {
    phase: phase as Phase,
    call: Number(call),
    form: form as Form,
    ...(twice === undefined ? {} : { twice: true }),
  };
}

/** The run that nothing cuts: what it called, and what every other run has to end in. */
export class Uncut {
  readonly calls: Readonly<Record<Phase, readonly RecordedCall[]>>;
  readonly ends: PlatformReport['ends'];

  private constructor(report: PlatformReport) {
    this.calls = report.recorded;
    this.ends = report.ends;
  }

  /** @throws when it already goes wrong */
  static async record(through?: Through): Promise<Uncut> {
    const report = await runPlatform({ until: 'delete', ...(through === undefined ? {} : { through }) });
    if (report.violation === undefined) return new Uncut(report);
    const { invariant, detail } = report.violation;
    throw new Error(`the run that nothing cuts: ${invariant}: ${detail}\n${shortHistory(report)}`);
  }

  /** All cuts there are: before and after every call, and once more at the next try of every seventh. */
  caseIds(): readonly string[] {
    return phases.flatMap((phase) =>
      this.calls[phase].flatMap((_, index) => {
        const call = index + 1;
        return forms.flatMap((form) => [
          idOf({ phase, call, form }),
          ...(call % twiceEvery === 0 ? [idOf({ phase, call, form, twice: true })] : []),
        ]);
      }),
    );
  }
}

/** Cuts once (or twice), lets the platform recover, and looks what it ended in. */
export async function runPlatformCase(uncut: Uncut, id: string, through?: Through): Promise<Outcome> {
  const cut = cutOf(id);
  const report = await runPlatform({ cut, until: 'delete', ...(through === undefined ? {} : { through }) });
  const wrong = whatIsWrong(uncut, cut, report);
  const outcome = { id, cuts: report.struck.length, checks: report.checks + 1 };
  if (wrong === undefined) return outcome;
  const called = uncut.calls[cut.phase][cut.call - 1];
  const failure = [
    `${id}: cut ${cut.form} ${called?.functionName ?? ''} ${called?.what ?? ''} ${called?.about ?? ''}`,
    `  ${wrong}`,
    shortHistory(report),
    `  replay: npm run test:crashes -- --only ${id}`,
  ].join('\n');
  return { ...outcome, failure };
}

function whatIsWrong(uncut: Uncut, cut: PlatformCut, report: PlatformReport): string | undefined {
  const { violation, ends, struck } = report;
  if (violation !== undefined) return `${violation.invariant}: ${violation.detail}`;
  if (struck.length === 0) return 'the run never came to that call: it is not the recorded one';
  for (const phase of phases) {
    // Before the cut the two runs are one.
    if (cut.phase === 'delete' && phase === 'create') continue;
    const found = differences(uncut.ends[phase] ?? [], ends[phase] ?? []);
    if (found.length > 0)
      return `the end of ${phase} is another than the uncut run's\n  ${found.slice(0, differencesShownMax).join('\n  ')}`;
  }
  return undefined;
}

/** From the cut on, in short. */
function shortHistory({ history }: PlatformReport): string {
  const lines = history.lines();
  const from = lines.findIndex((line) => line.slice(13).startsWith('cut '));
  const told = lines.slice(Math.max(0, from - 5)).filter((line) => !humdrum.test(line));
  const shown =
    told.length <= linesShownMax
      ? told
      : [...told.slice(0, linesShownMax / 2), '…', ...told.slice(-linesShownMax / 2)];
  return shown.map((line) => `    ${line.slice(0, 260)}`).join('\n');
}
