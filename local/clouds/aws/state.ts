import type { Collection } from '../../disk.ts';
import type { GenericOperation, World } from '../world.ts';

/** What every resource has. Reads do not find it before `hiddenUntil` (epoch milliseconds): EC2 is eventually consistent. */
export interface Resource {
  readonly id: string;
  readonly region: string;
  readonly hiddenUntil?: number;
}

export interface Vpc extends Resource {
  readonly cidr: string;
  readonly dnsSupport: boolean;
  readonly dnsHostnames: boolean;
}

export interface Subnet extends Resource {
  readonly vpcId: string;
  readonly cidr: string;
  readonly zone: string;
  readonly mapPublicAddress: boolean;
}

export interface Gateway extends Resource {
  readonly vpcId?: string;
}

export interface RouteTable extends Resource {
  readonly vpcId: string;
  readonly main: boolean;
  readonly mainAssociationId?: string;
  readonly routes: readonly { readonly cidr: string; readonly gatewayId: string }[];
  readonly associations: readonly { readonly id: string; readonly subnetId: string }[];
  readonly clientToken?: string;
}

export interface Rule {
  readonly id: string;
  readonly egress: boolean;
  /** `tcp`, `udp`, `icmp`, or `-1` for all. */
  readonly protocol: string;
  readonly from?: number;
  readonly to?: number;
  /** Exactly one of these three says from where (or to where). */
  readonly cidr?: string;
  readonly cidr6?: string;
  readonly groupId?: string;
  readonly description?: string;
}

export interface SecurityGroup extends Resource {
  readonly vpcId: string;
  readonly name: string;
  readonly description: string;
  readonly rules: readonly Rule[];
}

export interface Instance extends Resource {
  readonly reservationId: string;
  readonly imageId: string;
  readonly architecture: 'x86_64' | 'arm64';
  readonly instanceType: string;
  readonly spotRequestId?: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly zone: string;
  readonly groupIds: readonly string[];
  readonly interfaceId: string;
  readonly volumes: readonly {
    readonly id: string;
    readonly device: string;
    readonly deleteOnTermination: boolean;
  }[];
  readonly metadata: {
    readonly httpTokens: string;
    readonly httpEndpoint: string;
    readonly hopLimit: number;
  };
  readonly clientToken?: string;
  readonly endedByUser?: boolean;
  /** Its volumes and interface were let go of. */
  readonly released?: boolean;
}

export interface Volume extends Resource {
  readonly zone: string;
  readonly sizeGib: number;
  readonly type: string;
  readonly encrypted: boolean;
  readonly createdAt: number;
  readonly attachment?: {
    readonly instanceId: string;
    readonly device: string;
    readonly deleteOnTermination: boolean;
  };
}

export interface NetworkInterface extends Resource {
  readonly vpcId: string;
  readonly subnetId: string;
  readonly zone: string;
  readonly description: string;
  readonly groupIds: readonly string[];
  readonly privateAddress: string;
  readonly publicAddress?: string;
  readonly macAddress: string;
  /** A service that made it for itself, and alone takes it away: `amazon-elb`. */
  readonly managedBy?: string;
  /** Epoch milliseconds: when that service lets go of it. */
  readonly goneAt?: number;
  readonly attachment?: {
    readonly id: string;
    readonly instanceId: string;
    readonly deleteOnTermination: boolean;
  };
}

/** A create that carried a client token: what was asked then, and what came of it. */
export interface TokenUse {
  readonly fingerprint: string;
  readonly instanceIds: readonly string[];
}

export type Tags = Readonly<Record<string, string>>;

/** Unscaled seconds for which EC2 goes on listing terminated instances: about an hour there, kept short here. */
const terminatedListedSeconds = 600;

