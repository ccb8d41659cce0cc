import type { ClusterId } from '../domain/ids.ts';
import { apiServerPort, type NodeRole } from '../domain/network.ts';

/** The name in every API server's certificate; never in DNS, so each node's hosts file says where it is. */
export const controlPlaneHost = (clusterId: ClusterId): string => `${clusterId}.overcast.internal`;

export const controlPlaneEndpoint = (clusterId: ClusterId): string =>
  `${controlPlaneHost(clusterId)}:${apiServerPort}`;

/**
 * Where a node finds the API server, in the order in which it tries. A control plane asks its own, and only while it joins
 * one that is initialised; a worker asks any that is there, over the overlay.
 */
export const apiServerAddresses = (node: {
  readonly role: NodeRole;
  readonly overlayAddress: string;
  /** Overlay addresses of the control planes that answer. */
  readonly controlPlanes: readonly string[];
  readonly isJoining: boolean;
}): readonly string[] =>
  node.role === 'control-plane' && !node.isJoining ? [node.overlayAddress] : node.controlPlanes;

/** The lines of /etc/hosts that are the agent's, known again by their ends: it replaces them as a whole. */
export const hostsEntries = (clusterId: ClusterId, addresses: readonly string[]): readonly string[] =>
  addresses.map((address) => `${address} ${controlPlaneHost(clusterId)} # overcast`);
