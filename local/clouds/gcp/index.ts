import { instanceTypes } from '../catalogue.ts';
import { readOnly, revoked } from '../credentials.ts';
import type { SimulatedRequest, SimulatedResponse, Simulator } from '../server.ts';
import type { GenericOperation, ResourceRow, World } from '../world.ts';
import { Balancing } from './balancing.ts';
import { isBillingRequest, listSkus } from './billing.ts';
import { damages } from './damage.ts';
import { Failure, failed, json, notFound } from './failure.ts';
import { frontsOf } from './fronts.ts';
import { Instances } from './instances.ts';
import { hash, linkTo } from './links.ts';
import { Networks } from './networks.ts';
import { Operations, type Operation } from './operations.ts';
import { aggregatedPage, listPage } from './paging.ts';
import { checkViewer } from './permissions.ts';
import {
  checkRegion,
  checkZone,
  imageAt,
  machineType,
  machineTypeResource,
  otherMachineTypes,
  regionResource,
  zoneResource,
  zones,
} from './places.ts';
import { parseBody, type Json } from './schema.ts';
import { State, type Kind, type Stored } from './state.ts';

const prefix = '/compute/v1/projects/';
const projectId = /^[a-z][-a-z0-9]{4,28}[a-z0-9]$/;

const kindsIn: Readonly<Record<'global' | 'regions' | 'zones', readonly Kind[]>> = {
  global: ['networks', 'firewalls', 'routes'],
  regions: ['subnetworks', 'addresses', 'healthChecks', 'backendServices', 'forwardingRules'],
  zones: ['instances', 'disks', 'instanceGroups'],
};

/** A path below the project, taken apart: `zones/us-east4-a/instances/n/setLabels`. */
interface Place {
  readonly project: string;
  readonly level: 'global' | 'regions' | 'zones' | 'aggregated' | '';
  readonly scope: string;
  readonly kind: string;
  readonly name: string;
  readonly verb: string;
}

function placeOf(url: URL): Place | undefined {
  if (!url.pathname.startsWith(prefix)) return undefined;
  const [project = '', level = '', ...rest] = url.pathname
    .slice(prefix.length)
    .split('/')
    .map(decodeURIComponent);
  const nowhere = { project, scope: '', kind: '', name: '', verb: '' };
  if (level === '') return { ...nowhere, level };
  if (level === 'global' || level === 'aggregated') {
    const [kind = '', name = '', verb = ''] = rest;
    return { project, level, scope: 'global', kind, name, verb: verb + rest.slice(3).join('/') };
  }
  if (level !== 'regions' && level !== 'zones') return undefined;
  const [where = '', kind = '', name = '', verb = ''] = rest;
  return {
    project,
    level,
    scope: where === '' ? '' : `${level}/${where}`,
    kind,
    name,
    verb: verb + rest.slice(4).join('/'),
  };
}

/**
 * Google's Compute Engine REST API, v1, as far as networks, machines and load balancers need it, on the wire:
 * https://cloud.google.com/compute/docs/reference/rest/v1. Everything else is a 404, so that nobody relies on it.
 */
