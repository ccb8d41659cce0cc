import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../shared/domain/cluster.ts';
import { snapshotKey } from '../shared/domain/snapshot.ts';
import { cutEverywhere, placesIn, type Cut } from './testing/cuts.ts';
import { createMachine, until, type TestMachine } from './testing/machine.ts';
import { needs } from './testing/needs.ts';
import { digitaloceanMetadata, startPlatform, type TestPlatform } from './testing/platform.ts';

let platform: TestPlatform;
const machines: TestMachine[] = [];
const isReady = async (cluster: Cluster): Promise<boolean> =>
  (await platform.node(cluster, 1)).phase === 'ready';

async function aMachine(cluster: Cluster, cut?: Cut): Promise<{ machine: TestMachine; cuts: string }> {
  platform.metadata.set(1, digitaloceanMetadata({ public: '203.0.113.1', private: '10.10.0.1' }));
  let cuts = '';
  const machine: TestMachine = createMachine({
    settings: await platform.expect(cluster, 1, 'control-plane', 'digitalocean'),
    hostname: 'four-clouds-1',
    before: () => (cuts === '' ? [] : [cuts]),
    environment: { OVERCAST_METADATA: `${platform.url}/machine/1`, OVERCAST_PACKAGES: platform.url },
  });
  if (cut !== undefined) cuts = cutEverywhere(machine, cut);
  machines.push(machine);
  return { machine, cuts };
}

/** What is on its disk: paths and modes, and what every machine of this number would have in them. */
function disk(machine: TestMachine): readonly string[] {
  const differs = /var\/log|\/pki\/|session|wireguard|kubeadm\/pid|peers|encryption|kubelet\.conf|agent\.env/;
  const { root } = machine;
  return globSync('{etc,var}/**/*', { cwd: root })
    .filter((path) => statSync(join(root, path)).isFile() && !path.includes('.new'))
    .map((path) => {
      const mode = (statSync(join(root, path)).mode & 0o777).toString(8);
      return `${path} ${mode} ${differs.test(path) ? '' : machine.read(path)}`;
    })
    .toSorted();
}

/** Two ways to the first control plane: a cluster that begins, and one that begins again from what its etcd held. */
const beginnings = {
  init: {},
  restore: {
    status: 'restoring',
    initNode: 9,
    initAttempt: 1,
    initialisedAt: '2026-11-23T04:00:00.000Z',
    restore: {
      id: 'asked',
      snapshot: '20261123T080000Z',
      requestedAt: '2026-11-23T08:20:00.000Z',
      requestedBy: 'ada',
      number: 1,
    },
  },
} as const satisfies Record<string, Partial<Cluster>>;
type Beginning = keyof typeof beginnings;

async function aCluster(beginning: Beginning): Promise<Cluster> {
  const cluster = await platform.create(beginnings[beginning]);
  platform.bucket.set(snapshotKey(cluster.id, beginnings.restore.restore.snapshot), 'snapshot\n');
  return cluster;
}

beforeAll(async () => {
  needs('curl', 'openssl', 'python3', 'setsid', 'flock');
  platform = await startPlatform();
});
afterAll(async () => {
  await Promise.all(machines.map((machine) => machine.remove()));
  await platform.close();
});

const cuts = [
  ['the agent alone: what it began ends unseen', 'agent'],
  ['all that it began with it: the command has not begun', 'power'],
] as const;

describe.each<Beginning>(['init', 'restore'])('%s', (beginning) => {
  let reference: TestMachine;
  let begun: Cluster;
  beforeAll(async () => {
    begun = await aCluster(beginning);
    ({ machine: reference } = await aMachine(begun));
    reference.start();
    await until('the reference is ready', () => isReady(begun));
    await until('its result is taken', () => reference.read('var/lib/overcast/result.json') === '');
  });

  describe('by an agent that dies at every command that it calls, and is started again each time', () => {
    it.concurrent.each(cuts)('%s', { timeout: 150_000 }, async (_, cut) => {
      const cluster = await aCluster(beginning);
      const { machine, cuts: folder } = await aMachine(cluster, cut);
      let starts = 0;
      await until(
        'ready, and its result taken',
        async () => {
          if (starts === 0 || machine.hasEnded()) {
            machine.start();
            starts += 1;
          }
          return (await isReady(cluster)) && machine.read('var/lib/overcast/result.json') === '';
        },
        140,
      );
      expect(placesIn(folder).length).toBeGreaterThan(80);
      expect(starts).toBeGreaterThan(50);
      const called = (each: TestMachine): readonly string[] =>
        ['kubeadm', 'ctr']
          .flatMap((command) => each.calls(command))
          .map((call) => call.replaceAll(each.root, ''));
      expect(called(machine)).toEqual(called(reference));
      expect(called(machine).filter((call) => call.startsWith('init '))).toHaveLength(1);
      expect(platform.secrets.get(`${cluster.id}/1`)?.size).toBe(1);
      const own = platform.syncs.filter((sync) => sync.clusterId === cluster.id);
      expect(new Set(own.map((sync) => sync.body.wireguardPublicKey)).size).toBe(1);
      const [ended, expected] = [machine, reference].map((each) =>
        disk(each).map((line) => line.replaceAll(each.root, '').replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '')),
      );
      expect(ended).toEqual(expected);
    });
  });
});
