import type { CloudName, Location, Owner } from './cloud.ts';
import type { NodeId } from './ids.ts';
import type { Network } from './network.ts';

/** How what runs in a cluster is reached from outside. */
export interface Ingress {
  /** One load balancer in each cloud that has workers. They cost money: see docs/decisions/20261129-load-balancers.md. */
  readonly loadBalancers: boolean;
}

/** Nobody pays for what was not asked for. */
export const ingressDefault: Ingress = { loadBalancers: false };

/** The ports at which each worker's ingress controller takes HTTP and HTTPS, on the machine's own addresses. */
export const ingressPorts = [80, 443] as const;

/** Where F5's NGINX ingress controller says that it is ready (`-ready-status`, on by default). */
export const ingressHealth = { port: 8081, path: '/nginx-ready' } as const;

/** TCP that comes in at `port` goes on to the members' `targetPort`. */
export interface Listener {
  readonly port: number;
  /** The same as `port` where the cloud keeps a packet's destination as it is (Google Cloud). */
  readonly targetPort: number;
}

/** HTTP GET; only 200 is healthy. */
export interface HealthCheck {
  readonly port: number;
  readonly path: string;
  readonly intervalSeconds: number;
  /** Less than the interval. */
  readonly timeoutSeconds: number;
  /** Answers in a row that take a machine out, or in again. */
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
}

/** A machine that traffic is sent to. */
export interface Member {
  readonly providerId: string;
  readonly nodeId: NodeId;
  readonly name: string;
  readonly location: Location;
}

export interface LoadBalancerSpec {
  readonly owner: Owner;
  /** For people reading the cloud's console; never used to find a resource. */
  readonly clusterName: string;
  readonly location: Location;
  /** The network that its members are in. */
  readonly network: Network;
  readonly listeners: readonly Listener[];
  readonly healthCheck: HealthCheck;
  /** All that are to be behind it, and no others. */
  readonly members: readonly Member[];
  /** `LoadBalancer.parts` as it was recorded, for clouds in which a name can be changed. Absent before that. */
  readonly known?: Readonly<Record<string, string>>;
}

/** A load balancer that takes traffic. */
export interface LoadBalancer {
  readonly cloud: CloudName;
  /** AWS gives a name, whose addresses change now and then. */
  readonly dnsName?: string;
  /** The other clouds give addresses that stay; empty where there is a name. */
  readonly addresses: readonly string[];
  /** The cloud's own ids by part: written and read by that cloud's driver, and what DNS needs of them. */
  readonly parts: Readonly<Record<string, string>>;
}
