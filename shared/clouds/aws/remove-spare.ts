import {
  DeleteNetworkInterfaceCommand,
  DeleteVolumeCommand,
  type Filter,
  type Tag,
} from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { OwnedResource, Progress } from '../contract.ts';
import { removeSpareBalancer } from './balancer-removal.ts';
import type { Ec2 } from './clients.ts';
import { foreignParts } from './collapse.ts';
import { refused, tolerating } from './errors.ts';
import { lists, lookAtParts, type Parts } from './look.ts';
import { deleteMachine } from './machines.ts';
import { choose, surplusOf, type Place } from './network-parts.ts';
import { blocked, pending } from './progress.ts';
import { removeParts } from './removal.ts';
import { looseOf, removable, vpcsOf } from './spare.ts';
import { filtersFor, isOwnedBy, tag, tagKeys } from './tags.ts';

const settleSeconds = 2;
const strangerSeconds = 30;

const gone = { done: true, value: 'gone' } as const;

const inUse = (id: string) => refused('InUse', `${id} is in use`);

/**
 * Removes what `observe` called spare, once a look has shown again that it is the owner's and that nothing uses it. Of the
 * network only what belongs to none that serves anything: a VPC then with all that is in it.
 */
export async function removeSpare(
  ec2: Ec2,
  resource: OwnedResource,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const { id } = resource;
  if (resource.kind === 'load-balancer' || resource.kind === 'target-group')
    return removeSpareBalancer(ec2, resource, owner);
  const found = await tagsOf(ec2, resource);
  if (found === undefined) return gone;
  if (!isOwnedBy(found.tags, owner))
    throw refused('NotOurs', `${id} does not carry the tags of cluster ${owner.clusterId}`);
  switch (resource.kind) {
    case 'machine':
      return deleteMachine(
        ec2,
        {
          nodeId: tag(found.tags, tagKeys.node),
          name: resource.name,
          // The region is the client's; EC2 needs no zone to find a machine.
          location: { region: '', zone: '' },
          providerId: id,
        },
        owner,
      );
    case 'volume':
      return unlessHeld(found.isLoose, id, () => ec2.patient.send(new DeleteVolumeCommand({ VolumeId: id })));
    case 'network-interface':
      return unlessHeld(found.isLoose, id, () =>
        ec2.patient.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id })),
      );
    default:
      return removeNetworkPart(ec2, id, owner);
  }
}

async function unlessHeld(
  isLoose: boolean | undefined,
  id: string,
  remove: () => Promise<unknown>,
): Promise<Progress<'gone'>> {
  if (isLoose !== true) throw inUse(id);
  const code = await tolerating(/NotFound$|InUse$/, remove);
  if (code?.endsWith('InUse') === true) throw inUse(id);
  return gone;
}

interface Found {
  readonly tags: Tag[] | undefined;
  readonly isLoose?: boolean;
}

/** Whatever has this id, whosever it is; undefined when nothing has. */
async function tagsOf({ patient }: Ec2, { kind, id }: OwnedResource): Promise<Found | undefined> {
  const by = (Name: string): Filter[] => [{ Name, Values: [id] }];
  const tagged = (all: readonly { Tags?: Tag[] | undefined }[]): Found | undefined =>
    all[0] === undefined ? undefined : { tags: all[0].Tags };
  switch (kind) {
    case 'machine':
      // A terminated one is listed for an hour, and loses its tags within it.
      return tagged(
        (await lists.instances(patient, by('instance-id'))).filter(
          ({ State, Tags }) => State?.Name !== 'terminated' || tag(Tags, tagKeys.node) !== '',
        ),
      );
    case 'volume': {
      const volumes = await lists.volumes(patient, by('volume-id'));
      const isLoose = looseOf({ volumes, interfaces: [] }).volumes.length > 0;
      // Deleted, and listed for some seconds more.
      return volumes[0] === undefined || volumes[0].State === 'deleting'
        ? undefined
        : { tags: volumes[0].Tags, isLoose };
    }
    case 'network-interface': {
      const interfaces = await lists.interfaces(patient, by('network-interface-id'));
      const isLoose = looseOf({ volumes: [], interfaces }).interfaces.length > 0;
      return interfaces[0] === undefined ? undefined : { tags: interfaces[0].TagSet, isLoose };
    }
    case 'vpc':
      return tagged(await lists.vpcs(patient, by('vpc-id')));
    case 'subnet':
      return tagged(await lists.subnets(patient, by('subnet-id')));
    case 'internet-gateway':
      return tagged(await lists.gateways(patient, by('internet-gateway-id')));
    case 'route-table':
      return tagged(await lists.routeTables(patient, by('route-table-id')));
    case 'security-group':
      return tagged(await lists.securityGroups(patient, by('group-id')));
    default:
      throw refused('UnknownKind', `nothing of kind ${kind} is ever spare`);
  }
}

