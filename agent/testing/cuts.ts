import { accessSync, chmodSync, constants, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestMachine } from './machine.ts';

/**
 * Where an agent dies: `agent` alone, by kill -9, while the command that it had begun goes on to its end and nobody sees the
 * result; or `power`, everything that it began with it, before the command has done anything.
 */
export type Cut = 'agent' | 'power';

/** Every command of the agent's, but for those that only wait. */
const commands =
  'base64 cat chmod curl cut date dirname grep mkdir mv od openssl python3 rm sed setsid sync tail wc'.split(
    ' ',
  );

/**
 * Puts a shim before each of these commands and of the machine's stand-ins. The first time that a command is called in a
 * way in which it was never called, the agent dies there. So the places are found by running into them, each once.
 */
export function cutEverywhere(machine: TestMachine, cut: Cut): string {
  const folder = join(machine.root, 'cuts');
  const seen = join(folder, 'seen');
  mkdirSync(seen, { recursive: true });
  const own = join(machine.fakes, 'bin');
  for (const command of new Set([...commands, ...readdirSync(own)])) {
    const path = join(folder, command);
    writeFileSync(
      path,
      `#!/bin/sh
PATH=\${PATH#*/cuts:}
# The same command with another number (a process, a time, a port) is the same place.
place=$(
  ${command === 'python3' ? 'shift 3' : ':'}
  set -f
  IFS=' /0123456789"{}
'
  set -- $*
  IFS=_
  printf '%.200s' "$*"
)
if [ ! -e "${seen}/${command} $place" ]; then
  : >"${seen}/${command} $place"
  kill -9 "${cut === 'agent' ? '' : '-'}$(cat "${machine.fakes}/agent.pid")" 2>/dev/null
fi
exec "${realPath(own, command)}" "$@"
`,
    );
    chmodSync(path, 0o755);
  }
  return folder;
}

/** The places that it has died at. */
export const placesIn = (folder: string): readonly string[] => readdirSync(join(folder, 'seen'));

function realPath(own: string, command: string): string {
  for (const folder of [own, '/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  throw new Error(`${command} is needed`);
}
