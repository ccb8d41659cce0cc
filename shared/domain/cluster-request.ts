import type { CloudName } from './cloud.ts';
import type { ClusterCloud, Configuration, KubernetesVersion } from './cluster.ts';
import type { Ingress } from './load-balancer.ts';
import type { NodeRole, Vpn } from './network.ts';
import type { Lifecycle, Shape } from './offering.ts';
import type { Policies } from './policy.ts';

/** Nodes that are asked for alike. Without a cloud they are spread over the cluster's clouds. */
export interface NodeGroup {
  readonly role: NodeRole;
  readonly cloud?: CloudName;
  /** Exactly one of shape and instanceType. */
  readonly shape?: Shape;
  readonly instanceType?: string;
  readonly lifecycle: Lifecycle;
  readonly count: number;
}

/** A cluster as it may be built: validated, defaults filled in, the configuration spelled out as node groups. */
export interface ClusterRequest {
  readonly name: string;
  readonly region: string;
  readonly clouds: readonly ClusterCloud[];
  readonly configuration: Configuration;
  readonly groups: readonly NodeGroup[];
  readonly kubernetesVersion: KubernetesVersion;
  readonly vpn: Vpn;
  readonly podRange: string;
  readonly policies: Policies;
  readonly ingress: Ingress;
}

/** What people write: the right fields of the right JSON types, and no more is known about it yet. */
export interface NodeGroupDocument {
  readonly role?: string | undefined;
  readonly cloud?: string | undefined;
  readonly shape?: string | undefined;
  readonly instanceType?: string | undefined;
  readonly lifecycle?: string | undefined;
  readonly count?: number | undefined;
}

export interface ClusterDocument {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly region: string;
    /** Without an account's name it is `main`. */
    readonly clouds: readonly { readonly cloud: string; readonly account?: string | undefined }[];
    readonly configuration?: string | undefined;
    readonly nodes?: readonly NodeGroupDocument[] | undefined;
    readonly kubernetesVersion?: string | undefined;
    readonly vpn?: string | undefined;
    readonly podRange?: string | undefined;
    readonly policies?: Policies | undefined;
    readonly ingress?: { readonly loadBalancers?: boolean | undefined } | undefined;
  };
}

/** One thing that is wrong with a request: the field as people write it, and what would be right. */
export interface Problem {
  /** `spec.clouds[1].account` */
  readonly field: string;
  readonly message: string;
  readonly allowed?: readonly string[];
}

const group = (role: NodeRole, shape: Shape, count: number): NodeGroup => ({
  role,
  shape,
  lifecycle: 'on-demand',
  count,
});

export const configurationGroups: Readonly<Record<Exclude<Configuration, 'custom'>, readonly NodeGroup[]>> = {
  starter: [group('control-plane', 'medium', 1), group('worker', 'medium', 1)],
  basic: [group('control-plane', 'medium', 1), group('worker', 'small', 3)],
  'highly-available': [group('control-plane', 'medium', 3), group('worker', 'small', 3)],
};
