import type { CloudName, Location, Owner } from './cloud.ts';

export const vpns = ['wireguard-full-mesh', 'wireguard-cross-location', 'cloud-vpn'] as const;
export type Vpn = (typeof vpns)[number];

/** Fixed ranges; the pod range alone can be chosen at creation. */
export const ranges = {
  services: '10.96.0.0/12',
  pods: '10.217.0.0/16',
  overlay: '10.4.0.0/16',
  gcp: '10.0.0.0/16',
  aws: '10.10.0.0/16',
  azure: '10.20.0.0/16',
} as const;

export const wireguardPort = 51820;
export const apiServerPort = 6443;

export type NodeRole = 'control-plane' | 'worker';

export type FirewallSource =
  | { readonly kind: 'anywhere' }
  /** The machines of this very network. */
  | { readonly kind: 'network' }
  /** Where the cloud's load balancers ask from whether a machine is well. */
  | { readonly kind: 'probes'; readonly ranges: readonly string[] };

/** One inbound permission. Everything not permitted is closed; outbound is open. */
export interface FirewallRule {
  readonly protocol: 'tcp' | 'udp';
  readonly fromPort: number;
  readonly toPort: number;
  readonly source: FirewallSource;
  readonly purpose: string;
}

export interface NetworkSpec {
  readonly owner: Owner;
  /** For people reading the cloud's console; never used to find a resource. */
  readonly clusterName: string;
  readonly location: Location;
  /**
   * The network's ranges in order of preference: the first that overlaps nothing the account already has. AWS,
   * GCP and Azure have one candidate, since their networks do not see each other; DigitalOcean has many.
   */
  readonly candidates: readonly { readonly network: string; readonly subnet: string }[];
  readonly firewall: Readonly<Record<NodeRole, readonly FirewallRule[]>>;
  /**
   * `Network.parts` as it was recorded when the network first stood: by these a driver whose cloud gives parts ids of their
   * own finds those that lost their tags, and gives them back. Absent before that.
   */
  readonly known?: Readonly<Record<string, string>>;
}

/** A network that stands: what later calls need to name it. */
export interface Network {
  readonly cloud: CloudName;
  readonly location: Location;
  /** The whole network's range. */
  readonly range: string;
  readonly subnetRange: string;
  /** The cloud's own ids by part (`vpcId`, `securityGroupWorker`, …): written and read by that cloud's driver alone. */
  readonly parts: Readonly<Record<string, string>>;
}
