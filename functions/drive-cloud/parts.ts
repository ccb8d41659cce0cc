import type { CloudName, Location, Owner } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import type { ConnectCloud } from '../../shared/runtime/accounts.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Cloud } from '../../shared/runtime/cloud.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Mac } from '../../shared/runtime/mac.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** What the verbs work with. They know no cloud by name: the one that they are given is `cloud`. */
export interface DriveParts {
  readonly cloud: CloudName;
  readonly connect: ConnectCloud;
  readonly store: Pick<
    Store,
    'clusters' | 'nodes' | 'parts' | 'offerings' | 'coolOffs' | 'observations' | 'callBudgets'
  >;
  readonly mac: Pick<Mac, 'generate'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly installationId: string;
  readonly apiUrl: string;
}

export interface ClusterRequest {
  readonly clusterId: string;
  readonly executionArn: string;
}
export interface NodeRequest extends ClusterRequest {
  readonly number: number;
}

/** One cluster's place in this cloud: with whose credentials, where, and under which tags. */
export interface Ground {
  readonly cloud: Cloud;
  readonly owner: Owner;
  readonly location: Location;
}

/** @throws when the cluster has no part in this cloud: a state machine that asks is wired wrongly. */
export async function groundOf(parts: DriveParts, cluster: Cluster): Promise<Ground> {
  const entry = cluster.clouds.find(({ cloud }) => cloud === parts.cloud);
  if (entry === undefined) throw new Error(`cluster ${cluster.id} has no part in ${parts.cloud}`);
  return {
    cloud: await parts.connect(entry.accountId),
    owner: { installation: parts.installationId, clusterId: cluster.id },
    location: locationOf(cluster.region, parts.cloud),
  };
}
