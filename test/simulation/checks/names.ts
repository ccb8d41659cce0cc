import { cloudNames } from '../../../shared/domain/cloud.ts';
import type { CloudParts, Cluster } from '../../../shared/domain/cluster.ts';
import { clusterNames } from '../../../shared/domain/dns.ts';
import type { Node } from '../../../shared/domain/node.ts';
import { compareDns } from '../../../shared/planning/compare-dns.ts';
import { planDns } from '../../../shared/planning/plan-dns.ts';
import { keys } from '../../../shared/store/keys.ts';
import { simulatedZone, type SimulatedZone } from '../life/zone.ts';
import type { MemoryTable } from '../table/memory-table.ts';

/** What of a cluster's names is not as it should be; of one that is gone nothing should be left. */
export function namesLeftToDo(
  { zone, table }: { readonly zone: SimulatedZone | undefined; readonly table: MemoryTable },
  cluster: Cluster,
  nodes: readonly Node[],
): string | undefined {
  if (zone === undefined) return undefined;
  const parts = cloudNames.flatMap((cloud) => {
    const item = table.read(keys.parts(cluster.id, cloud));
    return item === undefined ? [] : [item as unknown as CloudParts];
  });
  const { flaws } = compareDns({
    clusterId: cluster.id,
    names: clusterNames(cluster.name, simulatedZone.name),
    wanted: planDns({ cluster, nodes, parts, zone: simulatedZone }),
    seen: zone.look(),
  });
  return flaws[0]?.message;
}
