import * as z from 'zod/mini';
import {
  doNotDisruptAnnotation,
  type DaemonSet,
  type DisruptionBudget,
  type LabelSelector,
  type Pod,
  type PodSpec,
  type Taint,
} from '../../domain/pod.ts';
import type { SeenNode, Workload } from '../../domain/workload.ts';
import { ApiFailure, type ClusterApi } from '../api-client.ts';
import {
  budgetForm,
  daemonSetForm,
  namespaceForm,
  nodeForm,
  podForm,
  type NodeForm,
  type PodForm,
} from './forms.ts';
import { isEffect, readPod, readPodSpec, type ResolveNamespaces } from './read-pod.ts';
import { readSelector } from './read-selector.ts';
import { thousandths, wholeUnits } from './quantity.ts';

/** A page of pods is 1 to 3 MB then, of which a tenth is kept. */
const perPage = 250;
/** 256 nodes run 28,160 pods at most. */
const podPagesMax = 120;
const otherPagesMax = 10;
/** A list that takes too long loses its snapshot in etcd (410) and begins anew. */
const beginningsMax = 3;
const heldUpMax = 20;

const listOf = <Schema extends z.ZodMiniType>(item: Schema) =>
  z.object({ metadata: z.object({ continue: z.optional(z.string()) }), items: z.array(item) });

