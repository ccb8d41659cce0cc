import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGcpSimulator } from '../../../local/clouds/gcp/index.ts';
import type { World } from '../../../local/clouds/world.ts';
import { placeIn, startWorld } from '../../../test/contract/subject.ts';
import type { Network, NetworkSpec } from '../../domain/network.ts';
import type { Cloud, MachineRequest, Progress } from '../contract.ts';
import { createGcp, gcpCredentials } from './index.ts';
import { strangersIn } from './observe.ts';

// What the contract suite cannot ask of every cloud. The suite itself: test/contract/gcp.test.ts; drift: drift.test.ts.

const projectId = 'overcast-driver';
const { location, offering, candidates } = placeIn('gcp');

const requestFor = (
  cluster: { owner: NetworkSpec['owner']; network: Network },
  change: Partial<MachineRequest> = {},
): MachineRequest => ({
  owner: cluster.owner,
  network: cluster.network,
  nodeId: randomUUID(),
  token: randomUUID(),
  name: `driver-${randomUUID().slice(0, 8)}`,
  role: 'worker',
  offering,
  diskGib: 50,
  userData: '#cloud-config\n',
  ...change,
});

const refOf = (request: MachineRequest) => ({ nodeId: request.nodeId, name: request.name, location });
const settle = async <T>(call: () => Promise<Progress<T>>): Promise<T> => {
  const end = Date.now() + 15_000;
  let waitingFor = '';
  while (Date.now() < end) {
    const progress = await call();
    if (progress.done) return progress.value;
    ({ waitingFor } = progress);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  throw new Error(`still waiting for ${waitingFor}`);
};

describe('the Google Cloud driver', () => {
  let url = '';
  let world: World;
  let close: () => Promise<void>;
  let cloud: Cloud;
  /** One that knows nothing of what went before, as after a Lambda function's cold start. */
  const fresh = (): Cloud => createGcp({ projectId, token: 'driver', endpoint: url });

  beforeAll(async () => {
    ({ url, world, close } = await startWorld(createGcpSimulator));
    world.change({ pageSizeMax: 2 });
    cloud = fresh();
  });
  afterAll(() => close());
  beforeEach(() => {
    world.clearFaults();
  });

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
    const { name, zone } = await api(method, path, body);
    const scope = typeof zone === 'string' ? `zones/${zone.split('/').at(-1)}` : 'global';
    await api('POST', `${scope}/operations/${String(name)}/wait`);
  };

  const someCluster = async (): Promise<{
    owner: NetworkSpec['owner'];
    network: Network;
    base: string;
    spec: NetworkSpec;
  }> => {
    const owner = { installation: 'driver', clusterId: randomUUID() };
    const spec: NetworkSpec = {
      owner,
      clusterName: 'driver',
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
    return { owner, network, spec, base: `overcast-${owner.clusterId}` };
  };

  const rows = (kind: string, text: string) =>
    world
      .resources()
      .filter((row) => row.kind === kind && `${row.name} ${row.tags.join(' ')}`.includes(text));

  it('takes no network of that name that does not carry the cluster’s marks', async () => {
    const { spec } = await someCluster();
    const other = { ...spec, owner: { ...spec.owner, installation: 'neighbour' } };
    await expect(cloud.ensureNetwork(other)).rejects.toMatchObject({ name: 'InvalidRequest' });
  });

  it('makes machines shielded, without a service account, with an encrypted disk that goes with them', async () => {
    const cluster = await someCluster();
    const request = requestFor(cluster, { role: 'control-plane' });
    await settle(() => cloud.createMachine(request));
    const instance = await api('GET', `zones/${location.zone}/instances/${request.name}`);
    expect(instance).toMatchObject({
      shieldedInstanceConfig: { enableSecureBoot: true, enableVtpm: true, enableIntegrityMonitoring: true },
      tags: { items: ['overcast-control-plane'] },
      disks: [{ boot: true, autoDelete: true, diskSizeGb: '50' }],
      labels: {
        'overcast-installation': 'driver',
        'overcast-cluster-id': cluster.owner.clusterId,
        'overcast-node-id': request.nodeId,
      },
      metadata: {
        items: expect.arrayContaining([
          { key: 'user-data', value: '#cloud-config\n' },
          { key: 'block-project-ssh-keys', value: 'TRUE' },
        ]),
      },
    });
    expect(instance['serviceAccounts']).toBeUndefined();
    expect(rows('disk', request.name)).toHaveLength(1);
    await settle(() => cloud.deleteMachine(refOf(request), cluster.owner));
    expect(rows('disk', request.name)).toEqual([]);
  });

  it.each([
    ['spot', 'n4-highcpu-4', 'amd64', 'hyperdisk-balanced'],
    ['on-demand', 'e2-standard-4', 'amd64', 'pd-balanced'],
    ['on-demand', 'c4a-highcpu-4', 'arm64', 'hyperdisk-balanced'],
  ] as const)('makes a %s %s, %s, on %s', async (lifecycle, instanceType, architecture, diskType) => {
    const cluster = await someCluster();
    const request = requestFor(cluster, { offering: { ...offering, lifecycle, instanceType, architecture } });
    expect(await settle(() => cloud.createMachine(request))).toMatchObject({ lifecycle, instanceType });
    const disk = await api('GET', `zones/${location.zone}/disks/${request.name}`);
    expect(disk['type']).toMatch(new RegExp(`/${diskType}$`));
  });

  it.each([
    ['no-capacity', 'CapacityUnavailable'],
    ['no-capacity-later', 'CapacityUnavailable'],
    ['quota', 'QuotaExceeded'],
  ] as const)(
    'finds an insert that failed after it was accepted (%s), whoever asks and however often',
    async (effect, name) => {
      const cluster = await someCluster();
      const request = requestFor(cluster);
      world.addFault({ id: 'f', cloud: 'gcp', operation: 'createMachine', effect, times: 1 });
      expect((await cloud.createMachine(request)).done).toBe(false);
      const inserts = () => world.calls()['gcp/createMachine'];
      const before = inserts();
      await expect(settle(() => cloud.createMachine(request))).rejects.toMatchObject({ name });
      await expect(fresh().createMachine(request)).rejects.toMatchObject({ name });
      expect(inserts()).toBe(before);
      expect([...rows('machine', request.name), ...rows('disk', request.name)]).toEqual([]);
    },
  );

  it('waits for a machine that is hidden at first, and deletes none before it has seen it', async () => {
    const cluster = await someCluster();
    const request = requestFor(cluster);
    world.addFault({
      id: 'f',
      cloud: 'gcp',
      operation: 'createMachine',
      effect: 'hide',
      times: 1,
      seconds: 2500,
    });
    await cloud.createMachine(request);
    expect((await cloud.deleteMachine(refOf(request), cluster.owner)).done).toBe(false);
    expect((await cloud.createMachine(request)).done).toBe(false);
    expect((await settle(() => cloud.createMachine(request))).state).toBe('running');
    await settle(() => cloud.deleteMachine(refOf(request), cluster.owner));
    expect(rows('machine', request.name)).toEqual([]);
  });

  it('never makes a second machine for a request whose machine was killed', async () => {
    const cluster = await someCluster();
    const request = requestFor(cluster);
    await settle(() => cloud.createMachine(request));
    world.terminate('gcp', request.name, 0);
    expect((await cloud.createMachine(request)).done).toBe(false);
    expect(rows('machine', request.name)).toEqual([]);
  });

  it('leaves a later node alone that has the same name', async () => {
    const cluster = await someCluster();
    const later = requestFor(cluster);
    await settle(() => cloud.createMachine(later));
    const earlier = { ...refOf(later), nodeId: randomUUID() };
    expect(await cloud.deleteMachine(earlier, cluster.owner)).toEqual({ done: true, value: 'gone' });
    expect(rows('machine', later.name)).toHaveLength(1);
  });

  it('takes no machine of another cluster for its own because of the name', async () => {
    const [one, other] = [await someCluster(), await someCluster()];
    const theirs = requestFor(other);
    const machine = await settle(() => cloud.createMachine(theirs));
    const ours = requestFor(one, { name: theirs.name });
    await expect(cloud.createMachine(ours)).rejects.toMatchObject({ name: 'InvalidRequest' });
    // The attempt was never answered with an id: there is nothing of it, and giving it up must come to an end.
    expect(await cloud.deleteMachine(refOf(ours), one.owner)).toEqual({ done: true, value: 'gone' });
    await expect(
      cloud.deleteMachine({ ...refOf(ours), providerId: machine.providerId }, one.owner),
    ).rejects.toMatchObject({ name: 'InvalidRequest' });
    expect(rows('machine', theirs.name)).toHaveLength(1);
  });

  it('removes a disk that was told to stay, and nobody else’s', async () => {
    const cluster = await someCluster();
    const request = requestFor(cluster);
    const labels = {
      'overcast-installation': 'driver',
      'overcast-cluster-id': cluster.owner.clusterId,
      'overcast-node-id': request.nodeId,
    };
    await byHand('POST', `zones/${location.zone}/disks`, { name: request.name, labels });
    await byHand('POST', `zones/${location.zone}/disks`, { name: `${request.name}-other` });
    await settle(() => cloud.deleteMachine(refOf(request), cluster.owner));
    expect(rows('disk', request.name).map((row) => row.name)).toEqual([`${request.name}-other`]);
  });

  it('answers a repeat with the attempt’s machine, although the user-data was written anew meanwhile', async () => {
    const cluster = await someCluster();
    const request = requestFor(cluster);
    const later = { ...request, userData: '#cloud-config\n# of the next version\n' };
    // Neither sees anything of the other when it looks: GCE itself refuses the second insert.
    await Promise.all([cloud.createMachine(request), fresh().createMachine(later)]);
    const [one, other] = await Promise.all([
      settle(() => cloud.createMachine(request)),
      settle(() => fresh().createMachine(later)),
    ]);
    expect(other).toEqual(one);
    expect(rows('machine', request.name)).toHaveLength(1);
    const attempt = { ...later, token: randomUUID() };
    await expect(cloud.createMachine(attempt)).rejects.toMatchObject({ name: 'InvalidRequest' });
  });

  it('counts a subnet of somebody else’s as a stranger, and stops before it', async () => {
    const { owner, base } = await someCluster();
    const subnet = { name: 'somebodys', network: `global/networks/${base}`, ipCidrRange: '10.9.0.0/24' };
    const { name } = await api('POST', 'regions/us-west1/subnetworks', subnet);
    await api('POST', `regions/us-west1/operations/${String(name)}/wait`);
    const stranger = expect.objectContaining({
      kind: 'subnetwork',
      name: 'somebodys',
      inside: base,
    }) as unknown;
    expect((await cloud.observe([owner], location))[0]?.strangers).toEqual([stranger]);
    expect(await cloud.collapse(owner, location)).toMatchObject({ done: false, blockedBy: [stranger] });
    expect(rows('firewall', owner.clusterId)).toHaveLength(2);
  });

  it('counts a subnet of its own name in another region as a stranger', async () => {
    const { owner, base } = await someCluster();
    const subnet = { name: base, network: `global/networks/${base}`, ipCidrRange: '10.9.0.0/24' };
    const { name } = await api('POST', 'regions/us-west1/subnetworks', subnet);
    await api('POST', `regions/us-west1/operations/${String(name)}/wait`);
    const stranger = expect.objectContaining({ kind: 'subnetwork', name: base }) as unknown;
    expect((await cloud.observe([owner], location))[0]?.strangers).toEqual([stranger]);
    expect(await cloud.collapse(owner, location)).toMatchObject({ done: false, blockedBy: [stranger] });
  });

  it('counts a peering as a stranger: the network cannot go, and it is not ours to remove', () => {
    const owner = { installation: 'driver', clusterId: randomUUID() };
    const network = {
      name: 'overcast-net',
      peerings: [{ name: 'to-office', network: 'projects/p/global/networks/office' }],
    };
    const seen = { instances: [], region: 'us-east4', subnetwork: undefined, groups: [] };
    expect(strangersIn(network, owner, seen)).toEqual([
      { kind: 'peering', id: 'to-office', name: 'office', inside: 'overcast-net' },
    ]);
  });

  it('shows its marks on everything it makes', async () => {
    const cluster = await someCluster();
    const request = requestFor(cluster);
    await settle(() => cloud.createMachine(request));
    const marked = world
      .resources()
      .filter((row) => row.tags.some((tag) => tag.includes(cluster.owner.clusterId)))
      .map((row) => row.kind);
    expect(marked.sort()).toEqual(['disk', 'firewall', 'firewall', 'machine', 'network', 'subnetwork']);
  });
});

describe('the secret of a Google Cloud account', () => {
  it.each([
    ['a service account’s key', { projectId, serviceAccountKey: { type: 'service_account' } }, true],
    ['a workload identity file', { projectId, serviceAccountKey: { type: 'external_account' } }, true],
    ['an endpoint and a token', { projectId, token: 't', endpoint: 'http://127.0.0.1:1' }, true],
    ['nothing to prove it with', { projectId }, false],
    ['no project', { token: 't' }, false],
    ['a project that cannot be one', { projectId: 'X', token: 't' }, false],
    ['a typo', { projectId, tokn: 't' }, false],
  ])('%s: %o', (_name, secret, good) => {
    expect(gcpCredentials.safeParse(secret).success).toBe(good);
  });
});
