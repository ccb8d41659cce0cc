import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { rangeOf } from './addresses.ts';
import { following, notFound, shown } from './answers.ts';
import { ArmError, bodyOf, reply, types, type Target } from './arm.ts';
import type { Body, FirewallProperties, Item, NicProperties, SecurityRuleProperties } from './bodies.ts';
import { writableGroup } from './groups.ts';
import { checkShape, securityRuleShape } from './shapes.ts';
import { idOf, provisioningState, type Resource, type Store } from './store.ts';

const putSeconds = 2;
const priorities = { min: 100, max: 4096 };

const invalid = (code: string, message: string): ArmError => new ArmError(400, code, message);

/** The rules that every group has and nobody can remove. */
const defaults: readonly Item<SecurityRuleProperties>[] = [
  ['AllowVnetInBound', 'Allow', 'VirtualNetwork', 'VirtualNetwork', 65000],
  ['AllowAzureLoadBalancerInBound', 'Allow', 'AzureLoadBalancer', '*', 65001],
  ['DenyAllInBound', 'Deny', '*', '*', 65500],
].map(([name, access, from, to, priority]) => ({
  name: String(name),
  properties: {
    protocol: '*',
    access: String(access),
    direction: 'Inbound',
    priority: Number(priority),
    sourcePortRange: '*',
    destinationPortRange: '*',
    sourceAddressPrefix: String(from),
    destinationAddressPrefix: String(to),
  },
}));

const serviceTag = /^(?:\*|VirtualNetwork|AzureLoadBalancer|Internet|AzureCloud(?:\.\w+)?)$/i;
const bareAddress = /^\d{1,3}(?:\.\d{1,3}){3}$/;

const goodAddress = (prefix: string): boolean =>
  serviceTag.test(prefix) || rangeOf(bareAddress.test(prefix) ? `${prefix}/32` : prefix) !== undefined;

function goodPorts(ports: string): boolean {
  if (ports === '*') return true;
  const [first, last = first] = ports.split('-');
  const [from, to] = [Number(first), Number(last)];
  return /^\d+(?:-\d+)?$/.test(ports) && from <= to && to <= 65535;
}

function checkRule(rule: Item<SecurityRuleProperties>): void {
  const name = rule.name ?? '';
  const p = rule.properties ?? {};
  if (!/^[a-z0-9][\w.-]{0,79}$/i.test(name))
    throw invalid('InvalidResourceName', `Resource name ${name} is invalid.`);
  for (const member of ['protocol', 'access', 'direction', 'priority'] as const)
    if (p[member] === undefined)
      throw invalid(
        'InvalidRequestFormat',
        `Required property '${member}' of security rule ${name} is missing.`,
      );
  if ((p.priority ?? 0) < priorities.min || (p.priority ?? 0) > priorities.max)
    throw invalid(
      'SecurityRuleInvalidPriority',
      `Security rule ${name} has invalid Priority. Value provided: ${p.priority ?? 0}. Allowed range ${priorities.min}-${priorities.max}.`,
    );
  const one = <T>(single: T | undefined, several: readonly T[] | undefined, what: string): readonly T[] => {
    const given = [...(single === undefined ? [] : [single]), ...(several ?? [])];
    if (given.length === 0)
      throw invalid('SecurityRuleParameterMissing', `Security rule ${name} must specify ${what}.`);
    return given;
  };
  const ports = [
    ...one(p.sourcePortRange, p.sourcePortRanges, 'SourcePortRange'),
    ...one(p.destinationPortRange, p.destinationPortRanges, 'DestinationPortRange'),
  ];
  const addresses = [
    ...one(p.sourceAddressPrefix, p.sourceAddressPrefixes, 'SourceAddressPrefix'),
    ...one(p.destinationAddressPrefix, p.destinationAddressPrefixes, 'DestinationAddressPrefix'),
  ];
  const wrongPorts = ports.find((text) => !goodPorts(text));
  if (wrongPorts !== undefined)
    throw invalid(
      'SecurityRuleInvalidPortRange',
      `Security rule has invalid Port range. Value provided: ${wrongPorts}.`,
    );
  const wrongAddress = addresses.find((text) => !goodAddress(text));
  if (wrongAddress !== undefined)
    throw invalid(
      'SecurityRuleInvalidAddressPrefix',
      `Security rule ${name} has invalid Address prefix. Value provided: ${wrongAddress}.`,
    );
}

function checkRules(rules: readonly Item<SecurityRuleProperties>[]): void {
  const places = new Map<string, string>();
  const names = new Set<string>();
  for (const rule of rules) {
    checkRule(rule);
    const name = rule.name ?? '';
    if (names.has(name.toLowerCase()))
      throw invalid('InvalidRequestFormat', `Several security rules are named ${name}.`);
    names.add(name.toLowerCase());
    const place = `${rule.properties?.direction?.toLowerCase() ?? ''} ${rule.properties?.priority ?? 0}`;
    const other = places.get(place);
    if (other !== undefined)
      throw invalid(
        'SecurityRuleConflict',
        `Security rule ${name} conflicts with rule ${other}. Rules cannot have the same Priority and Direction.`,
      );
    places.set(place, name);
  }
}

export const rulesOf = (firewall: Resource): readonly Item<SecurityRuleProperties>[] =>
  (firewall.properties as FirewallProperties).securityRules ?? [];

/** In the order in which they decide, Azure's own last. */
export const inboundRules = (firewall: Resource): readonly SecurityRuleProperties[] =>
  [...rulesOf(firewall), ...defaults]
    .flatMap(({ properties }) => properties ?? [])
    .filter(({ direction }) => direction?.toLowerCase() === 'inbound')
    .toSorted((a, b) => (a.priority ?? 0) - (b.priority ?? 0));

