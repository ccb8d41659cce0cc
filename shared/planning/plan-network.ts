import type { CloudName } from '../domain/cloud.ts';
import type { Cluster } from '../domain/cluster.ts';
import { ingressHealth, ingressPorts } from '../domain/load-balancer.ts';
import {
  apiServerPort,
  ranges,
  wireguardPort,
  type FirewallRule,
  type FirewallSource,
  type Network,
  type NetworkSpec,
  type NodeRole,
} from '../domain/network.ts';
import { locationOf } from '../domain/regions.ts';
import { overlaps } from './ranges.ts';

/**
 * What DigitalOcean keeps for itself in every region, by its page on planning VPC networks. Each of its regions keeps
 * one more /16, all of them below 10.50, so that no candidate touches them.
 */
export const digitalOceanReserved = [
  '10.229.0.0/16',
  '10.244.0.0/16',
  '10.245.0.0/16',
  '10.246.0.0/24',
] as const;

const firstOctets = { from: 100, to: 255 } as const;

const fixed: Readonly<
  Record<Exclude<CloudName, 'digitalocean'>, { readonly network: string; readonly subnet: string }>
> = {
  aws: { network: ranges.aws, subnet: '10.10.0.0/24' },
  gcp: { network: ranges.gcp, subnet: '10.0.0.0/24' },
  azure: { network: ranges.azure, subnet: '10.20.0.0/24' },
};

/** One cloud's network, subnet and inbound rules. Equal clusters have equal specs, so that repairing changes nothing. */
export function planNetwork(options: {
  cluster: Pick<Cluster, 'id' | 'name' | 'region' | 'vpn' | 'podRange' | 'ingress'>;
  cloud: CloudName;
  installation: string;
  /** As it was recorded when it first stood. */
  known?: Network | undefined;
}): NetworkSpec {
  const { cluster, cloud, installation, known } = options;
  return {
    owner: { installation, clusterId: cluster.id },
    clusterName: cluster.name,
    location: locationOf(cluster.region, cloud),
    candidates:
      cloud === 'digitalocean' ? digitalOceanCandidates(cluster.id, cluster.podRange) : [fixed[cloud]],
    firewall: {
      'control-plane': firewallOf('control-plane', { cluster, cloud }),
      worker: firewallOf('worker', { cluster, cloud }),
    },
    ...(known === undefined ? {} : { known: known.parts }),
  };
}

/** All that touch nothing which every cluster has. */
const digitalOceanRanges = Array.from({ length: firstOctets.to - firstOctets.from + 1 }, (_, index) => {
  const octet = firstOctets.from + index;
  return { octet, range: `10.${octet}.0.0/20` };
}).filter(
  ({ range }) =>
    ![ranges.services, ranges.overlay, ...digitalOceanReserved].some((taken) => overlaps(range, taken)),
);

/** DigitalOcean's VPCs of one account must not overlap: many candidates, in an order of the cluster's own. */
const digitalOceanCandidates = (clusterId: string, podRange: string): NetworkSpec['candidates'] =>
  digitalOceanRanges
    .filter(({ range }) => !overlaps(range, podRange))
    .map(({ octet, range }) => ({ range, place: spread(`${clusterId}/${octet}`) }))
    .sort((a, b) => a.place - b.place || (a.range < b.range ? -1 : 1))
    .map(({ range }) => ({ network: range, subnet: range }));

/** FNV-1a with a final mix: a number that looks random and is always the same for the same text. */
function spread(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}

/**
 * Where each cloud's load balancers ask from whether a machine is well: those of AWS and DigitalOcean from addresses of their
 * own in the network, Google's and Azure's from fixed ones. Sources: cloud.google.com/load-balancing/docs/health-check-concepts
 * (passthrough load balancers), learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16.
 */
const probeSources: Readonly<Record<CloudName, FirewallSource>> = {
  aws: { kind: 'network' },
  gcp: { kind: 'probes', ranges: ['35.191.0.0/16', '209.85.152.0/22', '209.85.204.0/22'] },
  azure: { kind: 'probes', ranges: ['168.63.129.16/32'] },
  digitalocean: { kind: 'network' },
};

/** Everything that is not here is closed: etcd, kubelet and pod traffic travel on the overlay only. */
function firewallOf(
  role: NodeRole,
  { cluster, cloud }: { cluster: Pick<Cluster, 'vpn' | 'ingress'>; cloud: CloudName },
): readonly FirewallRule[] {
  const { vpn } = cluster;
  const anywhere = { kind: 'anywhere' } as const;
  const rule = (
    protocol: FirewallRule['protocol'],
    fromPort: number,
    toPort: number,
    purpose: string,
    source: FirewallRule['source'] = anywhere,
  ): FirewallRule => ({ protocol, fromPort, toPort, source, purpose });
  return [
    ...(role === 'control-plane' ? [rule('tcp', apiServerPort, apiServerPort, 'Kubernetes API')] : []),
    ...(vpn === 'cloud-vpn' ? [] : [rule('udp', wireguardPort, wireguardPort, 'WireGuard')]),
    ...(role === 'worker'
      ? [
          ...ingressPorts.map((port) => rule('tcp', port, port, 'ingress')),
          rule('tcp', 30_000, 32_767, 'NodePorts'),
          rule('udp', 30_000, 32_767, 'NodePorts'),
        ]
      : []),
    ...(role === 'worker' && cluster.ingress?.loadBalancers === true
      ? [rule('tcp', ingressHealth.port, ingressHealth.port, 'ingress health', probeSources[cloud])]
      : []),
    ...(vpn === 'wireguard-cross-location'
      ? [rule('udp', 4789, 4789, 'pods of one network', { kind: 'network' })]
      : []),
  ];
}
