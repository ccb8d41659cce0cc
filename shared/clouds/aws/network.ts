import { DescribeVpcAttributeCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { Network, NetworkSpec } from '../../domain/network.ts';
import type { Progress } from '../contract.ts';
import type { Ec2 } from './clients.ts';
import { codeOf, together, tolerating } from './errors.ts';
import { joined, lookAtRecorded, standing } from './known.ts';
import { idsOf, lists, lookAtParts, type Parts } from './look.ts';
import { choose, networkOf, surplusOf, type Chosen } from './network-parts.ts';
import { nextSteps, type DnsAttributes } from './network-steps.ts';
import { blocked, pending } from './progress.ts';
import { removeParts } from './removal.ts';
import { removable, vpcsOf } from './spare.ts';
import { filtersFor } from './tags.ts';

/** Four rounds build everything, one more when tags were lost: VPC and gateway; what sits in them; what joins those; the look that finds it right. */
const passesMax = 7;
/** EC2 shows to everyone what was just made within a few seconds. */
const settleSeconds = 2;
/** Until a person has given a VPC back that carries another owner's tags. */
const strangerSeconds = 30;

/**
 * What only says that somebody, or an earlier call whose reply was lost, was faster, or that EC2 does not yet know what
 * it just made: the next look tells.
 */
const lookAgain =
  /NotFound$|^(InvalidGroup\.Duplicate|InvalidPermission\.Duplicate|RouteAlreadyExists|Resource\.AlreadyAssociated|InvalidSubnet\.Conflict|InvalidID|IncorrectState)$/;

/** Builds or repairs a cluster's VPC. A right one costs five reads in parallel and two more, and no change. */
export async function ensureNetwork(ec2: Ec2, spec: NetworkSpec): Promise<Progress<Network>> {
  const made = new Set<string>();
  for (let pass = 0; pass < passesMax; pass += 1) {
    const tagged = await lookAtParts(ec2.patient, filtersFor(spec.owner));
    const unseen = [...made].filter((id) => !idsOf(tagged).has(id));
    // Going on without seeing it would make it twice.
    if (unseen.length > 0) return pending(`${unseen.join(', ')} to be listed`, settleSeconds);
    const recorded = await lookAtRecorded(ec2.patient, tagged, [spec.known]);
    const { parts, owned, claimed } = standing(joined(tagged, recorded), spec.owner, spec.known);
    if (claimed.length > 0) return blocked(claimed, strangerSeconds);
    const chosen = choose(parts, spec);
    const dns = await dnsOf(ec2.patient, chosen);
    const steps = nextSteps(chosen, dns, spec);
    if (steps.length === 0) return finished({ ec2, spec, parts: owned, chosen });
    const urgent = steps.filter(({ comesFirst }) => comesFirst);

    const early: string[] = [];
    await together(
      (urgent.length > 0 ? urgent : steps).map((step) => async () => {
        const code = await tolerating(lookAgain, async () => {
          const id = await step.run(ec2.once).catch(asStale);
          if (id !== undefined) made.add(id);
        });
        if (code !== undefined) early.push(`${step.what} (${code})`);
      }),
    );
    if (early.length > 0) return pending(early.join(', '), settleSeconds);
  }
  return pending('the network to stay as it was made', settleSeconds);
}

/** A second gateway for the same VPC is refused with a general code: it too means that the look was stale. */
function asStale(error: unknown): never {
  if (
    codeOf(error) === 'InvalidParameterValue' &&
    error instanceof Error &&
    error.message.includes('already has an internet gateway')
  )
    throw Object.assign(new Error(error.message, { cause: error }), { name: 'Resource.AlreadyAssociated' });
  throw error;
}

async function dnsOf(client: EC2Client, { vpc }: Chosen): Promise<DnsAttributes | undefined> {
  if (vpc?.VpcId === undefined) return undefined;
  const { VpcId } = vpc;
  const ask = (Attribute: 'enableDnsSupport' | 'enableDnsHostnames') =>
    client.send(new DescribeVpcAttributeCommand({ VpcId, Attribute }));
  const [support, hostnames] = await Promise.all([ask('enableDnsSupport'), ask('enableDnsHostnames')]);
  return {
    support: support.EnableDnsSupport?.Value === true,
    hostnames: hostnames.EnableDnsHostnames?.Value === true,
  };
}

async function finished(found: {
  ec2: Ec2;
  spec: NetworkSpec;
  parts: Parts;
  chosen: Chosen;
}): Promise<Progress<Network>> {
  const { ec2, spec, parts, chosen } = found;
  for (const { what, state } of [
    { what: chosen.vpc?.VpcId, state: chosen.vpc?.State },
    { what: chosen.subnet?.SubnetId, state: chosen.subnet?.State },
  ])
    if (state !== 'available') return pending(`${what ?? ''} to become available`, settleSeconds);
  const network = networkOf(chosen, spec);
  if (network === undefined) return pending('every part of the network', settleSeconds);
  await removeSurplus(ec2, surplusOf(parts, chosen));
  return { done: true, value: network };
}

/** What was made twice goes again, unless a machine, whose ever it is, or anything else stands in it. */
async function removeSurplus(ec2: Ec2, surplus: Parts): Promise<void> {
  if (idsOf(surplus).size === 0) return;
  const Values = [...vpcsOf(surplus)];
  const plugs = Values.length === 0 ? [] : await lists.interfaces(ec2.patient, [{ Name: 'vpc-id', Values }]);
  await removeParts(ec2, removable(surplus, plugs));
}
