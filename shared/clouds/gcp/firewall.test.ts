import { describe, expect, it } from 'vitest';
import type { NetworkSpec } from '../../domain/network.ts';
import { firewallChanges, wantedFirewalls, type FirewallChange } from './firewall.ts';

const path = 'projects/p-12345/global/networks/overcast-1';
const spec: NetworkSpec = {
  owner: { installation: 'i', clusterId: '1' },
  clusterName: 'four-clouds',
  location: { region: 'us-east4', zone: 'us-east4-a' },
  candidates: [{ network: '10.0.0.0/16', subnet: '10.0.1.0/24' }],
  firewall: {
    'control-plane': [
      { protocol: 'udp', fromPort: 51820, toPort: 51820, source: { kind: 'anywhere' }, purpose: 'WireGuard' },
      {
        protocol: 'tcp',
        fromPort: 6443,
        toPort: 6443,
        source: { kind: 'anywhere' },
        purpose: 'Kubernetes API',
      },
    ],
    worker: [
      { protocol: 'tcp', fromPort: 30000, toPort: 32767, source: { kind: 'anywhere' }, purpose: 'NodePorts' },
      { protocol: 'udp', fromPort: 4789, toPort: 4789, source: { kind: 'network' }, purpose: 'pods' },
    ],
  },
};
const wanted = wantedFirewalls(spec, path);
/** As the API gives them back. */
const present = wanted.map(({ resource }) => ({
  ...resource,
  network: `https://www.googleapis.com/compute/v1/${path}`,
}));
const brief = (changes: readonly FirewallChange[]): string[] =>
  changes.map((change) => `${change.verb} ${change.verb === 'delete' ? change.name : change.firewall.name}`);

describe('the firewalls of a network', () => {
  it('are one per role and kind of source, with exactly the ports that were asked for', () => {
    expect(
      wanted.map(({ name, fields }) => [
        name,
        fields.allowed,
        [...fields.sourceRanges, ...fields.sourceTags],
        fields.targetTags,
      ]),
    ).toEqual([
      ['overcast-1-cp-any', ['tcp:6443', 'udp:51820'], ['0.0.0.0/0'], ['overcast-control-plane']],
      ['overcast-1-worker-any', ['tcp:30000-32767'], ['0.0.0.0/0'], ['overcast-worker']],
      [
        'overcast-1-worker-net',
        ['udp:4789'],
        ['overcast-control-plane', 'overcast-worker'],
        ['overcast-worker'],
      ],
    ]);
  });

  it('fit into the length that names may have, for any cluster', () => {
    const owner = { installation: 'i', clusterId: '00000000-0000-0000-0000-000000000000' };
    for (const { name } of wantedFirewalls({ ...spec, owner }, path))
      expect(name.length).toBeLessThanOrEqual(63);
  });

  it.each([
    ['a right network needs nothing', present, []],
    [
      'the order of ports and protocols means nothing',
      present.map((f) => ({ ...f, allowed: (f.allowed ?? []).toReversed() })),
      [],
    ],
    ['what is missing is made', present.slice(1), ['insert overcast-1-cp-any']],
    [
      'wider sources are narrowed',
      change({ sourceRanges: ['0.0.0.0/0', '::/0'] }),
      ['update overcast-1-cp-any'],
    ],
    [
      'another port is closed',
      change({ allowed: [{ IPProtocol: 'tcp', ports: ['6443', '22'] }] }),
      ['update overcast-1-cp-any'],
    ],
    ['all ports are too many', change({ allowed: [{ IPProtocol: 'tcp' }] }), ['update overcast-1-cp-any']],
    ['a rule for all machines is aimed again', change({ targetTags: [] }), ['update overcast-1-cp-any']],
    ['a disabled rule is enabled', change({ disabled: true }), ['update overcast-1-cp-any']],
    ['another priority is put right', change({ priority: 10 }), ['update overcast-1-cp-any']],
    ['lost marks are written again', change({ description: '' }), ['update overcast-1-cp-any']],
    [
      'logging that was switched on is switched off',
      change({ logConfig: { enable: true } }),
      ['update overcast-1-cp-any'],
    ],
    [
      'a rule that was turned round is made anew',
      change({ direction: 'EGRESS' }),
      ['delete overcast-1-cp-any'],
    ],
    [
      'a rule that denies is made anew',
      change({ allowed: [], denied: [{ IPProtocol: 'all' }] }),
      ['delete overcast-1-cp-any'],
    ],
    [
      'a rule that nobody asked for goes',
      [...present, { name: 'ssh', direction: 'INGRESS' }],
      ['delete ssh'],
    ],
  ])('%s', (_name, firewalls, changes) => {
    expect(brief(firewallChanges(wanted, firewalls))).toEqual(changes);
  });
});

describe('the flaws of a network’s firewalls', () => {
  const marks = present[0]?.description ?? '';
  it.each([
    ['none', present, []],
    ['a rule that is gone', present.slice(1), ['firewall:control-plane-anywhere:missing']],
    [
      'all that was changed in one rule',
      change({
        disabled: true,
        priority: 10,
        logConfig: { enable: true },
        sourceRanges: ['10.0.0.0/8'],
        targetTags: [],
        allowed: [{ IPProtocol: 'tcp', ports: ['6443', '22', '22'] }, { IPProtocol: 'icmp' }],
        description: marks.replace('Kubernetes', 'Some'),
      }),
      [
        'disabled',
        'logged',
        'priority',
        'source-range:missing:0.0.0.0/0',
        'source-range:surplus:10.0.0.0/8',
        'target-tag:missing:overcast-control-plane',
        'permission:missing:udp:51820',
        'permission:surplus:icmp:all',
        'permission:surplus:tcp:22',
        'description',
      ].map((what) => `firewall:control-plane-anywhere:${what}`),
    ],
    ['marks that are gone', change({ description: '' }), ['firewall:control-plane-anywhere:marks']],
    [
      'a rule that denies',
      change({ allowed: [], denied: [{ IPProtocol: 'tcp', ports: ['6443'] }] }),
      [
        'permission:missing:tcp:6443',
        'permission:missing:udp:51820',
        'condition:surplus:denied:tcp:6443',
      ].map((what) => `firewall:control-plane-anywhere:${what}`),
    ],
    [
      'a rule that nobody asked for, whatever marks it carries',
      [...present, { name: 'ssh', description: marks.replace('"1"', '"2"') }],
      ['firewall:surplus:ssh'],
    ],
  ])('%s', (_name, firewalls, subjects) => {
    const flaws = firewallChanges(wanted, firewalls).flatMap((one) => one.flaws);
    expect(flaws.map(({ subject }) => subject)).toEqual(subjects);
    expect(flaws.every(({ message }) => message !== '')).toBe(true);
  });
});

function change(fields: object) {
  return present.map((firewall, i) => (i === 0 ? { ...firewall, ...fields } : firewall));
}
