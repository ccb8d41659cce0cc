import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { buildKubeconfig, renderKubeconfig, type KubeconfigInput } from '../shared/kubernetes/kubeconfig.ts';
import { Secret } from '../shared/kubernetes/pki/secret.ts';
import { mergeKubeconfig } from './merge-kubeconfig.ts';

const input: KubeconfigInput = {
  installation: 'overcast',
  clusterId: '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  clusterName: 'four-clouds',
  caCertificatePem: 'CA',
  controlPlanes: [
    { name: 'four-clouds-1', address: '203.0.113.1' },
    { name: 'four-clouds-2', address: '203.0.113.2' },
  ],
  credential: { certificatePem: 'CERTIFICATE', privateKey: new Secret('KEY') },
  user: 'ada',
};
/** As the platform issues it. */
const issued = (given: Partial<KubeconfigInput> = {}): string =>
  renderKubeconfig(buildKubeconfig({ ...input, ...given }));
const read = (text: string) =>
  load(text) as Record<string, unknown> & Record<'clusters' | 'users' | 'contexts', { name: string }[]>;
const names = (text: string) => {
  const { clusters, users, contexts } = read(text);
  return [clusters, users, contexts].map((list) => list.map(({ name }) => name));
};

const ofTheUser = `apiVersion: v1
kind: Config
preferences: { colors: true }
current-context: work
x-of-another-tool: { since: 2026-01-01, version: "1.10", flag: "yes", octal: "0755" }
clusters:
- name: work
  cluster: { server: https://k8s.example.com, certificate-authority: /home/ada/ca.crt, proxy-url: socks5://localhost:1080 }
users:
- name: work
  user:
    exec: { apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks, get-token], env: null, interactiveMode: IfAvailable }
- name: token
  user: { token: "123456" }
contexts:
- name: work
  context: { cluster: work, user: work, namespace: team-a }
`;

describe('merging', () => {
  const added = issued();

  it('loses nothing of the user’s', () => {
    const merged = read(mergeKubeconfig(ofTheUser, added, { use: false }));
    const before = read(ofTheUser);
    expect(merged).toEqual({
      ...before,
      clusters: [...before.clusters, ...read(added).clusters],
      users: [...before.users, ...read(added).users],
      contexts: [...before.contexts, ...read(added).contexts],
    });
    expect(merged['current-context']).toBe('work');
  });

  it('switches to the cluster when asked to', () => {
    expect(read(mergeKubeconfig(ofTheUser, added, { use: true }))['current-context']).toBe('four-clouds');
  });

  it('is the same when done again', () => {
    const once = mergeKubeconfig(ofTheUser, added, { use: false });
    expect(mergeKubeconfig(once, added, { use: false })).toBe(once);
  });

  it('leaves no control plane and no credential of the cluster behind that is gone', () => {
    const once = mergeKubeconfig(ofTheUser, added, { use: false });
    const fewer = issued({ controlPlanes: input.controlPlanes.slice(0, 1), user: 'bob' });
    expect(names(mergeKubeconfig(once, fewer, { use: false }))).toEqual([
      ['work', 'four-clouds'],
      ['work', 'token', 'four-clouds-bob'],
      ['work', 'four-clouds'],
    ]);
  });

  it('keeps another cluster of ours', () => {
    const other = issued({
      clusterId: '00000000-0000-4000-8000-000000000000',
      clusterName: 'other',
      controlPlanes: input.controlPlanes.slice(0, 1),
    });
    const both = mergeKubeconfig(mergeKubeconfig('', other, { use: false }), added, { use: false });
    expect(names(both)[2]).toEqual(['other', 'four-clouds', 'four-clouds-at-four-clouds-2']);
    expect(read(both)['current-context']).toBe('other');
  });

  it('leads away from a current context that is gone', () => {
    const once = mergeKubeconfig('', added, { use: true }).replace(
      'current-context: four-clouds',
      'current-context: four-clouds-at-four-clouds-2',
    );
    const fewer = issued({ controlPlanes: input.controlPlanes.slice(0, 1) });
    expect(read(mergeKubeconfig(once, fewer, { use: false }))['current-context']).toBe('four-clouds');
  });

  it.each([
    [''],
    ['\n'],
    ['# nothing yet\n'],
    ['apiVersion: v1\nkind: Config\nclusters: null\nusers:\ncontexts: []\n'],
  ])('begins a file of %j', (existing) => {
    expect(read(mergeKubeconfig(existing, added, { use: false }))).toEqual(read(added));
  });

  const elsewhere = '00000000-0000-4000-8000-000000000000';
  it('takes over from a cluster of the same name that the installation had before', () => {
    const before = mergeKubeconfig('', issued({ clusterId: elsewhere, user: 'bob' }), { use: false });
    expect(names(mergeKubeconfig(before, issued({ user: 'bob' }), { use: false }))).toEqual(
      names(issued({ user: 'bob' })),
    );
  });

  it.each([
    ['another', { installation: 'another' }],
    ['one that did not say which it is', { installation: undefined as unknown as string }],
  ])('does not take a name from a cluster of %s installation', (_, whose) => {
    const theirs = mergeKubeconfig('', issued({ clusterId: elsewhere, ...whose }), { use: false });
    expect(() => mergeKubeconfig(theirs, added, { use: false })).toThrow(
      'already has "four-clouds" among its clusters, from another installation of Overcast: rename or remove it first, or use --output-file',
    );
  });

  it('does not take a name that is the user’s own', () => {
    const taken = ofTheUser.replaceAll('name: work', 'name: four-clouds');
    expect(() => mergeKubeconfig(taken, added, { use: false })).toThrow(
      'already has "four-clouds" among its clusters, and not from Overcast',
    );
  });

  it.each([
    ['- a\n- list\n'],
    ['just text'],
    ['clusters: { a: 1 }'],
    ['clusters: [{ cluster: {} }]'],
    ['a: [1\nb: }'],
    ['a: 1\n---\nb: 2\n'],
  ])('touches nothing when the file is %j', (existing) => {
    expect(() => mergeKubeconfig(existing, added, { use: false })).toThrow(/kubeconfig/);
  });
});