export function createGcpSimulator(world: World): Simulator {
  const state = new State(world);
  const operations = new Operations(state);
  const networks = new Networks(state, operations);
  const instances = new Instances(state, operations);
  const balancing = new Balancing(state, operations);

  world.lists(() => state.all().map((stored) => row(state, stored)));
  world.balances(() => frontsOf(state));
  world.suffers('gcp', damages(state));
  world.placesStrangers('gcp', (request) => instances.placeStranger(request));

  const perform = (request: SimulatedRequest, place: Place): Operation => {
    const { project, scope, kind, name, verb } = place;
    const path = `projects/${project}/${scope}/${kind}${name === '' ? '' : `/${name}`}`;
    const change = { project, scope, body: parseBody(request.body) };
    const key = `${request.method} ${kind}${name === '' ? '' : '/'}${verb === '' ? '' : `/${verb}`}`;
    const actions: Readonly<Record<string, () => Operation>> = {
      'POST networks': () => networks.insertNetwork(change),
      'PATCH networks/': () => networks.patchNetwork(path, change.body),
      'POST networks//switchToCustomMode': () => networks.switchToCustomMode(path),
      'POST subnetworks': () => networks.insertSubnetwork(change),
      'POST firewalls': () => networks.insertFirewall(change),
      'PATCH firewalls/': () => networks.changeFirewall(path, change, 'PATCH'),
      'PUT firewalls/': () => networks.changeFirewall(path, change, 'PUT'),
      'POST routes': () => networks.insertRoute(change),
      'DELETE networks/': () => networks.delete(path),
      'DELETE subnetworks/': () => networks.delete(path),
      'DELETE firewalls/': () => networks.delete(path),
      'DELETE routes/': () => networks.delete(path),
      'POST instances': () => instances.insert(change),
      'DELETE instances/': () => instances.delete(path),
      'POST instances//setLabels': () => instances.setLabels(path, change.body),
      'POST instances//setTags': () => instances.setTags(path, change.body),
      'POST instances//stop': () => instances.stop(path),
      'POST disks': () => instances.insertDisk(change),
      'DELETE disks/': () => instances.deleteDisk(path),
      'POST addresses': () => balancing.insertAddress(change),
      'DELETE addresses/': () => balancing.delete(path),
      'POST healthChecks': () => balancing.insertHealthCheck(change),
      'PATCH healthChecks/': () => balancing.patchHealthCheck(path, change),
      'DELETE healthChecks/': () => balancing.delete(path),
      'POST instanceGroups': () => balancing.insertGroup(change),
      'POST instanceGroups//addInstances': () => balancing.addInstances(path, change),
      'POST instanceGroups//removeInstances': () => balancing.removeInstances(path, change),
      'DELETE instanceGroups/': () => balancing.delete(path),
      'POST backendServices': () => balancing.insertBackendService(change),
      'PATCH backendServices/': () => balancing.patchBackendService(path, change),
      'DELETE backendServices/': () => balancing.delete(path),
      'POST forwardingRules': () => balancing.insertRule(change),
      'DELETE forwardingRules/': () => balancing.delete(path),
    };
    const isThere = kind !== '' && placeHas(place);
    const action = isThere ? actions[key] : undefined;
    if (action === undefined) throw unknownPath(request);
    return operations.once(
      {
        project,
        requestId: request.url.searchParams.get('requestId'),
        what: `${request.method} ${request.url.pathname}\n${request.body}`,
      },
      action,
    );
  };

  const read = (request: SimulatedRequest, place: Place): Json => {
    const { project, level, scope, kind, name } = place;
    const query = request.url.searchParams;
    const path = `projects/${project}/${scope}/${kind}`;
    if (level === '') return projectResource(project);
    if (level === 'regions' && kind === '' && scope !== '')
      return regionResource(project, scope.slice('regions/'.length));
    if (level === 'zones' && kind === '')
      return scope === ''
        ? listPage(
            world,
            {
              path: `projects/${project}/zones`,
              kind: 'zones',
              resources: zones.map((zone) => zoneResource(project, zone)),
            },
            query,
          )
        : zoneResource(project, scope.slice('zones/'.length));
    if (level === 'aggregated') return aggregated(place, query);
    if (level === 'global' && kind === 'images' && name === 'family')
      return imageAt(`projects/${project}/global/images/family/${place.verb}`).resource;
    if (place.verb !== '') throw unknownPath(request);
    if (kind === 'operations')
      return name === ''
        ? listPage(
            world,
            {
              path,
              kind,
              resources: operations.list(project, scope).map((operation) => operations.view(operation)),
            },
            query,
          )
        : operations.view(operations.get(`${path}/${name}`));
    if (level === 'zones' && kind === 'machineTypes') {
      const zone = scope.slice('zones/'.length);
      const types = name === '' ? instanceTypes('gcp') : [machineType(name)];
      const resources = types.flatMap((type) =>
        type === undefined ? [] : [machineTypeResource(project, zone, type)],
      );
      if (name === '')
        return listPage(
          world,
          { path, kind, resources: [...resources, ...otherMachineTypes(project, zone)] },
          query,
        );
      if (resources[0] === undefined) throw notFound(`${path}/${name}`);
      return resources[0];
    }
    if (!kindsIn[level].includes(kind as Kind)) throw unknownPath(request);
    return name === ''
      ? listPage(
          world,
          {
            path,
            kind,
            resources: state.list(kind as Kind, project, scope).map((stored) => state.view(stored)),
          },
          query,
        )
      : state.view(state.visible(`${path}/${name}`));
  };

  const aggregated = ({ project, kind, name }: Place, query: URLSearchParams): Json => {
    if (name !== '' || !['instances', 'disks', 'subnetworks', 'instanceGroups'].includes(kind))
      throw notFound(`projects/${project}/aggregated/${kind}`);
    const found = state.list(kind as Kind, project);
    const everywhere =
      kind === 'subnetworks'
        ? [...new Set(found.map((one) => one.scope))]
        : zones.map((zone) => `zones/${zone}`);
    return aggregatedPage(
      world,
      {
        path: `projects/${project}/aggregated/${kind}`,
        kind,
        scopes: everywhere,
        resources: found.map((stored) => ({ scope: stored.scope, resource: state.view(stored) })),
      },
      query,
    );
  };

  /** A read, though it is a POST. */
  const memberPage = (request: SimulatedRequest, { project, scope, name }: Place): Json => {
    const path = `projects/${project}/${scope}/instanceGroups/${name}`;
    return listPage(
      world,
      {
        path,
        kind: 'instanceGroups',
        called: 'compute#instanceGroupsListInstances',
        resources: balancing.members(path, parseBody(request.body)),
      },
      request.url.searchParams,
    );
  };

  /** Waits for an operation, at most two minutes of the cloud's time, as the real API does. */
  const wait = async (path: string): Promise<Json> => {
    const operation = operations.get(path);
    const end = Math.min(operation.endsAt, state.after(120));
    while (world.now() < end)
      await new Promise((resolve) => {
        setTimeout(resolve, Math.max(1, Math.min(50, end - world.now())));
      });
    return operations.view(operation);
  };

  const answer = async (request: SimulatedRequest): Promise<Json> => {
    const place = placeOf(request.url);
    const isBilling = isBillingRequest(request.url);
    if (!isBilling && (place === undefined || !projectId.test(place.project))) throw unknownPath(request);
    const bearer = /^Bearer (\S+)$/.exec(request.headers['authorization'] ?? '')?.[1];
    if (bearer === undefined || bearer === revoked) throw unauthenticated;
    if (isBilling || place === undefined) return listSkus(world, request);
    if (bearer === readOnly) checkViewer(request.method, place);
    if (place.level === 'regions' && place.scope !== '')
      checkRegion(place.project, place.scope.slice('regions/'.length));
    if (place.level === 'zones' && place.scope !== '')
      checkZone(place.project, place.scope.slice('zones/'.length));
    if (request.method === 'GET') return read(request, place);
    if (isMemberList(request.method, place)) return memberPage(request, place);
    if (place.kind === 'operations' && place.verb === 'wait' && request.method === 'POST')
      return wait(`projects/${place.project}/${place.scope}/operations/${place.name}`);
    return operations.view(perform(request, place));
  };

  return {
    cloud: 'gcp',
    classify,
    handle: async (request) => {
      try {
        return json(200, await answer(request));
      } catch (error) {
        if (error instanceof Failure) return failed(error);
        throw error;
      }
    },
    // Google's throttling is a 403 and says no time to wait.
    refuse: (why): SimulatedResponse =>
      failed(
        {
          throttle: new Failure(
            403,
            'rateLimitExceeded',
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'compute.googleapis.com'.",
          ),
          unavailable: new Failure(503, 'backendError', 'Backend Error'),
          credentials: unauthenticated,
        }[why],
      ),
  };
}

