import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSimulator } from '../server.ts';
import { World } from '../world.ts';
import { createGcpSimulator } from './index.ts';

type Json = Record<string, unknown>;
interface Answer {
  readonly status: number;
  readonly body: Json;
}

const region = 'regions/us-east4';
const zone = 'zones/us-east4-a';
const subnetwork = `${region}/subnetworks/sub`;
const image = 'projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64';

const healthCheck = (change: Json = {}): Json => ({
  name: 'hc',
  type: 'HTTP',
  httpHealthCheck: { port: 8081, requestPath: '/nginx-ready' },
  ...change,
});
const service = (change: Json = {}): Json => ({
  name: 'bs',
  loadBalancingScheme: 'EXTERNAL',
  protocol: 'TCP',
  healthChecks: [`${region}/healthChecks/hc`],
  backends: [{ group: `${zone}/instanceGroups/ig`, balancingMode: 'CONNECTION' }],
  ...change,
});
const rule = (change: Json = {}): Json => ({
  name: 'fr-80',
  IPAddress: `${region}/addresses/ip`,
  IPProtocol: 'TCP',
  portRange: '80',
  loadBalancingScheme: 'EXTERNAL',
  backendService: `${region}/backendServices/bs`,
  ...change,
});
const member = (name: string): Json => ({ instances: [{ instance: `${zone}/instances/${name}` }] });

const reason = ({ status, body }: Answer): string => {
  const error = body['error'] as { errors: { reason: string }[] } | undefined;
  return `${status} ${error?.errors[0]?.reason ?? 'ok'}`;
};