const shownRule = (
  store: Store,
  firewall: Resource,
  rule: Item<SecurityRuleProperties>,
  noun = 'securityRules',
) => ({
  id: `${firewall.id}/${noun}/${rule.name ?? ''}`,
  name: rule.name,
  etag: `W/"${firewall.version}"`,
  type: `${types.firewall}/${noun}`,
  properties: {
    ...rule.properties,
    provisioningState: provisioningState(store, firewall),
  },
});

export const usersOf = (store: Store, firewall: Resource): { id: string }[] =>
  store
    .all({ type: types.nic })
    .filter(
      (nic) =>
        (nic.properties as NicProperties).networkSecurityGroup?.id?.toLowerCase() ===
        firewall.id.toLowerCase(),
    )
    .map(({ id }) => ({ id }));

export const shownFirewall = (store: Store, firewall: Resource) => {
  const networkInterfaces = usersOf(store, firewall);
  return shown(store, firewall, {
    ...firewall.properties,
    securityRules: rulesOf(firewall).map((rule) => shownRule(store, firewall, rule)),
    defaultSecurityRules: defaults.map((rule) => shownRule(store, firewall, rule, 'defaultSecurityRules')),
    ...(networkInterfaces.length === 0 ? {} : { networkInterfaces }),
  });
};

function writeFirewall(
  store: Store,
  target: Pick<Target, 'subscription'> & { name: string; group: string },
  body: Body<FirewallProperties>,
  before: Resource | undefined,
): Resource {
  const rules = body.properties?.securityRules ?? [];
  checkRules(rules);
  const { subscription, group, name } = target;
  return store.put({
    id: before?.id ?? idOf({ subscription, group, type: types.firewall, name }),
    subscription,
    group: before?.group ?? group,
    name: before?.name ?? name,
    type: types.firewall,
    location: body.location ?? before?.location ?? '',
    properties: {
      securityRules: rules.map((rule) => ({ name: rule.name, properties: rule.properties })),
    },
    seconds: putSeconds,
    ...(body.tags === undefined ? {} : { tags: body.tags }),
  });
}

/** Changes the rules alone. @throws ArmError for rules that Azure does not take */
export const rewriteRules = (
  store: Store,
  firewall: Resource,
  securityRules: readonly Item<SecurityRuleProperties>[],
): Resource =>
  writeFirewall(
    store,
    firewall,
    {
      location: firewall.location,
      properties: { securityRules },
      ...(firewall.tags === undefined ? {} : { tags: firewall.tags }),
    },
    firewall,
  );

export function putFirewall(
  store: Store,
  request: SimulatedRequest,
  target: Target & { name: string; group: string },
  before: Resource | undefined,
): SimulatedResponse {
  const body = bodyOf(request);
  checkShape(types.firewall, body);
  const firewall = writeFirewall(store, target, body, before);
  const operation = store.begin({ endsAt: firewall.settlesAt });
  return reply(
    before === undefined ? 201 : 200,
    shownFirewall(store, firewall),
    following(request, firewall, operation),
  );
}

export function handleSecurityRules(
  store: Store,
  request: SimulatedRequest,
  target: Target & { name: string; group: string },
  firewall: Resource | undefined,
): SimulatedResponse {
  if (firewall === undefined)
    throw new ArmError(
      404,
      'ParentResourceNotFound',
      `Failed to perform '${request.method.toLowerCase()}' on resource(s) of type 'networkSecurityGroups/securityRules', because the parent resource '${target.name}' could not be found.`,
    );
  const rules = target.child === 'defaultSecurityRules' ? defaults : rulesOf(firewall);
  const rule = rules.find(({ name }) => name?.toLowerCase() === target.childName?.toLowerCase());
  const show = (one: Item<SecurityRuleProperties>) => shownRule(store, firewall, one, target.child);
  if (request.method === 'GET') {
    if (target.childName === undefined) return reply(200, { value: rules.map(show) });
    if (rule === undefined) throw notFound(target, target.childName);
    return reply(200, show(rule));
  }
  if (target.child === 'defaultSecurityRules' || !['PUT', 'DELETE'].includes(request.method))
    throw new ArmError(405, 'MethodNotAllowed', `${request.method} is not allowed here.`);
  writableGroup(store, target);
  const others = rules.filter((one) => one !== rule);
  if (request.method === 'DELETE') {
    if (rule === undefined) return reply(204);
    const changed = rewriteRules(store, firewall, others);
    const operation = store.begin({ endsAt: changed.settlesAt });
    return reply(202, undefined, following(request, changed, operation, { location: true }));
  }
  const body = bodyOf(request);
  checkShape(types.firewall, body, securityRuleShape);
  const written = { ...(body as Item<SecurityRuleProperties>), name: target.childName ?? '' };
  const changed = rewriteRules(store, firewall, [...others, written]);
  const operation = store.begin({ endsAt: changed.settlesAt });
  return reply(
    rule === undefined ? 201 : 200,
    shownRule(store, changed, written),
    following(request, changed, operation),
  );
}

/** Why a security group cannot go, if it cannot. */
export function firewallInUse(store: Store, firewall: Resource): ArmError | undefined {
  const used = usersOf(store, firewall)[0];
  return used === undefined
    ? undefined
    : invalid(
        'InUseNetworkSecurityGroupCannotBeDeleted',
        `Network security group ${firewall.id} cannot be deleted since it is in use by: ${used.id}.`,
      );
}
