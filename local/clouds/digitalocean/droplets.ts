import * as z from 'zod/mini';
import { instanceType } from '../catalogue.ts';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import type { StrangerRequest, WorldMachine } from '../world.ts';
import { regions, type Account, type DropletRecord, type Vpc } from './account.ts';
import { addressNumber, addressText, block } from './addresses.ts';
import { bodyOf, json, noContent, notFound, page, queryOf, Refusal, unprocessable } from './wire.ts';

const userDataBytesMax = 64 * 1024;
/** Unscaled seconds that a destroyed droplet is still listed, and still a member of its VPC. */
const goneAfterSeconds = 6;
const images = new Set(['ubuntu-22-04-x64', 'ubuntu-24-04-x64', 'debian-12-x64', 'debian-13-x64']);

export interface ShownDroplet {
  readonly record: DropletRecord;
  readonly machine: WorldMachine;
  readonly state: 'pending' | 'running' | 'stopping' | 'stopped';
}

/** Every droplet that the API shows now, by id. */
export function shownDroplets(account: Account): ShownDroplet[] {
  const shown: ShownDroplet[] = [];
  for (const record of account.droplets.values()) {
    const machine = account.world.machine('digitalocean', String(record.id));
    if (machine === undefined) continue;
    const state = account.world.state(machine);
    if (state === 'gone') account.droplets.delete(String(record.id));
    else if (account.world.now() >= record.hiddenUntil) shown.push({ record, machine, state });
  }
  return shown;
}

const hostname = z
  .string()
  .check(z.regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]{0,254}$/, 'Only valid hostname characters are allowed'));
const renaming = z.strictObject({ type: z.literal('rename'), name: hostname });
const creation = z.strictObject({
  name: hostname,
  region: z.string(),
  size: z.string(),
  image: z.union([z.string(), z.int()]),
  ssh_keys: z.optional(z.array(z.union([z.string(), z.int()]))),
  backups: z.optional(z.boolean()),
  ipv6: z.optional(z.boolean()),
  monitoring: z.optional(z.boolean()),
  tags: z.optional(z.nullable(z.array(z.string()))),
  user_data: z.optional(z.string()),
  vpc_uuid: z.optional(z.string()),
  with_droplet_agent: z.optional(z.boolean()),
});

const statuses = { pending: 'new', running: 'active', stopping: 'active', stopped: 'off' } as const;

