import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectFolder } from '../../infra/paths.ts';
import { mutants, mutate, type Mutant } from './mutants.ts';

const help = `Breaks a copy of the product in one place after the other, and looks whether the named test notices.

  npm run test:mutants                 all of them
  npm run test:mutants -- --only <name>

  --workers <n>  how many copies at once (2)
`;

/** What a copy needs not: it is large, made from the rest, or nobody's business. */
const leftOut = new Set(['node_modules', '.git', 'dist', 'cdk.out']);
const runMinutesMax = 5;
const outputBytesMax = 64 * 1024 * 1024;

interface Verdict {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

function copyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-mutants-'));
  cpSync(projectFolder, folder, {
    recursive: true,
    filter: (source) => !leftOut.has(basename(source)),
  });
  symlinkSync(join(projectFolder, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** The runner's report has spaces where its titles have arrows. */
const isOf = (test: string, fullName: string): boolean => fullName.endsWith(test.replaceAll(' > ', ' '));
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Runs the tests of these names. @throws when none of them ran: then nothing was tried. */
async function runTests(folder: string, wanted: readonly Mutant['caughtBy'][]): Promise<Verdict> {
  const files = [...new Set(wanted.map(({ file }) => file))];
  const names = wanted.map(({ test }) => escaped(test)).join('|');
  const output = join(folder, 'mutants-report.json');
  const told = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [
        join(folder, 'node_modules/vitest/vitest.mjs'),
        'run',
        ...files,
        '-t',
        `(?:${names})$`,
        '--reporter=json',
        `--outputFile=${output}`,
      ],
      {
        cwd: folder,
        env: { ...process.env, OVERCAST_SKIP_BUILD: 'yes' },
        timeout: runMinutesMax * 60_000,
        maxBuffer: outputBytesMax,
      },
      (_error, stdout, stderr) => resolve(`${stdout}\n${stderr}`),
    );
  });
  let report: Report;
  try {
    report = JSON.parse(readFileSync(output, 'utf8')) as Report;
  } catch {
    throw new Error(`the tests gave no report:\n${told.slice(-4000)}`);
  } finally {
    rmSync(output, { force: true });
  }
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string): readonly string[] =>
    results.filter((result) => result.status === status).map(({ fullName }) => fullName);
  const verdict = { passed: named('passed'), failed: named('failed') };
  for (const { file, test } of wanted)
    if (![...verdict.passed, ...verdict.failed].some((name) => isOf(test, name)))
      throw new Error(
        `${file}: no test "${test}" was run: ${report.testResults.map(({ message }) => message).join('\n')}`,
      );
  return verdict;
}

/** @returns what is wrong; undefined: the test noticed. */
async function tryMutant(folder: string, mutant: Mutant): Promise<string | undefined> {
  const path = join(folder, mutant.file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, mutate(mutant, text));
  try {
    const { failed } = await runTests(folder, [mutant.caughtBy]);
    return failed.some((name) => isOf(mutant.caughtBy.test, name)) ? undefined : 'the test did not notice';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    writeFileSync(path, text);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      workers: { type: 'string', default: '2' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const workers = Number(values.workers);
  if (!Number.isSafeInteger(workers) || workers < 1) throw new Error('--workers: a whole number is needed');
  const chosen = mutants.filter(({ name }) => values.only === undefined || name === values.only);
  if (chosen.length === 0) throw new Error(`--only: there is no mutant ${values.only ?? ''}`);
  const startedAt = performance.now();
  const folders: string[] = [];
  const open = (): string => {
    const folder = copyProject();
    folders.push(folder);
    return folder;
  };
  try {
    const first = open();
    // A test that fails anyway would catch everything.
    const { passed, failed } = await runTests(
      first,
      chosen.map(({ caughtBy }) => caughtBy),
    );
    if (failed.length > 0) throw new Error(`without a mutant these fail: ${failed.join('; ')}`);
    process.stdout.write(`without a mutant ${passed.length} tests pass\n`);
    const waiting = [...chosen];
    const survivors: string[] = [];
    const work = async (folder: string): Promise<void> => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const wrong = await tryMutant(folder, mutant);
        if (wrong !== undefined) survivors.push(mutant.name);
        process.stdout.write(
          `${wrong === undefined ? 'caught  ' : 'SURVIVED'} ${mutant.name.padEnd(24)} ${wrong ?? mutant.caughtBy.test}\n`,
        );
      }
    };
    const more = Array.from({ length: Math.min(workers, chosen.length) - 1 }, open);
    await Promise.all([first, ...more].map(work));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    process.stdout.write(
      survivors.length === 0
        ? `all ${chosen.length} mutants were caught, in ${seconds} s\n`
        : `${survivors.length} of ${chosen.length} survived: ${survivors.join(', ')}\n`,
    );
    if (survivors.length > 0) process.exitCode = 1;
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
