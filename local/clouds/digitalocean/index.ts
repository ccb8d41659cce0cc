import * as z from 'zod/mini';
import { readOnly, revoked } from '../credentials.ts';
import type { SimulatedRequest, SimulatedResponse, Simulator } from '../server.ts';
import type { GenericOperation, ResourceRow, World } from '../world.ts';
import { Account, accountUuid, regions } from './account.ts';
import { damages } from './damage.ts';
import { dropletRoutes, shownDroplets } from './droplets.ts';
import { firewallRoutes } from './firewalls.ts';
import { balancerDamages, balancerRows, frontsOf, loadBalancerRoutes } from './load-balancers.ts';
import { sizes } from './sizes.ts';
import { vpcRoutes } from './vpcs.ts';
import { bodyOf, json, noContent, notFound, page, refused, Refusal } from './wire.ts';

const requestsPerHour = 5000;

const newTag = z.strictObject({ name: z.string() });
const tagged = z.strictObject({
  resources: z.array(z.strictObject({ resource_id: z.string(), resource_type: z.literal('droplet') })),
});

/**
 * DigitalOcean's API v2 as far as machines, their networks, firewalls and load balancers go, from its published description
 * (github.com/digitalocean/openapi) and, where the two differ, from how the API is known to answer. Strict: unknown
 * fields, parameters and wrong types are refused. What a token may do: ../credentials.ts.
 */
export function createDigitalOceanSimulator(world: World): Simulator {
  const account = new Account(world);
  const vpcs = vpcRoutes(account);
  const droplets = dropletRoutes(account, vpcs.defaultVpc);
  const firewalls = firewallRoutes(account);
  const balancers = loadBalancerRoutes(account, vpcs.defaultVpc);
  let remaining = requestsPerHour;

  world.placesStrangers('digitalocean', droplets.placeStranger);
  world.lists(() => [...rows(account), ...balancerRows(account)]);
  world.balances(() => frontsOf(account));
  world.suffers('digitalocean', { ...damages(account), ...balancerDamages(account, balancers.create) });

  const tags = (request: SimulatedRequest, name: string | undefined, noun: string | undefined) => {
    const { method } = request;
    const show = (tag: string) => {
      const count = shownDroplets(account).filter(({ record }) => record.tags.includes(tag)).length;
      return { name: tag, resources: { count, droplets: { count } } };
    };
    if (name === undefined) {
      if (method === 'POST') {
        const wanted = bodyOf(request, newTag);
        account.createTag(wanted.name);
        return json(201, { tag: show(wanted.name) });
      }
      return page(request, 'tags', account.tags().map(show), (asked, max) => world.pageSize(asked, max));
    }
    if (!account.hasTag(name)) throw notFound();
    if (noun === 'resources') {
      if (method !== 'POST' && method !== 'DELETE')
        throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
      for (const resource of bodyOf(request, tagged).resources) {
        const droplet = account.droplets.get(resource.resource_id);
        if (droplet === undefined) throw notFound();
        const kept = droplet.tags.filter((tag) => tag !== name);
        account.setTags(droplet, method === 'POST' ? [...kept, name] : kept);
      }
      return noContent;
    }
    if (method === 'GET') return json(200, { tag: show(name) });
    if (method !== 'DELETE') throw notFound();
    account.deleteTag(name);
    return noContent;
  };

  const answer = (request: SimulatedRequest): SimulatedResponse => {
    const [, version, noun, id, part] = request.url.pathname.split('/').map(decodeURIComponent);
    if (version !== 'v2') throw notFound();
    switch (noun) {
      case 'account':
        return json(200, {
          account: {
            droplet_limit: 25,
            floating_ip_limit: 5,
            email: 'owner@example.com',
            uuid: accountUuid,
            email_verified: true,
            status: 'active',
            status_message: '',
            team: { uuid: accountUuid, name: 'Simulated team' },
          },
        });
      case 'vpcs':
        return vpcs.route(request, id, part);
      case 'droplets':
        return droplets.route(request, id, part);
      case 'firewalls':
        return firewalls.route(request, id, part);
      case 'load_balancers':
        return balancers.route(request, id, part);
      case 'tags':
        return tags(request, id, part);
      case 'regions':
        return page(
          request,
          'regions',
          regions.map((slug) => ({ slug, name: slug, available: true, features: [], sizes: [] })),
          (asked, max) => world.pageSize(asked, max),
        );
      case 'sizes':
        return sizes(world, request);
      case 'actions': {
        // An action is its droplet's creation: in progress while the droplet is new.
        const droplet = shownDroplets(account).find(({ record }) => record.id + 1_500_000_000 === Number(id));
        if (droplet === undefined) throw notFound();
        return json(200, {
          action: {
            id: Number(id),
            type: 'create',
            status: droplet.state === 'pending' ? 'in-progress' : 'completed',
            resource_id: droplet.record.id,
            resource_type: 'droplet',
          },
        });
      }
      default:
        throw notFound();
    }
  };

  const limits = (left: number): Record<string, string> => ({
    'ratelimit-limit': String(requestsPerHour),
    'ratelimit-remaining': String(left),
    'ratelimit-reset': String(Math.ceil(world.now() / 1000) + 60),
  });

  return {
    cloud: 'digitalocean',
    classify,
    handle(request) {
      remaining = remaining > 1 ? remaining - 1 : requestsPerHour;
      const token = /^Bearer (\S+)$/.exec(request.headers['authorization'] ?? '')?.[1];
      if (token === undefined || token === revoked) return this.refuse('credentials', request, 0);
      try {
        if (token === readOnly && request.method !== 'GET') throw withoutScope;
        const response = answer(request);
        return { ...response, headers: { ...limits(remaining), ...response.headers } };
      } catch (error) {
        if (error instanceof Refusal) return refused(error, limits(remaining));
        throw error;
      }
    },
    refuse(why, _request, retryAfterSeconds): SimulatedResponse {
      if (why === 'throttle')
        return refused(
          { status: 429, id: 'too_many_requests', message: 'API rate limit exceeded.' },
          { ...limits(0), 'retry-after': String(retryAfterSeconds) },
        );
      return why === 'unavailable'
        ? refused({ status: 503, id: 'service_unavailable', message: 'Server Error' })
        : refused({ status: 401, id: 'Unauthorized', message: 'Unable to authenticate you' });
    },
  };
}

