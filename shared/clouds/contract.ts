import type { CloudName, Location, Owner } from '../domain/cloud.ts';
import type { ClusterId, Instant, NodeId } from '../domain/ids.ts';
import type { LoadBalancer, LoadBalancerSpec, Member } from '../domain/load-balancer.ts';
import type { Network, NetworkSpec, NodeRole } from '../domain/network.ts';
import type { Lifecycle, Offering } from '../domain/offering.ts';

/**
 * What a cloud must do for Overcast. The comments are the rules; test/contract holds every driver to each of them.
 *
 * For every method:
 * - It may be repeated at any time, also after a lost reply, and ends the same.
 * - It never blocks on a long-running operation: it starts it, or looks how far it is, and says `done: false`.
 * - It throws only the errors of errors.ts, or a bug.
 * - Everything it creates carries the owner's two tags (machines also the node's id) from its first moment where the
 *   cloud allows that, and otherwise before the method says `done`.
 * - It changes nothing that does not carry both of the owner's tags.
 */
export interface Cloud {
  readonly name: CloudName;

  /**
   * Builds or repairs network, subnet, routes and the firewalls of both roles: compares each field it owns and changes
   * only what differs, so a call on a right network makes no change. Inbound rules that nobody asked for are removed.
   */
  ensureNetwork(spec: NetworkSpec): Promise<Progress<Network>>;

  /**
   * Creates one machine. Byte-identical requests make one machine, however often and however concurrently they are
   * sent; where the cloud has no client token, the surplus is deleted (lowest id stays). Pending until the machine runs.
   * A create that was accepted and failed later (no capacity, quota) throws as if it had been refused, and leaves nothing.
   *
   * @throws CapacityUnavailable, QuotaExceeded: the next offering may work.
   */
  createMachine(request: MachineRequest): Promise<Progress<Machine>>;

  /**
   * Deletes one machine and everything that was made for it (address, disk, interface). Looks at it first and throws
   * `InvalidRequest` when it exists without both of the owner's tags. A machine that is not there is gone: success.
   */
  deleteMachine(ref: MachineRef, owner: Owner): Promise<Progress<'gone'>>;

  /**
   * Builds or repairs the owner's one load balancer here: compares each field that it owns, the members too, and changes
   * only what differs, so a call on a right one makes no change. Listeners that nobody asked for are removed. Members that
   * do not run, or do not carry the owner's tags, are left out. Done when it takes traffic.
   *
   * @throws QuotaExceeded; InvalidRequest when its name is taken by what carries another owner's tags.
   */
  ensureLoadBalancer(spec: LoadBalancerSpec): Promise<Progress<LoadBalancer>>;

  /**
   * Puts one machine behind the owner's load balancer. Where there is none, or only a part of one, nothing is missing:
   * `ensureLoadBalancer` puts members in. Throws `InvalidRequest` for a machine without both of the owner's tags.
   */
  joinLoadBalancer(machine: Member, owner: Owner): Promise<Progress<'joined'>>;

  /**
   * Takes one machine out from behind it. Once it says done, no new connection is sent to that machine; what connections
   * it has may live on. A machine that is gone, or was never behind it, has left.
   */
  leaveLoadBalancer(machine: Member, owner: Owner): Promise<Progress<'left'>>;

  /**
   * Everything these clusters own here, however many pages that is, the strangers in their networks and groups, and where
   * it is said what should be there, every difference from that. Reads only; no more calls for a hundred clusters of one
   * account and region than for one, as far as the cloud's lists allow. A cluster of which nothing exists has an entry
   * with nothing in it.
   */
  observe(owners: readonly Watched[], location: Location): Promise<readonly ClusterObservation[]>;

  /**
   * Puts a machine's tags and firewall membership right: every difference that `observe` calls a flaw of it. Looks first,
   * and throws `InvalidRequest` unless it is the very machine that is expected: its id, in the owner's network, and its
   * name, or where people can change that, its node's tag. One that carries another owner's tags is never changed. A machine that is not there is nothing to repair.
   */
  repairMachine(machine: ExpectedMachine, network: Network, owner: Owner): Promise<Progress<'right'>>;

  /**
   * Removes one resource that `observe` called spare (a machine too: then all that was made for it as well). Looks first
   * and throws `InvalidRequest` when it exists without both of the owner's tags, or is in use. Not there: gone. Whether a
   * load balancer is wanted only the caller knows: it goes, members or not.
   */
  removeSpare(resource: OwnedResource, owner: Owner, location: Location): Promise<Progress<'gone'>>;

  /**
   * Takes down everything the owner's tags name, in the fastest order the cloud allows, all that can go at once at once.
   * Looks again for strangers right before a network or group goes; finding one it deletes no container and says
   * `done: false` with `blockedBy`. Done only when a fresh look finds nothing left.
   */
  collapse(owner: Owner, location: Location): Promise<Progress<'nothing left'>>;

  /** A cheap read that proves the credentials. @throws CredentialsRejected */
  verifyAccount(): Promise<AccountIdentity>;
}

/** What whoever looks needs of a cloud. The read-only credentials of an account are enough for it. */
export type Observer = Pick<Cloud, 'observe'>;

/**
 * What a cloud sells in one place, and for how much. Apart from `Cloud`, so that the functions that drive machines do not
 * carry it, and whoever reads prices cannot make anything. It throws as `Cloud` does and changes nothing.
 */
export interface OfferingSource {
  readonly name: CloudName;

