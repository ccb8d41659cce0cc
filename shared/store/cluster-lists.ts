import type { Cluster } from '../domain/cluster.ts';
import type { ClusterId } from '../domain/ids.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { duePk, keys, shardCount } from './keys.ts';
import type { ClusterStore } from './store.ts';
import { entityOf, type Attributes, type Table } from './table.ts';

const pageSizeMax = 100;

/** Sorts clusters by creation. */
const place = (item: Attributes): string => `${String(item['createdAt'])} ${String(item['id'])}`;

/** These attributes of every live cluster: each has a due time, so the index has them all. */
const indexed = async (table: Table, project: readonly string[]): Promise<readonly Attributes[]> =>
  (
    await Promise.all(
      Array.from({ length: shardCount }, async (_, shard) =>
        table.query({ when: '#duePk = :shard', values: { shard: duePk(shard) } }, { index: 'due', project }),
      ),
    )
  ).flat();

/** Each once, in no order. */
export const livingIds = async (table: Table): Promise<readonly ClusterId[]> => [
  ...new Set((await indexed(table, ['id'])).map(({ id }) => String(id))),
];

export async function listClusters(
  table: Table,
  { limit, cursor }: Parameters<ClusterStore['list']>[0],
): ReturnType<ClusterStore['list']> {
  const [createdAfter, idAfter] = cursor === undefined ? ['', ''] : decodeCursor(cursor, 2);
  // dueAt moves all the time, so pages cannot follow the index: the ids alone are read from it, then one page of items.
  const ids = await indexed(table, ['id', 'createdAt']);
  const after = `${createdAfter} ${idAfter}`;
  // A cluster that becomes due between two pages of its shard is read in both.
  const once = new Map(ids.map((item) => [String(item['id']), item]));
  const left = [...once.values()]
    .filter((item) => cursor === undefined || place(item) > after)
    .toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
  const page = left.slice(0, Math.max(1, Math.min(limit, pageSizeMax)));
  const items = await table.getMany(page.map((item) => keys.cluster(String(item['id']))));
  const last = page.at(-1);
  return {
    items: items
      .filter((item) => item !== undefined)
      .map((item) => entityOf<Cluster>(item))
      .filter((cluster) => cluster.status !== 'deleted'),
    ...(last !== undefined &&
      left.length > page.length && {
        cursor: encodeCursor([String(last['createdAt']), String(last['id'])]),
      }),
  };
}

export async function listPlaces(table: Table): ReturnType<ClusterStore['places']> {
  const places = (await indexed(table, ['region', 'clouds'])).flatMap((item) => {
    const { region, clouds } = item as unknown as Pick<Cluster, 'region' | 'clouds'>;
    return clouds.map(({ cloud, accountId }) => ({ region, cloud, accountId }));
  });
  return [...new Map(places.map((each) => [Object.values(each).join('#'), each])).values()];
}
