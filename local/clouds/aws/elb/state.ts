import { randomBytes } from 'node:crypto';
import type { Collection } from '../../../disk.ts';
import type { Resource, State } from '../state.ts';
import { accountId } from '../vpcs.ts';

/** `id` is its ARN, as of everything here. */
export interface LoadBalancer extends Resource {
  readonly name: string;
  readonly scheme: string;
  readonly vpcId: string;
  readonly subnets: readonly { readonly id: string; readonly zone: string }[];
  readonly createdAt: number;
  /** When it begins to take traffic. */
  readonly activeAt: number;
  readonly dnsName: string;
  readonly interfaceIds: readonly string[];
}

export interface Listener extends Resource {
  readonly loadBalancerArn: string;
  readonly port: number;
  readonly protocol: string;
  readonly targetGroupArn: string;
}

export interface HealthCheck {
  readonly protocol: string;
  readonly port: string;
  readonly path?: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly matcher?: string;
}

export interface Target {
  /** An instance's. */
  readonly id: string;
  readonly port: number;
  /** Takes no new connections, and is no target any more after this. */
  readonly drainedAt?: number;
}

export interface TargetGroup extends Resource {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly vpcId: string;
  readonly targetType: string;
  readonly healthCheck: HealthCheck;
  readonly targets: readonly Target[];
}

/** Unscaled seconds that a balancer's interfaces outlive it. */
const interfaceSeconds = 45;

export const hex = (): string => randomBytes(8).toString('hex');

export const arn = (region: string, resource: string): string =>
  `arn:aws:elasticloadbalancing:${region}:${accountId}:${resource}`;

/** `net/name/0123456789abcdef`: of an ARN what interfaces are described with. */
export const fullName = (loadBalancerArn: string): string =>
  loadBalancerArn.slice(loadBalancerArn.indexOf(':loadbalancer/') + ':loadbalancer/'.length);

/** What Elastic Load Balancing keeps, beside EC2's networks and instances. */
export class ElbState {
  readonly ec2: State;
  readonly loadBalancers: Collection<LoadBalancer>;
  readonly listeners: Collection<Listener>;
  readonly targetGroups: Collection<TargetGroup>;

  constructor(ec2: State) {
    this.ec2 = ec2;
    this.loadBalancers = ec2.world.collection('aws/load-balancers');
    this.listeners = ec2.world.collection('aws/listeners');
    this.targetGroups = ec2.world.collection('aws/target-groups');
  }

  listenersOf(loadBalancerArn: string): Listener[] {
    return this.listeners
      .values()
      .filter((listener) => listener.loadBalancerArn === loadBalancerArn)
      .sort((a, b) => a.port - b.port);
  }

  /** The balancers whose listeners send to this group. */
  usersOf(targetGroupArn: string): string[] {
    const users = this.listeners.values().filter((listener) => listener.targetGroupArn === targetGroupArn);
    return [...new Set(users.map(({ loadBalancerArn }) => loadBalancerArn))];
  }

  /** Those that are not drained, and whose instances still exist: the others are deregistered by themselves. */
  targetsOf({ targets }: TargetGroup): Target[] {
    const { world } = this.ec2;
    return targets.filter(({ id, drainedAt }) => {
      const instance = this.ec2.instances.get(id);
      return (
        (drainedAt === undefined || world.now() < drainedAt) &&
        instance !== undefined &&
        !this.ec2.isTerminated(instance)
      );
    });
  }

  /** Its listeners go with it, at once; its interfaces a little later; target groups stay. */
  delete(balancer: LoadBalancer): void {
    const { ec2 } = this;
    for (const { id } of this.listenersOf(balancer.id)) ec2.remove(this.listeners, id);
    for (const id of balancer.interfaceIds) {
      const nic = ec2.interfaces.get(id);
      if (nic !== undefined)
        ec2.interfaces.set(id, { ...nic, goneAt: ec2.world.now() + ec2.world.scaled(interfaceSeconds) });
    }
    ec2.remove(this.loadBalancers, balancer.id);
  }
}
