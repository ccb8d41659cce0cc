import type { Flaw, Watched } from '../contract.ts';
import { balancersOf, detailsOf } from './balancer-look.ts';
import { nextBalancerSteps } from './balancer-steps.ts';
import type { Ec2 } from './clients.ts';
import { claimed, instancesIn } from './load-balancer.ts';
import type { Sight } from './look.ts';
import { partNames } from './network-parts.ts';

/** Everything for which `ensureLoadBalancer` would do something. */
export async function compareBalancer(ec2: Ec2, sight: Sight, owner: Watched): Promise<readonly Flaw[]> {
  const spec = owner.expected?.loadBalancer;
  if (spec === undefined || spec === 'none') return [];
  const named = balancersOf(sight.named, owner);
  const foreign = claimed(named, owner);
  if (foreign.length > 0)
    return foreign.map((arn) => ({
      of: 'load-balancer',
      subject: `load-balancer:claimed:${arn}`,
      message: `${arn} carries another owner's tags`,
    }));
  const vpcId = spec.network.parts[partNames.vpc];
  const inhabitants = sight.inhabitants.filter((instance) => instance.VpcId === vpcId);
  const seen = {
    ...named,
    ...(await detailsOf(ec2.elb, named)),
    instances: instancesIn(inhabitants, owner),
  };
  return nextBalancerSteps(seen, spec)
    .flatMap((step) => step.wrong)
    .map(({ subject, message }) => ({ of: 'load-balancer', subject, message }));
}
