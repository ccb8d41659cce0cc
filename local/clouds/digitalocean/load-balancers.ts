import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { DamageRefused, type Damage, type DamageKind, type Front, type ResourceRow } from '../world.ts';
import { regions, type Account, type LoadBalancer } from './account.ts';
import { block } from './addresses.ts';
import { shownDroplets, type ShownDroplet } from './droplets.ts';
import { bodyOf, json, noContent, notFound, page, queryOf, Refusal, unprocessable } from './wire.ts';

/** Unscaled seconds from the create to `active`, when it has its address. */
const provisioningSeconds = 60;
/** An account's limit until it asks for more. */
const balancersMax = 10;

const port = z.int().check(z.minimum(1), z.maximum(65_535));
const protocol = z.enum(['http', 'https', 'http2', 'http3', 'tcp', 'udp']);
const rule = z.strictObject({
  entry_protocol: protocol,
  entry_port: port,
  target_protocol: protocol,
  target_port: port,
  certificate_id: z.optional(z.string()),
  tls_passthrough: z.optional(z.boolean()),
});
const seconds = z.int().check(z.minimum(3), z.maximum(300));
const threshold = z.int().check(z.minimum(2), z.maximum(10));
const healthCheck = z.strictObject({
  protocol: z.enum(['http', 'https', 'tcp']),
  port,
  path: z.optional(z.string().check(z.startsWith('/'))),
  check_interval_seconds: z.optional(seconds),
  response_timeout_seconds: z.optional(seconds),
  unhealthy_threshold: z.optional(threshold),
  healthy_threshold: z.optional(threshold),
});
const definition = z.strictObject({
  name: z.string().check(z.regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]{0,254}$/, 'is invalid')),
  region: z.string(),
  vpc_uuid: z.optional(z.string()),
  size_unit: z.optional(z.int().check(z.minimum(1), z.maximum(200))),
  tag: z.optional(z.string()),
  droplet_ids: z.optional(z.array(z.int())),
  forwarding_rules: z.array(rule).check(z.minLength(1)),
  health_check: z.optional(healthCheck),
  redirect_http_to_https: z.optional(z.boolean()),
  enable_proxy_protocol: z.optional(z.boolean()),
});
type Definition = z.infer<typeof definition>;

const statusOf = (account: Account, balancer: LoadBalancer): 'new' | 'active' =>
  account.world.now() < balancer.activeAt ? 'new' : 'active';

/** Droplets of its VPC that run and carry its tag, or are named. */
function membersOf(account: Account, { tag, dropletIds, vpcId }: LoadBalancer): ShownDroplet[] {
  return shownDroplets(account).filter(
    ({ record, state }) =>
      record.vpcId === vpcId &&
      state === 'running' &&
      (tag === '' ? dropletIds.includes(record.id) : record.tags.includes(tag)),
  );
}

function show(account: Account, balancer: LoadBalancer) {
  const status = statusOf(account, balancer);
  return {
    id: balancer.id,
    name: balancer.name,
    ip: status === 'new' ? '' : balancer.ip,
    status,
    size_unit: balancer.sizeUnit,
    created_at: balancer.created_at,
    region: { slug: balancer.region, name: balancer.region, available: true },
    vpc_uuid: balancer.vpcId,
    tag: balancer.tag,
    droplet_ids: membersOf(account, balancer).map(({ record }) => record.id),
    forwarding_rules: balancer.rules.map((each) => ({ certificate_id: '', tls_passthrough: false, ...each })),
    health_check: balancer.healthCheck,
    sticky_sessions: { type: 'none' },
    redirect_http_to_https: balancer.redirects,
    enable_proxy_protocol: balancer.proxyProtocol,
  };
}

