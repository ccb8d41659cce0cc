import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { missingPackages } from './testing/needs.ts';

/** `npm run test:nodes`: root on Linux. What the suite calls and is not there is installed, from Debian's own packages. */
function run(command: string, words: readonly string[]): void {
  const { status, error } = spawnSync(command, words, {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

const isDebian = (): boolean => {
  try {
    return /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
};

function main(): void {
  if (process.platform !== 'linux')
    throw new Error('it makes network namespaces, so it runs on Linux: use a virtual machine or a container');
  if (process.getuid?.() !== 0)
    throw new Error('it makes network namespaces, so it runs as root: sudo npm run test:nodes');
  const missing = missingPackages();
  if (missing.length > 0) {
    if (!isDebian()) throw new Error(`install ${missing.join(', ')}: only Debian's are installed by itself`);
    console.error(`test:nodes: installing ${missing.join(', ')}`);
    run('apt-get', ['-q', 'update']);
    run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...missing]);
  }
  run(process.execPath, [
    new URL('../node_modules/vitest/vitest.mjs', import.meta.url).pathname,
    'run',
    '--config',
    'agent/vitest.config.ts',
    ...process.argv.slice(2),
  ]);
}

try {
  main();
} catch (error) {
  console.error(`test:nodes: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
