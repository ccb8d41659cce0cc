import { alreadyExists, inUse, invalid, invalidField, missing, notFound, notReady, text } from './failure.ts';
import { gatewayOf, parseRange, parseSubnetRange } from './addresses.ts';
import { fingerprint, hash, linkTo, pathOf, singular } from './links.ts';
import type { Operation, Operations } from './operations.ts';
import { checkRegion } from './places.ts';
import {
  checkName,
  checkShape,
  firewallShape,
  networkShape,
  routeShape,
  subnetworkShape,
  type Json,
} from './schema.ts';
import type { Kind, Scope, State, Stored } from './state.ts';

/** Unscaled seconds that changes take on the real API, about. */
const seconds = {
  network: 10,
  subnetwork: 8,
  firewall: 5,
  route: 5,
  change: 4,
  delete: 6,
  deleteNetwork: 10,
};

export interface Change {
  readonly project: string;
  readonly scope: Scope;
  readonly body: Json;
}

/** Networks, subnets, firewalls and routes: what can be asked for, and what stands in the way. */
export class Networks {
  readonly #state: State;
  readonly #operations: Operations;

  constructor(state: State, operations: Operations) {
    this.#state = state;
    this.#operations = operations;
  }

  insertNetwork({ project, body }: Change): Operation {
    checkShape(body, networkShape, 'resource');
    const path = this.#free(project, 'global', 'networks', body);
    if (body['autoCreateSubnetworks'] === undefined)
      throw invalid('Legacy networks can no longer be created: say autoCreateSubnetworks.');
    if (body['autoCreateSubnetworks'] === true)
      throw invalidField('resource.autoCreateSubnetworks', true, 'The simulator makes custom networks only.');
    const mtu = body['mtu'] ?? 1460;
    if (typeof mtu !== 'number' || mtu < 1300 || mtu > 8896)
      throw invalidField('resource.mtu', mtu, 'Out of range.');
    const operation = this.#store(
      path,
      { mtu, routingConfig: { routingMode: 'REGIONAL' }, ...body },
      { scope: 'global', kind: 'networks', seconds: seconds.network, uses: [] },
    );
    this.#automaticRoute(path, {
      destRange: '0.0.0.0/0',
      nextHopGateway: linkTo(`projects/${project}/global/gateways/default-internet-gateway`),
      description: 'Default route to the Internet.',
    });
    return operation;
  }

  /** Of what this API knows of a network, the routing mode alone can be changed. */
  patchNetwork(path: string, body: Json): Operation {
    checkShape(body, networkShape, 'resource');
    const fixed = Object.keys(body).find((field) => field !== 'routingConfig');
    if (fixed !== undefined)
      throw invalidField(`resource.${fixed}`, body[fixed], 'This field of a network cannot be changed.');
    return this.#changeNetwork(path, 'patch', body);
  }

  switchToCustomMode(path: string): Operation {
    if (this.#state.visible(path).body['autoCreateSubnetworks'] !== true)
      throw invalid(`The network '${path}' is not in auto subnet mode.`);
    return this.#changeNetwork(path, 'switchToCustomMode', { autoCreateSubnetworks: false });
  }

  #changeNetwork(path: string, type: string, body: Json): Operation {
    const stored = this.#state.visible(path);
    if (stored.goneAt !== undefined) throw notReady(path);
    this.#state.change(path, { body: { ...stored.body, ...body } });
    const endsAt = this.#state.after(seconds.change);
    return this.#operations.begin({ project: stored.project, scope: 'global', type, target: path, endsAt });
  }

  insertSubnetwork({ project, scope, body }: Change): Operation {
    checkShape(body, subnetworkShape, 'resource');
    const region = scope.replace('regions/', '');
    checkRegion(project, region);
    const path = this.#free(project, scope, 'subnetworks', body);
    const network = this.#network(project, body);
    const neighbours = this.#state
      .users(network)
      .filter((user) => user.kind === 'subnetworks')
      .map((user) => ({ name: user.name, range: text(user.body['ipCidrRange']) }));
    const range = parseSubnetRange(body['ipCidrRange'], neighbours);
    const operation = this.#store(
      path,
      {
        purpose: 'PRIVATE',
        stackType: 'IPV4_ONLY',
        privateIpGoogleAccess: false,
        ...body,
        network: linkTo(network),
        gatewayAddress: gatewayOf(range),
      },
      { scope, kind: 'subnetworks', seconds: seconds.subnetwork, uses: [network] },
    );
    this.#automaticRoute(
      network,
      {
        destRange: body['ipCidrRange'],
        nextHopNetwork: linkTo(network),
        description: `Default local route to the subnetwork ${text(body['ipCidrRange'])}.`,
      },
      path,
    );
    return operation;
  }

  insertRoute({ project, body }: Change): Operation {
    checkShape(body, routeShape, 'resource');
    const path = this.#free(project, 'global', 'routes', body);
    const network = this.#network(project, body);
    if (body['destRange'] === undefined) throw missing('resource.destRange');
    parseRange(body['destRange'], 'resource.destRange');
    const hops = [body['nextHopGateway'], body['nextHopIp']].filter((hop) => hop !== undefined);
    if (hops.length !== 1) throw invalid('Exactly one next hop must be specified.');
    const gateway = body['nextHopGateway'];
    if (gateway !== undefined && !text(gateway).endsWith('global/gateways/default-internet-gateway'))
      throw invalidField('resource.nextHopGateway', gateway, 'Only the default internet gateway.');
    return this.#store(
      path,
      {
        priority: 1000,
        ...body,
        network: linkTo(network),
        ...(gateway === undefined
          ? {}
          : { nextHopGateway: linkTo(pathOf(gateway, project, 'nextHopGateway')) }),
      },
      { scope: 'global', kind: 'routes', seconds: seconds.route, uses: [network] },
    );
  }

  insertFirewall({ project, body }: Change): Operation {
    const path = this.#free(project, 'global', 'firewalls', body);
    const network = this.#network(project, body);
    return this.#store(path, firewallBody(body, network), {
      scope: 'global',
      kind: 'firewalls',
      seconds: seconds.firewall,
      uses: [network],
    });
  }

  /** PATCH changes what is named, PUT replaces everything; neither moves a rule or turns it round. */
  changeFirewall(path: string, change: Change, how: 'PATCH' | 'PUT'): Operation {
    const old = this.#state.visible(path);
    if (old.goneAt !== undefined) throw notReady(path);
    const { creationTimestamp: _c, selfLink: _s, id: _i, kind: _k, ...settable } = this.#state.view(old);
    const body: Json = how === 'PATCH' ? { ...settable, ...change.body } : { name: old.name, ...change.body };
    if (body['name'] !== old.name)
      throw invalidField('resource.name', body['name'], 'A name cannot be changed.');
    if (how === 'PUT' && body['network'] === undefined) body['network'] = old.body['network'];
    const network = pathOf(body['network'], change.project, 'resource.network');
    const next = firewallBody(body, network);
    for (const field of ['network', 'direction'])
      if (next[field] !== old.body[field])
        throw invalidField(`resource.${field}`, next[field], 'This field of a firewall cannot be changed.');
    if ((next['allowed'] === undefined) !== (old.body['allowed'] === undefined))
      throw invalid('A firewall cannot be changed from allowing to denying, or back.');
    this.#state.change(path, { body: next });
    return this.#operations.begin({
      project: change.project,
      scope: 'global',
      type: how === 'PATCH' ? 'patch' : 'update',
      target: path,
      endsAt: this.#state.after(seconds.change),
    });
  }

  delete(path: string): Operation {
    const stored = this.#state.visible(path);
    if (stored.automatic !== undefined && stored.body['nextHopNetwork'] !== undefined)
      throw invalid(`The local route cannot be deleted: '${path}'`);
    const user = this.#state.users(path)[0];
    if (user !== undefined) throw inUse(path, singular(stored.kind), user.path);
    if (stored.goneAt !== undefined) throw notReady(path);
    const goneAt = this.#state.after(stored.kind === 'networks' ? seconds.deleteNetwork : seconds.delete);
    this.#state.change(path, { goneAt });
    for (const route of this.#state.all('routes'))
      if (route.automatic !== undefined && route.uses.includes(path))
        this.#state.change(route.path, { goneAt });
    return this.#operations.begin({
      project: stored.project,
      scope: stored.scope,
      type: 'delete',
      target: path,
      endsAt: goneAt,
    });
  }

  #network(project: string, body: Json): string {
    if (body['network'] === undefined || body['network'] === '') throw missing('resource.network');
    const path = pathOf(body['network'], project, 'resource.network');
    if (!path.startsWith(`projects/${project}/global/networks/`)) throw notFound(path);
    return this.#state.usable(path).path;
  }

  #free(project: string, scope: Scope, kind: Kind, body: Json): string {
    const path = `projects/${project}/${scope}/${kind}/${checkName(body['name'])}`;
    if (this.#state.find(path) !== undefined) throw alreadyExists(path);
    return path;
  }

  #store(
    path: string,
    body: Json,
    rest: { scope: Scope; kind: Kind; seconds: number; uses: readonly string[] },
  ): Operation {
    const [, project, name] = [...(/^projects\/([^/]+)\/.*\/([^/]+)$/.exec(path) ?? [])];
    const { world } = this.#state;
    const hidden = world.takeFault('gcp', 'createNetwork', { effects: ['hide'] });
    const readyAt = this.#state.after(rest.seconds + (hidden?.seconds ?? 0));
    const stored: Stored = {
      path,
      project: project ?? '',
      scope: rest.scope,
      kind: rest.kind,
      name: name ?? '',
      body,
      createdAt: world.now(),
      readyAt,
      uses: rest.uses,
    };
    this.#state.put(stored);
    return this.#operations.begin({
      project: stored.project,
      scope: rest.scope,
      type: 'insert',
      target: path,
      endsAt: readyAt,
    });
  }

  #automaticRoute(network: string, body: Json, goesWith = network): void {
    const { project, readyAt } = this.#state.existing(goesWith);
    const name = `default-route-r-${BigInt(hash(`${goesWith} ${this.#state.world.now()}`)).toString(16)}`;
    this.#state.put({
      path: `projects/${project}/global/routes/${name}`,
      project,
      scope: 'global',
      kind: 'routes',
      name,
      body: { priority: 1000, network: linkTo(network), ...body },
      createdAt: this.#state.world.now(),
      readyAt,
      uses: [...new Set([network, goesWith])],
      automatic: true,
    });
  }
}

