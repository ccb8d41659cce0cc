import { randomBytes } from 'node:crypto';
import { DamageRefused, type Damage, type DamageKind, type Front } from '../world.ts';
import { nextPublicAddress, overlap, parseRange } from './addresses.ts';
import { membersOf } from './balancing.ts';
import { portsOf } from './balancing-shapes.ts';
import { text } from './failure.ts';
import { lastOf, linkTo } from './links.ts';
import type { Json } from './schema.ts';
import { tagItems, type Kind, type State, type Stored } from './state.ts';

/** Where Google asks from how a passthrough load balancer's members are: all of them must be let in. */
const probeRanges = ['35.191.0.0/16', '209.85.152.0/22', '209.85.204.0/22'];

const groupsOf = (state: State, service: Stored): Stored[] =>
  service.uses.flatMap((path) => {
    const used = state.find(path);
    return used?.kind === 'instanceGroups' ? [used] : [];
  });

/** What is not on its way out. */
const standing = (state: State, kind: Kind): Stored[] =>
  state.all(kind).filter(({ goneAt, readyAt }) => goneAt === undefined && readyAt <= state.world.now());

const rulesOf = (state: State, service: Stored): Stored[] =>
  standing(state, 'forwardingRules')
    .filter(({ uses }) => uses.includes(service.path))
    .sort((a, b) => portsOf(a.body['portRange']).from - portsOf(b.body['portRange']).from);

/** The firewall rule of the lowest number decides; one that denies comes before one that allows. Without any: closed. */
function admits(state: State, instance: Stored, port: number, source: string): boolean {
  const network = state.find(instance.uses[0] ?? '')?.uses[0] ?? '';
  const from = parseRange(source, 'source');
  const isFor = ({ body }: Stored): boolean => {
    const targets = (body['targetTags'] ?? []) as string[];
    const permissions = (body['allowed'] ?? body['denied'] ?? []) as Json[];
    return (
      body['direction'] === 'INGRESS' &&
      body['disabled'] !== true &&
      (targets.length === 0 || targets.some((tag) => tagItems(instance.body).includes(tag))) &&
      ((body['sourceRanges'] ?? []) as string[]).some((text) => {
        const range = parseRange(text, 'sourceRanges');
        return range.first <= from.first && from.last <= range.last && overlap(range, from);
      }) &&
      permissions.some(({ IPProtocol, ports }) => {
        const ranges = (ports ?? ['0-65535']) as string[];
        return (
          ['tcp', 'all'].includes(String(IPProtocol)) &&
          ranges.some((text) => {
            const [first = 0, last = first] = text.split('-').map(Number);
            return first <= port && port <= last;
          })
        );
      })
    );
  };
  const [first] = standing(state, 'firewalls')
    .filter((firewall) => firewall.uses.includes(network) && isFor(firewall))
    .map(({ body }) => ({ priority: Number(body['priority']), allows: body['allowed'] !== undefined }))
    .sort((a, b) => a.priority - b.priority || Number(a.allows) - Number(b.allows));
  return first?.allows === true;
}

/** Packets arrive as the client sent them: from its address, to the port that it chose. */
export const frontsOf = (state: State): Front[] =>
  standing(state, 'backendServices').map((service): Front => {
    const groups = groupsOf(state, service);
    const rules = rulesOf(state, service);
    const check = service.uses.map((path) => state.find(path)).find((used) => used?.kind === 'healthChecks');
    const http = (check?.body['httpHealthCheck'] ?? {}) as Json;
    const members = groups.flatMap((group) => membersOf(state, group));
    return {
      cloud: 'gcp',
      id: service.path,
      name: service.name,
      networkId: groups[0]?.uses[0] ?? '',
      address: text(rules[0]?.body['IPAddress'] ?? ''),
      isOpen: rules.length > 0,
      listeners: rules.map(({ body }) => {
        const port = portsOf(body['portRange']).from;
        return { port, targetPort: port };
      }),
      ...(check === undefined
        ? {}
        : {
            healthCheck: {
              port: Number(http['port']),
              path: String(http['requestPath']),
              intervalSeconds: Number(check.body['checkIntervalSec']),
            },
          }),
      members: members.flatMap(({ worldId }) => worldId ?? []),
      admits: (member, port, from) => {
        const instance = members.find(({ worldId }) => worldId === member);
        const sources = from === 'client' ? ['0.0.0.0/0'] : probeRanges;
        return instance !== undefined && sources.every((source) => admits(state, instance, port, source));
      },
    };
  });

