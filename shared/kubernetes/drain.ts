import * as z from 'zod/mini';
import type { PodOnNode } from '../planning/plan-drain.ts';
import { ApiFailure, type ClusterApi } from './api-client.ts';

/** A kubelet runs 110 pods unless it is told otherwise, and never more than some hundreds. */
const podsPerPage = 500;
const pagesMax = 4;

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    annotations: z.optional(z.record(z.string(), z.string())),
    deletionTimestamp: z.optional(z.string()),
    ownerReferences: z.optional(z.array(z.object({ kind: z.string(), controller: z.optional(z.boolean()) }))),
  }),
  status: z.optional(z.object({ phase: z.optional(z.string()) })),
});
const podListSchema = z.object({
  metadata: z.optional(z.object({ continue: z.optional(z.string()) })),
  items: z.array(podSchema),
});

const isNotFound = (error: unknown): boolean =>
  error instanceof ApiFailure && error.status === 404 && error.reason === 'NotFound';

/** Lets nothing new onto the node. False: the cluster does not know it. @throws ApiFailure */
export async function cordon(api: ClusterApi, node: string): Promise<boolean> {
  try {
    await api.patch(`/api/v1/nodes/${node}`, { spec: { unschedulable: true } });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Every pod that is bound to the node. @throws ApiFailure */
export async function podsOn(api: ClusterApi, node: string): Promise<readonly PodOnNode[]> {
  const pods: PodOnNode[] = [];
  const query = new URLSearchParams({ fieldSelector: `spec.nodeName=${node}`, limit: String(podsPerPage) });
  for (let page = 0; page < pagesMax; page += 1) {
    const { metadata, items } = await api.get(`/api/v1/pods?${query.toString()}`, podListSchema);
    pods.push(...items.map(podOnNode));
    const next = metadata?.continue ?? '';
    if (next === '') return pods;
    query.set('continue', next);
  }
  throw new ApiFailure(`the pods on ${node} did not end within ${pagesMax} pages of ${podsPerPage}`);
}

const podOnNode = ({ metadata, status }: z.output<typeof podSchema>): PodOnNode => {
  const { name, namespace, annotations = {}, ownerReferences = [], deletionTimestamp } = metadata;
  const controller = ownerReferences.find((owner) => owner.controller === true)?.kind;
  return {
    namespace,
    name,
    phase: status?.phase ?? 'Unknown',
    isMirror: annotations['kubernetes.io/config.mirror'] !== undefined,
    ...(controller !== undefined && { controller }),
    // Kubernetes writes whole seconds; instants sort as text only when all have one form.
    ...(deletionTimestamp !== undefined && { stopsBy: new Date(deletionTimestamp).toISOString() }),
  };
};

/** What an eviction that a budget refuses says of it, with the budget's name in it. */
const budgetCause = 'DisruptionBudget';
/** Several budgets over one pod: Kubernetes refuses to decide between them, with a 500 and these words. */
const severalBudgets = /more than one PodDisruptionBudget/;

/**
 * Asks for one pod to be stopped with its own grace, as its disruption budgets allow.
 *
 * @returns undefined once it is asked to stop, or is gone; else why it must not be now.
 * @throws ApiFailure also for a 429 that is no budget's: the API server is busy.
 */
export async function evict(
  api: ClusterApi,
  { namespace, name }: Pick<PodOnNode, 'namespace' | 'name'>,
): Promise<string | undefined> {
  try {
    await api.post(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    // In a namespace that is going nothing can be made, and an eviction is something: its pods go with it.
    const isGoing = error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
    if (isNotFound(error) || isGoing) return undefined;
    const refusal = error.causes.find(({ reason }) => reason === budgetCause);
    if (error.status === 429 && refusal !== undefined) return inSentence(refusal.message ?? error.message);
    if (error.status === 500 && severalBudgets.test(error.message))
      return 'more than one disruption budget covers it, which Kubernetes does not decide';
    throw error;
  }
}

const inSentence = (text: string): string => text.replace(/^The /, 'the ').replace(/\.$/, '');
