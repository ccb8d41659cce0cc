import type { World } from '../world.ts';
import { unprocessable } from './wire.ts';

/** What the account holds besides machines, on the world's disk. */
export interface Vpc {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly region: string;
  readonly ip_range: string;
  readonly default: boolean;
  readonly created_at: string;
}

/** What a droplet has beyond the world's machine. */
export interface DropletRecord {
  readonly id: number;
  readonly size: string;
  readonly region: string;
  readonly image: string;
  readonly tags: readonly string[];
  readonly vpcId: string;
  /** Epoch milliseconds until which lists and reads do not show it yet. */
  readonly hiddenUntil: number;
}

export interface RuleTarget {
  readonly addresses?: readonly string[] | undefined;
  readonly droplet_ids?: readonly number[] | undefined;
  readonly load_balancer_uids?: readonly string[] | undefined;
  readonly kubernetes_ids?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
}
export interface InboundRule {
  readonly protocol: string;
  readonly ports: string;
  readonly sources: RuleTarget;
}
export interface OutboundRule {
  readonly protocol: string;
  readonly ports: string;
  readonly destinations: RuleTarget;
}
export interface Firewall {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
  readonly inbound_rules: readonly InboundRule[];
  readonly outbound_rules: readonly OutboundRule[];
  readonly droplet_ids: readonly number[];
  readonly tags: readonly string[];
}

export interface LoadBalancer {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
  /** Epoch milliseconds: when it takes traffic. */
  readonly activeAt: number;
  readonly ip: string;
  readonly region: string;
  readonly vpcId: string;
  readonly sizeUnit: number;
  /** Droplets that carry it are members; empty: those that are named. */
  readonly tag: string;
  readonly dropletIds: readonly number[];
  readonly rules: readonly {
    readonly entry_protocol: string;
    readonly entry_port: number;
    readonly target_protocol: string;
    readonly target_port: number;
  }[];
  readonly healthCheck: {
    readonly protocol: string;
    readonly port: number;
    readonly path?: string | undefined;
    readonly check_interval_seconds: number;
    readonly response_timeout_seconds: number;
    readonly unhealthy_threshold: number;
    readonly healthy_threshold: number;
  };
  readonly redirects: boolean;
  readonly proxyProtocol: boolean;
}

export const accountUuid = 'b6fr89dbf6d9156cace5f3c78dc9851d957381ef';

/** Slugs of the places where droplets are made now. */
export const regions = [
  'nyc1',
  'nyc3',
  'ams3',
  'sfo3',
  'sgp1',
  'lon1',
  'fra1',
  'tor1',
  'blr1',
  'syd1',
] as const;

const tagPattern = /^[\w:-]{1,255}$/;

export class Account {
  readonly world: World;
  readonly vpcs;
  readonly droplets;
  readonly firewalls;
  readonly balancers;
  readonly #tags;
  readonly #numbers;

  constructor(world: World) {
    this.world = world;
    this.vpcs = world.collection<Vpc>('digitalocean/vpcs');
    this.droplets = world.collection<DropletRecord>('digitalocean/droplets');
    this.firewalls = world.collection<Firewall>('digitalocean/firewalls');
    this.balancers = world.collection<LoadBalancer>('digitalocean/load-balancers');
    this.#tags = world.collection<{ readonly name: string }>('digitalocean/tags');
    this.#numbers = world.collection<{ readonly next: number }>('digitalocean/numbers');
  }

  /** Droplet ids only grow; the first is far from 1, as in any real account. */
  nextDropletId(): number {
    const next = this.#numbers.get('droplet')?.next ?? 401_000_000;
    this.#numbers.set('droplet', { next: next + 1 });
    return next;
  }

  nextBalancerNumber(): number {
    const next = this.#numbers.get('balancer')?.next ?? 1;
    this.#numbers.set('balancer', { next: next + 1 });
    return next;
  }

  createTag(name: string): void {
    if (!tagPattern.test(name))
      throw unprocessable('Tags may contain letters, numbers, colons, dashes, and underscores.');
    this.#tags.set(name, { name });
  }

  hasTag(name: string): boolean {
    return this.#tags.get(name) !== undefined;
  }

  tags(): string[] {
    return this.#tags.values().map(({ name }) => name);
  }

  /** Deleting a tag takes it off everything that carries it. */
  deleteTag(name: string): boolean {
    for (const droplet of this.droplets.values())
      if (droplet.tags.includes(name))
        this.setTags(
          droplet,
          droplet.tags.filter((tag) => tag !== name),
        );
    for (const firewall of this.firewalls.values())
      if (firewall.tags.includes(name))
        this.firewalls.set(firewall.id, { ...firewall, tags: firewall.tags.filter((tag) => tag !== name) });
    for (const balancer of this.balancers.values())
      if (balancer.tag === name) this.balancers.set(balancer.id, { ...balancer, tag: '' });
    return this.#tags.delete(name);
  }

  setTags(droplet: DropletRecord, tags: readonly string[]): void {
    this.droplets.set(String(droplet.id), { ...droplet, tags });
  }

  timestamp(): string {
    return new Date(this.world.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}
