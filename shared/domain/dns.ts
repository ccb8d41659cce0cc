import type { PartFailure } from './cluster.ts';
import type { ClusterId, Instant } from './ids.ts';

/** The Route 53 hosted zone that an installation may write its clusters' names in. */
export interface HostedZone {
  /** `Z0123456789ABCDEFGHIJ` */
  readonly id: string;
  /** `example.org`, lower-case, without a dot at its end. */
  readonly name: string;
}

/** Route 53's own form: `Z` and up to 31 letters and digits. */
export const hostedZoneIdPattern = /^Z[A-Z0-9]{1,31}$/;
/** At least two labels: a zone that is a whole top-level domain is somebody's mistake. */
export const hostedZoneNamePattern =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

/** The names of one cluster, without a dot at their end. */
export interface ClusterNames {
  /** Every control plane that serves; port 6443. */
  readonly api: string;
  /** Every cloud's load balancer. */
  readonly ingress: string;
  /** `*.…`: whatever is under the cluster's name leads where `ingress` does. */
  readonly wildcard: string;
}

export const clusterNames = (clusterName: string, zoneName: string): ClusterNames => ({
  api: `api.${clusterName}.${zoneName}`,
  ingress: `${clusterName}.${zoneName}`,
  wildcard: `*.${clusterName}.${zoneName}`,
});

/** Where a health check connects by TCP. */
export interface CheckTarget {
  /** IPv4. */
  readonly address: string;
  readonly port: number;
}

/**
 * How Route 53 checks: every 30 s, three answers in a row that take an address out, or in again. The slow interval, since the
 * fast one costs more. Source: Route 53 API Reference, HealthCheckConfig.
 */
export const checkSettings = { type: 'TCP', intervalSeconds: 30, failureThreshold: 3 } as const;

/** One of a cluster's records; all are of type A. */
export interface DnsRecord {
  /** `*.demo.example.org` */
  readonly name: string;
  /** Tells the record among others of its name, and whose it is: `overcast:<cluster id>:aws`. */
  readonly setIdentifier: string;
  /** `weighted`: one of the name's records answers, each as often. `multivalue`: all of them together. */
  readonly routing: 'weighted' | 'multivalue';
  readonly target:
    | { readonly addresses: readonly string[] }
    /** Answered with the addresses of another name, which costs no second question. */
    | { readonly alias: string; readonly zoneId: string };
  /** While it fails, the record gives no answer. An alias follows the health of what it leads to instead. */
  readonly check?: CheckTarget;
}

/** Clients that asked go on with an old answer for so long. */
export const ttlSeconds = 60;

/** Of each weighted record: every cloud is answered with as often as the others. */
export const recordWeight = 1;

/** A record as it is in the zone, whosever it is. */
export interface SeenRecord {
  readonly name: string;
  /** `A`, `CNAME`, … */
  readonly type: string;
  readonly setIdentifier?: string;
  readonly routing: 'simple' | 'weighted' | 'multivalue' | 'other';
  readonly weight?: number;
  readonly ttlSeconds?: number;
  readonly values: readonly string[];
  readonly alias?: { readonly name: string; readonly zoneId: string; readonly evaluatesHealth: boolean };
  readonly healthCheckId?: string;
  /** As Route 53 gave it: a deletion has to repeat it. */
  readonly raw: unknown;
}

/** A health check of the account, whosever it is. */
export interface SeenCheck {
  readonly id: string;
  readonly callerReference: string;
  readonly target?: CheckTarget;
  /** Everything else is as `checkSettings` has it. */
  readonly isAsSet: boolean;
}

export interface SeenDns {
  readonly records: readonly SeenRecord[];
  readonly checks: readonly SeenCheck[];
}

/** One change of a batch; a batch is carried out as a whole or not at all. */
export type RecordChange =
  | {
      /** `create` fails where there is one: what nobody saw, nobody overwrites. */
      readonly action: 'create' | 'upsert';
      readonly record: DnsRecord;
      readonly healthCheckId?: string;
    }
  | { readonly action: 'delete'; readonly record: SeenRecord };

/** Something of a cluster's names that is not as it was published. */
export interface DnsFlaw {
  /** `taken`: somebody else has a record of that name, and nothing of ours is added to it. */
  readonly kind: 'changed' | 'taken';
  /** Equal for the same difference in every look. */
  readonly subject: string;
  readonly message: string;
}

/** What was last published of a cluster, and what a look has found since. */
export interface PublishedDns {
  readonly clusterId: ClusterId;
  /** Absent before the first publishing, as `publishedAt` is. */
  readonly clusterName?: string;
  readonly records: readonly DnsRecord[];
  /** When publishing last came to its end; absent before the first time. */
  readonly publishedAt?: Instant;
  readonly flaws: readonly DnsFlaw[];
  /** Why the last attempt failed; gone once one succeeds. */
  readonly failure?: PartFailure;
}
