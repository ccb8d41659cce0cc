import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CloudName } from '../shared/domain/cloud.ts';
import { createMachine, until, type TestMachine } from './testing/machine.ts';
import { needs } from './testing/needs.ts';
import { awsMetadata, startPlatform, type Metadata, type TestPlatform } from './testing/platform.ts';

let platform: TestPlatform;
let machine: TestMachine | undefined;
beforeAll(async () => {
  needs('curl', 'openssl', 'python3', 'setsid', 'flock');
  platform = await startPlatform();
});
afterAll(() => platform.close());
afterEach(async () => {
  await machine?.remove();
  platform.syncs.length = 0;
});

/** A machine that is to sync once in a minute, on real seconds. */
async function aReadyMachine(cloud: CloudName, metadata: Metadata): Promise<() => Promise<number>> {
  const cluster = await platform.create();
  const settings = await platform.expect(cluster, 1, 'control-plane', cloud);
  platform.metadata.set(1, metadata);
  platform.instead = (_, { phase }, own) => (phase === 'ready' ? { ...own, syncAfterSeconds: 60 } : own);
  machine = createMachine({
    settings,
    hostname: 'four-clouds-1',
    environment: {
      OVERCAST_METADATA: `${platform.url}/machine/1`,
      OVERCAST_PACKAGES: platform.url,
      OVERCAST_SECOND: '1',
    },
  });
  machine.start();
  await until('ready', async () => (await platform.node(cluster, 1)).phase === 'ready');
  platform.instead = undefined;
  /** Gives the seconds from now until the platform hears of it and the machine has left. */
  return async () => {
    const from = Date.now();
    await until('an interruption', () => platform.syncs.some(({ body }) => body.interruption !== undefined));
    return ((platform.syncs.find(({ body }) => body.interruption !== undefined)?.at ?? 0) - from) / 1000;
  };
}
const providerId = () => machine?.kubeadm()?.kubeletArguments['provider-id'];
const reported = () =>
  platform.syncs.findLast(({ body }) => body.interruption !== undefined)?.body.interruption;
/** Within 25 s of the notice: a cloud that gives 30 takes the machine then. */
async function hasLeft(from: number): Promise<void> {
  const left = () => platform.syncs.find(({ body }) => body.phase === 'left');
  await until('left', () => left() !== undefined);
  expect((left()?.at ?? 0) - from).toBeLessThan(25_000);
}
const untilOrGivenUp = async (isSo: () => boolean, milliseconds: number): Promise<void> => {
  const deadline = Date.now() + milliseconds;
  while (!isSo() && Date.now() < deadline)
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
};
const addresses = { 'public-ipv4': '203.0.113.1', 'local-ipv4': '10.10.0.1' };
const isGcp = (headers: Readonly<Record<string, unknown>>): boolean =>
  headers['metadata-flavor'] === 'Google';

describe('an interruption is reported within five seconds, and the reply is followed', () => {
  it('AWS: first a recommendation, which changes nothing, then a spot action', async () => {
    let known: Record<string, string> = addresses;
    const secondsUntilReported = await aReadyMachine(
      'aws',
      awsMetadata(() => known),
    );
    known = {
      ...addresses,
      'events/recommendations/rebalance': '{"noticeTime":"2026-11-23T04:00:00Z"}',
    };
    expect(await secondsUntilReported()).toBeLessThan(5);
    expect(reported()).toEqual({ kind: 'rebalance', at: '2026-11-23T04:00:00Z' });
    expect(platform.syncs.at(-1)?.body.phase).toBe('ready');
    known = { ...known, 'spot/instance-action': '{"action":"terminate","time":"2026-11-23T04:02:00Z"}' };
    const from = Date.now();
    await until('a termination', () => reported()?.kind === 'terminate');
    expect(Date.now() - from).toBeLessThan(5000);
    expect(reported()?.at).toBe('2026-11-23T04:02:00Z');
    await hasLeft(from);
    expect(providerId()).toBe('aws:///us-east-1a/machine-1');
  });
});

describe('the other clouds’ notices', () => {
  it('GCP: preempted', async () => {
    let isPreempted = false;
    const secondsUntilReported = await aReadyMachine('gcp', async (path, { headers }) => {
      if (!isGcp(headers)) return undefined;
      if (path.endsWith('/external-ip')) return '203.0.113.1';
      if (path.endsWith('/network-interfaces/0/ip')) return '10.0.0.1';
      if (path.endsWith('/project/project-id')) return 'my-project-1';
      if (!path.includes('/instance/preempted?wait_for_change=true')) return undefined;
      await untilOrGivenUp(() => isPreempted, 4000);
      return isPreempted ? 'TRUE' : 'FALSE';
    });
    const from = Date.now();
    isPreempted = true;
    expect(await secondsUntilReported()).toBeLessThan(5);
    expect(reported()).toEqual({ kind: 'terminate' });
    await hasLeft(from);
    expect(providerId()).toBe('gce://my-project-1/us-east-1a/machine-1');
  });

  it('Azure: its own preemption, acknowledged after the work was handed over', async () => {
    let events: object[] = [];
    let acknowledged = '';
    let wasLeaving: boolean | undefined;
    const secondsUntilReported = await aReadyMachine('azure', (path, { headers, method }, body) => {
      if (headers['metadata'] !== 'true') return undefined;
      // A standard address is shown by the load balancer's document alone.
      if (path.includes('/publicIpAddress?')) return '';
      if (path.includes('/loadbalancer?'))
        return JSON.stringify({
          loadbalancer: { publicIpAddresses: [{ frontendIpAddress: '203.0.113.1' }] },
        });
      if (path.includes('/privateIpAddress?')) return '10.20.0.1';
      if (path.includes('/compute/name?')) return 'four-clouds-1';
      if (path.includes('/compute/subscriptionId?')) return '0c1d2e3f-1111-4222-8333-444455556666';
      if (path.includes('/compute/resourceGroupName?')) return 'Overcast-four-clouds';
      if (!path.includes('/scheduledevents?')) return undefined;
      if (method === 'POST') {
        acknowledged = body;
        wasLeaving = machine?.calls('kubectl').some((call) => call.includes('cordon'));
      }
      return JSON.stringify({ DocumentIncarnation: 1, Events: events });
    });
    const event = { EventType: 'Preempt', NotBefore: 'Mon, 23 Nov 2026 04:00:30 GMT' };
    const from = Date.now();
    events = [
      { ...event, EventId: 'f00d-1', Resources: ['four-clouds-2'] },
      { ...event, EventId: 'f00d-2', Resources: ['four-clouds-1'] },
    ];
    expect(await secondsUntilReported()).toBeLessThan(5);
    expect(reported()).toEqual({ kind: 'terminate', at: 'Mon, 23 Nov 2026 04:00:30 GMT' });
    await hasLeft(from);
    expect(providerId()).toBe(
      'azure:///subscriptions/0c1d2e3f-1111-4222-8333-444455556666/resourceGroups/overcast-four-clouds/providers/Microsoft.Compute/virtualMachines/machine-1',
    );
    expect(JSON.parse(acknowledged)).toEqual({ StartRequests: [{ EventId: 'f00d-2' }] });
    expect(wasLeaving).toBe(true);
  });
});
