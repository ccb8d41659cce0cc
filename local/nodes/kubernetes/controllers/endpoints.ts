import type { KubernetesObject } from '../model.ts';
import { isLeaving, isOver, isReady } from './conditions.ts';
import { keyOf, placeOf } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { controllerReference, nameWithSuffix, randomSuffix } from './new-pod.ts';
import { selects } from './selectors.ts';
import type { Pod } from './shapes.ts';

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

interface Service extends KubernetesObject {
  readonly spec: {
    readonly type?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
    readonly publishNotReadyAddresses?: boolean;
  };
}

/** What the pods behind a service are reached at, for one set of port numbers. */
interface Backend {
  readonly pod: Pod;
  readonly address: string;
  readonly ready: boolean;
}

const sliceEndpointsMax = 100;
const managedBy = 'endpointslice-controller.k8s.io';
const serviceName = 'kubernetes.io/service-name';

/** A named port is looked for among the pod's own. */
function portOf(pod: Pod, { port, targetPort, protocol = 'TCP' }: ServicePort): number | undefined {
  if (targetPort === undefined || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  return pod.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find((each) => each.name === targetPort && (each.protocol ?? 'TCP') === protocol)?.containerPort;
}

const target = ({ metadata: { name, namespace = '', uid = '' } }: Pod): Readonly<Record<string, string>> => ({
  kind: 'Pod',
  namespace,
  name,
  uid,
});

/** Keeps what a service with a selector leads to, in the old form and in slices. */
export function createEndpointsController({ objects, index }: ControllerContext): Controller {
  const backends = (service: Service): readonly Backend[] =>
    index
      .podsIn(service.metadata.namespace ?? '')
      .filter((pod) => selects({ matchLabels: service.spec.selector ?? {} }, pod.metadata.labels))
      .flatMap((pod) => {
        const { podIP = '' } = pod.status ?? {};
        if (podIP === '' || isOver(pod)) return [];
        const ready = (isReady(pod) && !isLeaving(pod)) || service.spec.publishNotReadyAddresses === true;
        return [{ pod, address: podIP, ready }];
      })
      .sort((a, b) => (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1));

  const portsFor = (service: Service, pod: Pod): readonly object[] =>
    (service.spec.ports ?? []).flatMap((each) => {
      const port = portOf(pod, each);
      if (port === undefined) return [];
      const { name, protocol = 'TCP', appProtocol } = each;
      return [
        {
          ...(name === undefined ? {} : { name }),
          port,
          protocol,
          ...(appProtocol === undefined ? {} : { appProtocol }),
        },
      ];
    });

  /** Pods that name their ports differently are listed apart. */
  const groups = (service: Service): readonly { ports: readonly object[]; all: readonly Backend[] }[] =>
    [...Map.groupBy(backends(service), ({ pod }) => JSON.stringify(portsFor(service, pod)))].map(
      ([ports, all]) => ({ ports: JSON.parse(ports) as readonly object[], all }),
    );

  const put = (plural: string, wanted: KubernetesObject, present: KubernetesObject | undefined): void => {
    if (present === undefined) {
      objects.create(plural, wanted);
      return;
    }
    objects.change(plural, present.metadata.name, present.metadata.namespace, (object) => ({
      ...object,
      ...wanted,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...wanted.metadata.labels } },
    }));
  };

  const putEndpoints = (service: Service): void => {
    const { name, namespace = '', labels } = service.metadata;
    const address = ({ pod, address }: Backend): object => ({
      ip: address,
      ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
      targetRef: target(pod),
    });
    const subsets = groups(service).map(({ ports, all }) => {
      const ready = all.filter((each) => each.ready).map(address);
      const notReady = all.filter((each) => !each.ready).map(address);
      return {
        ...(ready.length === 0 ? {} : { addresses: ready }),
        ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
        ports,
      };
    });
    put(
      'endpoints',
      {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: {
          name,
          namespace,
          labels: { ...labels, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
        },
        subsets,
      },
      objects.get('endpoints', name, namespace),
    );
  };

  const putSlices = (service: Service): void => {
    const { name, namespace = '' } = service.metadata;
    const present = [...index.controlledBy(service.metadata.uid ?? '', 'endpointslices')];
    const all = groups(service);
    const chunks = (all.length === 0 ? [{ ports: [], all: [] }] : all).flatMap((group) =>
      Array.from({ length: Math.max(1, Math.ceil(group.all.length / sliceEndpointsMax)) }, (_, index) => ({
        ports: group.ports,
        backends: group.all.slice(index * sliceEndpointsMax, (index + 1) * sliceEndpointsMax),
      })),
    );
    for (const [index, { ports, backends }] of chunks.entries()) {
      const before = present[index];
      const wanted: KubernetesObject = {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: before?.metadata.name ?? nameWithSuffix(name, randomSuffix()),
          namespace,
          labels: { [serviceName]: name, 'endpointslice.kubernetes.io/managed-by': managedBy },
          ownerReferences: [controllerReference(service)],
        },
        addressType: 'IPv4',
        endpoints: backends.map(({ pod, address, ready }) => {
          const { nodeName } = pod.spec;
          const node = nodeName === undefined ? undefined : objects.get('nodes', nodeName);
          const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
          return {
            addresses: [address],
            conditions: { ready, serving: isReady(pod), terminating: isLeaving(pod) },
            ...(nodeName === undefined ? {} : { nodeName }),
            ...(zone === undefined ? {} : { zone }),
            targetRef: target(pod),
          };
        }),
        ports,
      };
      put('endpointslices', wanted, before);
    }
    for (const { metadata } of present.slice(chunks.length)) {
      objects.remove('endpointslices', metadata.name, metadata.namespace);
    }
  };

  /** The services that this pod is, or was, behind. */
  const servicesOf = (pods: readonly Pod[]): readonly string[] => [
    ...new Set(
      pods.flatMap((pod) =>
        objects
          .list('services', pod.metadata.namespace)
          .filter((service) => {
            const { selector } = (service as Service).spec;
            return selector !== undefined && selects({ matchLabels: selector }, pod.metadata.labels);
          })
          .map(keyOf),
      ),
    ),
  ];

  return {
    name: 'endpoints',
    keys: () => objects.list('services').map(keyOf),
    wokenBy: ({ plural, object, before }) => {
      if (plural === 'services') return [keyOf(object)];
      if (plural !== 'pods') return [];
      const [now, had] = [object as Pod, before as Pod | undefined];
      const moved =
        had === undefined ||
        had.status?.podIP !== now.status?.podIP ||
        isReady(had) !== isReady(now) ||
        isLeaving(had) !== isLeaving(now) ||
        isOver(had) !== isOver(now) ||
        JSON.stringify(had.metadata.labels) !== JSON.stringify(now.metadata.labels);
      return moved || !objects.get('pods', now.metadata.name, now.metadata.namespace)
        ? servicesOf(had === undefined ? [now] : [now, had])
        : [];
    },
    reconcile: (key) => {
      const { namespace, name } = placeOf(key);
      const service = objects.get('services', name, namespace) as Service | undefined;
      if (service === undefined) {
        // Only its own: endpoints may be made by hand, for services that are not there yet.
        const left = objects.get('endpoints', name, namespace);
        if (left?.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') {
          objects.remove('endpoints', name, namespace);
        }
        return undefined;
      }
      const { selector, type } = service.spec;
      const leaving = objects.get('namespaces', namespace)?.metadata.deletionTimestamp !== undefined;
      if (selector === undefined || type === 'ExternalName' || leaving) return undefined;
      putEndpoints(service);
      putSlices(service);
      return undefined;
    },
  };
}
