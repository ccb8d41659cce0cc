import { isRecord, listOf, recordOf, textOf, type Json } from '../../json.ts';
import type { KubernetesObject, Plural } from '../../model.ts';
import { podSpecDefaults, templateDefaults, withDefaults } from './pod-defaults.ts';

const nonEmpty = (value: Json): value is Json => Object.keys(value).length > 0;

function deployment(spec: Json): Json {
  const strategy = recordOf(spec['strategy']);
  const rolling = (strategy['type'] ?? 'RollingUpdate') === 'RollingUpdate';
  return {
    ...withDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 }),
    strategy: rolling
      ? {
          type: 'RollingUpdate',
          rollingUpdate: withDefaults(recordOf(strategy['rollingUpdate']), {
            maxUnavailable: '25%',
            maxSurge: '25%',
          }),
        }
      : strategy,
    template: templateDefaults(spec['template']),
  };
}

function daemonSet(spec: Json): Json {
  const strategy = recordOf(spec['updateStrategy']);
  const rolling = (strategy['type'] ?? 'RollingUpdate') === 'RollingUpdate';
  return {
    ...withDefaults(spec, { revisionHistoryLimit: 10 }),
    updateStrategy: rolling
      ? {
          type: 'RollingUpdate',
          rollingUpdate: withDefaults(recordOf(strategy['rollingUpdate']), {
            maxUnavailable: 1,
            maxSurge: 0,
          }),
        }
      : strategy,
    template: templateDefaults(spec['template']),
  };
}

function job(spec: Json): Json {
  const one = spec['completions'] === undefined && spec['parallelism'] === undefined;
  return {
    ...withDefaults(spec, {
      parallelism: 1,
      ...(one ? { completions: 1 } : {}),
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
    }),
    template: templateDefaults(spec['template']),
  };
}

function service(spec: Json): Json {
  const type = spec['type'] ?? 'ClusterIP';
  const outside = type === 'NodePort' || type === 'LoadBalancer';
  return {
    ...withDefaults(spec, {
      type,
      sessionAffinity: 'None',
      ...(type === 'ExternalName' ? {} : { internalTrafficPolicy: 'Cluster' }),
      ...(outside ? { externalTrafficPolicy: 'Cluster' } : {}),
      ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: true } : {}),
    }),
    ...(spec['ports'] === undefined
      ? {}
      : {
          ports: listOf(spec['ports']).map((port) =>
            withDefaults(port, { protocol: 'TCP', targetPort: port['port'] }),
          ),
        }),
  };
}

const onSpec =
  (how: (spec: Json) => Json) =>
  (object: KubernetesObject): KubernetesObject => {
    const { spec } = object;
    return isRecord(spec) ? { ...object, spec: how(spec) } : object;
  };

const group = 'rbac.authorization.k8s.io';

const binding = (object: KubernetesObject): KubernetesObject => ({
  ...object,
  roleRef: withDefaults(recordOf(object['roleRef']), { apiGroup: group }),
  ...(object['subjects'] === undefined
    ? {}
    : {
        subjects: listOf(object['subjects']).map((subject) =>
          subject['kind'] === 'ServiceAccount'
            ? withDefaults(subject, { namespace: object.metadata.namespace })
            : withDefaults(subject, { apiGroup: group }),
        ),
      }),
});

function secret({ stringData, ...object }: KubernetesObject): KubernetesObject {
  const added = Object.entries(recordOf(stringData)).map(
    ([key, value]) => [key, Buffer.from(textOf(value)).toString('base64')] as const,
  );
  const data = { ...recordOf(object['data']), ...Object.fromEntries(added) };
  return {
    ...object,
    ...(nonEmpty(data) ? { data } : {}),
    type: textOf(object['type']) || 'Opaque',
  };
}

const defaults: Readonly<Record<Plural, (object: KubernetesObject) => KubernetesObject>> = {
  pods: onSpec(podSpecDefaults),
  deployments: onSpec(deployment),
  daemonsets: onSpec(daemonSet),
  replicasets: onSpec((spec) => ({
    ...withDefaults(spec, { replicas: 1 }),
    template: templateDefaults(spec['template']),
  })),
  jobs: onSpec(job),
  services: onSpec(service),
  secrets: secret,
  rolebindings: binding,
  clusterrolebindings: binding,
  namespaces: (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name },
    },
    spec: recordOf(object['spec']),
  }),
  endpointslices: (object) => ({
    ...object,
    ports: listOf(object['ports']).map((port) => withDefaults(port, { name: '', protocol: 'TCP' })),
  }),
};

/** Completes an object as the API server does, so that controllers and kubectl find what they rely on. */
export const withKindDefaults = (plural: Plural, object: KubernetesObject): KubernetesObject =>
  defaults[plural]?.(object) ?? object;
