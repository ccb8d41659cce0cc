import { load } from 'js-yaml';

/** What a machine's cloud-init gives its agent, in /etc/overcast/agent.env. */
export interface AgentSettings {
  readonly api: string;
  readonly clusterId: string;
  readonly number: string;
  readonly attempt: number;
  readonly token: string;
}

const settingsPath = '/etc/overcast/agent.env';

/** Reads cloud-config as cloud-init would. @throws an Error that says what is missing. */
export function agentSettings(userData: string): AgentSettings {
  if (!userData.startsWith('#cloud-config\n')) throw new Error('user-data: not a cloud-config');
  const config = load(userData) as { write_files?: { path?: string; content?: string }[] };
  const file = config.write_files?.find(({ path }) => path === settingsPath);
  if (file?.content === undefined) throw new Error(`user-data: no ${settingsPath}`);
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
  return {
    api: value('OVERCAST_API'),
    clusterId: value('OVERCAST_CLUSTER'),
    number: value('OVERCAST_NODE'),
    attempt: Number(value('OVERCAST_ATTEMPT')),
    token: value('OVERCAST_TOKEN'),
  };
}
