import type { Cloud } from '../contract.ts';
import { verifyAccount } from './account.ts';
import { clientsFor } from './clients.ts';
import { collapse } from './collapse.ts';
import { awsCredentials, type AwsCredentials } from './credentials.ts';
import { speaking } from './errors.ts';
import { createMachine, deleteMachine } from './machines.ts';
import { ensureNetwork } from './network.ts';
import { observe } from './observe.ts';
import { removeSpare } from './remove-spare.ts';
import { repairMachine } from './repair-machine.ts';

export { awsCredentials, type AwsCredentials };

/**
 * AWS, in one account. A cluster is one VPC with one subnet, an internet gateway, a route table and a security group
 * per role; every resource carries the owner's tags from the create call on.
 *
 * The credentials need, on all resources:
 * - to look: ec2:DescribeVpcs, DescribeVpcAttribute, DescribeSubnets, DescribeInternetGateways, DescribeRouteTables,
 *   DescribeSecurityGroups, DescribeInstances, DescribeVolumes, DescribeNetworkInterfaces
 * - to build: ec2:CreateVpc, ModifyVpcAttribute, CreateSubnet, ModifySubnetAttribute, CreateInternetGateway,
 *   AttachInternetGateway, CreateRouteTable, CreateRoute, ReplaceRoute, AssociateRouteTable,
 *   ReplaceRouteTableAssociation, CreateSecurityGroup, AuthorizeSecurityGroupIngress, AuthorizeSecurityGroupEgress,
 *   RevokeSecurityGroupIngress, RevokeSecurityGroupEgress, RunInstances, CreateTags, ModifyNetworkInterfaceAttribute; ssm:GetParameters on
 *   arn:aws:ssm:*::parameter/aws/service/canonical/ubuntu/*; iam:CreateServiceLinkedRole for spot.amazonaws.com
 * - to take down (can be limited to resources with the tag overcast:installation): ec2:TerminateInstances, DeleteVolume,
 *   DeleteNetworkInterface, DeleteSecurityGroup, DeleteSubnet, DetachInternetGateway, DeleteInternetGateway,
 *   DisassociateRouteTable, DeleteRouteTable, DeleteVpc
 */
export function createAws(credentials: AwsCredentials): Cloud {
  const clients = clientsFor(credentials);
  return {
    name: 'aws',
    ensureNetwork: (spec) => speaking(ensureNetwork(clients.ec2(spec.location.region), spec)),
    createMachine: (request) => speaking(createMachine(clients.ec2(request.offering.region), request)),
    deleteMachine: (ref, owner) => speaking(deleteMachine(clients.ec2(ref.location.region), ref, owner)),
    observe: (owners, location) => speaking(observe(clients.ec2(location.region), owners)),
    collapse: (owner, location) => speaking(collapse(clients.ec2(location.region), owner)),
    repairMachine: (machine, network, owner) =>
      speaking(repairMachine(clients.ec2(machine.location.region), machine, { network, owner })),
    removeSpare: (resource, owner, location) =>
      speaking(removeSpare(clients.ec2(location.region), resource, owner)),
    verifyAccount: () => speaking(verifyAccount(clients.sts)),
  };
}
