import { isRecord, listOf, recordOf, textOf, type Json } from '../../json.ts';

const mapped = (list: unknown, how: (each: Json) => Json): unknown =>
  Array.isArray(list) ? listOf(list).map(how) : list;

/** Fields that are absent take the default; what is there stays. */
export const withDefaults = (value: Json, defaults: Json): Json => ({
  ...Object.fromEntries(
    Object.entries(defaults).filter(([name, each]) => each !== undefined && value[name] === undefined),
  ),
  ...value,
});

const ports = (list: unknown, hostNetwork: boolean): unknown =>
  mapped(list, (port) =>
    withDefaults(port, {
      protocol: 'TCP',
      ...(hostNetwork ? { hostPort: port['containerPort'] } : {}),
    }),
  );

function probe(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { httpGet } = value;
  return withDefaults(
    {
      ...value,
      ...(isRecord(httpGet) ? { httpGet: withDefaults(httpGet, { path: '/', scheme: 'HTTP' }) } : {}),
    },
    { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  );
}

/** The tag `latest`, or none, may be another image tomorrow. */
const pullPolicy = (image: string): string => {
  const [, tag] = /:([^:/@]+)$/.exec(image) ?? [];
  return !image.includes('@') && (tag === undefined || tag === 'latest') ? 'Always' : 'IfNotPresent';
};

function resources(value: unknown): Json {
  const { limits, requests, ...rest } = recordOf(value);
  // What is limited and not requested is requested as far as it is limited.
  const wanted = { ...recordOf(limits), ...recordOf(requests) };
  return {
    ...rest,
    ...(isRecord(limits) ? { limits } : {}),
    ...(Object.keys(wanted).length > 0 || isRecord(requests) ? { requests: wanted } : {}),
  };
}

const container = (value: Json, hostNetwork: boolean): Json => {
  const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'].filter(
    (name) => value[name] !== undefined,
  );
  return withDefaults(
    {
      ...value,
      ...Object.fromEntries(probes.map((name) => [name, probe(value[name])])),
      ...(value['ports'] === undefined ? {} : { ports: ports(value['ports'], hostNetwork) }),
      ...(value['env'] === undefined ? {} : { env: mapped(value['env'], variable) }),
      resources: resources(value['resources']),
    },
    {
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: pullPolicy(textOf(value['image'])),
    },
  );
};

const variable = (value: Json): Json => {
  const from = recordOf(value['valueFrom']);
  if (!isRecord(from['fieldRef'])) return value;
  return {
    ...value,
    valueFrom: { ...from, fieldRef: withDefaults(from['fieldRef'], { apiVersion: 'v1' }) },
  };
};

const fileMode = 0o644;

function volume(value: Json): Json {
  const changed = { ...value };
  for (const source of ['secret', 'configMap', 'downwardAPI', 'projected'])
    if (isRecord(value[source])) changed[source] = withDefaults(value[source], { defaultMode: fileMode });
  if (isRecord(value['hostPath'])) changed['hostPath'] = withDefaults(value['hostPath'], { type: '' });
  const sources = Object.keys(value).filter((name) => name !== 'name');
  return sources.length === 0 ? { ...changed, emptyDir: {} } : changed;
}

/** The spec of a pod or of a template, as Kubernetes completes it. */
export function podSpecDefaults(spec: Json): Json {
  const hostNetwork = spec['hostNetwork'] === true;
  const lists = ['initContainers', 'containers', 'ephemeralContainers'].filter((name) =>
    Array.isArray(spec[name]),
  );
  const account = textOf(spec['serviceAccountName']) || textOf(spec['serviceAccount']);
  return withDefaults(
    {
      ...spec,
      ...Object.fromEntries(
        lists.map((name) => [name, mapped(spec[name], (each) => container(each, hostNetwork))]),
      ),
      ...(spec['volumes'] === undefined ? {} : { volumes: mapped(spec['volumes'], volume) }),
      ...(account === '' ? {} : { serviceAccount: account, serviceAccountName: account }),
    },
    {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
      securityContext: {},
    },
  );
}

export function templateDefaults(template: unknown): unknown {
  if (!isRecord(template)) return template;
  const { spec } = template;
  return { ...template, ...(isRecord(spec) ? { spec: podSpecDefaults(spec) } : {}) };
}

const priorities: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

/** How long a pod stays on a node that is lost, when it says nothing else. */
const lostNodeSeconds = 300;

/** Cannot be told from what the pod asks for alone by eye: so it is worked out once, when the pod is made. */
export function qualityOfService(spec: Json): string {
  const containers = [...listOf(spec['initContainers']), ...listOf(spec['containers'])].map((each) =>
    recordOf(each['resources']),
  );
  const names = ['cpu', 'memory'];
  const some = containers.some(({ requests, limits }) =>
    names.some((name) => recordOf(requests)[name] !== undefined || recordOf(limits)[name] !== undefined),
  );
  if (!some) return 'BestEffort';
  const all = containers.every(({ requests, limits }) =>
    names.every(
      (name) =>
        recordOf(limits)[name] !== undefined &&
        (recordOf(requests)[name] ?? recordOf(limits)[name]) === recordOf(limits)[name],
    ),
  );
  return all ? 'Guaranteed' : 'Burstable';
}

/** What admission adds to a pod itself and not to a template. */
export function admittedPodSpec(spec: Json): Json {
  const tolerations = listOf(spec['tolerations']);
  const tolerates = (key: string): boolean =>
    tolerations.some(
      (each) =>
        (each['key'] === key || textOf(each['key']) === '') &&
        (each['effect'] === 'NoExecute' || textOf(each['effect']) === ''),
    );
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
    .filter((key) => !tolerates(key))
    .map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: lostNodeSeconds,
    }));
  return {
    ...withDefaults(spec, {
      serviceAccount: 'default',
      serviceAccountName: 'default',
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
      priority: priorities[textOf(spec['priorityClassName'])] ?? 0,
    }),
    tolerations: [...tolerations, ...added],
  };
}
