import type { ClusterId } from '../domain/ids.ts';
import { apiServerPort } from '../domain/network.ts';

/** The name in every API server's certificate; never in DNS, so each node's hosts file says where it is. */
export const controlPlaneHost = (clusterId: ClusterId): string => `${clusterId}.overcast.internal`;

export const controlPlaneEndpoint = (clusterId: ClusterId): string =>
  `${controlPlaneHost(clusterId)}:${apiServerPort}`;
