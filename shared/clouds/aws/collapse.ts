import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { Progress, Stranger } from '../contract.ts';
import { removeBalancers } from './balancer-removal.ts';
import type { Ec2 } from './clients.ts';
import { together, tolerating } from './errors.ts';
import { lists, type Parts, type Sight } from './look.ts';
import { lookAround, ownedPart, strangersTo } from './observe.ts';
import { blocked, pending } from './progress.ts';
import { removeLeftovers, removeParts, routeTableRemovals } from './removal.ts';
import { chunks, isOwnedBy, tag, tagKeys } from './tags.ts';

/** One look, what it allows, and the look that finds nothing left. */
const passesMax = 3;
const terminationSeconds = 5;
const dependencySeconds = 3;
const strangerSeconds = 30;
/** Source: EC2 API Reference, TerminateInstances: up to 1,000 instances in one call. */
const terminationsPerCallMax = 1000;

/**
 * Takes a cluster down: all machines in one call, load balancer and route tables meanwhile, and when the last machine is terminated the
 * rest at once, its VPC last. Every pass begins with a fresh look, also for strangers, so a VPC never goes on old news.
 */
export async function collapse(ec2: Ec2, owner: Owner): Promise<Progress<'nothing left'>> {
  for (let pass = 0; pass < passesMax; pass += 1) {
    const sight = ownedPart(await lookAround(ec2, [owner]), owner);
    if (isEmpty(sight)) return { done: true, value: 'nothing left' };
    const strangers = strangersTo(sight, owner);
    const containers = strangers.length === 0;
    if (sight.instances.length > 0) {
      await together([
        () => terminate(ec2, sight),
        () => takeBalancersDown(ec2, sight),
        ...(containers ? routeTableRemovals(ec2, sight.routeTables) : []),
      ]);
      return containers
        ? pending(`${sight.instances.length} machines to be terminated`, terminationSeconds)
        : blocked(strangers, strangerSeconds);
    }
    await Promise.all([removeLeftovers(ec2, sight), takeBalancersDown(ec2, sight)]);
    if (!containers) return blocked(strangers, strangerSeconds);
    if (await removeParts(ec2, sight)) continue;
    const inTheWay = await foreignParts(ec2, sight, owner);
    return inTheWay.length > 0
      ? blocked(inTheWay, strangerSeconds)
      : pending('EC2 to let go of the VPC', dependencySeconds);
  }
  return pending('everything to be gone from the lists', dependencySeconds);
}

const isEmpty = ({ inhabitants: _machines, plugs: _others, named: _names, ...owned }: Sight): boolean =>
  Object.values(owned).every((list) => list.length === 0);

/** With the machines: their interfaces are what the VPC waits for the longest. */
async function takeBalancersDown(ec2: Ec2, sight: Sight): Promise<undefined> {
  await removeBalancers(ec2, sight);
  return undefined;
}

async function terminate(ec2: Ec2, { instances }: Sight): Promise<undefined> {
  const living = instances.filter((instance) => instance.State?.Name !== 'shutting-down');
  const ids = living.flatMap((instance) => instance.InstanceId ?? []);
  await together(
    chunks(ids, terminationsPerCallMax).map(
      (InstanceIds) => () =>
        // One that is gone since the look makes EC2 refuse the whole call: the next look leaves it out.
        tolerating(/^InvalidInstanceID\.NotFound$/, () =>
          ec2.patient.send(new TerminateInstancesCommand({ InstanceIds })),
        ),
    ),
  );
  return undefined;
}

/** What somebody else put into our VPC and EC2 will therefore not delete: named, so that its owner can be found. */
export async function foreignParts(
  ec2: Ec2,
  { vpcs }: Pick<Parts, 'vpcs'>,
  owner: Owner,
): Promise<Stranger[]> {
  const Values = vpcs.flatMap((vpc) => vpc.VpcId ?? []);
  if (Values.length === 0) return [];
  const filters = [{ Name: 'vpc-id', Values }];
  const [subnets, groups, tables, gateways] = await Promise.all([
    lists.subnets(ec2.patient, filters),
    lists.securityGroups(ec2.patient, filters),
    lists.routeTables(ec2.patient, filters),
    lists.gateways(ec2.patient, [{ Name: 'attachment.vpc-id', Values }]),
  ]);
  const foreign = [
    ...subnets.map((subnet) => ({ ...subnet, kind: 'subnet', id: subnet.SubnetId })),
    // The main table comes and goes with its VPC.
    ...tables
      .filter((table) => table.Associations?.some(({ Main }) => Main === true) !== true)
      .map((table) => ({ ...table, kind: 'route-table', id: table.RouteTableId })),
    ...gateways.map((gateway) => ({
      ...gateway,
      kind: 'internet-gateway',
      id: gateway.InternetGatewayId,
      VpcId: gateway.Attachments?.[0]?.VpcId,
    })),
    // The default group comes and goes with its VPC.
    ...groups
      .filter((group) => group.GroupName !== 'default')
      .map((group) => ({ ...group, kind: 'security-group', id: group.GroupId })),
  ];
  return foreign
    .filter(({ Tags }) => !isOwnedBy(Tags, owner))
    .map(({ kind, id, Tags, VpcId }) => ({
      kind,
      id: id ?? '',
      name: tag(Tags, tagKeys.name),
      inside: VpcId ?? '',
    }));
}