const unauthenticated = new Failure(
  401,
  'authError',
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
);

const unknownPath = (request: SimulatedRequest): Failure =>
  new Failure(404, 'notFound', `Not Found: ${request.method} ${request.url.pathname}`);

const projectResource = (project: string): Json => ({
  kind: 'compute#project',
  id: hash(project),
  name: project,
  defaultServiceAccount: `${hash(project).slice(0, 12)}-compute@developer.gserviceaccount.com`,
  defaultNetworkTier: 'PREMIUM',
  selfLink: linkTo(`projects/${project}`),
});

const placeHas = ({ level, kind }: Place): boolean =>
  level !== '' && level !== 'aggregated' && kindsIn[level].includes(kind as Kind);

const isMemberList = (method: string, { level, kind, name, verb }: Place): boolean =>
  method === 'POST' &&
  level === 'zones' &&
  kind === 'instanceGroups' &&
  name !== '' &&
  verb === 'listInstances';

const balancerKinds = new Set<string>([
  'addresses',
  'healthChecks',
  'instanceGroups',
  'backendServices',
  'forwardingRules',
]);
const networkKinds = new Set<string>(['networks', 'subnetworks', 'firewalls', 'routes']);

function classify({ method, url }: SimulatedRequest): GenericOperation {
  if (isBillingRequest(url)) return 'readOfferings';
  const place = placeOf(url);
  if (place === undefined) return 'other';
  if (place.level === '') return method === 'GET' ? 'verifyAccount' : 'other';
  const { kind, name, verb } = place;
  if (networkKinds.has(kind)) {
    if (method === 'GET') return 'readNetwork';
    if (method === 'DELETE') return 'deleteNetwork';
    return method === 'POST' && verb === '' ? 'createNetwork' : 'changeNetwork';
  }
  if (balancerKinds.has(kind)) {
    if (method === 'GET' || isMemberList(method, place)) return 'readBalancer';
    if (method === 'DELETE') return 'deleteBalancer';
    return method === 'POST' && verb === '' ? 'createBalancer' : 'changeBalancer';
  }
  if (kind === 'machineTypes') return 'readOfferings';
  if (kind !== 'instances') return 'other';
  if (method === 'GET') return name === '' ? 'listMachines' : 'readMachine';
  if (method === 'DELETE') return 'deleteMachine';
  return verb === '' ? 'createMachine' : 'other';
}

