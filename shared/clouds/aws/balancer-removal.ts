import {
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Owner } from '../../domain/cloud.ts';
import type { OwnedResource, Progress } from '../contract.ts';
import { lookAtBalancers, type Balancers } from './balancer-look.ts';
import type { Ec2 } from './clients.ts';
import { refused, together, tolerating } from './errors.ts';
import { pending } from './progress.ts';
import { isOwnedBy } from './tags.ts';

const settleSeconds = 2;
/** Gone already, or still used by a balancer that is about to go. */
const goneOrHeld = /(NotFound|ResourceInUse)(Exception)?$/;

/** Balancers, with their listeners, and then the target groups that nothing uses any more. */
export async function removeBalancers(ec2: Ec2, { loadBalancers, targetGroups }: Balancers): Promise<void> {
  await together(
    loadBalancers.map(
      ({ LoadBalancerArn }) =>
        () =>
          tolerating(goneOrHeld, () => ec2.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }))),
    ),
  );
  await together(
    targetGroups.map(
      ({ TargetGroupArn }) =>
        () =>
          tolerating(goneOrHeld, () => ec2.elb.send(new DeleteTargetGroupCommand({ TargetGroupArn }))),
    ),
  );
}

/** One part of a balancer that nobody wants any more. A target group waits for the balancer that uses it. */
export async function removeSpareBalancer(
  ec2: Ec2,
  { kind, id }: OwnedResource,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const find = async () => {
    const { loadBalancers, targetGroups } = await lookAtBalancers(ec2.elb, [owner]);
    return {
      loadBalancers: loadBalancers.filter(({ LoadBalancerArn }) => LoadBalancerArn === id),
      targetGroups: targetGroups.filter(({ TargetGroupArn }) => TargetGroupArn === id),
    };
  };
  const found = await find();
  const [part] = [...found.loadBalancers, ...found.targetGroups];
  if (part === undefined) return { done: true, value: 'gone' };
  if (!isOwnedBy(part.Tags, owner))
    throw refused('NotOurs', `${id} does not carry the tags of cluster ${owner.clusterId}`);
  await removeBalancers(ec2, found);
  const left = await find();
  return left.loadBalancers.length + left.targetGroups.length === 0
    ? { done: true, value: 'gone' }
    : pending(`${kind} ${id} to be let go of`, settleSeconds);
}
