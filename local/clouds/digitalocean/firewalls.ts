import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import type { Account, Firewall, InboundRule, OutboundRule } from './account.ts';
import { block } from './addresses.ts';
import {
  bodyOf,
  conflict,
  json,
  noContent,
  notFound,
  page,
  queryOf,
  Refusal,
  unprocessable,
} from './wire.ts';

const target = z.strictObject({
  addresses: z.optional(z.array(z.string())),
  droplet_ids: z.optional(z.array(z.int())),
  load_balancer_uids: z.optional(z.array(z.string())),
  kubernetes_ids: z.optional(z.array(z.string())),
  tags: z.optional(z.array(z.string())),
});
const base = {
  protocol: z.enum(['tcp', 'udp', 'icmp']),
  ports: z.optional(z.string()),
  action: z.optional(z.enum(['allow', 'deny'])),
};
const inbound = z.strictObject({ ...base, sources: target });
const outbound = z.strictObject({ ...base, destinations: target });
const rules = z.strictObject({
  inbound_rules: z.optional(z.nullable(z.array(inbound))),
  outbound_rules: z.optional(z.nullable(z.array(outbound))),
});
const definition = z.strictObject({
  name: z.string().check(z.regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]+$/, 'is invalid')),
  droplet_ids: z.optional(z.nullable(z.array(z.int()))),
  tags: z.optional(z.nullable(z.array(z.string()))),
  inbound_rules: z.optional(z.nullable(z.array(inbound))),
  outbound_rules: z.optional(z.nullable(z.array(outbound))),
});
const tagsMax = 5;
const tagList = z.strictObject({ tags: z.array(z.string()) });
const dropletList = z.strictObject({ droplet_ids: z.array(z.int()) });

const isAddress = (text: string): boolean =>
  block(text) !== undefined || block(`${text}/32`) !== undefined || /^[0-9a-f:]+(?:\/\d{1,3})?$/i.test(text);

/** `all`, `0` and ICMP's nothing are all kept, and answered, as `0`. */
function ports(rule: { readonly protocol: string; readonly ports?: string | undefined }): string {
  if (rule.protocol === 'icmp') return '0';
  const text = rule.ports;
  if (text === undefined) throw unprocessable('ports is required');
  if (text === 'all' || text === '0') return '0';
  const [from, to] = [Number(text.split('-')[0]), Number(text.split('-')[1] ?? text.split('-')[0])];
  if (!/^\d+(?:-\d+)?$/.test(text) || from < 1 || to > 65_535 || from > to)
    throw unprocessable('ports must be a port, a range, or all');
  return text;
}

const show = (firewall: Firewall) => ({ ...firewall, status: 'succeeded', pending_changes: [] });

const sameRule = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export function firewallRoutes(account: Account) {
  const checkTarget = (aim: z.infer<typeof target>): void => {
    if (Object.values(aim).every((list) => list === undefined || list.length === 0))
      throw unprocessable('rule must have at least one source or destination');
    for (const address of aim.addresses ?? [])
      if (!isAddress(address)) throw unprocessable(`address ${address} is invalid`);
    for (const tag of aim.tags ?? [])
      if (!account.hasTag(tag)) throw unprocessable(`tag ${tag} does not exist`);
  };

  const checked = (
    wanted: z.infer<typeof rules>,
  ): { inbound_rules: InboundRule[]; outbound_rules: OutboundRule[] } => {
    for (const rule of wanted.inbound_rules ?? []) checkTarget(rule.sources);
    for (const rule of wanted.outbound_rules ?? []) checkTarget(rule.destinations);
    return {
      inbound_rules: (wanted.inbound_rules ?? []).map((rule) => ({
        protocol: rule.protocol,
        ports: ports(rule),
        sources: rule.sources,
      })),
      outbound_rules: (wanted.outbound_rules ?? []).map((rule) => ({
        protocol: rule.protocol,
        ports: ports(rule),
        destinations: rule.destinations,
      })),
    };
  };

  const checkTags = (tags: readonly string[]): void => {
    for (const tag of tags) if (!account.hasTag(tag)) throw unprocessable(`tag ${tag} does not exist`);
    if (tags.length > tagsMax) throw unprocessable(`at most ${tagsMax} tags per firewall`);
  };

  const define = (request: SimulatedRequest, id?: string) => {
    const wanted = bodyOf(request, definition);
    const parts = checked({
      inbound_rules: wanted.inbound_rules,
      outbound_rules: wanted.outbound_rules,
    });
    if (parts.inbound_rules.length + parts.outbound_rules.length === 0)
      throw unprocessable('must have at least one rule');
    if (account.firewalls.values().some((other) => other.name === wanted.name && other.id !== id))
      throw conflict('duplicate name');
    const tags = [...new Set(wanted.tags)];
    checkTags(tags);
    return { name: wanted.name, droplet_ids: wanted.droplet_ids ?? [], tags, ...parts };
  };

  const find = (id: string): Firewall => {
    const firewall = account.firewalls.get(id);
    if (firewall === undefined) throw notFound();
    return firewall;
  };

  const changeList = (request: SimulatedRequest, firewall: Firewall, noun: string): Firewall => {
    const add = request.method === 'POST';
    switch (noun) {
      case 'rules': {
        const { inbound_rules: ins, outbound_rules: outs } = checked(bodyOf(request, rules));
        const without = <T>(list: readonly T[], gone: readonly T[]): T[] =>
          list.filter((rule) => !gone.some((other) => sameRule(rule, other)));
        return {
          ...firewall,
          inbound_rules: [...without(firewall.inbound_rules, ins), ...(add ? ins : [])],
          outbound_rules: [...without(firewall.outbound_rules, outs), ...(add ? outs : [])],
        };
      }
      case 'tags': {
        const { tags } = bodyOf(request, tagList);
        const kept = firewall.tags.filter((tag) => !tags.includes(tag));
        if (!add) return { ...firewall, tags: kept };
        checkTags([...kept, ...tags]);
        return { ...firewall, tags: [...kept, ...tags] };
      }
      case 'droplets': {
        const { droplet_ids: ids } = bodyOf(request, dropletList);
        const kept = firewall.droplet_ids.filter((id) => !ids.includes(id));
        return { ...firewall, droplet_ids: add ? [...kept, ...ids] : kept };
      }
      default:
        throw notFound();
    }
  };

  return {
    route(request: SimulatedRequest, id: string | undefined, noun: string | undefined): SimulatedResponse {
      const { method } = request;
      if (id === undefined) {
        if (method === 'POST') {
          const firewall: Firewall = {
            id: randomUUID(),
            created_at: account.timestamp(),
            ...define(request),
          };
          account.firewalls.set(firewall.id, firewall);
          return json(202, { firewall: show(firewall) });
        }
        if (method !== 'GET') throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
        queryOf(request, ['page', 'per_page']);
        return page(request, 'firewalls', account.firewalls.values().map(show), (asked, max) =>
          account.world.pageSize(asked, max),
        );
      }
      const firewall = find(id);
      if (noun !== undefined) {
        if (method !== 'POST' && method !== 'DELETE') throw notFound();
        account.firewalls.set(id, changeList(request, firewall, noun));
        return noContent;
      }
      switch (method) {
        case 'GET':
          return json(200, { firewall: show(firewall) });
        case 'PUT': {
          const changed = { ...firewall, ...define(request, id) };
          account.firewalls.set(id, changed);
          return json(200, { firewall: show(changed) });
        }
        case 'DELETE':
          account.firewalls.delete(id);
          return noContent;
        default:
          throw new Refusal(405, 'method_not_allowed', 'Method not allowed');
      }
    },
  };
}
