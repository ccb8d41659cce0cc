import { cloudNames, isCloudName, type CloudAccount } from '../domain/cloud.ts';
import {
  clusterNamePattern,
  configurations,
  kubernetesVersionDefault,
  kubernetesVersions,
  type Cluster,
  type ClusterCloud,
  type Configuration,
} from '../domain/cluster.ts';
import {
  configurationGroups,
  type ClusterDocument,
  type ClusterRequest,
  type NodeGroup,
  type NodeGroupDocument,
  type Problem,
} from '../domain/cluster-request.ts';
import { ingressDefault } from '../domain/load-balancer.ts';
import { vpns, type Vpn } from '../domain/network.ts';
import { shapes, type Offering } from '../domain/offering.ts';
import { nodesMax, nodesPerPlanMax, type Node } from '../domain/node.ts';
import { findRegion, regions, type Region } from '../domain/regions.ts';
import { validateNodeGroup } from './validate-node-group.ts';
import { podRangeDefault, validatePodRange } from './validate-pod-range.ts';
import { validatePolicies } from './validate-policies.ts';

export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export const accountDefault = 'main';

/** Where three machines vote, one may be lost; a second beside one only doubles what can go wrong. */
const evenControlPlanes = 'an even number of control planes survives no more losses than one fewer';

/**
 * Whether a cluster may be built as it is written, and what it then is with every default filled in. All problems at
 * once, each with its field as people write it and what is allowed instead.
 */
export function validateCluster(options: {
  document: ClusterDocument;
  accounts: readonly Pick<CloudAccount, 'cloud' | 'id'>[];
  /** What the clouds that are named sell in the region that is. */
  offerings: readonly Offering[];
}): Validation<ClusterRequest> {
  const { document, accounts, offerings } = options;
  const { spec } = document;
  const problems: Problem[] = [];
  const one = <T extends string>(
    field: string,
    value: string | undefined,
    allowed: readonly T[],
    otherwise: T,
  ): T => {
    if (value === undefined) return otherwise;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) problems.push({ field, message: `"${value}" is not known`, allowed });
    return found ?? otherwise;
  };

  if (!clusterNamePattern.test(document.metadata.name)) {
    problems.push({
      field: 'metadata.name',
      message:
        'a name has 2–50 lower-case letters, digits and hyphens, begins with a letter and ends with a letter or digit',
    });
  }

  const region = findRegion(spec.region);
  if (region === undefined) {
    problems.push({
      field: 'spec.region',
      message: `"${spec.region}" is not known`,
      allowed: regions.map(({ name }) => name),
    });
  }
  const clouds = validateClouds(spec.clouds, region, accounts, problems);

  const kubernetesVersion = one(
    'spec.kubernetesVersion',
    spec.kubernetesVersion,
    kubernetesVersions,
    kubernetesVersionDefault,
  );
  const offered = vpns.filter((vpn) => vpn !== 'cloud-vpn');
  const vpn: Vpn =
    spec.vpn === 'cloud-vpn' ? 'cloud-vpn' : one('spec.vpn', spec.vpn, offered, 'wireguard-full-mesh');
  if (vpn === 'cloud-vpn') {
    problems.push({ field: 'spec.vpn', message: 'cloud-vpn is not built yet', allowed: offered });
  }

  const configuration = validateConfiguration(spec, problems);
  const groups =
    configuration === 'custom'
      ? (spec.nodes ?? []).flatMap((group, index) => {
          const field = `spec.nodes[${index}].`;
          const validated = validateNodeGroup({ group, field, clouds, region, offerings });
          if (!validated.ok) problems.push(...validated.problems);
          return validated.ok ? [validated.value] : [];
        })
      : configurationGroups[configuration];
  if (problems.length === 0) problems.push(...countProblems(groups, 'spec.nodes'));

  const podRange = spec.podRange ?? podRangeDefault;
  const nodes = groups.reduce((sum, { count }) => sum + count, 0);
  problems.push(...validatePodRange({ podRange, nodes, clouds: clouds.map(({ cloud }) => cloud) }));

  const ingress = { loadBalancers: spec.ingress?.loadBalancers ?? ingressDefault.loadBalancers };

  const policies = spec.policies ?? {};
  const within = 'spec.policies.';
  // Of clouds that are wrong themselves nothing can be said.
  if (clouds.length > 0)
    problems.push(
      ...validatePolicies({ policies, clouds: clouds.map(({ cloud }) => cloud), offerings, within }),
    );

  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: {
      name: document.metadata.name,
      region: spec.region,
      clouds,
      configuration,
      groups,
      kubernetesVersion,
      vpn,
      podRange,
      policies,
      ingress,
    },
  };
}