async function removeNetworkPart(ec2: Ec2, id: string, owner: Owner): Promise<Progress<'gone'>> {
  const parts = await lookAtParts(ec2.patient, filtersFor(owner));
  const Values = [...vpcsOf(parts)];
  const plugs = Values.length === 0 ? [] : await lists.interfaces(ec2.patient, [{ Name: 'vpc-id', Values }]);
  const chosen = choose(parts, placeIn(parts, owner));
  const spare = only(removable(surplusOf(parts, chosen), plugs), id);
  if (vpcsOf(spare).size === 0 && spare.gateways.length === 0) throw inUse(id);
  const went = await removeParts(ec2, spare);
  if (await isGone(ec2, id, owner)) return gone;
  const foreign = went ? [] : await foreignParts(ec2, spare, owner);
  return foreign.length > 0
    ? blocked(foreign, strangerSeconds)
    : pending(`EC2 to let go of ${id}`, settleSeconds);
}

async function isGone(ec2: Ec2, id: string, owner: Owner): Promise<boolean> {
  const left = await lookAtParts(ec2.patient, filtersFor(owner));
  const [vpc] = only(left, id).vpcs;
  const rest = only({ ...left, vpcs: [] }, id);
  return vpc === undefined && vpcsOf(rest).size === 0 && rest.gateways.length === 0;
}

/** The part with this id, and when it is a VPC all that is in it. */
const only = (parts: Parts, id: string): Parts => ({
  vpcs: parts.vpcs.filter(({ VpcId }) => VpcId === id),
  subnets: parts.subnets.filter(({ SubnetId, VpcId }) => SubnetId === id || VpcId === id),
  gateways: parts.gateways.filter(
    ({ InternetGatewayId, Attachments }) =>
      InternetGatewayId === id || Attachments?.some(({ VpcId }) => VpcId === id) === true,
  ),
  routeTables: parts.routeTables.filter(({ RouteTableId, VpcId }) => RouteTableId === id || VpcId === id),
  securityGroups: parts.securityGroups.filter(({ GroupId, VpcId }) => GroupId === id || VpcId === id),
});

/**
 * What a network of this owner is like, told by the parts alone: every VPC's own range, and in it the subnet that a route
 * table serves. So of each kind one part is never taken for surplus here, whatever was seen an hour ago.
 */
function placeIn(parts: Parts, owner: Owner): Place {
  const served = new Set(
    parts.routeTables.flatMap(({ Associations }) => Associations?.map(({ SubnetId }) => SubnetId) ?? []),
  );
  const candidates = parts.vpcs.map(({ VpcId, CidrBlock: network = '' }) => {
    const inside = parts.subnets.filter((subnet) => subnet.VpcId === VpcId);
    const subnet = inside.find(({ SubnetId }) => served.has(SubnetId)) ?? inside[0];
    return { network, subnet: subnet?.CidrBlock ?? '' };
  });
  return { owner, candidates, location: { region: '', zone: '' } };
}
