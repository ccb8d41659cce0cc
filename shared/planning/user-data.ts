import type { ClusterId } from '../domain/ids.ts';
import type { CloudName } from '../domain/cloud.ts';
import type { NodeRole } from '../domain/network.ts';
import { agentScript } from './agent-script.ts';

/** The tightest limit of the four clouds: 16 KiB on AWS. */
export const userDataBytesMax = 16 * 1024;

const agentPath = '/usr/local/sbin/overcast-agent';

export interface UserDataInput {
  /** `https://….execute-api….amazonaws.com`, without a path. */
  readonly apiUrl: string;
  readonly clusterId: ClusterId;
  readonly number: number;
  readonly attempt: number;
  readonly nodeName: string;
  readonly role: NodeRole;
  readonly cloud: CloudName;
  /** `1.36`, or `1.36.2`. */
  readonly kubernetesVersion: string;
  readonly bootstrapToken: string;
}

/**
 * A machine's cloud-init. cloud-config is YAML and JSON is YAML, so no values need quoting of their own. Equal inputs give
 * equal bytes: clouds recognise a repeated create by them. The only secret in it is the bound, expiring token.
 */
export function renderUserData(input: UserDataInput): string {
  const settings = {
    OVERCAST_API: input.apiUrl,
    OVERCAST_CLUSTER: input.clusterId,
    OVERCAST_NODE: String(input.number),
    OVERCAST_ATTEMPT: String(input.attempt),
    OVERCAST_ROLE: input.role,
    OVERCAST_NAME: input.nodeName,
    OVERCAST_CLOUD: input.cloud,
    OVERCAST_KUBERNETES: input.kubernetesVersion,
    OVERCAST_TOKEN: input.bootstrapToken,
  };
  const config = {
    hostname: input.nodeName,
    preserve_hostname: false,
    // DigitalOcean's images let cloud-init write /etc/hosts anew at each boot: the cluster's name would be gone from it.
    manage_etc_hosts: false,
    package_update: false,
    write_files: [
      {
        path: '/etc/overcast/agent.env',
        owner: 'root:root',
        permissions: '0600',
        content: Object.entries(settings)
          .map(([name, value]) => `${name}='${value}'\n`)
          .join(''),
      },
      {
        path: agentPath,
        owner: 'root:root',
        permissions: '0755',
        encoding: 'gz+b64',
        content: agentScript,
      },
    ],
    runcmd: [[agentPath, 'install']],
  };
  const text = `#cloud-config\n${JSON.stringify(config, undefined, 1)}\n`;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > userDataBytesMax)
    throw new Error(`user-data of node ${input.number} has ${bytes} bytes; at most ${userDataBytesMax}`);
  return text;
}
