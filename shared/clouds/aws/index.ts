import type { Cloud } from '../contract.ts';
import { verifyAccount } from './account.ts';
import { clientsFor } from './clients.ts';
import { collapse } from './collapse.ts';
import { awsCredentials, type AwsCredentials } from './credentials.ts';
import { speaking } from './errors.ts';
import { createMachine, deleteMachine } from './machines.ts';
import { ensureNetwork } from './network.ts';
import { ensureLoadBalancer, joinLoadBalancer, leaveLoadBalancer } from './load-balancer.ts';
import { observe } from './observe.ts';
import { removeSpare } from './remove-spare.ts';
import { repairMachine } from './repair-machine.ts';

export { awsCredentials, type AwsCredentials };

/**
 * AWS, in one account. A cluster is one VPC with one subnet, an internet gateway, a route table and a security group
 * per role, and if asked for a Network Load Balancer with a target group per port; every resource carries the owner's tags
 * from the create call on.
 *
 * The credentials need, on all resources (those of an observer the first alone):
 * - to look: ec2:DescribeVpcs, DescribeVpcAttribute, DescribeSubnets, DescribeInternetGateways, DescribeRouteTables,
 *   DescribeSecurityGroups, DescribeInstances, DescribeVolumes, DescribeNetworkInterfaces;
 *   elasticloadbalancing:DescribeLoadBalancers, DescribeTargetGroups, DescribeListeners, DescribeTargetHealth, DescribeTags
 * - to build: ec2:CreateVpc, ModifyVpcAttribute, CreateSubnet, ModifySubnetAttribute, CreateInternetGateway,
 *   AttachInternetGateway, CreateRouteTable, CreateRoute, ReplaceRoute, AssociateRouteTable,
 *   ReplaceRouteTableAssociation, CreateSecurityGroup, AuthorizeSecurityGroupIngress, AuthorizeSecurityGroupEgress,
 *   RevokeSecurityGroupIngress, RevokeSecurityGroupEgress, RunInstances, CreateTags, ModifyNetworkInterfaceAttribute; ssm:GetParameters on
 *   arn:aws:ssm:*::parameter/aws/service/canonical/ubuntu/*; iam:CreateServiceLinkedRole for spot.amazonaws.com and
 *   elasticloadbalancing.amazonaws.com; elasticloadbalancing:CreateLoadBalancer, CreateTargetGroup, ModifyTargetGroup,
 *   CreateListener, ModifyListener, DeleteListener, RegisterTargets, DeregisterTargets, AddTags
 * - to take down (can be limited to resources with the tag overcast:installation): ec2:TerminateInstances, DeleteVolume,
 *   DeleteNetworkInterface, DeleteSecurityGroup, DeleteSubnet, DetachInternetGateway, DeleteInternetGateway,
 *   DisassociateRouteTable, DeleteRouteTable, DeleteVpc; elasticloadbalancing:DeleteLoadBalancer, DeleteTargetGroup
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
    ensureLoadBalancer: (spec) => speaking(ensureLoadBalancer(clients.ec2(spec.location.region), spec)),
    joinLoadBalancer: (member, owner) =>
      speaking(joinLoadBalancer(clients.ec2(member.location.region), member, owner)),
    leaveLoadBalancer: (member, owner) =>
      speaking(leaveLoadBalancer(clients.ec2(member.location.region), member, owner)),
    verifyAccount: () => speaking(verifyAccount(clients.sts)),
  };
}
