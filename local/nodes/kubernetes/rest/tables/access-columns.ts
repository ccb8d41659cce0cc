import { listOf, recordOf, textOf } from '../../json.ts';
import type { KubernetesObject, Plural } from '../../model.ts';
import { age, type Column } from './column.ts';

const ageColumn: Column = { name: 'Age', cell: age };

/** As Kubernetes prints it for roles, in full. */
const createdAt: Column = {
  name: 'Created At',
  type: 'date',
  cell: ({ metadata }) => metadata.creationTimestamp ?? '',
};

const subjects =
  (kind: string) =>
  (binding: KubernetesObject): string =>
    listOf(binding['subjects'])
      .filter((each) => each['kind'] === kind)
      .map((each) =>
        kind === 'ServiceAccount'
          ? `${textOf(each['namespace'])}/${textOf(each['name'])}`
          : textOf(each['name']),
      )
      .join(', ');

const binding: readonly Column[] = [
  {
    name: 'Role',
    cell: (object) => {
      const { kind, name } = recordOf(object['roleRef']);
      return `${textOf(kind)}/${textOf(name)}`;
    },
  },
  ageColumn,
  { name: 'Users', priority: 1, cell: subjects('User') },
  { name: 'Groups', priority: 1, cell: subjects('Group') },
  { name: 'ServiceAccounts', priority: 1, cell: subjects('ServiceAccount') },
];

export const accessColumns: Readonly<Record<Plural, readonly Column[]>> = {
  roles: [createdAt],
  clusterroles: [createdAt],
  rolebindings: binding,
  clusterrolebindings: binding,
  serviceaccounts: [{ name: 'Secrets', cell: (object) => listOf(object['secrets']).length }, ageColumn],
};