export class State {
  readonly world: World;
  readonly vpcs: Collection<Vpc>;
  readonly subnets: Collection<Subnet>;
  readonly gateways: Collection<Gateway>;
  readonly routeTables: Collection<RouteTable>;
  readonly securityGroups: Collection<SecurityGroup>;
  readonly instances: Collection<Instance>;
  readonly volumes: Collection<Volume>;
  readonly interfaces: Collection<NetworkInterface>;
  readonly tokens: Collection<TokenUse>;
  readonly #tags: Collection<Tags>;

  constructor(world: World) {
    this.world = world;
    this.vpcs = world.collection('aws/vpcs');
    this.subnets = world.collection('aws/subnets');
    this.gateways = world.collection('aws/internet-gateways');
    this.routeTables = world.collection('aws/route-tables');
    this.securityGroups = world.collection('aws/security-groups');
    this.instances = world.collection('aws/instances');
    this.volumes = world.collection('aws/volumes');
    this.interfaces = world.collection('aws/network-interfaces');
    this.tokens = world.collection('aws/client-tokens');
    this.#tags = world.collection('aws/tags');
  }

  tagsOf(id: string): Tags {
    return this.#tags.get(id) ?? {};
  }

  tag(id: string, tags: Tags): void {
    if (Object.keys(tags).length > 0) this.#tags.set(id, { ...this.tagsOf(id), ...tags });
  }

  untag(id: string, keep: (key: string, value: string) => boolean): void {
    this.#tags.set(id, Object.fromEntries(Object.entries(this.tagsOf(id)).filter(([k, v]) => keep(k, v))));
  }

  /** Takes a resource away, and its tags with it. */
  remove(collection: { delete(key: string): boolean }, id: string): void {
    collection.delete(id);
    this.#tags.delete(id);
  }

  /** The fields a new resource begins with; a `hide` fault strikes here. */
  born(operation: GenericOperation): { hiddenUntil?: number } {
    const fault = this.world.takeFault('aws', operation, { effects: ['hide'] });
    return fault === undefined
      ? {}
      : { hiddenUntil: this.world.now() + this.world.scaled(fault.seconds ?? 5) };
  }

  visible(resource: Resource): boolean {
    return resource.hiddenUntil === undefined || this.world.now() >= resource.hiddenUntil;
  }

  isTerminated(instance: Instance): boolean {
    const machine = this.world.machine('aws', instance.id);
    return machine === undefined || this.world.state(machine) === 'gone';
  }

  /** Terminated instances stay in lists for a while; their client tokens are remembered for good. */
  isListed(instance: Instance): boolean {
    const goneAt = this.world.machine('aws', instance.id)?.goneAt;
    return goneAt === undefined || this.world.now() < goneAt + this.world.scaled(terminatedListedSeconds);
  }

  /**
   * Instances die in the world, by API or not; what hangs on them is let go of here, before every request, so that no
   * timer has to fire for the answer to be right.
   */
  settle(): void {
    for (const { id, goneAt } of this.interfaces.values())
      if (goneAt !== undefined && this.world.now() >= goneAt) this.remove(this.interfaces, id);
    for (const instance of this.instances.values()) {
      if (instance.released === true || !this.isTerminated(instance)) continue;
      for (const { id, deleteOnTermination } of instance.volumes) {
        if (deleteOnTermination) this.remove(this.volumes, id);
        else this.#detach(this.volumes, id);
      }
      const nic = this.interfaces.get(instance.interfaceId);
      if (nic?.attachment?.deleteOnTermination === false) {
        const { publicAddress: _given, ...rest } = nic;
        this.interfaces.set(nic.id, rest);
        this.#detach(this.interfaces, nic.id);
      } else this.remove(this.interfaces, instance.interfaceId);
      this.instances.set(instance.id, { ...instance, released: true });
    }
  }

  #detach<T extends { readonly attachment?: unknown }>(collection: Collection<T>, id: string): void {
    const { attachment: _gone, ...rest } = collection.get(id) ?? {};
    if (Object.keys(rest).length > 0) collection.set(id, rest as unknown as T);
  }
}