export function loadBalancerRoutes(
  account: Account,
  defaultVpc: (region: string) => { readonly id: string },
) {
  const { world } = account;

  const checked = (wanted: Definition): Omit<LoadBalancer, 'id' | 'created_at' | 'activeAt' | 'ip'> => {
    if (!(regions as readonly string[]).includes(wanted.region)) throw unprocessable('region is invalid');
    const vpcId = wanted.vpc_uuid ?? defaultVpc(wanted.region).id;
    if (account.vpcs.get(vpcId)?.region !== wanted.region)
      throw unprocessable('VPC is not available in the selected region');
    const { tag = '', droplet_ids: dropletIds = [] } = wanted;
    if (tag !== '' && dropletIds.length > 0)
      throw unprocessable('tag and droplet_ids cannot be specified together');
    if (tag !== '' && !account.hasTag(tag)) throw unprocessable(`tag ${tag} does not exist`);
    const entries = wanted.forwarding_rules.map(({ entry_port: entry }) => entry);
    if (new Set(entries).size < entries.length)
      throw unprocessable('forwarding rules must have distinct entry ports');
    const check: z.infer<typeof healthCheck> = wanted.health_check ?? { protocol: 'tcp', port: 80 };
    if (check.protocol === 'tcp' && check.path !== undefined)
      throw unprocessable('health_check path cannot be specified for protocol tcp');
    return {
      name: wanted.name,
      region: wanted.region,
      vpcId,
      sizeUnit: wanted.size_unit ?? 1,
      tag,
      dropletIds,
      rules: wanted.forwarding_rules,
      healthCheck: {
        protocol: check.protocol,
        port: check.port,
        ...(check.path === undefined ? {} : { path: check.path }),
        check_interval_seconds: check.check_interval_seconds ?? 10,
        response_timeout_seconds: check.response_timeout_seconds ?? 5,
        unhealthy_threshold: check.unhealthy_threshold ?? 3,
        healthy_threshold: check.healthy_threshold ?? 5,
      },
      redirects: wanted.redirect_http_to_https ?? false,
      proxyProtocol: wanted.enable_proxy_protocol ?? false,
    };
  };

  const create = (wanted: Definition): LoadBalancer => {
    const fields = checked(wanted);
    const fault = world.takeFault('digitalocean', 'createBalancer', { effects: ['quota'] });
    if (fault !== undefined || account.balancers.size >= balancersMax)
      throw unprocessable('creating this load balancer will exceed your load balancer limit');
    const number = account.nextBalancerNumber();
    const balancer: LoadBalancer = {
      id: randomUUID(),
      created_at: account.timestamp(),
      activeAt: world.now() + world.scaled(provisioningSeconds),
      ip: `198.18.${(number >> 8) & 255}.${number & 255}`,
      ...fields,
    };
    account.balancers.set(balancer.id, balancer);
    return balancer;
  };

  return {
    create,
    route(request: SimulatedRequest, id: string | undefined, noun: string | undefined): SimulatedResponse {
      const { method } = request;
      if (noun !== undefined) throw notFound();
      if (id === undefined) {
        if (method === 'POST')
          return json(202, { load_balancer: show(account, create(bodyOf(request, definition))) });
        if (method !== 'GET') throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
        queryOf(request, ['page', 'per_page']);
        return page(
          request,
          'load_balancers',
          account.balancers.values().map((balancer) => show(account, balancer)),
          (asked, max) => world.pageSize(asked, max),
        );
      }
      const balancer = account.balancers.get(id);
      if (balancer === undefined) throw notFound();
      switch (method) {
        case 'GET':
          return json(200, { load_balancer: show(account, balancer) });
        case 'PUT': {
          if (statusOf(account, balancer) === 'new')
            throw new Refusal(
              403,
              'forbidden',
              "Load Balancer can't be updated while it processes previous actions",
            );
          const fields = checked(bodyOf(request, definition));
          if (fields.region !== balancer.region || fields.vpcId !== balancer.vpcId)
            throw unprocessable('region and VPC of a load balancer cannot be changed');
          const changed = { ...balancer, ...fields };
          account.balancers.set(id, changed);
          return json(200, { load_balancer: show(account, changed) });
        }
        case 'DELETE':
          account.balancers.delete(id);
          return noContent;
        default:
          throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
      }
    },
  };
}

