import fc from 'fast-check';
import type { PackingOptions } from '../../shared/planning/pack-pods/packing.ts';
import { packing } from './packing.ts';

/** Rules that pods may have, in short notation. */
export const rules = [
  'on:cloud=aws',
  'on:cloud=gcp',
  'where:cloud!=aws',
  'where:cloud=gcp~',
  'where:type=aws.4x8',
  'where:disk',
  'tolerates:spot',
  'tolerates:spot on:spot=true',
  'tolerates:spot where:spot=true~',
  'tolerates:gpu',
  'apart:host',
  'apart:zone',
  'apart:cloud',
  'apart:host=red',
  'apart:zone=red',
  'apart:host~',
  'with:host',
  'with:zone',
  'with:zone=red',
  'with:host=red',
  'with:cloud=blue',
  'with:zone~',
  'spread:host',
  'spread:zone',
  'spread:cloud/2',
  'spread:zone/1/2',
  'spread:zone~',
  'spread:host~',
  'port:80',
  'ns:other',
  'prio:10',
] as const;

const names = ['red', 'green', 'blue'] as const;
const smallSizes = ['0/0', '0.5/1', '1/1', '1/2', '2/1'] as const;
const sizes = ['0/0', '0.5/1', '1/1', '1/2', '2/1', '3/6'] as const;
const offers = [
  'aws 2/4 $2',
  'aws 4/8 $4',
  'aws 8/16 $7.5',
  'aws-b 2/4 $2.1',
  'gcp 2/2 $1.7',
  'gcp 4/16 $4.5',
  'do 2/4 $1.8',
  'aws 4/8 $1.5 spot',
  'gcp 2/4 $1 spot',
] as const;
const nodes = [
  'aws 2/4',
  'aws 4/8 label:disk=fast',
  'gcp 4/4',
  'do 2/4 joining',
  'aws-b 4/8 cordoned',
  'aws 4/8 spot',
  'gcp 8/16 taint:gpu',
  'aws 2/4 control-plane',
] as const;

const isTie = (rule: string): boolean => /^(?:with|apart|spread|port)/.test(rule);

const podsOf = (options: {
  countMax: number;
  rulesMax: number;
  kinds: readonly string[];
  tiesMax: number;
  areAlike: boolean;
}) =>
  fc
    .record({
      count: fc.integer({ min: 1, max: options.countMax }),
      name: fc.constantFrom(...names),
      size: fc.constantFrom(...(options.areAlike ? smallSizes : sizes)),
      rules: fc
        .uniqueArray(fc.constantFrom(...options.kinds), { maxLength: options.rulesMax })
        .filter((rules) => rules.filter(isTie).length <= options.tiesMax),
    })
    .map(({ count, name, size, rules }) => `${count} ${name} ${size} ${rules.join(' ')}`);

export interface Worlds {
  readonly groupsMax: number;
  readonly countMax: number;
  readonly rulesMax: number;
  readonly nodesMax: number;
  readonly offersMax: number;
  readonly kinds?: readonly string[];
  /**
   * All pods of a name are alike, as those of a Deployment are; they have one rule about other pods, since two may contradict;
   * and they fit on everything that is offered, since a zone where they do not is one over which they cannot spread.
   */
  readonly areAlike?: boolean;
}

/** What is to be packed, and the same in short notation, for whoever has to find out what went wrong with it. */
export interface World {
  readonly given: string;
  readonly options: PackingOptions;
}

/** Small clusters with all sorts of pods. Classes of one name differ, so names of pods are made unique. */
export const worlds = (options: Worlds): fc.Arbitrary<World> => {
  const { groupsMax, countMax, rulesMax, nodesMax, offersMax, kinds = rules, areAlike = false } = options;
  const tiesMax = areAlike ? 1 : Infinity;
  return fc
    .record({
      pods: areAlike
        ? fc.uniqueArray(podsOf({ countMax, rulesMax, kinds, tiesMax, areAlike }), {
            minLength: 1,
            maxLength: groupsMax,
            selector: (text) => text.split(' ')[1],
          })
        : fc.array(podsOf({ countMax, rulesMax, kinds, tiesMax, areAlike }), {
            minLength: 1,
            maxLength: groupsMax,
          }),
      nodes: fc.array(
        fc.tuple(
          fc.constantFrom(...nodes),
          fc.array(podsOf({ countMax: 2, rulesMax: 1, kinds, tiesMax, areAlike }), { maxLength: 2 }),
        ),
        { maxLength: nodesMax },
      ),
      offers: fc.uniqueArray(fc.constantFrom(...offers), { maxLength: offersMax }),
      maxVcpus: fc.option(fc.integer({ min: 2, max: 40 }), { nil: undefined, freq: 3 }),
      headroom: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 5 }),
    })
    .map(({ pods, nodes, offers, maxVcpus, headroom }) => {
      const given = {
        pods: pods.join(', '),
        nodes: nodes.map(([node, running], at) => `n${at} ${node}: ${running.join(', ')}`).join('; '),
        offers: offers.join(', '),
        policies: {
          ...(maxVcpus !== undefined && { clusterLimits: { maxVcpus } }),
          ...(headroom !== undefined && {
            unschedulablePods: { headroom: { cpuPercent: headroom, memoryPercent: headroom } },
          }),
        },
      };
      return { given: JSON.stringify(given, undefined, 2), options: unique(packing(given)) };
    });
};

const unique = (options: PackingOptions): PackingOptions => ({
  ...options,
  pods: options.pods.map((pod, at) => ({ ...pod, name: `${pod.name}-${at}` })),
});