export function dropletRoutes(account: Account, defaultVpc: (region: string) => Vpc) {
  const { world } = account;

  const show = ({ record, machine, state }: ShownDroplet) => {
    const type = instanceType('digitalocean', record.size);
    const vpc = account.vpcs.get(record.vpcId);
    const gateway = addressText(addressNumber(machine.privateAddress.replace(/\.\d+$/, '.0')) + 1);
    return {
      id: record.id,
      name: machine.name,
      memory: (type?.memoryGib ?? 0) * 1024,
      vcpus: type?.vcpus ?? 0,
      disk: (type?.memoryGib ?? 0) * 20,
      locked: state === 'pending' || state === 'stopping',
      status: statuses[state],
      kernel: null,
      created_at: new Date(machine.createdAt).toISOString().replace(/\.\d+Z$/, 'Z'),
      features: ['private_networking'],
      backup_ids: [],
      next_backup_window: null,
      snapshot_ids: [],
      image: { slug: record.image, distribution: 'Ubuntu', public: true },
      volume_ids: [],
      size: { slug: record.size, available: true },
      size_slug: record.size,
      networks: {
        v4:
          state === 'pending'
            ? []
            : [
                {
                  ip_address: machine.privateAddress,
                  netmask: vpc === undefined ? '255.255.240.0' : netmask(vpc.ip_range),
                  gateway,
                  type: 'private',
                },
                {
                  ip_address: machine.publicAddress,
                  netmask: '255.255.0.0',
                  gateway: '198.19.0.1',
                  type: 'public',
                },
              ],
        v6: [],
      },
      region: { slug: record.region, name: record.region, available: true },
      tags: record.tags,
      vpc_uuid: record.vpcId,
    };
  };

  const freeAddress = (vpc: Vpc): string => {
    const range = block(vpc.ip_range);
    const taken = new Set(
      world
        .living('digitalocean')
        .filter((m) => m.networkId === vpc.id)
        .map((m) => m.privateAddress),
    );
    if (range !== undefined)
      for (let number = range.first + 2; number < range.last; number += 1)
        if (!taken.has(addressText(number))) return addressText(number);
    throw unprocessable('no address is left in this VPC');
  };

  const launch = (
    droplet: Omit<DropletRecord, 'id' | 'hiddenUntil'> & { name: string; userData: string; vcpus: number },
    vpc: Vpc,
  ): ShownDroplet => {
    const { name, userData, vcpus, ...rest } = droplet;
    const id = account.nextDropletId();
    for (const tag of rest.tags) account.createTag(tag);
    const hidden = world.takeFault('digitalocean', 'createMachine', { effects: ['hide'] });
    const record: DropletRecord = {
      ...rest,
      id,
      hiddenUntil: hidden === undefined ? 0 : world.now() + world.scaled(hidden.seconds ?? 5),
    };
    const machine = world.launch({
      cloud: 'digitalocean',
      id: String(id),
      name,
      region: rest.region,
      zone: '',
      instanceType: rest.size,
      vcpus,
      spot: false,
      networkId: vpc.id,
      privateAddress: freeAddress(vpc),
      // 198.18.0.0/15 is kept for tests: no simulated machine has a real one's address.
      publicAddress: `198.19.${(id >> 8) & 255}.${id & 255}`,
      userData,
    });
    account.droplets.set(String(id), record);
    return { record, machine, state: 'pending' };
  };

  const create = (request: SimulatedRequest): SimulatedResponse => {
    const wanted = bodyOf(request, creation);
    const type = instanceType('digitalocean', wanted.size);
    if (type === undefined) throw unprocessable('You specified an invalid size for Droplet creation.');
    if (!(regions as readonly string[]).includes(wanted.region))
      throw unprocessable('You specified an invalid region for Droplet creation.');
    if (typeof wanted.image !== 'string' || !images.has(wanted.image))
      throw unprocessable('You specified an invalid image for Droplet creation.');
    if (Buffer.byteLength(wanted.user_data ?? '') > userDataBytesMax)
      throw unprocessable('User data is too long (maximum is 64 KiB)');
    const tags = [...new Set(wanted.tags)];
    if (!tags.every((tag) => /^[\w:-]{1,255}$/.test(tag)))
      throw unprocessable('Tags may contain letters, numbers, colons, dashes, and underscores.');
    const vpc = wanted.vpc_uuid === undefined ? defaultVpc(wanted.region) : account.vpcs.get(wanted.vpc_uuid);
    if (vpc === undefined || vpc.region !== wanted.region)
      throw unprocessable('VPC is not available in the selected region');
    switch (world.refusal('digitalocean', wanted.size, type.vcpus)) {
      case 'no-capacity':
      case 'no-capacity-later':
        throw unprocessable('Size is not available in this region.');
      case 'quota':
        throw unprocessable('creating this/these droplet(s) will exceed your droplet limit');
      case undefined:
        break;
    }
    const droplet = launch(
      {
        name: wanted.name,
        size: wanted.size,
        region: wanted.region,
        image: wanted.image,
        tags,
        vpcId: vpc.id,
        userData: wanted.user_data ?? '',
        vcpus: type.vcpus,
      },
      vpc,
    );
    return json(202, {
      droplet: show(droplet),
      links: {
        actions: [
          {
            id: droplet.record.id + 1_500_000_000,
            rel: 'create',
            href: `${request.url.origin}/v2/actions/${droplet.record.id + 1_500_000_000}`,
          },
        ],
      },
    });
  };

  const destroy = (droplet: ShownDroplet): void => {
    world.terminate('digitalocean', String(droplet.record.id), goneAfterSeconds);
  };

  /** Of what people do to a droplet in the control panel: its other name. */
  const act = (request: SimulatedRequest, { record }: ShownDroplet, part: string): SimulatedResponse => {
    if (part !== 'actions' || request.method !== 'POST') throw notFound();
    const { name } = bodyOf(request, renaming);
    world.update('digitalocean', String(record.id), { name });
    return json(201, {
      action: { id: record.id, type: 'rename', status: 'completed', resource_type: 'droplet' },
    });
  };

  return {
    show,

    placeStranger: ({ networkId, name }: StrangerRequest): WorldMachine | undefined => {
      const vpc = account.vpcs.get(networkId);
      if (vpc === undefined) return undefined;
      return launch(
        {
          name,
          size: 's-2vcpu-4gb',
          region: vpc.region,
          image: 'ubuntu-24-04-x64',
          tags: [],
          vpcId: vpc.id,
          userData: '',
          vcpus: 2,
        },
        vpc,
      ).machine;
    },

    route(request: SimulatedRequest, id: string | undefined, part?: string): SimulatedResponse {
      const { method } = request;
      if (id === undefined) {
        if (method === 'POST') return create(request);
        const query = queryOf(request, ['page', 'per_page', 'tag_name', 'name', 'type']);
        const [tag, name] = [query.get('tag_name'), query.get('name')];
        const rows = shownDroplets(account).filter(
          ({ record, machine }) =>
            (tag === null || record.tags.includes(tag)) && (name === null || machine.name === name),
        );
        if (method === 'GET')
          return page(request, 'droplets', rows.map(show), (asked, max) => world.pageSize(asked, max));
        if (method !== 'DELETE') throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
        if (tag === null) throw unprocessable('tag_name is required');
        for (const droplet of rows) destroy(droplet);
        return noContent;
      }
      const droplet = shownDroplets(account).find(({ record }) => String(record.id) === id);
      if (droplet === undefined) throw notFound();
      if (part !== undefined) return act(request, droplet, part);
      if (method === 'GET') return json(200, { droplet: show(droplet) });
      if (method !== 'DELETE') throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
      if (droplet.state === 'stopping') throw unprocessable('Droplet already has a pending event.');
      destroy(droplet);
      return noContent;
    },
  };
}

const netmask = (range: string): string => addressText(2 ** 32 - 2 ** (32 - (block(range)?.prefix ?? 20)));
