import {
  DeregisterTargetsCommand,
  RegisterTargetsCommand,
  type LoadBalancer as SeenLoadBalancer,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Instance } from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { LoadBalancer, LoadBalancerSpec, Member } from '../../domain/load-balancer.ts';
import type { Progress } from '../contract.ts';
import {
  balancersOf,
  detailsOf,
  gone,
  lookAtBalancers,
  ownedBalancers,
  type Balancers,
  type Tagged,
} from './balancer-look.ts';
import { nextBalancerSteps, type SeenBalancer } from './balancer-steps.ts';
import type { Ec2 } from './clients.ts';
import { refused, together, tolerating } from './errors.ts';
import { existing, lists, staying } from './look.ts';
import { partNames } from './network-parts.ts';
import { pending } from './progress.ts';
import { isOfAnother, isOwnedBy } from './tags.ts';

/** Balancer and target groups; what leads from one to the others; the look that finds it right; one more each for tags and for what is made anew. */
const passesMax = 6;
const settleSeconds = 2;
/** A Network Load Balancer takes about two minutes to take traffic. */
const provisioningSeconds = 10;

/** Somebody was faster, a part is still held, or a machine stopped meanwhile: the next look tells. */
const lookAgain = /(NotFound|^Duplicate\w+|^ResourceInUse|^InvalidTarget)(Exception)?$/;

/** Builds or repairs a cluster's Network Load Balancer. A right one costs a list each, its tags, and what only it tells. */
export async function ensureLoadBalancer(ec2: Ec2, spec: LoadBalancerSpec): Promise<Progress<LoadBalancer>> {
  for (let pass = 0; pass < passesMax; pass += 1) {
    const seen = await look(ec2, spec);
    const steps = nextBalancerSteps(seen, spec);
    const balancer = seen.loadBalancers[0];
    if (steps.length === 0 && balancer !== undefined) return finished(balancer);
    const urgent = steps.filter(({ comesFirst }) => comesFirst);
    const early: string[] = [];
    await together(
      (urgent.length > 0 ? urgent : steps).map((step) => async () => {
        const code = await tolerating(lookAgain, () => step.run(ec2.elb));
        if (code !== undefined) early.push(`${step.what} (${code})`);
      }),
    );
    if (early.length > 0) return pending(early.join(', '), settleSeconds);
  }
  return pending('the load balancer to stay as it was made', settleSeconds);
}

/** @throws InvalidRequest when a part of the name carries another owner's tags */
async function look(ec2: Ec2, spec: LoadBalancerSpec): Promise<SeenBalancer> {
  const { owner, network } = spec;
  const [all, inhabitants] = await Promise.all([
    lookAtBalancers(ec2.elb, [owner]),
    lists.instances(ec2.patient, [{ Name: 'vpc-id', Values: [network.parts[partNames.vpc] ?? ''] }, staying]),
  ]);
  const named = balancersOf(all, owner);
  const [foreign] = claimed(named, owner);
  if (foreign !== undefined)
    throw refused('DuplicateLoadBalancerName', `${foreign} carries another owner's tags`);
  return { ...named, ...(await detailsOf(ec2.elb, named)), instances: instancesIn(inhabitants, owner) };
}

/** What stands under the cluster's names and is somebody else's. */
export const claimed = ({ loadBalancers, targetGroups }: Balancers, owner: Owner): readonly string[] =>
  [
    ...loadBalancers.map(({ LoadBalancerArn, Tags }) => ({ arn: LoadBalancerArn, Tags })),
    ...targetGroups.map(({ TargetGroupArn, Tags }) => ({ arn: TargetGroupArn, Tags })),
  ]
    .filter(({ Tags }) => isOfAnother(Tags, owner))
    .map(({ arn }) => arn ?? '');

/** Of the instances in a VPC that are not on their way out, those that can be members. */
export const instancesIn = (inhabitants: readonly Instance[], owner: Owner): SeenBalancer['instances'] => ({
  all: new Set(inhabitants.flatMap(({ InstanceId }) => InstanceId ?? [])),
  able: new Set(
    inhabitants
      .filter(({ State, Tags }) => State?.Name === 'running' && isOwnedBy(Tags, owner))
      .flatMap(({ InstanceId }) => InstanceId ?? []),
  ),
});

function finished(balancer: Tagged<SeenLoadBalancer>): Progress<LoadBalancer> {
  const { LoadBalancerArn = '', DNSName = '', CanonicalHostedZoneId = '', State } = balancer;
  // `active_impaired` takes traffic, and AWS mends it.
  if (State?.Code === 'provisioning')
    return pending(`${LoadBalancerArn} to take traffic`, provisioningSeconds);
  return {
    done: true,
    value: {
      cloud: 'aws',
      dnsName: DNSName,
      addresses: [],
      parts: { loadBalancerArn: LoadBalancerArn, hostedZoneId: CanonicalHostedZoneId },
    },
  };
}

const groupsOf = async (ec2: Ec2, owner: Owner): Promise<readonly string[]> => {
  const { targetGroups } = ownedBalancers(await lookAtBalancers(ec2.elb, [owner]), owner);
  return targetGroups.flatMap(({ TargetGroupArn }) => TargetGroupArn ?? []);
};

export async function joinLoadBalancer(ec2: Ec2, member: Member, owner: Owner): Promise<Progress<'joined'>> {
  const { providerId } = member;
  const [[instance], groups] = await Promise.all([
    lists.instances(ec2.patient, [{ Name: 'instance-id', Values: [providerId] }, existing]),
    groupsOf(ec2, owner),
  ]);
  if (instance !== undefined && !isOwnedBy(instance.Tags, owner))
    throw refused('NotOurs', `${providerId} does not carry the tags of cluster ${owner.clusterId}`);
  if (instance?.State?.Name === 'running')
    await together(
      groups.map(
        (TargetGroupArn) => () =>
          // One that stopped since, or is in another VPC, is no member: the next sweep says so.
          tolerating(lookAgain, () =>
            ec2.elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: providerId }] })),
          ),
      ),
    );
  return { done: true, value: 'joined' };
}

/** A target that is deregistered gets no new connection from then on; AWS takes one that is none for deregistered. */
export async function leaveLoadBalancer(
  ec2: Ec2,
  { providerId }: Member,
  owner: Owner,
): Promise<Progress<'left'>> {
  const groups = await groupsOf(ec2, owner);
  await together(
    groups.map(
      (TargetGroupArn) => () =>
        tolerating(gone, () =>
          ec2.elb.send(new DeregisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: providerId }] })),
        ),
    ),
  );
  return { done: true, value: 'left' };
}
