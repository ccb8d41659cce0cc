import type { CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import type { Node } from '../domain/node.ts';
import type { Sighting } from '../domain/observation.ts';
import { lossFingerprint } from './find-losses.ts';
import { isDueStray, isInMotion, strayResourceFingerprint } from './find-strays.ts';

/** What only a look at a cloud can tell, and tell to be over. */
const seenInCloud: ReadonlySet<Finding['kind']> = new Set([
  'machine-missing',
  'machine-changed',
  'network-missing',
  'network-changed',
  'load-balancer-changed',
  'stray-machine',
  'surplus-machine',
  'stray-resource',
  'stranger',
]);

/** Seen after the last repair: what was seen before it may be mended already. */
export const isNewerThanRepair = ({ cloud, at }: Sighting, parts: readonly CloudParts[]): boolean => {
  const mendedAt = parts.find((part) => part.cloud === cloud)?.mendedAt;
  return mendedAt === undefined || at > mendedAt;
};

/**
 * What the last sweep found and this one cannot see: its cloud was not looked at lately, or something is being made there of
 * which a thing that is left over may be a part. Unknown is not over: it stays, with the time when it was first seen, and
 * is acted on only once it is seen again.
 *
 * @param known the stored findings.
 * @param found what is found now.
 * @param sightings the last of each cloud, however old; `fresh`: those of them that say something about now.
 */
export function keepUnknown(options: {
  known: readonly Finding[];
  found: readonly Finding[];
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  sightings: readonly Sighting[];
  fresh: readonly Sighting[];
}): readonly Finding[] {
  const { known, found, nodes, parts, sightings, fresh } = options;
  return known.flatMap((finding) => {
    if (!seenInCloud.has(finding.kind)) return [];
    if (found.some((each) => each.cloud === finding.cloud && each.fingerprint === finding.fingerprint))
      return [];
    const sighting = sightings.find(({ cloud }) => cloud === finding.cloud);
    // Of a cloud that the cluster has left nothing is waited for.
    if (sighting === undefined) return [];
    return isUnknown(finding, { sighting, nodes, parts, isFresh: fresh.includes(sighting) })
      ? [{ ...finding, unconfirmedSince: finding.unconfirmedSince ?? sighting.at }]
      : [];
  });
}

function isUnknown(
  finding: Finding,
  seen: {
    readonly sighting: Sighting;
    readonly isFresh: boolean;
    readonly nodes: readonly Node[];
    readonly parts: readonly CloudParts[];
  },
): boolean {
  const { sighting, nodes, parts, isFresh } = seen;
  if (finding.kind === 'machine-missing') return !isFresh && isOfLivingNode(finding, nodes);
  const { mendedAt, mendedFrom } = parts.find(({ cloud }) => cloud === finding.cloud) ?? {};
  // A repair leaves strangers alone, and what is left over if it looked too early for that; everything else it has mended.
  if (mendedAt !== undefined && finding.kind !== 'stranger' && !isNewerThanRepair(sighting, parts))
    return strayKinds.has(finding.kind) && (mendedFrom === undefined || !isDueStray(finding, mendedFrom));
  return !isFresh || mayBePart(finding, sighting, nodes);
}

const strayKinds: ReadonlySet<Finding['kind']> = new Set(['stray-machine', 'stray-resource']);

const mayBePart = (finding: Finding, { cloud, observation }: Sighting, nodes: readonly Node[]): boolean =>
  finding.kind === 'stray-resource' &&
  nodes.some((node) => node.cloud === cloud && isInMotion(node)) &&
  observation.resources.some(
    (resource) => resource.isSpare && strayResourceFingerprint(resource) === finding.fingerprint,
  );

const isOfLivingNode = ({ fingerprint }: Finding, nodes: readonly Node[]): boolean =>
  nodes.some((node) => node.desired === 'present' && lossFingerprint({ node, kind: 'gone' }) === fingerprint);
