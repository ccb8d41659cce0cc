import type { PolicyPath, PolicySection } from './policy-fields.ts';
import { policyDefaults } from './policy.ts';

/** What each section does once it is there. One that is left out is off. */
export const sectionGuide: Readonly<Record<PolicySection, string>> = {
  clusterLimits: 'how large the cluster may and must be, control planes included',
  unschedulablePods: 'buys nodes for pods that fit nowhere',
  spot: 'buys workers on spare capacity, which their cloud may take back',
  nodeDeletion: 'takes away workers on which nothing runs',
  consolidation: 'replaces nodes by fewer or cheaper ones',
  purchasing: 'what may be bought by policy; nodes that people ask for by hand are their own decision',
};

/** What each field means, and what holds where it is left out of a section that is on. */
export const policyGuide: Readonly<
  Record<PolicyPath, { readonly meaning: string; readonly otherwise: string }>
> = {
  'clusterLimits.minVcpus': {
    meaning: 'at least so many vCPUs; nodes are bought until they are there, and none is removed below',
    otherwise: 'no lower limit',
  },
  'clusterLimits.maxVcpus': {
    meaning: 'at most so many vCPUs; nothing is bought beyond, by policy or by hand',
    otherwise: 'no upper limit',
  },
  'unschedulablePods.headroom.cpuPercent': {
    meaning: 'CPU that is kept free beyond what pods ask for, in percent of what they ask for',
    otherwise: `${policyDefaults.headroom.cpuPercent}`,
  },
  'unschedulablePods.headroom.memoryPercent': {
    meaning: 'memory that is kept free beyond what pods ask for, in percent of what they ask for',
    otherwise: `${policyDefaults.headroom.memoryPercent}`,
  },
  'spot.clouds': {
    meaning: 'the clouds in which spot is bought',
    otherwise: 'every cloud of the cluster that has spot and that may be bought in',
  },
  'spot.sharePercent': {
    meaning: 'at most so much of the workers’ vCPUs is on spot',
    otherwise: `${policyDefaults.spot.sharePercent}`,
  },
  'spot.fallbackToOnDemand': {
    meaning: 'whether on-demand stands in where no spot is to be had',
    otherwise: `${policyDefaults.spot.fallbackToOnDemand}`,
  },
  'spot.returnAfterSeconds': {
    meaning: 'what stands in is given back to spot not before so long, and once spot can be had again',
    otherwise: `${policyDefaults.spot.returnAfterSeconds}`,
  },
  'nodeDeletion.emptyMinutes': {
    meaning: 'a worker goes once nothing ran on it for so long, but for what runs on every node',
    otherwise: 'is required',
  },
  'consolidation.minSavingPercent': {
    meaning: 'the least saving that is worth the disruption, of what the nodes concerned cost per hour',
    otherwise: 'is required',
  },
  'consolidation.nodesPerHourMax': {
    meaning: 'at most so many nodes are taken away for it within an hour',
    otherwise: 'is required',
  },
  'purchasing.clouds': {
    meaning: 'only in these clouds',
    otherwise: 'every cloud of the cluster',
  },
  'purchasing.excludedClouds': {
    meaning: 'in none of these clouds',
    otherwise: 'none is excluded',
  },
  'purchasing.families': {
    meaning: 'only instance types of these families: c6i, n4-highcpu, Dalsv6, s-amd',
    otherwise: 'every family',
  },
  'purchasing.excludedFamilies': {
    meaning: 'no instance types of these families',
    otherwise: 'none is excluded',
  },
  'purchasing.architectures': {
    meaning: 'only these architectures; an image that knows nothing of the other would not start there',
    otherwise: policyDefaults.purchasing.architectures.join(', '),
  },
};
