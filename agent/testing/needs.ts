import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Debian's packages of what the agent and its suite call. */
const packages: Readonly<Record<string, string>> = {
  bridge: 'iproute2',
  curl: 'curl',
  flock: 'util-linux',
  ip: 'iproute2',
  openssl: 'openssl',
  ping: 'iputils-ping',
  python3: 'python3',
  setsid: 'util-linux',
  shellcheck: 'shellcheck',
  tcpdump: 'tcpdump',
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
};
export const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin';

const isThere = (command: string): boolean =>
  systemPath.split(':').some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

export const missingPackages = (): readonly string[] => [
  ...new Set(
    Object.entries(packages)
      .filter(([command]) => !isThere(command))
      .map(([, name]) => name),
  ),
];

/** @throws an Error with the Debian package to install. */
export function needs(...commands: readonly string[]): void {
  const missing = commands.find((command) => !isThere(command));
  if (missing !== undefined)
    throw new Error(`${missing} is needed: install the Debian package ${packages[missing] ?? missing}`);
}