/** Whether these nodes may be added to a cluster that lives. Fields are named without a prefix: `count`, `cloud`. */
export function validateNodes(options: {
  document: NodeGroupDocument;
  cluster: Pick<Cluster, 'region' | 'clouds' | 'podRange' | 'policies'>;
  nodes: readonly Pick<Node, 'role' | 'desired' | 'offering'>[];
  offerings: readonly Offering[];
}): Validation<NodeGroup> {
  const { cluster, document, offerings } = options;
  const validated = validateNodeGroup({
    group: { role: 'worker', count: 1, ...withoutUndefined(document) },
    field: '',
    clouds: cluster.clouds,
    region: findRegion(cluster.region),
    offerings,
  });
  if (!validated.ok) return validated;
  const group = validated.value;
  const present = options.nodes.filter((node) => node.desired === 'present');
  const controlPlanes =
    present.filter(({ role }) => role === 'control-plane').length +
    (group.role === 'control-plane' ? group.count : 0);
  const problems: Problem[] = [];
  if (group.role === 'control-plane' && controlPlanes % 2 === 0) {
    problems.push({
      field: 'count',
      message: `there would be ${controlPlanes} control planes: ${evenControlPlanes}`,
    });
  }
  problems.push(
    ...validatePodRange({
      podRange: cluster.podRange,
      nodes: present.length + group.count,
      clouds: cluster.clouds.map(({ cloud }) => cloud),
    }).map(({ message }) => ({ field: 'count', message })),
  );
  const maxVcpus = cluster.policies.clusterLimits?.maxVcpus ?? Infinity;
  const vcpus = present.reduce((sum, { offering }) => sum + offering.vcpus, 0) + vcpusIn([group], offerings);
  if (vcpus > maxVcpus) {
    problems.push({
      field: 'count',
      message: `there would be ${vcpus} vCPUs, and the cluster's limit is ${maxVcpus}`,
    });
  }
  if (present.length + group.count > nodesMax) {
    problems.push({ field: 'count', message: `a cluster has at most ${nodesMax} nodes` });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: group };
}

/** What all these nodes together will have. */
export const vcpusIn = (groups: readonly NodeGroup[], offerings: readonly Offering[]): number =>
  groups.reduce((sum, group) => sum + vcpusOf(group, offerings) * group.count, 0);

/** What a node of this group will have: every offering of a shape has the shape's vCPUs, and a type the same wherever it is sold. */
const vcpusOf = ({ shape, instanceType }: NodeGroup, offerings: readonly Offering[]): number =>
  (shape === undefined
    ? offerings.find((offering) => offering.instanceType === instanceType)?.vcpus
    : shapes[shape].vcpus) ?? 0;

function validateClouds(
  given: ClusterDocument['spec']['clouds'],
  region: Region | undefined,
  accounts: readonly Pick<CloudAccount, 'cloud' | 'id'>[],
  problems: Problem[],
): readonly ClusterCloud[] {
  if (given.length === 0) {
    problems.push({
      field: 'spec.clouds',
      message: 'a cluster needs at least one cloud',
      allowed: cloudNames,
    });
  }
  const clouds: ClusterCloud[] = [];
  for (const [index, { cloud, account = accountDefault }] of given.entries()) {
    const field = `spec.clouds[${index}]`;
    if (!isCloudName(cloud)) {
      problems.push({ field: `${field}.cloud`, message: `"${cloud}" is not known`, allowed: cloudNames });
      continue;
    }
    if (clouds.some((other) => other.cloud === cloud)) {
      problems.push({ field: `${field}.cloud`, message: `${cloud} is named twice` });
      continue;
    }
    if (region !== undefined && region.locations[cloud] === undefined) {
      problems.push({
        field: `${field}.cloud`,
        message: `${cloud} has no place in ${region.name}`,
        allowed: cloudNames.filter((name) => region.locations[name] !== undefined),
      });
    }
    const known = accounts.filter((candidate) => candidate.cloud === cloud).map(({ id }) => id);
    if (!known.includes(account)) {
      problems.push({
        field: `${field}.account`,
        message: `${cloud} has no account "${account}"`,
        allowed: known,
      });
    }
    clouds.push({ cloud, accountId: account });
  }
  return clouds;
}

function validateConfiguration(spec: ClusterDocument['spec'], problems: Problem[]): Configuration {
  const allowed = configurations.filter((name) => name !== 'custom');
  if (spec.nodes !== undefined) {
    if (spec.configuration !== undefined && spec.configuration !== 'custom') {
      problems.push({
        field: 'spec.configuration',
        message: 'a configuration and a list of nodes exclude each other',
      });
    }
    return 'custom';
  }
  if (spec.configuration === undefined) return 'starter';
  const found = allowed.find((name) => name === spec.configuration);
  if (found === undefined) {
    problems.push({
      field: 'spec.configuration',
      message:
        spec.configuration === 'custom'
          ? 'a custom configuration needs a list of nodes in spec.nodes'
          : `"${spec.configuration}" is not known`,
      allowed,
    });
  }
  return found ?? 'starter';
}

/** Odd control planes, and no more nodes than one plan holds. */
function countProblems(groups: readonly NodeGroup[], field: string): readonly Problem[] {
  const count = (role: NodeGroup['role']): number =>
    groups.filter((group) => group.role === role).reduce((sum, group) => sum + group.count, 0);
  const controlPlanes = count('control-plane');
  const all = controlPlanes + count('worker');
  const problems: Problem[] = [];
  if (controlPlanes === 0) {
    problems.push({ field, message: 'a cluster needs a control plane', allowed: ['1', '3', '5', '7'] });
  } else if (controlPlanes % 2 === 0 || controlPlanes > 7) {
    problems.push({
      field,
      message: `${controlPlanes} control planes: ${controlPlanes % 2 === 0 ? evenControlPlanes : 'more than seven vote too slowly'}`,
      allowed: ['1', '3', '5', '7'],
    });
  }
  if (all > nodesPerPlanMax) {
    problems.push({
      field,
      message: `${all} nodes: a cluster begins with at most ${nodesPerPlanMax}, and more are added afterwards`,
    });
  }
  return problems;
}

const withoutUndefined = (group: NodeGroupDocument): NodeGroupDocument =>
  Object.fromEntries(Object.entries(group).filter(([, value]) => value !== undefined));
