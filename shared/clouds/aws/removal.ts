import {
  DeleteInternetGatewayCommand,
  DeleteNetworkInterfaceCommand,
  DeleteRouteTableCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVolumeCommand,
  DeleteVpcCommand,
  DetachInternetGatewayCommand,
  DisassociateRouteTableCommand,
  type InternetGateway,
  type RouteTable,
} from '@aws-sdk/client-ec2';
import type { Ec2 } from './clients.ts';
import { together, tolerating } from './errors.ts';
import type { Attachments, Parts } from './look.ts';
import { looseOf } from './spare.ts';

/** Already gone, or still held by something that is about to go: the next look tells which. */
const goneOrHeld =
  /NotFound$|^(DependencyViolation|Gateway\.NotAttached|VolumeInUse|InvalidNetworkInterface\.InUse|IncorrectState)$/;

type Removal = () => Promise<string | undefined>;

/** Route tables can go while machines are still shutting down; nothing else can. */
export const routeTableRemovals = (ec2: Ec2, tables: readonly RouteTable[]): Removal[] =>
  tables.map(({ RouteTableId, Associations }) => async () => {
    const held = (Associations ?? []).filter((association) => association.Main !== true);
    await together(
      held.map(
        ({ RouteTableAssociationId: AssociationId }) =>
          () =>
            tolerating(goneOrHeld, () =>
              ec2.patient.send(new DisassociateRouteTableCommand({ AssociationId })),
            ),
      ),
    );
    return tolerating(goneOrHeld, () => ec2.patient.send(new DeleteRouteTableCommand({ RouteTableId })));
  });

const gatewayRemoval =
  (ec2: Ec2, { InternetGatewayId, Attachments }: InternetGateway): Removal =>
  async () => {
    await together(
      (Attachments ?? []).map(
        ({ VpcId }) =>
          () =>
            tolerating(goneOrHeld, () =>
              ec2.patient.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId })),
            ),
      ),
    );
    return tolerating(goneOrHeld, () =>
      ec2.patient.send(new DeleteInternetGatewayCommand({ InternetGatewayId })),
    );
  };

/**
 * Takes network parts away, all that can go at once at once, the VPCs last. What EC2 does not let go of yet stays
 * without an error. EC2 itself refuses to delete a VPC or subnet that is not empty.
 *
 * @returns whether every VPC went
 */
export async function removeParts(ec2: Ec2, parts: Parts): Promise<boolean> {
  await together([
    ...parts.securityGroups.map(
      ({ GroupId }): Removal =>
        () =>
          tolerating(goneOrHeld, () => ec2.patient.send(new DeleteSecurityGroupCommand({ GroupId }))),
    ),
    ...parts.subnets.map(
      ({ SubnetId }): Removal =>
        () =>
          tolerating(goneOrHeld, () => ec2.patient.send(new DeleteSubnetCommand({ SubnetId }))),
    ),
    ...parts.gateways.map((gateway) => gatewayRemoval(ec2, gateway)),
    ...routeTableRemovals(ec2, parts.routeTables),
  ]);
  const refused = await together(
    parts.vpcs.map(
      ({ VpcId }): Removal =>
        () =>
          tolerating(goneOrHeld, () => ec2.patient.send(new DeleteVpcCommand({ VpcId }))),
    ),
  );
  return refused.every((code) => code !== 'DependencyViolation');
}

/** Disks and interfaces that a machine left behind, which they only do when somebody told them to. */
export function removeLeftovers(ec2: Ec2, attachments: Attachments): Promise<unknown> {
  const { volumes, interfaces } = looseOf(attachments);
  return together([
    ...volumes.map(
      ({ VolumeId }): Removal =>
        () =>
          tolerating(goneOrHeld, () => ec2.patient.send(new DeleteVolumeCommand({ VolumeId }))),
    ),
    ...interfaces.map(
      ({ NetworkInterfaceId }): Removal =>
        () =>
          tolerating(goneOrHeld, () =>
            ec2.patient.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId })),
          ),
    ),
  ]);
}
