import { cloudNames } from '../../../shared/domain/cloud.ts';
import type { Cluster } from '../../../shared/domain/cluster.ts';
import type { Clouds } from '../life/clouds.ts';
import type { SimulatedMachine } from '../life/machine.ts';
import type { People, WantedCluster } from '../life/people.ts';
import { installationId } from '../platform/functions.ts';
import type { StepFunctions } from '../states/step-functions.ts';
import { notBuilt, type Outcome } from './expectations.ts';
import type { SimulatedZone } from '../life/zone.ts';
import type { MemoryTable } from '../table/memory-table.ts';
import type { Invariants } from './invariants.ts';
import { namesLeftToDo } from './names.ts';
import type { Resizing } from './resizing.ts';

interface Parts {
  readonly table: MemoryTable;
  readonly zone: SimulatedZone | undefined;
  readonly people: People;
  readonly clouds: Clouds;
  readonly stepFunctions: StepFunctions;
  readonly machines: readonly SimulatedMachine[];
  readonly invariants: Invariants;
  readonly resizing: Pick<Resizing, 'whatIsLeftToDo'>;
  /** What was last said of why a cluster’s deletion was refused. */
  readonly whyBlocked: (clusterId: string) => string | undefined;
}

/** Why this cluster is not yet as it should be in the end; undefined: it is. */
export function whatIsLeftToDo(parts: Parts, wanted: WantedCluster): string | undefined {
  const cluster = parts.people.stored(wanted);
  // Nobody ever answered the request, and nothing came of it.
  if (cluster === undefined) return undefined;
  return wanted.wanted === 'absent' ? whyNotGone(parts, cluster) : whyNotServing(parts, cluster);
}

function whyNotGone(parts: Parts, cluster: Cluster): string | undefined {
  const { clouds, invariants, whyBlocked } = parts;
  if (cluster.status === 'deleted') return namesLeftToDo(parts, cluster, []);
  const strangers = cloudNames.flatMap((cloud) =>
    clouds.worlds[cloud]
      .networks()
      .filter(({ owner }) => owner.installation === installationId && owner.clusterId === cluster.id)
      .flatMap((network) => [
        ...invariants.strangersIn(cloud, network.id).map(({ providerId }) => providerId),
        // Whoever took our tags off it made it nobody's.
        ...clouds.worlds[cloud]
          .machines()
          .filter(({ networkId, tags }) => networkId === network.id && !tags)
          .map(({ providerId }) => providerId),
        ...clouds.worlds[cloud]
          .balancers()
          .filter(({ networkId, owner }) => networkId === network.id && !owner)
          .map(({ id }) => id),
      ]),
  );
  if (strangers.length === 0) return `it is ${cluster.status}: ${cluster.statusReason ?? ''}`;
  // Past its guard it goes on trying; before it, it says who stands in the way.
  if (cluster.desired === 'absent') return undefined;
  if (cluster.deletionRequestedAt !== undefined) return 'its deletion has not been refused yet';
  const said = whyBlocked(cluster.id) ?? 'nothing';
  const unnamed = strangers.filter((id) => !said.includes(id));
  return unnamed.length === 0 ? undefined : `"${said}" does not name ${unnamed.join(', ')}`;
}

/** In a few words, what became of a cluster: `present: ready`, or what is not built yet that it waits for. */
export function outcomeOf(parts: Parts, wanted: WantedCluster): string {
  const cluster = parts.people.stored(wanted);
  if (cluster === undefined) return `${wanted.wanted}: was never made`;
  if (wanted.wanted === 'absent')
    return cluster.status === 'deleted' ? 'absent: gone' : 'absent: strangers are in the way';
  if (isLost(cluster)) return 'present: lost before its first snapshot';
  if (cluster.restore !== undefined) return `present: ${cluster.status} since it was restored`;
  const missing = notBuilt.find(({ explains }) => explains(outcomeIn(parts, cluster)));
  return `present: ${missing === undefined ? cluster.status : `${cluster.status}, not built yet: ${missing.missing}`}`;
}

