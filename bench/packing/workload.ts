import type { Offering } from '../../shared/domain/offering.ts';
import type { Pod } from '../../shared/domain/pod.ts';
import type { Allocatable } from '../../shared/planning/pack-pods/packing.ts';
import { createRandom, type Random } from './random.ts';

const mebibyte = 2 ** 20;
const zoneKey = 'topology.kubernetes.io/zone';
const hostKey = 'kubernetes.io/hostname';

/**
 * The instance types of Karpenter's own benchmark: number i has i + 1 cores, 2 (i + 1) GiB and room for 10 (i + 1) pods; each
 * can be had as spot in two zones and on demand in three, everywhere at 0.1 per core and 0.1 per 10^9 bytes.
 *
 * @param count how many types, 400 in the benchmark.
 */
export function benchmarkOfferings(count: number): readonly Offering[] {
  const sold = [
    ['test-zone-1', 'spot'],
    ['test-zone-2', 'spot'],
    ['test-zone-1', 'on-demand'],
    ['test-zone-2', 'on-demand'],
    ['test-zone-3', 'on-demand'],
  ] as const;
  return Array.from({ length: count }, (_none, i) => i + 1).flatMap((cores) =>
    sold.map(([zone, lifecycle]) => ({
      cloud: 'aws',
      region: 'test-region',
      zone,
      instanceType: `fake-it-${cores - 1}`,
      architecture: 'amd64',
      lifecycle,
      vcpus: cores,
      memoryGib: 2 * cores,
      usdPerHour: 0.1 * cores + (0.1 * 2 * cores * 2 ** 30) / 1e9,
    })),
  );
}

/** The system takes 100m and 10 MiB of each. */
export const benchmarkAllocatable = ({ vcpus, memoryGib }: Offering): Allocatable => ({
  cpuMillis: vcpus * 1000 - 100,
  memoryBytes: memoryGib * 2 ** 30 - 10 * mebibyte,
  pods: vcpus * 10,
});

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const cpus = [100, 250, 500, 1000, 1500];
const memories = [100, 256, 512, 1024, 2048, 4096];

const requestsOf = ({ pick }: Random): Pod['requests'] => ({
  cpuMillis: pick(cpus),
  memoryBytes: pick(memories) * mebibyte,
});
const named = (kind: string, at: number): Pick<Pod, 'namespace' | 'name'> => ({
  namespace: 'default',
  name: `${kind}-${at}`,
});
const one = (key: string, value: string) => [{ key, operator: 'In', values: [value] }] as const;

const generic = (random: Random, at: number): Pod => ({
  ...named('generic', at),
  labels: { 'my-label': random.pick(letters) },
  requests: requestsOf(random),
});

const spread =
  (kind: string, topologyKey: string) =>
  (random: Random, at: number): Pod => ({
    ...named(kind, at),
    labels: { 'my-label': random.pick(letters) },
    topologySpread: [
      {
        topologyKey,
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        selector: one('my-label', random.pick(letters)),
      },
    ],
    requests: requestsOf(random),
  });

function together(random: Random, at: number): Pod {
  const letter = random.pick(letters);
  return {
    ...named('together', at),
    labels: { 'my-affininity': letter },
    podAffinity: { required: [{ topologyKey: zoneKey, selector: one('my-affininity', letter) }] },
    requests: requestsOf(random),
  };
}

const apart = (random: Random, at: number): Pod => ({
  ...named('apart', at),
  labels: { app: 'nginx' },
  podAntiAffinity: { required: [{ topologyKey: hostKey, selector: one('app', 'nginx') }] },
  requests: requestsOf(random),
});

const otherKinds = [spread('zones', zoneKey), spread('hosts', hostKey), together, apart];

/** A fifth each of: generic, spread over zones, spread over hosts, together in a zone, apart on hosts. */
export function mixedPods(count: number, seed: number): readonly Pod[] {
  const random = createRandom(seed);
  const ofEach = Math.floor(count / 5);
  const others = otherKinds.flatMap((make) =>
    Array.from({ length: ofEach }, (_none, at) => make(random, at)),
  );
  return [...others, ...genericPods(count - others.length, seed + 1)];
}

export function genericPods(count: number, seed: number): readonly Pod[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_none, at) => generic(random, at));
}
