import type { CloudName } from '../domain/cloud.ts';
import type { Problem } from '../domain/cluster-request.ts';
import { ranges } from '../domain/network.ts';
import { digitalOceanReserved } from './plan-network.ts';
import { isInside, overlaps, parseRange, privateRanges } from './ranges.ts';

export const podRangeDefault = ranges.pods;

/** Every node takes a /24 of it. */
const nodePrefix = 24;
/** From 4,096 nodes down to 16. */
const prefixes = { widest: 12, narrowest: 20 } as const;

/** Pods must meet nothing that they could want to reach: services, the overlay, the networks of the cluster's clouds. */
export function validatePodRange(options: {
  podRange: string;
  /** How many nodes it has to serve. */
  nodes: number;
  clouds: readonly CloudName[];
}): readonly Problem[] {
  const { podRange, nodes, clouds } = options;
  const field = 'spec.podRange';
  const parsed = parseRange(podRange);
  if (parsed === undefined) {
    return [
      {
        field,
        message: `"${podRange}" is not an IPv4 range that begins at its first address`,
        allowed: [podRangeDefault],
      },
    ];
  }
  const { prefix } = parsed;
  if (prefix < prefixes.widest || prefix > prefixes.narrowest) {
    return [
      {
        field,
        message: `/${prefix} is not a size for pods`,
        allowed: [`/${prefixes.widest} to /${prefixes.narrowest}`],
      },
    ];
  }
  const problems: Problem[] = [];
  if (!privateRanges.some((range) => isInside(podRange, range))) {
    problems.push({ field, message: `${podRange} is not private`, allowed: privateRanges });
  }
  const taken: readonly (readonly [range: string, use: string])[] = [
    [ranges.services, 'services'],
    [ranges.overlay, 'the WireGuard overlay'],
    ...clouds.flatMap((cloud): readonly (readonly [string, string])[] =>
      cloud === 'digitalocean'
        ? digitalOceanReserved.map((range) => [range, 'DigitalOcean itself'] as const)
        : [[ranges[cloud], `the network in ${cloud}`]],
    ),
  ];
  for (const [range, use] of taken) {
    if (overlaps(podRange, range)) {
      problems.push({ field, message: `${podRange} overlaps ${range}, which is for ${use}` });
    }
  }
  const room = 2 ** (nodePrefix - prefix);
  if (nodes > room) {
    problems.push({ field, message: `${podRange} has room for ${room} nodes, and ${nodes} are asked for` });
  }
  return problems;
}
