import { availableFrom, isActive, isOver, isReady, share } from './conditions.ts';
import { keyOf, placeOf } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { deleteObject } from './deletion.ts';
import { templateHash } from './deployments/template-hash.ts';
import { createPod } from './new-pod.ts';
import { podOwners } from './replica-sets.ts';
import { wantsNode } from './scheduler/node-affinity.ts';
import { untolerated } from './selectors.ts';
import type { DaemonSet, Node, NodeSelectorTerm, Pod, PodSpec, Toleration } from './shapes.ts';

const hashLabel = 'controller-revision-hash';

/** A daemon's pod stays through what drives others away. */
const borne: readonly (readonly [string, 'NoExecute' | 'NoSchedule'])[] = [
  ['not-ready', 'NoExecute'],
  ['unreachable', 'NoExecute'],
  ['disk-pressure', 'NoSchedule'],
  ['memory-pressure', 'NoSchedule'],
  ['pid-pressure', 'NoSchedule'],
  ['unschedulable', 'NoSchedule'],
];

export function daemonTolerations(spec: PodSpec): readonly Toleration[] {
  const names =
    spec.hostNetwork === true ? [...borne, ['network-unavailable', 'NoSchedule'] as const] : borne;
  return [
    ...(spec.tolerations ?? []),
    ...names.map(([name, effect]) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect })),
  ];
}

/** The pod's spec for one node: bound to it by name, the scheduler does the rest. */
function specFor(spec: PodSpec, nodeName: string): PodSpec {
  const own = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [nodeName] }];
  const terms: readonly NodeSelectorTerm[] = (own ?? [{}]).map((term) => ({ ...term, matchFields }));
  return {
    ...spec,
    tolerations: daemonTolerations(spec),
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...spec.affinity?.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
      },
    },
  };
}

/** Where a pod is or is to be: unplaced daemon pods carry their node's name in their affinity. */
const nodeOf = ({ spec }: Pod): string => {
  if (spec.nodeName !== undefined && spec.nodeName !== '') return spec.nodeName;
  const [term] =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return term?.matchFields?.[0]?.values?.[0] ?? '';
};

/** Whether a node is to have one, and whether one that is there already may stay. */
export function daemonOn(set: DaemonSet, node: Node): { readonly run: boolean; readonly stay: boolean } {
  const { spec } = set.spec.template;
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: '' }, spec };
  const tolerations = daemonTolerations(spec);
  if (!wantsNode(pod, node)) return { run: false, stay: false };
  const { taints } = node.spec ?? {};
  return {
    run: untolerated(taints, tolerations, ['NoSchedule', 'NoExecute']) === undefined,
    stay: untolerated(taints, tolerations, ['NoExecute']) === undefined,
  };
}