const withPorts = new Set(['tcp', 'udp', 'sctp']);
const protocols = new Set([...withPorts, 'icmp', 'esp', 'ah', 'ipip', 'all']);

function checkPermissions(permissions: unknown, field: string): void {
  for (const [i, permission] of (permissions as Json[]).entries()) {
    const protocol = permission['IPProtocol'];
    const where = `resource.${field}[${i}]`;
    if (protocol === undefined) throw missing(`${where}.IPProtocol`);
    if (!protocols.has(text(protocol)))
      throw invalidField(`${where}.IPProtocol`, protocol, 'Unknown protocol.');
    for (const port of (permission['ports'] ?? []) as string[]) {
      const [first, last] = port.split('-').map(Number);
      const good =
        /^\d+(?:-\d+)?$/.test(port) && (last ?? first ?? 0) <= 65535 && (first ?? 0) <= (last ?? first ?? 0);
      if (!withPorts.has(text(protocol)) || !good)
        throw invalidField(`${where}.ports`, port, 'Must be a port or a range of ports.');
    }
  }
}

function firewallBody(body: Json, network: string): Json {
  checkShape(body, firewallShape, 'resource');
  const { allowed, denied } = body;
  if ((allowed === undefined) === (denied === undefined))
    throw invalid('Exactly one of allowed and denied must be specified.');
  checkPermissions(allowed ?? denied, allowed === undefined ? 'denied' : 'allowed');
  const direction = body['direction'] ?? 'INGRESS';
  const ingress = direction === 'INGRESS';
  for (const field of ['sourceRanges', 'destinationRanges'])
    for (const range of (body[field] ?? []) as string[]) parseRange(range, `resource.${field}`);
  for (const field of ['sourceTags', 'targetTags'])
    for (const tag of (body[field] ?? []) as string[]) checkName(tag, `resource.${field}`);
  if (
    ingress
      ? body['destinationRanges'] !== undefined
      : (body['sourceRanges'] ?? body['sourceTags']) !== undefined
  )
    throw invalid(`Sources and destinations do not fit the direction ${text(direction)}.`);
  const priority = body['priority'] ?? 1000;
  if (typeof priority !== 'number' || priority < 0 || priority > 65535)
    throw invalidField('resource.priority', priority, 'Must be between 0 and 65535.');
  const open = ingress && body['sourceRanges'] === undefined && body['sourceTags'] === undefined;
  return {
    disabled: false,
    logConfig: { enable: false },
    ...body,
    direction,
    priority,
    network: linkTo(network),
    ...(open ? { sourceRanges: ['0.0.0.0/0'] } : {}),
    fingerprint: fingerprint(body),
  };
}
