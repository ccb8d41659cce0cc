import type { Json } from '../../json.ts';
import type { KubernetesObject, Plural } from '../../model.ts';
import { accessColumns } from './access-columns.ts';
import { age, type Column } from './column.ts';
import { nodeColumns } from './node-columns.ts';
import { podColumns } from './pod-columns.ts';
import { configColumns } from './config-columns.ts';
import { workloadColumns } from './workload-columns.ts';

const columnsOf: Readonly<Record<Plural, readonly Column[]>> = {
  ...accessColumns,
  ...configColumns,
  ...workloadColumns,
  nodes: nodeColumns,
  pods: podColumns,
};

const otherwise: readonly Column[] = [{ name: 'Age', cell: age }];

/** Kubernetes' `Table`: what kubectl prints, so the columns are those its users know; a priority of 1 is `-o wide`. */
export function tableOf(options: {
  readonly plural: Plural;
  readonly items: readonly KubernetesObject[];
  readonly metadata: Json;
  readonly withColumns: boolean;
  /** Epoch milliseconds: ages are of now. */
  readonly now: number;
  readonly rowObject: (object: KubernetesObject) => Json | undefined;
}): Json {
  const { plural, items, metadata, withColumns, now, rowObject } = options;
  const columns: readonly Column[] = columnsOf[plural] ?? otherwise;
  // Events say when and what before which.
  const named: readonly Column[] =
    plural === 'events'
      ? columns
      : [{ name: 'Name', format: 'name', cell: ({ metadata: { name } }) => name }, ...columns];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns
      ? named.map(({ name, type = 'string', format = '', priority = 0 }) => ({
          name,
          type,
          format,
          description: '',
          priority,
        }))
      : null,
    rows: items.map((object) => {
      const kept = rowObject(object);
      return {
        cells: named.map(({ cell }) => cell(object, now)),
        ...(kept === undefined ? {} : { object: kept }),
      };
    }),
  };
}
