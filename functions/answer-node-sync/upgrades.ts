import { nodeUpgraded } from '../../events/node-upgraded.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Instant } from '../../shared/domain/ids.ts';
import type { SyncRequest } from '../../shared/domain/node-protocol.ts';
import type { Node } from '../../shared/domain/node.ts';
import { holdsUpgradeStep, upgradeInstruction } from '../../shared/planning/upgrading.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { endOf } from './output.ts';

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'nodes'>;
  readonly bus: Bus;
  readonly log: Log;
}

/**
 * What a control plane says of its upgrade: done, or the roll-out stops. The node comes first, so that it is never told to do
 * again what it has done.
 */
export async function recordUpgraded(
  { store, bus, log }: Parts,
  given: {
    readonly cluster: Cluster;
    readonly node: Node;
    readonly sync: SyncRequest;
    readonly now: Instant;
  },
): Promise<Cluster> {
  const { cluster, node, sync, now } = given;
  if (!holdsUpgradeStep(cluster, node)) return cluster;
  const { upgrade } = cluster;
  if (sync.result?.instructionId !== upgradeInstruction(upgrade, upgrade.step).id) return cluster;
  const { clusterId, number, attempt } = node;
  const { to } = upgrade;
  const { ok, output } = sync.result;
  const { step: _, ...stepless } = upgrade;
  const revision = upgrade.revision + 1;
  if (ok) await store.nodes.recordVersion(clusterId, number, { attempt, kubernetesVersion: to });
  const changed = await store.clusters.changeUpgrade(
    clusterId,
    upgrade,
    ok
      ? { ...stepless, revision, steppedAt: now }
      : { ...stepless, revision, stopped: { at: now, number, reason: endOf(output) } },
    { now },
  );
  if (changed === undefined) return (await store.clusters.get(clusterId)) ?? cluster;
  log[ok ? 'info' : 'warn']('upgraded', { clusterId, number, attempt, to, ok });
  if (ok) await bus.say(nodeUpgraded, { clusterId, number, to });
  return changed;
}
