import type { GenericOperation, World } from '../world.ts';
import { ApiError, invalid, items, required, scalars, whole, type Form, type Xml } from './wire.ts';
import type { Resource, State, Tags } from './state.ts';

/** One request, checked against its action's parameters. */
export interface Call {
  readonly form: Form;
  readonly region: string;
}

export interface Action {
  /** Every parameter it takes, numbers written as `N`; `!` marks what must be there; `.*` takes whatever follows. */
  readonly parameters: readonly string[];
  readonly operation: GenericOperation;
  run(call: Call): Readonly<Record<string, Xml>>;
}

/** What a list of one kind of resource can be asked for, and how each one is written. */
export interface Kind<T extends Resource> {
  /** As in TagSpecification: `vpc`, `security-group`. */
  readonly type: string;
  readonly idPrefix: string;
  readonly idParameter: string;
  /** `InvalidVpcID.NotFound`; the malformed code is its sibling. */
  readonly notFound: string;
  /** The answer's list: `vpcSet`. */
  readonly set: string;
  readonly resultsMax: number;
  readonly operation: GenericOperation;
  all(state: State): readonly T[];
  /** Filter names, without the tags', with what they compare. */
  readonly filters: Readonly<Record<string, (resource: T, state: State) => readonly (string | undefined)[]>>;
  render(resource: T, state: State): Xml;
}

/** Source: EC2 API Reference, DescribeInstances: "MaxResults: between 5 and 1000". */
const resultsMin = 5;
const filterValuesMax = 200;

const wildcard = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );

interface Filter {
  readonly name: string;
  matches(values: readonly (string | undefined)[]): boolean;
}

export function parseFilters(form: Form): Filter[] {
  return items(form, 'Filter').map((filter) => {
    const patterns = scalars(filter, 'Value').map(wildcard);
    if (patterns.length === 0) throw new ApiError('MissingParameter', 'The filter has no values');
    if (patterns.length > filterValuesMax)
      throw new ApiError('FilterLimitExceeded', `The maximum number of filter values is ${filterValuesMax}`);
    return {
      name: required(filter, 'Name'),
      matches: (values) =>
        values.some((value) => value !== undefined && patterns.some((pattern) => pattern.test(value))),
    };
  });
}

/** Values within a filter are alternatives; all filters must match. */
function matchesAll<T extends Resource>(
  kind: Kind<T>,
  resource: T,
  options: { filters: readonly Filter[]; tags: Tags; state: State },
): boolean {
  return options.filters.every((filter) => {
    if (filter.name === 'tag-key') return filter.matches(Object.keys(options.tags));
    if (filter.name.startsWith('tag:')) return filter.matches([options.tags[filter.name.slice(4)]]);
    const read = kind.filters[filter.name];
    if (read === undefined) throw invalid(`The filter '${filter.name}' is invalid`);
    return filter.matches(read(resource, options.state));
  });
}

const sibling = (notFound: string): string => notFound.replace(/NotFound$/, 'Malformed');

export function checkId(kind: { idPrefix: string; notFound: string }, id: string): void {
  if (!new RegExp(`^${kind.idPrefix}-[0-9a-f]{8,17}$`).test(id))
    throw new ApiError(sibling(kind.notFound), `Invalid id: "${id}" (expecting "${kind.idPrefix}-...")`);
}

export const notFound = (kind: { type: string; notFound: string }, id: string): ApiError =>
  new ApiError(kind.notFound, `The ${kind.type} ID '${id}' does not exist`);

/** The token says after which key to go on: lists stay whole while things come and go between pages. */
export function page<T>(
  form: Form,
  all: readonly T[],
  options: { keyOf: (row: T) => string; resultsMax: number; world: World },
): { rows: T[]; nextToken: string | undefined } {
  const asked = whole(form, 'MaxResults', { min: resultsMin, max: options.resultsMax });
  const token = form.get('NextToken');
  const after = token === undefined ? '' : Buffer.from(token, 'base64url').toString('utf8');
  if (token !== undefined && !after.startsWith('after '))
    throw new ApiError('InvalidNextToken', `The token '${token}' is invalid`);
  const rest = all
    .map((row) => ({ row, key: `after ${options.keyOf(row)}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .filter(({ key }) => key > after);
  const rows = rest.slice(0, options.world.pageSize(asked ?? options.resultsMax, options.resultsMax));
  const last = rows.at(-1);
  return {
    rows: rows.map(({ row }) => row),
    nextToken:
      last === undefined || rows.length === rest.length
        ? undefined
        : Buffer.from(last.key, 'utf8').toString('base64url'),
  };
}

export function describe<T extends Resource>(state: State, kind: Kind<T>): Action {
  return {
    parameters: [
      `${kind.idParameter}.N`,
      'Filter.N.Name',
      'Filter.N.Value.N',
      'MaxResults',
      'NextToken',
      'DryRun',
    ],
    operation: kind.operation,
    run({ form, region }) {
      const ids = scalars(form, kind.idParameter);
      if (ids.length > 0 && form.has('MaxResults'))
        throw new ApiError(
          'InvalidParameterCombination',
          `The parameter ${kind.idParameter} cannot be used with the parameter maxResults`,
        );
      const here = kind.all(state).filter((r) => r.region === region && state.visible(r));
      for (const id of ids) {
        checkId(kind, id);
        if (!here.some((resource) => resource.id === id)) throw notFound(kind, id);
      }
      const filters = parseFilters(form);
      // An unknown filter is refused also when there is nothing to compare it with.
      for (const { name } of filters)
        if (!name.startsWith('tag:') && name !== 'tag-key' && kind.filters[name] === undefined)
          throw invalid(`The filter '${name}' is invalid`);
      const found = here.filter(
        (resource) =>
          (ids.length === 0 || ids.includes(resource.id)) &&
          matchesAll(kind, resource, { filters, tags: state.tagsOf(resource.id), state }),
      );
      if (ids.length > 0) return { [kind.set]: found.map((resource) => kind.render(resource, state)) };
      const { rows, nextToken } = page(form, found, {
        keyOf: (r) => r.id,
        resultsMax: kind.resultsMax,
        world: state.world,
      });
      return { [kind.set]: rows.map((resource) => kind.render(resource, state)), nextToken };
    },
  };
}

export const tagSet = (tags: Tags): Xml => Object.entries(tags).map(([key, value]) => ({ key, value }));
