import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Offering } from '../../shared/domain/offering.ts';
import type {
  LabelRequirement,
  Pod,
  PodAffinityTerm,
  Taint,
  TopologySpread,
} from '../../shared/domain/pod.ts';
import { labelsOnceJoined, nodeLabels, taintsOf } from '../../shared/planning/node-labels.ts';
import type {
  Allocatable,
  Packing,
  PackingOptions,
  StandingNode,
} from '../../shared/planning/pack-pods/packing.ts';

/**
 * Packing in short notation, so that a table of cases reads like a specification. Sizes are vCPUs/GiB, and a node has all of
 * its size for pods.
 *
 * - pods: `3 web 1/2 spread:zone` are three pods `web-0` … of one vCPU and 2 GiB, labelled app=web, with a rule
 * - nodes: `n1 aws 4/8: 2 web 1/2` is a node with what runs there
 * - offerings: `aws 4/8 $1`, `gcp-b 2/4 $0.5 spot` (in zone b)
 * - a packing: `n1: 2 web | 2 × gcp 2/4: 1 web | unplaced 1 db: cpu`
 */
const keys: Readonly<Record<string, string>> = {
  host: 'kubernetes.io/hostname',
  zone: nodeLabels.zone,
  region: nodeLabels.region,
  cloud: nodeLabels.cloud,
  type: nodeLabels.instanceType,
  arch: 'kubernetes.io/arch',
  spot: nodeLabels.spot,
};
const keyOf = (word: string): string => keys[word] ?? word;

const sizeOf = (text: string): { cpu: number; gib: number } => {
  const [cpu = '', gib = ''] = text.split('/');
  return { cpu: Number(cpu), gib: Number(gib) };
};
const requestsOf = (text: string): Pod['requests'] => {
  const { cpu, gib } = sizeOf(text);
  return { cpuMillis: Math.round(cpu * 1000), memoryBytes: Math.round(gib * 2 ** 30) };
};
const app = (name: string): readonly LabelRequirement[] => [{ key: 'app', operator: 'In', values: [name] }];

/** `cloud=aws`, `cloud!=aws`, `cloud`, `!cloud`, `cpus>4` */
function requirementOf(text: string): LabelRequirement {
  const [, not, key = '', operator, value = ''] = /^(!?)([\w./-]+?)(?:(!?=|[<>])(.*))?$/.exec(text) ?? [];
  if (operator === undefined) return { key: keyOf(key), operator: not === '!' ? 'DoesNotExist' : 'Exists' };
  const operators = { '=': 'In', '!=': 'NotIn', '>': 'Gt', '<': 'Lt' } as const;
  return {
    key: keyOf(key),
    operator: operators[operator as keyof typeof operators],
    values: value.split('|'),
  };
}

const spotToleration = { key: nodeLabels.spot, operator: 'Exists' } as const;