/**
 * What people can do to a load balancer in the console. Descriptions can be changed of backend services and health checks
 * alone. Whoever deletes a balancer deletes its instance groups too: no other can use them while they are in its network.
 */
export function balancerDamages(state: State): Partial<Record<DamageKind, Damage>> {
  const go = ({ path }: Stored): void => {
    state.change(path, { goneAt: state.world.now() });
  };
  const ofService =
    (strike: (service: Stored) => string | undefined): Damage =>
    ({ networkId }) => {
      const service = standing(state, 'backendServices').find((one) =>
        groupsOf(state, one).some(({ uses }) => uses.includes(networkId)),
      );
      return service === undefined ? undefined : strike(service);
    };
  const healthCheckOf = (service: Stored): Stored | undefined =>
    standing(state, 'healthChecks').find(({ path }) => service.uses.includes(path));
  const put = (
    like: { readonly project: string; readonly scope: string },
    part: {
      readonly kind: Kind;
      readonly name: string;
      readonly body: Json;
      readonly uses: readonly string[];
    },
  ): string => {
    const { project, scope } = like;
    const path = `projects/${project}/${scope}/${part.kind}/${part.name}`;
    if (state.find(path) !== undefined) throw new DamageRefused(`${path} already exists`);
    const now = state.world.now();
    state.put({ path, project, scope, createdAt: now, readyAt: now, ...part });
    return path;
  };

  return {
    'delete-balancer': ofService((service) => {
      const check = healthCheckOf(service);
      for (const part of [...rulesOf(state, service), service, ...groupsOf(state, service)]) go(part);
      if (check !== undefined && state.users(check.path).length === 0) go(check);
      return service.path;
    }),
    'delete-listener': ofService((service) => {
      const [rule] = rulesOf(state, service);
      if (rule !== undefined) go(rule);
      return rule?.path;
    }),
    'add-listener': ofService((service) => {
      const [rule] = rulesOf(state, service);
      const name = `by-hand-${randomBytes(4).toString('hex')}`;
      return (
        rule &&
        put(rule, {
          kind: 'forwardingRules',
          name,
          body: { ...rule.body, name, description: '', portRange: '8080-8080' },
          uses: rule.uses,
        })
      );
    }),
    'change-health-check': ofService((service) => {
      const check = healthCheckOf(service);
      const http = (check?.body['httpHealthCheck'] ?? {}) as Json;
      return (
        check &&
        state.change(check.path, {
          body: { ...check.body, httpHealthCheck: { ...http, requestPath: '/' } },
        }).path
      );
    }),
    'remove-balancer-tags': ofService((service) => {
      for (const part of [service, healthCheckOf(service)])
        if (part !== undefined) state.change(part.path, { body: { ...part.body, description: '' } });
      return service.path;
    }),
    'add-foreign-balancer': ({ networkId }) => {
      const subnetwork = state.users(networkId).find(({ kind }) => kind === 'subnetworks');
      if (subnetwork === undefined) return undefined;
      const { project, scope } = subnetwork;
      const name = 'bystander';
      const zone = { project, scope: `zones/${lastOf(scope)}-a` };
      const group = put(zone, {
        kind: 'instanceGroups',
        name,
        body: { network: linkTo(networkId) },
        uses: [networkId],
      });
      const backend = { group: linkTo(group), balancingMode: 'CONNECTION' };
      const service = put(subnetwork, {
        kind: 'backendServices',
        name,
        body: { loadBalancingScheme: 'EXTERNAL', protocol: 'TCP', backends: [backend] },
        uses: [group],
      });
      put(subnetwork, {
        kind: 'forwardingRules',
        name,
        body: {
          IPAddress: nextPublicAddress(new Set()),
          IPProtocol: 'TCP',
          portRange: '80-80',
          loadBalancingScheme: 'EXTERNAL',
          networkTier: 'PREMIUM',
          backendService: linkTo(service),
        },
        uses: [service],
      });
      return service;
    },
    'remove-member': ({ machine }) => {
      const now = state.world.now();
      for (const group of standing(state, 'instanceGroups')) {
        const member = membersOf(state, group).find(({ worldId }) => worldId === machine?.id);
        if (member === undefined) continue;
        const members = (group.members ?? []).map((one) =>
          one.path === member.path ? { ...one, until: now } : one,
        );
        state.change(group.path, { members });
        return machine?.id;
      }
      return undefined;
    },
  };
}
