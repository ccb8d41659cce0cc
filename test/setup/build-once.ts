import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { contextEnvironment, localHostedZone } from '../../infra/hosted-zone.ts';
import { projectFolder } from '../../infra/paths.ts';

/**
 * Builds the bundles and synthesizes the app, with the local platform's hosted zone; what the tests run is what would be deployed. CDK's own check of the
 * template only warns, and takes most of a synthesis: `npm run synth` and a deployment have it.
 */
export function setup(): void {
  if (process.env['OVERCAST_SKIP_BUILD'] !== undefined) return;
  for (const script of ['infra/build.ts', 'infra/app.ts'])
    execFileSync(process.execPath, [join(projectFolder, script)], {
      cwd: projectFolder,
      env: { ...process.env, ...contextEnvironment(localHostedZone), CDK_VALIDATION: 'false' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
}
