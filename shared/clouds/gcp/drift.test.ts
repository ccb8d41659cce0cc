import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createGcpSimulator } from '../../../local/clouds/gcp/index.ts';
import type { Stored } from '../../../local/clouds/gcp/state.ts';
import { World, type DamageKind } from '../../../local/clouds/world.ts';
import type { Collection } from '../../../local/disk.ts';
import { placeIn, startWorld } from '../../../test/contract/subject.ts';
import type { Network, NetworkSpec } from '../../domain/network.ts';
import type { Cloud, ExpectedMachine, MachineRequest, Progress } from '../contract.ts';
import { createGcp } from './index.ts';

// What people change by hand in Google Cloud, and the contract suite cannot ask of every cloud.

const projectId = 'overcast-drift';
const { location, offering, candidates } = placeIn('gcp');

interface Cluster {
  readonly owner: NetworkSpec['owner'];
  readonly spec: NetworkSpec;
  readonly network: Network;
  readonly base: string;
}

interface Changed {
  readonly isMarked?: boolean;
}

const settle = async <T>(call: () => Promise<Progress<T>>): Promise<T> => {
  const end = Date.now() + 15_000;
  while (Date.now() < end) {
    const progress = await call();
    if (progress.done) return progress.value;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  throw new Error('still waiting');
};

describe('drift in Google Cloud', () => {
  let url = '';
  let world: World;
  let close: () => Promise<void>;
  let cloud: Cloud;
  /** What the simulator keeps: for what nobody can make with its API. */
  let resources: Collection<Stored> | undefined;

  beforeAll(async () => {
    const opened = vi.spyOn(World.prototype, 'collection');
    ({ url, world, close } = await startWorld(createGcpSimulator));
    const at = opened.mock.calls.findIndex(([name]) => name === 'gcp/resources');
    resources = opened.mock.results[at]?.value as typeof resources;
    opened.mockRestore();
    cloud = createGcp({ projectId, token: 'drift', endpoint: url });
  });
  afterAll(() => close());

  const api = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}/compute/v1/projects/${projectId}/${path}`, {
      method,
      headers: { authorization: 'Bearer somebody' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  };

  /** Does something by hand and waits until the cloud has done it. */
  const byHand = async (method: string, path: string, body?: unknown): Promise<void> => {
    const { selfLink } = await api(method, path, body);
    await api('POST', `${String(selfLink).replace(/^.*\/projects\/[^/]+\//, '')}/wait`);
  };

  const someCluster = async (): Promise<Cluster> => {
    const owner = { installation: 'drift', clusterId: randomUUID() };
    const spec: NetworkSpec = {
      owner,
      clusterName: 'drift',
      location,
      candidates,
      firewall: {
        'control-plane': [
          { protocol: 'tcp', fromPort: 6443, toPort: 6443, source: { kind: 'anywhere' }, purpose: 'API' },
        ],
        worker: [
          { protocol: 'udp', fromPort: 4789, toPort: 4789, source: { kind: 'network' }, purpose: 'pods' },
        ],
      },
    };
    const network = await settle(() => cloud.ensureNetwork(spec));
    return { owner, spec, network, base: `overcast-${owner.clusterId}` };
  };

  const watch = async ({ owner, spec }: Cluster, machines: readonly ExpectedMachine[] = []) => {
    const [seen] = await cloud.observe([{ ...owner, expected: { network: spec, machines } }], location);
    if (seen === undefined) throw new Error('no entry');
    return seen;
  };
  const subjects = async (cluster: Cluster, machines?: readonly ExpectedMachine[]): Promise<string[]> =>
    (await watch(cluster, machines)).flaws.map(({ subject }) => subject);

  const damage = (kind: DamageKind, cluster: Cluster) =>
    world.damagesOf('gcp')[kind]?.({ networkId: cluster.network.parts['network'] ?? '' });

  const firewallsOf = async (base: string): Promise<unknown[]> =>
    (
      (await api('GET', `global/firewalls?filter=${encodeURIComponent(`network eq ".*/${base}"`)}`))[
        'items'
      ] as Record<string, unknown>[]
    ).map(({ id: _i, creationTimestamp: _c, fingerprint: _f, ...rest }) => rest);

  const network = 'global/networks/{base}';
  it.each<[string, string, string, unknown, string[]]>([
    [
      'a widened source',
      'PATCH',
      'global/firewalls/{base}-cp-any',
      { sourceRanges: ['0.0.0.0/0', '10.0.0.0/8'] },
      ['firewall:control-plane-anywhere:source-range:surplus:10.0.0.0/8'],
    ],
    [
      'another port',
      'PATCH',
      'global/firewalls/{base}-cp-any',
      { allowed: [{ IPProtocol: 'tcp', ports: ['6443', '22'] }] },
      ['firewall:control-plane-anywhere:permission:surplus:tcp:22'],
    ],
    [
      'a disabled rule',
      'PATCH',
      'global/firewalls/{base}-worker-net',
      { disabled: true },
      ['firewall:worker-network:disabled'],
    ],
    [
      'another priority',
      'PATCH',
      'global/firewalls/{base}-worker-net',
      { priority: 7 },
      ['firewall:worker-network:priority'],
    ],
    [
      'a rule for everybody',
      'PATCH',
      'global/firewalls/{base}-cp-any',
      { targetTags: [] },
      ['firewall:control-plane-anywhere:target-tag:missing:overcast-control-plane'],
    ],
    [
      'marks that are gone',
      'PATCH',
      'global/firewalls/{base}-cp-any',
      { description: '' },
      ['firewall:control-plane-anywhere:marks'],
    ],
    [
      'a missing rule',
      'DELETE',
      'global/firewalls/{base}-cp-any',
      undefined,
      ['firewall:control-plane-anywhere:missing'],
    ],
    [
      'a rule that nobody asked for',
      'POST',
      'global/firewalls',
      { name: 'ssh', network, allowed: [{ IPProtocol: 'tcp', ports: ['22'] }] },
      ['firewall:surplus:ssh'],
    ],
    [
      'a closed way out',
      'POST',
      'global/firewalls',
      { name: 'no-way-out', network, direction: 'EGRESS', denied: [{ IPProtocol: 'all' }] },
      ['firewall:surplus:no-way-out'],
    ],
    [
      'a route that leads a part of the traffic elsewhere',
      'POST',
      'global/routes',
      { name: 'default-route-detour', network, destRange: '0.0.0.0/1', nextHopIp: '10.0.1.9' },
      ['route:surplus:default-route-detour'],
    ],
    [
      'a way to the internet for some machines only',
      'POST',
      'global/routes',
      {
        name: 'for-some',
        network,
        destRange: '0.0.0.0/0',
        tags: ['some'],
        nextHopGateway: 'global/gateways/default-internet-gateway',
      },
      ['route:surplus:for-some'],
    ],
    [
      'another routing mode',
      'PATCH',
      'global/networks/{base}',
      { routingConfig: { routingMode: 'GLOBAL' } },
      ['network:routing-mode'],
    ],
  ])('puts right: %s', async (_name, method, path, body, flaws) => {
    const cluster = await someCluster();
    const before = await firewallsOf(cluster.base);
    const fill = (text: string): string => text.replaceAll('{base}', cluster.base);
    await byHand(method, fill(path), body === undefined ? undefined : JSON.parse(fill(JSON.stringify(body))));
    expect(await subjects(cluster)).toEqual(flaws);
    expect(await settle(() => cloud.ensureNetwork(cluster.spec))).toEqual(cluster.network);
    expect(await subjects(cluster)).toEqual([]);
    expect(await firewallsOf(cluster.base)).toEqual(before);
  });

  it('puts right: a network that makes subnets by itself', async () => {
    const cluster = await someCluster();
    const stored = resources?.get(cluster.network.parts['network'] ?? '');
    if (stored === undefined) throw new Error('no network');
    resources?.set(stored.path, { ...stored, body: { ...stored.body, autoCreateSubnetworks: true } });
    expect(await subjects(cluster)).toEqual(['network:mode']);
    await settle(() => cloud.ensureNetwork(cluster.spec));
    expect(await subjects(cluster)).toEqual([]);
  });

  it('puts right: a way to the internet that was redirected, even under the name of our own', async () => {
    const cluster = await someCluster();
    const ways = () =>
      world.resources().filter(({ kind, inside }) => kind === 'route' && inside?.endsWith(cluster.base));
    damage('remove-route', cluster);
    expect(await subjects(cluster)).toEqual(['route:internet:missing']);
    const detour = {
      destRange: '0.0.0.0/0',
      nextHopIp: '10.0.1.9',
      network: `global/networks/${cluster.base}`,
    };
    await byHand('POST', 'global/routes', { name: `${cluster.base}-internet`, ...detour });
    expect(await subjects(cluster)).toEqual([
      `route:surplus:${cluster.base}-internet`,
      'route:internet:missing',
    ]);
    await settle(() => cloud.ensureNetwork(cluster.spec));
    expect(await subjects(cluster)).toEqual([]);
    await settle(() => cloud.collapse(cluster.owner, location));
    expect(ways()).toEqual([]);
  });

  it.each<[string, Changed & { readonly ipCidrRange: string }, string[]]>([
    ['without marks', { ipCidrRange: '10.0.1.0/24' }, ['subnetwork:marks']],
    ['of another range', { ipCidrRange: '10.0.0.0/20', isMarked: true }, ['subnetwork:range']],
  ])('mends the rest before it refuses a subnet %s', async (_name, { isMarked, ...change }, flaws) => {
    const cluster = await someCluster();
    const place = `regions/${location.region}/subnetworks`;
    const { description } = await api('GET', `${place}/${cluster.base}`);
    damage('delete-subnet', cluster);
    damage('add-firewall-rule', cluster);
    await byHand('POST', place, {
      name: cluster.base,
      network: `global/networks/${cluster.base}`,
      ...(isMarked === true ? { description } : {}),
      ...change,
    });
    expect(await subjects(cluster)).toEqual([
      ...flaws,
      expect.stringMatching(/^firewall:surplus:/) as unknown,
    ]);
    await expect(settle(() => cloud.ensureNetwork(cluster.spec))).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
    expect(await subjects(cluster)).toEqual(flaws);
  });

  it('touches nothing in a network of its name that does not carry its marks, and says so', async () => {
    const cluster = await someCluster();
    damage('delete-network', cluster);
    expect(await subjects(cluster)).toEqual(['network:missing']);
    await byHand('POST', 'global/networks', { name: cluster.base, autoCreateSubnetworks: false });
    damage('add-firewall-rule', cluster);
    const before = await firewallsOf(cluster.base);
    const { flaws, strangers, resources: ours } = await watch(cluster);
    expect(flaws.map(({ subject }) => subject)).toEqual(['network:marks']);
    expect([strangers, ours]).toEqual([[], []]);
    await expect(cloud.ensureNetwork(cluster.spec)).rejects.toMatchObject({ name: 'InvalidRequest' });
    expect(await firewallsOf(cluster.base)).toEqual(before);
  });

  describe('machines and what they leave', () => {
    let cluster: Cluster;
    let wanted: ExpectedMachine;
    let instance = '';

    beforeAll(async () => {
      cluster = await someCluster();
      const request = requestFor();
      const { providerId } = await settle(() => cloud.createMachine(request));
      const { nodeId, token, name, role } = request;
      wanted = { providerId, nodeId, token, name, role, location };
      instance = `zones/${location.zone}/instances/${providerId}`;
    });

    const requestFor = (): MachineRequest => ({
      owner: cluster.owner,
      network: cluster.network,
      nodeId: randomUUID(),
      token: randomUUID(),
      name: `drift-${randomUUID().slice(0, 8)}`,
      role: 'worker',
      offering,
      diskGib: 50,
      userData: '#cloud-config\n',
    });
    const labelsOf = async () => (await api('GET', instance))['labels'] as Record<string, string>;
    const setLabels = async (change: Record<string, string>): Promise<void> => {
      const { labels, labelFingerprint } = await api('GET', instance);
      await byHand('POST', `${instance}/setLabels`, {
        labels: { ...(labels as object), ...change },
        labelFingerprint,
      });
    };
    const setTags = async (items: string[]): Promise<void> => {
      const { tags } = await api('GET', instance);
      await byHand('POST', `${instance}/setTags`, { ...(tags as object), items });
    };
    const repair = () => cloud.repairMachine(wanted, cluster.network, cluster.owner);

    it('keeps a label that a person added, and closes the doors of their network tag', async () => {
      await setLabels({ 'cost-centre': 'seven', 'overcast-node-id': 'changed' });
      await setTags(['overcast-control-plane', 'overcast-worker']);
      const { machines, flaws } = await watch(cluster, [wanted]);
      expect(machines).toMatchObject([{ providerId: wanted.providerId, nodeId: wanted.nodeId }]);
      expect(flaws.map(({ subject }) => subject)).toEqual([
        'label:changed:overcast-node-id',
        'network-tag:surplus:overcast-control-plane',
      ]);
      // Of several at once all but one have seen what is not so any more.
      await Promise.all([repair(), repair(), repair()]);
      expect(await settle(repair)).toBe('right');
      expect(await subjects(cluster, [wanted])).toEqual([]);
      expect(await labelsOf()).toMatchObject({ 'cost-centre': 'seven', 'overcast-node-id': wanted.nodeId });
    });

    it('never takes a machine over that says by one label that it is somebody else’s', async () => {
      await setLabels({ 'overcast-installation': 'neighbour' });
      const { machines, strangers, flaws } = await watch(cluster, [wanted]);
      expect([machines, flaws]).toEqual([[], []]);
      expect(strangers).toMatchObject([{ kind: 'machine', id: wanted.providerId }]);
      await expect(repair()).rejects.toMatchObject({ name: 'InvalidRequest' });
      expect((await labelsOf())['overcast-installation']).toBe('neighbour');
      await setLabels({ 'overcast-installation': 'drift' });
      expect(await subjects(cluster, [wanted])).toEqual([]);
    });

    it('knows the machine of a later node of the same name by its label', async () => {
      const earlier = { ...wanted, nodeId: randomUUID() };
      const { machines, flaws } = await watch(cluster, [earlier, wanted]);
      expect(flaws).toEqual([]);
      expect(machines.map(({ nodeId }) => nodeId)).toEqual([wanted.nodeId]);
    });

    it('removes a machine that no node accounts for, in whichever zone it stands, and its disk', async () => {
      const zone = location.zone.replace(/.$/, 'b');
      const request = { ...requestFor(), offering: { ...offering, zone } };
      const { providerId, name } = await settle(() => cloud.createMachine(request));
      const stray = { kind: 'machine', id: providerId, name };
      expect(await settle(() => cloud.removeSpare(stray, cluster.owner, location))).toBe('gone');
      expect(world.resources().filter((row) => row.name === name)).toEqual([]);
    });

    it('removes no disk that a machine uses, and nothing that serves the cluster', async () => {
      const { resources } = await watch(cluster, [wanted]);
      expect(resources.map(({ kind }) => kind).sort()).toEqual([
        'disk',
        'firewall',
        'firewall',
        'network',
        'route',
        'subnetwork',
      ]);
      for (const resource of resources)
        await expect(cloud.removeSpare(resource, cluster.owner, location)).rejects.toMatchObject({
          name: 'InvalidRequest',
          code: 'resourceInUse',
        });
    });
  });
});