function outcomeIn({ people, machines }: Parts, cluster: Cluster): Outcome {
  return {
    cluster,
    nodes: people.nodes({ name: cluster.name, clouds: [], id: cluster.id, wanted: 'present' }),
    serves: (node) =>
      machines.some(
        (machine) =>
          machine.providerId === node.providerId &&
          machine.cloud === node.cloud &&
          machine.phase === 'ready' &&
          machine.runs,
      ),
  };
}

/** Its quorum is lost, or it was and the restore failed. */
const isLost = ({ status, statusReason = '' }: Cluster): boolean =>
  status === 'failed' && /^(?:quorum lost|the restore from snapshot)/.test(statusReason);

/** Only people get it out of there, and they can: it says so, and there is a snapshot. */
export const mayBeRestored = (cluster: Cluster): boolean =>
  isLost(cluster) && cluster.newestSnapshot !== undefined;

function whyNotServing(parts: Parts, cluster: Cluster): string | undefined {
  const { stepFunctions, clouds, invariants, resizing } = parts;
  const nodes = invariants.nodesOf(cluster.id);
  // Without an API server that answers, work cannot be taken off a node: whoever is to go waits for that, too.
  const waits = (run: string): boolean => isLost(cluster) && run.includes('RetireNode');
  const busy = stepFunctions
    .running()
    .filter(({ input, arn }) => input['clusterId'] === cluster.id && !waits(arn));
  if (busy.length > 0) return `${busy.map(({ arn }) => arn).join(', ')} is running`;
  const owned = [cluster, ...nodes].find(
    ({ operation }) => operation !== undefined && !waits(operation.kind),
  );
  if (owned !== undefined) return `${owned.operation?.executionArn} owns something`;
  if (cluster.pendingPlan !== undefined) return 'a plan is pending';
  const going = nodes.find(({ desired, phase }) => desired === 'absent' && phase !== 'deleted');
  if (going !== undefined && !isLost(cluster)) return `node ${going.number} is to go and is ${going.phase}`;

  const outcome = outcomeIn(parts, cluster);
  const { nodes: present, serves } = outcome;
  if (notBuilt.some(({ explains }) => explains(outcome))) return undefined;
  if (mayBeRestored(cluster)) return `nobody has restored it: ${cluster.statusReason ?? ''}`;
  // Lost before its first snapshot: people are told that it can only be deleted and created again.
  if (isLost(cluster)) return undefined;
  const idle = present.find(({ phase }) => phase !== 'ready' && phase !== 'failed');
  if (idle !== undefined) return `node ${idle.number} is ${idle.phase}`;
  if (cluster.provisionedGeneration < cluster.generation && !present.some(({ phase }) => phase === 'failed'))
    return `generation ${cluster.generation} is not provisioned`;
  const without = present.find((node) => node.phase === 'ready' && !serves(node));
  if (without !== undefined) return `node ${without.number} is ready and its machine does not serve`;
  const failed = present.filter(({ phase }) => phase === 'failed');
  if (failed.length > 0)
    return ['failed', 'degraded'].includes(cluster.status)
      ? undefined
      : `nodes failed and it is ${cluster.status}`;
  if (cluster.status !== 'ready') return `it is ${cluster.status}: ${cluster.statusReason ?? ''}`;
  const strays = clouds
    .machines()
    .filter(
      ({ machine }) =>
        machine.tags?.owner.clusterId === cluster.id && machine.tags.owner.installation === installationId,
    )
    .filter(({ machine }) => !present.some((node) => node.providerId === machine.providerId));
  if (strays.length > 0) return `${strays.length} machines are left over`;
  return namesLeftToDo(parts, cluster, nodes) ?? resizing.whatIsLeftToDo(cluster);
}
