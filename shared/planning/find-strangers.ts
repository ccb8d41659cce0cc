import type { Cluster, CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Sighting } from '../domain/observation.ts';

type Found = Omit<Finding, 'clusterId' | 'seenAt'>;

/**
 * Who sits in the cluster's networks and groups and is not its own. A machine of its own that has lost its tags is no
 * stranger, though a guard takes it for one: it gets them back.
 */
export const strangers = (fresh: readonly Sighting[]): readonly Found[] =>
  fresh.flatMap(({ cloud, observation: { machines, strangers: seen } }) =>
    seen
      .filter(({ id }) => !machines.some(({ providerId }) => providerId === id))
      .map(({ kind, id, name, inside }) => ({
        cloud,
        fingerprint: `stranger:${kind}:${id}`,
        kind: 'stranger' as const,
        subject: id,
        message: `${cloud}: ${kind} ${id}${name === '' || name === id ? '' : ` (${name})`} in ${inside} is somebody else's`,
        remedy: 'it is left alone, and the cluster is not deleted while it is there',
      })),
  );

/** Clouds where the cluster stands and that nobody has looked at for longer than a look is worth something. */
export function unseenClouds(options: {
  cluster: Pick<Cluster, 'createdAt'>;
  parts: readonly CloudParts[];
  sightings: readonly Sighting[];
  secondsMax: number;
  now: Instant;
}): readonly Found[] {
  const { cluster, parts, sightings, secondsMax, now } = options;
  return parts.flatMap(({ cloud, network }) => {
    if (network === undefined) return [];
    const last = sightings.find((sighting) => sighting.cloud === cloud)?.at;
    if (secondsBetween(last ?? cluster.createdAt, now) <= secondsMax) return [];
    return [
      {
        cloud,
        fingerprint: 'cloud-unseen',
        kind: 'cloud-unseen' as const,
        subject: cloud,
        message: `${cloud}: nobody could look ${last === undefined ? 'yet' : `since ${last}`}`,
        remedy: 'what is there is unknown, and nothing is done about it until it answers',
      },
    ];
  });
}