/** One rule of a pod: `on:cloud=gcp`, `apart:host`, `with:zone=db`, `spread:zone/2`, `may:spot`; `~` behind it: preferred. */
function withRule(pod: Pod, name: string, text: string): Pod {
  const isSoft = text.endsWith('~');
  const [kind = '', rest = ''] = text.replace(/~$/, '').split(/:(.*)/);
  const [where = '', whom = name] = rest.split('=');
  const affinity = (old: Pod['podAffinity']): NonNullable<Pod['podAffinity']> => {
    const [to = '', namespaces] = whom.split('@');
    const term: PodAffinityTerm = {
      topologyKey: keyOf(where),
      selector: app(to),
      ...(namespaces !== undefined && { namespaces: namespaces === '*' ? 'all' : namespaces.split('|') }),
    };
    return isSoft
      ? { ...old, preferred: [...(old?.preferred ?? []), { weight: 1, term }] }
      : { ...old, required: [...(old?.required ?? []), term] };
  };
  switch (kind) {
    case 'on':
      return { ...pod, nodeSelector: { ...pod.nodeSelector, [keyOf(where)]: whom } };
    case 'where': {
      const term = rest.split('&').map(requirementOf);
      const { required = [], preferred = [] } = pod.nodeAffinity ?? {};
      return {
        ...pod,
        nodeAffinity: isSoft
          ? { ...pod.nodeAffinity, preferred: [...preferred, { weight: 1, term }] }
          : { ...pod.nodeAffinity, required: [...required, term] },
      };
    }
    case 'tolerates':
      return {
        ...pod,
        tolerations: [
          ...(pod.tolerations ?? []),
          rest === 'spot' ? spotToleration : { key: rest, operator: 'Exists' },
        ],
      };
    case 'with':
      return { ...pod, podAffinity: affinity(pod.podAffinity) };
    case 'apart':
      return { ...pod, podAntiAffinity: affinity(pod.podAntiAffinity) };
    case 'spread': {
      const [key = '', maxSkew = '1', minDomains] = rest.split('/');
      const spread: TopologySpread = {
        topologyKey: keyOf(key),
        maxSkew: Number(maxSkew),
        whenUnsatisfiable: isSoft ? 'ScheduleAnyway' : 'DoNotSchedule',
        selector: app(name),
        ...(minDomains !== undefined && { minDomains: Number(minDomains) }),
      };
      return { ...pod, topologySpread: [...(pod.topologySpread ?? []), spread] };
    }
    case 'prio':
      return { ...pod, priority: Number(rest) };
    case 'port':
      return { ...pod, hostPorts: [...(pod.hostPorts ?? []), `TCP:${rest}`] };
    case 'ns':
      return { ...pod, namespace: rest };
    default:
      throw new Error(`no rule ${text}`);
  }
}

/** `3 web 1/2 spread:zone, 1 db 2/4` */
export function pods(text: string): readonly Pod[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .flatMap((each) => {
      const [count = '', name = '', size = '', ...rules] = each.split(/\s+/);
      let pod: Pod = { namespace: 'default', name, labels: { app: name }, requests: requestsOf(size) };
      for (const rule of rules) pod = withRule(pod, name, rule);
      return Array.from({ length: Number(count) }, (_none, at) => ({ ...pod, name: `${name}-${at}` }));
    });
}

const regions: Readonly<Record<CloudName, string>> = {
  aws: 'us-east-1',
  gcp: 'us-east4',
  azure: 'eastus',
  digitalocean: 'nyc1',
};

/** `aws 4/8 $1`, `gcp-b 2/4 $0.5 spot arm64` */
export function offering(text: string): Offering {
  const [where = '', size = '', ...words] = text.trim().split(/\s+/);
  const [name = '', zone = 'a'] = where.split('-');
  const cloud = (name === 'do' ? 'digitalocean' : name) as CloudName;
  const { cpu, gib } = sizeOf(size);
  return {
    cloud,
    region: regions[cloud],
    zone: cloud === 'digitalocean' ? '' : `${regions[cloud]}${zone}`,
    instanceType: `${name}.${cpu}x${gib}`,
    architecture: words.includes('arm64') ? 'arm64' : 'amd64',
    lifecycle: words.includes('spot') ? 'spot' : 'on-demand',
    vcpus: cpu,
    memoryGib: gib,
    usdPerHour: Number(words.find((word) => word.startsWith('$'))?.slice(1) ?? 0),
  };
}

const list = (text: string, separator: string): readonly string[] =>
  text
    .split(separator)
    .map((each) => each.trim())
    .filter((each) => each !== '');

export const offerings = (text: string): readonly Offering[] => list(text, ',').map(offering);

export const allocatableOf = ({ vcpus, memoryGib }: Offering): Allocatable => ({
  cpuMillis: vcpus * 1000,
  memoryBytes: memoryGib * 2 ** 30,
  pods: 110,
});

