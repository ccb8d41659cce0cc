import type { Json } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds.ts';
import type { KubernetesObject } from '../model.ts';
import { served } from './event-versions.ts';
import type { Page } from './list-snapshots.ts';
import type { ApiRequest } from './request.ts';
import { tableOf } from './tables/table.ts';

/** How a client wants objects to be written. */
export interface Representation {
  one(object: KubernetesObject): Json;
  list(page: Page): Json;
  /** Of a watch; a table names its columns only in the first. */
  change(object: KubernetesObject, isFirst: boolean): Json;
}

const partial = ({ metadata }: KubernetesObject): Json => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
});

const listMeta = (page: Page): Json => ({
  resourceVersion: page.resourceVersion,
  ...(page.continue === undefined ? {} : { continue: page.continue }),
  ...(page.remainingItemCount === undefined ? {} : { remainingItemCount: page.remainingItemCount }),
});

/** The first form of the Accept header that is known: a table, metadata alone, or the object. */
export function representationOf(
  { accept, query }: Pick<ApiRequest, 'accept' | 'query'>,
  kind: Kind,
  now: number,
): Representation {
  const form = accept
    .split(',')
    .map((each) => /;\s*as=(\w+)/.exec(each)?.[1] ?? '')
    .find((each) => ['', 'Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'].includes(each));
  if (form === 'Table') {
    const include = query.get('includeObject') ?? 'Metadata';
    const rowObject = (object: KubernetesObject): Json | undefined => {
      if (include === 'None') return undefined;
      return include === 'Object' ? served(kind, object) : partial(object);
    };
    const table = (items: readonly KubernetesObject[], metadata: Json, withColumns: boolean): Json =>
      tableOf({ plural: kind.plural, items, metadata, withColumns, now, rowObject });
    const ownMeta = ({ metadata: { resourceVersion } }: KubernetesObject): Json =>
      resourceVersion === undefined ? {} : { resourceVersion };
    return {
      one: (object) => table([object], ownMeta(object), true),
      list: (page) => table(page.items, listMeta(page), true),
      change: (object, isFirst) => table([object], ownMeta(object), isFirst),
    };
  }
  const metadataOnly = form === 'PartialObjectMetadata' || form === 'PartialObjectMetadataList';
  const one = (object: KubernetesObject): Json => (metadataOnly ? partial(object) : served(kind, object));
  return {
    one,
    change: one,
    list: (page) => ({
      kind: metadataOnly ? 'PartialObjectMetadataList' : `${kind.kind}List`,
      apiVersion: metadataOnly ? 'meta.k8s.io/v1' : apiVersionOf(kind),
      metadata: listMeta(page),
      items: page.items.map(one),
    }),
  };
}
