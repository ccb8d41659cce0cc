import { randomUUID } from 'node:crypto';
import { instanceType } from './catalogue.ts';
import type { SimulatedRequest, SimulatedResponse } from './server.ts';
import {
  faultEffects,
  genericOperations,
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
 * POST   /_control/machines/{cloud}/{id}/kill           terminated behind everyone's back; also `stop`, `interrupt`, `rebalance`
 * POST   /_control/strangers                            { cloud, networkId, name }: a machine without our tags in that network
 * GET    /_control/calls                                how often each operation reached each cloud: { 'aws/createMachine': 3 }
 * GET    /_control/settings, PUT /_control/settings     { timeScale, vcpuQuota, soldOut, pageSizeMax }
 * GET    /_control/faults, POST, DELETE                 { cloud, operation, effect, times, seconds?, instanceType? }
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
          usdPerHour: priceOf(machine),
        })),
      );
    case 'POST machines':
      return strike(world, { cloud, id, verb });
    case 'POST strangers': {
      const wanted = JSON.parse(request.body) as StrangerRequest;
      if (!clouds.includes(wanted.cloud)) return json(400, { error: `cloud: one of ${clouds.join(', ')}` });
      const stranger = world.placeStranger(wanted);
      return stranger === undefined
        ? json(404, { error: `no network ${wanted.networkId} in ${wanted.cloud}` })
        : json(201, { cloud: stranger.cloud, id: stranger.id, name: stranger.name });
    }
    case 'GET calls':
      return json(200, world.calls());
    case 'GET settings':
      return json(200, world.settings);
    case 'PUT settings':
      world.change(JSON.parse(request.body) as Partial<World['settings']>);
      return json(200, world.settings);
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

/** What its owner pays for a machine, in US dollars per hour. */
const priceOf = ({
  cloud,
  instanceType: name,
  spot,
}: Pick<WorldMachine, 'cloud' | 'instanceType' | 'spot'>): number => {
  const type = instanceType(cloud, name);
  return (spot ? type?.usdPerHourSpot : type?.usdPerHour) ?? 0;
};

function strike(
  world: World,
  target: { cloud: string | undefined; id: string | undefined; verb: string | undefined },
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
      world.interrupt(named, id, 'terminate');
      break;
    case 'rebalance':
      world.interrupt(named, id, 'rebalance');
      break;
    default:
      return json(404, { error: 'verb: one of kill, stop, interrupt, rebalance' });
  }
  return json(200, { cloud, id, verb });
}
