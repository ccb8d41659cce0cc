import process from 'node:process';
import { parseArgs } from 'node:util';
import { cloudNames, type CloudName } from '../shared/domain/cloud.ts';
import type { NodeRole } from '../shared/domain/network.ts';
import { nodeName } from '../shared/domain/node.ts';
import { formatBootstrapToken } from '../shared/planning/bootstrap-token.ts';
import { renderUserData } from '../shared/planning/user-data.ts';

const nodeRoles: readonly NodeRole[] = ['control-plane', 'worker'];

const help = `Writes out the user-data of every cloud and role, for an example cluster.

  npm run print:user-data -- [--cloud NAME] [--role NAME]

The texts go to standard output, their sizes and each cloud's limit to standard error. Ends with 1 when one is too large.

  --cloud   only this one: ${cloudNames.join(', ')}
  --role    only this one: ${nodeRoles.join(', ')}
  --help    this text
`;

interface Limit {
  readonly bytesMax: number;
  readonly of: string;
  readonly measure: (text: string) => number;
}
const bytes = (text: string): number => Buffer.byteLength(text);
const limits: Readonly<Record<CloudName, Limit>> = {
  aws: { bytesMax: 16_384, of: 'bytes before base64', measure: bytes },
  gcp: { bytesMax: 256 * 1024, of: 'bytes of a metadata value', measure: bytes },
  azure: {
    bytesMax: 64 * 1024,
    of: 'bytes of customData in base64',
    measure: (text) => Buffer.from(text).toString('base64').length,
  },
  digitalocean: { bytesMax: 64 * 1024, of: 'bytes', measure: bytes },
};

/** The longest that a name, a number and an address may be. */
const exampleOf = (cloud: CloudName, role: NodeRole): string =>
  renderUserData({
    apiUrl: 'https://a1b2c3d4e5.execute-api.ap-southeast-1.amazonaws.com',
    clusterId: '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
    number: 250,
    attempt: 3,
    nodeName: nodeName('a-cluster-with-the-longest-name-that-is-let-throug', 250),
    role,
    cloud,
    kubernetesVersion: '1.36',
    bootstrapToken: formatBootstrapToken({
      attempt: 3,
      expiresAt: 1_795_410_000,
      mac: new Uint8Array(32).fill(255),
    }),
  });

function main(): number {
  const { values } = parseArgs({
    options: { cloud: { type: 'string' }, role: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const clouds = cloudNames.filter((cloud) => values.cloud === undefined || values.cloud === cloud);
  const roles = nodeRoles.filter((role) => values.role === undefined || values.role === role);
  if (clouds.length === 0) throw new Error(`--cloud: one of ${cloudNames.join(', ')}`);
  if (roles.length === 0) throw new Error(`--role: one of ${nodeRoles.join(', ')}`);

  let code = 0;
  for (const cloud of clouds)
    for (const role of roles) {
      const text = exampleOf(cloud, role);
      const limit = limits[cloud];
      const size = limit.measure(text);
      const isWithin = size <= limit.bytesMax;
      process.stdout.write(`${text}\n`);
      console.error(
        `${cloud.padEnd(13)} ${role.padEnd(14)} ${String(size).padStart(6)} of at most ${limit.bytesMax} ${limit.of}${isWithin ? '' : ': too large'}`,
      );
      if (!isWithin) code = 1;
    }
  return code;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
