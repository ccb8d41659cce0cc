import type { Finding } from '../domain/finding.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import type { Mesh, MeshMember } from '../domain/mesh.ts';
import type { Node } from '../domain/node.ts';
import { silentSecondsMax } from './find-losses.ts';
import { withMember } from './wireguard-peers.ts';

type Found = Omit<Finding, 'clusterId' | 'seenAt'>;

/** An agent that enters the mesh, or moves in it, writes its node first and the mesh a moment after. */
const settleSeconds = 60;
/** A peer is new to somebody for this long: the mesh has to reach both, and a handshake takes its time. */
const newcomerSeconds = 300;

/** One entry of the mesh that is not as the nodes are; without `member` it is to go. */
export interface MeshDifference {
  readonly number: number;
  readonly message: string;
  readonly member?: Omit<MeshMember, 'sinceVersion'>;
}

/**
 * Entries of nodes that are gone, and of nodes that serve under another key or address, or have none. While a run owns a node
 * it is that run's affair, and while an agent speaks it enters by itself within seconds.
 *
 * @param mesh read before the nodes were: what entered since is not in it, and no difference.
 */
export function meshDifferences(options: {
  mesh: Mesh;
  nodes: readonly Node[];
  now: Instant;
}): readonly MeshDifference[] {
  const { mesh, nodes, now } = options;
  if (mesh.changedAt !== undefined && secondsBetween(mesh.changedAt, now) < settleSeconds) return [];
  const surplus = mesh.members.flatMap(({ number }): readonly MeshDifference[] => {
    const node = nodes.find((each) => each.number === number);
    const isGone = node === undefined || node.phase === 'deleted';
    return isGone ? [{ number, message: `the mesh still leads to node ${number}, which is gone` }] : [];
  });
  const wrong = nodes.flatMap((node): readonly MeshDifference[] => {
    const member = memberOf(node);
    if (member === undefined || withMember(mesh, member) === undefined) return [];
    const isThere = mesh.members.some(({ number }) => number === node.number);
    const message = isThere
      ? `the mesh leads to node ${node.number} by an older key or address`
      : `the mesh does not lead to node ${node.number}`;
    return [{ number: node.number, message, member }];
  });
  return [...surplus, ...wrong];
}

/** As the node's agent would enter it; undefined for one that does not serve, or that somebody is at. */
function memberOf(node: Node): Omit<MeshMember, 'sinceVersion'> | undefined {
  const { number, role, cloud, overlayAddress, wireguardPublicKey, publicAddress, privateAddress } = node;
  if (node.phase !== 'ready' || node.desired !== 'present' || node.operation !== undefined) return undefined;
  if (node.failure !== undefined || node.readyAt === undefined) return undefined;
  if (wireguardPublicKey === undefined || publicAddress === undefined || privateAddress === undefined)
    return undefined;
  return {
    number,
    role,
    cloud,
    overlayAddress,
    publicKey: wireguardPublicKey,
    publicAddress,
    privateAddress,
  };
}

/** The mesh with all of that put right; undefined when it is. */
export function mendedMesh(
  mesh: Mesh,
  differences: readonly MeshDifference[],
): readonly MeshMember[] | undefined {
  if (differences.length === 0) return undefined;
  const struck = new Set(differences.map(({ number }) => number));
  const added = differences.flatMap(({ member }) =>
    member === undefined ? [] : [{ ...member, sinceVersion: mesh.version + 1 }],
  );
  return [...mesh.members.filter(({ number }) => !struck.has(number)), ...added].toSorted(
    (a, b) => a.number - b.number,
  );
}

/** What of the mesh is to be told: entries that do not fit, and nodes that others get no answer from. */
export function meshFindings(options: {
  mesh: Mesh;
  nodes: readonly Node[];
  /** Lost nodes answer nobody, and are found as such. */
  lost: ReadonlySet<number>;
  now: Instant;
}): readonly Found[] {
  return [
    ...meshDifferences(options).map(({ number, message }): Found => ({
      fingerprint: `mesh-changed:${number}`,
      kind: 'mesh-changed',
      subject: `node ${number}`,
      number,
      message,
      remedy: 'it is put right',
    })),
    ...silentNodes(options),
  ];
}

function silentNodes(options: {
  mesh: Mesh;
  nodes: readonly Node[];
  lost: ReadonlySet<number>;
  now: Instant;
}): readonly Found[] {
  const { mesh, nodes, lost, now } = options;
  const serves = ({ number, phase, desired, lastSeenAt, readyAt = now }: Node): boolean =>
    phase === 'ready' &&
    desired === 'present' &&
    !lost.has(number) &&
    secondsBetween(readyAt, now) > newcomerSeconds &&
    lastSeenAt !== undefined &&
    secondsBetween(lastSeenAt, now) <= silentSecondsMax;
  const serving = nodes.filter(serves);
  if (mesh.changedAt !== undefined && secondsBetween(mesh.changedAt, now) < newcomerSeconds) return [];
  return serving.flatMap((node): readonly Found[] => {
    const deaf = serving
      .filter(({ silentPeers = [] }) => silentPeers.includes(node.overlayAddress))
      .map(({ number }) => number);
    // One that hears somebody not may itself be the one that is not heard: then several say so of it.
    if (deaf.length < Math.min(severalMin, serving.length - 1) || deaf.length === 0) return [];
    return [
      {
        cloud: node.cloud,
        fingerprint: `peer-silent:${node.number}`,
        kind: 'peer-silent',
        subject: `node ${node.number}`,
        number: node.number,
        message: `node ${node.number} in ${node.cloud} answers node ${deaf.slice(0, namedMax).join(', node ')} no more over WireGuard`,
        remedy: 'its firewall, address and key are compared with every look',
      },
    ];
  });
}

const severalMin = 2;
const namedMax = 5;
