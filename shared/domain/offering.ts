import type { CloudName } from './cloud.ts';

export const lifecycles = ['on-demand', 'spot'] as const;
export type Lifecycle = (typeof lifecycles)[number];

export const architectures = ['amd64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

/** One instance type in one region and zone of one cloud, one lifecycle, one price. */
export interface Offering {
  readonly cloud: CloudName;
  readonly region: string;
  readonly zone: string;
  readonly instanceType: string;
  readonly architecture: Architecture;
  readonly lifecycle: Lifecycle;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly usdPerHour: number;
  /** A vCPU here is a share of one, or runs on credits: never under etcd unless somebody names the type. */
  readonly burstable?: true;
}

/** A size that every cloud has. */
export const shapes = {
  small: { vcpus: 2, memoryGib: 4 },
  medium: { vcpus: 4, memoryGib: 8 },
  large: { vcpus: 8, memoryGib: 16 },
  xlarge: { vcpus: 16, memoryGib: 32 },
} as const;
export type Shape = keyof typeof shapes;
export const shapeNames = Object.keys(shapes) as readonly Shape[];

/** An offering without its price: what a cool-off names. */
export interface OfferingName {
  readonly cloud: CloudName;
  readonly region: string;
  readonly zone: string;
  readonly instanceType: string;
  readonly lifecycle: string;
}

export const isSameOffering = (a: OfferingName, b: OfferingName): boolean =>
  a.cloud === b.cloud &&
  a.region === b.region &&
  a.zone === b.zone &&
  a.instanceType === b.instanceType &&
  a.lifecycle === b.lifecycle;

/**
 * So many GiB of memory are taken for as much as one vCPU: Google Cloud prices the two apart, for N2 machines in us-east4 at
 * 0.035605 and 0.004771 US dollars per hour (Cloud Billing Catalog, 2026-08). The other clouds price machines as a whole.
 */
export const gibLikeVcpu = 7.46;

/** US dollars per hour of a vCPU, or of as much memory: what machines of different forms are compared by. */
export const usdPerUnitHour = ({
  vcpus,
  memoryGib,
  usdPerHour,
}: Pick<Offering, 'vcpus' | 'memoryGib' | 'usdPerHour'>): number =>
  Math.round((usdPerHour / (vcpus + memoryGib / gibLikeVcpu)) * 1e6) / 1e6;

/** What can be bought for a cluster: in its clouds, in the places where it stands. */
export interface Market {
  readonly offerings: readonly Offering[];
  /** What is left alone for a while, in the clouds' whole regions. */
  readonly coolOffs: readonly OfferingName[];
}
