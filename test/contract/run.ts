import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cloudNames, isCloudName } from '../../shared/domain/cloud.ts';

const help = `Runs the cloud contract: what every driver must do, rule by rule.

  npm run test:contract                                   all drivers, each against its own simulator
  npm run test:contract -- --cloud aws                    one driver
  npm run test:contract -- --cloud aws --endpoint <url>   one driver against any endpoint that speaks that cloud's API

  --cloud <name>      ${[...cloudNames, 'memory'].join(', ')}
  --endpoint <url>    for example http://127.0.0.1:4601; needs --cloud. Without a /_control beside it, the rules that
                      need fate's hand (faults, strangers, sold-out types) are skipped, and say so
  --rule <text>       only the rules whose name contains this text
  --help              this text
`;

function parse(): { cloud?: string; endpoint?: string; rule?: string; help?: boolean } {
  const { values } = parseArgs({
    options: {
      cloud: { type: 'string' },
      endpoint: { type: 'string' },
      rule: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const { cloud, endpoint } = values;
  if (cloud !== undefined && !isCloudName(cloud) && cloud !== 'memory')
    throw new Error(`--cloud ${cloud}: one of ${[...cloudNames, 'memory'].join(', ')}`);
  if (endpoint !== undefined && (cloud === undefined || cloud === 'memory'))
    throw new Error('--endpoint needs --cloud, with a cloud that has one');
  if (endpoint !== undefined && !URL.canParse(endpoint))
    throw new Error(`--endpoint ${endpoint}: not a URL, such as http://127.0.0.1:4601`);
  return values;
}

function main(): void {
  let asked: ReturnType<typeof parse>;
  try {
    asked = parse();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exitCode = 2;
    return;
  }
  if (asked.help === true) {
    process.stdout.write(help);
    return;
  }
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const files = [...cloudNames, 'memory']
    .filter((name) => asked.cloud === undefined || asked.cloud === name)
    .map((name) => `test/contract/${name}.test.ts`)
    .filter((file) => existsSync(`${root}/${file}`));
  const child = spawn(
    process.execPath,
    [
      `${root}/node_modules/vitest/vitest.mjs`,
      'run',
      '--reporter=verbose',
      ...(asked.rule === undefined ? [] : ['-t', asked.rule]),
      ...files,
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        // Drivers are run from their source: nothing that deploys is needed.
        OVERCAST_SKIP_BUILD: '1',
        ...(asked.cloud === undefined ? {} : { OVERCAST_CONTRACT_CLOUD: asked.cloud }),
        ...(asked.endpoint === undefined
          ? {}
          : { OVERCAST_CONTRACT_ENDPOINT: asked.endpoint.replace(/\/$/, '') }),
      },
    },
  );
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

main();
