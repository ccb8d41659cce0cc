import { gunzipSync, gzipSync } from 'node:zlib';
import type { Pod } from '../domain/pod.ts';
import type { SeenNode, Workload, WorkloadSighting } from '../domain/workload.ts';
import { plusSeconds, type Instant } from '../domain/ids.ts';
import { keys } from './keys.ts';
import type { WorkloadStore } from './store.ts';
import { entityOf, epochSeconds, type Table } from './table.ts';

/** What nobody has looked at for so long is of no more use. */
const keptSeconds = 24 * 60 * 60;
/** An item holds 400 KB with its keys and everything. 28,000 pods of a hundred kinds take half of it. */
const charactersMax = 360_000;

/** More different pods than one item holds. */
export class WorkloadTooLarge extends Error {
  override readonly name = 'WorkloadTooLarge';
}

type Stored = Pick<WorkloadSighting, 'clusterId' | 'at' | 'failure'> & {
  readonly packed?: string;
  /** By the node's name. */
  readonly emptySince?: Readonly<Record<string, Instant>>;
};

export const workloadStore = (table: Table): WorkloadStore => ({
  async put(sighting) {
    const { clusterId, at, failure, workload } = sighting;
    const stored: Stored = {
      clusterId,
      at,
      ...(failure !== undefined && { failure }),
      ...(workload !== undefined && { packed: pack(workload), emptySince: emptySinceOf(workload) }),
    };
    // Looks may overtake one another: what was begun later stays, and the refusal is no error.
    await table.put(
      keys.workload(clusterId),
      { ...stored, expiresAt: epochSeconds(plusSeconds(at, keptSeconds)) },
      { when: 'attribute_not_exists(#pk) OR #at <= :at', values: { at } },
    );
  },

  async get(clusterId) {
    const item = await table.get(keys.workload(clusterId));
    if (item === undefined) return undefined;
    const { at, failure, packed, emptySince = {} } = entityOf<Stored>(item);
    return packed === undefined
      ? { clusterId, at, failure: failure ?? 'nothing was stored' }
      : { clusterId, at, workload: unpack(packed, emptySince) };
  },
});

const emptySinceOf = ({ nodes }: Workload): NonNullable<Stored['emptySince']> =>
  Object.fromEntries(
    nodes.flatMap(({ name, emptySince }) => (emptySince === undefined ? [] : [[name, emptySince] as const])),
  );

type Kind = Omit<Pod, 'name'>;
/** A pod's kind, by its place among the kinds, and its name; one pod after the other. */
type Pods = readonly (number | string)[];

/** Thousands of pods are of a few kinds: each kind is written once. */
interface Packed extends Omit<Workload, 'nodes' | 'waiting'> {
  readonly kinds: readonly Kind[];
  readonly nodes: readonly (Omit<SeenNode, 'pods' | 'emptySince'> & { readonly pods: Pods })[];
  readonly waiting: Pods;
}

/** gzip in base64. @throws WorkloadTooLarge */
function pack({ nodes, waiting, ...rest }: Workload): string {
  const places = new Map<string, number>();
  const packed = (pods: readonly Pod[]): Pods =>
    pods.flatMap(({ name, ...kind }) => {
      const text = JSON.stringify(kind);
      const place = places.get(text) ?? places.size;
      places.set(text, place);
      return [place, name];
    });
  const all: Omit<Packed, 'kinds'> = {
    ...rest,
    nodes: nodes.map(({ emptySince: _beside, pods, ...node }) => ({ ...node, pods: packed(pods) })),
    waiting: packed(waiting),
  };
  const text = `{"kinds":[${[...places.keys()].join(',')}],${JSON.stringify(all).slice(1)}`;
  const characters = gzipSync(text).toString('base64');
  if (characters.length > charactersMax)
    throw new WorkloadTooLarge(
      `its pods take ${characters.length} characters, and ${charactersMax} can be kept: too many of them are different`,
    );
  return characters;
}

function unpack(characters: string, emptySince: NonNullable<Stored['emptySince']>): Workload {
  const { kinds, nodes, waiting, ...rest } = JSON.parse(
    gunzipSync(Buffer.from(characters, 'base64')).toString(),
  ) as Packed;
  const unpacked = (pods: Pods): readonly Pod[] =>
    Array.from({ length: pods.length / 2 }, (_, index) => {
      const kind = kinds[Number(pods[index * 2])];
      if (kind === undefined) throw new Error('a pod of no kind was stored');
      return { name: String(pods[index * 2 + 1]), ...kind };
    });
  return {
    ...rest,
    nodes: nodes.map((node) => {
      const since = emptySince[node.name];
      return { ...node, pods: unpacked(node.pods), ...(since !== undefined && { emptySince: since }) };
    }),
    waiting: unpacked(waiting),
  };
}
