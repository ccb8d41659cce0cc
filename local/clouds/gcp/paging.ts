import type { World } from '../world.ts';
import { invalidField } from './failure.ts';
import { parseFilter } from './filter.ts';
import { linkTo, singular } from './links.ts';
import type { Json } from './schema.ts';

/** https://cloud.google.com/compute/docs/reference/rest/v1/instances/list: at most 500 per page. */
const apiPageSizeMax = 500;

const listParameters = new Set([
  'filter',
  'maxResults',
  'orderBy',
  'pageToken',
  'returnPartialSuccess',
  'includeAllScopes',
  '$alt',
  'alt',
]);

interface Page {
  readonly items: readonly Json[];
  readonly nextPageToken?: string;
}

function page(world: World, resources: readonly Json[], query: URLSearchParams): Page {
  for (const name of query.keys())
    if (!listParameters.has(name)) throw invalidField(name, query.get(name), 'Unknown parameter.');
  if (query.get('orderBy') !== null && !['', 'name'].includes(query.get('orderBy') ?? ''))
    throw invalidField('orderBy', query.get('orderBy'), 'Only name is understood.');
  const asked = Number(query.get('maxResults') ?? apiPageSizeMax);
  if (!Number.isInteger(asked) || asked < 1 || asked > apiPageSizeMax)
    throw invalidField('maxResults', query.get('maxResults'), `Must be between 1 and ${apiPageSizeMax}.`);
  const size = world.pageSize(asked, apiPageSizeMax);
  const token = query.get('pageToken') ?? '';
  const start =
    token === ''
      ? 0
      : Number(
          Buffer.from(token, 'base64url')
            .toString('utf8')
            .replace(/^from:/, ''),
        );
  if (!Number.isInteger(start)) throw invalidField('pageToken', token, 'Invalid page token.');
  const matching = resources.filter(parseFilter(query.get('filter') ?? ''));
  const items = matching.slice(start, start + size);
  return start + size < matching.length
    ? { items, nextPageToken: Buffer.from(`from:${start + size}`).toString('base64url') }
    : { items };
}

export function listPage(
  world: World,
  options: {
    readonly path: string;
    readonly kind: string;
    /** What the list calls itself, where that does not follow from its kind. */
    readonly called?: string;
    readonly resources: readonly Json[];
  },
  query: URLSearchParams,
): Json {
  const { items, ...rest } = page(world, options.resources, query);
  return {
    kind: options.called ?? `compute#${singular(options.kind)}List`,
    id: options.path,
    // As on the real API: an empty list has no `items` at all.
    ...(items.length === 0 ? {} : { items }),
    ...rest,
    selfLink: linkTo(options.path),
  };
}

const nothing = (scope: string): Json => ({
  warning: {
    code: 'NO_RESULTS_ON_PAGE',
    message: `There are no results for scope '${scope}' on this page.`,
    data: [{ key: 'scope', value: scope }],
  },
});

/** Every scope has an entry on every page; those with nothing on this page carry a warning instead. */
export function aggregatedPage(
  world: World,
  options: {
    readonly path: string;
    readonly kind: string;
    readonly scopes: readonly string[];
    readonly resources: readonly { readonly scope: string; readonly resource: Json }[];
  },
  query: URLSearchParams,
): Json {
  const scopeOf = new Map(options.resources.map(({ scope, resource }) => [resource, scope]));
  const { items, ...rest } = page(
    world,
    options.resources.map(({ resource }) => resource),
    query,
  );
  return {
    kind: `compute#${singular(options.kind)}AggregatedList`,
    id: options.path,
    items: Object.fromEntries(
      options.scopes.map((scope) => {
        const here = items.filter((item) => scopeOf.get(item) === scope);
        return [scope, here.length === 0 ? nothing(scope) : { [options.kind]: here }];
      }),
    ),
    ...rest,
    selfLink: linkTo(options.path),
  };
}