/** A proxy: clients' connections and probes alike come from an address of its own in the VPC. A droplet to which no firewall applies is open. */
function admits(account: Account, balancer: LoadBalancer, member: string, number: number): boolean {
  const droplet = account.droplets.get(member);
  const applying = account.firewalls
    .values()
    .filter(
      ({ tags, droplet_ids: ids }) =>
        droplet !== undefined && (ids.includes(droplet.id) || tags.some((tag) => droplet.tags.includes(tag))),
    );
  if (applying.length === 0) return true;
  const own = (block(account.vpcs.get(balancer.vpcId)?.ip_range ?? '')?.last ?? 1) - 1;
  return applying.some(({ inbound_rules: inbound }) =>
    inbound.some(({ protocol: of, ports, sources }) => {
      const [from, to] = ports === '0' ? [1, 65_535] : ports.split('-').map(Number);
      const isPort = of === 'tcp' && (from ?? 0) <= number && number <= (to ?? from ?? 0);
      const isSource =
        sources.load_balancer_uids?.includes(balancer.id) === true ||
        sources.addresses?.some((text) => {
          const range = block(text.includes('/') ? text : `${text}/32`);
          return range !== undefined && range.first <= own && own <= range.last;
        }) === true;
      return isPort && isSource;
    }),
  );
}

export const frontsOf = (account: Account): Front[] =>
  account.balancers.values().map((balancer): Front => {
    const { healthCheck: check } = balancer;
    return {
      cloud: 'digitalocean',
      id: balancer.id,
      name: balancer.name,
      networkId: balancer.vpcId,
      address: balancer.ip,
      isOpen: statusOf(account, balancer) === 'active',
      listeners: balancer.rules
        .map((each) => ({ port: each.entry_port, targetPort: each.target_port }))
        .toSorted((a, b) => a.port - b.port),
      healthCheck: {
        port: check.port,
        path: check.path ?? '/',
        intervalSeconds: check.check_interval_seconds,
      },
      members: membersOf(account, balancer).map(({ record }) => String(record.id)),
      admits: (member, number) => admits(account, balancer, member, number),
    };
  });

export const balancerRows = (account: Account): ResourceRow[] =>
  account.balancers.values().map((balancer) => ({
    cloud: 'digitalocean',
    kind: 'load-balancer',
    id: balancer.id,
    name: balancer.name,
    state: statusOf(account, balancer),
    tags: balancer.tag === '' ? [] : [balancer.tag],
    inside: balancer.vpcId,
  }));

/** What people do to load balancers in the control panel. */
export function balancerDamages(
  account: Account,
  create: (wanted: Definition) => LoadBalancer,
): Partial<Record<DamageKind, Damage>> {
  const ofBalancer =
    (strike: (balancer: LoadBalancer) => Partial<LoadBalancer> | 'delete'): Damage =>
    ({ networkId }) => {
      const balancer = account.balancers.values().find(({ vpcId }) => vpcId === networkId);
      if (balancer === undefined) return undefined;
      const change = strike(balancer);
      if (change === 'delete') account.balancers.delete(balancer.id);
      else account.balancers.set(balancer.id, { ...balancer, ...change });
      return balancer.id;
    };
  return {
    'delete-balancer': ofBalancer(() => 'delete'),
    'delete-listener': ofBalancer(({ rules }) => {
      if (rules.length < 2) throw new DamageRefused('the last forwarding rule cannot be removed');
      const [, ...others] = rules.toSorted((a, b) => a.entry_port - b.entry_port);
      return { rules: others };
    }),
    'add-listener': ofBalancer(({ rules }) => ({
      rules: [
        ...rules,
        { entry_protocol: 'tcp', entry_port: 8080, target_protocol: 'tcp', target_port: 8080 },
      ],
    })),
    'change-health-check': ofBalancer(({ healthCheck: check }) => ({ healthCheck: { ...check, path: '/' } })),
    'remove-balancer-tags': ofBalancer(() => ({ tag: '' })),
    'add-foreign-balancer': ({ networkId }) => {
      const vpc = account.vpcs.get(networkId);
      if (vpc === undefined) return undefined;
      return create({
        name: 'bystander',
        region: vpc.region,
        vpc_uuid: vpc.id,
        forwarding_rules: [
          { entry_protocol: 'tcp', entry_port: 80, target_protocol: 'tcp', target_port: 80 },
        ],
      }).id;
    },
    'remove-member': ({ machine }) => {
      const droplet = account.droplets.get(machine?.id ?? '');
      const aimed = new Set(account.balancers.values().map(({ tag }) => tag));
      if (droplet === undefined || !droplet.tags.some((tag) => aimed.has(tag))) return undefined;
      account.setTags(
        droplet,
        droplet.tags.filter((tag) => !aimed.has(tag)),
      );
      return String(droplet.id);
    },
  };
}
