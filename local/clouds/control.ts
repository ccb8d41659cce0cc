import { randomUUID } from 'node:crypto';
import { instanceType } from './catalogue.ts';
import type { PriceChange } from './prices.ts';
import type { SimulatedRequest, SimulatedResponse } from './server.ts';
import {
  damageKinds,
  DamageRefused,
  faultEffects,
  genericOperations,
  machineDamageKinds,
  type Damage,
  type DamageKind,
  type DamageTarget,
  type Fault,
  type SimulatedCloud,
  type StrangerRequest,
  type World,
  type WorldMachine,
} from './world.ts';

const clouds: readonly string[] = ['aws', 'gcp', 'azure', 'digitalocean'];

const json = (status: number, value: unknown): SimulatedResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

/**
 * The hand of fate, at `/_control` of every simulator's port:
 *
 * GET    /_control/resources[?tag=<text in a tag>]      every resource of every cloud
 * GET    /_control/machines                             every machine, with addresses, times and price
 * POST   /_control/machines/{cloud}/{id}/kill           terminated behind everyone's back; also `stop`, `rebalance`, and
 *                                                       `interrupt`[?seconds=<how long before it is taken: 120>]
 * GET    /_control/balancers                            every load balancer: members, their health, and where on this machine
 *                                                       it takes traffic: { …, listeners: [{ port: 80, url }] }
 * POST   /_control/strangers                            { cloud, networkId, name }: a machine without our tags in that network
 * POST   /_control/damage                               { cloud, kind, networkId | clusterId | machineId }: see below
 * GET    /_control/calls                                how often each operation reached each cloud: { 'aws/createMachine': 3 }
 * GET    /_control/settings, PUT /_control/settings     { timeScale, vcpuQuota, soldOut, pageSizeMax }
 * GET    /_control/prices, POST, DELETE                 { cloud, family | instanceType, lifecycle?, zone?, factor }: so many
 *                                                       times the catalogue's price; `on-demand` unless it says otherwise
 * GET    /_control/faults, POST, DELETE                 { cloud, operation, effect, times, skip?, seconds?, instanceType? }
 *
 * Damage is what a person with the console could do; answers 201 { cloud, kind, id }, `id` being what was struck or made.
 * 400: the cloud has no such thing, and the kinds it has are named. 404: nothing there to strike. 409: the cloud refuses, as
 * with a network that is in use. The cluster of `clusterId` is found by the tags (or names and descriptions) of its network.
 *
 *   of a network (`networkId`, or `clusterId`, or the one of `machineId`)
 *   delete-network         the network, with what the console deletes along with it; refused while machines are in it
 *   delete-subnet          the subnet alone; refused while machines are in it
 *   remove-route           the way out: the default route, or the gateway where that is the route
 *   remove-firewall-rule   the first inbound rule of the workers' firewall
 *   add-firewall-rule      tcp 22 from anywhere into the workers' firewall
 *   delete-firewall        the workers' firewall; where it cannot go while machines use it, it is taken from them first
 *   delete-balancer        the load balancer that is in front of it, with what the console deletes along with it
 *   delete-listener        what listens at its lowest port
 *   add-listener           port 8080 to the members' port 8080
 *   change-health-check    its path becomes /
 *   remove-balancer-tags   all of the load balancer's tags or labels
 *   add-foreign-balancer   a load balancer named `bystander`, without tags, in the network
 *   of a machine (`machineId`)
 *   remove-tags            all of its tags or labels, its name's too where that is a tag
 *   move-firewall          the machine is taken out of its role's firewall, and put into another where it must be in one
 *   add-spare-disk         an unattached disk with the machine's tags, as a create that died half-way leaves it; its name is
 *                          the machine's with `-spare`
 *   add-spare-interface    likewise, in the machine's subnet
 *   add-spare-address      likewise: a public address that nothing uses
 *   remove-member          the machine is taken out from behind its load balancer
 */
export function control(world: World, request: SimulatedRequest): SimulatedResponse {
  const [, , noun, cloud, id, verb] = request.url.pathname.split('/').map(decodeURIComponent);
  const route = `${request.method} ${noun ?? ''}`;
  switch (route) {
    case 'GET resources': {
      const tag = request.url.searchParams.get('tag') ?? '';
      return json(
        200,
        world.resources().filter((row) => tag === '' || row.tags.some((text) => text.includes(tag))),
      );
    }
    case 'GET machines':
      return json(
        200,
        world.machines.values().map(({ userData: _secret, ...machine }) => ({
          ...machine,
          state: world.state({ ...machine, userData: '' }),
          usdPerHour: priceOf(world, machine),
        })),
      );
    case 'POST machines':
      return strike(world, { cloud, id, verb }, Number(request.url.searchParams.get('seconds') ?? 120));
    case 'POST strangers': {
      const wanted = JSON.parse(request.body) as StrangerRequest;
      if (!clouds.includes(wanted.cloud)) return json(400, { error: `cloud: one of ${clouds.join(', ')}` });
      const stranger = world.placeStranger(wanted);
      return stranger === undefined
        ? json(404, { error: `no network ${wanted.networkId} in ${wanted.cloud}` })
        : json(201, { cloud: stranger.cloud, id: stranger.id, name: stranger.name });
    }
    case 'POST damage':
      return damage(world, JSON.parse(request.body) as Record<string, string>);
    case 'GET calls':
      return json(200, world.calls());
    case 'GET settings':
      return json(200, world.settings);
    case 'PUT settings':
      world.change(JSON.parse(request.body) as Partial<World['settings']>);
      return json(200, world.settings);
    case 'GET prices':
      return json(200, world.prices.changes());
    case 'DELETE prices':
      world.prices.clear();
      return { status: 204 };
    case 'POST prices': {
      const asked = JSON.parse(request.body) as PriceChange;
      const change: PriceChange = { ...asked, lifecycle: asked.lifecycle ?? 'on-demand' };
      if (!clouds.includes(change.cloud)) return json(400, { error: `cloud: one of ${clouds.join(', ')}` });
      const objection = world.prices.move(change);
      return objection === undefined ? json(201, change) : json(400, { error: objection });
    }
    case 'GET faults':
      return json(200, world.faults());
    case 'DELETE faults':
      world.clearFaults();
      return { status: 204 };
    case 'POST faults': {
      const fault = {
        times: 1,
        operation: '*',
        ...(JSON.parse(request.body) as Partial<Fault>),
        id: randomUUID(),
      } as Fault;
      if (!clouds.includes(fault.cloud)) return json(400, { error: `cloud: one of ${clouds.join(', ')}` });
      if (!faultEffects.includes(fault.effect))
        return json(400, { error: `effect: one of ${faultEffects.join(', ')}` });
      if (fault.operation !== '*' && !genericOperations.includes(fault.operation))
        return json(400, { error: `operation: * or one of ${genericOperations.join(', ')}` });
      world.addFault(fault);
      return json(201, fault);
    }
    default:
      return json(404, { error: `no control route ${route}` });
  }
}

