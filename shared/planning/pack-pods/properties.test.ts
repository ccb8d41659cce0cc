import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cluster, freshNode, problemsOf, standingNodes } from '../../../bench/packing/check-packing.ts';
import { mostPlaceable } from '../../../test/builders/brute-packing.ts';
import { short } from '../../../test/builders/packing.ts';
import { rules, worlds, type World, type Worlds } from '../../../test/builders/random-packing.ts';
import type { Pod } from '../../domain/pod.ts';
import { packPods } from './pack-pods.ts';
import type { Packing, PackingOptions } from './packing.ts';

const anything: Worlds = { groupsMax: 5, countMax: 5, rulesMax: 2, nodesMax: 4, offersMax: 6 };

/** Fast-check prints the seed of a run that fails; the world is told in short notation. */
const holds = (
  options: Worlds,
  numRuns: number,
  property: (options: PackingOptions, packing: Packing) => unknown,
): void =>
  fc.assert(
    fc.property(worlds(options), ({ given, options: world }: World) => {
      const packing = packPods(world);
      expect(property(world, packing), `${given}\n${short(packing)}`).toEqual([]);
    }),
    { numRuns },
  );

/** Without limits, and with nothing but pods to buy for. */
const unlimited = (options: PackingOptions): PackingOptions => ({
  ...options,
  policies: { ...options.policies, clusterLimits: undefined, unschedulablePods: undefined },
});

/** The cluster as it is when so many of the placements are made. */
function clusterAfter(options: PackingOptions, packing: Packing, placements: Packing['placements']) {
  const standing = standingNodes(options);
  const fresh = packing.newNodes.map(({ offering }, at) => freshNode(offering, `new-${at}`, options));
  const isBought = placements.length > packing.placementsAtOnce;
  const cluster = new Cluster(isBought ? [...standing, ...fresh] : standing);
  const byName = new Map(options.pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
  const rest = packing.classes.map(({ pods }) => pods.map((name) => byName.get(name) as Pod));
  for (const { podClass, count, on } of placements)
    for (const pod of rest[podClass]?.splice(0, count) ?? []) {
      const node = 'node' in on ? standing.find(({ name }) => name === on.node) : fresh[on.newNode];
      if (node !== undefined) cluster.put(pod, node);
    }
  return {
    cluster,
    standing,
    fresh,
    waiting: rest.flatMap(([first]) => (first === undefined ? [] : [first])),
  };
}

describe('whatever the cluster', () => {
  it('a scheduler lets every pod in where it was placed', () => {
    holds(anything, 250, (options, packing) => problemsOf(packing, options));
  });

  it('the order of what is given makes no difference', () => {
    holds(anything, 100, (options, packing) => {
      const other = packPods({
        ...options,
        pods: options.pods.toReversed(),
        nodes: options.nodes.toReversed(),
        offerings: options.offerings.toReversed(),
      });
      expect(other).toEqual(packing);
      return [];
    });
  });

  it('no more is bought than may be, and it costs what it costs', () => {
    holds(anything, 150, ({ nodes, policies }, { newNodes, usdPerHour }) => {
      const vcpus = newNodes.reduce((sum, { offering }) => sum + offering.vcpus, 0);
      const standing = nodes.reduce((sum, { offering }) => sum + offering.vcpus, 0);
      const { maxVcpus = Infinity } = policies.clusterLimits ?? {};
      expect(vcpus === 0 || vcpus + standing <= maxVcpus).toBe(true);
      expect(usdPerHour).toBeCloseTo(newNodes.reduce((sum, { offering }) => sum + offering.usdPerHour, 0));
      return [];
    });
  });

  it('no pod waits for a new node that fits on one that stands', () => {
    // Pods that must share a host wait for one that holds them all.
    const kinds = [
      'on:cloud=aws',
      'tolerates:spot',
      'apart:host',
      'spread:host',
      'spread:zone',
      'with:zone',
      'port:80',
    ];
    holds({ ...anything, kinds }, 150, (limited) => {
      const options = unlimited(limited);
      const packing = packPods(options);
      const { cluster, standing, waiting } = clusterAfter(
        options,
        packing,
        packing.placements.slice(0, packing.placementsAtOnce),
      );
      return waiting.flatMap((pod) =>
        standing
          .filter((node) => cluster.objection(pod, node) === undefined)
          .map((node) => `${pod.name} fits on ${node.name}`),
      );
    });
  });

  it('no pod is left out that still fits somewhere, on what there is or on one more node', () => {
    // Beyond it are two that follow each other, and domains that are made, or must not be, by when nodes are bought.
    const kinds = rules.filter((rule) => !/spread:zone\/1\/2|with:cloud=blue|spot/.test(rule));
    const options = {
      groupsMax: 4,
      countMax: 4,
      rulesMax: 2,
      nodesMax: 3,
      offersMax: 5,
      areAlike: true,
      kinds,
    };
    holds(options, 150, (limited) => {
      const world = unlimited(limited);
      const packing = packPods(world);
      const { cluster, standing, fresh, waiting } = clusterAfter(world, packing, packing.placements);
      return waiting.flatMap((pod) => [
        ...[...standing, ...fresh].filter((node) => cluster.objection(pod, node) === undefined),
        ...world.offerings.filter((offering) => {
          const more = freshNode(offering, 'more', world);
          return new Cluster([...standing, ...fresh, more]).objection(pod, more) === undefined;
        }),
      ]);
    });
  });

  it('nothing is left out that any order, node and offering could place', () => {
    const kinds = [
      'on:cloud=aws',
      'where:cloud!=aws',
      'tolerates:gpu',
      'apart:host',
      'apart:zone',
      'apart:cloud',
      'spread:zone',
      'spread:cloud/2',
      'spread:host',
      'with:zone',
      'with:host',
      'with:zone=red',
      'port:80',
    ];
    const options = {
      groupsMax: 3,
      countMax: 2,
      rulesMax: 2,
      nodesMax: 0,
      offersMax: 3,
      areAlike: true,
      kinds,
    };
    holds(options, 250, (limited) => {
      const world = unlimited(limited);
      const packing = packPods(world);
      const placed = packing.placements.reduce((sum, { count }) => sum + count, 0);
      const most = placed === world.pods.length ? placed : (mostPlaceable(world) ?? placed);
      return placed < most ? [`placed ${placed} of ${most}: ${short(packing)}`] : [];
    });
  });
});
