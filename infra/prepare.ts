import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildCli } from './build.ts';
import { projectFolder } from './paths.ts';

// npm links a package's bin for those who install it, not for those who cloned it: `npx overcast` should work here too.
await buildCli();
const cli = join(projectFolder, 'dist', 'cli', 'overcast.js');
chmodSync(cli, 0o755);
const folder = join(projectFolder, 'node_modules', '.bin');
mkdirSync(folder, { recursive: true });
const link = join(folder, 'overcast');
if (existsSync(link)) rmSync(link);
symlinkSync(join('..', '..', 'dist', 'cli', 'overcast.js'), link);
