import type { Mesh, MeshMember } from '../domain/mesh.ts';
import { wireguardPort, type Vpn } from '../domain/network.ts';
import type { Neighbour, WireguardPeer } from '../domain/node-protocol.ts';

/** Machines of one cloud share one network and reach each other by private addresses. */
const endpointFor = (member: MeshMember, from: MeshMember): string =>
  `${member.cloud === from.cloud ? member.privateAddress : member.publicAddress}:${wireguardPort}`;

/**
 * Who a node encrypts to: in a full mesh every other node, across locations only the nodes of other networks. Only the
 * overlay address is allowed in: pods ride inside VXLAN.
 */
export function wireguardPeers(input: {
  readonly vpn: Vpn;
  readonly mesh: Mesh;
  readonly number: number;
}): readonly WireguardPeer[] {
  const self = input.mesh.members.find((member) => member.number === input.number);
  if (self === undefined) return [];
  return input.mesh.members
    .filter((member) => member.number !== self.number)
    .filter((member) => input.vpn === 'wireguard-full-mesh' || member.cloud !== self.cloud)
    .toSorted((a, b) => a.number - b.number)
    .map((member) => ({
      publicKey: member.publicKey,
      allowedIps: `${member.overlayAddress}/32`,
      endpoint: endpointFor(member, self),
    }));
}

/**
 * Across locations, the other nodes of this node's network: its machines reach them by their private addresses, and no
 * WireGuard peer leads there. Undefined where everybody is a peer.
 */
export function neighbours(input: {
  readonly vpn: Vpn;
  readonly mesh: Mesh;
  readonly number: number;
}): readonly Neighbour[] | undefined {
  if (input.vpn !== 'wireguard-cross-location') return undefined;
  const self = input.mesh.members.find((member) => member.number === input.number);
  if (self === undefined) return [];
  return input.mesh.members
    .filter((member) => member.number !== self.number && member.cloud === self.cloud)
    .toSorted((a, b) => a.number - b.number)
    .map(({ overlayAddress, privateAddress }) => ({ overlayAddress, privateAddress }));
}

/** The mesh with this member in it as it is now, or undefined when it already is so. */
export function withMember(
  mesh: Mesh,
  member: Omit<MeshMember, 'sinceVersion'>,
): readonly MeshMember[] | undefined {
  const known = mesh.members.find((each) => each.number === member.number);
  const isSame =
    known !== undefined &&
    known.publicKey === member.publicKey &&
    known.publicAddress === member.publicAddress &&
    known.privateAddress === member.privateAddress &&
    known.cloud === member.cloud &&
    known.role === member.role;
  if (isSame) return undefined;
  return [
    ...mesh.members.filter((each) => each.number !== member.number),
    { ...member, sinceVersion: mesh.version + 1 },
  ].toSorted((a, b) => a.number - b.number);
}

/** The mesh without this node, or undefined when it is not in it. */
export const withoutMember = (mesh: Mesh, number: number): readonly MeshMember[] | undefined =>
  mesh.members.some((each) => each.number === number)
    ? mesh.members.filter((each) => each.number !== number)
    : undefined;