/** `n1 aws 4/8: 2 web 1/2, 1 db 1/1`; words before the colon: `joining`, `cordoned`, `control-plane`, `taint:gpu`, `label:disk=fast` */
export function node(text: string): StandingNode {
  const [head = '', running = ''] = text.split(/:\s(.*)|:$/);
  const [name = '', where = '', size = '', ...words] = head.trim().split(/\s+/);
  const of = offering(`${where} ${size} ${words.includes('spot') ? 'spot' : ''}`);
  const role = words.includes('control-plane') ? 'control-plane' : 'worker';
  const extra: readonly Taint[] = [
    ...(role === 'control-plane'
      ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' } as const]
      : []),
    ...words
      .filter((word) => word.startsWith('taint:'))
      .map((word): Taint => ({ key: word.slice('taint:'.length), effect: 'NoSchedule' })),
  ];
  const labels = words
    .filter((word) => word.startsWith('label:'))
    .map((word) => word.slice('label:'.length).split('=') as [string, string]);
  return {
    name,
    offering: of,
    role,
    labels: { ...labelsOnceJoined(of), 'kubernetes.io/hostname': name, ...Object.fromEntries(labels) },
    taints: [...taintsOf(of), ...extra],
    allocatable: allocatableOf(of),
    pods: pods(running).map((pod) => ({ ...pod, name: `${pod.name}-on-${name}` })),
    ...(words.includes('joining') && { isJoining: true }),
    ...(words.includes('cordoned') && { isUnschedulable: true }),
  };
}

export const nodes = (text: string): readonly StandingNode[] => list(text, ';').map(node);

/** A case: everything that is not said is empty; all that is offered may be bought, spot too. */
export const packing = (given: {
  readonly pods: string;
  readonly nodes?: string;
  readonly offers?: string;
  readonly policies?: PackingOptions['policies'];
  readonly newNodesMax?: number;
  readonly daemonSets?: PackingOptions['daemonSets'];
}): PackingOptions => ({
  pods: pods(given.pods),
  nodes: nodes(given.nodes ?? ''),
  offerings: offerings(given.offers ?? ''),
  daemonSets: given.daemonSets ?? [],
  policies: { purchasing: { architectures: ['amd64', 'arm64'] }, spot: {}, ...given.policies },
  ...(given.newNodesMax !== undefined && { newNodesMax: given.newNodesMax }),
  allocatableOf,
});

const shortName = ({ instanceType, zone, lifecycle }: Offering): string => {
  const [cloud = '', size = ''] = instanceType.split('.');
  const letter = zone.slice(-1);
  return `${cloud}${letter === '' || letter === 'a' ? '' : `-${letter}`} ${size.replace('x', '/')}${lifecycle === 'spot' ? ' spot' : ''}`;
};

/** `n1: 2 web + 1 db | 2 × gcp 2/4: 1 web | unplaced 1 db: cpu`; nodes by name, new ones by price and name. */
export function short({ classes, placements, newNodes, unplaced }: Packing): string {
  const nameOf = (podClass: number): string => classes[podClass]?.spec.labels?.['app'] ?? '?';
  const contents = new Map<string, Map<string, number>>();
  for (const { podClass, count, on } of placements) {
    const key = 'node' in on ? on.node : `new ${on.newNode}`;
    const held = contents.get(key) ?? new Map<string, number>();
    held.set(nameOf(podClass), (held.get(nameOf(podClass)) ?? 0) + count);
    contents.set(key, held);
  }
  const text = (held: ReadonlyMap<string, number> = new Map()): string =>
    [...held]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${count} ${name}`)
      .join(' + ');
  const standing = [...contents.keys()].filter((key) => !key.startsWith('new ')).sort();
  const fresh = newNodes.map(
    ({ offering }, at) => `${shortName(offering)}: ${text(contents.get(`new ${at}`))}`,
  );
  const alike = Map.groupBy(fresh.sort(), (each) => each);
  return [
    ...standing.map((name) => `${name}: ${text(contents.get(name))}`),
    ...[...alike].map(([each, all]) => (all.length === 1 ? each : `${all.length} × ${each}`)),
    ...unplaced.map(
      ({ podClass, count, because }) =>
        `unplaced ${count} ${nameOf(podClass)}: ${[...new Set(because.map(({ obstacle }) => obstacle))].sort().join(', ')}`,
    ),
  ].join(' | ');
}
