import { listOf, recordOf, textOf } from '../../json.ts';
import type { KubernetesObject } from '../../model.ts';
import { age, none, specOf, statusOf, unknown, type Column } from './column.ts';

const rolePrefix = 'node-role.kubernetes.io/';

function state(node: KubernetesObject): string {
  const ready = listOf(statusOf(node)['conditions']).find((each) => each['type'] === 'Ready');
  const word = ready === undefined ? 'Unknown' : textOf(ready['status']) === 'True' ? 'Ready' : 'NotReady';
  return specOf(node)['unschedulable'] === true ? `${word},SchedulingDisabled` : word;
}

function roles({ metadata: { labels = {} } }: KubernetesObject): string {
  const found = Object.entries(labels).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return [key.slice(rolePrefix.length)];
    return key === 'kubernetes.io/role' ? [value] : [];
  });
  return found.sort().join(',') || none;
}

const address =
  (type: string) =>
  (node: KubernetesObject): string =>
    textOf(listOf(statusOf(node)['addresses']).find((each) => each['type'] === type)?.['address']) || none;

const info =
  (field: string) =>
  (node: KubernetesObject): string =>
    textOf(recordOf(statusOf(node)['nodeInfo'])[field]) || unknown;

export const nodeColumns: readonly Column[] = [
  { name: 'Status', cell: state },
  { name: 'Roles', cell: roles },
  { name: 'Age', cell: age },
  { name: 'Version', cell: (node) => textOf(recordOf(statusOf(node)['nodeInfo'])['kubeletVersion']) },
  { name: 'Internal-IP', priority: 1, cell: address('InternalIP') },
  { name: 'External-IP', priority: 1, cell: address('ExternalIP') },
  { name: 'OS-Image', priority: 1, cell: info('osImage') },
  { name: 'Kernel-Version', priority: 1, cell: info('kernelVersion') },
  { name: 'Container-Runtime', priority: 1, cell: info('containerRuntimeVersion') },
];
