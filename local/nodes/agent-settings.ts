import { load } from 'js-yaml';

/** What a machine's cloud-init gives its agent, in /etc/overcast/agent.env. */
export interface AgentSettings {
  readonly api: string;
  readonly clusterId: string;
  readonly number: string;
  readonly attempt: number;
  readonly role: string;
  /** The machine's, and so its Node's. */
  readonly hostname: string;
  /** `10.4.0.7`: the agent counts it from its number. */
  readonly overlayAddress: string;
  /** The kubeadm that is installed: `v1.36.4`. */
  readonly kubernetes: string;
  readonly token: string;
}

const settingsPath = '/etc/overcast/agent.env';
/** The newest patch of every minor, as far as simulated machines can install it. */
const newestPatch = 4;

/** `1.36` is its newest patch, `1.36.2` that one: `v1.36.4`. */
export const installable = (version: string): string =>
  /^\d+\.\d+$/.test(version) ? `v${version}.${newestPatch}` : `v${version}`;

/** Reads cloud-config as cloud-init would. @throws an Error that says what is missing. */
export function agentSettings(userData: string): AgentSettings {
  if (!userData.startsWith('#cloud-config\n')) throw new Error('user-data: not a cloud-config');
  const config = load(userData) as {
    hostname?: string;
    write_files?: { path?: string; content?: string }[];
  };
  const file = config.write_files?.find(({ path }) => path === settingsPath);
  if (file?.content === undefined) throw new Error(`user-data: no ${settingsPath}`);
  if (config.hostname === undefined) throw new Error('user-data: no hostname');
  const values = new Map(
    file.content
      .split('\n')
      .map((line) => /^(\w+)='(.*)'$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name, value]) => [name, value]),
  );
  const value = (name: string): string => {
    const found = values.get(name);
    if (found === undefined || found === '') throw new Error(`user-data: ${settingsPath} has no ${name}`);
    return found;
  };
  const number = value('OVERCAST_NODE');
  return {
    api: value('OVERCAST_API'),
    clusterId: value('OVERCAST_CLUSTER'),
    number,
    attempt: Number(value('OVERCAST_ATTEMPT')),
    role: value('OVERCAST_ROLE'),
    hostname: config.hostname,
    overlayAddress: `10.4.${Math.floor(Number(number) / 256)}.${Number(number) % 256}`,
    kubernetes: installable(value('OVERCAST_KUBERNETES')),
    token: value('OVERCAST_TOKEN'),
  };
}