describe('load balancers of the Compute Engine simulator', () => {
  const world = new World({ timeScale: 2000 });
  let url = '';
  let close: () => Promise<void>;

  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${url}/compute/v1/projects/overcast-test/${path}`, {
      method,
      headers: { authorization: 'Bearer anybody' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Json };
  };
  const get = async (path: string): Promise<Json> => (await call('GET', path)).body;
  const done = async (method: string, path: string, body?: unknown): Promise<void> => {
    const answer = await call(method, path, body);
    expect(reason(answer)).toBe('200 ok');
    const { selfLink } = answer.body as { selfLink: string };
    const operation = selfLink.replace(/^.*\/projects\/overcast-test\//, '');
    expect((await call('POST', `${operation}/wait`)).body).toMatchObject({ status: 'DONE' });
  };
  const members = async (): Promise<unknown> =>
    (await call('POST', `${zone}/instanceGroups/ig/listInstances`, { instanceState: 'ALL' })).body['items'];
  const machine = (name: string, within = subnetwork): Promise<void> =>
    done('POST', `${zone}/instances`, {
      name,
      machineType: `${zone}/machineTypes/e2-standard-4`,
      disks: [{ boot: true, autoDelete: true, initializeParams: { sourceImage: image } }],
      networkInterfaces: [{ subnetwork: within }],
    });

  beforeAll(async () => {
    ({ url, close } = await serveSimulator(world, createGcpSimulator(world)));
    for (const net of ['net', 'elsewhere'])
      await done('POST', 'global/networks', { name: net, autoCreateSubnetworks: false });
    await done('POST', `${region}/subnetworks`, {
      name: 'sub',
      network: 'global/networks/net',
      ipCidrRange: '10.0.0.0/24',
    });
    await done('POST', `${region}/subnetworks`, {
      name: 'far',
      network: 'global/networks/elsewhere',
      ipCidrRange: '10.0.0.0/24',
    });
    await Promise.all([machine('one'), machine('two'), machine('stray', `${region}/subnetworks/far`)]);
    await done('POST', `${region}/addresses`, { name: 'ip' });
    await done('POST', `${region}/healthChecks`, healthCheck());
    await done('POST', `${zone}/instanceGroups`, { name: 'ig', network: 'global/networks/net' });
    await done('POST', `${region}/backendServices`, service());
    await done('POST', `${region}/forwardingRules`, rule());
  });
  afterAll(async () => {
    await close();
    world.close();
  });

  const other = { name: 'other' };
  it.each<[string, string, string, Json | undefined, string]>([
    ['a health check without a type', 'POST', `${region}/healthChecks`, { name: 'other' }, '400 required'],
    [
      'a timeout over the interval',
      'POST',
      `${region}/healthChecks`,
      healthCheck({ ...other, timeoutSec: 6 }),
      '400 invalid',
    ],
    [
      'a port out of range',
      'POST',
      `${region}/healthChecks`,
      healthCheck({ ...other, httpHealthCheck: { port: 0 } }),
      '400 invalid',
    ],
    ['a check of another type later', 'PATCH', `${region}/healthChecks/hc`, { type: 'TCP' }, '400 invalid'],
    ['a global health check', 'POST', 'global/healthChecks', healthCheck(other), '404 notFound'],
    ['a group in no network', 'POST', `${zone}/instanceGroups`, other, '400 required'],
    [
      'a group of a name that is taken',
      'POST',
      `${zone}/instanceGroups`,
      { name: 'ig', network: 'global/networks/net' },
      '409 alreadyExists',
    ],
    [
      'a member of another network',
      'POST',
      `${zone}/instanceGroups/ig/addInstances`,
      member('stray'),
      '400 invalid',
    ],
    [
      'a member that is not there',
      'POST',
      `${zone}/instanceGroups/ig/addInstances`,
      member('nobody'),
      '404 notFound',
    ],
    [
      'taking out who is not in',
      'POST',
      `${zone}/instanceGroups/ig/removeInstances`,
      member('one'),
      '400 memberNotFound',
    ],
    [
      'a backend service of another scheme',
      'POST',
      `${region}/backendServices`,
      service({ ...other, loadBalancingScheme: 'INTERNAL' }),
      '400 invalid',
    ],
    [
      'one without a health check',
      'POST',
      `${region}/backendServices`,
      service({ ...other, healthChecks: [] }),
      '400 invalid',
    ],
    [
      'one whose group is not there',
      'POST',
      `${region}/backendServices`,
      service({ ...other, backends: [{ group: `${zone}/instanceGroups/no`, balancingMode: 'CONNECTION' }] }),
      '404 notFound',
    ],
    [
      'utilisation as balancing mode',
      'POST',
      `${region}/backendServices`,
      service({ ...other, backends: [{ group: `${zone}/instanceGroups/ig`, balancingMode: 'UTILIZATION' }] }),
      '400 invalid',
    ],
    [
      'a field nobody knows',
      'POST',
      `${region}/backendServices`,
      service({ ...other, healthcheck: 'x' }),
      '400 invalid',
    ],
    [
      'a change of what was not seen',
      'PATCH',
      `${region}/backendServices/bs`,
      { sessionAffinity: 'CLIENT_IP' },
      '412 conditionNotMet',
    ],
    [
      'a rule at a port that is taken',
      'POST',
      `${region}/forwardingRules`,
      rule({ ...other, portRange: '79-81' }),
      '400 invalid',
    ],
    [
      'a rule of another protocol',
      'POST',
      `${region}/forwardingRules`,
      rule({ ...other, IPProtocol: 'UDP' }),
      '400 invalid',
    ],
    [
      'a rule in another tier than its address',
      'POST',
      `${region}/forwardingRules`,
      rule({ ...other, portRange: '443', networkTier: 'STANDARD' }),
      '400 invalid',
    ],
    [
      'a rule without ports',
      'POST',
      `${region}/forwardingRules`,
      { ...rule(other), portRange: undefined },
      '400 required',
    ],
    [
      'a rule that is changed',
      'PATCH',
      `${region}/forwardingRules/fr-80`,
      { portRange: '81' },
      '404 notFound',
    ],
    [
      'deleting an address in use',
      'DELETE',
      `${region}/addresses/ip`,
      undefined,
      '400 resourceInUseByAnotherResource',
    ],
    [
      'deleting a health check in use',
      'DELETE',
      `${region}/healthChecks/hc`,
      undefined,
      '400 resourceInUseByAnotherResource',
    ],
    [
      'deleting a group in use',
      'DELETE',
      `${zone}/instanceGroups/ig`,
      undefined,
      '400 resourceInUseByAnotherResource',
    ],
    [
      'deleting a backend service in use',
      'DELETE',
      `${region}/backendServices/bs`,
      undefined,
      '400 resourceInUseByAnotherResource',
    ],
  ])('refuses %s', async (_what, method, path, body, refusal) => {
    expect(reason(await call(method, path, body))).toBe(refusal);
  });

  it('says no when a quota is full', async () => {
    world.addFault({ id: 'full', cloud: 'gcp', operation: 'createBalancer', effect: 'quota', times: 1 });
    expect(reason(await call('POST', `${region}/addresses`, other))).toBe('403 quotaExceeded');
  });

  it('lists an instance as a member from when it was put in until it was taken out, or is gone', async () => {
    expect(await members()).toBeUndefined();
    await done('POST', `${zone}/instanceGroups/ig/addInstances`, member('one'));
    await done('POST', `${zone}/instanceGroups/ig/addInstances`, member('two'));
    expect(await members()).toHaveLength(2);
    expect(reason(await call('POST', `${zone}/instanceGroups/ig/addInstances`, member('one')))).toBe(
      '400 memberAlreadyExists',
    );
    await done('POST', `${zone}/instanceGroups/ig/removeInstances`, member('one'));
    expect(await members()).toMatchObject([{ instance: expect.stringMatching(/\/two$/), status: 'RUNNING' }]);
    await done('DELETE', `${zone}/instances/two`);
    expect(await members()).toBeUndefined();
    // One of the same name that is made later was never put in.
    await machine('two');
    expect(await members()).toBeUndefined();
  });

  it('shows a rule with its address and range, an address with its users', async () => {
    const { address, ...shown } = await get(`${region}/addresses/ip`);
    expect(shown).toMatchObject({ status: 'IN_USE', kind: 'compute#address' });
    expect(await get(`${region}/forwardingRules/fr-80`)).toMatchObject({
      IPAddress: address,
      portRange: '80-80',
      networkTier: 'PREMIUM',
    });
  });

  it('changes a backend service for somebody who has seen it', async () => {
    const { fingerprint } = await get(`${region}/backendServices/bs`);
    await done('PATCH', `${region}/backendServices/bs`, { fingerprint, description: 'seen' });
    const after = await get(`${region}/backendServices/bs`);
    expect(after).toMatchObject({ description: 'seen', protocol: 'TCP' });
    expect(after['fingerprint']).not.toBe(fingerprint);
  });

  it('deletes from the rule inwards, and the network after the group', async () => {
    await done('DELETE', `${region}/forwardingRules/fr-80`);
    await done('DELETE', `${region}/backendServices/bs`);
    await Promise.all([
      done('DELETE', `${region}/addresses/ip`),
      done('DELETE', `${region}/healthChecks/hc`),
      ...['one', 'two'].map((name) => done('DELETE', `${zone}/instances/${name}`)),
    ]);
    await done('DELETE', `${region}/subnetworks/sub`);
    expect(reason(await call('DELETE', 'global/networks/net'))).toBe('400 resourceInUseByAnotherResource');
    await done('DELETE', `${zone}/instanceGroups/ig`);
    await done('DELETE', 'global/networks/net');
  });
});
