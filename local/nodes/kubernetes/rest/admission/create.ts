import { randomUUID } from 'node:crypto';
import { invalid, invalidValue } from '../../errors.ts';
import { isRecord, listOf, recordOf, stringsOf, textOf, type Json } from '../../json.ts';
import { kindOf } from '../../kinds.ts';
import type { ClusterObjects, KubernetesObject, Plural } from '../../model.ts';
import type { User } from '../../access/user.ts';
import { admittedPodSpec, qualityOfService } from './pod-defaults.ts';

/** The service network is 10.96.0.0/12; its first addresses are for what has a fixed one, such as the cluster's DNS. */
const firstAddress = 0x0a60_0100;
const addresses = 4000;
const nodePorts = { first: 30_000, last: 32_767 };

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');

function firstFree<T>(candidates: Iterable<T>, taken: ReadonlySet<unknown>): T | undefined {
  for (const each of candidates) if (!taken.has(each)) return each;
  return undefined;
}

function* numbers(from: number, to: number): Iterable<number> {
  for (let each = from; each <= to; each += 1) yield each;
}

/** Gives a service its address and ports, where it needs and lacks them. */
export function allocatedService(
  objects: ClusterObjects,
  service: KubernetesObject,
  before?: KubernetesObject,
): KubernetesObject {
  const spec = recordOf(service['spec']);
  const type = textOf(spec['type']);
  const others = objects
    .list('services')
    .filter((each) => each.metadata.uid !== before?.metadata.uid)
    .map((each) => recordOf(each['spec']));
  const address =
    textOf(spec['clusterIP']) ||
    textOf(recordOf(before?.['spec'])['clusterIP']) ||
    dotted(
      firstFree(
        numbers(firstAddress, firstAddress + addresses),
        new Set(others.map((each) => addressNumber(textOf(each['clusterIP'])))),
      ) ?? 0,
    );
  if (address !== 'None' && others.some((each) => each['clusterIP'] === address))
    throw invalid(kindOf('services'), service.metadata.name, [
      invalidValue('spec.clusterIPs', [address], 'failed to allocate IP: provided IP is already allocated'),
    ]);
  const outside = type === 'NodePort' || type === 'LoadBalancer';
  const taken = new Set<unknown>(
    others.flatMap((each) => listOf(each['ports']).map((port) => port['nodePort'])),
  );
  const portsBefore = listOf(recordOf(before?.['spec'])['ports']);
  const ports = listOf(spec['ports']).map((port) => {
    if (!outside || port['nodePort'] !== undefined) return port;
    const had = portsBefore.find((each) => each['port'] === port['port'])?.['nodePort'];
    const nodePort = had ?? firstFree(numbers(nodePorts.first, nodePorts.last), taken);
    taken.add(nodePort);
    return { ...port, nodePort };
  });
  if (type === 'ExternalName') return service;
  return {
    ...service,
    spec: {
      ...spec,
      ...(spec['ports'] === undefined ? {} : { ports }),
      clusterIP: address,
      clusterIPs: [address],
      ipFamilies: spec['ipFamilies'] ?? ['IPv4'],
      ipFamilyPolicy: spec['ipFamilyPolicy'] ?? 'SingleStack',
    },
  };
}

const addressNumber = (text: string): number =>
  text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

/** A job finds its pods by labels that nobody has to invent. */
function selectingJob(job: KubernetesObject): KubernetesObject {
  const spec = recordOf(job['spec']);
  const template = recordOf(spec['template']);
  if (isRecord(spec['selector']) || spec['manualSelector'] === true) return job;
  const uid = randomUUID();
  const metadata = recordOf(template['metadata']);
  const { name } = job.metadata;
  const labels = {
    ...recordOf(metadata['labels']),
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  return {
    ...job,
    metadata: { ...job.metadata, uid },
    spec: {
      ...spec,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
      template: { ...template, metadata: { ...metadata, labels } },
    },
  };
}

const empty = (object: KubernetesObject): KubernetesObject => ({ ...object, status: {} });

function pod(object: KubernetesObject): KubernetesObject {
  const spec = admittedPodSpec(recordOf(object['spec']));
  return { ...object, spec, status: { phase: 'Pending', qosClass: qualityOfService(spec) } };
}

const ownLabels = (object: KubernetesObject): KubernetesObject => {
  const labels = recordOf(recordOf(recordOf(object['spec'])['template'])['metadata'])['labels'];
  return object.metadata.labels === undefined && isRecord(labels)
    ? { ...object, metadata: { ...object.metadata, labels: labels as Record<string, string> } }
    : object;
};

type Admit = (object: KubernetesObject, objects: ClusterObjects, user: User) => KubernetesObject;

const admit: Readonly<Record<Plural, Admit>> = {
  pods: pod,
  services: (object, objects) => allocatedService(objects, { ...object, status: { loadBalancer: {} } }),
  jobs: (object) => empty(selectingJob(object)),
  deployments: (object) => empty(ownLabels(object)),
  replicasets: (object) => ({ ...ownLabels(object), status: { replicas: 0 } }),
  daemonsets: (object) => ({
    ...ownLabels(object),
    status: {
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    },
  }),
  poddisruptionbudgets: (object) => ({
    ...object,
    status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
  }),
  namespaces: (object) => ({
    ...object,
    spec: { finalizers: [...new Set([...stringsOf(recordOf(object['spec'])['finalizers']), 'kubernetes'])] },
    status: { phase: 'Active' },
  }),
  // Who asks is what the certificate says, never what the request says.
  certificatesigningrequests: (object, _objects, user) => ({
    ...object,
    spec: { ...recordOf(object['spec']), username: user.name, groups: user.groups } satisfies Json,
    status: {},
  }),
};

/** What the server itself decides about a new object: its first status, addresses, who asked. */
export const admittedNew = (
  plural: Plural,
  object: KubernetesObject,
  objects: ClusterObjects,
  user: User,
): KubernetesObject => admit[plural]?.(object, objects, user) ?? object;
