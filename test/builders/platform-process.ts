import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createApiClient, type ApiClient } from '../../cli/api-client.ts';
import { projectFolder } from '../../infra/paths.ts';
import { startPlatform } from '../../local/platform.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';

interface Started {
  readonly url: string;
  readonly apiKey: string;
  readonly clouds: Readonly<Record<CloudName, string>>;
}

/** The platform in a process of its own, which can be killed at any moment. */
export interface PlatformProcess extends Started {
  readonly api: ApiClient;
  /** What the functions logged. */
  readonly lines: readonly string[];
  /** As the power cut does it. Returns when the process is gone. */
  kill(): Promise<void>;
}

const timeScale = 100;
const marker = 'started ';

/** Starts the platform on this data folder, where it stopped before. @throws with its words when it ends at once. */
export async function spawnPlatform(dataFolder: string): Promise<PlatformProcess> {
  const child = spawn(process.execPath, [import.meta.filename, dataFolder], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  const lines: string[] = [];
  let errors = '';
  child.stdin.on('error', () => {});
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const started = await new Promise<Started>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line.startsWith(marker)) resolve(JSON.parse(line.slice(marker.length)) as Started);
      else lines.push(line);
    });
    child.once('exit', (code) => reject(new Error(`the platform ended with ${String(code)}: ${errors}`)));
  });
  return {
    ...started,
    api: createApiClient(started),
    lines,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

if (import.meta.main) {
  // Nobody is left to kill it once the test's own process is gone.
  process.stdin.resume().once('end', () => process.exit(1));
  const platform = await startPlatform({
    assemblyFolder: join(projectFolder, 'cdk.out'),
    dataFolder: process.argv[2] ?? '',
    port: 0,
    timeScale,
    log: (part, line) => process.stdout.write(`${part} ${line}\n`),
  });
  const { url, apiKey, clouds } = platform;
  process.stdout.write(`${marker}${JSON.stringify({ url, apiKey, clouds })}\n`);
}
