import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { projectFolder } from '../../infra/paths.ts';

/** Builds the bundles and synthesizes the app, as a deployment does; what the tests run is what would be deployed. */
export function setup(): void {
  if (process.env['OVERCAST_SKIP_BUILD'] !== undefined) return;
  for (const script of ['infra/build.ts', 'infra/app.ts'])
    execFileSync(process.execPath, [join(projectFolder, script)], {
      cwd: projectFolder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
}
