import type { ClusterId } from '../domain/ids.ts';
import { apiServerPort, type NodeRole } from '../domain/network.ts';

/** The name in every API server's certificate; never in DNS, so each node's hosts file says where it is. */
export const controlPlaneHost = (clusterId: ClusterId): string => `${clusterId}.overcast.internal`;

export const controlPlaneEndpoint = (clusterId: ClusterId): string =>
  `${controlPlaneHost(clusterId)}:${apiServerPort}`;

/**
 * Where a node finds the API server. A worker always asks the TCP proxy on its own loopback, a control plane its own API
 * server; only while a control plane joins it asks one that is initialised, over the overlay.
 */
export function controlPlaneAddress(node: {
  readonly role: NodeRole;
  /** The overlay address of the control plane to join at; absent unless kubeadm join is about to run or running. */
  readonly joinAt?: string;
}): string {
  return node.role === 'control-plane' && node.joinAt !== undefined ? node.joinAt : '127.0.0.1';
}

/** The lines of /etc/hosts that are the agent's: it replaces them as a whole. */
export const hostsEntries = (input: {
  readonly clusterId: ClusterId;
  readonly nodeName: string;
  readonly overlayAddress: string;
  /** From `controlPlaneAddress`. */
  readonly address: string;
}): readonly string[] => [
  `${input.address} ${controlPlaneHost(input.clusterId)}`,
  `${input.overlayAddress} ${input.nodeName}`,
];
