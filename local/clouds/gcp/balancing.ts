import { nextPublicAddress } from './addresses.ts';
import {
  addressShape,
  backendServiceBody,
  groupShape,
  healthCheckBody,
  listMembersShape,
  membersShape,
  portRangeOf,
  portsOf,
  ruleShape,
} from './balancing-shapes.ts';
import { alreadyExists, Failure, inUse, invalid, invalidField, missing, notReady } from './failure.ts';
import { fingerprint, lastOf, linkTo, pathOf, singular } from './links.ts';
import type { Change } from './networks.ts';
import type { Operation, Operations } from './operations.ts';
import { regionOfZone } from './places.ts';
import { checkName, checkShape, type Json } from './schema.ts';
import type { Kind, State, Stored } from './state.ts';

/** Unscaled seconds that changes take on the real API, about. */
const seconds = {
  addresses: 3,
  healthChecks: 4,
  instanceGroups: 4,
  backendServices: 10,
  forwardingRules: 12,
  change: 5,
  members: 5,
  delete: 5,
};

/** An instance of the same name that is made later is no member. */
export const isVery = (member: NonNullable<Stored['members']>[number], instance: Stored): boolean =>
  member.path === instance.path && member.createdAt === instance.createdAt;

/** Instances that are in a group now. */
export const membersOf = (state: State, group: Stored): Stored[] => {
  const now = state.world.now();
  return (group.members ?? [])
    .filter(({ from, until }) => from <= now && (until === undefined || until > now))
    .flatMap((member) => {
      const instance = state.find(member.path);
      return instance !== undefined && isVery(member, instance) ? [instance] : [];
    });
};

/**
 * Regional external passthrough Network Load Balancers: a reserved address, a health check, unmanaged instance groups, a
 * backend service in front of them and forwarding rules that lead from the address to it.
 */
export class Balancing {
  readonly #state: State;
  readonly #operations: Operations;

  constructor(state: State, operations: Operations) {
    this.#state = state;
    this.#operations = operations;
  }

  insertAddress(change: Change): Operation {
    checkShape(change.body, addressShape, 'resource');
    const path = this.#free(change, 'addresses');
    this.#checkQuota('STATIC_ADDRESSES', change);
    const address = nextPublicAddress(
      new Set([
        ...this.#state.world.living('gcp').map((machine) => machine.publicAddress),
        ...this.#state.all('addresses').map(({ body }) => String(body['address'])),
      ]),
    );
    const body = { addressType: 'EXTERNAL', networkTier: 'PREMIUM', ...change.body, address };
    return this.#store(path, change, { kind: 'addresses', body, uses: [] });
  }

  insertHealthCheck(change: Change): Operation {
    const path = this.#free(change, 'healthChecks');
    return this.#store(path, change, { kind: 'healthChecks', body: healthCheckBody(change.body), uses: [] });
  }

  patchHealthCheck(path: string, { body }: Change): Operation {
    const old = this.#changeable(path);
    const next = healthCheckBody({ ...old.body, ...body });
    this.#keepFields(old.body, next, ['name', 'type']);
    return this.#change(old, { body: next });
  }

  /** Without `network` a group has none until its first member brings one: nobody here needs that. */
  insertGroup(change: Change): Operation {
    checkShape(change.body, groupShape, 'resource');
    const path = this.#free(change, 'instanceGroups');
    if (change.body['network'] === undefined) throw missing('resource.network');
    const network = pathOf(change.body['network'], change.project, 'resource.network');
    this.#state.usable(network);
    const body = { ...change.body, network: linkTo(network) };
    return this.#store(path, change, { kind: 'instanceGroups', body, uses: [network] });
  }

