import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where Node keeps V8's code of the bundles, so that a cold start need not compile what another one has compiled. */
export const compileCacheFolder = fileURLToPath(
  new URL('../../../node_modules/.cache/overcast/', import.meta.url),
);

const daysMax = 3;

/** Each build has other files: what was written days ago is thrown away, and written anew if it is still needed. */
export function tidyCompileCache(now: number): void {
  const before = now - daysMax * 24 * 3600 * 1000;
  try {
    for (const name of readdirSync(compileCacheFolder, { recursive: true, encoding: 'utf8' })) {
      const path = join(compileCacheFolder, name);
      const status = statSync(path);
      if (status.isFile() && status.mtimeMs < before) rmSync(path, { force: true });
    }
  } catch {
    // There is none yet, or another process is tidying it: nobody depends on it.
  }
}
