import type { EC2Client, Instance, NetworkInterface, Volume } from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { NetworkSpec } from '../../domain/network.ts';
import type { ExpectedMachine, Flaw, Machine, Watched } from '../contract.ts';
import { joined, lookAtRecorded, standing, type Standing } from './known.ts';
import { existing, lists, type Parts, type Sight } from './look.ts';
import { isExpected, machineSteps, primaryInterfaceOf, rootDiskOf } from './machine-steps.ts';
import { machineOf } from './machine-view.ts';
import { choose, partNames, surplusOf, type Chosen } from './network-parts.ts';
import { nextSteps } from './network-steps.ts';
import { removable } from './spare.ts';
import { chunks, filterValuesMax } from './tags.ts';

type ById<T> = ReadonlyMap<string | undefined, T>;

/** What is expected, and whatever else was seen, by id; also what was not found by its tags, whatever tags it has now. */
export interface Found {
  /** Those that the tags did not find. */
  readonly parts: Parts;
  readonly instances: ById<Instance>;
  readonly volumes: ById<Volume>;
  readonly plugs: ById<NetworkInterface>;
}

/** Looks by recorded ids for what the owners' tags did not find: a list for each kind that misses something, and none as a rule. */
export async function lookForMissed(
  client: EC2Client,
  sight: Sight,
  owners: readonly Watched[],
): Promise<Found> {
  const expected = owners.flatMap((owner) => owner.expected ?? []);
  const byId = new Map([...sight.inhabitants, ...sight.instances].map((one) => [one.InstanceId, one]));
  const volumesById = new Map(sight.volumes.map((one) => [one.VolumeId, one]));
  const machineIds = expected.flatMap(({ machines }) => machines.map(({ providerId }) => providerId));
  const [parts, instances] = await Promise.all([
    lookAtRecorded(
      client,
      sight,
      expected.map(({ network }) => network.known),
    ),
    byIds(machineIds, byId, (Values) => lists.instances(client, [{ Name: 'instance-id', Values }, existing])),
  ]);
  for (const instance of instances) byId.set(instance.InstanceId, instance);
  const disks = machineIds.flatMap((id) => rootDiskOf(byId.get(id) ?? {}) ?? []);
  const volumes = await byIds(disks, volumesById, (Values) =>
    lists.volumes(client, [{ Name: 'volume-id', Values }]),
  );
  for (const volume of volumes) volumesById.set(volume.VolumeId, volume);
  return {
    parts,
    instances: byId,
    volumes: volumesById,
    plugs: new Map(sight.plugs.map((one) => [one.NetworkInterfaceId, one])),
  };
}

async function byIds<T>(
  ids: readonly string[],
  seen: ReadonlyMap<string | undefined, T>,
  list: (ids: string[]) => Promise<T[]>,
): Promise<T[]> {
  const unseen = [...new Set(ids.filter((id) => !seen.has(id)))];
  return (await Promise.all(chunks(unseen, filterValuesMax).map(list))).flat();
}

export interface Compared {
  readonly flaws: readonly Flaw[];
  /** The expected machines, those too that lost their tags. */
  readonly machines: readonly Machine[];
  /** What of the network was made twice. */
  readonly spare: Parts;
  /** The network's VPC, also when its tags are lost. */
  readonly vpcs: readonly string[];
}

const nothing: Parts = { vpcs: [], subnets: [], gateways: [], routeTables: [], securityGroups: [] };

/**
 * What differs from what is expected: of the network, that for which `ensureNetwork` would do something, and of machines
 * that for which `repairMachine` would. The VPC's two DNS attributes alone are no flaws: EC2 shows them of one VPC and one
 * attribute at a time. `ensureNetwork` puts them right whenever it runs.
 */
export function compare(sight: Sight, found: Found, owner: Watched): Compared {
  if (owner.expected === undefined) return { flaws: [], machines: [], spare: nothing, vpcs: [] };
  const { network: spec, machines } = owner.expected;
  const stands = standing(joined(sight, found.parts), owner, spec.known);
  const isClaimed = stands.claimed.length > 0;
  const chosen = choose(stands.parts, spec);
  const vpcId = isClaimed ? spec.known?.[partNames.vpc] : chosen.vpc?.VpcId;
  const compared = machines.map((machine) =>
    compareMachine(found, machine, {
      owner,
      vpcId,
      groupId: isClaimed ? undefined : chosen.securityGroups[machine.role]?.GroupId,
    }),
  );
  return {
    flaws: [...networkFlaws(stands, chosen, spec), ...compared.flatMap(({ flaws }) => flaws)],
    machines: compared.flatMap(({ machine }) => machine ?? []),
    // In a VPC that somebody else claims, nothing is known of what is used.
    spare: isClaimed ? nothing : removable(surplusOf(stands.owned, chosen), sight.plugs),
    vpcs: vpcId === undefined ? [] : [vpcId],
  };
}

function networkFlaws({ claimed }: Standing, chosen: Chosen, spec: NetworkSpec): Flaw[] {
  const wrong =
    claimed.length > 0
      ? claimed.map(({ id }) => ({ subject: 'vpc:claimed', message: `${id} carries another owner's tags` }))
      : nextSteps(chosen, undefined, spec).flatMap((step) => step.wrong);
  return wrong.map(({ subject, message }) => ({ of: 'network', subject, message }));
}

function compareMachine(
  { instances, volumes, plugs }: Found,
  expected: ExpectedMachine,
  at: { owner: Owner; vpcId: string | undefined; groupId: string | undefined },
): { machine?: Machine; flaws: Flaw[] } {
  const { providerId, nodeId, name } = expected;
  const instance = instances.get(providerId);
  const machine = instance === undefined ? undefined : machineOf(instance);
  if (instance === undefined || machine === undefined || !isExpected(instance, expected, at))
    return { flaws: [] };
  // On its way out it is its owner's by its tags alone, and nothing of it needs to be right.
  if (machine.state === 'stopping') return { flaws: [] };
  const steps = machineSteps(
    {
      instance,
      disk: volumes.get(rootDiskOf(instance)),
      plug: plugs.get(primaryInterfaceOf(instance)?.NetworkInterfaceId),
    },
    expected,
    at,
  );
  return {
    machine: { ...machine, nodeId, name },
    flaws: steps.map(({ subject, message }) => ({ of: 'machine', subject, message, providerId })),
  };
}
