import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { delivered } from '../../agent/deliver.ts';
import { bootstrapTokenMessage, formatBootstrapToken, parseBootstrapToken } from './bootstrap-token.ts';
import { renderUserData, userDataBytesMax, type UserDataInput } from './user-data.ts';

const input: UserDataInput = {
  apiUrl: 'https://api.example.com',
  clusterId: '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  number: 7,
  attempt: 2,
  nodeName: 'four-clouds-7',
  role: 'worker',
  cloud: 'azure',
  kubernetesVersion: '1.36',
  bootstrapToken: 'v1.2.1790000000.mac',
};

describe('user-data', () => {
  const text = renderUserData(input);
  const config = load(text) as {
    hostname: string;
    manage_etc_hosts: boolean;
    write_files: Record<string, string>[];
    runcmd: string[][];
  };
  it('is a cloud-config that gives the agent what it needs, readable by root alone', () => {
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    expect(config.hostname).toBe('four-clouds-7');
    expect(config.manage_etc_hosts, 'the agent’s lines outlive a reboot').toBe(false);
    expect(config.write_files[0]).toMatchObject({ path: '/etc/overcast/agent.env', permissions: '0600' });
    expect(config.write_files[0]?.['content']?.split('\n')).toEqual([
      "OVERCAST_API='https://api.example.com'",
      `OVERCAST_CLUSTER='${input.clusterId}'`,
      "OVERCAST_NODE='7'",
      "OVERCAST_ATTEMPT='2'",
      "OVERCAST_ROLE='worker'",
      "OVERCAST_NAME='four-clouds-7'",
      "OVERCAST_CLOUD='azure'",
      "OVERCAST_KUBERNETES='1.36'",
      "OVERCAST_TOKEN='v1.2.1790000000.mac'",
      '',
    ]);
  });
  it('brings the agent as it is now, and starts it', () => {
    const file = config.write_files[1] ?? {};
    expect(file).toMatchObject({ permissions: '0755', encoding: 'gz+b64' });
    expect(config.runcmd).toEqual([[file['path'], 'install']]);
    const script = readFileSync(new URL('../../agent/overcast-agent.sh', import.meta.url), 'utf8');
    const brought = gunzipSync(Buffer.from(file['content'] ?? '', 'base64')).toString();
    expect(brought === delivered(script), 'run `node agent/deliver.ts`').toBe(true);
  });
  it('has the same bytes for the same input', () => {
    expect(renderUserData(input)).toBe(renderUserData({ ...input }));
  });
  it('is refused when no cloud would take it', () => {
    expect(() => renderUserData({ ...input, apiUrl: `https://${'a'.repeat(userDataBytesMax)}` })).toThrow(
      /at most 16384/,
    );
  });
});

describe('bootstrap token', () => {
  const mac = new Uint8Array(32).fill(7);
  it('reads what it writes', () => {
    const token = { attempt: 2, expiresAt: 1_790_000_000, mac };
    const parsed = parseBootstrapToken(formatBootstrapToken(token));
    expect(parsed).toMatchObject({ attempt: 2, expiresAt: 1_790_000_000 });
    expect([...(parsed?.mac ?? [])]).toEqual([...mac]);
  });
  it('signs node, attempt and expiry', () => {
    expect(new TextDecoder().decode(bootstrapTokenMessage({ nodeId: 'n', attempt: 2, expiresAt: 3 }))).toBe(
      'n|2|3',
    );
  });
  it.each(['', 'v1', 'v2.1.1790000000.x', 'v1.1.1790000000.short', `v1.1.17900000001.${'a'.repeat(43)}`])(
    'is not %j',
    (text) => {
      expect(parseBootstrapToken(text)).toBeUndefined();
    },
  );
});
