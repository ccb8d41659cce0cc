import * as z from 'zod/mini';

/**
 * Of Kubernetes' objects the fields that choosing nodes needs, and no others: whatever else a page holds is let go as soon as
 * it is read. Fields that are absent or null mean the same to Kubernetes.
 */
const text = z.string();
const quantity = z.union([z.string(), z.number()]);
const maybe = <Schema extends z.ZodMiniType>(schema: Schema) => z.optional(z.nullable(schema));
const textMap = maybe(z.record(text, text));
const quantities = maybe(z.record(text, quantity));

const requirement = z.object({ key: text, operator: text, values: maybe(z.array(text)) });
export const selectorForm = z.object({ matchLabels: textMap, matchExpressions: maybe(z.array(requirement)) });
const nodeTerm = z.object({
  matchExpressions: maybe(z.array(requirement)),
  matchFields: maybe(z.array(requirement)),
});
const podTerm = z.object({
  topologyKey: text,
  labelSelector: maybe(selectorForm),
  namespaces: maybe(z.array(text)),
  namespaceSelector: maybe(selectorForm),
});
const podAffinity = z.object({
  requiredDuringSchedulingIgnoredDuringExecution: maybe(z.array(podTerm)),
  preferredDuringSchedulingIgnoredDuringExecution: maybe(
    z.array(z.object({ weight: z.number(), podAffinityTerm: podTerm })),
  ),
});
const affinity = z.object({
  nodeAffinity: maybe(
    z.object({
      requiredDuringSchedulingIgnoredDuringExecution: maybe(
        z.object({ nodeSelectorTerms: z.array(nodeTerm) }),
      ),
      preferredDuringSchedulingIgnoredDuringExecution: maybe(
        z.array(z.object({ weight: z.number(), preference: nodeTerm })),
      ),
    }),
  ),
  podAffinity: maybe(podAffinity),
  podAntiAffinity: maybe(podAffinity),
});
const toleration = z.object({
  key: maybe(text),
  operator: maybe(text),
  value: maybe(text),
  effect: maybe(text),
});
const spread = z.object({
  maxSkew: z.number(),
  topologyKey: text,
  whenUnsatisfiable: text,
  labelSelector: maybe(selectorForm),
  matchLabelKeys: maybe(z.array(text)),
  minDomains: maybe(z.number()),
  nodeAffinityPolicy: maybe(text),
  nodeTaintsPolicy: maybe(text),
});
const resources = maybe(z.object({ requests: quantities }));
const container = z.object({
  restartPolicy: maybe(text),
  resources,
  ports: maybe(z.array(z.object({ hostPort: maybe(z.number()), protocol: maybe(text) }))),
});

export const podSpecForm = z.object({
  containers: z.array(container),
  initContainers: maybe(z.array(container)),
  overhead: quantities,
  resources,
  nodeName: maybe(text),
  nodeSelector: textMap,
  affinity: maybe(affinity),
  tolerations: maybe(z.array(toleration)),
  topologySpreadConstraints: maybe(z.array(spread)),
  priority: maybe(z.number()),
  schedulerName: maybe(text),
  schedulingGates: maybe(z.array(z.unknown())),
  volumes: maybe(
    z.array(z.object({ persistentVolumeClaim: maybe(z.unknown()), ephemeral: maybe(z.unknown()) })),
  ),
});

export const podForm = z.object({
  metadata: z.object({
    name: text,
    namespace: text,
    labels: textMap,
    annotations: textMap,
    deletionTimestamp: maybe(text),
    ownerReferences: maybe(z.array(z.object({ kind: text, controller: maybe(z.boolean()) }))),
  }),
  spec: podSpecForm,
  status: maybe(z.object({ phase: maybe(text), nominatedNodeName: maybe(text) })),
});

export const nodeForm = z.object({
  metadata: z.object({ name: text, labels: textMap, annotations: textMap }),
  spec: z.object({
    unschedulable: maybe(z.boolean()),
    taints: maybe(z.array(z.object({ key: text, value: maybe(text), effect: text }))),
  }),
  status: z.object({
    allocatable: quantities,
    conditions: maybe(z.array(z.object({ type: text, status: text }))),
  }),
});

export const daemonSetForm = z.object({
  metadata: z.object({ name: text, namespace: text }),
  spec: z.object({ template: z.object({ spec: podSpecForm }) }),
});

export const budgetForm = z.object({
  metadata: z.object({ name: text, namespace: text }),
  spec: z.object({ selector: maybe(selectorForm) }),
  status: maybe(z.object({ disruptionsAllowed: maybe(z.number()) })),
});

export const namespaceForm = z.object({ metadata: z.object({ name: text, labels: textMap }) });

export type SelectorForm = z.output<typeof selectorForm>;
export type PodForm = z.output<typeof podForm>;
export type PodSpecForm = z.output<typeof podSpecForm>;
export type NodeForm = z.output<typeof nodeForm>;
