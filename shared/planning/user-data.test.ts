import { describe, expect, it } from 'vitest';
import { load } from 'js-yaml';
import { bootstrapTokenMessage, formatBootstrapToken, parseBootstrapToken } from './bootstrap-token.ts';
import { renderUserData, userDataBytesMax, type UserDataInput } from './user-data.ts';

const input: UserDataInput = {
  apiUrl: 'https://api.example.com',
  clusterId: '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  number: 7,
  attempt: 2,
  nodeName: 'four-clouds-7',
  role: 'worker',
  bootstrapToken: 'v1.2.1790000000.mac',
};

describe('user-data', () => {
  it('is a cloud-config that gives the agent what it needs, readable by root alone', () => {
    const text = renderUserData(input);
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    const config = load(text) as { hostname: string; write_files: Record<string, string>[] };
    expect(config.hostname).toBe('four-clouds-7');
    expect(config.write_files[0]).toMatchObject({ path: '/etc/overcast/agent.env', permissions: '0600' });
    expect(config.write_files[0]?.['content']).toContain("OVERCAST_NODE='7'\n");
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