const rowKinds: Readonly<Record<Kind, string>> = {
  networks: 'network',
  subnetworks: 'subnetwork',
  firewalls: 'firewall',
  routes: 'route',
  disks: 'disk',
  instances: 'machine',
  addresses: 'address',
  healthChecks: 'health-check',
  instanceGroups: 'instance-group',
  backendServices: 'backend-service',
  forwardingRules: 'forwarding-rule',
};

/** Labels; and where a kind has none, the marks that somebody wrote as JSON into the description. */
function tagsOf(stored: Stored): string[] {
  const marks = { ...described(stored.body['description']), ...((stored.body['labels'] ?? {}) as Json) };
  return Object.entries(marks).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${key}=${value}`] : [],
  );
}

function described(description: unknown): Json {
  if (typeof description !== 'string' || !description.startsWith('{')) return {};
  try {
    return JSON.parse(description) as Json;
  } catch {
    return {};
  }
}

function row(state: State, stored: Stored): ResourceRow {
  const inside = stored.uses.find((path) => path.includes('/networks/') || path.includes('/subnetworks/'));
  const leaving = stored.goneAt !== undefined && stored.worldId === undefined;
  return {
    cloud: 'gcp',
    kind: rowKinds[stored.kind],
    id: stored.kind === 'instances' ? (stored.worldId ?? stored.name) : stored.path,
    name: stored.name,
    state: stored.kind === 'instances' ? state.instanceStatus(stored) : leaving ? 'DELETING' : 'READY',
    tags: tagsOf(stored),
    ...(inside === undefined ? {} : { inside }),
  };
}
