import { Address4 } from 'ip-address';
import * as z from 'zod/mini';
import type { Owner } from '../../domain/cloud.ts';
import type { NetworkSpec } from '../../domain/network.ts';
import { invalid, Refused, type Client } from './client.ts';
import type { Difference } from './difference.ts';
import { vpcDescription, vpcName } from './naming.ts';
import * as wire from './wire.ts';

/** Another cluster may take the same range at the same moment, and DigitalOcean keeps some for itself: next ones are tried. */
const candidatesTriedMax = 8;

export const listVpcs = (client: Client): Promise<readonly wire.Vpc[]> =>
  client.list('vpcs', 'vpcs', wire.vpc);

const oneVpc = z.object({ vpc: wire.vpc });
const marks = z.object({
  'overcast:installation': z.optional(z.string()),
  'overcast:cluster-id': z.optional(z.string()),
});

/** Whose a VPC says it is. */
function claimOn(vpc: wire.Vpc, owner: Owner): 'ours' | 'others' | 'nobodys' {
  let told: z.infer<typeof marks>;
  try {
    told = marks.parse(JSON.parse(vpc.description ?? ''));
  } catch {
    return 'nobodys';
  }
  const { 'overcast:installation': installation, 'overcast:cluster-id': clusterId } = told;
  if (installation === owner.installation && clusterId === owner.clusterId) return 'ours';
  const isOurs =
    (installation ?? owner.installation) === owner.installation &&
    (clusterId ?? owner.clusterId) === owner.clusterId;
  return isOurs ? 'nobodys' : 'others';
}

export const isMarked = (vpc: wire.Vpc, owner: Owner): boolean => claimOn(vpc, owner) === 'ours';

/**
 * The owner's VPC by its marks, whatever people named it since. One that lost its marks is known by the id under which it
 * was recorded, unless it carries somebody else's now: a name alone makes nothing ours.
 */
export function ownVpc(vpcs: readonly wire.Vpc[], owner: Owner, knownId?: string): wire.Vpc | undefined {
  const known = vpcs.find(({ id }) => id === knownId);
  if (known !== undefined && claimOn(known, owner) !== 'others') return known;
  const marked = vpcs.filter((vpc) => isMarked(vpc, owner));
  return marked.find(({ name }) => name === vpcName(owner)) ?? marked[0];
}

const isNameFree = (vpcs: readonly wire.Vpc[], owner: Owner): boolean =>
  vpcs.every(({ name }) => name !== vpcName(owner));

/** What `ensureVpc` would do about these VPCs, the owner's being the one that `ownVpc` found. */
export function vpcDifferences(
  vpcs: readonly wire.Vpc[],
  owner: Owner,
  own: wire.Vpc | undefined,
): readonly Difference[] {
  const name = vpcName(owner);
  if (own === undefined)
    return isNameFree(vpcs, owner)
      ? [{ subject: 'vpc:missing', message: `VPC ${name} is gone` }]
      : [{ subject: 'vpc:claimed', message: `a VPC named ${name} exists and does not carry our marks` }];
  const differences: Difference[] = [];
  if (!isMarked(own, owner))
    differences.push({
      subject: 'vpc:marks',
      message: `VPC ${own.name}: its description no longer says whose it is`,
    });
  if (own.name !== name && isNameFree(vpcs, owner))
    differences.push({ subject: 'vpc:name', message: `VPC ${name} was renamed to ${own.name}` });
  if (own.default === true)
    differences.push({
      subject: 'vpc:default',
      message: `VPC ${own.name} became the default of ${own.region}: whatever names no VPC lands in it`,
    });
  return differences;
}

const overlaps = (one: string, other: string): boolean => {
  const [a, b] = [new Address4(one), new Address4(other)];
  return a.isInSubnet(b) || b.isInSubnet(a);
};

const defaultVpcName = (region: string): string => `default-${region}`;

/**
 * The first VPC of a region becomes its default: whatever names no VPC lands in it, so strangers would, and it cannot be
 * deleted (https://github.com/digitalocean/godo/issues/337). So a region without any gets a neutral one first, named as
 * DigitalOcean names its own. It costs nothing, belongs to the account and stays.
 */
async function makeDefaultVpc(client: Client, region: string): Promise<wire.Vpc | undefined> {
  const description = 'The default network of this region';
  try {
    const body = { name: defaultVpcName(region), description, region };
    return (await client.create('vpcs', body, oneVpc)).vpc;
  } catch (error) {
    // A concurrent call, or DigitalOcean itself, was faster.
    if (error instanceof Refused && /already|in use/i.test(error.message)) return undefined;
    throw error;
  }
}

/** Ours became its region's default all the same: another is made that instead. */
export async function cedeDefault(
  client: Client,
  vpcs: readonly wire.Vpc[],
  { region }: wire.Vpc,
): Promise<void> {
  const other =
    vpcs.find((vpc) => vpc.region === region && vpc.name === defaultVpcName(region)) ??
    (await makeDefaultVpc(client, region));
  if (other !== undefined) await client.change(`vpcs/${other.id}`, { default: true });
}

async function mend(
  client: Client,
  vpcs: readonly wire.Vpc[],
  own: wire.Vpc,
  spec: NetworkSpec,
): Promise<void> {
  const { owner, location } = spec;
  if (own.region !== location.region) throw invalid(`VPC ${own.name} is in ${own.region}`);
  const wrong = new Set(vpcDifferences(vpcs, owner, own).map(({ subject }) => subject));
  const change = {
    ...(wrong.has('vpc:name') ? { name: vpcName(owner) } : {}),
    ...(wrong.has('vpc:marks') ? { description: vpcDescription(owner) } : {}),
  };
  if (Object.keys(change).length > 0) await client.change(`vpcs/${own.id}`, change);
  if (wrong.has('vpc:default')) await cedeDefault(client, vpcs, own);
}

export async function ensureVpc(client: Client, spec: NetworkSpec): Promise<wire.Vpc> {
  const { owner, location } = spec;
  const refused = new Set<string>();
  for (let tried = 0; tried < candidatesTriedMax; tried += 1) {
    const vpcs = await listVpcs(client);
    const own = ownVpc(vpcs, owner, spec.known?.['vpcId']);
    if (own !== undefined) {
      await mend(client, vpcs, own, spec);
      return own;
    }
    const claimed = vpcDifferences(vpcs, owner, own).find(({ subject }) => subject === 'vpc:claimed');
    if (claimed !== undefined) throw invalid(claimed.message);
    if (!vpcs.some((vpc) => vpc.region === location.region)) {
      await makeDefaultVpc(client, location.region);
      continue;
    }
    const range = spec.candidates
      .map((candidate) => candidate.network)
      .find((candidate) => !refused.has(candidate) && !vpcs.some((vpc) => overlaps(vpc.ip_range, candidate)));
    if (range === undefined) throw invalid('every candidate range overlaps another VPC of the account');
    try {
      const made = await client.create(
        'vpcs',
        {
          name: vpcName(owner),
          description: vpcDescription(owner),
          region: location.region,
          ip_range: range,
        },
        oneVpc,
      );
      return made.vpc;
    } catch (error) {
      // Taken in the meantime (the next look shows it) or reserved (it never will): either way the next candidate.
      // A name that is taken in the meantime is ours, made by a concurrent call.
      if (!(error instanceof Refused) || !/overlap|reserved|already|in use/i.test(error.message))
        throw error instanceof Refused ? invalid(error.message, error) : error;
      if (/overlap|reserved/i.test(error.message)) refused.add(range);
    }
  }
  throw invalid(`${candidatesTriedMax} candidate ranges were refused`);
}
