import type { CloudName } from './cloud.ts';
import type { Architecture } from './offering.ts';

/** How many vCPUs a cluster may have in all, control planes included. */
export interface ClusterLimits {
  readonly minVcpus?: number | undefined;
  readonly maxVcpus?: number | undefined;
}

/** Room that is kept free beyond what pods ask for, in percent of what they ask for. */
export interface Headroom {
  readonly cpuPercent?: number | undefined;
  readonly memoryPercent?: number | undefined;
}

/** Workers on machines that their cloud may take back. */
export interface SpotPolicy {
  /** Where; absent: in every cloud of the cluster that has any and that may be bought in. */
  readonly clouds?: readonly CloudName[] | undefined;
  /** At most so much of the workers' vCPUs is on spot; absent: 100. */
  readonly sharePercent?: number | undefined;
  /** Where no spot is to be had, on-demand stands in for it; absent: true. */
  readonly fallbackToOnDemand?: boolean | undefined;
  /** What stands in is given back to spot when spot can be had again, not before so many seconds; absent: 3,600. */
  readonly returnAfterSeconds?: number | undefined;
}

/** A worker on which nothing runs but what runs on every node goes after so many minutes. */
export interface NodeDeletion {
  readonly emptyMinutes: number;
}

/** Nodes are replaced by fewer or cheaper ones when that is worth the disruption. */
export interface Consolidation {
  /** Of what the nodes concerned cost per hour. */
  readonly minSavingPercent: number;
  /** Churn budget: at most so many nodes are taken away for it within an hour. */
  readonly nodesPerHourMax: number;
}

/** What may be bought by policy. Nodes that people ask for by hand are their own decision. */
export interface Purchasing {
  readonly clouds?: readonly CloudName[] | undefined;
  readonly excludedClouds?: readonly CloudName[] | undefined;
  /** As `familyOf` names them: `c6i`, `n4-highcpu`. */
  readonly families?: readonly string[] | undefined;
  readonly excludedFamilies?: readonly string[] | undefined;
  /** Absent: amd64 alone, since an image that knows nothing of the other would not start there. */
  readonly architectures?: readonly Architecture[] | undefined;
}

/** What the platform may and may not do to a cluster by itself. A section that is absent is off. Empty: nothing but repair. */
export interface Policies {
  readonly clusterLimits?: ClusterLimits | undefined;
  /** Nodes are bought for pods that fit nowhere. */
  readonly unschedulablePods?: { readonly headroom?: Headroom | undefined } | undefined;
  readonly spot?: SpotPolicy | undefined;
  readonly nodeDeletion?: NodeDeletion | undefined;
  readonly consolidation?: Consolidation | undefined;
  readonly purchasing?: Purchasing | undefined;
}

/** What holds where a field is left out of a section that is on; docs/policies.md and `overcast policy describe` say the same. */
export const policyDefaults = {
  headroom: { cpuPercent: 0, memoryPercent: 0 },
  spot: { sharePercent: 100, fallbackToOnDemand: true, returnAfterSeconds: 3600 },
  purchasing: { architectures: ['amd64'] },
} as const satisfies {
  readonly headroom: Headroom;
  readonly spot: SpotPolicy;
  readonly purchasing: Purchasing;
};
