import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { regions, type Account, type Vpc } from './account.ts';
import { block, overlap } from './addresses.ts';
import { shownDroplets } from './droplets.ts';
import {
  bodyOf,
  conflict,
  json,
  noContent,
  notFound,
  page,
  queryOf,
  Refusal,
  unprocessable,
} from './wire.ts';

/** DigitalOcean keeps these for itself: everywhere, and in single regions. */
const reserved: readonly { readonly range: string; readonly region?: string }[] = [
  { range: '10.229.0.0/16' },
  { range: '10.244.0.0/16' },
  { range: '10.245.0.0/16' },
  { range: '10.246.0.0/24' },
  { range: '10.10.0.0/16', region: 'nyc1' },
  { range: '10.15.0.0/16', region: 'sgp1' },
  { range: '10.16.0.0/16', region: 'lon1' },
  { range: '10.17.0.0/16', region: 'nyc3' },
  { range: '10.18.0.0/16', region: 'ams3' },
  { range: '10.19.0.0/16', region: 'fra1' },
  { range: '10.20.0.0/16', region: 'tor1' },
];

const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

const creation = z.strictObject({
  name: z.string(),
  region: z.string(),
  description: z.optional(z.string().check(z.maxLength(255))),
  ip_range: z.optional(z.string()),
});
const replacement = z.strictObject({
  name: z.string(),
  description: z.optional(z.string().check(z.maxLength(255))),
  default: z.optional(z.boolean()),
});
const change = z.partial(replacement);

const show = (vpc: Vpc) => ({ ...vpc, urn: `do:vpc:${vpc.id}` });

export function vpcRoutes(account: Account) {
  const find = (id: string): Vpc => {
    const vpc = account.vpcs.get(id);
    if (vpc === undefined) throw notFound();
    return vpc;
  };

  const checkName = (name: string, id?: string): void => {
    if (!/^[A-Za-z0-9.-]+$/.test(name))
      throw unprocessable('name may only contain alphanumeric characters, dashes, and periods');
    if (account.vpcs.values().some((vpc) => vpc.name === name && vpc.id !== id))
      throw unprocessable('name already in use');
  };

  const checkRange = (range: string, region: string): void => {
    const wanted = block(range);
    if (wanted === undefined || wanted.first % 2 ** (32 - wanted.prefix) !== 0)
      throw unprocessable('ip_range is not a valid CIDR notation');
    const inside = privateRanges.some((text) => {
      const outer = block(text);
      return outer !== undefined && outer.first <= wanted.first && wanted.last <= outer.last;
    });
    if (!inside) throw unprocessable('ip_range must be in range of private addresses as defined in RFC1918');
    if (wanted.prefix < 16 || wanted.prefix > 28)
      throw unprocessable('ip_range size must be between /16 and /28');
    const taken = [
      ...reserved.filter((entry) => entry.region === undefined || entry.region === region),
      ...account.vpcs.values().map((vpc) => ({ range: vpc.ip_range })),
    ].some((entry) => {
      const other = block(entry.range);
      return other !== undefined && overlap(other, wanted);
    });
    if (taken) throw unprocessable('This range/size overlaps with another VPC network in your account');
  };

  const freeRange = (region: string): string => {
    for (let second = 100; second < 256; second += 1) {
      for (let third = 0; third < 256; third += 16) {
        const range = `10.${second}.${third}.0/20`;
        try {
          checkRange(range, region);
          return range;
        } catch {
          // Taken: the next one.
        }
      }
    }
    throw unprocessable('no free range is left');
  };

  const add = (wanted: z.infer<typeof creation>, isDefault: boolean): Vpc => {
    if (!(regions as readonly string[]).includes(wanted.region)) throw unprocessable('region is invalid');
    checkName(wanted.name);
    if (wanted.ip_range !== undefined) checkRange(wanted.ip_range, wanted.region);
    const vpc: Vpc = {
      id: randomUUID(),
      name: wanted.name,
      description: wanted.description ?? '',
      region: wanted.region,
      ip_range: wanted.ip_range ?? freeRange(wanted.region),
      // The first VPC of a region becomes its default, whatever it was made for (digitalocean/godo#337).
      default: isDefault || !account.vpcs.values().some((other) => other.region === wanted.region),
      created_at: account.timestamp(),
    };
    account.vpcs.set(vpc.id, vpc);
    return vpc;
  };

  return {
    /** Where a droplet goes that names no VPC. */
    defaultVpc: (region: string): Vpc =>
      account.vpcs.values().find((vpc) => vpc.region === region && vpc.default) ??
      add({ name: `default-${region}`, region }, true),

    route(request: SimulatedRequest, id: string | undefined, noun: string | undefined): SimulatedResponse {
      const { method } = request;
      if (id === undefined) {
        if (method === 'POST') return json(201, { vpc: show(add(bodyOf(request, creation), false)) });
        if (method !== 'GET') throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
        queryOf(request, ['page', 'per_page']);
        return page(request, 'vpcs', account.vpcs.values().map(show), (asked, max) =>
          account.world.pageSize(asked, max),
        );
      }
      const vpc = find(id);
      const members = [
        ...shownDroplets(account)
          .filter(({ record }) => record.vpcId === id)
          .map(({ record, machine }) => ({
            urn: `do:droplet:${record.id}`,
            name: machine.name,
            created_at: new Date(machine.createdAt).toISOString(),
          })),
        ...account.balancers
          .values()
          .filter(({ vpcId }) => vpcId === id)
          .map((balancer) => ({
            urn: `do:loadbalancer:${balancer.id}`,
            name: balancer.name,
            created_at: balancer.created_at,
          })),
      ];
      if (noun === 'members' && method === 'GET') {
        const kind = queryOf(request, ['page', 'per_page', 'resource_type']).get('resource_type');
        return page(
          request,
          'members',
          members.filter(({ urn }) => kind === null || urn.startsWith(`do:${kind}:`)),
          (asked, max) => account.world.pageSize(asked, max),
        );
      }
      if (noun !== undefined) throw notFound();
      switch (method) {
        case 'GET':
          return json(200, { vpc: show(vpc) });
        case 'PUT':
        case 'PATCH': {
          const wanted = method === 'PUT' ? bodyOf(request, replacement) : bodyOf(request, change);
          if (wanted.name !== undefined) checkName(wanted.name, id);
          if (wanted.default === false && vpc.default)
            throw new Refusal(403, 'forbidden', 'Can not unset default VPCs');
          if (wanted.default === true)
            for (const other of account.vpcs.values())
              if (other.region === vpc.region && other.default)
                account.vpcs.set(other.id, { ...other, default: false });
          const changed: Vpc = {
            ...vpc,
            name: wanted.name ?? vpc.name,
            description: wanted.description ?? (method === 'PUT' ? '' : vpc.description),
            default: wanted.default ?? vpc.default,
          };
          account.vpcs.set(id, changed);
          return json(200, { vpc: show(changed) });
        }
        case 'DELETE':
          if (vpc.default) throw new Refusal(403, 'forbidden', 'Can not delete default VPCs');
          // The published description says 403; the API has answered 409 since 2024 at the latest.
          if (members.length > 0) throw conflict('Can not delete VPC with members');
          account.vpcs.delete(id);
          return noContent;
        default:
          throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
      }
    },
  };
}