/** Everything behind a path, page by page. @throws ApiFailure */
async function list<Schema extends z.ZodMiniType>(
  api: Pick<ClusterApi, 'get'>,
  path: string,
  item: Schema,
  pagesMax: number,
): Promise<readonly z.output<Schema>[]> {
  const form = listOf(item);
  for (let beginnings = 1; ; beginnings += 1)
    try {
      const items: z.output<Schema>[] = [];
      let next = '';
      for (let page = 0; page < pagesMax; page += 1) {
        const query = `limit=${perPage}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
        const reply = await api.get(`${path}${path.includes('?') ? '&' : '?'}${query}`, form);
        items.push(...reply.items);
        next = reply.metadata.continue ?? '';
        if (next === '') return items;
      }
      throw new ApiFailure(`GET ${path}: has more than ${pagesMax * perPage} entries`, { status: 200 });
    } catch (error) {
      const isExpired = error instanceof ApiFailure && error.status === 410;
      if (!isExpired || beginnings >= beginningsMax) throw error;
    }
}

/**
 * What runs in a cluster and what waits: one listing of its pods, nodes and DaemonSets, and on request of its disruption
 * budgets. Labels that nothing selects by are left out, so that more pods are alike.
 *
 * @throws ApiFailure when the API does not answer, or not in its form.
 */
export async function readWorkload(
  api: Pick<ClusterApi, 'get'>,
  { withBudgets }: { readonly withBudgets: boolean },
): Promise<Workload> {
  // What ended holds no room, and a cluster may keep thousands of it.
  const ended = encodeURIComponent('status.phase!=Succeeded,status.phase!=Failed');
  const [podForms, nodeForms, daemonSetForms, budgetForms] = await Promise.all([
    list(api, `/api/v1/pods?fieldSelector=${ended}`, podForm, podPagesMax),
    list(api, '/api/v1/nodes', nodeForm, otherPagesMax),
    list(api, '/apis/apps/v1/daemonsets', daemonSetForm, otherPagesMax),
    withBudgets ? list(api, '/apis/policy/v1/poddisruptionbudgets', budgetForm, otherPagesMax) : undefined,
  ]);
  const namespacesOf = await namespaceResolver(api, podForms);
  const budgets = budgetForms?.map(({ metadata, spec, status }): DisruptionBudget => ({
    namespace: metadata.namespace,
    name: metadata.name,
    selector: readSelector(spec.selector),
    disruptionsAllowed: status?.disruptionsAllowed ?? 0,
  }));
  const { bound, waiting, heldUp, notRead } = sort(podForms, namespacesOf);
  const isSelectedBy = selectedKeys(
    [...bound.values(), waiting].flat(),
    budgets?.map(({ selector }) => selector) ?? [],
  );
  const bare = (pod: Pod): Pod => withoutLabels(pod, isSelectedBy);
  return {
    nodes: nodeForms.map((form) => {
      const { name } = form.metadata;
      const node = readNode(form, (bound.get(name) ?? []).map(bare));
      return notRead.has(name) ? { ...node, hasUnknownPods: true } : node;
    }),
    waiting: waiting.map(bare),
    heldUp: heldUp.slice(0, heldUpMax),
    daemonSets: daemonSetForms.map(({ metadata, spec }): DaemonSet => {
      const { namespace, name } = metadata;
      const { requests, nodeSelector, nodeAffinity, tolerations } = readPodSpec(spec.template.spec, {
        namespace,
        labels: {},
        namespacesOf,
      });
      return {
        namespace,
        name,
        requests,
        ...(nodeSelector && { nodeSelector }),
        ...(nodeAffinity && { nodeAffinity }),
        ...(tolerations && { tolerations }),
      };
    }),
    ...(budgets && { budgets }),
  };
}

interface Sorted {
  readonly bound: ReadonlyMap<string, readonly Pod[]>;
  readonly waiting: readonly Pod[];
  readonly heldUp: Workload['heldUp'];
  /** Nodes with pods that are not understood. */
  readonly notRead: ReadonlySet<string>;
}

function sort(forms: readonly PodForm[], namespacesOf: ResolveNamespaces): Sorted {
  const bound = new Map<string, Pod[]>();
  const waiting: Pod[] = [];
  const heldUp: { pod: string; why: string }[] = [];
  const notRead = new Set<string>();
  for (const form of forms) {
    const { namespace, name } = form.metadata;
    const read = readOrWhyNot(form, namespacesOf);
    const { nodeName } = form.spec;
    const isBound = nodeName != null && nodeName !== '';
    if ('why' in read) {
      heldUp.push({ pod: `${namespace}/${name}`, why: read.why });
      if (isBound) notRead.add(nodeName);
    } else if (isBound) {
      const there = bound.get(nodeName);
      if (there === undefined) bound.set(nodeName, [read]);
      else there.push(read);
    } else {
      const why = whyHeldUp(form);
      if (why !== undefined) heldUp.push({ pod: `${namespace}/${name}`, why });
      // Its node is given, and others have been asked to leave it: both have a place.
      else if (read.isNodesOwn === undefined && (form.status?.nominatedNodeName ?? '') === '')
        waiting.push(read);
    }
  }
  return { bound, waiting, heldUp, notRead };
}

/** One pod that is not understood must not hide all others. */
function readOrWhyNot(form: PodForm, namespacesOf: ResolveNamespaces): Pod | { readonly why: string } {
  try {
    const pod = readPod(form, namespacesOf);
    return Number.isNaN(pod.requests.cpuMillis + pod.requests.memoryBytes)
      ? { why: 'its requests cannot be read' }
      : pod;
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** Why a pod without a node waits for something else than one. */
function whyHeldUp({ metadata, spec }: PodForm): string | undefined {
  if (metadata.deletionTimestamp != null) return 'it is being deleted';
  if ((spec.schedulingGates ?? []).length > 0) return 'a scheduling gate holds it';
  const { schedulerName } = spec;
  if (schedulerName != null && schedulerName !== '' && schedulerName !== 'default-scheduler')
    return `it waits for the scheduler ${schedulerName}`;
  const claims = spec.volumes?.some(
    ({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim != null || ephemeral != null,
  );
  return claims === true ? 'it wants a persistent volume, and there are none yet' : undefined;
}

/** Namespaces are read only where some pod means them by their labels. */
async function namespaceResolver(
  api: Pick<ClusterApi, 'get'>,
  pods: readonly PodForm[],
): Promise<ResolveNamespaces> {
  const isSelecting = pods.some(({ spec: { affinity } }) =>
    [affinity?.podAffinity, affinity?.podAntiAffinity].some((form) =>
      [
        ...(form?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
        ...(form?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((each) => each.podAffinityTerm),
      ].some(
        ({ namespaceSelector }) => namespaceSelector != null && readSelector(namespaceSelector).length > 0,
      ),
    ),
  );
  const namespaces = isSelecting ? await list(api, '/api/v1/namespaces', namespaceForm, otherPagesMax) : [];
  return (selector) =>
    selector.length === 0
      ? 'all'
      : namespaces
          .filter(({ metadata }) => fits(metadata.labels ?? {}, selector))
          .map(({ metadata }) => metadata.name);
}

const fits = (labels: Readonly<Record<string, string>>, selector: LabelSelector): boolean =>
  selector.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    const isOne = value !== undefined && values.includes(value);
    return operator === 'NotIn' ? !isOne : isOne;
  });

function selectedKeys(pods: readonly PodSpec[], more: readonly LabelSelector[]): ReadonlySet<string> {
  const keys = new Set<string>();
  const add = (selector: LabelSelector): void => {
    for (const { key } of selector) keys.add(key);
  };
  for (const { topologySpread = [], podAffinity, podAntiAffinity } of pods) {
    for (const { selector } of topologySpread) add(selector);
    for (const affinity of [podAffinity, podAntiAffinity]) {
      for (const { selector } of affinity?.required ?? []) add(selector);
      for (const { term } of affinity?.preferred ?? []) add(term.selector);
    }
  }
  for (const selector of more) add(selector);
  return keys;
}

function withoutLabels({ labels, ...pod }: Pod, kept: ReadonlySet<string>): Pod {
  const left = Object.entries(labels ?? {}).filter(([key]) => kept.has(key));
  return left.length === 0 ? pod : { ...pod, labels: Object.fromEntries(left) };
}

/**
 * Taints that a node has while it starts up and loses by itself: what waits may count on it. The cordon and what a node has
 * while it is lost are said in other words.
 */
const passingTaints: ReadonlySet<string> = new Set([
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.kubernetes.io/network-unavailable',
  'node.kubernetes.io/unschedulable',
  'node.cloudprovider.kubernetes.io/uninitialized',
  'node.cilium.io/agent-not-ready',
]);

function readNode({ metadata, spec, status }: NodeForm, pods: readonly Pod[]): SeenNode {
  const { name, labels, annotations } = metadata;
  const amount = (resource: string): string | number => status.allocatable?.[resource] ?? 0;
  return {
    name,
    labels: labels ?? {},
    taints: (spec.taints ?? []).flatMap(({ key, value, effect }): readonly Taint[] =>
      isEffect(effect) && !passingTaints.has(key)
        ? [{ key, ...(value != null && value !== '' && { value }), effect }]
        : [],
    ),
    allocatable: {
      cpuMillis: thousandths(amount('cpu')),
      memoryBytes: wholeUnits(amount('memory')),
      pods: wholeUnits(amount('pods')),
    },
    isReady: status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true,
    ...(spec.unschedulable === true && { isUnschedulable: true }),
    ...(annotations?.[doNotDisruptAnnotation] === 'true' && { doNotDisrupt: true }),
    pods,
  };
}