/** All routes; that of the balancers looks how their members are, which takes a moment. */
export const controlled = async (world: World, request: SimulatedRequest): Promise<SimulatedResponse> =>
  request.method === 'GET' && request.url.pathname === '/_control/balancers'
    ? balancers(world)
    : control(world, request);

async function balancers(world: World): Promise<SimulatedResponse> {
  const fronts = world.fronts();
  const served =
    (await world.dataPath?.serve(fronts)) ??
    fronts.map(({ admits: _admits, members, ...front }) => ({
      ...front,
      members: members.map((id) => ({ id })),
    }));
  return json(200, served);
}

/** What its owner pays for a machine now, in US dollars per hour. */
const priceOf = (
  world: World,
  { cloud, instanceType: name, spot, zone }: Pick<WorldMachine, 'cloud' | 'instanceType' | 'spot' | 'zone'>,
): number => {
  const type = instanceType(cloud, name);
  return (type && world.prices.usdPerHour(cloud, type, spot ? 'spot' : 'on-demand', zone)) ?? 0;
};

function strike(
  world: World,
  target: { cloud: string | undefined; id: string | undefined; verb: string | undefined },
  noticeSeconds: number,
): SimulatedResponse {
  const { cloud, id, verb } = target;
  if (cloud === undefined || id === undefined || world.machine(cloud as SimulatedCloud, id) === undefined)
    return json(404, { error: `no machine ${cloud ?? ''}/${id ?? ''}` });
  const named = cloud as SimulatedCloud;
  switch (verb) {
    case 'kill':
      world.terminate(named, id, 0);
      break;
    case 'stop':
      world.stop(named, id);
      break;
    case 'interrupt':
      if (!(noticeSeconds >= 0)) return json(400, { error: 'seconds: how many, from 0 on' });
      world.interrupt(named, id, 'terminate', noticeSeconds);
      break;
    case 'rebalance':
      world.interrupt(named, id, 'rebalance');
      break;
    default:
      return json(404, { error: 'verb: one of kill, stop, interrupt, rebalance' });
  }
  return json(200, { cloud, id, verb });
}

const networkKinds: ReadonlySet<string> = new Set(['vpc', 'network', 'virtual-network']);

/** Whom the damage is done to, or the refusal. */
function damaged(world: World, asked: Record<string, string>): DamageTarget | SimulatedResponse {
  const cloud = asked['cloud'] as SimulatedCloud;
  const { machineId, clusterId } = asked;
  if (machineId !== undefined) {
    const machine = world.machine(cloud, machineId);
    return machine === undefined || world.state(machine) === 'gone'
      ? json(404, { error: `no machine ${cloud}/${machineId}` })
      : { networkId: machine.networkId, machine };
  }
  if (machineDamageKinds.includes(asked['kind'] as DamageKind))
    return json(400, { error: `${asked['kind'] ?? ''} is done to a machine: say its machineId` });
  const network = world
    .resources()
    .filter((row) => row.cloud === cloud && networkKinds.has(row.kind))
    .find(({ id, name, tags }) =>
      clusterId === undefined
        ? id === asked['networkId']
        : [name, ...tags].some((text) => text.includes(clusterId)),
    );
  return network === undefined
    ? json(404, { error: `no network of ${clusterId ?? asked['networkId'] ?? 'nobody'} in ${cloud}` })
    : { networkId: network.id };
}

function damage(world: World, asked: Record<string, string>): SimulatedResponse {
  const { cloud = '', kind = '' } = asked;
  if (!clouds.includes(cloud)) return json(400, { error: `cloud: one of ${clouds.join(', ')}` });
  const can = world.damagesOf(cloud as SimulatedCloud);
  const act: Damage | undefined = can[kind as DamageKind];
  if (act === undefined) {
    const kinds = damageKinds.filter((each) => can[each] !== undefined);
    return json(400, { error: `kind: ${cloud} has ${kinds.join(', ')}`, kinds });
  }
  const target = damaged(world, asked);
  if ('status' in target) return target;
  try {
    const id = act(target);
    return id === undefined
      ? json(404, { error: `${cloud} has nothing there for ${kind}` })
      : json(201, { cloud, kind, id });
  } catch (error) {
    if (error instanceof DamageRefused) return json(409, { error: error.message });
    throw error;
  }
}