/** One pod on each node that fits. */
export function createDaemonSetController(context: ControllerContext): Controller {
  const { objects, clock, index } = context;
  const record = context.recorder('daemonset-controller');

  const create = (set: DaemonSet, nodeName: string, hash: string): void => {
    const { template } = set.spec;
    const pod = createPod(objects, set, template, {
      labels: { [hashLabel]: hash },
      spec: specFor(template.spec, nodeName),
    });
    if (pod === undefined) return;
    record(set, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` });
  };
  const end = (set: DaemonSet, pod: Pod): void => {
    deleteObject(context, 'pods', pod.metadata);
    record(set, { reason: 'SuccessfulDelete', message: `Deleted pod: ${pod.metadata.name}` });
  };

  const reconcile = (set: DaemonSet): number | undefined => {
    const hash = templateHash(set.spec.template, 0);
    const nodes = objects.list('nodes') as readonly Node[];
    const rulings = new Map(nodes.map((node) => [node.metadata.name, daemonOn(set, node)]));
    const pods = index.podsOf(set.metadata.uid ?? '');
    const byNode = Map.groupBy(pods, nodeOf);
    if (set.metadata.deletionTimestamp === undefined) {
      for (const [nodeName, { run, stay }] of rulings) {
        const there = byNode.get(nodeName) ?? [];
        const [first, ...surplus] = there.filter(isActive);
        // A daemon that has ended is made anew.
        for (const pod of there)
          if (isOver(pod) && pod.metadata.deletionTimestamp === undefined) end(set, pod);
        for (const pod of stay ? surplus : there.filter(isActive)) end(set, pod);
        if (first === undefined && run && !there.some((pod) => !isOver(pod))) create(set, nodeName, hash);
      }
      replaceOutdated(set, hash, byNode, [...rulings.values()].filter(({ run }) => run).length);
    }
    return count(set, hash, rulings);
  };

  /** As many outdated ones at a time as may be missing. */
  const replaceOutdated = (
    set: DaemonSet,
    hash: string,
    byNode: ReadonlyMap<string, readonly Pod[]>,
    wanted: number,
  ): void => {
    const { type = 'RollingUpdate', rollingUpdate } = set.spec.updateStrategy ?? {};
    if (type !== 'RollingUpdate') return;
    const may = Math.max(1, share(rollingUpdate?.maxUnavailable ?? 1, wanted, 'up'));
    const present = [...byNode.values()].flat().filter(isActive);
    let missing = wanted - present.filter(isReady).length;
    const outdated = present.filter((pod) => pod.metadata.labels?.[hashLabel] !== hash);
    for (const pod of outdated.filter((each) => !isReady(each))) end(set, pod);
    for (const pod of outdated.filter(isReady)) {
      if (missing >= may) return;
      missing += 1;
      end(set, pod);
    }
  };

  const count = (
    set: DaemonSet,
    hash: string,
    rulings: ReadonlyMap<string, { readonly run: boolean }>,
  ): number | undefined => {
    const now = clock.now();
    const minReadyMs = clock.scaled(set.spec.minReadySeconds ?? 0);
    const pods = index.podsOf(set.metadata.uid ?? '').filter(isActive);
    const placed = pods.filter((pod) => rulings.get(nodeOf(pod))?.run === true);
    const from = placed.map((pod) => availableFrom(pod, minReadyMs));
    const desired = [...rulings.values()].filter(({ run }) => run).length;
    const available = from.filter((each) => each !== undefined && each <= now).length;
    const status = {
      currentNumberScheduled: new Set(placed.map(nodeOf)).size,
      desiredNumberScheduled: desired,
      numberMisscheduled: pods.length - placed.length,
      numberReady: placed.filter(isReady).length,
      numberAvailable: available,
      numberUnavailable: desired - available,
      updatedNumberScheduled: placed.filter((pod) => pod.metadata.labels?.[hashLabel] === hash).length,
      observedGeneration: set.metadata.generation ?? 1,
    };
    objects.change('daemonsets', set.metadata.name, set.metadata.namespace, (object) => ({
      ...object,
      status,
    }));
    const later = from.filter((each) => each !== undefined && each > now).map(Number);
    return later.length === 0 ? undefined : Math.min(...later);
  };

  return {
    name: 'daemon-sets',
    keys: () => objects.list('daemonsets').map(keyOf),
    wokenBy: (change) => {
      if (change.plural === 'daemonsets') return change.type === 'DELETED' ? [] : [keyOf(change.object)];
      if (change.plural === 'pods') return podOwners(change, 'DaemonSet');
      if (change.plural !== 'nodes' || !changesPlaces(change.object, change.before, change.type)) {
        return [];
      }
      return objects.list('daemonsets').map(keyOf);
    },
    reconcile: (key) => {
      const { namespace, name } = placeOf(key);
      const set = objects.get('daemonsets', name, namespace) as DaemonSet | undefined;
      return set === undefined ? undefined : reconcile(set);
    },
  };
}

/** Labels and taints decide; parts that did not change are the same after a heartbeat, by their text. */
const changesPlaces = (node: Node, before: Node | undefined, type: string): boolean =>
  before === undefined ||
  type !== 'MODIFIED' ||
  JSON.stringify([node.metadata.labels, node.spec]) !== JSON.stringify([before.metadata.labels, before.spec]);
