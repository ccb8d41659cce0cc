import { listOf, numberOf, recordOf, textOf } from '../../json.ts';
import type { KubernetesObject, Plural } from '../../model.ts';
import {
  age,
  containerColumns,
  duration,
  labelsText,
  none,
  selectorText,
  specOf,
  statusOf,
  type Column,
} from './column.ts';

const ageColumn: Column = { name: 'Age', cell: age };

const count = (name: string, from: 'spec' | 'status', field: string): Column => ({
  name,
  type: 'integer',
  cell: (object) => numberOf(recordOf(object[from])[field]),
});

const selector: Column = {
  name: 'Selector',
  priority: 1,
  cell: (object) => selectorText(specOf(object)['selector']),
};

function jobState(job: KubernetesObject): string {
  const is = (type: string): boolean =>
    listOf(statusOf(job)['conditions']).some((each) => each['type'] === type && each['status'] === 'True');
  if (is('Complete')) return 'Complete';
  if (is('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (is('Suspended')) return 'Suspended';
  return is('FailureTarget') ? 'FailureTarget' : 'Running';
}

function jobDuration(job: KubernetesObject, now: number): string {
  const { startTime, completionTime } = statusOf(job);
  if (typeof startTime !== 'string') return '';
  const end = typeof completionTime === 'string' ? Date.parse(completionTime) : now;
  return duration((end - Date.parse(startTime)) / 1000);
}

const outsideAddresses = (service: KubernetesObject): string =>
  listOf(recordOf(statusOf(service)['loadBalancer'])['ingress'])
    .map((each) => textOf(each['ip']) || textOf(each['hostname']))
    .join(',');

function externalAddress(service: KubernetesObject): string {
  const spec = specOf(service);
  if (spec['type'] === 'ExternalName') return textOf(spec['externalName']);
  const given = Array.isArray(spec['externalIPs']) ? spec['externalIPs'].join(',') : '';
  if (spec['type'] === 'LoadBalancer')
    return [outsideAddresses(service), given].filter((each) => each !== '').join(',') || '<pending>';
  return given || none;
}

const budgetLimit =
  (field: string) =>
  (budget: KubernetesObject): string => {
    const value = specOf(budget)[field];
    return value === undefined ? 'N/A' : JSON.stringify(value).replaceAll('"', '');
  };

const endpointsMax = 3;
const shortened = (list: readonly string[]): string => {
  if (list.length === 0) return none;
  const more = list.length - endpointsMax;
  return list.slice(0, endpointsMax).join(',') + (more > 0 ? ` + ${more} more...` : '');
};

/** What runs pods and what leads to them. */
export const workloadColumns: Readonly<Record<Plural, readonly Column[]>> = {
  deployments: [
    {
      name: 'Ready',
      cell: (object) =>
        `${numberOf(statusOf(object)['readyReplicas'])}/${numberOf(specOf(object)['replicas'])}`,
    },
    count('Up-to-date', 'status', 'updatedReplicas'),
    count('Available', 'status', 'availableReplicas'),
    ageColumn,
    ...containerColumns,
    selector,
  ],
  replicasets: [
    count('Desired', 'spec', 'replicas'),
    count('Current', 'status', 'replicas'),
    count('Ready', 'status', 'readyReplicas'),
    ageColumn,
    ...containerColumns,
    selector,
  ],
  daemonsets: [
    count('Desired', 'status', 'desiredNumberScheduled'),
    count('Current', 'status', 'currentNumberScheduled'),
    count('Ready', 'status', 'numberReady'),
    count('Up-to-date', 'status', 'updatedNumberScheduled'),
    count('Available', 'status', 'numberAvailable'),
    {
      name: 'Node Selector',
      cell: (object) =>
        labelsText(recordOf(recordOf(recordOf(specOf(object)['template'])['spec'])['nodeSelector'])) || none,
    },
    ageColumn,
    ...containerColumns,
    selector,
  ],
  jobs: [
    { name: 'Status', cell: jobState },
    {
      name: 'Completions',
      cell: (job) => {
        const { completions, parallelism } = specOf(job);
        const done = numberOf(statusOf(job)['succeeded']);
        if (completions !== undefined) return `${done}/${numberOf(completions)}`;
        return numberOf(parallelism) > 1 ? `${done}/1 of ${numberOf(parallelism)}` : `${done}/1`;
      },
    },
    { name: 'Duration', cell: jobDuration },
    ageColumn,
    ...containerColumns,
    selector,
  ],
  services: [
    { name: 'Type', cell: (object) => textOf(specOf(object)['type']) },
    { name: 'Cluster-IP', cell: (object) => textOf(specOf(object)['clusterIP']) || none },
    { name: 'External-IP', cell: externalAddress },
    {
      name: 'Port(s)',
      cell: (object) =>
        listOf(specOf(object)['ports'])
          .map((each) => {
            const nodePort = numberOf(each['nodePort']);
            return `${numberOf(each['port'])}${nodePort > 0 ? `:${nodePort}` : ''}/${textOf(each['protocol'])}`;
          })
          .join(',') || none,
    },
    ageColumn,
    {
      name: 'Selector',
      priority: 1,
      cell: (object) => labelsText(recordOf(specOf(object)['selector'])) || none,
    },
  ],
  poddisruptionbudgets: [
    { name: 'Min Available', cell: budgetLimit('minAvailable') },
    { name: 'Max Unavailable', cell: budgetLimit('maxUnavailable') },
    count('Allowed Disruptions', 'status', 'disruptionsAllowed'),
    ageColumn,
  ],
  endpoints: [
    {
      name: 'Endpoints',
      cell: (object) =>
        shortened(
          listOf(object['subsets']).flatMap((subset) =>
            listOf(subset['addresses']).flatMap((address) =>
              listOf(subset['ports']).map((port) => `${textOf(address['ip'])}:${numberOf(port['port'])}`),
            ),
          ),
        ),
    },
    ageColumn,
  ],
  endpointslices: [
    { name: 'AddressType', cell: (object) => textOf(object['addressType']) },
    {
      name: 'Ports',
      cell: (object) => shortened(listOf(object['ports']).map((each) => String(numberOf(each['port'])))),
    },
    {
      name: 'Endpoints',
      cell: (object) =>
        shortened(
          listOf(object['endpoints']).flatMap((each) =>
            Array.isArray(each['addresses']) ? each['addresses'].map(String) : [],
          ),
        ),
    },
    ageColumn,
  ],
};