/** To a token with the read scopes alone: https://docs.digitalocean.com/reference/api/scopes */
const withoutScope = new Refusal(403, 'forbidden', 'You are not authorized to perform this operation');

function classify(request: SimulatedRequest): GenericOperation {
  const [, , noun, id] = request.url.pathname.split('/');
  const { method } = request;
  switch (noun) {
    case 'account':
      return 'verifyAccount';
    case 'sizes':
      return 'readOfferings';
    case 'droplets':
      if (method === 'POST') return 'createMachine';
      if (method === 'DELETE') return 'deleteMachine';
      return id === undefined ? 'listMachines' : 'readMachine';
    case 'load_balancers':
      if (method === 'GET') return 'readBalancer';
      if (method === 'POST') return 'createBalancer';
      return method === 'DELETE' ? 'deleteBalancer' : 'changeBalancer';
    case 'vpcs':
    case 'firewalls':
      if (method === 'GET') return 'readNetwork';
      if (method === 'POST' && id === undefined) return 'createNetwork';
      // Deleting a rule or a tag of a firewall changes it.
      return method === 'DELETE' && request.url.pathname.split('/').length === 4
        ? 'deleteNetwork'
        : 'changeNetwork';
    default:
      return 'other';
  }
}

function rows(account: Account): ResourceRow[] {
  const cloud = 'digitalocean';
  return [
    ...shownDroplets(account).map(({ record, machine, state }) => ({
      cloud,
      kind: 'machine',
      id: String(record.id),
      name: machine.name,
      state,
      tags: record.tags,
      inside: record.vpcId,
    })),
    // A region's default VPC is part of the account, as in every account that was ever used.
    ...account.vpcs
      .values()
      .filter((vpc) => !(vpc.default && vpc.name === `default-${vpc.region}`))
      .map((vpc) => ({
        cloud,
        kind: 'vpc',
        id: vpc.id,
        name: vpc.name,
        state: 'available',
        tags: [vpc.description],
      })),
    ...account.firewalls.values().map((firewall) => ({
      cloud,
      kind: 'firewall',
      id: firewall.id,
      name: firewall.name,
      state: 'succeeded',
      tags: firewall.tags,
    })),
  ] as ResourceRow[];
}
