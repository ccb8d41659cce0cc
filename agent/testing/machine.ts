import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFakes } from './fakes.ts';
import type { KubeadmRecord } from './kubeadm.ts';
import { systemPath } from './needs.ts';

export const agentScript = new URL('../overcast-agent.sh', import.meta.url).pathname;

export interface MachineOptions {
  readonly settings: Readonly<Record<string, string>>;
  readonly hostname: string;
  /** Words before the command: `ip netns exec …`. */
  readonly within?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Folders that come before all others in PATH. */
  readonly before?: () => readonly string[];
  /** Commands that are the real ones. */
  readonly real?: readonly string[];
}

/** One machine's disk under a folder of its own, on which the real agent is started and killed. */
export interface TestMachine {
  readonly root: string;
  readonly fakes: string;
  start(): void;
  /** It was started, and has ended since. */
  hasEnded(): boolean;
  /** kill -9 of the agent alone, as systemd does with KillMode=process: what it began goes on. */
  kill(): Promise<void>;
  /** What the machine holds at this path, or '' when there is none. */
  read(path: string): string;
  /** What kubeadm was given and found to be right; undefined until it was done. */
  kubeadm(): KubeadmRecord | undefined;
  /** How a command was called, in order. */
  calls(command: string): readonly string[];
  remove(): Promise<void>;
}

export function createMachine(options: MachineOptions): TestMachine {
  const root = mkdtempSync(join(tmpdir(), 'overcast-machine-'));
  const fakes = join(root, 'fakes');
  const script = join(root, 'usr/local/sbin/overcast-agent');
  mkdirSync(join(root, 'usr/local/sbin'), { recursive: true });
  mkdirSync(join(root, 'etc/overcast'), { recursive: true });
  copyFileSync(agentScript, script);
  writeFakes(fakes, options.real);
  writeFileSync(join(fakes, 'hostname'), `${options.hostname}\n`);
  writeFileSync(
    join(root, 'etc/overcast/agent.env'),
    Object.entries(options.settings)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(''),
  );
  const [command, ...words] = [...(options.within ?? []), script, 'run'];
  /** Every agent that was started; the last is the one that may live. */
  const agents: ChildProcess[] = [];
  const machine: TestMachine = {
    root,
    fakes,
    start() {
      const agent = spawn(command, words, {
        stdio: 'ignore',
        // A group of its own, for the end of the test: watchers and installation outlive their agent for a while.
        detached: true,
        env: {
          PATH: [...(options.before?.() ?? []), join(fakes, 'bin'), systemPath].join(':'),
          FAKES: fakes,
          OVERCAST_ROOT: root,
          OVERCAST_SECOND: '0.02',
          NODE: process.execPath,
          KUBEADM_STAND_IN: new URL('kubeadm.ts', import.meta.url).pathname,
          ...options.environment,
        },
      });
      agents.push(agent);
      writeFileSync(join(fakes, 'agent.pid'), String(agent.pid));
    },
    hasEnded() {
      const agent = agents.at(-1);
      return agent !== undefined && (agent.exitCode !== null || agent.signalCode !== null);
    },
    async kill() {
      const agent = agents.at(-1);
      if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
      const ended = once(agent, 'exit');
      agent.kill('SIGKILL');
      await ended;
    },
    read(path) {
      try {
        return readFileSync(join(root, path), 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
        throw error;
      }
    },
    kubeadm() {
      const record = machine.read('fakes/kubeadm.json');
      return record === '' ? undefined : (JSON.parse(record) as KubeadmRecord);
    },
    calls: (name) =>
      readFileSync(join(fakes, 'calls'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(`${name} `))
        .map((line) => line.slice(name.length + 1)),
    async remove() {
      await machine.kill();
      const [kubeadm = ''] = machine.read('var/lib/overcast/kubeadm/pid').split(' ');
      const apiServer = machine.read('fakes/apiserver.pid');
      for (const id of [...agents.map(({ pid }) => -(pid ?? 0)), Number(kubeadm), Number(apiServer)])
        endProcess(id);
      rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
  return machine;
}

/** Polls until it is so. @throws an Error that says what was waited for. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  secondsMax = 40,
): Promise<void> {
  const deadline = Date.now() + secondsMax * 1000;
  while (Date.now() < deadline) {
    if (await isSo()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error(`not within ${secondsMax} s: ${what}`);
}

/** Ends a process, or a group by its negative id, if it is still there. */
function endProcess(id: number): void {
  if (id === 0) return;
  try {
    process.kill(id, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