  /**
   * Everything that can be had there now, read from the cloud through all pages, on-demand and as spot, each once.
   *
   * - Linux list prices in US dollars per hour for the whole machine, without discounts, licences, disks and addresses.
   * - Only what can be had in that very zone. Where the place has no zone: what every zone of the region has, at the
   *   dearest zone's price, since any of them may be chosen; zones outside of the region's own (local, wavelength, edge)
   *   do not count.
   * - Nothing without a price, or with a price of nothing; no bare metal; nothing with accelerators or local disks that are
   *   billed apart. All that was left out is counted by its reason.
   * - Types whose vCPUs are shares, or run on credits, are marked as burstable.
   *
   * A source may keep what is the same for all places of its cloud: make a new one for each refresh.
   */
  offerings(location: Location): Promise<Assortment>;
}

export interface Assortment {
  /** In no order that means anything. */
  readonly offerings: readonly Offering[];
  /** Reason → how many types (for a price of one lifecycle: how many of those). */
  readonly leftOut: Readonly<Record<string, number>>;
}

export type Progress<T> =
  | { readonly done: true; readonly value: T }
  | {
      readonly done: false;
      readonly retryAfterSeconds: number;
      /** For people: `subnet subnet-0abc to become available`. */
      readonly waitingFor: string;
      /** What stands in the way and is not ours to remove. */
      readonly blockedBy?: readonly Stranger[];
    };

export interface MachineRequest {
  readonly owner: Owner;
  readonly nodeId: NodeId;
  /** The attempt's idempotency key, a UUID: the same for every repeat of this very request. */
  readonly token: string;
  /** A DNS label, at most 54 characters, unique per cluster and node: `four-clouds-7`. */
  readonly name: string;
  readonly role: NodeRole;
  readonly offering: Offering;
  readonly network: Network;
  /** GiB of the encrypted root disk. */
  readonly diskGib: number;
  /** cloud-init, plain text; at most 16 KiB. The drivers encode it as their cloud wants it. */
  readonly userData: string;
}

export interface MachineRef {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly location: Location;
  /** Absent when the create's reply never came: the machine is looked for by its node's tag. */
  readonly providerId?: string;
}

/** `pending` until it runs; `stopping` while it goes; `gone` is not listed at all. */
export type MachineState = 'pending' | 'running' | 'stopping' | 'stopped';

export interface Machine {
  /** As the cloud's API names it: `i-0abc`, a GCE instance name, an Azure VM name, a droplet id. */
  readonly providerId: string;
  readonly name: string;
  /** From its tag; empty on a machine that carries the cluster's tags but no node's. */
  readonly nodeId: NodeId;
  readonly state: MachineState;
  readonly instanceType: string;
  readonly lifecycle: Lifecycle;
  readonly zone: string;
  /** Empty until the cloud has given one. */
  readonly publicAddress: string;
  readonly privateAddress: string;
  readonly createdAt: Instant;
}

/** Something in an owned network or group that does not carry its cluster's UUID and the installation's id. */
export interface Stranger {
  /** `machine` for machines; in an Azure group whatever kind of resource it is. */
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** The network or group it sits in. */
  readonly inside: string;
}

/** An owned resource that is not a machine: network, subnet, firewall, load balancer, address, disk, interface, group, … */
export interface OwnedResource {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** Carries the owner's tags and serves neither the network nor a machine of the owner: left over by something that died. */
  readonly isSpare?: true;
}

/** An owner, and what should stand there; without `expected` nothing is compared. */
export interface Watched extends Owner {
  readonly expected?: {
    readonly network: NetworkSpec;
    readonly machines: readonly ExpectedMachine[];
    /** `none`: one that stands is spare. Absent: it is being built, or not known, and is neither compared nor spare. */
    readonly loadBalancer?: LoadBalancerSpec | 'none';
  };
}

/** A machine that was made and recorded. */
export interface ExpectedMachine extends Member {
  /** The `MachineRequest`'s: where the cloud has no client tokens, the machine is marked with it. */
  readonly token: string;
  readonly role: NodeRole;
}

/** One difference between what should stand and what does. A thing that is gone as a whole is one flaw, not one for each of its fields. */
export interface Flaw {
  /**
   * `network`: `ensureNetwork` mends it. `machine`: `repairMachine` does. `load-balancer`: `ensureLoadBalancer` does. A
   * machine that is gone is no flaw: it is not listed.
   */
  readonly of: 'network' | 'machine' | 'load-balancer';
  /**
   * Stable while the difference stays, and without spaces: `security-group:worker:surplus-rule:tcp:22:0.0.0.0/0`. About a
   * load balancer's member it ends in the machine's id: `load-balancer:missing-member:i-0abc`.
   */
  readonly subject: string;
  /** For people: `worker firewall: tcp 22 from 0.0.0.0/0 was added by hand`. */
  readonly message: string;
  /** The machine's, for a machine's flaw. */
  readonly providerId?: string;
}

export interface ClusterObservation {
  readonly clusterId: ClusterId;
  readonly machines: readonly Machine[];
  readonly resources: readonly OwnedResource[];
  readonly strangers: readonly Stranger[];
  /** Empty where nothing was expected. */
  readonly flaws: readonly Flaw[];
}

export interface AccountIdentity {
  /** AWS account id, GCP project id, Azure subscription id, DigitalOcean team uuid. */
  readonly id: string;
  readonly name: string;
}