  addInstances(path: string, change: Change): Operation {
    const group = this.#changeable(path);
    const here = membersOf(this.#state, group);
    const from = this.#state.after(seconds.members);
    const added = this.#instances(change).map((instance) => {
      if (instance.scope !== group.scope)
        throw invalidField('instances', instance.path, `Not in the zone of '${path}'.`);
      const subnetwork = this.#state.find(instance.uses[0] ?? '');
      if (subnetwork?.uses[0] !== group.uses[0])
        throw invalidField('instances', instance.path, `Not in the network of '${path}'.`);
      if (here.some((member) => member.path === instance.path))
        throw new Failure(
          400,
          'memberAlreadyExists',
          `Resource '${instance.path}' is already a member of '${path}'.`,
        );
      return { path: instance.path, createdAt: instance.createdAt, from };
    });
    const others = (group.members ?? []).filter((member) => added.every((one) => one.path !== member.path));
    this.#state.change(path, { members: [...others, ...added] });
    return this.#begin(group, 'addInstances', from);
  }

  removeInstances(path: string, change: Change): Operation {
    const group = this.#changeable(path);
    const here = membersOf(this.#state, group);
    const until = this.#state.after(seconds.members);
    const removed = this.#instances(change);
    for (const instance of removed)
      if (!here.some((member) => member.path === instance.path))
        throw new Failure(400, 'memberNotFound', `Resource '${instance.path}' is not a member of '${path}'.`);
    this.#state.change(path, {
      members: (group.members ?? []).map((member) =>
        removed.some((instance) => isVery(member, instance)) ? { ...member, until } : member,
      ),
    });
    return this.#begin(group, 'removeInstances', until);
  }

  /** What `listInstances` lists. */
  members(path: string, body: Json): Json[] {
    checkShape(body, listMembersShape, 'resource');
    const group = this.#state.visible(path);
    return membersOf(this.#state, group)
      .map((instance) => ({ instance: linkTo(instance.path), status: this.#state.instanceStatus(instance) }))
      .filter(({ status }) => body['instanceState'] !== 'RUNNING' || status === 'RUNNING');
  }

  insertBackendService(change: Change): Operation {
    const path = this.#free(change, 'backendServices');
    const { body, uses } = this.#withReferences(change, backendServiceBody(change.body));
    return this.#store(path, change, { kind: 'backendServices', body, uses });
  }

  patchBackendService(path: string, change: Change): Operation {
    const old = this.#changeable(path);
    if (change.body['fingerprint'] !== fingerprint(old.body))
      throw new Failure(412, 'conditionNotMet', 'Invalid fingerprint.');
    const wanted = backendServiceBody({ ...old.body, ...change.body });
    this.#keepFields(old.body, wanted, ['name', 'loadBalancingScheme', 'protocol']);
    return this.#change(old, this.#withReferences(change, wanted));
  }

  /** Several rules may share a reserved address, each with ports of its own. */
  insertRule(change: Change): Operation {
    checkShape(change.body, ruleShape, 'resource');
    const path = this.#free(change, 'forwardingRules');
    const { body } = change;
    for (const field of ['IPAddress', 'IPProtocol', 'loadBalancingScheme', 'backendService'])
      if (body[field] === undefined) throw missing(`resource.${field}`);
    const address = this.#state.usable(pathOf(body['IPAddress'], change.project, 'resource.IPAddress'));
    const service = this.#referred(change, body['backendService'], 'resource.backendService');
    if (address.scope !== change.scope || address.kind !== 'addresses')
      throw invalidField('resource.IPAddress', body['IPAddress'], 'Not an address of this region.');
    const networkTier = body['networkTier'] ?? 'PREMIUM';
    if (networkTier !== address.body['networkTier'])
      throw invalidField('resource.networkTier', networkTier, 'Not the tier of the address.');
    if (service.body['protocol'] !== body['IPProtocol'])
      throw invalidField(
        'resource.IPProtocol',
        body['IPProtocol'],
        'Not the protocol of the backend service.',
      );
    const portRange = portRangeOf(body['portRange']);
    const ports = portsOf(portRange);
    for (const rule of this.#state.users(address.path)) {
      const taken = portsOf(rule.body['portRange']);
      if (rule.body['IPProtocol'] === body['IPProtocol'] && ports.from <= taken.to && taken.from <= ports.to)
        throw invalidField(
          'resource.IPAddress',
          address.body['address'],
          'Specified IP address is in-use and would result in a conflict.',
        );
    }
    this.#checkQuota('FORWARDING_RULES', change);
    const resource = {
      ...body,
      IPAddress: address.body['address'],
      portRange,
      networkTier,
      backendService: linkTo(service.path),
    };
    return this.#store(path, change, {
      kind: 'forwardingRules',
      body: { ...resource, fingerprint: fingerprint(resource) },
      uses: [service.path, address.path],
    });
  }

  delete(path: string): Operation {
    const stored = this.#changeable(path);
    const user = this.#state.users(path)[0];
    if (user !== undefined) throw inUse(path, singular(stored.kind), user.path);
    return this.#change(stored, { goneAt: this.#state.after(seconds.delete) }, 'delete');
  }

  #withReferences(change: Change, body: Json): { readonly body: Json; readonly uses: readonly string[] } {
    const checks = (body['healthChecks'] ?? []) as string[];
    if (checks.length !== 1)
      throw invalidField('resource.healthChecks', checks.length, 'Exactly one health check is required.');
    const healthChecks = checks.map((link) => this.#referred(change, link, 'resource.healthChecks').path);
    const backends = ((body['backends'] ?? []) as Json[]).map((backend, i) => {
      const group = this.#state.usable(
        pathOf(backend['group'], change.project, `resource.backends[${i}].group`),
      );
      const region = regionOfZone(group.scope.replace('zones/', ''));
      if (group.kind !== 'instanceGroups' || `regions/${region}` !== change.scope)
        throw invalidField(`resource.backends[${i}].group`, backend['group'], 'Not in this region.');
      return { ...backend, group };
    });
    if (new Set(backends.map(({ group }) => group.path)).size < backends.length)
      throw invalid('Duplicate instance groups in backend service.');
    if (new Set(backends.map(({ group }) => group.uses[0])).size > 1)
      throw invalid('All instance groups of a backend service must be in one network.');
    return {
      body: {
        ...body,
        healthChecks: healthChecks.map(linkTo),
        backends: backends.map(({ group, ...backend }) => ({ ...backend, group: linkTo(group.path) })),
      },
      uses: [...healthChecks, ...backends.map(({ group }) => group.path)],
    };
  }

  /** In the very place where the change is made. */
  #referred({ project, scope }: Change, link: unknown, field: string): Stored {
    const stored = this.#state.usable(pathOf(link, project, field));
    if (stored.scope !== scope) throw invalidField(field, link, 'Not in this region.');
    return stored;
  }

  #instances({ project, body }: Change): Stored[] {
    checkShape(body, membersShape, 'resource');
    const asked = (body['instances'] ?? []) as Json[];
    if (asked.length === 0) throw missing('instances');
    return asked.map(({ instance }) => this.#state.usable(pathOf(instance, project, 'instances[].instance')));
  }

  #checkQuota(metric: string, { scope }: Change): void {
    if (this.#state.world.takeFault('gcp', 'createBalancer', { effects: ['quota'] }) !== undefined)
      throw new Failure(
        403,
        'quotaExceeded',
        `Quota '${metric}' exceeded.  Limit: 8.0 in region ${lastOf(scope)}.`,
      );
  }

  #keepFields(old: Json, next: Json, fields: readonly string[]): void {
    for (const field of fields)
      if (next[field] !== old[field])
        throw invalidField(`resource.${field}`, next[field], 'This field cannot be changed.');
  }

  #changeable(path: string): Stored {
    const stored = this.#state.visible(path);
    if (stored.goneAt !== undefined) throw notReady(path);
    return stored;
  }

  #free({ project, scope, body }: Change, kind: Kind): string {
    const path = `projects/${project}/${scope}/${kind}/${checkName(body['name'])}`;
    if (this.#state.find(path) !== undefined) throw alreadyExists(path);
    return path;
  }

  #store(
    path: string,
    { project, scope }: Change,
    { kind, body, uses }: { kind: keyof typeof seconds & Kind; body: Json; uses: readonly string[] },
  ): Operation {
    const readyAt = this.#state.after(seconds[kind]);
    const createdAt = this.#state.world.now();
    const stored: Stored = { path, project, scope, kind, name: lastOf(path), body, createdAt, readyAt, uses };
    this.#state.put(stored);
    return this.#begin(stored, 'insert', readyAt);
  }

  #change(stored: Stored, change: Partial<Stored>, type = 'patch'): Operation {
    this.#state.change(stored.path, change);
    return this.#begin(stored, type, change.goneAt ?? this.#state.after(seconds.change));
  }

  #begin({ project, scope, path }: Stored, type: string, endsAt: number): Operation {
    return this.#operations.begin({ project, scope, type, target: path, endsAt });
  }
}
