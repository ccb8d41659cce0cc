import { parseFilters, page, type Action } from './describe.ts';
import { ApiError, invalid, items, required, scalars, type Form } from './wire.ts';
import type { Resource, State, Tags } from './state.ts';

const keyLengthMax = 128;
const valueLengthMax = 256;
const tagsMax = 50;

export const tagSpecificationParameters = [
  'TagSpecification.N.ResourceType',
  'TagSpecification.N.Tag.N.Key',
  'TagSpecification.N.Tag.N.Value',
];

function parseTags(form: Form): Tags {
  const tags: Record<string, string> = {};
  for (const item of items(form, 'Tag')) {
    const key = required(item, 'Key');
    const value = item.get('Value') ?? '';
    if (key.startsWith('aws:') || key.length > keyLengthMax) throw invalid(`Tag key '${key}' is invalid`);
    if (value.length > valueLengthMax) throw invalid(`Tag value of '${key}' exceeds the maximum length`);
    if (key in tags) throw invalid(`Duplicate tag key '${key}' specified`);
    tags[key] = value;
  }
  if (Object.keys(tags).length > tagsMax)
    throw new ApiError('TagLimitExceeded', `The maximum number of tags is ${tagsMax}`);
  return tags;
}

/** The tags asked for by resource type; a type that this call does not create is refused. */
export function tagSpecifications(form: Form, allowed: readonly string[]): (type: string) => Tags {
  const byType = new Map<string, Tags>();
  for (const specification of items(form, 'TagSpecification')) {
    const type = required(specification, 'ResourceType');
    if (!allowed.includes(type))
      throw invalid(`'${type}' is not a valid taggable resource type for this operation.`);
    if (byType.has(type))
      throw invalid(`Tag specification resource type '${type}' is specified more than once`);
    byType.set(type, parseTags(specification));
  }
  return (type) => byType.get(type) ?? {};
}

interface Taggable {
  readonly type: string;
  readonly all: readonly Resource[];
}

const taggable = (state: State): Taggable[] => [
  { type: 'vpc', all: state.vpcs.values() },
  { type: 'subnet', all: state.subnets.values() },
  { type: 'internet-gateway', all: state.gateways.values() },
  { type: 'route-table', all: state.routeTables.values() },
  { type: 'security-group', all: state.securityGroups.values() },
  { type: 'instance', all: state.instances.values().filter((instance) => state.isListed(instance)) },
  { type: 'volume', all: state.volumes.values() },
  { type: 'network-interface', all: state.interfaces.values() },
];

export function tagActions(state: State): Record<string, Action> {
  const owned = (region: string, ids: readonly string[]): void => {
    const known = new Set(
      taggable(state).flatMap(({ all }) => all.filter((r) => r.region === region).map((r) => r.id)),
    );
    if (ids.length === 0)
      throw new ApiError('MissingParameter', 'The request must contain the parameter resourceIdSet');
    const missing = ids.find((id) => !known.has(id));
    if (missing !== undefined) throw new ApiError('InvalidID', `The ID '${missing}' is not valid`);
  };
  return {
    CreateTags: {
      parameters: ['ResourceId.N', 'Tag.N.Key', 'Tag.N.Value', 'DryRun'],
      operation: 'other',
      run({ form, region }) {
        const ids = scalars(form, 'ResourceId');
        owned(region, ids);
        const tags = parseTags(form);
        for (const id of ids) state.tag(id, tags);
        return { return: true };
      },
    },
    DeleteTags: {
      parameters: ['ResourceId.N', 'Tag.N.Key', 'Tag.N.Value', 'DryRun'],
      operation: 'other',
      run({ form, region }) {
        const ids = scalars(form, 'ResourceId');
        owned(region, ids);
        // Without tags all go; with a value only where it is this one.
        const asked = items(form, 'Tag').map((tag) => ({ key: tag.get('Key'), value: tag.get('Value') }));
        for (const id of ids)
          state.untag(
            id,
            (key, value) =>
              asked.length > 0 &&
              !asked.some((tag) => tag.key === key && (tag.value === undefined || tag.value === value)),
          );
        return { return: true };
      },
    },
    DescribeTags: {
      parameters: ['Filter.N.Name', 'Filter.N.Value.N', 'MaxResults', 'NextToken', 'DryRun'],
      operation: 'readNetwork',
      run({ form, region }) {
        const filters = parseFilters(form);
        const rows = taggable(state)
          .flatMap(({ type, all }) =>
            all
              .filter((resource) => resource.region === region && state.visible(resource))
              .flatMap((resource) =>
                Object.entries(state.tagsOf(resource.id)).map(([key, value]) => ({
                  resourceId: resource.id,
                  resourceType: type,
                  key,
                  value,
                })),
              ),
          )
          .filter((row) =>
            filters.every((filter) => {
              switch (filter.name) {
                case 'key':
                  return filter.matches([row.key]);
                case 'value':
                  return filter.matches([row.value]);
                case 'resource-id':
                  return filter.matches([row.resourceId]);
                case 'resource-type':
                  return filter.matches([row.resourceType]);
                default:
                  if (filter.name === `tag:${row.key}`) return filter.matches([row.value]);
                  if (filter.name.startsWith('tag:')) return false;
                  throw invalid(`The filter '${filter.name}' is invalid`);
              }
            }),
          );
        const { rows: tagSet, nextToken } = page(form, rows, {
          keyOf: (row) => `${row.resourceId} ${row.key}`,
          resultsMax: 1000,
          world: state.world,
        });
        return { tagSet, nextToken };
      },
    },
  };
}
