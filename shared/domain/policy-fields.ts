import type { Policies } from './policy.ts';

type Leaf = number | boolean | readonly string[];
/** `clusterLimits.minVcpus` … of everything in T that is no object. */
type Paths<T, Before extends string = ''> = {
  [Name in keyof T & string]: NonNullable<T[Name]> extends Leaf
    ? `${Before}${Name}`
    : Paths<NonNullable<T[Name]>, `${Before}${Name}.`>;
}[keyof T & string];

/** A policy's field as people write it: `spot.sharePercent`. */
export type PolicyPath = Paths<Required<Policies>>;
export type PolicySection = keyof Policies;

export type PolicyValue =
  | { readonly type: 'whole number'; readonly min: number; readonly max: number; readonly unit: string }
  | { readonly type: 'true or false' }
  | { readonly type: 'list'; readonly of: 'clouds' | 'families' | 'architectures' };

export interface PolicyField {
  readonly value: PolicyValue;
  /** Without it its section cannot be. */
  readonly isRequired?: true;
}

const minutes = (max: number): PolicyValue => ({ type: 'whole number', min: 1, max, unit: 'minutes' });
const percent = (min: number): PolicyValue => ({ type: 'whole number', min, max: 100, unit: '%' });
/** More than the largest cluster could have: 256 nodes. */
const vcpus: PolicyValue = { type: 'whole number', min: 1, max: 100_000, unit: 'vCPUs' };

/** Every field of the policies with what it may hold. `policyGuide` says what each means and what holds without it. */
export const policyFields: Readonly<Record<PolicyPath, PolicyField>> = {
  'clusterLimits.minVcpus': { value: vcpus },
  'clusterLimits.maxVcpus': { value: vcpus },
  'unschedulablePods.headroom.cpuPercent': { value: percent(0) },
  'unschedulablePods.headroom.memoryPercent': { value: percent(0) },
  'spot.clouds': { value: { type: 'list', of: 'clouds' } },
  'spot.sharePercent': { value: percent(0) },
  'spot.fallbackToOnDemand': { value: { type: 'true or false' } },
  'spot.returnAfterSeconds': { value: { type: 'whole number', min: 60, max: 604_800, unit: 'seconds' } },
  'nodeDeletion.emptyMinutes': { value: minutes(1440), isRequired: true },
  'consolidation.minSavingPercent': { value: percent(1), isRequired: true },
  'consolidation.nodesPerHourMax': {
    value: { type: 'whole number', min: 1, max: 256, unit: 'nodes' },
    isRequired: true,
  },
  'purchasing.clouds': { value: { type: 'list', of: 'clouds' } },
  'purchasing.excludedClouds': { value: { type: 'list', of: 'clouds' } },
  'purchasing.families': { value: { type: 'list', of: 'families' } },
  'purchasing.excludedFamilies': { value: { type: 'list', of: 'families' } },
  'purchasing.architectures': { value: { type: 'list', of: 'architectures' } },
};

export const policyPaths = Object.keys(policyFields) as readonly PolicyPath[];
/** In the order in which people read them. */
export const policySections = [
  'clusterLimits',
  'unschedulablePods',
  'spot',
  'nodeDeletion',
  'consolidation',
  'purchasing',
] as const satisfies readonly PolicySection[];

/** At most so many entries in a list of families. */
export const policyListMax = 100;
